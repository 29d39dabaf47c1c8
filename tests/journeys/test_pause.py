"""Pause and go on, in the middle of a model call and of a command: nothing recorded is done again."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest

from bot.cards.presses import PauseRequest, ResumeRequest
from bot.playground.people import People, Player
from bot.playground.rehearsal import ReceivedCall, Rehearsal, Reply
from bot.playground.script import SCENARIOS, Scenario
from tests.journeys.reading import SITUATION, cards, presses, until
from tests.journeys.stage import Stage, staged

CHANNEL = "C0DATA"
WITHIN_S = 2.0
NOTHING_S = 1.5


@dataclass
class Slow:
    """The script, but the answer to one role's call of that number takes a minute the first time."""

    role: str
    number: int = 1
    script: Rehearsal = field(
        default_factory=lambda: Rehearsal([Scenario.load(SCENARIOS / SITUATION)], pace=0)
    )
    seen: int = 0

    def reply(self, call: ReceivedCall) -> Reply:
        """As `Responder`."""
        if call.role == self.role:
            self.seen += 1
            if self.seen == self.number:
                return Reply([{"type": "text", "text": "{}"}], delay_s=60)
        return self.script.reply(call)


async def press(stage: Stage, thread: str, kind: type, who: str) -> None:
    card = cards(stage.slack, CHANNEL, thread)["progress"]
    element = next(element for _, element, press in presses(card) if isinstance(press, kind))
    await stage.slack.person(who).click(card.ts, action_id=element["action_id"])


async def stays_quiet(stage: Stage) -> None:
    calls = len(stage.model.calls)
    await asyncio.sleep(NOTHING_S)
    assert len(stage.model.calls) == calls


@pytest.mark.parametrize(
    ("role", "number", "by_word"),
    [
        ("assess", 1, True),
        pytest.param("specify", 1, False, marks=pytest.mark.long),
        pytest.param("task:databricks-genius", 3, True, marks=pytest.mark.long),
        ("review:production-code-reviewer", 1, False),
    ],
)
async def test_paused_within_two_seconds_and_it_goes_on_from_there(
    tmp_path: Path, role: str, number: int, by_word: bool
) -> None:
    slow = Slow(role, number)
    async with staged(tmp_path, slow) as stage:
        api = stage.model
        ended = asyncio.Event()

        async def over(_: str) -> bool:
            return ended.is_set()

        player = Player(People.load(SCENARIOS / SITUATION / "people.yml"), stage.slack)
        playing = asyncio.create_task(player.play(over, 100))
        await until(lambda: slow.seen >= number, 60, "the call that is to be interrupted")
        thread = next(iter(stage.slack.workspace.messages))
        before = Counter(call.role for call in api.calls)
        began = monotonic()
        if by_word:
            await stage.slack.person("U0SAM").say(CHANNEL, thread, "pause")
        else:
            await press(stage, thread, PauseRequest, "U0SAM")

        def paused() -> bool:
            words = cards(stage.slack, CHANNEL, thread)["progress"].words
            return "Paused by <@U0SAM>" in words and [call.role for call in api.abandoned] == [role]

        await until(paused, WITHIN_S - (monotonic() - began), "it is paused")
        await stays_quiet(stage)
        began = monotonic()
        if by_word:
            await stage.slack.person("U0SAM").say(CHANNEL, thread, "resume")
        else:
            await press(stage, thread, ResumeRequest, "U0SAM")
        await until(lambda: slow.seen > number, WITHIN_S - (monotonic() - began), "the work goes on")
        after = Counter(call.role for call in api.calls)
        assert after - before == Counter({role: 1})  # the interrupted call, and none before it

        def delivered() -> bool:
            return "delivery:1" in cards(stage.slack, CHANNEL, thread)

        await until(delivered, 60, "the delivery")
        words = cards(stage.slack, CHANNEL, thread)["progress"].words
        assert "Paused" not in words
        ended.set()
        playing.cancel()
