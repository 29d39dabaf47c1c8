"""Envelopes lost, doubled, late, on connections that end, to a bot that ends: one request comes of it."""

import asyncio
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from bot.playground.people import People, Player
from bot.playground.rehearsal import Rehearsal
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack import TEAM
from bot.playground.slack.sockets import Delivery
from engine.request import Snapshot, State
from tests.crash.wire import Act, Side
from tests.journeys.reading import can_stop, cards, git, posted
from tests.journeys.stage import Stage, staged

SITUATION = "ambiguity"
LONG, MORE = pytest.mark.long, pytest.mark.more
CHANNEL = "C0DATA"
SEED = 20261126
LONGEST_S = 60.0
ACK_S = 3.0
ACTS = {Act.TWICE: 0.22, Act.LATE: 0.14, Act.LOSE: 0.1, Act.REFRESH: 0.08, Act.CUT: 0.04}
"""Of a hundred envelopes, so many times a hundred."""
LOST_ACKS = 0.1
PACE = 0.2
RESTARTS = (6, 16)
"""The bot is ended, in order, while the envelope of this number is on its way, and started again."""

pytestmark = pytest.mark.xdist_group("journey envelopes")


class Unruly:
    """The way between Slack and the bot. Without a seed it is a good one."""

    def __init__(self, seed: int | None) -> None:
        self._random = None if seed is None else random.Random(f"{SEED} {seed}")  # noqa: S311 (orders)
        self.did: Counter[str] = Counter()
        self.seen = 0
        self.moved = asyncio.Event()

    def calm(self) -> None:
        """From now on it is a good one."""
        self._random = None

    def saw(self, side: Side, what: str) -> Act:
        """What becomes of it."""
        if side is Side.AFTER or not what.startswith("socket ") or what in {"socket link", "socket hello"}:
            return Act.GO_ON
        act = Act.GO_ON
        if what.endswith(" ack"):
            if self._random and self._random.random() < LOST_ACKS:
                act = Act.LOSE
        else:
            self.seen += 1
            self.moved.set()
            if self._random:
                (act,) = self._random.choices([*ACTS, Act.GO_ON], [*ACTS.values(), 1 - sum(ACTS.values())])
        if act is not Act.GO_ON:
            self.did["ack lost" if what.endswith(" ack") else act.value] += 1
        return act


class Kept:
    """Ends and starts the bot; asks it nothing in between."""

    def __init__(self, stage: Stage, wire: Unruly, until: State) -> None:
        self._stage = stage
        self._until = until
        self._wire = wire
        self.up = True

    async def over(self, request: str) -> bool:
        if not self.up:
            return False
        now = await self._stage.snapshot(CHANNEL, request.rpartition(":")[2])
        return now is not None and now.state is self._until

    async def restarts(self) -> None:
        for number in RESTARTS:
            while self._wire.seen < number:
                self._wire.moved.clear()
                await self._wire.moved.wait()
            self.up = False
            await self._stage.running.close()
            await self._stage.start_again()
            self.up = True
            self._wire.did["restart"] += 1


async def told_by_the_journal(stage: Stage, now: Snapshot, request: str) -> None:
    """The stored state follows from the journal, and from nothing else."""
    journal = await stage.engine.journal(request)
    assert len({event.key for event in journal}) == len(journal)
    with_rules = stage.engine._rules
    policy = with_rules.policy(stage.engine.settings.repository(now.repository), TEAM)
    assert policy is not None
    candidates = with_rules.candidates(CHANNEL, TEAM)
    then: Snapshot | None = None
    for event in journal:
        then = with_rules.decide(then, event, policy, candidates).snapshot or then
    assert then == now


async def played(directory: Path, seed: int | None, until: State) -> tuple[set[str], str]:
    """The keys of the cards that were posted, and figures. Short of the end, somebody stops it."""
    people, wire = People.load(SCENARIOS / SITUATION / "people.yml"), Unruly(seed)
    pace = 0 if until is State.DONE else PACE  # what is stopped amid its work must not be over before that
    rehearsal = Rehearsal([Scenario.load(SCENARIOS / SITUATION)], pace=pace)
    async with staged(directory, rehearsal, wire=wire) as stage:
        slack, kept = stage.slack, Kept(stage, wire, until)
        restarting = asyncio.create_task(kept.restarts() if seed is not None else asyncio.sleep(0))
        request = await Player(people, slack).play(kept.over, LONGEST_S)
        thread = request.rpartition(":")[2]
        if not kept.up:
            await restarting
        restarting.cancel()
        await asyncio.gather(restarting, return_exceptions=True)
        if until is not State.DONE:
            await stopped(stage, people, thread)
        await settled(list(slack.deliveries))
        before = await stage.snapshot(CHANNEL, thread)
        wire.calm()
        again = [(one.payload, one.key) for one in slack.deliveries]
        random.Random(SEED).shuffle(again)  # noqa: S311 (orders)
        late = [slack.deliver(payload, f"late:{key}") for payload, key in again]
        await settled(late)
        now = await stage.snapshot(CHANNEL, thread)
        assert now is not None
        assert now == before, "what comes again when all is over changes nothing"
        await told_by_the_journal(stage, now, request)
        slowest = max(one.ack.seconds for one in slack.deliveries if one.ack)
        assert slowest < ACK_S
        taken = posted(slack)
        assert max(taken.values()) == 1, taken
        assert set(taken) == set(cards(slack, CHANNEL, thread)), "each stands in the thread"
        branches = (await git(directory / "remote.git", "branch", "--list", "greenlight/*")).split()
        assert len(branches) == (until is State.DONE)
        sent = sum(one.attempts for one in slack.deliveries)
        figures = f"{len(slack.deliveries)} events sent {sent} times, slowest ack {slowest:.3f} s, "
        return set(taken), f"{figures}{len(taken)} cards, {dict(wire.did)}"


async def settled(deliveries: list[Delivery]) -> None:
    """Each was acked at some time."""
    async with asyncio.timeout(LONGEST_S):
        await asyncio.gather(*(one.settled.wait() for one in deliveries))
    assert all(one.ack is not None for one in deliveries), [one.attempts for one in deliveries]


async def stopped(stage: Stage, people: People, thread: str) -> None:
    await stage.slack.person(people.requester).say(CHANNEL, thread, "stop")
    await stage.slack.wait_for(lambda slack: not can_stop(cards(slack, CHANNEL, thread)["progress"]), 20)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=MORE) for seed in range(1, 4))])
async def test_whatever_becomes_of_envelopes_one_request_comes_of_it(
    tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, figures = await played(tmp_path, seed, State.WORKING)
    assert keys == {"progress", "questions:1", "spec:1"}
    with capsys.disabled():
        sys.stdout.write(f"\nenvelopes, seed {seed}: {figures}")


@pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, marks=pytest.mark.long if seed < 5 else pytest.mark.more) for seed in range(4, 14)],
)
async def test_to_the_draft_and_with_the_cards_of_a_good_connection(
    tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    usual, figures = await played(tmp_path / "usual", None, State.DONE)
    assert figures.endswith("{}"), "nothing is done to it"
    keys, figures = await played(tmp_path / "unruly", seed, State.DONE)
    assert keys == usual, "none missing and none more"
    with capsys.disabled():
        sys.stdout.write(f"\nenvelopes to the draft, seed {seed}: {figures}")
