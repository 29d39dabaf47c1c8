import asyncio
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.playground import sample_repository
from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.adapters.git_workspace import GitWorkspace
from engine.agents.reading import lines_of, numbered
from engine.agents.roster import ToolName
from engine.agents.toolboxes import LOOKING, reader, writer
from engine.agents.tools import LONGEST_OUTPUT, Done, Toolbox, problems
from engine.dependencies import Dependencies
from engine.errors import Rejected
from engine.prepare_settings import PrepareSettings
from engine.schemas import Report

ALL = tuple(ToolName)
NUMBERS = count()


@pytest.fixture
async def workspace(tmp_path: Path) -> GitWorkspace:
    remote = tmp_path / "remote.git"
    await sample_repository.create(remote)
    return GitWorkspace(str(remote), "main", tmp_path / "store.git")


@pytest.fixture
async def base(workspace: GitWorkspace) -> str:
    return await workspace.refresh()


@pytest.fixture
async def checkout(workspace: GitWorkspace, base: str, tmp_path: Path) -> Path:
    await workspace.checkout(base, tmp_path / "checkouts" / "one")
    return tmp_path / "checkouts" / "one"


@pytest.fixture
def box(workspace: GitWorkspace, base: str, checkout: Path) -> Toolbox:
    return writer(ALL, workspace, base, checkout, dependencies(workspace, checkout, None))


def dependencies(workspace: GitWorkspace, checkout: Path, prepare: PrepareSettings | None) -> Dependencies:
    return Dependencies("sample", prepare, workspace, BubblewrapSandbox(), checkout.parents[1] / "prepared")


async def use(box: Toolbox, name: str, call: str | None = None, **given: Any) -> Done:
    return await box.call(name, given, call or f"call{next(NUMBERS)}")


@pytest.mark.parametrize("over", ["objects", "checkout"])
async def test_objects_and_a_fresh_checkout_read_the_same(
    over: str, workspace: GitWorkspace, base: str, box: Toolbox
) -> None:
    box = reader(ALL, workspace, base, base) if over == "objects" else box
    listed = await use(box, "list", under="src/amp_billing/")
    assert "src/amp_billing/conversation_billing_summary.sql" in listed.text.splitlines()
    assert "src/product_usage" not in listed.text
    read = await use(box, "read", path="Makefile", lines=2)
    assert read.text.startswith("1| ")
    assert "go on with from_line 3" in read.text
    found = await use(box, "search", literal="amp_all_events_v2", under="src/amp_metrics_incremental")
    first = found.text.splitlines()[0]
    path, line, _ = first.split(":", 2)
    content = await workspace.read(base, path)
    assert content is not None
    assert "amp_all_events_v2" in lines_of(content.decode())[int(line) - 1]
    assert (await use(box, "search", literal="no such text anywhere")).text == "Nothing found."
    assert "|" not in (await use(box, "history", path="Makefile")).text


async def test_a_reader_has_nothing_that_writes(workspace: GitWorkspace, base: str) -> None:
    assert {spec.name for spec in reader(ALL, workspace, base, base).specs} == {
        "list",
        "read",
        "search",
        "diff",
        "history",
    }
    assert [spec.name for spec in reader(LOOKING, workspace, base, base).specs] == ["list", "read", "search"]


async def test_an_edit_replaces_exactly_one_place(box: Toolbox, checkout: Path) -> None:
    await use(box, "write", path="a/b.txt", content="one\ntwo\ntwo\n")
    await use(box, "edit", path="a/b.txt", old="one", new="1")
    assert (checkout / "a/b.txt").read_text() == "1\ntwo\ntwo\n"
    with pytest.raises(Rejected, match="stands 2 times"):
        await use(box, "edit", path="a/b.txt", old="two", new="2")
    with pytest.raises(Rejected, match="does not stand"):
        await use(box, "edit", path="a/b.txt", old="three", new="3")
    with pytest.raises(Rejected, match="no such file"):
        await use(box, "edit", path="a/c.txt", old="three", new="3")


async def test_an_edit_made_again_under_its_id_changes_nothing(box: Toolbox, checkout: Path) -> None:
    await use(box, "write", path="a.txt", content="start\n")
    for _ in range(3):
        await use(box, "edit", call="r1", path="a.txt", old="start", new="start\nmore")
    assert (checkout / "a.txt").read_text() == "start\nmore\n"
    await use(box, "edit", call="r2", path="a.txt", old="start", new="start\nmore")
    assert (checkout / "a.txt").read_text() == "start\nmore\nmore\n"


async def test_nothing_is_written_outside_the_checkout(box: Toolbox, checkout: Path, tmp_path: Path) -> None:
    (checkout / "out").symlink_to(tmp_path)
    for path in ("../evil", "/tmp/evil", "out/evil", ".git/hooks/x", "a/../../evil"):
        with pytest.raises(Rejected):
            await use(box, "write", path=path, content="x")
    with pytest.raises(Rejected):
        await use(box, "read", path="out/state.db")
    assert not (tmp_path / "evil").exists()


async def test_the_diff_of_a_checkout_shows_new_changed_and_deleted(box: Toolbox, checkout: Path) -> None:
    assert (await use(box, "diff")).text == "Nothing differs."
    await use(box, "write", path="new.sql", content="SELECT 1\n")
    (checkout / "README.md").unlink()
    text = (await use(box, "diff")).text
    assert "+++ b/new.sql\n" in text
    assert "+SELECT 1" in text
    assert "--- a/README.md\n+++ /dev/null" in text
    assert "README" not in (await use(box, "diff", paths=["new.sql"])).text


async def test_what_a_command_writes_is_thrown_away(box: Toolbox, checkout: Path) -> None:
    done = await use(box, "run", argv=["sh", "-c", "echo said; touch left-behind; exit 3"])
    assert done.exit_code == 3
    assert done.text.startswith("exit code: 3\n")
    assert "said" in done.text
    assert not (checkout / "left-behind").exists()


async def test_a_command_that_hangs_is_ended_and_has_no_exit_code(box: Toolbox) -> None:
    done = await use(box, "run", argv=["sleep", "60"], timeout_s=0.5)
    assert done.exit_code is None
    assert done.text.startswith("ended by: timeout")


async def test_bad_calls_are_told_what_is_wrong(box: Toolbox) -> None:
    with pytest.raises(Rejected, match="Your tools: list, read"):
        await use(box, "sudo")
    with pytest.raises(Rejected, match="path: this is missing"):
        await use(box, "read")
    with pytest.raises(Rejected, match="depth: there is no such field"):
        await use(box, "list", depth=3)
    with pytest.raises(Rejected, match="line breaks"):
        await use(box, "search", literal="a\nb")


def test_long_files_come_in_pieces_that_join() -> None:
    text = "".join(f"line {number} {'x' * 80}\n" for number in range(1, 1001))
    seen: list[str] = []
    first = 1
    while True:
        piece = numbered(text, first, 400)
        assert len(piece) <= LONGEST_OUTPUT
        lines = piece.split("\n")
        seen += [line.partition("| ")[2] for line in lines if "| " in line]
        if "go on with" not in lines[-1]:
            break
        first = int(lines[-1].rstrip(".").rpartition(" ")[2])
    assert seen == lines_of(text)


def test_only_a_line_feed_ends_a_line() -> None:
    assert lines_of("a\x0cb\u2028c\r\nd") == ["a\x0cb\u2028c\r", "d"]
    assert lines_of("") == []
    with pytest.raises(Rejected, match="only 1 lines"):
        numbered("a\n", 2, 10)


def test_a_cut_line_says_so() -> None:
    shown = numbered(f"{'x' * 1_200}\nshort\n", 1, 10).split("\n")
    assert shown[0].endswith("x [line cut here: 200 more characters]")
    assert shown[1] == "2| short"


async def test_files_too_large_to_read_are_told_and_hide_no_other_change(
    box: Toolbox, checkout: Path
) -> None:
    await asyncio.to_thread((checkout / "huge.txt").write_bytes, b"x" * 5_000_000)
    with pytest.raises(Rejected, match=r"huge\.txt has 5000000 bytes"):
        await use(box, "read", path="huge.txt")
    await use(box, "write", path="new.txt", content="new\n")
    diff = (await use(box, "diff")).text
    assert "--- huge.txt: not compared. huge.txt has 5000000 bytes" in diff
    assert "+new" in diff


async def test_binary_files_are_not_shown(box: Toolbox, checkout: Path) -> None:
    await asyncio.to_thread((checkout / "x.bin").write_bytes, b"\0\1\2")
    assert "not text" in (await use(box, "read", path="x.bin")).text


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd/../..", "a/../../x", "a\0b", ".git/config", "x" * 5_000]
)
async def test_paths_that_lead_out_are_refused_by_every_tool(
    path: str, workspace: GitWorkspace, base: str, box: Toolbox
) -> None:
    for tools in (box, reader(ALL, workspace, base, base)):
        for name, given in (
            ("list", {"under": path}),
            ("read", {"path": path}),
            ("search", {"literal": "x", "under": path}),
            ("diff", {"paths": [path]}),
            ("history", {"path": path}),
        ):
            with pytest.raises(Rejected):
                await use(tools, name, **given)


async def test_the_whole_repository_may_be_named_in_several_ways(box: Toolbox) -> None:
    whole = (await use(box, "list")).text
    for name in (".", "./", "/", " "):
        assert (await use(box, "list", under=name)).text == whole
        assert (await use(box, "diff", paths=[name, "src"])).text == "Nothing differs."
        assert (await use(box, "history", path=name)).text == (await use(box, "history")).text


async def test_prepared_dependencies_are_seen_by_commands_and_are_no_files_of_the_agent(
    workspace: GitWorkspace, base: str, checkout: Path
) -> None:
    made = PrepareSettings(
        commands=(("sh", "-c", "mkdir deps && wc -l <README.md >deps/lines"),),
        locks=("README.md",),
        outputs=("deps",),
    )
    box = writer(ALL, workspace, base, checkout, dependencies(workspace, checkout, made))
    described = {spec.name: spec.description for spec in box.specs}
    assert described["run"].endswith("Dependencies are installed in deps, read-only.")
    ran = await use(box, "run", argv=["sh", "-c", "cat deps/lines; echo x >deps/lines"])
    assert "Read-only file system" in ran.text
    assert ran.text.splitlines()[2].isdigit()
    for name, given in (
        ("write", {"path": "deps/lines", "content": "x"}),
        ("write", {"path": "deps", "content": "x"}),
        ("edit", {"path": "./deps//lines", "old": "x", "new": "y"}),
        ("read", {"path": "deps/lines"}),
    ):
        with pytest.raises(Rejected, match="read-only and part of no commit"):
            await use(box, name, **given)
    other = await use(box, "write", path="deps-of-ours.txt", content="x")
    assert "Dependencies" not in other.text
    lock = await use(box, "write", path="./README.md", content="x")
    assert "checks are not run on a commit that changes it" in lock.text


@pytest.mark.parametrize(
    ("answer", "why"),
    [("I would say so.", "expected"), ('{"title": "\\ud800"}', "hex escape"), ("", "EOF")],
)
def test_an_answer_that_cannot_be_read_is_told_why_and_never_quoted(answer: str, why: str) -> None:
    with pytest.raises(ValidationError) as broken:
        Report.model_validate_json(answer)
    (told,) = problems(broken.value)
    assert told.startswith("The answer is not JSON that can be read: ")
    assert why in told
    assert "would say" not in told
