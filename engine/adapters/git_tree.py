"""What a commit holds, from its trees: which paths, which may stand in a checkout, what differs."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.adapters.git import Git, GitFailed, require_id
from engine.errors import RepositoryUnusable
from engine.ports import Change, TreeEntry
from engine.relative_paths import is_repository_name

FILE, EXECUTABLE, SYMLINK, GITLINK = "100644", "100755", "120000", "160000"


@dataclass(frozen=True, slots=True)
class Node:
    """A path of a commit. Bytes of a path that are not UTF-8 are lone surrogates."""

    path: str
    mode: str
    blob: str
    size: int

    @property
    def regular(self) -> bool:
        """Whether it is a file with bytes of its own."""
        return self.mode in (FILE, EXECUTABLE)

    @property
    def in_checkouts(self) -> bool:
        """Whether checkouts hold it: links, submodules and unsafe names stay in the objects only."""
        return self.regular and _safe(self.path)


Nodes = Mapping[str, Node]


def _safe(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return not any(part in ("", ".", "..") or is_repository_name(part) for part in path.split("/"))


def shown(path: str) -> str:
    """A path for people and models: what is not UTF-8 is escaped."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def entry(node: Node) -> TreeEntry:
    """A node in the port's form."""
    size = None if node.mode == GITLINK else node.size
    return TreeEntry(path=shown(node.path), mode=node.mode, blob=node.blob, size=size)


async def nodes(git: Git, commit: str) -> dict[str, Node]:
    """Every path at a commit, in path order."""
    try:
        listing = await git.run("ls-tree", "-r", "-z", "-l", "--full-tree", require_id(commit))
    except GitFailed:
        raise RepositoryUnusable(f"The commit {commit[:12]} is not in the repository's store.") from None
    found: dict[str, Node] = {}
    for row in listing.split(b"\0")[:-1]:
        head, _, raw_path = row.partition(b"\t")
        mode, _, blob, size = head.decode().split()
        path = raw_path.decode("utf-8", "surrogateescape")
        found[path] = Node(path, mode, blob, 0 if size == "-" else int(size))
    return found


def differing(before: Nodes, after: Nodes) -> list[str]:
    """Paths whose mode or content differs, in path order."""
    paths = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    return sorted(paths, key=lambda path: path.encode("utf-8", "surrogateescape"))


async def changes(git: Git, base: str, commit: str, before: Nodes, after: Nodes) -> tuple[Change, ...]:
    """Differing paths with their line counts (0 for files that hold NUL bytes)."""
    counts = await _line_counts(git, base, commit)
    return tuple(
        Change(
            path=shown(path),
            status=_status(before.get(path), after.get(path)),
            added=counts.get(path, (0, 0))[0],
            deleted=counts.get(path, (0, 0))[1],
        )
        for path in differing(before, after)
    )


def _status(before: Node | None, after: Node | None) -> str:
    if before is None:
        return "A"
    if after is None:
        return "D"
    return "M" if before.mode == after.mode else "T"


async def _line_counts(git: Git, base: str, commit: str) -> dict[str, tuple[int, int]]:
    output = await git.run(
        "diff-tree", "-r", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--numstat",
        require_id(base), require_id(commit),
    )  # fmt: skip
    counts: dict[str, tuple[int, int]] = {}
    for row in output.split(b"\0")[:-1]:
        added, deleted, path = row.split(b"\t", 2)
        if added != b"-":
            counts[path.decode("utf-8", "surrogateescape")] = (int(added), int(deleted))
    return counts
