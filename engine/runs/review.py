"""Step 6, by judgement: a reviewer looks at exactly one commit, through git objects alone.

Nothing here tells who wrote the commit, what its message or branch is called, or what was reported: for the
same commit and spec, prompts and tool results are the same bytes.
"""

from collections.abc import Sequence

from engine import findings
from engine.agents.loop import Assignment, work
from engine.agents.repository_roster import roster_at
from engine.agents.roster import Agent
from engine.agents.toolboxes import reader
from engine.errors import AnswerUnusable, TurnLimit
from engine.events import Reviewed, Ruled
from engine.gate import quotes
from engine.prompts import render
from engine.request import SpecVersion
from engine.runs import dispute
from engine.runs.context import Context
from engine.runs.existing import as_judged
from engine.runs.material import approved_spec, rounds_in_all, texts_at, view
from engine.schemas import Review


async def run(context: Context) -> Reviewed | Ruled:
    """Have the reviewer that the run is about review the commit of the newest round.

    A review that stays unusable is a result: it does not count, and blocks.

    Raises:
        CapReached, Transient, ModelRefused, ScriptEnded: see `engine.agents.calls.ask_model`.
    """
    if context.run.about.startswith(findings.DISPUTE):
        return await dispute.run(context)
    name, spec = context.run.about, approved_spec(context.snapshot)
    agent = (await roster_at(context.workspace, spec.base_commit)).agents.get(name)
    if agent is None or not agent.reviews:
        return Reviewed(reviewer=name, review=None, invalid=f"there is no reviewer called {name}")
    current = context.snapshot.round
    commit = current.commit if current else context.snapshot.head or spec.base_commit

    async def check(review: Review) -> Sequence[str]:
        return await _misquoted(context, spec, review, commit)

    assignment = Assignment(
        role=f"review:{name}",
        tier=agent.tier,
        system=render("review.system", agent=agent),
        prompt=await _prompt(context, agent, commit),
        schema=Review,
        check=check,
        toolbox=reader(agent.tools, context.workspace, spec.base_commit, commit),
        turns=context.settings.caps.task_turns,
    )
    try:
        return Reviewed(reviewer=name, review=await work(context, assignment))
    except (AnswerUnusable, TurnLimit) as error:
        return Reviewed(reviewer=name, review=None, invalid=error.sentence)


async def _prompt(context: Context, agent: Agent, commit: str) -> str:
    snapshot, spec = context.snapshot, approved_spec(context.snapshot)
    number = snapshot.round.number if snapshot.round else 1
    return render(
        "review.user",
        snapshot=as_judged(snapshot),
        agent=agent,
        commit=commit,
        round=number,
        rounds=rounds_in_all(context, number),
        draft=spec.draft,
        changes=await context.workspace.changes(spec.base_commit, commit),
        diff=await context.workspace.diff(spec.base_commit, commit),
        repository=await view(context.workspace, spec.base_commit),
    )


async def _misquoted(context: Context, spec: SpecVersion, review: Review, commit: str) -> Sequence[str]:
    """Why the review does not count: what it quotes is looked up in git objects."""
    paths = [finding.path for finding in review.findings]
    now = await texts_at(context.workspace, commit, paths)
    before = await texts_at(context.workspace, spec.base_commit, paths)
    criteria = [criterion.id for criterion in spec.draft.criteria]
    return quotes(review, commit=commit, text=now.get, criteria=criteria, before=before.get)
