"""What several runs give to a model: the repository as it is, the discussion, what was asked and answered."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from engine.errors import NeedsPerson, Rejected
from engine.leaks import redacted
from engine.people import Person
from engine.ports import ThreadMessage, Workspace
from engine.prompts import cut
from engine.request import Snapshot, SpecVersion
from engine.runs.context import Context
from engine.schemas import MessageKind
from engine.store import Receipt

RULES = ("CLAUDE.md", "AGENTS.md")
MOST_FILES = 500
LONGEST_RULES = 12_000
LONGEST_THREAD = 16_000


@dataclass(frozen=True)
class RepositoryView:
    """A repository at a commit, as prompts show it.

    Attributes:
        files: Paths, a line each, bounded.
        rules: Name and text of its CLAUDE.md and AGENTS.md, each bounded; once if they are the same.
    """

    commit: str
    files: str
    rules: tuple[tuple[str, str], ...]


async def view(workspace: Workspace, commit: str) -> RepositoryView:
    """The repository at a commit, from git objects."""
    paths = [entry.path for entry in await workspace.files(commit)]
    listed = paths[:MOST_FILES]
    if len(paths) > MOST_FILES:
        listed.append(f"… and {len(paths) - MOST_FILES} more")
    texts = await texts_at(workspace, commit, RULES)
    said = {text.strip(): name for name, text in reversed(texts.items()) if text.strip()}
    clean = {await asyncio.to_thread(redacted, text): name for text, name in said.items()}
    rules = tuple((name, cut(text, LONGEST_RULES)) for text, name in reversed(clean.items()))
    return RepositoryView(commit=commit, files="\n".join(listed), rules=rules)


async def text_at(workspace: Workspace, commit: str, path: str) -> str | None:
    """A file's text at a commit; None if there is no such file, or it is not text or too large to read."""
    try:
        return await whole_text_at(workspace, commit, path)
    except Rejected:
        return None


async def whole_text_at(workspace: Workspace, commit: str, path: str) -> str | None:
    """A file's text at a commit; None if there is no such file, or it is not text.

    Raises:
        Rejected: it is too large to read.
    """
    content = await workspace.read(commit, path)
    if content is None or b"\0" in content[:8_000]:
        return None
    try:
        # In a thread: large files would hold up all that waits for the loop.
        return await asyncio.to_thread(content.decode)
    except UnicodeDecodeError:
        return None


async def texts_at(workspace: Workspace, commit: str, paths: Sequence[str]) -> dict[str, str]:
    """The texts of those paths that are text files at a commit."""
    unique = list(dict.fromkeys(paths))
    texts = await asyncio.gather(*(text_at(workspace, commit, path) for path in unique))
    return {path: text for path, text in zip(unique, texts, strict=True) if text is not None}


async def discussion(context: Context) -> str:
    """The thread above the mention, as it was when first read; empty if the mention began the thread."""
    if not context.snapshot.in_discussion:
        return ""

    async def read() -> str:
        messages = await context.chat.history(context.snapshot.id)
        above = takewhile(lambda message: message.ts != context.snapshot.ts, messages)
        return _told(context.snapshot, await of_members(context, list(above)))

    return await kept(context, "thread", read)


async def of_members(context: Context, messages: Sequence[ThreadMessage]) -> list[ThreadMessage]:
    """The messages of people who may act here; words of bots, guests and outsiders reach no model.

    Raises:
        Transient: who somebody is cannot be told now.
    """
    counts: dict[Person, bool] = {}
    for author in {message.author for message in messages if message.author and not message.by_bot}:
        profile = await context.chat.person(author)
        profile = profile if profile.known else await context.chat.person_now(author)
        counts[author] = author.team == context.snapshot.team and profile.may_act
    return [one for one in messages if one.author and not one.by_bot and counts[one.author]]


async def kept(context: Context, name: str, make: Callable[[], Awaitable[str]]) -> str:
    """A text from outside, read once in a step: the step returns the id under which it is stored."""
    id = f"{context.run.id}/{name}"

    async def once() -> str:
        text = await make()
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        await context.store.keep_receipt(
            Receipt(
                id=id,
                request=context.snapshot.id,
                run=context.run.id,
                tool=name,
                subject=name,
                exit_code=None,
                output=text,
                digest=digest,
            )
        )
        return id

    receipt = await context.store.receipt(await context.step(name, once))
    return receipt.output if receipt else ""


def told_in_thread(snapshot: Snapshot) -> tuple[list[str], list[str]]:
    """What people said during the work that a hand-over holds, and criteria they pointed at.

    Words only where an approver said that they are part of the approved specification; otherwise no more
    than the ids of its own criteria, whatever a model took the message for.
    """
    steers = [taken for taken in snapshot.taken if taken.kind is MessageKind.WITHIN_SPEC]
    words = [taken.text for taken in steers if taken.passed_on]
    known = [criterion.id for criterion in snapshot.spec.draft.criteria] if snapshot.spec else []
    named = {name for taken in steers for name in taken.criteria}
    return words, [name for name in known if name in named]


def approved_spec(snapshot: Snapshot) -> SpecVersion:
    """The newest spec version, which this kind of run cannot do without."""
    if snapshot.spec is None:
        raise NeedsPerson("There is no specification to work by yet. Start the request anew.")
    return snapshot.spec


def rounds_in_all(context: Context, number: int) -> int:
    """M of "Round N of M": the configured rounds and those that people granted."""
    return max(number, context.settings.caps.review_rounds + context.snapshot.extra_rounds)


def _told(snapshot: Snapshot, messages: Sequence[ThreadMessage]) -> str:
    lines = []
    for message in messages:
        user = message.author.user if message.author else ""
        who = "the requester" if message.author == snapshot.requester else f"teammate {user}"
        lines.append(f"{who}: {message.text}")
    return cut("\n".join(lines), LONGEST_THREAD)
