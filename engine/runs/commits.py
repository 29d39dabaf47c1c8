"""Checkouts of a run, and the commits the host makes of them."""

import asyncio
import hashlib
import shutil
from pathlib import Path

from engine import existing
from engine.agents.toolboxes import edits_of
from engine.request import SpecVersion
from engine.runs.context import Context
from engine.runs.inert import inert, one_line
from engine.runs.material import approved_spec


def checkout_of(context: Context) -> Path:
    """Where this run's checkout stands."""
    return context.checkouts / hashlib.sha256(context.run.id.encode()).hexdigest()[:16]


def message_of(spec: SpecVersion, task: str) -> str:
    """Ours but for the subject, in which nobody is mentioned, nothing closed and nothing commanded."""
    return (
        f"{inert(one_line(spec.draft.commit_subject))}\n\n"
        f"Written for version {spec.number} of the approved specification\n({spec.hash}), task {task}.\n"
    )


async def commit_of(
    context: Context, root: Path, head: str, task: str
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The commit the host makes of a checkout of `head`, and what it left out of it, with reasons.

    It stands on the base, on work that existed already, or on what was delivered before, never on our own
    earlier commits: what a fix or a person took back must not be pushed as history. The message is ours
    but for the subject, which was approved with the spec.
    """
    spec = approved_spec(context.snapshot)
    delivery = context.snapshot.delivery
    began = spec.existing.head if spec.existing else spec.base_commit
    # What was delivered on a branch of others may have gone on there since: then that is what it stands on.
    ours = delivery is not None and not existing.delivered_elsewhere(context.snapshot)
    parent = delivery.commit if delivery and ours else began
    message = message_of(spec, task)

    async def commit() -> tuple[str, tuple[tuple[str, str], ...]]:
        made = await context.workspace.commit(root, parent, message)
        unchanged = not await context.workspace.changes(head, made.commit)
        return head if unchanged else made.commit, made.refused

    async def clear() -> None:
        for directory in (root, edits_of(root)):
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    made = await context.step("commit", commit)
    # A step of its own: until the commit is recorded, a run that starts over needs the files.
    await context.step("clear", clear)
    return made
