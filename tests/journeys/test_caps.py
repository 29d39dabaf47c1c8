"""A cap is met in the thread: named, with what was spent; an approver lets the request go on, nobody else."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time

from bot.cards.presses import Choose
from bot.playground.people import People, Player
from bot.playground.rehearsal import ReceivedCall, Rehearsal, Reply
from bot.playground.script import SCENARIOS, Scenario
from engine.events import Choice
from engine.ports import Usage
from engine.request import State
from engine.settings import Caps
from engine.state_dir import DATABASE
from engine.store.ledger import Asked
from tests.journeys.reading import SITUATION, cards, presses, until
from tests.journeys.stage import Stage, staged

CHANNEL = "C0DATA"
REQUEST = "Add a new metric to track conversation resolution time"
NOON = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"
"""A zone where it is noon."""
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


def others_worked(stage: Stage, minutes: int) -> None:
    """Another request's work until now."""
    now = datetime.now(UTC).replace(tzinfo=None)
    times = [at.isoformat(" ") for at in (now - timedelta(minutes=minutes), now)]
    with sqlite3.connect(stage.directory / "state" / DATABASE) as connection:
        longer = "INSERT INTO gl_work (request, began_at, ended_at) VALUES ('T1:C9:1.0', ?, ?)"
        connection.execute(longer, times)


@pytest.mark.parametrize(
    ("caps", "names", "offers"),
    [
        (Caps(usd_per_request=PENNY), "$0.01", "Raise the cap"),
        (Caps(tokens_per_request=1000), "1,000 tokens", "Raise the cap"),
        (Caps(usd_per_day=PENNY), "$0.01", "Go on today"),
        (Caps(usd_per_person_day=PENNY), "$0.01", "Go on today"),
        (Caps(minutes_per_day=30, day_zone=NOON), "30 minutes of work for all requests", "Go on today"),
    ],
)
async def test_at_a_cap_it_asks_an_approver(tmp_path: Path, caps: Caps, names: str, offers: str) -> None:
    async with staged(tmp_path, script(), caps=caps) as stage:
        others_worked(stage, 40)
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


@pytest.mark.long
async def test_at_the_days_review_rounds_no_reviewer_is_asked_until_an_approver_lets_it_go_on(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, script(), caps=Caps(rounds_per_day=1)) as stage:
        asked = Asked(request="T1:C9:1.0", usd=0.1, cap_usd=100, round="1.1")
        await stage.engine.store.reserve("others", "review:x", "m", asked)
        people = People.load(SCENARIOS / SITUATION / "people.yml")

        async def at_rest(request: str) -> bool:
            snapshot = await stage.engine.snapshot(request)
            return snapshot is not None and snapshot.state in {State.PAUSED, State.DELIVERED}

        player = Player(people, stage.slack, stage.engine.snapshot)
        thread = (await player.play(at_rest, 60)).rpartition(":")[2]
        words = await until(shows(stage, thread, "escalation:1"), 20, "the card of the cap")
        assert "The cap of 1 review round for all requests of one day (days of UTC) is reached" in words
        assert "Without a click it goes on by itself at" in words
        roles = [call.role.partition(":")[0] for call in stage.model.calls]
        assert "task" in roles
        assert "review" not in roles, "looked at before the call"
        await press(stage, thread, "U0RILEY")
        assert "review" not in [call.role.partition(":")[0] for call in stage.model.calls]
        await press(stage, thread, "U0DANA")
        await until(shows(stage, thread, "delivery:1"), 30, "the delivery")


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


@dataclass
class Hanging:
    """The script, but an answer takes two minutes until it is let."""

    script: Rehearsal = field(default_factory=script)
    seen: int = 0
    let: bool = False

    def reply(self, call: ReceivedCall) -> Reply:
        """As `Responder`."""
        self.seen += 1
        return self.script.reply(call) if self.let else Reply([{"type": "text", "text": "{}"}], delay_s=120)


async def test_a_call_that_outlasts_the_requests_minutes_ends_with_them_over_a_restart(
    tmp_path: Path,
) -> None:
    model = Hanging()
    async with staged(tmp_path, model, caps=Caps(minutes_per_request=0.05)) as stage:
        thread = await stage.slack.person("U0RILEY").mention(CHANNEL, REQUEST)
        await until(lambda: model.seen == 1, 20, "the call")
        await stage.running.close()
        await stage.start_again()
        await until(lambda: model.seen == 2, 20, "the call again")
        words = await until(shows(stage, thread, "escalation:1"), 20, "the card of the cap")
        assert "minutes of work for this request is reached" in words
        assert "Raise the cap" in words
        await until(lambda: len(stage.model.abandoned) == 2, 5, "the call ends")
        await until(lambda: "Paused before a cap" in shows(stage, thread, "progress")(), 5, "it says so")
        assert "0 of 0.05 min worked" in shows(stage, thread, "progress")()
        model.let = True
        await press(stage, thread, "U0DANA")
        await until(lambda: model.seen == 3, 20, "it begins anew")


OTHERS = ["dbos", "sqlalchemy", "threading", "asyncio", "aiohttp"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("caps", "before", "says", "after", "restarts"),
    [
        (
            Caps(usd_per_day=5.0),
            "2026-12-01T23:40:00",
            "goes on by itself at 2026-12-02 00:00 UTC",
            "2026-12-02T00:00:01",
            False,
        ),
        (
            Caps(usd_per_person_day=5.0, day_zone="America/Los_Angeles"),
            "2026-12-02T07:40:00",
            "goes on by itself at 2026-12-02 08:00 UTC",
            "2026-12-02T08:00:01",
            True,
        ),
    ],
)
async def test_after_the_day_whose_cap_was_reached_it_goes_on_by_itself(
    tmp_path: Path, caps: Caps, before: str, says: str, after: str, restarts: bool
) -> None:
    with freeze_time(before, ignore=OTHERS, tick=True) as clock:
        async with staged(tmp_path, script(), caps=caps) as stage:
            riley = stage.slack.person("U0RILEY")
            first = await riley.mention(CHANNEL, REQUEST)
            await until(shows(stage, first, "questions:1"), 20, "the questions")
            store = stage.engine.store
            asked = Asked(request=f"{stage.running.me.team}:{CHANNEL}:{first}", usd=1, cap_usd=100)
            await store.reserve("dear", "specify", "m", asked)
            await store.settle("dear", Usage(input_tokens=9, cost_usd=4.99))
            thread = await riley.mention(CHANNEL, REQUEST)
            assert says in await until(shows(stage, thread, "escalation:1"), 20, "the card of the cap")
            rests = "goes on by itself when the day is over"
            await until(lambda: rests in shows(stage, thread, "progress")(), 5, "it says so")
            calls = len(stage.model.calls)
            if restarts:
                await stage.running.close()
            else:
                await stage.engine.sweep(datetime.now(UTC))
                assert len(stage.model.calls) == calls, "not before"
            clock.move_to(after)
            if restarts:
                await stage.start_again()
            await until(shows(stage, thread, "questions:1"), 20, "the questions")
            await until(lambda: "is over, so I go on" in shows(stage, thread, "note:1")(), 5, "the note")
            await until(lambda: rests not in shows(stage, thread, "progress")(), 5, "it says so no more")
