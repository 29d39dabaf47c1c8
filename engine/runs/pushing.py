"""What a push would do besides adding a branch: protected paths that change, workflows that would run."""

import asyncio
from collections.abc import Sequence

from engine import workflows
from engine.errors import Rejected
from engine.events import Guarded, Held, Workflow
from engine.people import Person
from engine.policy import enough
from engine.ports import Workspace
from engine.protected import kind_of
from engine.request import Policy, Snapshot
from engine.settings import RepositorySettings

LONGEST_DIFF = 60_000
MOST_PATHS, MOST_WORKFLOWS = 100, 100
_NOT_SHOWN = ("Binary file: ", "Too large to show: ", "[diff cut here: ")


async def looked_through(
    workspace: Workspace, repository: RepositorySettings, bases: Sequence[str], commit: str, branch: str
) -> Held | None:
    """What pushing a commit to a branch, and opening a pull request of it, would do; None: nothing special.

    Args:
        workspace: The repository's.
        repository: Its configuration: what else is protected, and which workflows may run.
        bases: The commit that the work began at, and wherever else definitions stand that may be run.
        commit: The commit.
        branch: The branch's name.
    """
    base = bases[0]
    own = (*repository.protected, *await _included(workspace, (base, commit)))
    changed = [change.path for change in await workspace.changes(base, commit)]
    guarded = [Guarded(path=path, what=what) for path in changed if (what := kind_of(path, own))]
    running = [
        one
        for one in await workflows_with_secrets(workspace, repository, (commit, *bases), branch)
        if one.path not in repository.accepted_workflows
    ]
    if not guarded and not running:
        return None
    diff = await workspace.diff(base, commit, [one.path for one in guarded]) if guarded else ""
    return Held(
        commit=commit,
        branch=branch,
        guarded=tuple(guarded[:MOST_PATHS]),
        workflows=tuple(running[:MOST_WORKFLOWS]),
        diff=diff[:LONGEST_DIFF],
        whole=_is_whole(diff, guarded) and len(running) <= MOST_WORKFLOWS,
    )


def _is_whole(diff: str, guarded: Sequence[Guarded]) -> bool:
    """Whether the diff shows every line of every protected path that changes."""
    lines = diff.split("\n")
    files = sum(line.startswith("diff --git ") for line in lines)
    hidden = any(line.startswith(_NOT_SHOWN) for line in lines)
    return files >= len(guarded) <= MOST_PATHS and not hidden and len(diff) <= LONGEST_DIFF


async def workflows_with_secrets(
    workspace: Workspace, repository: RepositorySettings, commits: Sequence[str], branch: str
) -> tuple[Workflow, ...]:
    """The workflows at these commits that would run for this branch with more than reading rights.

    Some events run the pushed definition and some the base branch's: whoever asks names both commits.

    Args:
        workspace: The repository's.
        repository: Its configuration.
        commits: Where definitions stand.
        branch: The branch that would be pushed.
    """
    found: dict[str, Workflow] = {}
    for commit in commits:
        for entry in await workspace.files(commit):
            if entry.path in found or not workflows.looked_at(entry.path):
                continue
            content = await _read(workspace, commit, entry.path)
            one = await asyncio.to_thread(
                workflows.would_run,
                entry.path,
                content,
                branch,
                repository.base,
                default_writes=repository.default_workflow_permissions == "write",
            )
            found |= {entry.path: one} if one else {}
    return tuple(found[path] for path in sorted(found))


def allowed(snapshot: Snapshot, policy: Policy, held: Held, members: frozenset[Person]) -> bool:
    """Whether enough people who still may approved exactly this."""
    push = snapshot.pushes[-1] if snapshot.pushes else None
    if push is None or not held.whole or push.held != held:
        return False
    return enough(policy, snapshot, [one for one in push.approvals if one.by in members])


async def _included(workspace: Workspace, commits: Sequence[str]) -> tuple[str, ...]:
    """Files of the repository that a definition of GitLab CI takes in."""
    texts = [await _read(workspace, commit, path) or b"" for commit in commits for path in workflows.GITLAB]
    return tuple(dict.fromkeys(name for text in texts for name in workflows.included(text)))


async def _read(workspace: Workspace, commit: str, path: str) -> bytes | None:
    try:
        return await workspace.read(commit, path)
    except Rejected:
        return None
