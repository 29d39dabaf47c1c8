"""Events in every order, twice, late, over restarts, at once: one order comes of it, told by the journal."""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from engine.cards import Detail
from engine.decide import decide
from engine.engine import Engine, Rules
from engine.entitling import needs_standing
from engine.events import (
    Approved,
    CheckFailed,
    Choice,
    Chose,
    Deleted,
    Event,
    Merged,
    Opened,
    Paused,
    Result,
    Resumed,
    RunFinished,
    Said,
    Stopped,
    Submitted,
)
from engine.people import Person
from engine.request import Policy, RunKind, Snapshot, StartRun, State
from engine.runs.context import Context
from engine.store import effects
from engine.store.database import reading
from tests.engine.core.harness import MemoryChat, render, running
from tests.engine.forge_side import failed_check
from tests.engine.stories import LEADS, Story
from tests.engine.strategies import ASKER, BYSTANDER, DANA, ERIN, REQUEST
from tests.engine.strategies import POLICY as ANY_POLICY

SEED = 20261126
ORDERS = 400
SPREADS = (0, 1.2, 2, 5)
RESTARTS = 4
CLICKS = 50
POLICY = ANY_POLICY.model_copy(update={"repository": "sample"})
"""Of the harness's repository, so that runs begin, and wait."""
TWO = POLICY.model_copy(update={"approvals": 2})


class Told(Story):
    """Keeps its events."""

    def __init__(self, policy: Policy = POLICY) -> None:
        super().__init__(policy)
        self.events: list[Event] = []

    def happens(self, event: Event) -> object:  # type: ignore[override]
        self.events.append(event)
        return super().happens(event)


def told(state: State, policy: Policy = POLICY) -> Told:
    """A request led to this state."""
    story = Told(policy)
    story.opened()
    if state in LEADS:
        LEADS[state](story)
    else:
        story.goes_on(until=state)
    return story


async def never(_: Context) -> Result:
    """A run whose end the test tells."""
    await asyncio.Event().wait()
    raise AssertionError


def rules(policy: Policy) -> Rules:
    return Rules(
        decide=decide,
        policy=lambda _repository, _team: policy,
        candidates=lambda _channel, _team: (),
        render=render,
        detail=lambda snapshot, key: Detail(title=key, text=snapshot.text),
    )


def replayed(events: Sequence[Event], policy: Policy) -> Snapshot | None:
    """What follows from a journal, and from nothing else."""
    now: Snapshot | None = None
    for event in events:
        now = decide(now, event, policy).snapshot or now
    return now


async def as_the_journal_tells(engine: Engine, policy: Policy) -> Snapshot:
    stored = await engine.snapshot(REQUEST)
    journal = await engine.journal(REQUEST)
    assert stored is not None
    assert stored == replayed(journal, policy)
    assert len({event.key for event in journal}) == len(journal)
    runs = Counter((run.kind, run.about) for run in stored.live)
    assert max(runs.values(), default=1) == 1
    works = {run.id for run in stored.live if run.kind is not RunKind.TRIAGE}
    async with reading(engine._database.app) as c:
        held = {run for run in works if await effects.held(c, run)}
    assert held == (works if stored.hold else set())
    if stored.state.ended:  # words that are still told apart are lost by no end that people are content with
        assert all(run.kind is RunKind.TRIAGE and stored.state is State.DONE for run in stored.live)
    return stored


# ---------------------------------------------------------------- at once


def _who(story: Told, **more: object) -> dict[str, object]:
    return {**story.common(), **more}


def _approval(story: Told, by: Person) -> Approved:
    spec = story.now.spec
    assert spec is not None
    return Approved.model_validate(_who(story, by=by, version=spec.number, hash=spec.hash))


def _choice(story: Told, by: Person, card: str, choice: Choice, text: str = "") -> Chose:
    return Chose.model_validate(_who(story, by=by, card=card, choice=choice, text=text))


def _stop(story: Told) -> Stopped:
    return Stopped.model_validate(_who(story, by=BYSTANDER))


def _gone(story: Told) -> Deleted:
    return Deleted.model_validate(_who(story, ts=story.now.ts))


def _pause(story: Told) -> Paused:
    return Paused.model_validate(_who(story, by=BYSTANDER))


def _go_on(story: Told) -> Resumed:
    common = _who(story, by=ASKER, text="")
    return Resumed.model_validate({**common, "ts": str(common["key"])})


def _merged(story: Told) -> Merged:
    delivery = story.now.delivery
    assert delivery is not None
    return Merged.model_validate(_who(story, number=delivery.number, login="bob"))


def _check_fails(story: Told) -> None:
    """A check of the pull request fails, and a fix of it is offered."""
    delivery = story.now.delivery
    assert delivery is not None
    check = failed_check(delivery.commit)
    story.happens(CheckFailed.model_validate(_who(story, number=delivery.number, check=check)))
    assert story.now.feedback


def _end(story: Told) -> RunFinished:
    """How the live run ends, told apart from what the story does with it."""
    copy = Told()
    copy.stored, copy.at, copy.policy = story.stored, story.at, story.policy
    copy._step()
    story.at = copy.at
    (event,) = copy.events
    assert isinstance(event, RunFinished)
    return event


Race = tuple[State, Policy, Callable[[Told], list[Event]]]
SPEC, PROGRESS, DELIVERY = "spec:1", "progress", "delivery:1"
RACES: dict[str, Race] = {
    "approve, stop": (State.AWAITING_APPROVAL, POLICY, lambda s: [_approval(s, DANA), _stop(s)]),
    "two approvers of two": (
        State.AWAITING_APPROVAL,
        TWO,
        lambda s: [_approval(s, DANA), _approval(s, ERIN), _approval(s, DANA)],
    ),
    "fifty clicks of four people": (
        State.AWAITING_APPROVAL,
        TWO,
        lambda s: [_approval(s, (ASKER, DANA, ERIN, BYSTANDER)[n % 4]) for n in range(CLICKS)],
    ),
    "change, approve": (
        State.AWAITING_APPROVAL,
        POLICY,
        lambda s: [_choice(s, DANA, SPEC, Choice.CHANGE_SPEC, "Only EMEA"), _approval(s, DANA)],
    ),
    "reject, approve": (
        State.AWAITING_APPROVAL,
        POLICY,
        lambda s: [_choice(s, DANA, SPEC, Choice.REJECT_SPEC, "No"), _approval(s, ERIN)],
    ),
    "two submits, stop": (
        State.CLARIFYING,
        POLICY,
        lambda s: [
            *(Submitted.model_validate(_who(s, by=by, round=1)) for by in (ASKER, DANA)),
            _stop(s),
        ],
    ),
    "delivered, stop": (State.DELIVERING, POLICY, lambda s: [_end(s), _stop(s)]),
    "delivered, deleted": (State.DELIVERING, POLICY, lambda s: [_end(s), _gone(s)]),
    "delivered, redefined": (
        State.DELIVERING,
        POLICY,
        lambda s: [_end(s), _choice(s, DANA, PROGRESS, Choice.REDEFINE, "Other scope")],
    ),
    "task ends, stop, redefined": (
        State.WORKING,
        POLICY,
        lambda s: [_end(s), _stop(s), _choice(s, DANA, PROGRESS, Choice.REDEFINE, "Other scope")],
    ),
    "confirmed, not yet": (
        State.DELIVERED,
        POLICY,
        lambda s: [
            _choice(s, ASKER, DELIVERY, Choice.CONFIRM),
            _choice(s, DANA, DELIVERY, Choice.NOT_YET, "One tenant is missing"),
        ],
    ),
    "retry twice, stop": (
        State.PAUSED,
        POLICY,
        lambda s: [
            *(_choice(s, DANA, "escalation:1", Choice.RAISE_CAP) for _ in range(2)),
            _stop(s),
        ],
    ),
    "pause, merged": (State.DELIVERED, POLICY, lambda s: [_pause(s), _merged(s)]),
    "fix of a failed check, merged": (
        State.DELIVERED,
        POLICY,
        lambda s: [_choice(s, ASKER, "feedback:1", Choice.FIX), _merged(s)],
    ),
    "pause, stop": (State.WORKING, POLICY, lambda s: [_pause(s), _stop(s)]),
    "pause, delivered": (State.DELIVERING, POLICY, lambda s: [_pause(s), _end(s)]),
    "pause, go on twice, task ends": (
        State.WORKING,
        POLICY,
        lambda s: [_pause(s), _go_on(s), _go_on(s), _end(s)],
    ),
}
BEFORE: dict[str, Callable[[Told], None]] = {"fix of a failed check, merged": _check_fails}


async def race(directory: Path, name: str, seeded: random.Random) -> tuple[State, int, int]:
    """Where it ends, how many events raced, how many of them changed nothing."""
    state, policy, racing = RACES[name]
    story = told(state, policy)
    if name in BEFORE:
        BEFORE[name](story)
    async with running(directory, MemoryChat(), never, rules=rules(policy)) as engine:
        for event in story.events:
            await engine._accept(event)
        begun = await as_the_journal_tells(engine, policy)
        assert begun.state is state
        events = racing(story)
        seeded.shuffle(events)
        replies = await asyncio.gather(*(engine.accept(event) for event in events))
        now = await as_the_journal_tells(engine, policy)
        in_vain = _in_vain(await engine.journal(REQUEST), policy)
        for event, reply in zip(events, replies, strict=True):
            assert event.key not in in_vain or reply.text or not needs_standing(event), (name, event)
        again = await asyncio.gather(*(engine.accept(event) for event in events))
        assert [reply.text for reply in again] == [""] * len(events)
        assert await as_the_journal_tells(engine, policy) == now
        assert all(len({a.by for a in spec.approvals}) == len(spec.approvals) for spec in now.specs)
        return now.state, len(events), len(in_vain & {event.key for event in events})


def _in_vain(journal: Sequence[Event], policy: Policy) -> set[str]:
    found, now = set[str](), None
    for event in journal:
        after = decide(now, event, policy).snapshot or now
        if after == now:
            found.add(event.key)
        now = after
    return found


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (row % 3 > 0)) for row, name in enumerate(RACES)]
)
async def test_what_races_ends_in_one_order(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seeded = random.Random(f"{SEED} {name}")  # noqa: S311 (orders, not secrets)
    ends: Counter[State] = Counter()
    raced = vain = 0
    for number in range(2):
        state, events, in_vain = await race(tmp_path / str(number), name, seeded)
        ends[state] += 1
        raced, vain = raced + events, vain + in_vain
    with capsys.disabled():
        where = ", ".join(f"{state.value} {count}" for state, count in ends.items())
        sys.stdout.write(f"\nraces: {name}: {raced} events, {vain} refused; ended {where}")


# ---------------------------------------------------------------- in every order


def reordered(events: Sequence[Event], seeded: random.Random, spread: float) -> list[Event]:
    """Each up to `spread` places late, some of them again at once, some again much later."""
    places = [(n + seeded.uniform(0, spread), event) for n, event in enumerate(events)]
    places += [(at + seeded.uniform(0, 4), event) for at, event in places if seeded.random() < 0.3]
    places += [(len(events) * 2 + seeded.random(), event) for event in events if seeded.random() < 0.3]
    return [event for _, event in sorted(places, key=lambda place: place[0])]


def _starts(story: Told) -> list[tuple[RunKind, str]]:
    return [(one.kind, one.about) for one in story.last.effects if isinstance(one, StartRun)]


def test_in_every_order_nothing_is_doubled_and_what_does_not_count_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    journey = told(State.DONE)
    seeded = random.Random(SEED)  # noqa: S311 (orders, not secrets)
    counts: Counter[str] = Counter()
    in_order, usual = Told(), Counter[tuple[RunKind, str]]()
    for event in journey.events:
        in_order.happens(event)
        usual.update(_starts(in_order))
    for number in range(ORDERS):
        spread = SPREADS[number % len(SPREADS)]
        story, seen, started = Told(), set[str](), Counter[tuple[RunKind, str]]()
        for event in reordered(journey.events, seeded, spread):
            counts["events"] += 1
            if event.key in seen:
                counts["repeated"] += 1
                continue
            before = story.stored
            story.happens(event)
            if story.stored is None:
                counts["before it was opened"] += 1
                assert story.told or isinstance(event, Said | RunFinished)
                continue
            seen.add(event.key)
            started.update(_starts(story))
            if before == story.stored:
                counts["did not count"] += 1
                assert story.told or not needs_standing(event), event
        assert started <= usual, "no run that would not be started in order, and none more often"
        same = story.stored == in_order.stored
        assert same or spread, "repetitions alone change nothing"
        counts["ended as in order" if same else "ended otherwise" if story.now.state.ended else "waits"] += 1
        if not story.now.state.ended:  # nothing is stuck: who was refused does it again
            story.goes_on(until=State.DELIVERED)
    assert counts["waits"]
    with capsys.disabled():
        sys.stdout.write(
            f"\norders: {ORDERS} of {len(journey.events)} events: {dict(counts)}; all come to the end\n"
        )


async def test_orders_over_restarts_come_to_what_their_journal_tells(tmp_path: Path) -> None:
    journey = told(State.DONE)
    seeded = random.Random(SEED)  # noqa: S311 (orders, not secrets)
    events = [event for event in reordered(journey.events, seeded, 2) if not isinstance(event, Opened)]
    whole = [journey.events[0], *events]
    parts = [whole[n::RESTARTS] for n in range(RESTARTS)]
    for part in parts:
        async with running(tmp_path, MemoryChat(), never, rules=rules(POLICY)) as engine:
            for event in part:
                await engine.accept(event)
            await as_the_journal_tells(engine, POLICY)
