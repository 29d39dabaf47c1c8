"""Decisions that race end in one order, and the journal alone tells which."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.cards.presses import ApproveSpec, Press, StopRequest, SubmitRound, YouDecide
from bot.playground.people import People
from bot.playground.rehearsal import Rehearsal
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack import TEAM, Ack, Message, NotAcked
from engine.bootstrap import rules
from engine.request import Snapshot, State
from tests.journeys.reading import cards, posted, presses, until_true
from tests.journeys.stage import Stage, staged

AMBIGUOUS = "ambiguity"
CHANNEL = "C0DATA"
CLICKS = 50
PEOPLE = ("U0DANA", "U0RILEY", "U0SAM")

pytestmark = pytest.mark.xdist_group("journey races")


class Racing:
    """People whose clicks come at once."""

    def __init__(self, stage: Stage, people: People) -> None:
        self.stage = stage
        self._people = people
        self.thread = ""

    async def begin(self) -> None:
        """Ask, and wait for the questions."""
        requester = self.stage.slack.person(self._people.requester)
        self.thread = await requester.mention(CHANNEL, self._people.text)
        await self.card("questions:1")

    async def card(self, key: str) -> Message:
        """A card, once it is there."""
        await self.stage.slack.wait_for(lambda slack: key in cards(slack, CHANNEL, self.thread), 60)
        return cards(self.stage.slack, CHANNEL, self.thread)[key]

    def clicks(self, card: str, kind: type[Press], users: Sequence[str]) -> list[Coroutine[Any, Any, Ack]]:
        """Clicks of all these people on all such buttons of a card, to be sent."""
        message = cards(self.stage.slack, CHANNEL, self.thread)[card]
        return [
            self.stage.slack.person(user).click(message.ts, action_id=e["action_id"], block_id=b["block_id"])
            for user in users
            for b, e, press in presses(message)
            if isinstance(press, kind)
        ]

    async def at_once(self, *clicks: Coroutine[Any, Any, Ack]) -> None:
        """Send all of them; a click that was answered too late may have counted."""
        for answer in await asyncio.gather(*clicks, return_exceptions=True):
            assert isinstance(answer, Ack | NotAcked)

    async def becomes(self, *states: State) -> Snapshot:
        """The request, once it stands there."""

        async def there() -> bool:
            now = await self.stage.snapshot(CHANNEL, self.thread)
            return now is not None and now.state in states

        await until_true(there, 60, f"it is {states}")
        return await self._as_the_journal_tells()

    async def _as_the_journal_tells(self) -> Snapshot:
        """The stored state, which follows from the events in their order and from nothing else."""
        settings = self.stage.engine.settings
        its = rules(settings)
        policy, candidates = its.policy(settings.repositories[0], TEAM), its.candidates(CHANNEL, TEAM)
        request = f"{TEAM}:{CHANNEL}:{self.thread}"
        told: Snapshot | None = None
        for event in await self.stage.engine.journal(request):
            told = its.decide(told, event, policy, candidates).snapshot or told
        stored = await self.stage.engine.snapshot(request)
        assert stored is not None
        assert stored == told
        return stored


@pytest.mark.long
@pytest.mark.parametrize("first", [ApproveSpec, StopRequest])
async def test_two_submits_fifty_approvals_and_a_stop_at_once(tmp_path: Path, first: type[Press]) -> None:
    people = People.load(SCENARIOS / AMBIGUOUS / "people.yml", "you-decide")
    async with staged(tmp_path, Rehearsal([Scenario.load(SCENARIOS / AMBIGUOUS)], pace=0)) as stage:
        racing = Racing(stage, people)
        await racing.begin()
        await racing.at_once(*racing.clicks("questions:1", YouDecide, ["U0RILEY"]))
        await racing.at_once(*racing.clicks("questions:1", SubmitRound, PEOPLE))
        await racing.card("spec:1")
        asked = Counter(call.role for call in stage.model.calls)
        assert (asked["ask"], asked["specify"], asked["plan"]) == (1, 1, 1)

        approvals = racing.clicks("spec:1", ApproveSpec, [PEOPLE[n % 3] for n in range(CLICKS)])
        stop = racing.clicks("progress", StopRequest, ["U0SAM"])
        await racing.at_once(*(stop + approvals if first is StopRequest else approvals + stop))
        stopped = await racing.becomes(State.STOPPED)

        assert [approval.by.user for spec in stopped.specs for approval in spec.approvals] in ([], ["U0DANA"])
        assert stopped.live == ()
        assert max(posted(stage.slack).values()) == 1
        assert list(stage.forge.glob("*.json")) == []
        await asyncio.sleep(1)
        assert await racing.becomes(State.STOPPED) == stopped
