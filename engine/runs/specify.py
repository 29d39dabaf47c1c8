"""Step 3: the specification, refused and repaired until it can be checked."""

import asyncio
import importlib.metadata
from collections.abc import Mapping, Sequence
from functools import cache

from engine import sections
from engine.agents.loop import Assignment, work
from engine.agents.repository_roster import roster_at
from engine.agents.roster import Agent
from engine.agents.toolboxes import LOOKING, reader
from engine.events import Specified
from engine.existing import without
from engine.lint import SLUG, Base, lint
from engine.prompts import render
from engine.request import Note, Round, Snapshot, SpecFate, branch_ending
from engine.runs import existing
from engine.runs.context import Context
from engine.runs.material import discussion, texts_at, view
from engine.runs.patience import patiently
from engine.schemas import SpecDraft


async def run(context: Context) -> Specified:
    """Write the next version of the specification.

    Raises:
        NeedsPerson: see `engine.agents.loop.work`.
    """
    work_there = context.snapshot.existing
    branch = work_there.branch if work_there else ""
    snapshot = existing.unnamed(context.snapshot, branch) if branch else context.snapshot
    commit = work_there.head if work_there else snapshot.base_commit
    reviewers = [agent for agent in (await _agents(context)).values() if agent.reviews]
    context.tell("Writing the specification")

    async def check(draft: SpecDraft) -> Sequence[str]:
        draft = taken_over(draft, snapshot)
        return (
            *misread(draft, snapshot),
            *await _linted(context, draft),
            *missing_assumptions(draft, snapshot.rounds),
        )

    prompt = render(
        "specify.user",
        snapshot=snapshot,
        thread=without(branch, await discussion(context)),
        repository=await view(context.workspace, snapshot.base_commit),
        existing=work_there,
        diff=await context.workspace.diff(snapshot.base_commit, commit) if work_there else "",
        paths=await _paths(context),
        reviewers=reviewers,
        checks=context.repository.checks,
        assessment=snapshot.assessment,
        previous=snapshot.spec,
        number=len(snapshot.every_version) + 1,
    )
    kept = await _own_branch(context)
    draft = await work(
        context,
        Assignment(
            role="specify",
            tier=context.settings.roles.specify,
            system=render("specify.system"),
            prompt=prompt,
            schema=SpecDraft,
            check=check,
            toolbox=reader(LOOKING, context.workspace, snapshot.base_commit, commit),
            turns=16,
            max_tokens=12_000,
        ),
    )
    draft = taken_over(draft, snapshot)
    return Specified(draft=draft.model_copy(update={"branch": kept}) if kept else draft)


async def _own_branch(context: Context) -> str:
    """The slug of the branch that a request has which a state put back from a backup knows nothing of.

    Of several that could be it, the one whose commit was made here; empty if that is none or not one alone.
    """
    if context.snapshot.specs:
        return ""
    prefix, ending = context.repository.branch_prefix, branch_ending(context.snapshot.id)

    async def look() -> list[str]:
        names = await context.workspace.ours(ending)
        fitting = [name for name in names if SLUG.fullmatch(name[len(prefix) : -len(ending)])]
        if len(fitting) > 1:
            fitting = [name for name in fitting if await context.workspace.made_here(name)]
        return [name[len(prefix) : -len(ending)] for name in fitting]

    there = await patiently(context, "own branch", look)
    return there[0] if len(there) == 1 else ""


async def _linted(context: Context, draft: SpecDraft) -> tuple[str, ...]:
    """The lint's sentences, with the texts of the base that the criteria speak of."""
    base = context.snapshot.base_commit
    named = [criterion.path for criterion in draft.criteria if criterion.path]
    texts = await texts_at(context.workspace, base, named)
    reviewers = (name for name, agent in (await _agents(context)).items() if agent.reviews)
    facts = Base(
        files=frozenset(entry.path for entry in await context.workspace.files(base)),
        text=texts.get,
        checks=context.repository.checks,
        reviewers=tuple(dict.fromkeys((*context.snapshot.reviewers, *reviewers))),
        packages=await asyncio.to_thread(_installed),
        locks=context.dependencies.locks,
        prepared=context.dependencies.outputs,
    )
    problems = lint(draft, facts)
    return (
        (*problems, *existing.wrong(draft, await _paths(context))) if context.snapshot.existing else problems
    )


@cache
def _installed() -> frozenset[str]:
    """Modules of the tools that checks find on this machine, ours aside: no repository imports those."""
    found = importlib.metadata.packages_distributions()
    return frozenset(name for name, owners in found.items() if set(owners) != {"greenlight"})


async def _agents(context: Context) -> Mapping[str, Agent]:
    return (await roster_at(context.workspace, context.snapshot.base_commit)).agents


async def _paths(context: Context) -> tuple[str, ...]:
    """The files of existing work that the spec has to name."""
    snapshot = context.snapshot
    if snapshot.existing is None:
        return ()
    files = [entry.path for entry in await context.workspace.files(snapshot.base_commit)]
    commands = [check.argv for check in context.repository.checks.values()]
    return existing.may_change(snapshot.existing, files, commands)


def taken_over(draft: SpecDraft, snapshot: Snapshot) -> SpecDraft:
    """The draft with the section that a person edited for this version as they left it."""
    edit, spec = _edit(snapshot), snapshot.spec
    return sections.taken_over(draft, spec.draft, edit.section, edit.lines) if edit and spec else draft


def misread(draft: SpecDraft, snapshot: Snapshot) -> tuple[str, ...]:
    """Where the draft does not say what a person wrote for this version."""
    edit, spec = _edit(snapshot), snapshot.spec
    return sections.misread(draft, spec.draft, edit.section, edit.lines) if edit and spec else ()


def _edit(snapshot: Snapshot) -> Note | None:
    """The edit that asks for this version. One that an approved version took over binds no later one."""
    note, spec = snapshot.notes[-1] if snapshot.notes else None, snapshot.spec
    asks = spec is not None and spec.fate is SpecFate.SUPERSEDED
    return note if note and note.section and asks else None


def missing_assumptions(draft: SpecDraft, rounds: Sequence[Round]) -> tuple[str, ...]:
    """Questions answered "You decide" whose assumption the draft does not show."""
    shown = [line.casefold().strip() for line in draft.assumptions]
    left_to_us = [
        question.header
        for round in rounds
        for question, given in zip(round.questions, round.given, strict=True)
        if given is not None and given.you_decide
    ]
    return tuple(
        f"“{header}” was answered “You decide”: put what you assume among the assumptions, "
        f"in a line that begins with “{header}: ”."
        for header in left_to_us
        if not any(line.startswith(f"{header.casefold().strip()}:") for line in shown)
    )
