"""Work that stands on a branch of the remote: found by what people said, never by a guess."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile, islice

from engine import existing
from engine.events import BranchLine, Existing
from engine.leaks import cleaned
from engine.lint import MOST_ARTIFACTS
from engine.paths import artifact_problems
from engine.ports import Branch
from engine.request import Snapshot
from engine.runs.context import Context
from engine.runs.material import discussion, of_members
from engine.runs.patience import patiently
from engine.schemas import Assessment, SpecDraft

_SUBJECTS = 30


@dataclass(frozen=True)
class Found:
    """What the remote holds of the work that a request is about; empty if it is about none.

    Attributes:
        base: The commit at which the branch left the base branch.
        others: The branches it could be, where people named none.
        unclear: Why the one they named cannot be taken, in a sentence.
        ticket_wanted: Whether there is a ticket to ask for: which one it is, is not clear.
        tickets: Those that it could be.
    """

    work: Existing | None = None
    base: str = ""
    others: tuple[BranchLine, ...] = ()
    unclear: str = ""
    ticket_wanted: bool = False
    tickets: tuple[str, ...] = ()


async def existing_work(context: Context, assessment: Assessment, base: str) -> Found:
    """Look the branch up that people named or chose.

    Args:
        context: The run's.
        assessment: Its `existing_branch` counts only if the name stands in people's words.
        base: Head of the base branch.

    Raises:
        Unreachable: the remote stayed away.
    """
    rounds = context.snapshot.rounds
    if not assessment.existing_work or existing.declined(rounds):
        return Found()
    words = await _said(context)
    name = existing.chosen(rounds) or (assessment.existing_branch or "").strip()
    if not existing.named(name, words):
        name = ""
    branch = await _branch(context, name) if name else None
    if branch is not None and branch.fork and branch.ahead:
        return await _found(context, branch, words, base)
    return Found(others=await _others(context), unclear=_unclear(name, branch, context.repository.base))


def unnamed(snapshot: Snapshot, branch: str) -> Snapshot:
    """The request as those see it who judge its commit: without the branch's name."""
    return snapshot.model_copy(
        update={
            "text": existing.without(branch, snapshot.text),
            "notes": tuple(
                note.model_copy(update={"text": existing.without(branch, note.text)})
                for note in snapshot.notes
            ),
            "rounds": tuple(round for round in snapshot.rounds if not round.about),
        }
    )


def as_judged(snapshot: Snapshot) -> Snapshot:
    """The request as reviewers see it."""
    work = snapshot.spec.existing if snapshot.spec else None
    return unnamed(snapshot, work.branch) if work else snapshot


def may_change(work: Existing, files: Sequence[str], commands: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Those of the work's files that a spec can hold; the rest a person has to decide on.

    Args:
        work: The work.
        files: Every path of the base commit.
        commands: The argv of each configured check.
    """
    return tuple(path for path in work.changed if not artifact_problems([path], files, commands))


def wrong(draft: SpecDraft, paths: Sequence[str]) -> tuple[str, ...]:
    """Why a draft does not fit work that exists: its artifacts are exactly the files that changed."""
    if len(paths) > MOST_ARTIFACTS:
        return (
            f"The branch changes {len(paths)} files; a spec holds at most {MOST_ARTIFACTS}. "
            "The work has to be split.",
        )
    missing = [path for path in paths if path not in draft.artifacts]
    foreign = [path for path in draft.artifacts if path not in paths]
    problems = []
    if missing:
        problems.append(f"The branch also changes {', '.join(missing)}: add it to the artifacts.")
    if foreign:
        problems.append(f"The branch does not change {', '.join(foreign)}: leave it out of the artifacts.")
    return tuple(problems)


async def _said(context: Context) -> str:
    snapshot = context.snapshot
    answers = [
        text
        for round in snapshot.rounds
        for given in round.given
        if given is not None
        for text in (*given.labels, given.text)
    ]
    notes = [note.text for note in snapshot.notes if not note.picked]
    return "\n".join([snapshot.text, *notes, *answers, await discussion(context)])


async def _branch(context: Context, name: str) -> Branch | None:
    async def look() -> Branch | None:
        return await context.workspace.branch_head(name)

    context.tell(f"Looking at the branch {name}")
    return await patiently(context, "branch", look)


async def _found(context: Context, branch: Branch, words: str, base: str) -> Found:
    changes = await context.workspace.changes(branch.fork, branch.head)
    told = await _ticket_told(context, branch.name)
    subjects = [entry.subject for entry in await context.workspace.history(base, limit=_SUBJECTS)]
    known = existing.prefixes(subjects)
    ticket = existing.ticket(words, branch.name, known) if told is None else told
    unclear = told is None and not ticket
    tickets = existing.ticket_candidates(words, branch.name, known) if unclear else ()
    return Found(
        work=Existing(
            branch=branch.name,
            head=branch.head,
            changed=tuple(change.path for change in changes),
            ticket=ticket,
        ),
        base=branch.fork,
        ticket_wanted=unclear and bool(known or tickets),
        tickets=tickets,
    )


async def _ticket_told(context: Context, branch: str) -> str | None:
    """The key that people told when they were asked; "" for none, None if they told none or did not say."""
    snapshot = context.snapshot
    told = existing.ticket_told(snapshot.rounds)
    if told is not None or not existing.ticket_in_thread(snapshot.rounds):
        return told

    async def read() -> str | None:
        messages = await context.chat.history(snapshot.id)
        below = islice(dropwhile(lambda message: message.ts != snapshot.ts, messages), 1, None)
        people = await of_members(context, list(below))
        return existing.ticket_written([existing.without(branch, one.text) for one in people])

    return await patiently(context, "ticket", read)


async def _others(context: Context) -> tuple[BranchLine, ...]:
    async def look() -> list[Branch]:
        return [cleaned(one) for one in await context.workspace.branches()]  # the step keeps them

    found = await patiently(context, "branches", look)
    return tuple(BranchLine(name=one.name, ahead=one.ahead, subject=one.subject, at=one.at) for one in found)


def _unclear(name: str, branch: Branch | None, base: str) -> str:
    if not name:
        return ""
    if branch is None:
        return f"The remote has no branch {name}."
    if not branch.fork:
        return f"The branch {name} shares no history with {base}, so there is nothing to compare it with."
    return f"The branch {name} holds nothing that {base} does not have already."
