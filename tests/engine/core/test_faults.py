import asyncio
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from freezegun import freeze_time
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from engine.bootstrap import start
from engine.engine import LEFT_BEHIND
from engine.errors import AlreadyRunning, SandboxUnavailable, Transient
from engine.events import Due, Sign
from engine.state_dir import hold
from engine.store import effects
from engine.store.tables import EffectRow, RequestRow
from engine.trace import trace
from tests.engine.core.harness import AT, REQUEST, MemoryChat, opened, running, said, settings, until, wish

OTHERS = ["dbos", "sqlalchemy", "threading", "asyncio"]


async def test_due_requests_are_found_once_by_the_time_of_the_event(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await engine.accept(wish("wait"))
        due_at = AT + timedelta(hours=1)
        with freeze_time(due_at - timedelta(seconds=1), ignore=OTHERS):
            await engine.sweep(due_at - timedelta(seconds=1))
        assert not any(isinstance(e, Due) for e in await engine.journal(REQUEST))
        for late in (timedelta(0), timedelta(days=3)):
            with freeze_time(due_at + late, ignore=OTHERS):
                await engine.sweep(due_at + late)
        found = [e for e in await engine.journal(REQUEST) if isinstance(e, Due)]
        assert [(e.at, e.key) for e in found] == [(due_at, f"{REQUEST}:due:{due_at.isoformat()}")]


async def test_the_sweep_starts_effects_that_nobody_holds(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0")
        # As a process leaves it that dies between the commit and the start.
        decision, filed = await engine._decided(said(1))
        assert decision is not None
        async with engine._database.app.connect() as c:
            stored = await effects.get(c, filed[0].id)
        assert stored is not None
        assert stored.open
        journal = await engine.journal(REQUEST)
        await engine.sweep(datetime.now(UTC))
        await asyncio.sleep(0.3)
        assert chat.shown("progress") == "clarifying 0"
        await engine.sweep(datetime.now(UTC) + LEFT_BEHIND + timedelta(seconds=1))
        await until(lambda: chat.shown("progress") == "clarifying 1")
        assert await engine.journal(REQUEST) == journal


async def test_a_damaged_request_holds_up_no_other(tmp_path: Path) -> None:
    chat, other = MemoryChat(), "T1:C1:2.0"
    async with running(tmp_path, chat) as engine:
        for request in (REQUEST, other):
            await engine.accept(opened(request))
            await engine.accept(wish("wait", request))
        async with engine._database.app.begin() as c:
            await c.execute(sa.update(RequestRow).where(col(RequestRow.id) == REQUEST).values(snapshot="{}"))
        await engine.sweep(AT + timedelta(hours=2))
        assert [e.request for e in await engine.journal(other) if isinstance(e, Due)] == [other]
        assert not any(isinstance(e, Due) for e in await engine.journal(REQUEST))


async def test_an_effect_that_cannot_be_read_holds_up_no_other(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0")
        _, damaged = await engine._decided(said(1))
        _, whole = await engine._decided(wish("work"))
        async with engine._database.app.begin() as c:
            row = col(EffectRow.id) == damaged[0].id
            await c.execute(sa.update(EffectRow).where(row).values(body='{"do": "dance"}'))
        await engine.sweep(datetime.now(UTC) + LEFT_BEHIND + timedelta(seconds=1))
        await until(lambda: chat.shown("progress") == "clarifying 1")
    async with running(tmp_path, chat) as engine, engine._database.app.connect() as c:
        assert await effects.get(c, damaged[0].id) is None
        for one in whole:
            assert await effects.get(c, one.id) is not None


async def test_a_second_process_on_the_same_state_is_refused_with_a_sentence(tmp_path: Path) -> None:
    state = tmp_path / "state"
    held = hold(state)
    assert state.stat().st_mode & 0o777 == 0o700
    script = (
        "import sys; from pathlib import Path\n"
        "from engine.errors import AlreadyRunning; from engine.state_dir import hold\n"
        "try: hold(Path(sys.argv[1]))\n"
        "except AlreadyRunning as error: print(error.sentence)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(state)], capture_output=True, text=True, check=True
    ).stdout
    assert str(state) in told
    assert f"process {os.getpid()}" in told
    with pytest.raises(AlreadyRunning):
        hold(state)
    held.release()
    hold(state).release()


async def test_a_locked_database_refuses_the_event_and_takes_it_later(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat, busy_ms=300) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0")
        other = sqlite3.connect(tmp_path / "greenlight.db", isolation_level=None, check_same_thread=False)
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        with pytest.raises(Transient, match="try again"):
            await engine.accept(said(1))
        other.execute("ROLLBACK")
        other.close()
        await engine.accept(said(1))
        await until(lambda: chat.shown("progress") == "clarifying 1")


async def _limit_pages(app: AsyncEngine, *, full: bool) -> None:
    """Let SQLite itself report a full disk, on the connection that the engine uses."""
    async with app.connect() as c:
        pages = (await c.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await c.exec_driver_sql(f"PRAGMA max_page_count={pages + (1 if full else 100_000)}")


async def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0")
        before = await engine.journal(REQUEST)
        await _limit_pages(engine._database.app, full=True)
        long = said(1).model_copy(update={"text": "x" * 200_000})
        reply = await engine.accept(long)
        assert reply.sign is Sign.ONLY_YOU
        assert "no space" in reply.text
        assert await engine.journal(REQUEST) == before
        await _limit_pages(engine._database.app, full=False)
        assert (await engine.accept(long)).sign is Sign.NOTHING
        await until(lambda: chat.shown("progress") == "clarifying 1")


async def test_finished_workflows_are_forgotten_and_what_they_did_is_not(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0")
        await until(lambda: not engine._durable._running)
        assert await engine._durable.prune(timedelta(hours=1)) == 0
        await asyncio.sleep(0.2)
        assert await engine._durable.prune(timedelta(0)) >= 3
        assert await engine._durable.prune(timedelta(0)) == 0
        assert len(await engine.journal(REQUEST)) == 2


async def test_without_a_sandbox_nothing_starts_and_the_state_is_free_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLIGHT_BWRAP", "/bin/false")
    with pytest.raises(SandboxUnavailable):
        await start(settings(tmp_path), MemoryChat())
    hold(tmp_path).release()


def test_traces_name_places_and_types_and_hold_no_words() -> None:
    words = " ".join(("what", "people", "wrote"))
    try:
        try:
            int(words)
        except ValueError as error:
            raise RuntimeError(words) from error
    except RuntimeError as error:
        text = trace(error)
    assert "builtins.ValueError" in text
    assert text.endswith("builtins.RuntimeError")
    assert "test_faults.py" in text
    assert words not in text
