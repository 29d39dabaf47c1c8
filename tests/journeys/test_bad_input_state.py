"""What is wrong where the bot runs: disk, database, a second process, no sandbox; and unknown requests."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.cards.presses import ApproveSpec
from bot.playground.demo import Demo, DemoOptions
from bot.playground.slack import LocalSlack, NotAcked
from engine.errors import ConfigurationInvalid, GreenlightError
from engine.request import State
from engine.state_dir import hold
from tests.journeys.bad_input import DANA, RILEY, Thread, World, repository, small_repository, world
from tests.journeys.bots import ended, environment
from tests.journeys.reading import can_stop, cards, key_of

pytestmark = pytest.mark.xdist_group("bad-input-state")

CHANNELS = ["C0ONE", "C0TWO", "C0THREE"]
TINY_MB = 12


@contextlib.asynccontextmanager
async def small_world(directory: Path) -> AsyncIterator[World]:
    notes = repository(directory, "notes", CHANNELS)
    await small_repository(Path(notes.remote))
    async with world(directory, [notes]) as running:
        yield running


async def delivered(thread: Thread) -> None:
    await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    await thread.card("delivery:1")
    assert (await thread.becomes(State.DELIVERED)).escalations == ()


# ---------------------------------------------------------------- disk


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A state directory on a disk of its own."""
    state = tmp_path / "state"
    state.mkdir()
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={TINY_MB}m", "greenlight-test", str(state)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield state
    subprocess.run(["umount", str(state)], check=True)


def fill(disk: Path) -> Path:
    """Use up every byte that is left."""
    filler = disk / "filler"
    with filler.open("wb") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(4096))
    return filler


async def test_a_full_disk_is_told_nothing_is_lost_and_freed_it_goes_on(
    tiny_disk: Path, tmp_path: Path
) -> None:
    async with small_world(tmp_path) as bot:
        waiting = await bot.ask(CHANNELS[0], "Add a greeting")
        spec = await waiting.card("spec:1")
        filler = fill(tiny_disk)
        refused = await bot.ask(CHANNELS[1], "Add a greeting in notes/hello.md " + "please " * 900)
        told = await bot.told(RILEY, "There is no space left", "Nothing was changed.")
        assert told.channel == CHANNELS[1]
        assert await bot.running.engine.snapshot(refused.request) is None
        assert not cards(bot.slack, CHANNELS[1], refused.ts)
        await waiting.press(DANA, spec, ApproveSpec)
        await bot.told(DANA, "There is no space left", "Nothing was changed.")
        assert (await waiting.snapshot()).state is State.AWAITING_APPROVAL
        filler.unlink()
        await delivered(waiting)
        await delivered(await bot.ask(CHANNELS[2], "Add a greeting"))


@pytest.mark.parametrize("left", [0, 8192])
async def test_on_a_full_disk_it_does_not_start_and_says_why(
    tiny_disk: Path, tmp_path: Path, left: int
) -> None:
    filler = fill(tiny_disk)
    os.truncate(filler, filler.stat().st_size - left)
    with pytest.raises(GreenlightError, match=r"[Nn]o space left"):
        async with small_world(tmp_path):
            pass
    filler.unlink()
    hold(tiny_disk).release()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "greenlight.db").write_text("no database" * 1000)
    with pytest.raises(ConfigurationInvalid, match=r"greenlight.db cannot be used: restore a copy"):
        async with small_world(tmp_path):
            pass
    hold(tmp_path / "state").release()


# ---------------------------------------------------------------- database

HOLD = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
other.execute("ROLLBACK")
"""


@pytest.mark.long
async def test_while_another_process_locks_the_database_no_event_is_lost(tmp_path: Path) -> None:
    async with small_world(tmp_path) as bot:
        waiting = await bot.ask(CHANNELS[0], "Add a greeting")
        spec = await waiting.card("spec:1")
        database = str(tmp_path / "state" / "greenlight.db")
        other = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", HOLD, database),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert other.stdin is not None
        assert other.stdout is not None
        await other.stdout.readline()
        mention = await bot.slack.person(RILEY).mention(CHANNELS[1], "Add a greeting")
        with pytest.raises(NotAcked):
            await waiting.press(DANA, spec, ApproveSpec)
        await bot.told(RILEY, "Another program holds Greenlight's database", "repeats your message")
        other.stdin.close()
        assert await other.wait() == 0
        await bot.slack.acked(mention, 30)
        again = Thread(bot, CHANNELS[1], mention)
        await again.card("spec:1")
        assert max(d.attempts for d in bot.slack.deliveries if d.key == mention) > 1
        posted = [key_of(m.metadata) for m in bot.slack.thread(CHANNELS[1], mention) if m.by_bot]
        assert sorted(posted) == ["progress", "spec:1"]
        if (await waiting.snapshot()).state is State.AWAITING_APPROVAL:
            await bot.told(DANA, "Another program holds Greenlight's database")
            await waiting.press(DANA, await waiting.card("spec:1"), ApproveSpec)
        await waiting.card("delivery:1")


# ---------------------------------------------------------------- processes


def configuration(path: Path, state: Path) -> Path:
    """A file for `greenlight run`."""
    path.write_text(f'state_dir = "{state}"\n')
    return path


async def test_a_second_process_and_one_without_a_sandbox_refuse_with_a_sentence(tmp_path: Path) -> None:
    async with small_world(tmp_path) as bot:
        known = environment(bot.slack) | {"ANTHROPIC_API_KEY": "sk-ant-fake-second"}
        none = known | {"GREENLIGHT_BWRAP": "/nonexistent"}
        held = configuration(tmp_path / "held.toml", tmp_path / "state")
        free = configuration(tmp_path / "free.toml", tmp_path / "other")
        second, bare, live = await asyncio.gather(
            ended("run", "--config", str(held), env=known),
            ended("run", "--config", str(free), env=none),
            ended("demo", "--live", env=none),
        )
        assert second.code == 2, second.err
        assert f"Another Greenlight (process {os.getpid()}) is running on the state directory" in second.err
        assert "Stop it first, or set another state_dir." in second.err
        for refused in (bare, live):
            assert refused.code == 2, refused.err
            assert "GREENLIGHT_BWRAP names /nonexistent" in refused.err
            assert "Traceback" not in refused.err
        assert "only the built-in rehearsal can be played" in live.err
        # The first one is unharmed.
        thread = await bot.ask(CHANNELS[0], "Add a greeting")
        await thread.card("spec:1")


# ---------------------------------------------------------------- the demo


async def test_the_demo_without_a_sandbox_plays_its_script_only_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GREENLIGHT_BWRAP", "/nonexistent")
    for variables in ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "ANTHROPIC_API_KEY": "sk-ant-fake"},):
        foreign = Demo(DemoOptions(headless=True), variables)
        with pytest.raises(ConfigurationInvalid, match="only the built-in rehearsal can be played"):
            await foreign.start()
        await foreign.close()
    demo = Demo(DemoOptions(headless=True), {})
    try:
        await demo.start()
        banner = demo.slack.options.front.banner
        assert "No sandbox: only the built-in script is played." in banner
        assert "GREENLIGHT_BWRAP" in banner
        await unknown_request(demo.slack)
    finally:
        await demo.close()


async def unknown_request(slack: LocalSlack) -> None:
    """What no rehearsal knows is told with what they know, and how a real model is asked."""
    ts = await slack.person(RILEY).mention("C0DATA", "Paint the office green")
    await slack.acked(ts, 20)
    note = await slack.wait_for(lambda it: cards(it, "C0DATA", ts).get("note:1"), 30)
    assert note is not None
    for words in (
        "This rehearsal knows only:",
        "Add a new metric to track conversation resolution time",
        "ANTHROPIC_API_KEY=… greenlight demo --live",
    ):
        assert words in note.words
    await slack.wait_for(lambda it: not can_stop(cards(it, "C0DATA", ts)["progress"]), 30)
    other = await slack.person(RILEY).mention(
        "C0DATA", "Add a new metric to track conversation resolution time"
    )
    await slack.wait_for(lambda it: cards(it, "C0DATA", other).get("questions:1"), 30)
