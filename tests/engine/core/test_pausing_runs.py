"""A pause over the durable engine: what is recorded is not done again, what leaves leaves whole."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.engine import LEFT_BEHIND
from engine.events import Result
from engine.runs.context import Context
from tests.engine.core.harness import (
    ASKED,
    REQUEST,
    MemoryChat,
    opened,
    paused,
    resumed,
    running,
    stopped,
    until,
    wish,
)

PAUSE_S = 0.6


@dataclass
class Work:
    """Two steps, the second of which lasts until it is let; counted are begins, ends and interruptions."""

    whole: bool = False
    let: asyncio.Event = field(default_factory=asyncio.Event)
    seen: Counter[str] = field(default_factory=Counter)

    async def __call__(self, context: Context) -> Result:
        async def first() -> int:
            self.seen["first"] += 1
            return 1

        async def second() -> int:
            self.seen["second"] += 1
            try:
                await self.let.wait()
            except asyncio.CancelledError:
                self.seen["cut"] += 1
                raise
            return 2

        await context.step("first", first)
        if self.whole:
            await context.unbroken()
        await context.step("second", second)
        self.seen["ended"] += 1
        return ASKED


async def test_it_is_cut_at_once_and_goes_on_with_what_was_not_recorded(tmp_path: Path) -> None:
    work = Work()
    async with running(tmp_path, MemoryChat(), work) as engine:
        await engine.accept(opened())
        await until(lambda: work.seen["second"] == 1)
        await engine.accept(paused())
        await until(lambda: work.seen["cut"] == 1)
        await engine.sweep(datetime.now(UTC) + LEFT_BEHIND + timedelta(seconds=1))
        await asyncio.sleep(PAUSE_S)
        assert work.seen == {"first": 1, "second": 1, "cut": 1}, "the sweep starts nothing that is held"
        await engine.accept(resumed())
        await until(lambda: work.seen["second"] == 2)
        work.let.set()
        await until(lambda: work.seen["ended"] == 1)
        assert work.seen["first"] == 1


async def test_a_pause_outlasts_the_process_and_what_was_recorded_outlasts_both(tmp_path: Path) -> None:
    work, chat = Work(), MemoryChat()
    async with running(tmp_path, chat, work) as engine:
        await engine.accept(opened())
        await until(lambda: work.seen["second"] == 1)
        await engine.accept(paused())
        await until(lambda: work.seen["cut"] == 1)
    async with running(tmp_path, chat, work) as engine:
        await asyncio.sleep(PAUSE_S)
        assert work.seen["second"] == 1
        await engine.accept(resumed())
        await until(lambda: work.seen["second"] == 2)
        work.let.set()
        await until(lambda: work.seen["ended"] == 1)
        assert work.seen["first"] == 1


async def test_what_is_decided_meanwhile_starts_when_it_goes_on(tmp_path: Path) -> None:
    work, chat = Work(), MemoryChat()
    work.let.set()
    async with running(tmp_path, chat, work) as engine:
        await engine.accept(opened())
        await until(lambda: work.seen["ended"] == 1)
        await engine.accept(paused())
        await engine.accept(wish("work"))
        await engine.sweep(datetime.now(UTC) + LEFT_BEHIND + timedelta(seconds=1))
        await asyncio.sleep(PAUSE_S)
        assert work.seen["first"] == 1
    async with running(tmp_path, chat, work) as engine:
        await asyncio.sleep(PAUSE_S)
        assert work.seen["first"] == 1
        await engine.accept(resumed())
        await until(lambda: work.seen["ended"] == 2)


async def test_paused_again_and_again_it_loses_nothing(tmp_path: Path) -> None:
    work = Work()
    async with running(tmp_path, MemoryChat(), work) as engine:
        await engine.accept(opened())
        for time in range(1, 4):
            await until(lambda time=time: work.seen["second"] == time)  # type: ignore[misc]
            await engine.accept(paused(time=time))
            await engine.accept(resumed(time=time))
        await until(lambda: work.seen["second"] == 4)
        work.let.set()
        await until(lambda: work.seen["ended"] == 1)
        assert work.seen["first"] == 1


async def test_what_must_leave_whole_ends_before_the_pause_takes_effect(tmp_path: Path) -> None:
    work, chat = Work(whole=True), MemoryChat()
    async with running(tmp_path, chat, work) as engine:
        await engine.accept(opened())
        await until(lambda: work.seen["second"] == 1)
        await engine.accept(paused())
        await asyncio.sleep(PAUSE_S)
        assert work.seen["cut"] == 0
        work.let.set()
        await until(lambda: work.seen["ended"] == 1)
        await until(lambda: "note:2" in {key for _, key in chat.posts})
        snapshot = await engine.snapshot(REQUEST)
        assert snapshot is not None
        assert snapshot.live == ()


async def test_whoever_paused_just_before_it_leaves_is_heeded(tmp_path: Path) -> None:
    work = Work(whole=True)

    async def late(context: Context) -> Result:
        if not work.seen["asked"]:
            work.seen["asked"] += 1
            await asyncio.shield(asyncio.create_task(engine.accept(paused())))
        return await work(context)

    async with running(tmp_path, MemoryChat(), late) as engine:
        await engine.accept(opened())
        await until(lambda: work.seen["asked"] == 1)
        await asyncio.sleep(PAUSE_S)
        assert work.seen["second"] == 0
        await engine.accept(resumed())
        await until(lambda: work.seen["second"] == 1)
        work.let.set()
        await until(lambda: work.seen["ended"] == 1)


async def test_stopped_while_paused_it_never_goes_on(tmp_path: Path) -> None:
    work = Work()
    async with running(tmp_path, MemoryChat(), work) as engine:
        await engine.accept(opened())
        await until(lambda: work.seen["second"] == 1)
        await engine.accept(paused())
        await engine.accept(stopped())
        await engine.sweep(datetime.now(UTC) + LEFT_BEHIND + timedelta(seconds=1))
        await asyncio.sleep(PAUSE_S)
        assert work.seen["second"] == 1
