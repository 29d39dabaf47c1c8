"""Which pull requests are watched, and when to look: functions of one transaction each."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from engine.request import Snapshot
from engine.store.tables import RequestRow, WatchRow

AT_ONCE = 50


@dataclass(frozen=True)
class Watch:
    """A watched pull request, as `WatchRow` holds it."""

    request: str
    number: int
    mark: str
    until: datetime
    quiet: int
    failures: int


async def begin(c: AsyncConnection, request: str, number: int, *, look_at: datetime, until: datetime) -> None:
    """Watch the pull request of a request, from now on this one."""
    await end(c, request)
    await c.execute(
        sa.insert(WatchRow).values(
            request=request, number=number, mark="", look_at=look_at, until=until, quiet=0, failures=0
        )
    )


async def end(c: AsyncConnection, request: str) -> None:
    """Watch it no more."""
    await c.execute(sa.delete(WatchRow).where(col(WatchRow.request) == request))


async def get(c: AsyncConnection, request: str) -> Watch | None:
    """The watch of a request, None if there is none."""
    found = await _watches(c, sa.select(WatchRow).where(col(WatchRow.request) == request))
    return found[0] if found else None


async def of_number(c: AsyncConnection, number: int, now: datetime) -> Sequence[Watch]:
    """Those of pull requests of this number, but for any whose forge is to be left alone for a while."""
    may = sa.or_(col(WatchRow.failures) == 0, col(WatchRow.look_at) <= now)
    return await _watches(c, sa.select(WatchRow).where(col(WatchRow.number) == number, may).limit(AT_ONCE))


async def due(c: AsyncConnection, now: datetime) -> Sequence[Watch]:
    """Those to be looked at now, longest overdue first, no more than one sweep can do."""
    query = sa.select(WatchRow).where(col(WatchRow.look_at) <= now).order_by(col(WatchRow.look_at))
    return await _watches(c, query.limit(AT_ONCE))


async def unwatched(c: AsyncConnection, since: datetime) -> list[tuple[Snapshot, datetime]]:
    """Requests with a delivery that changed since then and are not watched, with when that was.

    Those were delivered before there were watches; what cannot be read is left out.
    """
    query = (
        sa.select(col(RequestRow.snapshot), col(RequestRow.updated_at))
        .outerjoin(WatchRow, col(WatchRow.request) == col(RequestRow.id))
        .where(col(WatchRow.request).is_(None), col(RequestRow.updated_at) > since)
    )
    found = []
    for text, at in (await c.execute(query)).all():
        with contextlib.suppress(ValueError):
            snapshot = Snapshot.model_validate_json(text)
            if snapshot.delivery is not None:
                found.append((snapshot, at))
    return found


async def looked(
    c: AsyncConnection, watch: Watch, *, look_at: datetime, mark: str, quiet: int, failures: int
) -> None:
    """Note what a look found, unless the watch has begun anew meanwhile."""
    await c.execute(
        sa.update(WatchRow)
        .where(
            col(WatchRow.request) == watch.request,
            col(WatchRow.number) == watch.number,
            col(WatchRow.until) == watch.until,
        )
        .values(look_at=look_at, mark=mark, quiet=quiet, failures=failures)
    )


async def _watches(c: AsyncConnection, query: sa.Select[WatchRow]) -> list[Watch]:
    rows = (await c.execute(query)).all()
    return [Watch(row.request, row.number, row.mark, row.until, row.quiet, row.failures) for row in rows]
