"""One disputed finding, looked at anew: a fresh reviewer sees the code, the finding and the reason.

The reason is untrusted: it can point at code, and at nothing else. Only a withdrawal whose deciding line
really stands in the reviewed commit counts; whatever else comes back leaves the finding as it is.
"""

from collections.abc import Sequence

from engine import findings
from engine.agents.loop import Assignment, work
from engine.agents.repository_roster import roster_at
from engine.agents.roster import Agent
from engine.agents.toolboxes import reader
from engine.errors import AnswerUnusable, TurnLimit
from engine.events import Ruled
from engine.findings import Numbered
from engine.gate import misquoted
from engine.prompts import render
from engine.request import Dispute, ReviewRound
from engine.runs.context import Context
from engine.runs.existing import as_judged
from engine.runs.material import approved_spec, text_at, view
from engine.schemas import Ruling


async def run(context: Context) -> Ruled:
    """Have the finding that the run is about upheld or withdrawn.

    Raises:
        CapReached, Transient, ModelRefused, ScriptEnded: see `engine.agents.calls.ask_model`.
    """
    id = context.run.about.removeprefix(findings.DISPUTE)
    spec, current = approved_spec(context.snapshot), context.snapshot.round
    numbered = findings.numbered(current) if current else ()
    found = next((one for one in numbered if one.id == id), None)
    open_ = [d for d in found.disputes if d.ruling is None and not d.invalid] if found else []
    agents = (await roster_at(context.workspace, spec.base_commit)).agents
    agent = agents.get(found.reviewer) if found else None
    if current is None or found is None or agent is None or not open_:
        return Ruled(finding=id, ruling=None, invalid="there is no such finding to look at")

    async def check(ruling: Ruling) -> Sequence[str]:
        return await wrong(context, ruling, current, found)

    assignment = Assignment(
        role=f"review:{agent.name}",
        tier=agent.tier,
        system=render("dispute.system", agent=agent),
        prompt=await _prompt(context, agent, current, found, open_[-1]),
        schema=Ruling,
        check=check,
        toolbox=reader(agent.tools, context.workspace, spec.base_commit, current.commit),
        turns=context.settings.caps.task_turns,
    )
    try:
        return Ruled(finding=id, ruling=await work(context, assignment))
    except (AnswerUnusable, TurnLimit) as error:
        return Ruled(finding=id, ruling=None, invalid=error.sentence)


async def _prompt(
    context: Context, agent: Agent, current: ReviewRound, found: Numbered, dispute: Dispute
) -> str:
    spec = approved_spec(context.snapshot)
    return render(
        "dispute.user",
        snapshot=as_judged(context.snapshot),
        agent=agent,
        commit=current.commit,
        draft=spec.draft,
        finding=found.finding,
        judged=judged(context, found),
        reason=dispute.reason,
        diff=await context.workspace.diff(spec.base_commit, current.commit),
        repository=await view(context.workspace, spec.base_commit),
    )


def judged(context: Context, found: Numbered) -> bool:
    """Whether the finding's own criterion is one that its reviewer judges."""
    criteria = approved_spec(context.snapshot).draft.criteria
    return any(c.id == found.finding.criterion and c.reviewer == found.reviewer for c in criteria)


async def wrong(context: Context, ruling: Ruling, current: ReviewRound, found: Numbered) -> Sequence[str]:
    """Why a ruling does not count, in sentences for the reviewer; empty if it does."""
    problems = []
    if ruling.commit != current.commit:
        problems.append(f"The ruling is about commit {ruling.commit}, but {current.commit} was reviewed.")
    if ruling.judgement is not None and not judged(context, found):
        problems.append("The finding is about no criterion that you judge: judgement is null.")
    body = await text_at(context.workspace, current.commit, ruling.path)
    place = f"{ruling.path}:{ruling.line}"
    problems += [f"{place}: {why}" for why in misquoted(ruling.line, ruling.quote, body)]
    return problems
