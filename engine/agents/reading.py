"""Tools that read: list, read, search, diff, history. Over git objects at a commit, or over a checkout.

What reviewers and read-only agents see comes from objects alone: the same bytes for the same commit,
whatever an implementer wrote into a checkout, a configuration or an attributes file.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from pydantic import Field

from engine.agents.tools import LONGEST_OUTPUT, Done, Input, Tool
from engine.errors import Rejected
from engine.ports import Match, Workspace
from engine.relative_paths import relative_path

LONGEST_LIST = 600
LONGEST_LINE = 1_000
MOST_MATCHES = 200


class Tree(Protocol):
    """Files that can be read: a commit's, or a checkout's."""

    async def paths(self, under: str) -> Sequence[str]:
        """Every regular file at or below `under` (empty: all), sorted."""
        ...

    async def content(self, path: str) -> bytes | None:
        """A file's bytes, None if there is no such file."""
        ...

    async def matches(self, literal: str, under: str, limit: int) -> Sequence[Match]:
        """Lines that hold `literal`, in path order."""
        ...


class ObjectTree:
    """The files of one commit, from git objects.

    Args:
        workspace: The repository.
        commit: Full id.
    """

    def __init__(self, workspace: Workspace, commit: str) -> None:
        self._workspace = workspace
        self._commit = commit

    async def paths(self, under: str) -> Sequence[str]:
        """Every regular file at or below `under`, sorted."""
        entries = await self._workspace.files(self._commit)
        return [e.path for e in entries if e.mode.startswith("100") and below(e.path, under)]

    async def content(self, path: str) -> bytes | None:
        """A file's bytes, None if there is no such file.

        Raises:
            Rejected: it is too large to read.
        """
        return await self._workspace.read(self._commit, path)

    async def matches(self, literal: str, under: str, limit: int) -> Sequence[Match]:
        """Lines that hold `literal`, in path order."""
        return await self._workspace.search(self._commit, literal, under, limit)


class ListInput(Input):
    """Which files."""

    under: str = Field(default="", description="A folder, such as src/billing. Empty: everything.")


class ReadInput(Input):
    """What to read."""

    path: str = Field(min_length=1, description="Path relative to the repository's root.")
    from_line: int = Field(default=1, ge=1, description="First line.")
    lines: int = Field(default=400, ge=1, le=1000, description="How many lines at most.")


class SearchInput(Input):
    """What to look for."""

    literal: str = Field(
        min_length=1, max_length=200, description="Text to find, to the letter, within one line."
    )
    under: str = Field(default="", description="Only in this folder or file. Empty: everywhere.")


class DiffInput(Input):
    """Which part of the difference."""

    paths: tuple[str, ...] = Field(default=(), max_length=50, description="Only these paths. Empty: all.")


class HistoryInput(Input):
    """Whose history."""

    path: str = Field(default="", description="Only commits that touched this path. Empty: all.")


def list_tool(tree: Tree) -> Tool[ListInput]:
    """The tool `list` over a tree."""

    async def work(given: ListInput, _call: str) -> Done:
        under = place(given.under)
        found = await tree.paths(under)
        lines = [f"{len(found)} files", *list(found[:LONGEST_LIST])]
        if len(found) > LONGEST_LIST:
            lines.append(f"… and {len(found) - LONGEST_LIST} more: name a folder to see them.")
        return Done("\n".join(lines), under or "everything")

    return Tool("list", "List the repository's files, whole paths, sorted.", ListInput, work)


def read_tool(tree: Tree) -> Tool[ReadInput]:
    """The tool `read` over a tree."""

    async def work(given: ReadInput, _call: str) -> Done:
        path = relative_path(given.path)
        content = await tree.content(path)
        if content is None:
            raise Rejected(f"There is no file {path}. Use list or search to find its path.")
        if b"\0" in content[:8_000]:
            return Done(f"{path} is not text ({len(content)} bytes).", path)
        # In a thread: of a large file this takes as long as much else that waits for the loop.
        return Done(await asyncio.to_thread(_numbered_bytes, content, given), path)

    return Tool(
        "read",
        "Read a text file. Each line comes as `NUMBER| text`; the number and the bar are not part of it. "
        f"Of a line over {LONGEST_LINE} characters the beginning comes, and how much was cut.",
        ReadInput,
        work,
    )


def search_tool(tree: Tree) -> Tool[SearchInput]:
    """The tool `search` over a tree."""

    async def work(given: SearchInput, _call: str) -> Done:
        if "\n" in given.literal:
            raise Rejected("search looks within single lines: give it a text without line breaks.")
        found = await tree.matches(given.literal, place(given.under), MOST_MATCHES + 1)
        lines = [f"{m.path}:{m.line}: {m.text.strip()[:300]}" for m in found[:MOST_MATCHES]]
        if len(found) > MOST_MATCHES:
            lines.append(f"… more than {MOST_MATCHES}: look for something rarer, or under a folder.")
        return Done("\n".join(lines) or "Nothing found.", given.literal)

    return Tool(
        "search",
        "Find a literal text in all files, case-sensitive. Results come as `path:line: text`.",
        SearchInput,
        work,
    )


def diff_tool(workspace: Workspace, base: str, commit: str) -> Tool[DiffInput]:
    """The tool `diff` between two commits, from objects."""

    async def work(given: DiffInput, _call: str) -> Done:
        paths = places(given.paths)
        text = await workspace.diff(base, commit, paths)
        return Done(text or "Nothing differs.", ", ".join(paths) or "everything")

    return Tool(
        "diff",
        "The difference between where the work began and the commit, as a unified diff. "
        "A long one is cut in the middle: ask for single paths.",
        DiffInput,
        work,
    )


def history_tool(workspace: Workspace, commit: str) -> Tool[HistoryInput]:
    """The tool `history` of the base branch."""

    async def work(given: HistoryInput, _call: str) -> Done:
        path = place(given.path)
        entries = await workspace.history(commit, path)
        lines = [f"{e.commit[:12]} {e.at:%Y-%m-%d} {e.subject[:200]}" for e in entries]
        return Done("\n".join(lines) or "No commits.", path or "everything")

    return Tool("history", "The newest commits of the base branch that touched a path.", HistoryInput, work)


def numbered(text: str, first: int, most: int) -> str:
    """Lines with their numbers, as many as fit, and where to go on."""
    lines = lines_of(text)
    if first > max(1, len(lines)):
        raise Rejected(f"The file has only {len(lines)} lines.")
    shown: list[str] = []
    room = LONGEST_OUTPUT - 500
    for number, line in enumerate(lines[first - 1 : first - 1 + most], start=first):
        entry = f"{number}| {_fitting(line)}"
        room -= len(entry) + 1
        if room < 0:
            break
        shown.append(entry)
    last = first + len(shown) - 1
    if last < len(lines):
        shown.append(f"… {len(lines)} lines in all: go on with from_line {last + 1}.")
    return "\n".join(shown) or "(an empty file)"


def _numbered_bytes(content: bytes, given: ReadInput) -> str:
    return numbered(content.decode("utf-8", "replace"), given.from_line, given.lines)


def _fitting(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[:LONGEST_LINE]} [line cut here: {len(line) - LONGEST_LINE} more characters]"


def lines_of(text: str) -> list[str]:
    """The lines as git and editors count them: nothing but a line feed ends one."""
    return text.removesuffix("\n").split("\n") if text else []


def place(given: str) -> str:
    """A folder or file as a model names it, in normal form; empty for everything.

    Raises:
        Rejected: it leads out of the repository or cannot be a path.
    """
    named = given.strip().strip("/").removeprefix("./")
    return "" if named in ("", ".") else relative_path(named)


def places(given: Sequence[str]) -> list[str]:
    """Several of them; none for everything."""
    named = [place(one) for one in given]
    return [] if "" in named else named


def below(path: str, under: str) -> bool:
    """Whether a path is `under` or stands below it."""
    return not under or path == under or path.startswith(f"{under}/")
