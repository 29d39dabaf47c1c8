"""Step 1: is the request specific, vague, or is there something to find out first?"""

from collections.abc import Sequence

from engine.agents.loop import Assignment, work
from engine.agents.repository_roster import roster_at
from engine.agents.toolboxes import LOOKING, reader
from engine.events import Assessed
from engine.prompts import render
from engine.runs.context import Context
from engine.runs.material import discussion, view
from engine.runs.patience import patiently
from engine.schemas import Assessment, Verdict


async def run(context: Context) -> Assessed:
    """Assess the request over the base branch as it is now.

    Raises:
        RepositoryUnusable: the repository or its base branch is missing.
        NeedsPerson: see `engine.agents.loop.work`.
    """
    context.tell("Reading the request and the repository")
    commit = await patiently(context, "refresh", context.workspace.refresh)
    snapshot = context.snapshot
    looked = any(task.id == "look" for task in snapshot.tasks)

    async def check(assessment: Assessment) -> Sequence[str]:
        return wrong(assessment, looked=looked)

    prompt = render(
        "assess.user",
        snapshot=snapshot,
        thread=await discussion(context),
        repository=await view(context.workspace, commit),
        checks=context.repository.checks,
        looked=looked,
        most_rounds=context.settings.caps.question_rounds,
    )
    assessment = await work(
        context,
        Assignment(
            role="assess",
            tier=context.settings.roles.assess,
            system=render("assess.system"),
            prompt=prompt,
            schema=Assessment,
            check=check,
            toolbox=reader(LOOKING, context.workspace, commit, commit),
        ),
    )
    roster = await roster_at(context.workspace, commit)
    return Assessed(assessment=assessment, base_commit=commit, seats=roster.seats, left_out=roster.left_out)


def wrong(assessment: Assessment, *, looked: bool) -> tuple[str, ...]:
    """What does not fit together, in sentences for the model."""
    match assessment.verdict:
        case Verdict.VAGUE if not assessment.gaps:
            return ("The verdict is vague, but no gap is listed: list what is open, or call it specific.",)
        case Verdict.SPECIFIC if assessment.gaps:
            return ("The verdict is specific, but gaps are listed: a specific request has none.",)
        case Verdict.INVESTIGATE if looked:
            return ("An investigation was already made: decide between specific and vague.",)
        case Verdict.INVESTIGATE if not assessment.investigate:
            return ("The verdict is investigate, but nothing is listed to find out.",)
    return ()
