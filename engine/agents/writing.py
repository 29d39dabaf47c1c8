"""Tools that work in a checkout of one's own: edit, write, run, and reading what is there now."""

import asyncio
import difflib
import hashlib
import itertools
import posixpath
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import Field

from engine.agents.reading import DiffInput, below, lines_of, places
from engine.agents.tools import Done, Input, Tool
from engine.errors import Rejected
from engine.files import Checkout, Kind
from engine.ports import Command, Ended, Limits, Match, Sandbox, Workspace

LONGEST_FILE = 400_000
COMMAND_S = 120.0
MOST_COMPARED = 2_000
"""Lines of a change that are compared one by one: the time that takes grows with their square."""


class CheckoutTree:
    """The files of a checkout, as they are now.

    Args:
        checkout: The checkout.
    """

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout

    async def paths(self, under: str) -> Sequence[str]:
        """Every regular file at or below `under`, sorted."""
        return await asyncio.to_thread(self._paths, under)

    async def content(self, path: str) -> bytes:
        """A file's bytes.

        Raises:
            Rejected: there is no such file, or it is not one to be read.
        """
        return await asyncio.to_thread(self._checkout.read, path)

    async def matches(self, literal: str, under: str, limit: int) -> Sequence[Match]:
        """Lines that hold `literal`, in path order."""
        return await asyncio.to_thread(self._matches, literal, under, limit)

    def _paths(self, under: str) -> list[str]:
        return [e.path for e in self._checkout.walk() if e.kind is Kind.FILE and below(e.path, under)]

    def _matches(self, literal: str, under: str, limit: int) -> list[Match]:
        found: list[Match] = []
        for entry in self._checkout.walk():
            path = entry.path
            if entry.kind is not Kind.FILE or entry.size > LONGEST_FILE or not below(path, under):
                continue
            with self._checkout.open(entry) as file:
                content = file.read(LONGEST_FILE)
            if b"\0" in content[:8_000]:
                continue
            for number, line in enumerate(lines_of(content.decode("utf-8", "replace")), start=1):
                if literal in line:
                    found.append(Match(path=path, line=number, text=line))
                    if len(found) >= limit:
                        return found
        return found


class EditInput(Input):
    """A replacement."""

    path: str = Field(min_length=1)
    old: str = Field(min_length=1, description="Text that stands exactly once in the file, to the letter.")
    new: str = Field(description="What to put in its place.")


class WriteInput(Input):
    """A whole file."""

    path: str = Field(min_length=1)
    content: str = Field(max_length=LONGEST_FILE, description="The whole new content of the file.")


class RunInput(Input):
    """A command."""

    argv: tuple[str, ...] = Field(
        min_length=1, max_length=64, description='Program and arguments, such as ["make", "test"]. No shell.'
    )
    timeout_s: float = Field(default=COMMAND_S, gt=0, le=600, description="Seconds until it is ended.")


def edit_tool(checkout: Checkout, marks: Path, locks: Collection[str] = ()) -> Tool[EditInput]:
    """The tool `edit`: an exact replacement.

    Args:
        checkout: Where it edits.
        marks: Directory outside the checkout that remembers what each edit makes of its file, so that one
            which is made again after a crash is recognised, also where `new` holds `old`.
        locks: Files that dependencies were made of; what comes of changing one is told.
    """

    def work(given: EditInput, call: str) -> Done:
        before = checkout.read(given.path)
        mark = marks / hashlib.sha256(call.encode()).hexdigest()
        if not (mark.exists() and mark.read_text() == _digest(before)):
            after = _replaced(given, before)
            marks.mkdir(parents=True, exist_ok=True)
            mark.write_text(_digest(after))
            checkout.write(given.path, after)
        return Done(f"Edited {given.path}.{_of_lock(given.path, locks)}", given.path)

    async def in_thread(given: EditInput, call: str) -> Done:
        return await asyncio.to_thread(work, given, call)

    return Tool(
        "edit",
        "Replace a text that stands exactly once in a file. To delete text, leave `new` empty.",
        EditInput,
        in_thread,
        changes=True,
    )


def write_tool(checkout: Checkout, locks: Collection[str] = ()) -> Tool[WriteInput]:
    """The tool `write`: a whole file; `locks` as for `edit_tool`."""

    async def work(given: WriteInput, _call: str) -> Done:
        content = given.content.encode("utf-8", "replace")
        await asyncio.to_thread(checkout.write, given.path, content)
        said = f"Wrote {given.path}: {len(content)} bytes.{_of_lock(given.path, locks)}"
        return Done(said, given.path)

    return Tool(
        "write",
        "Write a file, new or instead of what is there. Folders are made as needed.",
        WriteInput,
        work,
        changes=True,
    )


def run_tool(
    sandbox: Sandbox, root: Path, prepared: Collection[str] = (), memory_mb: int = Limits().memory_mb
) -> Tool[RunInput]:
    """The tool `run`: a command in the sandbox, over a copy of the checkout.

    Args:
        sandbox: Where it runs.
        root: The checkout.
        prepared: Directories that hold dependencies there; the description tells of them.
        memory_mb: Address space of each process.
    """
    told = f" Dependencies are installed in {', '.join(prepared)}, read-only." if prepared else ""

    async def work(given: RunInput, _call: str) -> Done:
        if any("\0" in word for word in given.argv):
            raise Rejected("A command cannot hold the character NUL.")
        limits = Limits(wall_s=given.timeout_s, cpu_s=int(given.timeout_s) + 1, memory_mb=memory_mb)
        done = await sandbox.run(Command(argv=given.argv, tree=root, limits=limits))
        how = f"exit code: {done.exit_code}" if done.ended is Ended.EXIT else f"ended by: {done.ended}"
        text = f"{how}\nseconds: {done.duration_s:.1f}\n{done.output}"
        code = done.exit_code if done.ended is Ended.EXIT else None
        return Done(text, " ".join(given.argv), code, done.digest)

    return Tool(
        "run",
        "Run a command over a private copy of your files, without network. The files it writes are thrown "
        f"away, only its output and exit code come back: change files with edit and write.{told}",
        RunInput,
        work,
    )


def work_diff_tool(workspace: Workspace, start: str, checkout: Checkout) -> Tool[DiffInput]:
    """The tool `diff` between a commit and the checkout as it is now."""

    async def work(given: DiffInput, _call: str) -> Done:
        tree = CheckoutTree(checkout)
        at_start = {e.path for e in await workspace.files(start) if e.mode.startswith("100")}
        now = set(await tree.paths(""))
        wanted = places(given.paths)
        parts: list[str] = []
        for path in sorted(at_start | now):
            if wanted and not any(below(path, one) for one in wanted):
                continue
            try:
                old = await workspace.read(start, path) if path in at_start else None
                new = await tree.content(path) if path in now else None
            except Rejected as error:
                parts.append(f"--- {path}: not compared. {error.sentence}")
                continue
            if old != new:
                parts.extend(await asyncio.to_thread(_unified, path, old, new))
        return Done("\n".join(parts) or "Nothing differs.", ", ".join(wanted) or "everything")

    return Tool("diff", "What you have changed so far, as a unified diff.", DiffInput, work)


def _of_lock(path: str, locks: Collection[str]) -> str:
    if posixpath.normpath(path) not in locks:
        return ""
    return (
        " Dependencies are installed only as this file stands at the base: commands keep those, and checks "
        "are not run on a commit that changes it."
    )


def _replaced(given: EditInput, before: bytes) -> bytes:
    old = given.old.encode("utf-8", "replace")
    times = before.count(old)
    if times != 1:
        why = "does not stand" if times == 0 else f"stands {times} times"
        raise Rejected(f"`old` {why} in {given.path}. It has to stand there exactly once, to the letter.")
    after = before.replace(old, given.new.encode("utf-8", "replace"))
    if len(after) > LONGEST_FILE:
        raise Rejected(f"{given.path} would become longer than {LONGEST_FILE} bytes.")
    return after


def _unified(path: str, old: bytes | None, new: bytes | None) -> list[str]:
    if b"\0" in (old or b"") + (new or b""):
        return [f"--- {path}: not text, changed"]
    before = lines_of((old or b"").decode("utf-8", "replace"))
    after = lines_of((new or b"").decode("utf-8", "replace"))
    was = f"a/{path}" if old is not None else "/dev/null"
    now = f"b/{path}" if new is not None else "/dev/null"
    same = _same_at_start(before, after)
    left, right = before[same:], after[same:]
    end = _same_at_start(left[::-1], right[::-1])
    left, right = left[: len(left) - end], right[: len(right) - end]
    if max(len(left), len(right)) <= MOST_COMPARED:
        return list(difflib.unified_diff(before, after, was, now, lineterm=""))
    hunk = f"@@ -{same + 1},{len(left)} +{same + 1},{len(right)} @@"
    return [f"--- {was}", f"+++ {now}", hunk, *(f"-{line}" for line in left), *(f"+{line}" for line in right)]


def _same_at_start(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
