"""Step 4: who does what, in which order."""

from collections.abc import Sequence

from engine.agents.loop import Assignment, work
from engine.agents.repository_roster import roster_at
from engine.errors import NeedsPerson
from engine.events import Planned
from engine.plans import MOST_CHARACTERS, AgentKind, validate
from engine.prompts import render
from engine.runs.context import Context
from engine.schemas import Plan


async def run(context: Context) -> Planned:
    """Plan the work of the newest draft.

    Raises:
        NeedsPerson: see `engine.agents.loop.work`.
    """
    snapshot = context.snapshot
    if snapshot.draft is None:
        raise NeedsPerson("There is no specification to plan for yet. Start the request anew.")
    context.tell("Planning the work")
    agents = (await roster_at(context.workspace, snapshot.base_commit)).agents
    # Who searches the web is told people's words alone, and who drafts is asked later: neither gets a task.
    agents = {n: agent for n, agent in agents.items() if not (agent.drafts or agent.searches_web)}
    kinds = {name: AgentKind(writes=agent.writes, reviews=agent.reviews) for name, agent in agents.items()}
    cap = context.settings.caps.plan_tasks

    async def check(plan: Plan) -> Sequence[str]:
        return validate(plan, kinds, cap)

    prompt = render(
        "plan.user",
        snapshot=snapshot,
        draft=snapshot.draft,
        agents=[agent for agent in agents.values() if not agent.reviews],
        most_tasks=cap,
        most_characters=MOST_CHARACTERS,
    )
    plan = await work(
        context,
        Assignment(
            role="plan",
            tier=context.settings.roles.plan,
            system=render("plan.system"),
            prompt=prompt,
            schema=Plan,
            check=check,
        ),
    )
    return Planned(plan=plan)
