"""Minutes of work while no process is there or its machine sleeps, and other minutes since."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.backup import save
from engine.caps import Cap
from engine.decide import Decision, decide
from engine.engine import SWEEP_S, Engine, Rules
from engine.errors import CapReached
from engine.events import Event, Restarted, Result
from engine.present import detail
from engine.request import Candidate, Policy, Snapshot, State
from engine.restoring import put_back
from engine.running import RunFunction
from engine.runs.context import Context
from engine.settings import Caps
from engine.state_dir import DATABASE, last_alive, say_alive
from engine.store.ledger import Asked
from engine.vitals import asleep_s
from tests.engine.core.harness import REQUEST, MemoryChat, opened, render, running
from tests.engine.core.test_orders import never
from tests.engine.strategies import POLICY
from tests.journeys.reading import until

Decide = Callable[[Snapshot | None, Event, Policy | None, tuple[Candidate, ...]], Decision]
AGO = timedelta(hours=2)
ASLEEP = """import sys
from engine.vitals import asleep_s
for line in sys.stdin:
    print(asleep_s(), flush=True)
"""


@asynccontextmanager
async def at_work(
    directory: Path,
    minutes: float,
    asleep: Callable[[], float] = asleep_s,
    run: RunFunction = never,
    decide: Decide = decide,
) -> AsyncIterator[tuple[Engine, Snapshot]]:
    """An engine in which a run of the request never ends, with so many minutes for it."""
    policy = POLICY.model_copy(update={"cap_minutes": minutes, "repository": "sample"})
    rules = Rules(
        decide=decide,
        policy=lambda _repository, _team: policy,
        candidates=lambda _channel, _team: (),
        render=render,
        detail=detail,
    )
    async with running(directory, MemoryChat(), run, rules=rules, asleep=asleep) as engine:
        event = opened()
        await engine.accept(event.model_copy(update={"at": datetime.now(UTC), "repository": "sample"}))
        snapshot = await engine.snapshot(REQUEST)
        assert snapshot is not None
        yield engine, snapshot


def busy_since(snapshot: Snapshot) -> datetime:
    assert snapshot.busy_since is not None
    return snapshot.busy_since


def began(state: Path, ago: timedelta) -> None:
    """Have the work have begun so long ago."""
    since = datetime.now(UTC) - ago
    with sqlite3.connect(state / DATABASE) as connection:
        connection.execute(
            "UPDATE gl_request SET snapshot = json_set(snapshot, '$.busy_since', ?)", (since.isoformat(),)
        )


async def test_a_process_says_that_it_is_at_work_and_the_last_word_stays(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    async with at_work(tmp_path, 60) as (engine, _):
        state = engine.settings.state_dir
        first = last_alive(state)
        assert first is not None
        assert first >= before
    last = last_alive(state)
    assert last is not None
    assert last > first


@pytest.mark.long
async def test_a_process_whose_sweeps_fail_or_hang_is_at_work(tmp_path: Path) -> None:
    async with at_work(tmp_path, 60) as (engine, _):
        first = last_alive(engine.settings.state_dir)
        assert first is not None
        engine._sweeper.cancel()  # type: ignore[union-attr]  # it runs
        await until(lambda: last_alive(engine.settings.state_dir) != first, 3 * SWEEP_S, "it says so")


@pytest.mark.parametrize(
    ("alive_ago", "worked"),
    [(timedelta(hours=1), 3600), (timedelta(hours=3), 0), (None, 7200)],
    ids=["an hour down", "down since before", "nobody knows: the control"],
)
async def test_what_was_down_comes_back_with_the_minutes_that_were_worked(
    tmp_path: Path, alive_ago: timedelta | None, worked: float
) -> None:
    async with at_work(tmp_path, 90) as (engine, _):
        state = engine.settings.state_dir
    began(state, AGO)
    if alive_ago is None:
        (state / "alive").unlink()
    else:
        say_alive(state, datetime.now(UTC) - alive_ago)
    async with at_work(tmp_path, 90) as (engine, snapshot):
        assert snapshot.worked_s == pytest.approx(worked, abs=30)
        left = timedelta(minutes=90, seconds=-snapshot.worked_s)
        assert snapshot.over_at == busy_since(snapshot) + max(left, timedelta())
        told = [event for event in await engine.journal(REQUEST) if isinstance(event, Restarted)]
        assert len(told) == 1


async def test_what_a_backup_restores_was_down_since_the_backup(tmp_path: Path) -> None:
    async with at_work(tmp_path / "first", 90) as (engine, _):
        state = engine.settings.state_dir
    began(state, AGO)
    say_alive(state, datetime.now(UTC) - timedelta(hours=1))
    save(state, tmp_path / "saved.tgz")
    state.rename(tmp_path / "lost")
    put_back(tmp_path / "saved.tgz", state, replace=False)
    async with at_work(tmp_path / "first", 90) as (_, snapshot):
        assert snapshot.worked_s == pytest.approx(3600, abs=30)


@pytest.mark.parametrize(
    ("slept", "worked", "state"),
    [(3600.0, 3600.0, State.ASSESSING), (0.0, 90 * 60, State.PAUSED)],
    ids=["an hour asleep", "awake: the control"],
)
async def test_a_machine_that_sleeps_works_as_little_as_one_without_a_process(
    tmp_path: Path, slept: float, worked: float, state: State
) -> None:
    before, counted = 5000.0, [5000.0]
    async with at_work(tmp_path, 90, lambda: counted[-1]) as (engine, snapshot):
        engine._sweeper.cancel()  # type: ignore[union-attr]  # it runs, and knows another time
        counted.append(before + slept)
        now = busy_since(snapshot) + AGO
        for _ in range(2):
            await engine.sweep(now)
        after = await engine.snapshot(REQUEST)
        assert after is not None
        assert after.worked(now) == pytest.approx(worked, abs=1)
        assert after.state is state
        told = [event for event in await engine.journal(REQUEST) if isinstance(event, Restarted)]
        assert [event.at - event.since for event in told] == [timedelta(seconds=slept)] * bool(slept)


@pytest.mark.parametrize("slept", [3600.0, 0.0], ids=["an hour asleep", "awake: the control"])
async def test_a_call_is_paid_before_a_sweep_has_told_of_the_sleep(tmp_path: Path, slept: float) -> None:
    counted, contexts = [5000.0], list[Context]()

    async def at_it(context: Context) -> Result:
        contexts.append(context)
        return await never(context)

    async with at_work(tmp_path, 90, lambda: counted[-1], at_it) as (engine, _):
        engine._sweeper.cancel()  # type: ignore[union-attr]  # it runs, and would tell
        await until(lambda: contexts, SWEEP_S, "the run begins")
        await asyncio.to_thread(began, engine.settings.state_dir, AGO)
        counted.append(counted[0] + slept)
        caps = Caps(minutes_per_request=90)
        call = contexts[0].store.reserve(
            "a", "assess", "m", Asked(request=REQUEST, usd=0.0, cap_usd=1.0, caps=caps)
        )
        if slept:
            await call
            return
        with pytest.raises(CapReached) as refused:
            await call
        assert (refused.value.hit.cap, round(refused.value.hit.spent)) == (Cap.MINUTES, 120)


@pytest.mark.parametrize("failures", [1, 0], ids=["it fails once", "the control"])
async def test_who_could_not_be_told_of_the_sleep_is_told_by_the_next_sweep_and_others_once(
    tmp_path: Path, failures: int
) -> None:
    counted, fails, other = [5000.0], [RuntimeError("not now")] * failures, f"{REQUEST}1"

    def decides(
        snapshot: Snapshot | None, event: Event, policy: Policy | None, candidates: tuple[Candidate, ...]
    ) -> Decision:
        if fails and isinstance(event, Restarted) and event.request == REQUEST:
            raise fails.pop()
        return decide(snapshot, event, policy, candidates)

    async def restarts(request: str) -> list[timedelta]:
        found = [event for event in await engine.journal(request) if isinstance(event, Restarted)]
        return [event.at - event.since for event in found]

    async with at_work(tmp_path, 90, lambda: counted[-1], decide=decides) as (engine, snapshot):
        engine._sweeper.cancel()  # type: ignore[union-attr]  # it runs, and knows another time
        again = opened(other).model_copy(update={"at": datetime.now(UTC), "repository": "sample"})
        await engine.accept(again)
        counted.append(counted[0] + 3600)
        now = busy_since(snapshot) + AGO
        hour, second = timedelta(hours=1), timedelta(seconds=1)
        for time, told in enumerate((1 - failures, 1, 1)):
            await engine.sweep(now + time * second)
            assert (await restarts(REQUEST), await restarts(other)) == ([hour] * told, [hour])
            after = await engine.snapshot(REQUEST)
            assert after is not None
            assert after.state is State.ASSESSING, "an hour of ninety minutes"
            assert after.worked(now) == pytest.approx(3600 + 3600 * (1 - told), abs=3)
            assert engine._untold(REQUEST) == hour * (1 - told)


async def counted_in(*around: str, stopped_s: float) -> list[float]:
    """What a process counts before and after it was stopped by a signal; nothing if it cannot begin."""
    argv = (*around, sys.executable, "-c", ASLEEP)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    counts = []
    for _ in range(2):
        process.stdin.write(b"\n")
        if line := await process.stdout.readline():
            counts.append(float(line))
            os.kill(process.pid, signal.SIGSTOP)
            await asyncio.sleep(stopped_s)
            os.kill(process.pid, signal.SIGCONT)
    process.stdin.close()
    await process.wait()
    return counts


async def test_who_is_stopped_or_busy_is_not_asleep() -> None:
    first, then = await counted_in(stopped_s=0.3)
    assert then == pytest.approx(first, abs=0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
async def test_a_machine_that_was_suspended_for_an_hour_says_so() -> None:
    around = ("unshare", "--user", "--map-root-user", "--time", "--boottime", "3600", "--fork")
    counts = await counted_in(*around, stopped_s=0)
    if not counts:
        pytest.skip("nobody may make a time namespace here")
    assert counts[0] == pytest.approx(asleep_s() + 3600, abs=0.01)


async def test_other_minutes_hold_from_the_next_start(tmp_path: Path) -> None:
    for minutes in (60, 600, 6):
        async with at_work(tmp_path, minutes) as (_, snapshot):
            left = timedelta(minutes=minutes, seconds=-snapshot.worked_s)
            assert snapshot.over_at == busy_since(snapshot) + left


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-26\0", "é", "0001-01-01T00:00:00+23:00"])
def test_what_nobody_can_read_is_as_if_nobody_had_been_there(tmp_path: Path, text: str) -> None:
    (tmp_path / "alive").write_text(text)
    assert last_alive(tmp_path) is None


def test_where_it_cannot_be_written_nothing_is_said(tmp_path: Path) -> None:
    say_alive(tmp_path / "nowhere", datetime.now(UTC))
    assert last_alive(tmp_path / "nowhere") is None
