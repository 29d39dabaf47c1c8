"""Step 1: is the request specific, vague, or is there something to find out first?"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.agents.loop import Assignment, work
from engine.agents.repository_roster import roster_at
from engine.agents.roster import Agent
from engine.agents.toolboxes import LOOKING, reader
from engine.decide import investigating
from engine.events import Assessed
from engine.prompts import render
from engine.runs.context import Context
from engine.runs.existing import existing_work
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
    roster = await roster_at(context.workspace, commit)
    lookers = [agent for agent in roster.agents.values() if _may_look(agent, context)]
    stage = Stage(
        may_look=investigating.may_begin(snapshot),
        to_find_out=tuple(question.header for question in investigating.pending(snapshot)),
        lookers=tuple(agent.name for agent in lookers),
        looked=bool(snapshot.investigations),
    )

    async def check(assessment: Assessment) -> Sequence[str]:
        return wrong(assessment, stage)

    prompt = render(
        "assess.user",
        snapshot=snapshot,
        thread=await discussion(context),
        repository=await view(context.workspace, commit),
        checks=context.repository.checks,
        stage=stage,
        lookers=lookers,
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
    found = await existing_work(context, assessment, commit)
    if found.base:
        roster = await roster_at(context.workspace, found.base)
    return Assessed(
        assessment=assessment,
        base_commit=found.base or commit,
        existing=found.work,
        branches=found.others,
        unclear=found.unclear,
        ticket_wanted=found.ticket_wanted,
        tickets=found.tickets,
        seats=roster.seats,
        left_out=roster.left_out,
    )


@dataclass(frozen=True)
class Stage:
    """Where the request stands.

    Attributes:
        may_look: Whether an investigation may be started.
        to_find_out: Headers of the questions that people answered "find out".
        lookers: Names of the agents that can be sent.
        looked: Whether an investigation was made.
    """

    may_look: bool
    to_find_out: tuple[str, ...]
    lookers: tuple[str, ...]
    looked: bool


def _may_look(agent: Agent, context: Context) -> bool:
    return agent.looks and (context.settings.web.enabled or not agent.searches_web)


def wrong(assessment: Assessment, stage: Stage) -> tuple[str, ...]:
    """What does not fit together, in sentences for the model."""
    if assessment.contradictions and not stage.looked:
        return ("Contradictions are listed, but there are no reports that could contradict each other.",)
    if stage.to_find_out and assessment.verdict is not Verdict.INVESTIGATE:
        asked = ", ".join(stage.to_find_out)
        return (f"People asked to find out: {asked}. The verdict is investigate, with looks that do.",)
    match assessment.verdict:
        case Verdict.VAGUE if not assessment.gaps:
            return ("The verdict is vague, but no gap is listed: list what is open, or call it specific.",)
        case Verdict.SPECIFIC if assessment.gaps:
            return ("The verdict is specific, but gaps are listed: a specific request has none.",)
        case Verdict.INVESTIGATE if not stage.may_look:
            return ("An investigation was already made: the verdict is specific, vague or escalate.",)
        case Verdict.INVESTIGATE if not assessment.investigate:
            return ("The verdict is investigate, but nothing is listed to find out.",)
        case Verdict.INVESTIGATE:
            return _unknown(assessment, stage)
        case Verdict.ESCALATE if assessment.dilemma is None:
            return ("The verdict is escalate, but no dilemma is given: say what a person has to decide.",)
    return ()


def _unknown(assessment: Assessment, stage: Stage) -> tuple[str, ...]:
    names = dict.fromkeys(look.agent for look in assessment.investigate if look.agent not in stage.lookers)
    known = ", ".join(stage.lookers)
    return tuple(
        f"There is no agent {name!r} that can be sent to look; there are: {known}." for name in names
    )
