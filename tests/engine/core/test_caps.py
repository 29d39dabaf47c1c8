"""Caps over the real database: many calls at once, many requests, a person's day, everybody's day."""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.caps import Cap, day_of, in_short
from engine.decide import pausing
from engine.errors import CapReached
from engine.events import Event, Opened, Paused, Restarted, Resumed
from engine.people import Person
from engine.ports import Usage
from engine.request import Live, RunKind, Snapshot, State
from engine.settings import Caps
from engine.store import Store, journal, work
from engine.store.database import Database, open_database
from engine.store.ledger import Asked, opened_today
from engine.store.migrations import migrate
from tests.engine.core.harness import AT, RITA

SAM = Person(team="T1", user="USAM")
MANY = 60
numbers = count()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(tmp_path / "greenlight.db")
    migrate(database.durable)
    yield database
    await database.close()


async def requested(database: Database, number: int, by: Person = RITA, **more: object) -> str:
    """A request of this person, as it is stored."""
    request = f"T1:C1:{number}.0"
    ts = f"{number}.0"
    opened = Opened(
        key=request, request=request, at=datetime.now(UTC), by=by, text="x", channel="C1", ts=ts, thread_ts=ts
    )
    snapshot = Snapshot.model_validate(
        {
            "id": request, "team": "T1", "channel": "C1", "thread_ts": ts, "ts": ts, "state": State.WORKING,
            "epoch": 1, "opened_at": AT, "requester": by, "text": "x", "title": "x", "repository": "sample",
            "reviewers": (), "implementer": "", "cap_usd": 100.0, "remind_after_s": 1, "expire_after_s": 1,
            **more,
        }
    )  # fmt: skip
    async with database.app.begin() as c:
        await journal.store(c, opened, None, snapshot, AT)
    return request


async def reserved(
    store: Store,
    request: str,
    caps: Caps,
    usd: float = 0.3,
    tokens: int = 1000,
    *,
    id: str = "",
    round: str = "",
) -> Cap | None:
    """The cap that was in the way of a call."""
    asked = Asked(request=request, usd=usd, tokens=tokens, cap_usd=100.0, caps=caps, round=round)
    try:
        await store.reserve(id or f"c{next(numbers)}", "assess", "m", asked)
    except CapReached as error:
        return error.hit.cap
    return None


@pytest.mark.parametrize(
    ("caps", "cap", "fit"),
    [
        (Caps(tokens_per_request=3_500), Cap.TOKENS, 9),
        (Caps(usd_per_person_day=1.0), Cap.PERSON_DAY_USD, 6),
        (Caps(tokens_per_person_day=3_500), Cap.PERSON_DAY_TOKENS, 6),
        (Caps(usd_per_day=1.0), Cap.DAY_USD, 3),
        (Caps(tokens_per_day=3_500), Cap.DAY_TOKENS, 3),
    ],
    ids=lambda value: str(value) if isinstance(value, Cap) else "",
)
async def test_many_calls_of_many_requests_at_once_never_exceed_a_cap(
    database: Database, caps: Caps, cap: Cap, fit: int
) -> None:
    store = Store(database.app)
    requests = [await requested(database, n, by) for n, by in enumerate((RITA, RITA, SAM), 1)]
    free = await asyncio.gather(*(reserved(store, requests[n % 3], Caps()) for n in range(MANY)))
    assert free == [None] * MANY, "without the cap they all fit"
    async with database.app.begin() as c:
        await c.exec_driver_sql("DELETE FROM gl_call")
    found = await asyncio.gather(*(reserved(store, requests[n % 3], caps) for n in range(MANY)))
    assert found.count(None) == fit
    assert set(found) == {None, cap}


@dataclass
class Ledger:
    """What two hundred calls were let have, in cents and as many tokens, kept beside the store's own sums."""

    store: Store
    owners: dict[str, Person]
    granted: dict[str, tuple[str, int]] = field(default_factory=dict)

    async def wave(self, calls: Sequence[tuple[str, str, int]], caps: Caps, usd: float) -> dict[str, Cap]:
        """All of them at once, as (id, request, cents); which cap was in whose way."""
        refused: dict[str, Cap] = {}

        async def one(id: str, request: str, cents: int) -> None:
            asked = Asked(request=request, usd=cents / 100, tokens=cents, cap_usd=usd, caps=caps)
            try:
                await self.store.reserve(id, "assess", "m", asked)
            except CapReached as error:
                refused[id] = error.hit.cap
            else:
                self.granted[id] = (request, cents)

        await asyncio.gather(*(one(*call) for call in calls))
        return refused

    def over(self) -> tuple[int, int, int]:
        """Cents of the dearest request, of the dearest person, of all."""
        requests, people = Counter[str](), Counter[str]()
        for request, cents in self.granted.values():
            requests[request] += cents
            people[self.owners[request].user] += cents
        return max(requests.values()), max(people.values()), requests.total()


@pytest.mark.parametrize(
    ("caps", "usd", "met"),
    [
        (
            Caps(usd_per_person_day=2.0, usd_per_day=4.0),
            0.8,
            {Cap.USD, Cap.PERSON_DAY_USD, Cap.DAY_USD},
        ),
        pytest.param(
            Caps(tokens_per_request=80, tokens_per_person_day=200, tokens_per_day=400),
            100.0,
            {Cap.TOKENS, Cap.PERSON_DAY_TOKENS, Cap.DAY_TOKENS},
            marks=pytest.mark.long,
        ),
    ],
    ids=["dollars", "tokens"],
)
async def test_two_hundred_at_once_stay_below_the_caps_of_request_person_and_day_to_the_last_one(
    database: Database, caps: Caps, usd: float, met: set[Cap]
) -> None:
    seeded = random.Random(20261126)  # noqa: S311 (amounts, not secrets)
    people = (RITA, RITA, RITA, SAM, SAM, Person(team="T1", user="UTIM"))
    owners = {await requested(database, n, by, cap_usd=0.0): by for n, by in enumerate(people, 1)}
    chosen = seeded.choices([*owners], weights=(2, 2, 2, 2, 1, 3), k=200)
    calls = [(f"c{n}", request, seeded.randint(1, 9)) for n, request in enumerate(chosen)]
    ledger = Ledger(Store(database.app), owners)
    assert await ledger.wave(calls, Caps(), 100.0) == {}
    free = ledger.over()
    async with database.app.begin() as c:
        await c.exec_driver_sql("DELETE FROM gl_call")
    ledger.granted.clear()
    limits = (80, 200, 400)
    assert all(above > limit for above, limit in zip(free, limits, strict=True)), "without caps, far above"
    refused = await ledger.wave(calls, caps, usd)
    assert set(refused.values()) == met, "each was in the way"
    assert all(spent <= limit for spent, limit in zip(ledger.over(), limits, strict=True)), ledger.over()
    failed = seeded.sample(sorted(ledger.granted), len(ledger.granted) // 2)
    await asyncio.gather(*(ledger.store.release(id) for id in failed))
    for id in failed:
        del ledger.granted[id]
    again = await ledger.wave([call for call in calls if call[0] in refused], caps, usd)
    assert len(again) < len(refused), "what was given back is there for others"
    assert all(spent <= limit for spent, limit in zip(ledger.over(), limits, strict=True))
    for request in owners:
        cents = sum(cents for of, cents in ledger.granted.values() if of == request)
        assert (await ledger.store.spent(request)).set_aside_usd == pytest.approx(cents / 100)


async def test_review_rounds_of_many_calls_at_once_stay_below_those_of_person_and_day(
    database: Database,
) -> None:
    seeded = random.Random(20261126)  # noqa: S311 (rounds, not secrets)
    store = Store(database.app)
    people = (RITA, RITA, RITA, SAM, SAM, Person(team="T1", user="UTIM"))
    owners = {await requested(database, n, by): by for n, by in enumerate(people, 1)}
    calls = [(request, f"1.{seeded.randint(1, 5)}") for request in seeded.choices([*owners], k=80)]

    async def wave(caps: Caps) -> tuple[Counter[Cap | None], set[tuple[str, str]]]:
        found = await asyncio.gather(*(reserved(store, one, caps, round=number) for one, number in calls))
        return Counter(found), {call for call, cap in zip(calls, found, strict=True) if cap is None}

    assert (await wave(Caps()))[1] == {*calls}, "without caps all of them"
    async with database.app.begin() as c:
        await c.exec_driver_sql("DELETE FROM gl_call")
    caps = Caps(rounds_per_person_day=4, rounds_per_day=9)
    met, begun = await wave(caps)
    assert set(met) == {None, Cap.PERSON_DAY_ROUNDS, Cap.DAY_ROUNDS}
    assert len(begun) == 9
    assert max(Counter(owners[request] for request, _ in begun).values()) == 4
    assert all([await reserved(store, one, caps, round=number) is None for one, number in begun]), "go on"
    assert await reserved(store, next(iter(owners)), caps) is None, "what is no review is not held up"


async def test_a_round_counts_once_a_reviewer_is_asked_and_on_each_day_anew(database: Database) -> None:
    store, caps = Store(database.app), Caps(rounds_per_person_day=1)
    request, other = await requested(database, 1), await requested(database, 2)
    granted = await requested(database, 3, over_until=datetime.now(UTC) + timedelta(hours=1))
    assert await reserved(store, request, Caps(), id="lost", round="1.1") is None
    assert await reserved(store, other, caps, round="1.1") is Cap.PERSON_DAY_ROUNDS
    await store.release("lost")
    assert await reserved(store, other, caps, round="1.1") is None, "of the first none was asked after all"
    asked = Asked(request=request, usd=0.1, cap_usd=100.0, caps=caps, round="1.1")
    with pytest.raises(CapReached, match=r"1 review round .*\(days of UTC\) .*1 round has begun so far"):
        await store.reserve("again", "review:x", "m", asked)
    assert await reserved(store, granted, caps, round="1.1") is None, "as an approver said"
    await a_day_passes(database)
    assert await reserved(store, request, caps, round="1.1") is None
    assert await reserved(store, other, caps, round="1.1") is Cap.PERSON_DAY_ROUNDS, "it is worked on anew"


async def test_no_table_is_read_through_to_reserve_a_call(database: Database, tmp_path: Path) -> None:
    """Each ack waits behind a reservation, so it looks up what it counts."""
    request, asked_for = await requested(database, 1), dict[str, Any]()

    @sa.event.listens_for(database.app.sync_engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, bound: object, *_: object) -> None:
        if statement.startswith("SELECT"):
            asked_for[statement] = bound

    whose, units = ("person_day", "day"), ("usd", "tokens", "minutes", "rounds")
    day = {f"{unit}_per_{one}": 10 for unit in units for one in whose}
    assert await reserved(Store(database.app), request, Caps(**day), 0.1, 1, round="1.1") is None
    async with database.app.connect() as c:
        await opened_today(c, RITA, "UTC", datetime.now(UTC))

    def read_through() -> set[str]:
        with closing(sqlite3.connect(tmp_path / "greenlight.db")) as c:
            plans = [c.execute(f"EXPLAIN QUERY PLAN {sql}", bound) for sql, bound in asked_for.items()]
            steps = [step.split() for plan in plans for *_, step in plan]
        return {table for what, table, *_ in steps if what == "SCAN"}

    assert len(asked_for) == 9, "state, sums, three of a person's day, three of everybody's, the opened"
    assert read_through() == set()
    async with database.app.begin() as c:
        await c.exec_driver_sql("DROP INDEX ix_gl_call_at")
        await c.exec_driver_sql("DROP INDEX ix_gl_event_actor_seq")
    assert read_through() == {"gl_call", "gl_event"}, "or no plan would tell"


async def test_what_a_call_really_took_counts_once_it_is_settled(database: Database) -> None:
    store, caps = Store(database.app), Caps(usd_per_day=1.0, tokens_per_request=2_000)
    request = await requested(database, 1)
    asked = Asked(request=request, usd=0.9, tokens=1_900, cap_usd=100.0, caps=caps)
    await store.reserve("a", "assess", "m", asked)
    with pytest.raises(CapReached) as refused:
        await store.reserve("b", "assess", "m", asked)
    assert (refused.value.hit.spent, refused.value.hit.set_aside) == (0, 1_900)
    await store.settle("a", Usage(input_tokens=60, output_tokens=40, cost_usd=0.05))
    await store.reserve("b", "assess", "m", asked)
    spent = await store.spent(request)
    assert (spent.usd, spent.set_aside_usd, spent.input_tokens, spent.output_tokens) == (0.05, 0.9, 60, 40)


async def test_an_approver_may_let_one_request_alone_go_on_above_the_day(
    database: Database,
) -> None:
    store, caps = Store(database.app), Caps(usd_per_day=0.5, usd_per_person_day=0.5)
    first = await requested(database, 1)
    later = datetime.now(UTC) + timedelta(hours=1)
    granted = await requested(database, 2, over_until=later)
    ended = await requested(database, 3, over_until=datetime.now(UTC) - timedelta(seconds=1))
    assert await reserved(store, first, caps, 0.4) is None
    assert await reserved(store, first, caps, 0.4) is Cap.PERSON_DAY_USD
    assert await reserved(store, ended, caps, 0.4) is Cap.PERSON_DAY_USD
    assert await reserved(store, granted, caps, 0.4) is None


async def test_yesterdays_calls_do_not_count_today(database: Database) -> None:
    store, caps = Store(database.app), Caps(usd_per_day=0.5)
    request = await requested(database, 1)
    assert await reserved(store, request, caps, 0.4) is None
    await a_day_passes(database)
    assert await reserved(store, request, caps, 0.4) is None


async def a_day_passes(database: Database) -> None:
    """What was called until now was called yesterday."""
    async with database.app.begin() as c:
        yesterday = (datetime.now(UTC) - timedelta(days=1)).replace(tzinfo=None)
        await c.exec_driver_sql("UPDATE gl_call SET at = ?", (yesterday.isoformat(" "),))


async def test_minutes_of_work_are_counted_without_what_was_waited(database: Database) -> None:
    store, caps = Store(database.app), Caps(minutes_per_request=10)
    now = datetime.now(UTC)
    short = await requested(database, 1, worked_s=500.0, busy_since=now - timedelta(seconds=60))
    long = await requested(database, 2, worked_s=500.0, busy_since=now - timedelta(seconds=120))
    more = await requested(database, 3, worked_s=700.0, more_minutes=10.0)
    resting = await requested(database, 4, worked_s=500.0, opened_at=now - timedelta(days=3))
    found = [await reserved(store, request, caps) for request in (short, long, more, resting)]
    assert found == [None, Cap.MINUTES, None, None]


async def halted(database: Database, request: str, at: datetime) -> None:
    """Its work ends at that moment."""
    async with database.app.begin() as c:
        before = await journal.load(c, request)
        assert before is not None
        key = f"{request}:paused:{at}"
        event = Paused(key=key, request=request, at=at, by=SAM)
        decision = pausing.clocked(before, event, pausing.pause(before, event), None)
        assert decision.snapshot is not None
        await journal.store(c, event, before, decision.snapshot, at)


async def test_minutes_of_a_day_are_those_of_each_request_of_today_and_what_works_still(
    database: Database,
) -> None:
    store, now = Store(database.app), datetime.now(UTC)
    zone = f"Etc/GMT{now.hour - 12:+d}"
    """Where it is noon."""
    live = (Live(id="r", kind=RunKind.TASK, about="a"),)

    async def worked(number: int, by: Person, began: timedelta, lasts: timedelta | None = None) -> str:
        request = await requested(database, number, by, busy_since=now - began, live=live)
        if lasts is not None:
            await halted(database, request, now - began + lasts)
        return request

    ritas = await worked(1, RITA, timedelta(minutes=50), timedelta(minutes=6))
    await worked(2, RITA, timedelta(minutes=5))
    await worked(3, RITA, timedelta(days=1), timedelta(minutes=90))
    sams = await worked(4, SAM, timedelta(minutes=50), timedelta(minutes=2))

    async def met(request: str, **caps: float) -> Cap | None:
        return await reserved(store, request, Caps.model_validate({"day_zone": zone, **caps}))

    assert await met(ritas, minutes_per_person_day=11.5) is None
    assert await met(ritas, minutes_per_person_day=11) is Cap.PERSON_DAY_MINUTES
    assert await met(sams, minutes_per_person_day=11) is None
    assert await met(sams, minutes_per_day=13.5) is None
    assert await met(sams, minutes_per_day=13) is Cap.DAY_MINUTES
    late = await worked(5, SAM, timedelta(hours=30), timedelta(hours=20))
    assert await met(late, minutes_per_day=13 + 120) is Cap.DAY_MINUTES, "and two hours after midnight"
    assert await met(late, minutes_per_day=13 + 181) is None, "not those before"
    granted = await requested(database, 6, over_until=now + timedelta(hours=1))
    assert await met(granted, minutes_per_day=1) is None
    asked = Asked(request=late, usd=0.1, cap_usd=100.0, caps=Caps(minutes_per_day=1, day_zone=zone))
    with pytest.raises(CapReached, match=r"cap of 1 minute of work for all requests of one day .* reached"):
        await store.reserve("z", "task", "m", asked)


async def test_stretches_of_work_add_up_to_what_each_request_says_that_it_worked(database: Database) -> None:
    seeded = random.Random(20261126)  # noqa: S311 (times, not secrets)
    at, live = AT, (Live(id="r", kind=RunKind.TASK, about="a"),)
    request = await requested(database, 1, busy_since=at, live=live)
    restarts = 0
    for number in range(60):
        at += timedelta(seconds=seeded.randint(1, 900))
        async with database.app.begin() as c:
            before = await journal.load(c, request)
            assert before is not None
            common = {"key": f"e{number}", "request": request, "at": at}
            event: Event
            if before.hold is not None:
                event = Resumed.model_validate({**common, "by": SAM, "text": "", "ts": f"{number}"})
                decision = pausing.resume(before, event)
            elif seeded.random() < 0.5:
                event = Restarted.model_validate(
                    {**common, "since": at - timedelta(seconds=seeded.randint(0, 300))}
                )
                decision, restarts = pausing.restarted(before, event), restarts + 1
            else:
                event = Paused.model_validate({**common, "by": SAM})
                decision = pausing.pause(before, event)
            after = pausing.clocked(before, event, decision, None).snapshot
            assert after is not None
            await journal.store(c, event, before, after, at)
            counted = await work.seconds(c, AT, at, None)
            assert counted == pytest.approx(after.worked(at))
    assert restarts > 5
    assert 0 < counted < (at - AT).total_seconds()


async def test_a_persons_requests_of_today_are_counted(database: Database) -> None:
    for number in range(1, 4):
        await requested(database, number)
    await requested(database, 9, SAM)
    async with database.app.begin() as c:
        assert await opened_today(c, RITA, "UTC", datetime.now(UTC)) == 3
        assert await opened_today(c, SAM, "UTC", datetime.now(UTC)) == 1
        assert await opened_today(c, RITA, "UTC", datetime.now(UTC) + timedelta(days=1)) == 0


@pytest.mark.parametrize(
    ("now", "zone", "begins", "ends"),
    [
        ("2026-11-25T23:59:59", "UTC", "2026-11-25T00:00:00", "2026-11-26T00:00:00"),
        ("2026-11-25T23:30:00", "Europe/Berlin", "2026-11-25T23:00:00", "2026-11-26T23:00:00"),
        ("2026-03-29T12:00:00", "Europe/Berlin", "2026-03-28T23:00:00", "2026-03-29T22:00:00"),
        ("2026-10-25T12:00:00", "Europe/Berlin", "2026-10-24T22:00:00", "2026-10-25T23:00:00"),
        ("2026-11-25T03:00:00", "America/Los_Angeles", "2026-11-24T08:00:00", "2026-11-25T08:00:00"),
    ],
)
def test_a_day_is_that_of_the_named_zone(now: str, zone: str, begins: str, ends: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert [one.replace(tzinfo=None).isoformat() for one in day_of(at, zone)] == [begins, ends]


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (0, "0"), (999, "999"), (1_000, "1.0k"), (3_149, "3.1k"), (9_949, "9.9k"), (9_950, "10k"),
        (30_960, "31k"), (999_499, "999k"), (999_500, "1.0M"), (1_234_567, "1.2M"),
    ],
)  # fmt: skip
def test_tokens_are_said_in_short(tokens: int, said: str) -> None:
    assert in_short(tokens) == said
