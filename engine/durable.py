"""The durable engine; the only module that knows DBOS.

Two workflows of one fixed shape: `perform` does an effect outside and `run` does a piece of work. Their
argument is an effect's id, their own id is `EFFECT#ATTEMPT`, and what they do is handed in at launch.
Both start directly, outside any other workflow's context: a child would share its parent's fate.

Runs do not wait on a DBOS queue, although it has one: its polling costs a quarter of a second a run and
some idle CPU, its order on SQLite is not that of arrival, and a waiting run cannot give its place back.
`engine.running.Slot` bounds them instead, in order, and the effects' own rows say what is still to do.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from dbos import DBOS, SetWorkflowID
from dbos import error as dbos_error
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.errors import GreenlightError
from engine.leaks import redacted_words
from engine.store.database import Database
from engine.store.tables import PREFIX
from engine.trace import trace

T = TypeVar("T")
Body = Callable[[str], Awaitable[None]]

# Pinned: work that waits across an upgrade goes on. The order of steps may change only by DBOS.patch.
APPLICATION_VERSION = "1"
# Constant: one process owns a SQLite state (held by a lock), and at start takes over what the last one left.
EXECUTOR = "local"
# People wait for what they let go on: its queue is looked at more often than DBOS's own, at a few % of CPU.
_GO_ON = "greenlight-go-on"
_GO_ON_S = 0.1
_PENDING = "PENDING"
_FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_PRUNE_AT_ONCE = 500

log = structlog.get_logger()

# Its records go where the process's do: a handler of its own would keep the stream it began with.
logging.getLogger("dbos").addHandler(logging.NullHandler())


class Workflow(StrEnum):
    """The two workflows."""

    PERFORM = "perform"
    RUN = "run"


class StepsChanged(Exception):
    """The journal of this workflow is of another version of the program; it cannot go on from there."""


async def step(name: str, work: Callable[[], Awaitable[T]]) -> T:
    """Run `work` as one durable step of the current workflow, or return its recorded result.

    A cancelled step is not recorded and ends, with its cleanup, before this raises.

    Raises:
        StepsChanged: another step stands there in the journal: an older version of the program wrote it.
    """

    async def call() -> T:
        try:
            return await work()
        except GreenlightError as error:
            # It is recorded, with what led to it where a library teaches pickle so: keep that out.
            error.__cause__ = error.__context__ = None
            error.sentence = redacted_words(error.sentence)
            error.args = (error.sentence, *error.args[1:])
            raise

    try:
        return await DBOS.run_step_async({"name": name, "preemptible": True}, call)
    except dbos_error.DBOSUnexpectedStepError as error:
        raise StepsChanged(name) from error


async def last_step(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Like `step`; a workflow whose journal does not fit any more still does this, unrecorded."""
    try:
        await step(name, work)
    except (dbos_error.DBOSException, StepsChanged) as error:
        log.warning("run.journal_unusable", step=name, error=type(error).__name__)
        await work()


async def sleep(seconds: float) -> None:
    """Wait durably: after a crash only for what is left.

    Raises:
        StepsChanged: see `step`.
    """
    try:
        await DBOS.sleep_async(seconds)
    except dbos_error.DBOSUnexpectedStepError as error:
        raise StepsChanged("sleep") from error


@dataclass
class _Bodies:
    """What the workflows do now: they are registered once a process, engines come and go in tests."""

    durable: "Durable | None" = None


_bodies = _Bodies()


@DBOS.workflow(name=Workflow.PERFORM.value)
async def _perform(effect: str) -> None:
    if _bodies.durable is not None:
        await _bodies.durable.execute(Workflow.PERFORM, effect)


@DBOS.workflow(name=Workflow.RUN.value)
async def _run(effect: str) -> None:
    if _bodies.durable is not None:
        await _bodies.durable.execute(Workflow.RUN, effect)


_WORKFLOWS = {Workflow.PERFORM: _perform, Workflow.RUN: _run}


def _columns_of_workflows(connection: sa.Connection) -> list[tuple[str, str]]:
    """Tables of DBOS that hold something of a workflow, and the column that names it."""
    look = sa.inspect(connection)
    return [
        (table, column["name"])
        for table in look.get_table_names()
        if not table.startswith(PREFIX)
        for column in look.get_columns(table)
        if column["name"] in {"workflow_uuid", "destination_uuid"}
    ]


class Durable:
    """Starts, recovers, interrupts and forgets workflows.

    Args:
        database: Where the durable engine keeps its journal; ours and its tables share the file.
        perform: Does an effect outside, to its end.
        run: Executes a run, to its end.
    """

    def __init__(self, database: Database, *, perform: Body, run: Body) -> None:
        self._database = database
        self._do = {Workflow.PERFORM: perform, Workflow.RUN: run}
        self._starting: set[str] = set()
        self._running: dict[str, set[asyncio.Task[Any]]] = {}
        self._detached: set[asyncio.Task[Any]] = set()
        self._missed: set[str] = set()
        self.closing = False

    async def launch(self) -> None:
        """Start, and go on with what a killed process left: its workflows replay their recorded steps."""
        _bodies.durable = self
        DBOS(
            config={
                "name": "greenlight",
                "system_database_url": self._database.url,
                "system_database_engine": self._database.durable,
                "application_version": APPLICATION_VERSION,
                "executor_id": EXECUTOR,
                "log_level": "CRITICAL",
                "enable_otlp": False,
                # We wait for none; what the interval costs is time to close.
                "notification_listener_polling_interval_sec": 0.1,
            }
        )
        DBOS.launch()
        await DBOS.register_queue_async(_GO_ON, polling_interval_sec=_GO_ON_S)

    async def close(self) -> None:
        """Interrupt everything without recording an end: the next launch goes on with it."""
        self.closing = True
        tasks = [*self._detached, *(task for tasks in self._running.values() for task in tasks)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with ThreadPoolExecutor(1) as own:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(own, DBOS.destroy)
        # DBOS had put its own pool, now shut, in the loop's place for threads.
        loop.set_default_executor(ThreadPoolExecutor())
        if _bodies.durable is self:
            _bodies.durable = None

    # ------------------------------------------------------------ starting

    def holds(self, effect: str) -> bool:
        """Whether this process is at it, or about to."""
        return effect in self._starting or effect in self._running

    def start(self, workflow: Workflow, effect: str, attempt: int) -> None:
        """Start a workflow soon; the same effect and attempt again does nothing."""
        self._starting.add(effect)
        self.detach(self._start(workflow, effect, attempt))

    async def _start(self, workflow: Workflow, effect: str, attempt: int) -> None:
        try:
            with SetWorkflowID(f"{effect}#{attempt}"):
                await DBOS.start_workflow_async(_WORKFLOWS[workflow], effect)
        finally:
            self._starting.discard(effect)

    async def resume(self, effect: str, attempt: int) -> int:
        """Start a run that an earlier process had claimed, going on where it was.

        Returns:
            The attempt that is under way: a new one if the old is at its end without having said so.
        """
        workflow = f"{effect}#{attempt}"
        old = await DBOS.get_workflow_status_async(workflow)
        if old is not None and old.status == _PENDING and not self.holds(effect):
            # Under way by the journal, and not here. Missed twice it is not about to be recovered either.
            if workflow in self._missed:
                await DBOS.resume_workflow_async(workflow)
            self._missed ^= {workflow}
        if old is not None and old.status in _FINISHED:
            attempt += 1
        if old is None or old.status in _FINISHED:
            self.start(Workflow.RUN, effect, attempt)
        return attempt

    async def go_on(self, effect: str, attempt: int) -> None:
        """Go on with a run that was interrupted, from its recorded steps; start it if it never began."""
        while tasks := tuple(self._running.get(effect, ())):
            await asyncio.wait(tasks)
        workflow = f"{effect}#{attempt}"
        old = await DBOS.get_workflow_status_async(workflow)
        if old is None:
            self.start(Workflow.RUN, effect, attempt)
        elif old.status not in _FINISHED:
            await DBOS.resume_workflow_async(workflow, queue_name=_GO_ON)

    def detach(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on its own, outside any workflow's context, until it ends or we close."""
        task = contextvars.Context().run(asyncio.ensure_future, work)
        self._detached.add(task)
        task.add_done_callback(self._detached_done)

    def _detached_done(self, task: asyncio.Task[None]) -> None:
        self._detached.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task.failed", trace=trace(error))

    async def execute(self, workflow: Workflow, effect: str) -> None:
        """The body of both workflows, called by DBOS; known here while it runs."""
        task = asyncio.current_task()
        if task is None or self.closing:
            raise asyncio.CancelledError
        self._running.setdefault(effect, set()).add(task)
        try:
            await self._do[workflow](effect)
        finally:
            self._running[effect].discard(task)
            if not self._running[effect]:
                del self._running[effect]

    # ------------------------------------------------------------ ending

    def interrupt(self, effects: Iterable[str]) -> None:
        """Cancel what runs for these effects now: a model call, a command, a wait."""
        for effect in effects:
            for task in self._running.get(effect, ()):
                task.cancel()

    async def cancel(self, runs: Iterable[tuple[str, int]]) -> None:
        """Mark the workflows of these (effect, attempt) cancelled, so that no launch goes on with them."""
        ids = [f"{effect}#{attempt}" for effect, attempt in runs]
        if ids:
            await DBOS.cancel_workflows_async(ids)

    @staticmethod
    async def forget(c: AsyncConnection, request: str) -> None:
        """Delete all that DBOS keeps of a request's workflows, in the caller's transaction.

        By columns, not by DBOS's own call: that knows only what its launched instance sees, and this also
        works where nothing is launched. Their ids begin with the request's.
        """
        for table, name in await c.run_sync(_columns_of_workflows):
            column = sa.column(name, sa.Text)
            those = column.startswith(f"{request}/", autoescape=True)
            await c.execute(sa.delete(sa.table(table, column)).where(those))

    async def prune(self, older_than: timedelta) -> int:
        """Forget finished workflows that began longer ago; what they did stands in our own tables."""
        before = (datetime.now(UTC) - older_than).isoformat()
        finished = await DBOS.list_workflows_async(
            status=_FINISHED, end_time=before, limit=_PRUNE_AT_ONCE, load_input=False, load_output=False
        )
        if finished:
            await DBOS.delete_workflows_async([workflow.workflow_id for workflow in finished])
        return len(finished)
