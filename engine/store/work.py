"""When something worked for requests: what the minutes of a day are counted from."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from engine.request import Snapshot
from engine.store.tables import WorkRow


async def keep(c: AsyncConnection, before: Snapshot | None, new: Snapshot) -> None:
    """Note that work began or halted, as the request's states before and now tell.

    A stretch that was cut short by downtime or suspension ends as far on as it counted.
    """
    was = before.busy_since if before else None
    if was == new.busy_since:
        return
    if before is not None and was is not None:
        ended = was + timedelta(seconds=new.worked_s - before.worked_s)
        open_ = col(WorkRow.request) == new.id, col(WorkRow.ended_at).is_(None)
        await c.execute(sa.update(WorkRow).where(*open_).values(ended_at=ended))
    if new.busy_since is not None:
        await c.execute(sa.insert(WorkRow).values(request=new.id, began_at=new.busy_since))


async def seconds(
    c: AsyncConnection, begins: datetime, now: datetime, requests: sa.Select[str] | None
) -> float:
    """How long was worked from a moment on until now for these requests (None: for all), each for itself."""
    ended = col(WorkRow.ended_at)
    query = sa.select(col(WorkRow.began_at), ended).where(ended.is_(None) | (ended > begins))
    if requests is not None:
        query = query.where(col(WorkRow.request).in_(requests))
    stretches = [(max(began, begins), end or now) for began, end in (await c.execute(query)).all()]
    return sum(max(0.0, (end - began).total_seconds()) for began, end in stretches)
