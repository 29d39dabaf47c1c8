"""Launches an engine of given parts in a held state directory."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from engine.engine import Engine, Rules
from engine.ports import Chat
from engine.request import RunKind
from engine.running import Outside, RunFunction
from engine.settings import Settings
from engine.state_dir import StateDir
from engine.store.database import open_database
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
) -> Engine:
    """Bring the database up to date and launch an engine of these parts in a held state directory."""
    database = open_database(state.database)
    await asyncio.to_thread(migrate, database.durable)
    engine = Engine(settings, database, chat, outside, its_rules, runs)

    async def release() -> None:
        state.release()

    for closer in (release, *closers):
        engine.on_close(closer)
    await engine.launch()
    return engine
