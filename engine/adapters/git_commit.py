"""Commits made by the host from a checkout's bytes, without git's worktree machinery.

`git add` would run filters, follow attributes and ignore files, and record nested repositories. Here
files are read beneath the checkout, compared with the parent's blobs, and given to fast-import.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from engine.adapters.git import Git, require_id
from engine.adapters.git_tree import EXECUTABLE, FILE, Node, Nodes, shown
from engine.files import MAX_WRITE_BYTES, Checkout, Entry, Kind
from engine.relative_paths import path_problem

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_CHUNK = 1 << 20
_SEAL = b"\nGreenlight-Seal: "

_ODD = {
    Kind.SYMLINK: "symbolic links may not be added",
    Kind.HARD_LINK: "hard links may not be added",
    Kind.SPECIAL: "only regular files may be added",
    Kind.REPOSITORY: "nested repositories may not be added",
}


@dataclass
class Scan:
    """What a checkout holds against its parent commit. Keys are paths."""

    written: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # mode, content
    deleted: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # reason


def scan(tree: Path, parent: Nodes) -> Scan:
    """Compare a checkout with the commit it was made from. Reads files; run it in a thread."""
    checkout, result, seen = Checkout(tree), Scan(), set[str]()
    rules = _Rules(parent)
    entries = checkout.walk()
    rules.learn(entries)
    for entry in entries:
        seen.add(entry.path)
        node = parent.get(entry.path)
        if entry.kind is not Kind.FILE:
            result.refused[entry.path] = _ODD[entry.kind]
            continue
        with checkout.open(entry) as file:
            change = _change(entry, file, node)
        if change is None:
            continue
        if reason := rules.problem(entry, change[1]):
            result.refused[entry.path] = reason
        else:
            result.written[entry.path] = change
    for path, node in parent.items():
        if node.in_checkouts and path not in seen:
            _delete(path, result)
    return result


def _change(entry: Entry, file: BinaryIO, node: Node | None) -> tuple[str, bytes] | None:
    """The new mode and content, None if they are the parent's. Content is cut over the size cap."""
    mode = EXECUTABLE if entry.executable else FILE
    if node is not None and node.size == entry.size and _blob_id(file, entry.size, node.blob) == node.blob:
        if mode == node.mode:
            return None
        file.seek(0)
    return mode, file.read(MAX_WRITE_BYTES + 1)


def _blob_id(file: BinaryIO, size: int, like: str) -> str:
    """The id that git gives these bytes; `like` is an id of the same repository."""
    algorithm = hashlib.sha1(usedforsecurity=False) if len(like) == 40 else hashlib.sha256()
    algorithm.update(b"blob %d\0" % size)
    while chunk := file.read(_CHUNK):
        algorithm.update(chunk)
    file.seek(0)
    return algorithm.hexdigest()


def _delete(path: str, result: Scan) -> None:
    """A missing file is a deletion, unless something refused stands where it or its directory was."""
    parents = {str(parent) for parent in PurePosixPath(path).parents}
    if parents & result.refused.keys():
        return
    if reason := _protected(path):
        result.refused[path] = reason
    else:
        result.deleted.append(path)


def _protected(path: str) -> str | None:
    name = path.rpartition("/")[2].casefold()
    if name == ".gitattributes":
        return "git attributes may not be changed"
    if name == ".gitmodules":
        return "submodules may not be changed"
    return None


class _Rules:
    """What may not be added or changed."""

    def __init__(self, parent: Nodes) -> None:
        kept = [path for path, node in parent.items() if not node.in_checkouts]
        self._kept = set(kept)
        self._above_kept = {str(above) for path in kept for above in PurePosixPath(path).parents}
        self._nested: set[str] = set()

    def learn(self, entries: tuple[Entry, ...]) -> None:
        """Note the roots of nested repositories (the checkout's own root is not one)."""
        roots = (entry.path.rpartition("/")[0] for entry in entries if entry.kind is Kind.REPOSITORY)
        self._nested = {root for root in roots if root}

    def problem(self, entry: Entry, content: bytes) -> str | None:
        """Why this change may not be committed, or None."""
        path = entry.path
        above = {str(parent) for parent in PurePosixPath(path).parents}
        taken = path in self._kept or path in self._above_kept or above & self._kept
        problems = (
            (above & self._nested, "it is inside a nested repository"),
            (taken, "a symbolic link, submodule or unsafe name of the base stands there"),
            (_is_bytecode(path), "compiled Python may not be added"),
            (content.startswith(_LFS_POINTER), "LFS pointers may not be added"),
            (len(content) > MAX_WRITE_BYTES, f"files over {MAX_WRITE_BYTES} bytes may not be added"),
        )
        found = next((reason for applies, reason in problems if applies), None)
        return path_problem(path) or _protected(path) or found


def _is_bytecode(path: str) -> bool:
    parts = path.casefold().split("/")
    return "__pycache__" in parts or parts[-1].endswith((".pyc", ".pyo"))


async def write_commit(git: Git, parent: str, result: Scan, message: str, identity: tuple[str, str]) -> str:
    """Write a scan's changes as a sealed commit on `parent` and return its id.

    Deterministic: the dates are the parent's plus one second.
    """
    at = int(await git.run("log", "-1", "--format=%ct", require_id(parent))) + 1
    head = _head(parent, message, identity, at)
    body = b"".join(_operations(result))
    # The same commit has the same name, so that repeating it leaves one ref, which keeps it from gc.
    reference = f"refs/greenlight/commits/{hashlib.sha256(head + body).hexdigest()}"
    stream = b"commit %s\nmark :1\n" % reference.encode() + head + body
    output = await git.run(
        "fast-import", "--quiet", "--force", "--done", stdin=stream + b"\nget-mark :1\ndone\n"
    )
    plain = await git.run("cat-file", "commit", require_id(output.decode().strip()))
    output = await git.run("hash-object", "-t", "commit", "-w", "--stdin", stdin=_sealed(plain))
    made = require_id(output.decode().strip())
    await git.run("update-ref", reference, made)
    return made


def is_sealed(commit: bytes) -> bool:
    """Whether a commit, as git stores it, is to the byte as it was made here: nobody amended or rebased it.

    Whoever means to forge that can: a seal tells what is ours from what others made of it, not from enemies.
    """
    plain, _, _ = commit.rpartition(_SEAL)
    return commit == _sealed(plain)


def _sealed(plain: bytes) -> bytes:
    """The commit with a last line of its message: the hash of the rest, of tree, parent, names and dates."""
    return b"%s%s%s\n" % (plain, _SEAL, hashlib.sha256(plain).hexdigest()[:40].encode())


def _head(parent: str, message: str, identity: tuple[str, str], at: int) -> bytes:
    text = message.replace("\0", "").strip().encode("utf-8", "replace") + b"\n"
    name, email = (part.translate({ord(char): None for char in "<>\n\0"}) for part in identity)
    who = f"{name} <{email}> {at} +0000".encode()
    return (
        b"author %s\ncommitter %s\n" % (who, who)
        + b"data %d\n%s\n" % (len(text), text)
        + b"from %s\n" % parent.encode()
    )


def _operations(result: Scan) -> Iterator[bytes]:
    for path in sorted(result.deleted):
        yield b"D %s\n" % _quoted(path)
    for path, (mode, content) in sorted(result.written.items()):
        yield b"M %s inline %s\n" % (mode.encode(), _quoted(path))
        yield b"data %d\n%s\n" % (len(content), content)


def _quoted(path: str) -> bytes:
    safe = (
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\{byte:03o}"
        for byte in path.encode("utf-8", "surrogateescape")
    )
    return b'"' + "".join(safe).encode() + b'"'


def refusals(result: Scan) -> tuple[tuple[str, str], ...]:
    """Refused paths with their reasons, in path order."""
    return tuple((shown(path), reason) for path, reason in sorted(result.refused.items()))
