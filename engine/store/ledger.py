"""What is spent and set aside, looked at within the transaction that reserves the next call."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from engine.caps import Cap, CapHit, day_of
from engine.people import Person
from engine.settings import Caps
from engine.store import work
from engine.store.tables import CallRow, CallStatus, EventRow, RequestRow

_EVERYTHING = Caps(usd_per_request=float("inf"))


class Asked(BaseModel):
    """What a call may take at most, and whose it is; of which review round, as `CallRow.round`."""

    model_config = ConfigDict(frozen=True)

    request: str
    usd: float
    tokens: int = 0
    cap_usd: float
    caps: Caps = _EVERYTHING
    round: str = ""


class _Stands(BaseModel):
    """What a request's stored state says about its caps."""

    model_config = ConfigDict(extra="ignore")

    cap_usd: float = 0.0
    more_tokens: int = 0
    more_minutes: float = 0.0
    over_until: datetime | None = None
    worked_s: float = 0.0
    busy_since: datetime | None = None
    requester: Person | None = None


class _Sums(BaseModel):
    """Dollars and tokens; `aside_…` is in flight."""

    usd: float = 0.0
    aside_usd: float = 0.0
    tokens: int = 0
    aside_tokens: int = 0


async def reached(c: AsyncConnection, asked: Asked, now: datetime, asleep: timedelta) -> CapHit | None:
    """The first cap that this call does not fit under, None if it fits under all of them.

    `asleep`: how long of the request's newest work the machine slept, as the stored state does not know yet.

    The lock on the request's row makes reservations of one request take turns on Postgres too; SQLite lets
    only one transaction write.
    """
    query = sa.select(col(RequestRow.snapshot)).where(col(RequestRow.id) == asked.request).with_for_update()
    stored = (await c.execute(query)).scalar_one_or_none()
    stands = _Stands.model_validate_json(stored) if stored else _Stands()
    sums = await _sums(c, col(CallRow.request) == asked.request)
    return _of_request(asked, stands, sums, now - asleep) or await _of_day(c, asked, stands, now, asleep)


def _of_request(asked: Asked, stands: _Stands, sums: _Sums, until: datetime) -> CapHit | None:
    caps = asked.caps
    limit_usd = max(asked.cap_usd, stands.cap_usd)
    if hit := _above(Cap.USD, limit_usd, sums.usd, sums.aside_usd, asked.usd):
        return hit
    limit: float
    if caps.tokens_per_request is not None:
        limit = caps.tokens_per_request + stands.more_tokens
        if hit := _above(Cap.TOKENS, limit, sums.tokens, sums.aside_tokens, asked.tokens):
            return hit
    if caps.minutes_per_request is not None:
        busy = (until - stands.busy_since).total_seconds() if stands.busy_since else 0.0
        worked, limit = (
            (stands.worked_s + max(0.0, busy)) / 60,
            caps.minutes_per_request + stands.more_minutes,
        )
        if worked >= limit:
            return CapHit(cap=Cap.MINUTES, limit=limit, spent=worked)
    return None


async def _of_day(
    c: AsyncConnection, asked: Asked, stands: _Stands, now: datetime, asleep: timedelta
) -> CapHit | None:
    caps = asked.caps
    if stands.over_until is not None and now < stands.over_until:
        return None
    begins, ends = day_of(now, caps.day_zone)
    of_person = {
        Cap.PERSON_DAY_USD: caps.usd_per_person_day,
        Cap.PERSON_DAY_TOKENS: caps.tokens_per_person_day,
        Cap.PERSON_DAY_MINUTES: caps.minutes_per_person_day,
        Cap.PERSON_DAY_ROUNDS: caps.rounds_per_person_day,
    }
    of_all = {
        Cap.DAY_USD: caps.usd_per_day,
        Cap.DAY_TOKENS: caps.tokens_per_day,
        Cap.DAY_MINUTES: caps.minutes_per_day,
        Cap.DAY_ROUNDS: caps.rounds_per_day,
    }
    theirs = _opened_by(stands.requester) if stands.requester is not None else None
    groups = ((theirs, of_person), (None, of_all)) if theirs is not None else ((None, of_all),)
    for requests, limits in groups:
        for cap, limit in limits.items():
            if limit is None:
                continue
            if hit := await _above_day(c, cap, limit, asked, requests, (begins, now - asleep)):
                return hit.model_copy(update={"until": ends, "zone": caps.day_zone})
    return None


async def _above_day(
    c: AsyncConnection,
    cap: Cap,
    limit: float,
    asked: Asked,
    requests: sa.Select[str] | None,
    day: tuple[datetime, datetime],
) -> CapHit | None:
    """The cap, if the call does not fit under it with what these requests (None: all) took of the day."""
    begins, now = day
    if cap.unit == "minutes":
        worked = await work.seconds(c, begins, now, requests) / 60
        return CapHit(cap=cap, limit=limit, spent=worked) if worked >= limit else None
    which = [col(CallRow.at) >= begins]
    if requests is not None:
        which.append(col(CallRow.request).in_(requests))
    if cap.unit == "rounds":
        rounds = await _rounds(c, *which)
        if not asked.round or (asked.request, asked.round) in rounds:
            return None
        return _above(cap, limit, len(rounds), 0, 1)
    sums = await _sums(c, *which)
    if cap.unit == "tokens":
        return _above(cap, limit, sums.tokens, sums.aside_tokens, asked.tokens)
    return _above(cap, limit, sums.usd, sums.aside_usd, asked.usd)


def _above(cap: Cap, limit: float, spent: float, aside: float, needs: float) -> CapHit | None:
    if spent + aside + needs <= limit:
        return None
    return CapHit(cap=cap, limit=limit, spent=spent, set_aside=aside, needs=needs)


def _opened_by(person: Person) -> sa.Select[str]:
    """The requests of this person: who opened one is told by the first event of its journal."""
    return sa.select(col(EventRow.request)).where(
        col(EventRow.seq) == 1, col(EventRow.actor) == f"{person.team}:{person.user}"
    )


async def _rounds(c: AsyncConnection, *which: sa.ColumnElement[bool]) -> set[tuple[str, str]]:
    """The review rounds, as (request, round), that these calls are of; none of calls given back."""
    real = col(CallRow.round) != "", col(CallRow.status) != CallStatus.RELEASED
    # No DISTINCT here: SQLite would read all calls in the order of their requests instead of the day's.
    query = sa.select(col(CallRow.request), col(CallRow.round)).where(*which, *real)
    return {(request, number) for request, number in (await c.execute(query)).all()}


async def opened_today(c: AsyncConnection, person: Person, zone: str, now: datetime) -> int:
    """How many requests this person has opened today."""
    begins, ends = day_of(now, zone)
    query = sa.select(sa.func.count()).where(
        col(EventRow.seq) == 1,
        col(EventRow.kind) == "opened",
        col(EventRow.actor) == f"{person.team}:{person.user}",
        col(EventRow.at) >= begins,
        col(EventRow.at) < ends,
    )
    return int((await c.execute(query)).scalar_one())


async def _sums(c: AsyncConnection, *which: sa.ColumnElement[bool]) -> _Sums:
    tokens = (
        col(CallRow.input_tokens)
        + col(CallRow.cache_read_tokens)
        + col(CallRow.cache_write_tokens)
        + col(CallRow.output_tokens)
    )
    in_flight = col(CallRow.status) == CallStatus.RESERVED
    columns = [
        sa.func.coalesce(sa.func.sum(sa.case((when, amount), else_=0)), 0)
        for amount in (col(CallRow.usd), tokens)
        for when in (~in_flight, in_flight)
    ]
    query = sa.select(*columns).where(*which, col(CallRow.status) != CallStatus.RELEASED)
    usd, aside_usd, all_tokens, aside_tokens = (await c.execute(query)).one()
    return _Sums(usd=usd, aside_usd=aside_usd, tokens=all_tokens, aside_tokens=aside_tokens)
