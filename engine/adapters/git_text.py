"""What people and reviewers read of a repository: diffs, matches and history, from objects alone.

Attributes and ignore files in a tree can hide files from git's own diff and grep. Here the paths come
from trees, and a file counts as binary only if it holds a NUL byte.
"""

from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime

from engine.adapters.git import Git, require_id
from engine.adapters.git_tree import Node, Nodes, differing, shown
from engine.files import MAX_READ_BYTES
from engine.ports import LogEntry, Match

MAX_DIFF_BYTES = 2_000_000
MAX_LINE = 500
_PATHS_A_CALL = 500


async def diff(git: Git, base: str, commit: str, before: Nodes, after: Nodes, paths: Sequence[str]) -> str:
    """A unified diff of the given paths (directories too; none given: of all).

    Binary and very large files appear with their sizes. A diff over MAX_DIFF_BYTES is cut, and says so; what
    differs without being shown stays named.
    """
    wanted = [path for path in differing(before, after) if not paths or _beneath(path, paths)]
    unshown = await _unshown(git, wanted, before, after)
    text = [path for path in wanted if path not in unshown]
    parts: list[str] = []
    for start in range(0, len(text), _PATHS_A_CALL):
        some = text[start : start + _PATHS_A_CALL]
        output = await git.run(
            "diff-tree", "-r", "-p", "--text", "--no-renames", "--no-ext-diff", "--no-textconv",
            "--no-color", "--full-index", "--submodule=short", "--ignore-submodules=none",
            "--src-prefix=a/", "--dst-prefix=b/", require_id(base), require_id(commit), "--", *some,
        )  # fmt: skip
        parts.append(output.decode("utf-8", "backslashreplace"))
    named = [_line(path, unshown[path], before.get(path), after.get(path)) for path in sorted(unshown)]
    return _bounded("".join(parts)) + "".join(named)


def _beneath(path: str, wanted: Sequence[str]) -> bool:
    return any(path == name or path.startswith(name.rstrip("/") + "/") for name in wanted)


async def _unshown(git: Git, paths: Sequence[str], before: Nodes, after: Nodes) -> dict[str, str]:
    """Paths whose lines are not shown, and why."""
    sides = [
        (path, side[path])
        for path in paths
        for side in (before, after)
        if path in side and side[path].regular
    ]
    found = {path: "Too large to show" for path, node in sides if node.size > MAX_READ_BYTES}
    small = [(path, node) for path, node in sides if node.size <= MAX_READ_BYTES]
    async with aclosing(git.blobs([node.blob for _, node in small])) as blobs:
        for path, _ in small:
            if b"\0" in await anext(blobs):
                found[path] = "Binary file"
    return found


def _line(path: str, why: str, before: Node | None, after: Node | None) -> str:
    def side(node: Node | None) -> str:
        return "absent" if node is None else f"{node.mode} {node.blob} ({node.size} bytes)"

    return f"diff --git a/{shown(path)} b/{shown(path)}\n{why}: {side(before)} -> {side(after)}\n"


def _bounded(text: str) -> str:
    if len(text) <= MAX_DIFF_BYTES:
        return text
    left_out = len(text) - MAX_DIFF_BYTES
    return f"{text[:MAX_DIFF_BYTES]}\n[diff cut here: {left_out} more characters; ask for single paths]\n"


async def search(git: Git, tree: Nodes, literal: str, under: str, limit: int) -> list[Match]:
    """Lines that hold a literal, in path order."""
    needle = literal.encode("utf-8", "replace")
    prefix = under.strip("/")
    nodes = [
        node
        for node in tree.values()
        if node.regular and node.size <= MAX_READ_BYTES and (not prefix or _beneath(node.path, (prefix,)))
    ]
    matches: list[Match] = []
    async with aclosing(git.blobs([node.blob for node in nodes])) as blobs:
        for node in nodes:
            if len(matches) >= limit:
                break
            data = await anext(blobs)
            if needle in data and b"\0" not in data:
                matches += _matching_lines(node, data, needle)
    return matches[:limit]


def _matching_lines(node: Node, data: bytes, needle: bytes) -> list[Match]:
    return [
        Match(
            path=shown(node.path), line=number, text=line.decode("utf-8", "replace").rstrip("\r")[:MAX_LINE]
        )
        for number, line in enumerate(data.split(b"\n"), 1)
        if needle in line
    ]


async def history(git: Git, commit: str, path: str, limit: int) -> list[LogEntry]:
    """Commits that touched a path, newest first."""
    output = await git.run(
        "log", "-z", f"--max-count={limit}", "--format=%H%n%ct%n%an%n%s", require_id(commit), "--",
        *([path] if path else []),
    )  # fmt: skip
    entries = []
    for record in output.split(b"\0"):
        if not record.strip():
            continue
        name, at, author, subject = record.decode("utf-8", "backslashreplace").split("\n", 3)
        when = datetime.fromtimestamp(int(at), UTC)
        entries.append(LogEntry(commit=name, at=when, author=author, subject=subject.strip()))
    return entries
