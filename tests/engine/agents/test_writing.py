"""Work in a checkout never holds the process up, whatever a model has written."""

import asyncio
from pathlib import Path
from time import monotonic

import pytest

from engine.agents.writing import LONGEST_FILE, MOST_COMPARED, CheckoutTree, work_diff_tool
from engine.files import Checkout
from engine.ports import TreeEntry, Workspace

EVERY_SECOND = [f"line {n}" if n % 2 else f"other {n}" for n in range(20_000)]


class OneFile:
    """The part of a workspace that a diff of a checkout needs."""

    async def files(self, _commit: str) -> list[TreeEntry]:
        return [TreeEntry(path="a.txt", mode="100644", blob="0" * 40, size=1)]

    async def read(self, _commit: str, _path: str) -> bytes:
        return "\n".join(["head", *(f"line {n}" for n in range(20_000)), "tail"]).encode()


def diff_over(root: Path, lines: list[str]) -> "asyncio.Task[str]":
    (root / "a.txt").write_text("\n".join(lines))
    workspace: Workspace = OneFile()  # type: ignore[assignment]  # nothing else of it is asked for
    tool = work_diff_tool(workspace, "f" * 40, Checkout(root))

    async def text() -> str:
        return (await tool.call({}, "call")).text

    return asyncio.create_task(text())


async def test_a_diff_of_many_scattered_changes_takes_no_time_and_blocks_nobody(tmp_path: Path) -> None:
    longest, last = 0.0, monotonic()
    diff = diff_over(tmp_path, ["head", *EVERY_SECOND, "tail"])
    while not diff.done():
        await asyncio.sleep(0.01)
        longest, last = max(longest, monotonic() - last), monotonic()
    assert longest < 1
    lines = diff.result().split("\n")
    assert lines[:3] == ["--- a/a.txt", "+++ b/a.txt", "@@ -2,19999 +2,19999 @@"]
    assert (lines[3], lines[-1]) == ("-line 0", "+other 19998")


async def test_small_changes_in_long_files_are_compared_line_by_line(tmp_path: Path) -> None:
    changed = [f"line {n}" for n in range(20_000)]
    changed[MOST_COMPARED] = "another"
    text = await diff_over(tmp_path, ["head", *changed, "tail"])
    assert "-line 2000\n+another\n" in text
    assert len(text.split("\n")) < 15


@pytest.mark.parametrize("name", ["tab\there.txt", "new\nline.txt"])
async def test_a_strange_name_does_not_stop_a_search(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("needle\n")
    (tmp_path / "plain.txt").write_text("needle\n" + "x" * (LONGEST_FILE // 2))
    found = await CheckoutTree(Checkout(tmp_path)).matches("needle", "", 10)
    assert "plain.txt" in [match.path for match in found]
