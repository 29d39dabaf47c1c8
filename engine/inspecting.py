"""Looking without taking part: records read beside a running bot, and the agents a repository gives.

Nothing here needs the lock of the state directory: records are read over a read-only connection, and a
repository is fetched into a place of its own.
"""

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel import col

from engine.errors import ConfigurationInvalid, Transient
from engine.events import Seat
from engine.request import Snapshot
from engine.settings import RepositorySettings
from engine.state_dir import DATABASE
from engine.stats import Recorded, Stats, count
from engine.store import Store, journal
from engine.store.database import reading
from engine.store.migrations import VERSION_TABLE, newest
from engine.store.tables import RequestRow
from engine.story import Story, tell, visible


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Listed(_Frozen):
    """A request in the list of all."""

    id: str
    state: str
    title: str
    opened_at: datetime


class Seats(_Frozen):
    """The agents of a repository at a commit; `left_out` are files of it that do not count, and why."""

    repository: str
    commit: str
    seats: tuple[Seat, ...]
    left_out: tuple[str, ...]


async def requests(state_dir: Path) -> list[Listed]:
    """Every request, the oldest first.

    Raises:
        ConfigurationInvalid: there is no state there, or it cannot be read.
        Transient: the database stayed busy.
    """
    async with opened(state_dir) as engine, reading(engine) as c:
        rows = (await c.execute(sa.select(col(RequestRow.snapshot)))).scalars().all()
    snapshots = [Snapshot.model_validate_json(row) for row in rows]
    return [
        Listed(id=one.id, state=one.state.value, title=visible(one.title), opened_at=one.opened_at)
        for one in sorted(snapshots, key=lambda snapshot: snapshot.opened_at)
    ]


async def stats(state_dir: Path, since: datetime | None = None) -> Stats:
    """What became of the requests that were opened since then (None: of all).

    Raises:
        ConfigurationInvalid: there is no state there, or it cannot be read.
        Transient: the database stayed busy.
    """
    records = []
    async with opened(state_dir) as engine:
        async with reading(engine) as c:
            rows = (await c.execute(sa.select(col(RequestRow.snapshot)))).scalars().all()
            snapshots = [Snapshot.model_validate_json(row) for row in rows]
            wanted = [one for one in snapshots if since is None or one.opened_at >= since]
            journals = [(one, await journal.events(c, one.id)) for one in wanted]
        for snapshot, events in journals:
            spent = await Store(engine).spent(snapshot.id)
            records.append(Recorded(snapshot=snapshot, events=tuple(events), usd=spent.usd))
    return count(records)


async def story(state_dir: Path, request: str) -> Story:
    """The story of one request.

    Args:
        state_dir: Where the bot keeps its state; it may be running.
        request: The request's id, or a beginning of its id or of its thread that only it has.

    Raises:
        ConfigurationInvalid: no request or several begin so, or there is no state to read.
        Transient: the database stayed busy.
    """
    async with opened(state_dir) as engine:
        async with reading(engine) as c:
            snapshot = await one_of(c, request)
            events = await journal.events(c, snapshot.id)
            in_vain = await journal.in_vain(c, snapshot.id)
        spent = await Store(engine).spent(snapshot.id)
    return tell(snapshot, events, usd=spent.usd, in_vain=in_vain, tokens=spent.tokens)


async def one_of(c: AsyncConnection, request: str) -> Snapshot:
    """The request of that id, or of which only it has that beginning, or that channel and thread.

    Raises:
        ConfigurationInvalid: no request or several begin so.
    """
    ids = (await c.execute(sa.select(col(RequestRow.id)))).scalars().all()
    snapshot = await journal.load(c, _only(ids, request))
    if snapshot is None:
        raise ConfigurationInvalid(f"The request {request} was just deleted.")
    return snapshot


def _only(ids: Sequence[str], request: str) -> str:
    if request in ids:
        return request
    found = [
        id
        for id in ids
        if id.startswith(request) or id.rpartition(":")[2].startswith(request) or id.endswith(f":{request}")
    ]
    if len(found) == 1:
        return found[0]
    shown = visible(request, 80)
    if not found:
        raise ConfigurationInvalid(
            f"There is no request that begins with {shown}. Without an id, show lists them."
        )
    raise ConfigurationInvalid(
        f"{len(found)} requests begin with {shown}: {', '.join(sorted(found)[:5])}. Give more of the id."
    )


@asynccontextmanager
async def opened(state_dir: Path) -> AsyncIterator[AsyncEngine]:
    """The records beside a running bot, to be read only.

    Raises:
        ConfigurationInvalid: there are none, they cannot be read, or another version wrote them.
        Transient: the database stayed busy.
    """
    path = (state_dir / DATABASE).absolute()
    if not path.is_file():
        raise ConfigurationInvalid(
            f"There is no record in {state_dir}: no bot has kept its state there. Name another directory."
        )
    url = f"sqlite+aiosqlite:///file:{quote(str(path))}?mode=ro&uri=true"
    engine = create_async_engine(url, connect_args={"timeout": 5})
    try:
        await _check_version(engine, state_dir)
        yield engine
    except DBAPIError as error:
        if "locked" in str(error.orig):
            raise Transient("The record is busy; try again in a moment.") from error
        raise ConfigurationInvalid(f"The record in {state_dir} cannot be read.") from error
    finally:
        await engine.dispose()


async def _check_version(engine: AsyncEngine, state_dir: Path) -> None:
    """Only a start of the bot changes the tables, so others than this version's are left unread."""
    async with reading(engine) as c:
        version = (await c.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}"))).scalar_one_or_none()  # noqa: S608
    if version is None or version < newest():
        raise ConfigurationInvalid(
            f"The record in {state_dir} was written by an older Greenlight. "
            "Start `greenlight run` once on that state directory, which brings it up to date; then ask again."
        )
    if version > newest():
        raise ConfigurationInvalid(
            f"The record in {state_dir} was written by a newer Greenlight. Read it with that version."
        )


async def seats(repository: RepositorySettings) -> Seats:
    """The agents that requests for this repository get, at the head of its base branch.

    Raises:
        RepositoryUnusable: missing, empty, not git, or no such branch.
        ConfigurationInvalid: it is at GitHub, and the credentials cannot be used.
        Unreachable: the remote did not answer.
    """
    from engine.agents.repository_roster import roster_at
    from engine.repositories import Repositories

    with tempfile.TemporaryDirectory(prefix="greenlight-agents-") as place:
        workspace = Repositories((repository,), Path(place), os.environ).workspace(repository)
        commit = await workspace.refresh()
        roster = await roster_at(workspace, commit)
    return Seats(
        repository=repository.name,
        commit=commit,
        seats=roster.seats,
        left_out=tuple(visible(line) for line in roster.left_out),
    )
