"""The bot of a play as processes of its own, and what can be read of its database beside it."""

import asyncio
import contextlib
import os
import signal
import sqlite3
from collections import Counter
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from time import monotonic
from typing import Any

from engine.request import Snapshot
from tests.crash.seen import Death, Seen
from tests.journeys.bots import forked


class Bot:
    """`greenlight run`, started again whenever it is gone, until the play is over."""

    def __init__(self, config: Path, env: dict[str, str], records: "Records", seen: Seen) -> None:
        log = self._log = config.with_name("log")
        self._given = (("run", "--config", str(config)), env, log, log)
        self._records = records
        self._seen = seen
        self._process: ForkServerProcess | None = None
        self._killed = False
        self._keeping: asyncio.Task[None] | None = None

    def kill(self) -> bool:
        """SIGKILL, which nothing can prepare for; False if it is dead or dying already."""
        return self._end(signal.SIGKILL)

    def terminate(self) -> bool:
        """Ask it to end; False if it is dead or dying already."""
        return self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> bool:
        process = self._process
        if process is None or process.pid is None or self._killed or process.exitcode is not None:
            return False
        self._killed = True
        os.kill(process.pid, by)
        self._seen.deaths.append(Death(monotonic()))
        return True

    @property
    def pid(self) -> int | None:
        """Of the process that runs, if one does."""
        process = self._process
        return process.pid if process is not None and process.is_alive() else None

    def start(self) -> None:
        """Begin to keep it running."""
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Ask it to end, and leave nothing behind."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        process = self._process
        if process is None or not process.is_alive():
            return
        process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_gone(process), 20)
        if process.is_alive():
            self._seen.exits.append("it did not end when it was asked to")
            process.kill()
            await _gone(process)
        elif process.exitcode:
            self._seen.exits.append(f"asked to end it returned {process.exitcode}")

    async def _keep(self) -> None:
        while True:
            process = self._process = forked(*self._given)
            self._killed = False
            await asyncio.to_thread(process.start)
            await _gone(process)
            if self._killed:
                death = self._seen.deaths[-1]
                death.gone, death.recorded = monotonic(), self._records.answers()
            if not self._killed or process.exitcode not in _ENDED:
                tail = self._log.read_text()[-2000:] if self._log.exists() else ""
                self._seen.exits.append(f"it ended by itself with {process.exitcode}: {tail}")
                await asyncio.sleep(1)


_ENDED = {0, -signal.SIGKILL, -signal.SIGTERM}


async def _gone(process: ForkServerProcess) -> None:
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(process.sentinel, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(process.sentinel)
    process.join()


class Records:
    """Our database, read only: when people of the play speak, when it is over, which answers were kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def snapshot(self, request: str) -> Snapshot | None:
        """Where a request stands."""
        rows = self._rows("SELECT snapshot FROM gl_request WHERE id = ?", request)
        return Snapshot.model_validate_json(rows[0][0]) if rows else None

    def all_done(self) -> bool:
        """Whether no effect is left to be done."""
        return not self._rows("SELECT id FROM gl_effect WHERE status IN ('pending', 'claimed')")

    def answers(self) -> Counter[str]:
        """How many answers of the model are kept, by role."""
        return Counter(
            dict(
                self._rows(
                    "SELECT role, count(*) FROM gl_answer JOIN gl_call USING (id) GROUP BY gl_call.role"
                )
            )
        )

    def _rows(self, query: str, *values: str) -> list[Any]:
        if not self._path.exists():
            return []
        with contextlib.closing(
            sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=5)
        ) as connection:
            try:
                return connection.execute(query, values).fetchall()
            except sqlite3.OperationalError:
                return []  # not there yet, or being recovered
