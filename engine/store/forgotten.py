"""Requests whose data is deleted: what is left of them is that they were there, and who asked."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel, col

from engine.request import State
from engine.store.tables import ForgottenRow, RequestRow

BY_RETENTION = "retention"
_ENDED = [state.value for state in State if state.ended]


async def ask(c: AsyncConnection, request: str, by: str, now: datetime) -> None:
    """Note that a request's data is to be deleted; once noted it stays so, and asking again is a new try."""
    known = sa.select(col(ForgottenRow.request)).where(col(ForgottenRow.request) == request)
    if (await c.execute(known)).first() is None:
        await c.execute(sa.insert(ForgottenRow).values(request=request, by=by, asked_at=now))
    elif by != BY_RETENTION:
        again = sa.update(ForgottenRow).values(by=by, asked_at=now)
        await c.execute(
            again.where(col(ForgottenRow.request) == request, col(ForgottenRow.done_at).is_(None))
        )


async def asked(c: AsyncConnection) -> dict[str, datetime]:
    """Requests whose data is still to be deleted, and when that was asked for."""
    query = sa.select(col(ForgottenRow.request), col(ForgottenRow.asked_at))
    rows = (await c.execute(query.where(col(ForgottenRow.done_at).is_(None)))).all()
    return {row.request: row.asked_at for row in rows}


async def latest(c: AsyncConnection) -> datetime | None:
    """When a request's data was deleted the last time."""
    query = sa.select(col(ForgottenRow.done_at)).where(col(ForgottenRow.done_at).is_not(None))
    newest = query.order_by(col(ForgottenRow.done_at).desc()).limit(1)
    return (await c.execute(newest)).scalar_one_or_none()


async def is_over(c: AsyncConnection, request: str) -> bool:
    """Whether its data was deleted."""
    query = sa.select(col(ForgottenRow.done_at)).where(col(ForgottenRow.request) == request)
    return (await c.execute(query)).scalar_one_or_none() is not None


async def ended_before(c: AsyncConnection, moment: datetime) -> list[str]:
    """Requests that ended before that, and since when nothing came."""
    query = sa.select(col(RequestRow.id)).where(
        col(RequestRow.state).in_(_ENDED), col(RequestRow.updated_at) < moment
    )
    return list((await c.execute(query)).scalars())


async def named_elsewhere(c: AsyncConnection, request: str, commits: Sequence[str]) -> set[str]:
    """Those of these commits that another request speaks of."""
    found = set()
    for commit in commits:
        query = sa.select(col(RequestRow.id)).where(
            col(RequestRow.id) != request, col(RequestRow.snapshot).contains(commit, autoescape=True)
        )
        if (await c.execute(query)).first() is not None:
            found.add(commit)
    return found


async def counts(c: AsyncConnection, request: str) -> dict[str, int]:
    """How many rows of each of our tables are a request's."""
    found = {}
    for table, column in _tables():
        query = sa.select(sa.func.count()).select_from(table).where(column == request)
        found[table.name] = (await c.execute(query)).scalar_one()
    return found


async def delete(c: AsyncConnection, request: str, now: datetime) -> None:
    """Delete every row of a request but the note that it is gone, which is closed."""
    for table, column in _tables():
        await c.execute(sa.delete(table).where(column == request))
    await c.execute(sa.update(ForgottenRow).where(col(ForgottenRow.request) == request).values(done_at=now))


def _tables() -> list[tuple[sa.Table, sa.Column[str]]]:
    """Our tables that hold something of a request, and the column that names it."""
    gone = ForgottenRow.__tablename__
    ours = [table for table in SQLModel.metadata.tables.values() if table.name != gone]
    named = [(table, table.c.get("request", table.c.get("id"))) for table in ours]
    return [(table, column) for table, column in named if column is not None]
