"""A repository behind the Workspace port: a bare store of ours, checkouts without .git."""

import asyncio
import os
import shutil
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

from engine.adapters import git_text, git_tree
from engine.adapters.git import Git, GitFailed, disk_error, require_id
from engine.adapters.git_branches import Branches
from engine.adapters.git_commit import is_sealed, refusals, scan, write_commit
from engine.adapters.git_remote import Access, Remote
from engine.adapters.git_tree import EXECUTABLE, Node, Nodes
from engine.errors import PushRejected, Rejected, RepositoryUnusable
from engine.files import MAX_READ_BYTES
from engine.ports import Branch, Change, Committed, LogEntry, Match, TreeEntry

_REMEMBERED_TREES, _REMEMBERED_PATHS = 16, 200_000
_BATCH_BYTES = 4_000_000
_ABSENT = ""
_OURS = ("refs/greenlight/commits", "refs/greenlight/intended", "refs/greenlight/pushed")


class GitWorkspace:
    """Implements `engine.ports.Workspace`.

    Args:
        remote: A local path (bare, or a working clone: only its committed branch is read) or an https
            or ssh URL.
        base: The base branch.
        store: Where the bare store is made and kept.
        identity: Name and email of the commits made here.
        prefix: Branches are pushed only beneath it.
        access: To a remote at a forge.
    """

    def __init__(
        self,
        remote: str,
        base: str,
        store: Path,
        identity: tuple[str, str] = ("Greenlight", "greenlight@localhost"),
        *,
        prefix: str = "greenlight/",
        access: Access | None = None,
    ) -> None:
        self._base = base
        self._identity = identity
        self._prefix = prefix
        self._git = Git(store.absolute())
        self._access = access
        self._remote = Remote(remote, self._git, access)
        self._writing = asyncio.Lock()
        self._others = Branches(self._git, self._remote, base, self._base_ref, prefix)
        self._trees: OrderedDict[str, dict[str, Node]] = OrderedDict()

    @property
    def _base_ref(self) -> str:
        return f"refs/greenlight/base/{self._base}"

    async def refresh(self) -> str:
        """See `engine.ports.Workspace.refresh`."""
        reference = self._base_ref
        async with self._writing:
            await self._prepare()
            await self._require_branch_name(self._base)
            await self._remote.fetch(self._base, reference)
            head = await self._resolved(reference)
            await self._remote.require_committed(self._base, head)
            return head

    async def branches(self) -> Sequence[Branch]:
        """See `engine.ports.Workspace.branches`."""
        async with self._writing:
            return await self._others.ahead()

    async def branch_head(self, name: str) -> Branch | None:
        """See `engine.ports.Workspace.branch_head`."""
        async with self._writing:
            return await self._others.named(name)

    async def default_head(self) -> str:
        """See `engine.ports.Workspace.default_head`."""
        async with self._writing:
            return await self._others.fetched(await self._remote.default_branch())

    async def files(self, commit: str) -> Sequence[TreeEntry]:
        """See `engine.ports.Workspace.files`."""
        return [git_tree.entry(node) for node in (await self._nodes(commit)).values()]

    async def read(self, commit: str, path: str) -> bytes | None:
        """See `engine.ports.Workspace.read`."""
        node = (await self._nodes(commit)).get(path)
        if node is None or not node.regular:
            return None
        if node.size > MAX_READ_BYTES:
            raise Rejected(f"{path} has {node.size} bytes; at most {MAX_READ_BYTES} can be read.")
        return await self._git.run("cat-file", "blob", node.blob)

    async def search(self, commit: str, literal: str, under: str = "", limit: int = 200) -> Sequence[Match]:
        """See `engine.ports.Workspace.search`."""
        return await git_text.search(self._git, await self._nodes(commit), literal, under, limit)

    async def changes(self, base: str, commit: str) -> Sequence[Change]:
        """See `engine.ports.Workspace.changes`."""
        before, after = await self._nodes(base), await self._nodes(commit)
        return await git_tree.changes(self._git, base, commit, before, after)

    async def diff(self, base: str, commit: str, paths: Sequence[str] = ()) -> str:
        """See `engine.ports.Workspace.diff`."""
        before, after = await self._nodes(base), await self._nodes(commit)
        return await git_text.diff(self._git, base, commit, before, after, paths)

    async def history(self, commit: str, path: str = "", limit: int = 20) -> Sequence[LogEntry]:
        """See `engine.ports.Workspace.history`."""
        return await git_text.history(self._git, commit, path, limit)

    async def checkout(self, commit: str, into: Path) -> None:
        """See `engine.ports.Workspace.checkout`."""
        await self._materialise(await self._nodes(commit), into)

    async def overlay(self, base: str, commit: str, paths: Sequence[str], into: Path) -> None:
        """See `engine.ports.Workspace.overlay`."""
        before, after = await self._nodes(base), await self._nodes(commit)
        await self._materialise(_overlaid(before, after, paths), into)

    async def commit(self, tree: Path, parent: str, message: str) -> Committed:
        """See `engine.ports.Workspace.commit`."""
        before = await self._nodes(parent)
        result = await asyncio.to_thread(scan, tree, before)
        if not result.written and not result.deleted:
            return Committed(commit=parent, changes=(), refused=refusals(result))
        async with self._writing:
            made = await write_commit(self._git, parent, result, message, self._identity)
        changes = await git_tree.changes(self._git, parent, made, before, await self._nodes(made))
        return Committed(commit=made, changes=changes, refused=refusals(result))

    async def push(self, commit: str, branch: str) -> None:
        """See `engine.ports.Workspace.push`."""
        if not branch.startswith(self._prefix) or branch == self._base:
            raise PushRejected(f"Only branches beneath {self._prefix} are pushed to, and {branch} is not.")
        async with self._writing:
            await self._require_branch_name(branch)
            await self._nodes(commit)
            await self._require_unprotected(branch)
            held = await self.pushed(branch)
            if held != commit:
                await self._push(commit, branch, held)
            await self._git.run("update-ref", _pushed_ref(branch), commit)

    async def pushed(self, branch: str) -> str | None:
        """See `engine.ports.Workspace.pushed`."""
        await self._prepare()
        return (await self._remote.branches(f"refs/heads/{branch}")).get(branch)

    async def ours(self, ending: str) -> Sequence[str]:
        """See `engine.ports.Workspace.ours`."""
        await self._prepare()
        return sorted(await self._remote.branches(f"refs/heads/{self._prefix}*{ending}"))

    async def made_here(self, branch: str) -> bool:
        """See `engine.ports.Workspace.made_here`."""
        async with self._writing:
            held = await self.pushed(branch)
            return held is not None and await self._of_our_hand(branch, held)

    async def _require_unprotected(self, branch: str) -> None:
        if branch == await self._remote.default_branch():
            raise PushRejected(f"{branch} is the default branch: nothing is ever pushed to it.")
        if self._access is not None and await self._access.protected(branch):
            raise PushRejected(
                f"A rule protects the branch {branch} at its forge, so nothing was pushed to it: exempt "
                f"branches beneath {self._prefix}."
            )

    async def _push(self, commit: str, branch: str, held: str | None) -> None:
        """Push over what we put there ourselves, or where nothing is."""
        ours = {await self._resolved(name) for name in (_pushed_ref(branch), _intended_ref(branch))}
        if held is not None and held not in ours and not await self._of_our_hand(branch, held):
            mine = await self._resolved(_pushed_ref(branch))
            raise PushRejected(
                f"The branch {branch} holds commit {held[:12]}, which is not from here or was changed since, "
                "so nothing was pushed over it. What I made is kept. Put the branch back to what I pushed"
                f"{f' ({mine[:12]})' if mine else ''}, or rename it if no pull request of mine stands on it, "
                "and try again."
            )
        # Recorded before: a crash between pushing and recording must not make our own commit foreign.
        await self._git.run("update-ref", _intended_ref(branch), commit)
        await self._remote.push(commit, branch, held or _ABSENT)
        if await self.pushed(branch) != commit:
            raise PushRejected(f"The remote does not hold on {branch} what was pushed to it.")

    async def _of_our_hand(self, branch: str, held: str) -> bool:
        """Whether we made what a branch holds, as a state remembers no more that was put back from a backup.

        Whatever base, spec or round it was made for: a branch is one request's, and what the lost state put
        there is what this one takes the place of.
        """
        await self._remote.fetch(branch)
        try:
            return is_sealed(await self._git.run("cat-file", "commit", require_id(held)))
        except GitFailed:
            return False  # it moved meanwhile: what is there now was not fetched

    async def _prepare(self) -> None:
        """Make the store on first use, in the remote's object format."""
        if (self._git.store / "HEAD").is_file():
            return
        try:
            self._git.store.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(error) from None
        try:
            ids = (await self._remote.branches()).values()
            wide = any(len(name) == 64 for name in ids)
            await self._git.run(
                "init", "--bare", "--quiet", "--template=", "--initial-branch=none",
                f"--object-format={'sha256' if wide else 'sha1'}",
            )  # fmt: skip
        except GitFailed:
            raise RepositoryUnusable(
                "No store for the repository can be made in the state directory."
            ) from None

    async def forget(self, commits: Sequence[str]) -> None:
        """See `engine.ports.Workspace.forget`."""
        async with self._writing:
            await self._prepare()
            await self._let_go(set(commits))

    async def _let_go(self, commits: set[str]) -> None:
        named = await self._git.run("for-each-ref", "--format=%(objectname) %(refname)", *_OURS)
        for line in named.decode().splitlines():
            commit, _, reference = line.partition(" ")
            if commit in commits:
                await self._git.run("update-ref", "-d", reference, commit)
                self._trees.pop(commit, None)
        # Work under way may have made objects that no reference holds yet: those are younger.
        await self._git.run("gc", "--quiet", "--prune=1.hour.ago")

    async def _require_branch_name(self, branch: str) -> None:
        try:
            await self._git.run("check-ref-format", f"refs/heads/{branch}")
        except GitFailed:
            raise RepositoryUnusable(f"{branch} cannot be a branch's name.") from None

    async def _resolved(self, reference: str) -> str:
        try:
            output = await self._git.run("rev-parse", "--verify", "--quiet", reference)
        except GitFailed:
            return _ABSENT
        return output.decode().strip()

    async def _nodes(self, commit: str) -> dict[str, Node]:
        tree = self._trees.pop(commit, None)
        if tree is None:
            tree = await git_tree.nodes(self._git, commit)
        self._trees[commit] = tree
        while len(self._trees) > 1 and (
            len(self._trees) > _REMEMBERED_TREES or sum(map(len, self._trees.values())) > _REMEMBERED_PATHS
        ):
            self._trees.popitem(last=False)
        return tree

    async def _materialise(self, tree: Nodes, into: Path) -> None:
        nodes = [node for node in tree.values() if node.in_checkouts]
        try:
            await asyncio.to_thread(_make_empty, into)
            batch: list[tuple[Node, bytes]] = []
            async with aclosing(self._git.blobs([node.blob for node in nodes])) as blobs:
                for node in nodes:
                    batch.append((node, await anext(blobs)))
                    if sum(len(data) for _, data in batch) > _BATCH_BYTES:
                        await asyncio.to_thread(_write, into, batch)
                        batch = []
            await asyncio.to_thread(_write, into, batch)
        except OSError as error:
            raise disk_error(error) from None


def _overlaid(base: Nodes, commit: Nodes, paths: Sequence[str]) -> Mapping[str, Node]:
    tree = {path: node for path, node in base.items() if node.in_checkouts}
    for path in paths:
        tree.pop(path, None)
        node = commit.get(path)
        if node is not None and node.in_checkouts:
            # A file where the base has a directory, or below one of its files: the overlay wins.
            for other in [
                name for name in tree if name.startswith(path + "/") or path.startswith(name + "/")
            ]:
                del tree[other]
            tree[path] = node
    return tree


def _make_empty(directory: Path) -> None:
    if directory.is_symlink():
        directory.unlink()
    elif directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)


def _write(into: Path, batch: Sequence[tuple[Node, bytes]]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    for node, data in batch:
        path = into / node.path
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o755 if node.mode == EXECUTABLE else 0o644
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            file.write(data)


def _pushed_ref(branch: str) -> str:
    return f"refs/greenlight/pushed/{branch}"


def _intended_ref(branch: str) -> str:
    return f"refs/greenlight/intended/{branch}"
