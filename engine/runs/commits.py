"""Checkouts of a run, and the commits the host makes of them."""

import asyncio
import hashlib
import shutil
from pathlib import Path

from engine.agents.toolboxes import edits_of
from engine.runs.context import Context
from engine.runs.material import approved_spec


def checkout_of(context: Context) -> Path:
    """Where this run's checkout stands."""
    return context.checkouts / hashlib.sha256(context.run.id.encode()).hexdigest()[:16]


async def commit_of(
    context: Context, root: Path, parent: str, task: str
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The commit the host makes of a checkout, and what it left out of it, with reasons.

    The message is ours but for the subject, which was approved with the spec.
    """
    spec = approved_spec(context.snapshot)
    message = (
        f"{spec.draft.commit_subject}\n\n"
        f"Written for version {spec.number} of the approved specification\n({spec.hash}), task {task}.\n"
    )

    async def commit() -> tuple[str, tuple[tuple[str, str], ...]]:
        made = await context.workspace.commit(root, parent, message)
        return made.commit, made.refused

    async def clear() -> None:
        for directory in (root, edits_of(root)):
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    made = await context.step("commit", commit)
    # A step of its own: until the commit is recorded, a run that starts over needs the files.
    await context.step("clear", clear)
    return made
