"""The one place that makes database engines. One SQLite file holds our tables and the durable engine's.

Two engines, one connection each: connections of one process that wait for each other's SQLite lock do
so by polling, which doubles the tail. Ours begins every write with BEGIN IMMEDIATE, because the driver
would begin only at the first write and lose concurrent decisions; the durable engine begins by itself.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from engine.errors import DiskFull, GreenlightError, Transient

# Slack gives up on an ack after three seconds and sends the event again: no use in waiting much longer.
BUSY_MS = 5_000
_READ_ONLY = "gl_read_only"


@dataclass(frozen=True)
class Database:
    """Both engines on one file.

    Attributes:
        app: Ours, async.
        durable: The durable engine's, synchronous; also used by migrations before it is launched.
    """

    url: str
    app: AsyncEngine
    durable: sa.Engine

    async def close(self) -> None:
        """Give all connections back."""
        await self.app.dispose()
        self.durable.dispose()


def open_database(path: Path, busy_ms: int = BUSY_MS) -> Database:
    """Engines for a SQLite file; nothing is read or written yet.

    Args:
        path: The file; its directory must exist.
        busy_ms: How long our own statements wait for a lock.
    """
    durable = sa.create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0)
    event.listen(durable, "connect", _pragmas("IMMEDIATE", 30_000))
    app = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=1, max_overflow=0)
    event.listen(app.sync_engine, "connect", _pragmas(None, busy_ms))
    event.listen(app.sync_engine, "begin", _begin)
    return Database(f"sqlite:///{path}", app, durable)


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection whose transaction takes no write lock."""
    async with engine.connect() as connection:
        yield await connection.execution_options(**{_READ_ONLY: True})


def readable(error: DBAPIError | sqlite3.Error) -> GreenlightError | None:
    """What a database error means to people: a lock, a full disk, or None for anything else."""
    text = str(error.orig if isinstance(error, DBAPIError) else error)
    if "is full" in text or "No space left" in text:
        return DiskFull(
            "There is no space left where Greenlight keeps its state. Free some space and try again."
        )
    if "is locked" in text or "is busy" in text:
        return Transient(
            "Another program holds Greenlight's database just now. Please try again in a minute."
        )
    return None


def _pragmas(isolation_level: str | None, busy_ms: int) -> Callable[[Any, Any], None]:
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = isolation_level
        for pragma in (
            f"busy_timeout={busy_ms}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",  # what is deleted or replaced is gone from the file as well
        ):
            connection.execute(f"PRAGMA {pragma}")

    return connect


def _begin(connection: sa.Connection) -> None:
    read_only = connection.get_execution_options().get(_READ_ONLY)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
