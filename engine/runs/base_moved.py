"""Whether the base branch went on meanwhile: told, since nothing was checked together with that."""

from typing import Any

from engine.errors import RepositoryUnusable
from engine.events import BaseMoved
from engine.request import SpecVersion
from engine.runs.context import Context
from engine.runs.patience import patiently
from engine.runs.pull_request import code

MOST_PATHS = 10


async def base_moved(context: Context, spec: SpecVersion, commit: str) -> BaseMoved | None:
    """Where the base branch is now, if it moved since the spec was written, and what of ours it changed.

    Work that others did began on an older base anyway: there only what both changed is told.
    """

    async def look() -> dict[str, Any] | None:
        workspace = context.workspace
        try:
            head = await workspace.refresh()
        except RepositoryUnusable:
            return None  # what cannot be told is no reason to hold back what was approved
        if head == spec.base_commit:
            return None
        ours = {change.path for change in await workspace.changes(spec.base_commit, commit)}
        theirs = [change.path for change in await workspace.changes(spec.base_commit, head)]
        both = tuple(path for path in theirs if path in ours)[:MOST_PATHS]
        return None if spec.existing and not both else BaseMoved(head=head, also=both).model_dump()

    found = await patiently(context, "base", look)
    return BaseMoved.model_validate(found) if found else None


def note(base: str, moved: BaseMoved | None) -> str:
    """For the description of the pull request, empty if there is nothing to tell."""
    if moved is None:
        return ""
    also = f" It also changed {', '.join(code(path) for path in moved.also)}: merging may conflict."
    return (
        f"{code(base)} went on while this work was done and is at {code(moved.head)} now. What was checked "
        f"is this work on the base that it began with.{also if moved.also else ''}\n\n"
    )
