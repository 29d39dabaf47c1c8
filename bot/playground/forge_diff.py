"""What a pull request changes, read from the bare repository for its page.

Nobody's git configuration and nothing the repository's own files say about attributes, filters or
external programs has a part in it, so no change can hide.
"""

import asyncio
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

MAX_BYTES = 400_000
MAX_COMMITS = 100
TIMEOUT_S = 20.0

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_ATTR_SOURCE": _EMPTY_TREE,  # a bare repository would take attributes from its HEAD
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Local forge",
    "GIT_AUTHOR_EMAIL": "forge@localhost",
    "GIT_COMMITTER_NAME": "Local forge",
    "GIT_COMMITTER_EMAIL": "forge@localhost",
}
_OPTIONS = (
    "safe.directory=*",
    f"core.attributesFile={os.devnull}",
    f"core.hooksPath={os.devnull}",
    "core.quotePath=false",
)
_DIFF = (
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-renames",
    "--ignore-submodules=none",
    "--unified=3",
)


class Kind(StrEnum):
    """What a line of a diff is; the page's stylesheet knows these names."""

    ADDED = "add"
    REMOVED = "del"
    HUNK = "hunk"
    CONTEXT = "ctx"


@dataclass(frozen=True)
class Line:
    """A line of a diff with its sign."""

    kind: Kind
    text: str


@dataclass
class FileDiff:
    """A changed file. `note` says what the lines do not: new, deleted, binary, another mode."""

    path: str
    note: str = ""
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class Commit:
    """A commit of the branch; `at` is its author's date, ISO 8601."""

    id: str
    author: str
    at: str
    subject: str


@dataclass(frozen=True)
class Change:
    """Everything between the base branch and a commit.

    Attributes:
        base: Where the branch left the base branch.
        cut: Whether the diff was longer than MAX_BYTES; the files then end early.
    """

    base: str
    commits: tuple[Commit, ...]
    files: tuple[FileDiff, ...]
    cut: bool

    @property
    def added(self) -> int:
        """Lines added, as far as they are here."""
        return sum(line.kind is Kind.ADDED for file in self.files for line in file.lines)

    @property
    def removed(self) -> int:
        """Lines removed, as far as they are here."""
        return sum(line.kind is Kind.REMOVED for file in self.files for line in file.lines)


async def read_change(repository: Path, base: str, commit: str) -> Change | None:
    """What `commit` changes since it left `base`, a branch or commit; None if the repository cannot tell."""
    if not _COMMIT.fullmatch(commit):
        return None
    since = base if _COMMIT.fullmatch(base) else f"refs/heads/{base}"
    start, _ = await git(repository, "merge-base", since, commit)
    left = start.strip()
    if not _COMMIT.fullmatch(left):
        return None
    log, _ = await git(
        repository,
        "log",
        f"--max-count={MAX_COMMITS}",
        "--format=%H%x00%an%x00%aI%x00%s",
        f"{left}..{commit}",
    )
    diff, cut = await git(repository, "diff", *_DIFF, left, commit)
    return Change(left, tuple(_commits(log)), tuple(_files(diff)), cut)


def _commits(log: str) -> Iterator[Commit]:
    for line in log.split("\n"):
        parts = line.split("\0", maxsplit=3)
        if len(parts) == 4:
            yield Commit(*parts)


def _files(diff: str) -> list[FileDiff]:
    files: list[FileDiff] = []
    in_hunk = False
    # Not splitlines: a form feed or U+2028 in a file does not end its line.
    for line in diff.removesuffix("\n").split("\n"):
        if line.startswith("diff --git "):
            files.append(FileDiff(_path(line.removeprefix("diff --git "))))
            in_hunk = False
        elif files and (in_hunk or line.startswith("@@ ")):
            in_hunk = True
            files[-1].lines.append(Line(_kind(line), line))
        elif files:
            files[-1].note = _note(line) or files[-1].note
    return files


def _path(names: str) -> str:
    """The path in "a/PATH b/PATH": without renames both are the same."""
    half = (len(names) - 1) // 2
    return names[half + 1 :].removeprefix("b/") if not names.startswith('"') else names[half + 1 :]


def _kind(line: str) -> Kind:
    signs = {"+": Kind.ADDED, "-": Kind.REMOVED, "@": Kind.HUNK}
    return signs.get(line[:1], Kind.CONTEXT)


def _note(header: str) -> str:
    for start, note in (
        ("new file mode 100755", "new, executable"),
        ("new file mode 120000", "new symlink"),
        ("new file", "new"),
        ("deleted file", "deleted"),
        ("new mode", "another mode"),
        ("Binary files", "binary"),
    ):
        if header.startswith(start):
            return note
    return ""


async def git(repository: Path, *arguments: str) -> tuple[str, bool]:
    """Output of a git command, and whether it was cut. Nothing if git fails; no hook has a part in it."""
    command = [
        f"--git-dir={repository}",
        *(part for option in _OPTIONS for part in ("-c", option)),
        *arguments,
    ]
    environment = {"PATH": os.environ.get("PATH", os.defpath), **_ENVIRONMENT}
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except FileNotFoundError:
        return "", False
    try:
        async with asyncio.timeout(TIMEOUT_S):
            output = await _head_of(process)
            cut = len(output) > MAX_BYTES
            if not cut and await process.wait():
                return "", False
    except TimeoutError:
        return "", False
    finally:
        await _end(process)
    return output[:MAX_BYTES].decode(errors="replace"), cut


async def _head_of(process: asyncio.subprocess.Process) -> bytes:
    if process.stdout is None:
        return b""
    output = bytearray()
    while len(output) <= MAX_BYTES and (chunk := await process.stdout.read(65_536)):
        output += chunk
    return bytes(output)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        if process.stdout is not None:
            await process.stdout.read()
        await process.wait()
