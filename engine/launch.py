"""Launches an engine of given parts in a held state directory."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence

from sqlalchemy.exc import DBAPIError

from engine.engine import Engine, Rules
from engine.errors import ConfigurationInvalid
from engine.performing import PAUSES, Pauses
from engine.ports import Chat
from engine.request import RunKind
from engine.running import Outside, RunFunction
from engine.settings import Settings
from engine.state_dir import StateDir
from engine.store.database import BUSY_MS, open_database, readable
from engine.store.migrations import migrate

ChatOrMaker = Callable[[Engine], Chat] | Chat
Closer = Callable[[], Awaitable[None]]


async def launch(
    settings: Settings,
    chat: ChatOrMaker,
    outside: Outside,
    its_rules: Rules,
    runs: Mapping[RunKind, RunFunction],
    state: StateDir,
    closers: Sequence[Closer] = (),
    busy_ms: int = BUSY_MS,
    pauses: Pauses = PAUSES,
) -> Engine:
    """Bring the database up to date and launch an engine of these parts in a held state directory.

    Args:
        settings: Configuration.
        chat: The front end's chat, or a function that makes it of the engine.
        outside: Model, sandbox, workspaces and forges.
        its_rules: What decides and renders.
        runs: The function of each kind of run.
        state: Released when the engine closes.
        closers: Called when it closes, last to first.
        busy_ms: See `open_database`.
        pauses: Between tries of what the chat does not take.

    Raises:
        DiskFull, Transient: there is no space for the database, or another program holds it.
        ConfigurationInvalid: the database's file cannot be used.
    """
    database = open_database(state.database, busy_ms)
    try:
        await asyncio.to_thread(migrate, database.durable)
    except (DBAPIError, sqlite3.Error) as error:
        await database.close()
        raise readable(error) or ConfigurationInvalid(
            f"The database {state.database} cannot be used: restore a copy, or move it away to begin anew."
        ) from error
    engine = Engine(settings, database, chat, outside, its_rules, runs, pauses)

    async def release() -> None:
        state.release()

    for closer in (release, *closers):
        engine.on_close(closer)
    await engine.launch()
    return engine
