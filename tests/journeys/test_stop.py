"""Stop, in the middle of a model call and in the middle of a command, by a click and by the word alone."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest

from bot.cards.presses import StopRequest
from bot.playground.people import People, Player
from bot.playground.rehearsal import ReceivedCall, Rehearsal, Reply
from bot.playground.script import SCENARIOS, Scenario
from tests.journeys.reading import SITUATION, can_stop, cards, presses, until
from tests.journeys.stage import Stage, staged

CHANNEL = "C0DATA"
STOP_S = 2.0
NOTHING_S = 1.5
SECONDS = "6173.25"
"""A duration nobody else sleeps, so that the process is found."""


@dataclass
class Halting:
    """The script, but one role's first answer takes half a minute, or starts a command that never ends."""

    role: str
    command: tuple[str, ...] = ()
    script: Rehearsal = field(
        default_factory=lambda: Rehearsal([Scenario.load(SCENARIOS / SITUATION)], pace=0)
    )

    def reply(self, call: ReceivedCall) -> Reply:
        """As `Responder`."""
        if call.role != self.role:
            return self.script.reply(call)
        if not self.command:
            return Reply([{"type": "text", "text": "{}"}], delay_s=30)
        tool = {"type": "tool_use", "id": "toolu_1", "name": "run", "input": {"argv": list(self.command)}}
        return Reply([tool])


async def by_click(stage: Stage, thread: str) -> None:
    card = cards(stage.slack, CHANNEL, thread)["progress"]
    element = next(element for _, element, press in presses(card) if isinstance(press, StopRequest))
    await stage.slack.person("U0SAM").click(card.ts, action_id=element["action_id"])


async def by_word(stage: Stage, thread: str) -> None:
    await stage.slack.person("U0SAM").say(CHANNEL, thread, "stop")


def sleepers() -> list[int]:
    """Processes of this machine that sleep for that long, with what started them inside a sandbox."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                arguments = (path / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # it ended meanwhile
            if SECONDS.encode() in arguments:
                found.append(int(path.name))
    return found


async def until_busy(stage: Stage, busy: Callable[[], object]) -> tuple[str, asyncio.Task[str]]:
    """People play until `busy`; returns the thread, and the people, who go on meanwhile."""

    async def never(_: str) -> bool:
        return False

    player = Player(People.load(SCENARIOS / SITUATION / "people.yml"), stage.slack)
    playing = asyncio.create_task(player.play(never, 100))
    await until(busy, 60, "the work has come to where it is to be stopped")
    return next(iter(stage.slack.workspace.messages)), playing


async def assert_stops(stage: Stage, thread: str, began: float, gone: Callable[[], bool]) -> None:
    """Within two seconds the card says by whom and the work is gone; and nothing happens after that."""

    def stopped() -> bool:
        card = cards(stage.slack, CHANNEL, thread)["progress"]
        return not can_stop(card) and "stopped" in card.words.lower() and "<@U0SAM>" in card.words

    await until(gone, STOP_S - (monotonic() - began), "the work is gone")
    await until(stopped, STOP_S - (monotonic() - began), "the card says who stopped it")
    calls, acts = len(stage.model.calls), len(stage.slack.calls)
    end = monotonic() + NOTHING_S
    while monotonic() < end:
        assert gone()
        await asyncio.sleep(0.1)
    assert len(stage.model.calls) == calls
    assert [call.method for call in stage.slack.calls[acts:] if call.method == "chat.postMessage"] == []
    snapshot = await stage.snapshot(CHANNEL, thread)
    assert snapshot is not None
    assert snapshot.state == "stopped"
    assert snapshot.live == ()
    assert stopped()


@pytest.mark.parametrize("stop", [pytest.param(by_click, marks=pytest.mark.long), by_word])
async def test_in_a_model_call(tmp_path: Path, stop: Callable[[Stage, str], Awaitable[None]]) -> None:
    async with staged(tmp_path, Halting("specify")) as stage:
        api = stage.model
        thread, playing = await until_busy(stage, lambda: api.calls and api.calls[-1].role == "specify")
        began = monotonic()
        await stop(stage, thread)
        await assert_stops(stage, thread, began, lambda: [c.role for c in api.abandoned] == ["specify"])
        playing.cancel()


@pytest.mark.parametrize("stop", [by_click, pytest.param(by_word, marks=pytest.mark.long)])
async def test_in_a_command(tmp_path: Path, stop: Callable[[Stage, str], Awaitable[None]]) -> None:
    responder = Halting("task:databricks-genius", ("sh", "-c", f"sleep {SECONDS} & sleep {SECONDS}; true"))
    async with staged(tmp_path, responder) as stage:
        thread, playing = await until_busy(stage, lambda: len(sleepers()) >= 2)
        began = monotonic()
        await stop(stage, thread)
        await assert_stops(stage, thread, began, lambda: sleepers() == [])
        playing.cancel()
