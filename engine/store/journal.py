"""Requests and their events: functions of one transaction each, given its connection."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from engine.events import EVENT, AtTheForge, Deleted, Event, RunFinished
from engine.people import Person
from engine.request import Snapshot, State
from engine.store import work
from engine.store.tables import EventRow, RequestRow


async def seen(c: AsyncConnection, key: str) -> bool:
    """Whether an event of this key was stored."""
    return (await c.execute(sa.select(col(EventRow.key)).where(col(EventRow.key) == key))).first() is not None


async def unseen(c: AsyncConnection, keys: Sequence[str]) -> list[str]:
    """Those of these keys, at most a few hundred, of which no event was stored; in their order."""
    query = sa.select(col(EventRow.key)).where(col(EventRow.key).in_(keys))
    known = set((await c.execute(query)).scalars())
    return [key for key in keys if key not in known]


async def load(c: AsyncConnection, request: str) -> Snapshot | None:
    """The newest state. Where the database has row locks, the request is locked until the end."""
    query = sa.select(col(RequestRow.snapshot)).where(col(RequestRow.id) == request).with_for_update()
    text = (await c.execute(query)).scalar_one_or_none()
    return None if text is None else Snapshot.model_validate_json(text)


async def store(
    c: AsyncConnection, event: Event, before: Snapshot | None, new: Snapshot, now: datetime
) -> None:
    """Append the event to the journal and replace the request's state."""
    count = sa.select(sa.func.count()).where(col(EventRow.request) == event.request)
    await c.execute(
        sa.insert(EventRow).values(
            key=event.key,
            request=event.request,
            seq=(await c.execute(count)).scalar_one() + 1,
            kind=event.kind,
            at=event.at,
            actor=actor(event),
            body=event.model_dump_json(),
            changed=new is not before and new != before,
        )
    )
    values = {
        "state": new.state.value,
        "epoch": new.epoch,
        "cap_usd": new.cap_usd,
        "snapshot": new.model_dump_json(),
        "due_at": new.wakes_at,
        "updated_at": now,
    }
    changed = await c.execute(sa.update(RequestRow).where(col(RequestRow.id) == new.id).values(**values))
    if changed.rowcount == 0:
        await c.execute(sa.insert(RequestRow).values(id=new.id, **values))
    await work.keep(c, before, new)


def actor(event: Event) -> str:
    """Who caused an event: team:user, the run's id, somebody at the forge or in the chat, or the clock."""
    by: Person | None = getattr(event, "by", None)
    if by is not None:
        return f"{by.team}:{by.user}"
    if isinstance(event, AtTheForge):
        return "forge"
    if isinstance(event, Deleted):
        return "somebody"
    return event.run if isinstance(event, RunFinished) else "clock"


async def due(c: AsyncConnection, now: datetime) -> Sequence[tuple[str, datetime]]:
    """Requests whose time has come, with that time, longest overdue first."""
    query = (
        sa.select(col(RequestRow.id), col(RequestRow.due_at))
        .where(col(RequestRow.due_at) <= now)
        .order_by(col(RequestRow.due_at))
    )
    return [(id, at) for id, at in (await c.execute(query)).all() if at is not None]


async def live_in(c: AsyncConnection, team: str, channel: str = "") -> Sequence[str]:
    """The requests of a channel, or of all channels, that have not ended."""
    ended = [state.value for state in State if state.ended]
    begins = f"{team}:{channel}:" if channel else f"{team}:"
    query = sa.select(col(RequestRow.id)).where(
        col(RequestRow.id).startswith(begins, autoescape=True), col(RequestRow.state).not_in(ended)
    )
    return (await c.execute(query)).scalars().all()


async def events(c: AsyncConnection, request: str) -> list[Event]:
    """The journal of a request, in the order in which it was decided."""
    query = sa.select(col(EventRow.body)).where(col(EventRow.request) == request).order_by(col(EventRow.seq))
    return [EVENT.validate_json(body) for body in (await c.execute(query)).scalars()]


async def in_vain(c: AsyncConnection, request: str) -> frozenset[str]:
    """Keys of the events of a request that changed nothing."""
    query = sa.select(col(EventRow.key)).where(col(EventRow.request) == request, ~col(EventRow.changed))
    return frozenset((await c.execute(query)).scalars())
