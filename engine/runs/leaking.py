"""Looks for credentials in what agents wrote and in what else leaves, from git objects alone."""

import asyncio
from collections.abc import Mapping

from engine import leaks
from engine.errors import Rejected
from engine.events import Leak
from engine.ports import Workspace
from engine.request import SpecVersion

MOST_BYTES = 40_000_000


async def in_work(workspace: Workspace, spec: SpecVersion, commit: str) -> dict[Leak, str]:
    """What looks like a credential in the lines that a commit adds to where our work began.

    Others' work that stood there before has left already, and is not looked at. What cannot be read, or is
    too much, counts as found.

    Returns:
        Each with what stands there: only for `engine.leaks.cleaned`, never to be kept.
    """
    began = spec.existing.head if spec.existing else spec.base_commit
    found: dict[Leak, str] = {}
    size = 0
    for change in await workspace.changes(began, commit):
        if change.status == "D":
            continue
        before = await _read(workspace, began, change.path)
        after = await _read(workspace, commit, change.path)
        size += len(after or b"")
        if after is None or size > MOST_BYTES or len(found) >= leaks.MOST:
            found[Leak(path=leaks.redacted(change.path), line=0, kind=leaks.UNREAD)] = ""
        else:
            found |= await asyncio.to_thread(leaks.in_file, change.path, before, after)
    return found


async def _read(workspace: Workspace, commit: str, path: str) -> bytes | None:
    try:
        return await workspace.read(commit, path)
    except Rejected:
        return None


async def in_texts(texts: Mapping[str, str]) -> tuple[Leak, ...]:
    """What looks like a credential in these texts, by what each is."""
    found = [await asyncio.to_thread(leaks.in_text, name, text) for name, text in texts.items()]
    return tuple(leak for some in found for leak in some)
