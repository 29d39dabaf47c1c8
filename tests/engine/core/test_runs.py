import asyncio
import copyreg
import errno
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import errors
from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.caps import Cap, CapHit
from engine.engine import LEFT_BEHIND
from engine.events import Failed, Result, RunFinished
from engine.ports import Command
from engine.request import RunKind, State
from engine.running import RunFunction
from engine.runs.context import Context
from tests.engine.core.harness import ASKED, REQUEST, MemoryChat, ask, opened, running, stopped, until, wish

HIT = CapHit(cap=Cap.USD, limit=1.0, spent=0.9)


async def hang_in_a_model_call(context: Context) -> Result:
    """A call to a server that accepts and never answers."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def call() -> str:
        server = await asyncio.start_server(silent, "127.0.0.1")
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            try:
                context.tell("calling")
                return (await reader.read()).decode()
            finally:
                writer.close()

    await context.step("model 1", call)
    return ASKED


async def hang_in_parallel_commands(context: Context) -> Result:
    async def command() -> int | None:
        tree = context.checkouts
        tree.mkdir(parents=True, exist_ok=True)
        context.tell("calling")
        return (await context.sandbox.run(Command(argv=("sleep", "317"), tree=tree))).exit_code

    await asyncio.gather(*(context.step(f"tool {n}", command) for n in range(2)))
    return ASKED


async def hang_in_a_wait(context: Context) -> Result:
    context.tell("calling")
    await context.sleep(300)
    return ASKED


@pytest.mark.parametrize("run", [hang_in_a_model_call, hang_in_parallel_commands, hang_in_a_wait])
async def test_stop_ends_what_runs_within_two_seconds(
    tmp_path: Path, run: Callable[[Context], Awaitable[Result]]
) -> None:
    chat = MemoryChat()
    async with running(tmp_path / "state", chat, run, sandbox=BubblewrapSandbox()) as engine:
        await engine.accept(opened())
        await until(lambda: "calling" in chat.shown("progress"))
        if run is hang_in_parallel_commands:
            await until(lambda: _alive("sleep", "317"))
        began = time.monotonic()
        await engine.accept(stopped())
        await until(lambda: not engine._durable._running and chat.shown("progress") == "stopped 0")
        assert time.monotonic() - began < 2
        snapshot = await engine.snapshot(REQUEST)
        assert snapshot is not None
        assert snapshot.state == State.STOPPED
        assert [e.kind for e in await engine.journal(REQUEST)] == ["opened", "stopped"]
    assert not _alive("sleep", "317")


def _alive(*argv: str) -> bool:
    wanted = "\0".join(argv).encode()
    return any(wanted in _command_line(p) for p in Path("/proc").glob("[0-9]*/cmdline"))


def _command_line(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


async def test_a_stopped_run_does_not_come_back_with_a_restart(tmp_path: Path) -> None:
    chat = MemoryChat()
    started: list[str] = []

    async def run(context: Context) -> Result:
        started.append(context.run.id)
        return await hang_in_a_wait(context)

    async with running(tmp_path, chat, run) as engine:
        await engine.accept(opened())
        await until(lambda: bool(started))
        await engine.accept(stopped())
        await until(lambda: chat.shown("progress") == "stopped 0")
    async with running(tmp_path, chat, run) as engine:
        await asyncio.sleep(1.5)
        assert len(started) == 1


async def test_a_restart_replays_recorded_steps_and_makes_no_call_twice(tmp_path: Path) -> None:
    chat = MemoryChat()
    calls: list[str] = []
    gate = asyncio.Event()

    async def run(context: Context) -> Result:
        async def call(name: str) -> str:
            calls.append(name)
            if name == "second" and not gate.is_set():
                context.tell("calling")
                await asyncio.sleep(300)
            return name

        await context.step("model 1", lambda: call("first"))
        await context.step("model 2", lambda: call("second"))
        return ASKED

    async with running(tmp_path, chat, run) as engine:
        await engine.accept(opened())
        await until(lambda: "calling" in chat.shown("progress"))
    gate.set()
    async with running(tmp_path, chat, run) as engine:
        await until(lambda: chat.shown("progress") == "clarifying 0")
        assert calls == ["first", "second", "second"]


async def test_a_run_that_nobody_is_at_any_more_goes_on_where_it_was(tmp_path: Path) -> None:
    chat = MemoryChat()
    calls: list[str] = []

    async def run(context: Context) -> Result:
        async def call(name: str) -> str:
            calls.append(name)
            if calls == ["first", "second"]:
                context.tell("calling")
                await asyncio.sleep(300)
            return name

        await context.step("model 1", lambda: call("first"))
        await context.step("model 2", lambda: call("second"))
        return ASKED

    async with running(tmp_path, chat, run) as engine:
        await engine.accept(opened())
        await until(lambda: "calling" in chat.shown("progress"))
        # Its task is gone, and the durable engine's journal does not know.
        engine._durable.closing = True
        engine._durable.interrupt([f"{REQUEST}/2"])
        await until(lambda: not engine._durable._running)
        engine._durable.closing = False
        for _ in range(2):
            await engine.sweep(datetime.now(UTC) + LEFT_BEHIND + timedelta(seconds=1))
        await until(lambda: chat.shown("progress") == "clarifying 0")
        assert calls == ["first", "second", "second"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.Unreachable("No answer from the model."), "model: No answer"),
        (errors.CapReached(HIT), f"cap: {HIT.sentence}"),
        (errors.ScriptEnded("The script."), "script: The script."),
        (errors.AnswerUnusable("Odd answer."), "answer: Odd answer."),
        (errors.ModelRefused("Refused."), "model: Refused."),
        (errors.TurnLimit("Too long."), "turns: Too long."),
        (errors.RepositoryUnusable("Empty."), "repository: Empty."),
        (errors.PushRejected("Protected."), "push: Protected."),
        (errors.DiskFull("Full."), "disk: Full."),
        (OSError(errno.ENOSPC, "No space left on device"), "disk: There is no space"),
        (ValueError("secret detail"), "bug: Something went wrong in Greenlight itself"),
        (asyncio.CancelledError("by something else"), "bug: Something went wrong"),
    ],
)
async def test_every_error_ends_the_run_with_a_sentence(
    tmp_path: Path, error: BaseException, said: str
) -> None:
    async def run(context: Context) -> Result:
        raise error

    chat = MemoryChat()
    async with running(tmp_path, chat, run) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0")
        snapshot = await engine.snapshot(REQUEST)
        assert snapshot is not None
        assert snapshot.ended_because.startswith(said)
        assert "secret detail" not in snapshot.ended_because


async def test_no_more_runs_at_once_than_configured_and_a_long_wait_gives_its_place_away(
    tmp_path: Path,
) -> None:
    at_once = peak = 0

    async def run(context: Context) -> Result:
        nonlocal at_once, peak
        if context.snapshot.text == "waits long":
            await context.sleep(300)
        at_once += 1
        peak = max(peak, at_once)
        await asyncio.sleep(0.1)
        at_once -= 1
        return ASKED

    chat = MemoryChat()
    async with running(tmp_path, chat, run, caps={"concurrent_runs": 2}) as engine:
        waiting = [f"T1:C1:{n}.5" for n in range(2)]
        for request in waiting:
            await engine.accept(opened(request, "waits long"))
        requests = [f"T1:C1:{n}.0" for n in range(6)]
        for request in requests:
            await engine.accept(opened(request))
        await until(lambda: all(chat.shown("progress", r) == "clarifying 0" for r in requests))
        assert peak == 2
        for request in waiting:
            await engine.accept(stopped(request))


async def test_who_speaks_is_heard_while_every_place_is_taken(tmp_path: Path) -> None:
    begun: list[RunKind] = []

    async def run(context: Context) -> Result:
        begun.append(context.run.kind)
        await asyncio.Event().wait()
        return ASKED

    async with running(tmp_path, MemoryChat(), run, caps={"concurrent_runs": 1}) as engine:
        await engine.accept(opened())
        await until(lambda: len(begun) == 1)
        await engine.accept(wish("work"))
        await engine.accept(wish("listen"))
        await until(lambda: len(begun) == 2)
        assert begun[1] is RunKind.TRIAGE, "and what works waits for its place"


async def test_a_run_decided_before_a_stop_is_not_started_after_it(tmp_path: Path) -> None:
    ran: list[str] = []

    async def run(context: Context) -> Result:
        ran.append(context.run.id)
        return await ask(context)

    chat = MemoryChat()
    async with running(tmp_path, chat, run) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0")
        await asyncio.gather(engine.accept(wish("work")), engine.accept(stopped()))
        await until(lambda: chat.shown("progress") == "stopped 0")
        await asyncio.sleep(0.3)
        assert len(ran) == 1


@pytest.mark.parametrize("steps", [("before", "new", "after"), ("new", "after"), ("before",)])
async def test_a_run_goes_on_where_the_program_has_other_steps_by_now(
    tmp_path: Path, steps: tuple[str, ...]
) -> None:
    chat, done = MemoryChat(), list[str]()

    def of(names: tuple[str, ...], last: Callable[[], Awaitable[None]]) -> RunFunction:
        async def run(context: Context) -> Result:
            for name in names:

                async def work(name: str = name) -> None:
                    done.append(name)

                await context.step(name, work)
            await context.step(f"end of {len(names)}", last)
            return ASKED

        return run

    async def for_ever() -> None:
        done.append("waits")
        await asyncio.sleep(300)

    async def at_once() -> None:
        done.append("ended")

    async with running(tmp_path, chat, of(("before", "then"), for_ever)) as engine:
        await engine.accept(opened())
        await until(lambda: "waits" in done)
    async with running(tmp_path, chat, of(steps, at_once)) as engine:

        async def clarifying() -> bool:
            snapshot = await engine.snapshot(REQUEST)
            return snapshot is not None and snapshot.state is State.CLARIFYING

        await until(clarifying)
    assert done.count("ended") == 1
    assert done.count("before") == 1 + ("before" in steps), "it began anew"


async def test_what_led_to_an_error_is_not_recorded_with_it(tmp_path: Path) -> None:
    """A library may teach pickle to follow causes, and they hold what cannot be pickled."""
    copyreg.pickle(
        errors.ChatShut, lambda error: (errors.ChatShut, (str(error), error.code, error.__cause__))
    )

    async def run(context: Context) -> Result:
        async def refused() -> None:
            raise errors.ChatShut("It is shut.", "is_archived") from ValueError(threading.Lock())

        await context.step("look", refused)
        return ASKED

    try:
        async with running(tmp_path, MemoryChat(), run) as engine:
            await engine.accept(opened())

            async def results() -> list[Failed]:
                found = [it.result for it in await engine.journal(REQUEST) if isinstance(it, RunFinished)]
                return [one for one in found if isinstance(one, Failed)]

            async def failed() -> bool:
                return bool(await results())

            await until(failed)
            assert [one.sentence for one in await results()] == ["It is shut."]
    finally:
        del copyreg.dispatch_table[errors.ChatShut]
