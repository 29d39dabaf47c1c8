"""How the engine is: what a health check and metrics ask of it."""

import asyncio
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, runtime_checkable

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from engine.store.database import Database, reading
from engine.store.effects import is_readable
from engine.store.tables import EffectRow, EffectStatus, RequestRow

SWEEP_LATE = timedelta(seconds=60)
QUEUE_LATE = timedelta(seconds=120)
LEAST_FREE_BYTES = 50_000_000
ANSWER_S = 3.0
_OPEN = (EffectStatus.PENDING.value, EffectStatus.CLAIMED.value)


@runtime_checkable
class Keyed(Protocol):
    """A model that knows whether it has what its provider asks for."""

    @property
    def has_key(self) -> bool:
        """Whether calls can be made at all."""
        ...


class Standing(BaseModel):
    """Counts of what is stored.

    Attributes:
        requests: By state.
        effects: By what they do and their status.
        oldest_s: Seconds since the oldest open effect of each kind was filed.
        left_s: Seconds since the oldest open effect was filed that nobody is at; 0 if there is none.
    """

    model_config = ConfigDict(frozen=True)

    requests: dict[str, int]
    effects: dict[tuple[str, str], int]
    oldest_s: dict[str, float]
    left_s: float


def asleep_s() -> float:
    """Seconds that this machine was suspended since it booted; other systems than Linux do not tell.

    The one clock goes on then and the other does not. What is merely busy, or stopped by a signal, changes
    nothing here; nor does the sleep of a host whose guest this is, unless the host tells its guest.
    """
    if sys.platform != "linux":
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


async def standing(database: Database, holds: Callable[[str], bool], now: datetime) -> Standing:
    """Count; `holds` tells whether this process is at an effect, `now` is what ages are counted from."""
    requests = sa.select(col(RequestRow.state), sa.func.count()).group_by(col(RequestRow.state))
    effects = sa.select(col(EffectRow.do), col(EffectRow.status), sa.func.count()).group_by(
        col(EffectRow.do), col(EffectRow.status)
    )
    still = sa.select(
        col(EffectRow.id), col(EffectRow.do), col(EffectRow.created_at), col(EffectRow.body)
    ).where(col(EffectRow.status).in_(_OPEN))
    async with reading(database.app) as c:
        states = {str(state): int(n) for state, n in (await c.execute(requests))}
        done = {(str(do), str(status)): int(n) for do, status, n in (await c.execute(effects))}
        open_ones = (await c.execute(still)).all()
    oldest: dict[str, float] = {}
    left = 0.0
    for id, do, created_at, body in open_ones:
        age = max(0.0, (now - created_at).total_seconds())
        oldest[do] = max(oldest.get(do, 0.0), age)
        if not holds(id) and is_readable(body):  # one that is not holds up no other, and the log tells of it
            left = max(left, age)
    return Standing(requests=states, effects=done, oldest_s=oldest, left_s=left)


async def problems(
    database: Database,
    state_dir: Path,
    swept_at: datetime | None,
    holds: Callable[[str], bool],
    model: object,
) -> dict[str, str]:
    """Why this process should be given no work now: name and sentence of each reason; none if it is well."""
    now = datetime.now(UTC)
    found: dict[str, str] = {}
    if isinstance(model, Keyed) and not model.has_key:
        found["model"] = "There is no key for the model's provider."
    if swept_at is None or now - swept_at > SWEEP_LATE:
        found["sweep"] = f"The sweep has not ended for {SWEEP_LATE.seconds} seconds."
    try:
        async with asyncio.timeout(ANSWER_S):
            async with database.app.begin() as c:  # takes the write lock, so it can be had
                await c.execute(sa.update(RequestRow).where(sa.false()).values(epoch=0))
            left = (await standing(database, holds, now)).left_s
    except (SQLAlchemyError, TimeoutError):
        found["database"] = "The database cannot be written to."
    else:
        if left > QUEUE_LATE.total_seconds():
            found["queue"] = f"Something has waited for {round(left)} seconds and nobody is at it."
    if (await asyncio.to_thread(shutil.disk_usage, state_dir)).free < LEAST_FREE_BYTES:
        found["disk"] = "The disk of the state directory is nearly full."
    return found
