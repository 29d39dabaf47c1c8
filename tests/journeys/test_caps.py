"""A cap is met in the thread: named, with what was spent; an approver lets the request go on, nobody else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cards.presses import Choose
from bot.playground.rehearsal import Rehearsal
from bot.playground.script import SCENARIOS, Scenario
from engine.events import Choice
from engine.settings import Caps
from tests.journeys.reading import SITUATION, cards, presses, until
from tests.journeys.stage import Stage, staged

CHANNEL = "C0DATA"
REQUEST = "Add a new metric to track conversation resolution time"
PENNY = 0.01
"""Less than what the first call may cost at worst."""


def script() -> Rehearsal:
    return Rehearsal([Scenario.load(SCENARIOS / SITUATION)], pace=0)


async def press(stage: Stage, thread: str, who: str) -> None:
    card = cards(stage.slack, CHANNEL, thread)["escalation:1"]
    action = next(
        element["action_id"]
        for _, element, press in presses(card)
        if isinstance(press, Choose) and press.choice is Choice.RAISE_CAP
    )
    await stage.slack.person(who).click(card.ts, action_id=action)


def shows(stage: Stage, thread: str, card: str) -> Callable[[], str]:
    def words() -> str:
        there = cards(stage.slack, CHANNEL, thread)
        return there[card].words if card in there else ""

    return words


@pytest.mark.parametrize(
    ("caps", "names", "offers"),
    [
        (Caps(usd_per_request=PENNY), "$0.01", "Raise the cap"),
        (Caps(tokens_per_request=1000), "1,000 tokens", "Raise the cap"),
        (Caps(usd_per_day=PENNY), "$0.01", "Go on today"),
        (Caps(usd_per_person_day=PENNY), "$0.01", "Go on today"),
    ],
)
async def test_at_a_cap_it_asks_an_approver(tmp_path: Path, caps: Caps, names: str, offers: str) -> None:
    async with staged(tmp_path, script(), caps=caps) as stage:
        thread = await stage.slack.person("U0RILEY").mention(CHANNEL, REQUEST)
        words = await until(shows(stage, thread, "escalation:1"), 20, "the cap's card")
        assert names in words
        assert offers in words
        assert stage.model.calls == [], "reserved before the call"
        await press(stage, thread, "U0RILEY")
        await press(stage, thread, "U0SAM")
        assert stage.model.calls == []
        await press(stage, thread, "U0DANA")

        def decided() -> bool:
            return "<@U0DANA>" in shows(stage, thread, "escalation:1")()

        await until(decided, 10, "who let it go on")
        if offers == "Go on today":
            await until(shows(stage, thread, "questions:1"), 20, "the questions")
            assert stage.model.calls


async def test_a_request_above_the_days_number_is_answered(tmp_path: Path) -> None:
    async with staged(tmp_path, script(), caps=Caps(requests_per_person_day=1)) as stage:
        riley = stage.slack.person("U0RILEY")
        first = await riley.mention(CHANNEL, REQUEST)
        await until(shows(stage, first, "questions:1"), 20, "the questions")
        second = await riley.mention(CHANNEL, REQUEST)

        def told() -> str:
            said = [m.words for m in stage.slack.workspace.messages.values() if m.by_bot]
            return next((words for words in said if "today" in words or "a day" in words), "")

        assert "1" in await until(told, 10, "the answer")
        assert not shows(stage, second, "progress")()
        other = await stage.slack.person("U0SAM").mention(CHANNEL, REQUEST)
        await until(shows(stage, other, "progress"), 10, "another person's request")
