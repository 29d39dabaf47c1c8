"""Executing runs: a bounded number at once, each ending in exactly one event."""

import asyncio
import errno
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import DBAPIError
from structlog.contextvars import bound_contextvars

from engine import errors
from engine.dependencies import Dependencies
from engine.durable import StepsChanged, last_step, sleep, step
from engine.events import Cause, Failed, Held, Result, RunFinished
from engine.leaks import cleaned, redacted, redacted_words
from engine.metrics import RUNS_ENDED, RUNS_LIVE, RUNS_WAITING
from engine.ports import Chat, Forge, Model, Sandbox, Workspace
from engine.request import Live, RunKind, Snapshot, StartRun
from engine.runs.context import Context
from engine.settings import RepositorySettings, Settings
from engine.state_dir import checkouts_of
from engine.store import Store, effects
from engine.store.database import Database, readable, reading
from engine.store.effects import Filed
from engine.store.tables import EffectStatus
from engine.trace import trace
from engine.vitals import asleep_s

RunFunction = Callable[[Context], Awaitable[Result]]

_SLOT_KEPT_S = 30.0
_LISTENING = 8
_AGAIN_S = 2.0

CAUSES: Mapping[type[errors.GreenlightError], Cause] = {
    errors.CapReached: Cause.CAP,
    errors.ScriptEnded: Cause.SCRIPT,
    errors.AnswerUnusable: Cause.ANSWER,
    errors.ModelRefused: Cause.MODEL,
    errors.TurnLimit: Cause.TURNS,
    errors.RepositoryUnusable: Cause.REPOSITORY,
    errors.PushRejected: Cause.PUSH,
    errors.DiskFull: Cause.DISK,
    errors.Transient: Cause.MODEL,
}

log = structlog.get_logger()


@dataclass(frozen=True)
class Outside:
    """What runs use of the world, built once (workspaces and forges once a repository).

    `asleep` counts the seconds in which there is none of it, as the machine is suspended.
    """

    model: Model
    sandbox: Sandbox
    workspace: Callable[[RepositorySettings], Workspace]
    forge: Callable[[RepositorySettings], Forge]
    asleep: Callable[[], float] = asleep_s


@dataclass(frozen=True)
class Reports:
    """Where a run's end and its activity go: the engine's accept, tell and quiet.

    `anew` begins it from its first step, where the program has other steps since it began.
    """

    finished: Callable[[RunFinished], Awaitable[object]]
    tell: Callable[[str, str, str], None]
    quiet: Callable[[str, str], None]
    anew: Callable[[Filed], Awaitable[object]]


class Slot:
    """A place among the runs that work at once; given back during long waits."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots = slots
        self._held = False

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for the place, in order of arrival, and hold it."""
        with RUNS_WAITING.track_inprogress():
            await self._slots.acquire()
        self._held = True
        try:
            yield
        finally:
            if self._held:
                self._slots.release()

    async def sleep(self, seconds: float) -> None:
        """A durable wait."""
        if seconds <= _SLOT_KEPT_S:
            await sleep(seconds)
            return
        self._held = False
        self._slots.release()
        await sleep(seconds)
        await self._slots.acquire()
        self._held = True


class Runner:
    """Executes claimed runs and reports how they ended."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: Store,
        chat: Chat,
        outside: Outside,
        runs: Mapping[RunKind, RunFunction],
        reports: Reports,
        holder: str,
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._chat = chat
        self._outside = outside
        self._runs = runs
        self._reports = reports
        self._holder = holder
        self._slots = asyncio.Semaphore(settings.caps.concurrent_runs)
        self._ears = asyncio.Semaphore(_LISTENING)
        self.unbroken: set[str] = set()
        """Runs that no pause interrupts any more."""

    async def run(self, effect: str) -> None:
        """The durable body. Cancelled, it reports nothing: who cancelled has said so already."""
        slot = Slot(await self._place(effect))
        async with slot.taken():
            async with self._database.app.begin() as c:
                filed = await effects.claim_run(c, effect, self._holder)
                held = filed is None and await effects.held(c, effect)
            if held:
                await _interrupted()
            if filed is None or not isinstance(filed.effect, StartRun):
                return
            with bound_contextvars(request=filed.request, run=filed.id), RUNS_LIVE.track_inprogress():
                await self._work(filed, filed.effect, slot)

    async def _place(self, effect: str) -> asyncio.Semaphore:
        """Where it waits for its turn: who speaks is heard however many work."""
        async with reading(self._database.app) as c:
            filed = await effects.get(c, effect)
        listens = filed is not None and getattr(filed.effect, "kind", None) is RunKind.TRIAGE
        return self._ears if listens else self._slots

    async def _work(self, filed: Filed, start: StartRun, slot: Slot) -> None:
        log.info("run.started", kind=start.kind.value)
        try:
            result = await self._result(filed, start, slot)
            await last_step("finish", lambda: self._finish(filed, result))
        except StepsChanged as error:
            log.warning("run.begun_anew", kind=start.kind.value, step=str(error))
            await self._reports.anew(filed)
            return
        finally:
            self._reports.quiet(filed.request, filed.id)
            self._store.forget(filed.id)
            self.unbroken.discard(filed.id)
        if isinstance(result, Failed):
            log.warning("run.failed", kind=start.kind.value, cause=result.cause.value)
        log.info("run.ended", kind=start.kind.value, of=result.of)
        how = result.cause.value if isinstance(result, Failed) else "done"
        RUNS_ENDED.labels(start.kind.value, how).inc()

    async def _result(self, filed: Filed, start: StartRun, slot: Slot) -> Result:
        return await _unspoilt(await self._outcome(filed, start, slot))

    async def _outcome(self, filed: Filed, start: StartRun, slot: Slot) -> Result:
        try:
            return await self._runs[start.kind](self._context(filed, start, slot))
        except (errors.NeedsPerson, errors.Transient) as error:
            return failed(error, start.kind)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return bug(filed, error)
        except StepsChanged:
            raise
        except Exception as error:  # noqa: BLE001 (process edge: whatever a run does, its request goes on)
            return failed(full, start.kind) if (full := _disk_full(error)) else bug(filed, error)

    def _context(self, filed: Filed, start: StartRun, slot: Slot) -> Context:
        snapshot = Snapshot.model_validate_json(filed.decided)
        repository = self._settings.repository(snapshot.repository)
        if repository is None:
            raise errors.RepositoryUnusable(
                f"The repository {snapshot.repository} is not configured any more. "
                "Put it back into the configuration and try again."
            )
        workspace, sandbox = self._outside.workspace(repository), self._outside.sandbox
        kept = self._settings.state_dir / "prepared"
        return Context(
            run=Live(id=filed.id, kind=start.kind, about=start.about),
            snapshot=snapshot,
            settings=self._settings,
            repository=repository,
            store=self._store,
            chat=self._chat,
            model=self._outside.model,
            sandbox=sandbox,
            dependencies=Dependencies(repository.name, repository.prepare, workspace, sandbox, kept),
            workspace=workspace,
            forge=self._outside.forge(repository),
            step=step,
            sleep=slot.sleep,
            tell=lambda line: self._reports.tell(filed.request, filed.id, redacted_words(line)),
            checkouts=checkouts_of(self._settings.state_dir, filed.request),
            unbroken=lambda: self._unbroken(filed.id),
        )

    async def _unbroken(self, run: str) -> None:
        """Who pauses after this waits for the run's end; who has paused before is heeded here."""
        self.unbroken.add(run)
        async with reading(self._database.app) as c:
            held = await effects.held(c, run)
        if held:
            self.unbroken.discard(run)
            await _interrupted()

    async def _finish(self, filed: Filed, result: Result) -> None:
        """Report the end; wait out a busy database or full disk. A result that no rule takes is a bug."""
        while True:
            event = RunFinished(
                key=f"{filed.id}:finished",
                request=filed.request,
                at=datetime.now(UTC),
                run=filed.id,
                result=result,
            )
            try:
                await self._reports.finished(event)
            except (errors.Transient, errors.DiskFull) as error:
                log.warning("run.end_delayed", run=filed.id, error=type(error).__name__)
                await asyncio.sleep(_AGAIN_S)
            except Exception as error:  # noqa: BLE001 (process edge: a run must end)
                if isinstance(result, Failed):
                    await self._give_up(filed, error)
                    return
                result = bug(filed, error)
            else:
                return

    async def _give_up(self, filed: Filed, error: Exception) -> None:
        log.error("run.lost", request=filed.request, run=filed.id, trace=trace(error))
        async with self._database.app.begin() as c:
            await effects.end(c, [filed.id], EffectStatus.FAILED, type(error).__name__)


async def _interrupted() -> None:
    """End as if interrupted: the workflow keeps what it has recorded, and can go on."""
    task = asyncio.current_task()
    if task is not None:
        task.cancel()
    await asyncio.sleep(0)


async def _unspoilt(result: Result) -> Result:
    """The result without secrets that a model or a command said: from here on it is journalled and shown.

    What is to be pushed was looked through for itself, and its diff has to stay to the letter.
    """
    if isinstance(result, Held):
        return result
    clean = redacted_words if isinstance(result, Failed) else redacted
    return await asyncio.to_thread(cleaned, result, (), clean)


def failed(error: errors.GreenlightError, kind: RunKind) -> Failed:
    """How a run ends by an error that people can do something about."""
    if kind is RunKind.DELIVER and isinstance(error, errors.Transient):
        # A delivery asks no model: what stays away is the remote or the forge.
        return Failed(cause=Cause.PUSH, sentence=error.sentence)
    cause = next((cause for kind, cause in CAUSES.items() if isinstance(error, kind)), Cause.TASK)
    cap = error.hit if isinstance(error, errors.CapReached) else None
    return Failed(cause=cause, sentence=error.sentence, cap=cap)


def bug(filed: Filed, error: BaseException) -> Failed:
    """How a run ends by a fault of ours; the log has all of it under the id."""
    error_id = secrets.token_hex(4)
    log.error("run.bug", request=filed.request, run=filed.id, error_id=error_id, trace=trace(error))
    sentence = f"Something went wrong in Greenlight itself. The log has it under {error_id}."
    return Failed(cause=Cause.BUG, sentence=sentence, error_id=error_id)


def _disk_full(error: Exception) -> errors.DiskFull | None:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return errors.DiskFull(
            "There is no space left where Greenlight works. Free some space and try again."
        )
    found = readable(error) if isinstance(error, DBAPIError) else None
    return found if isinstance(found, errors.DiskFull) else None
