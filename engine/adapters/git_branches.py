"""Branches of the remote that hold work of others, against the base branch."""

from collections.abc import Mapping
from datetime import UTC, datetime

from engine.adapters.git import Git, GitFailed
from engine.adapters.git_remote import Remote
from engine.ports import Branch
from engine.wording import hidden_characters

MOST_FETCHED = 200
MOST_TOLD = 20

_OTHERS = "refs/greenlight/others/"
_SEPARATOR = "\x1f"


class Branches:
    """The remote's branches but for the base and those of ours.

    Args:
        git: The store, in which the base branch stands under `reference`.
        remote: Where they are fetched from.
        base: The base branch.
        reference: Where its head stands in the store.
        prefix: Of our own branches.
    """

    def __init__(self, git: Git, remote: Remote, base: str, reference: str, prefix: str) -> None:
        self._git = git
        self._remote = remote
        self._base = base
        self._reference = reference
        self._prefix = prefix

    async def ahead(self) -> list[Branch]:
        """Those that hold commits the base branch lacks, the newest first, at most 20.

        A remote with more than 200 of them is not searched: its branches have to be named.
        """
        held = {name: head for name, head in (await self._remote.branches()).items() if self._is_others(name)}
        if not held or len(held) > MOST_FETCHED:
            return []
        await self._remote.fetch_all({name: f"{_OTHERS}{name}" for name in held})
        found: list[Branch] = []
        for name in await self._newest_first(held):
            branch = await self._described(name)
            if branch is not None and branch.fork and branch.ahead:
                found.append(branch)
            if len(found) == MOST_TOLD:
                break
        return found

    async def named(self, name: str) -> Branch | None:
        """One branch, fetched now; None if the remote has none of that name, or it is not others'."""
        if not self._is_others(name) or name not in await self._remote.branches(f"refs/heads/{name}"):
            return None
        await self._remote.fetch_all({name: f"{_OTHERS}{name}"})
        return await self._described(name)

    async def fetched(self, name: str) -> str:
        """The head of a branch, whosever it is, fetched now; empty if the remote has none of that name."""
        if not name or name not in await self._remote.branches(f"refs/heads/{name}"):
            return ""
        await self._remote.fetch_all({name: f"{_OTHERS}{name}"})
        found = await self._described(name)
        return found.head if found else ""

    def _is_others(self, name: str) -> bool:
        return name != self._base and not name.startswith(self._prefix) and not hidden_characters(name)

    async def _newest_first(self, held: Mapping[str, str]) -> list[str]:
        output = await self._git.run("for-each-ref", "--sort=-committerdate", "--format=%(refname)", _OTHERS)
        names = [line.removeprefix(_OTHERS) for line in output.decode("utf-8", "replace").splitlines()]
        return [name for name in names if name in held]

    async def _described(self, name: str) -> Branch | None:
        reference = f"{_OTHERS}{name}"
        try:
            output = await self._git.run(
                "log",
                "-1",
                "--no-show-signature",
                f"--format=%H{_SEPARATOR}%ct{_SEPARATOR}%s",
                reference,
                "--",
            )
            head, seconds, subject = output.decode("utf-8", "replace").strip().split(_SEPARATOR, 2)
            counted = await self._git.run("rev-list", "--count", f"{self._reference}..{head}", "--")
        except (GitFailed, ValueError):
            return None
        return Branch(
            name=name,
            head=head,
            fork=await self._fork(head),
            ahead=int(counted),
            subject=subject[:200],
            at=datetime.fromtimestamp(int(seconds), UTC),
        )

    async def _fork(self, head: str) -> str:
        try:
            return (await self._git.run("merge-base", self._reference, head)).decode().strip()
        except GitFailed:
            return ""
