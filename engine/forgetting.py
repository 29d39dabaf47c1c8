"""Deleting a request's data: rows of ours and of DBOS's, checkouts, and commits that only our store holds.

Only a request that has ended is deleted; what is still open is stopped first, by people or by its expiry.
What was told outside stays there: messages in the chat, branches that were pushed, pull requests.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import sqlalchemy as sa
import structlog
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError

from engine.durable import Durable
from engine.errors import AlreadyRunning, ConfigurationInvalid, GreenlightError
from engine.inspecting import one_of, opened
from engine.ports import Workspace
from engine.request import Snapshot
from engine.settings import RepositorySettings, Settings
from engine.state_dir import DATABASE, checkouts_of, hold, store_of
from engine.store import forgotten, journal
from engine.store.database import Database, open_database, readable, reading
from engine.story import visible
from engine.trace import trace

_LOOK_EVERY = timedelta(hours=1)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
_YOUNG = timedelta(hours=1)
"""Objects of git's that are younger may be of work under way, and are left to a later look."""
_WAIT_S, _LOOK_S = 60.0, 0.2
_BUSY_MS = 30_000  # an operator's command is in no hurry

log = structlog.get_logger()


class Going(BaseModel):
    """What goes with a request: rows by table, bytes of checkouts, commits of ours."""

    model_config = ConfigDict(frozen=True)

    request: str
    title: str
    state: str
    rows: dict[str, int]
    checkout_bytes: int
    commits: int


@dataclass(frozen=True)
class _Failed:
    """A request that could not be deleted, and when that was asked for: asked anew, it is tried at once."""

    asked_at: datetime
    pause: timedelta
    again_at: datetime


class Forgetter:
    """Deletes what was asked for, and what the retention lets go.

    Args:
        workspace: Of a repository.
    """

    def __init__(
        self, settings: Settings, database: Database, workspace: Callable[[RepositorySettings], Workspace]
    ) -> None:
        self._settings = settings
        self._database = database
        self._workspace = workspace
        self._looked_at: datetime | None = None
        self._cleaned_at: datetime | None = None
        self._failed: dict[str, _Failed] = {}

    async def sweep(self, now: datetime) -> None:
        """Do what was asked for since the last time, and once an hour what the retention asks for."""
        days = self._settings.retention.days
        if days is not None and (self._looked_at is None or now - self._looked_at > _LOOK_EVERY):
            self._looked_at = now
            async with self._database.app.begin() as c:
                for request in await forgotten.ended_before(c, now - timedelta(days=days)):
                    await forgotten.ask(c, request, forgotten.BY_RETENTION, now)
        async with reading(self._database.app) as c:
            asked = await forgotten.asked(c)
            latest = await forgotten.latest(c)
        due = [request for request, at in asked.items() if self._is_due(request, at, now)]
        if any([await self._forget(request, asked[request], now) for request in due]):
            await asyncio.to_thread(self._squeeze)
        if latest is not None and self._is_to_clean(latest, now):
            self._cleaned_at = now
            await self._clean()

    def _is_due(self, request: str, asked_at: datetime, now: datetime) -> bool:
        failed = self._failed.get(request)
        return failed is None or failed.asked_at != asked_at or failed.again_at <= now

    async def _forget(self, request: str, asked_at: datetime, now: datetime) -> bool:
        """One of them; what goes wrong with one is tried again later and later, and holds up no other."""
        try:
            async with reading(self._database.app) as c:
                snapshot = await journal.load(c, request)
            if snapshot is not None:
                check_ended(snapshot)
                await asyncio.to_thread(shutil.rmtree, self._checkouts(request), ignore_errors=True)
                await self._forget_commits(snapshot)
            async with self._database.app.begin() as c:
                await Durable.forget(c, request)
                await forgotten.delete(c, request, datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 (process edge: a later sweep tries it again)
            before = self._failed.get(request)
            known = before is not None and before.asked_at == asked_at
            pause = min(before.pause * 2, _LONGEST_PAUSE) if before and known else _FIRST_PAUSE
            self._failed[request] = _Failed(asked_at, pause, now + pause)
            log.error(  # noqa: TRY400 (no foreign words in logs)
                "request.not_forgotten", request=request, again_in_s=pause.seconds, trace=trace(error)
            )
            return False
        self._failed.pop(request, None)
        log.info("request.forgotten", request=request)
        return True

    def _is_to_clean(self, latest: datetime, now: datetime) -> bool:
        """Once after a start, and once what was young when it was let go is so no longer."""
        cleaned = self._cleaned_at
        return cleaned is None or cleaned <= latest + _YOUNG < now

    async def _clean(self) -> None:
        """Let go of commits that were too young when their requests were deleted."""
        for repository in self._settings.repositories:
            try:
                await self._workspace(repository).forget(())
            except GreenlightError as error:
                log.warning("commits.not_cleaned", repository=repository.name, error=type(error).__name__)

    async def _forget_commits(self, snapshot: Snapshot) -> None:
        commits = sorted(set(commits_of(snapshot)))
        store = store_of(self._settings.state_dir, snapshot.repository)
        if not commits or not store.is_dir():
            return
        # Also of a repository that is configured no more: its store is all that is needed.
        repository = self._settings.repository(snapshot.repository) or RepositorySettings(
            name=snapshot.repository, remote=str(store)
        )
        async with reading(self._database.app) as c:
            kept = await forgotten.named_elsewhere(c, snapshot.id, commits)
        await self._workspace(repository).forget([commit for commit in commits if commit not in kept])

    def _checkouts(self, request: str) -> Path:
        return checkouts_of(self._settings.state_dir, request)

    def _squeeze(self) -> None:
        """Leave nothing of it in the file's free pages or its log."""
        path = sa.make_url(self._database.url).database
        assert path is not None  # noqa: S101 (a file's URL)
        try:
            connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            try:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.close()
        except sqlite3.Error as error:
            log.warning("database.not_squeezed", error=type(error).__name__)


async def going(settings: Settings, request: str) -> Going:
    """What would go with a request; read beside a running bot.

    Args:
        settings: They name the state directory.
        request: Its id, or a beginning of its id or of its thread that only it has.

    Raises:
        ConfigurationInvalid: no request or several begin so, it has not ended, or there is no state to read.
        Transient: the database stayed busy.
    """
    async with opened(settings.state_dir) as engine, reading(engine) as c:
        snapshot = await one_of(c, request)
        rows = await forgotten.counts(c, snapshot.id)
    check_ended(snapshot)
    files = [path for path in checkouts_of(settings.state_dir, snapshot.id).rglob("*") if path.is_file()]
    return Going(
        request=snapshot.id,
        title=visible(snapshot.title),
        state=snapshot.state.value,
        rows={name: count for name, count in rows.items() if count},
        checkout_bytes=sum(path.lstat().st_size for path in files),
        commits=len(set(commits_of(snapshot))),
    )


async def forget(settings: Settings, request: str, by: str) -> bool:
    """Delete the data of a request, by its id; where a bot runs, ask that to do it, and wait for it.

    Returns:
        Whether it is done; else the bot that runs will do it, or says in its log why it could not.

    Raises:
        ConfigurationInvalid: the state or a repository cannot be used.
        Transient: the database stayed busy.
    """
    from engine.repositories import Repositories

    database = open_database(settings.state_dir.absolute() / DATABASE, _BUSY_MS)
    try:
        try:
            state = hold(settings.state_dir)
        except AlreadyRunning:
            state = None
        async with database.app.begin() as c:
            await forgotten.ask(c, request, by, datetime.now(UTC))
        if state is not None:
            workspaces = Repositories((), settings.state_dir, {})  # nothing is asked of a remote
            await Forgetter(settings, database, workspaces.workspace).sweep(datetime.now(UTC))
            state.release()
        return await _is_done(database, request, 0 if state is not None else _WAIT_S)
    except DBAPIError as error:
        raise readable(error) or ConfigurationInvalid("The database cannot be used.") from error
    finally:
        await database.close()


async def _is_done(database: Database, request: str, within_s: float) -> bool:
    end = monotonic() + within_s
    while True:
        async with reading(database.app) as c:
            done = await forgotten.is_over(c, request)
        if done or monotonic() >= end:
            return done
        await asyncio.sleep(_LOOK_S)


def check_ended(snapshot: Snapshot) -> None:
    """Only what has ended is deleted.

    Raises:
        ConfigurationInvalid: it has not.
    """
    if not snapshot.state.ended:
        raise ConfigurationInvalid(
            f"The request {snapshot.id} has not ended ({snapshot.state.value.replace('_', ' ')}). "
            "Say stop in its thread, or confirm its delivery; then ask again."
        )


def commits_of(snapshot: Snapshot) -> Iterator[str]:
    """The commits that its own work made."""
    spec = snapshot.spec
    base = {snapshot.base_commit, spec.base_commit if spec else "", ""}
    made = (
        snapshot.head,
        snapshot.kept_commit,
        *(task.commit for task in snapshot.tasks),
        *(one.commit for one in snapshot.review_rounds),
    )
    existing = {spec.existing.head} if spec and spec.existing else set()
    yield from (commit for commit in made if commit not in base | existing)
