"""A run's context over the real things: store, git, sandbox, forge, and the SDK against a Messages API."""

import asyncio
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from bot.playground.messages_api import MessagesApi
from bot.playground.rehearsal import ReceivedCall, Reply, Responder
from bot.playground.script import Scenario
from engine.adapters.anthropic_model import AnthropicModel
from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.adapters.git_workspace import GitWorkspace
from engine.adapters.local_forge import LocalForge
from engine.cards import Card
from engine.dependencies import Dependencies
from engine.people import Person, Profile
from engine.ports import Ref, ThreadMessage
from engine.request import Live, RunKind, Snapshot, State
from engine.runs.context import Context
from engine.settings import CheckSettings, RepositorySettings, Settings
from engine.store import Store
from engine.store.database import open_database
from engine.store.migrations import migrate
from tests.quick import quick_repository

T = TypeVar("T")

RITA = Person(team="T1", user="URITA")
DANA = Person(team="T1", user="UDANA")
REQUEST = "T1:C1:1.0"
AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
TEXT = "Add a new metric to track conversation resolution time"
REVIEWER = "production-code-reviewer"
CHECKS = {
    "tests": CheckSettings(argv=("make", "test"), about="tests"),
    "lint-sql": CheckSettings(argv=("make", "lint-sql"), about="SQL style linting"),
    "check-quality": CheckSettings(argv=("make", "check-quality"), about="data quality rules"),
}


def snapshot(**changes: Any) -> Snapshot:
    """A request that was just opened, with changes."""
    opened = Snapshot(
        id=REQUEST,
        team="T1",
        channel="C1",
        thread_ts="1.0",
        ts="1.0",
        state=State.ASSESSING,
        epoch=1,
        opened_at=AT,
        requester=RITA,
        text=TEXT,
        title=TEXT,
        repository="data-platform",
        reviewers=(REVIEWER,),
        implementer="databricks-genius",
        cap_usd=50.0,
        remind_after_s=3600,
        expire_after_s=7200,
    )
    return opened.model_copy(update=changes)


class Killed(Exception):
    """The process died here."""


@dataclass
class Journal:
    """Recorded steps, as a durable engine keeps them: by order, pickled.

    Attributes:
        die_at: Index of the step whose result is lost with the process, after its work was done.
    """

    records: list[tuple[str, bytes] | None] = field(default_factory=list)
    die_at: int | None = None
    _next: int = 0

    @property
    def names(self) -> list[str]:
        """Names of the recorded steps, in order."""
        return [record[0] for record in self.records if record]

    def again(self) -> "Journal":
        """The same records, for a run that starts over."""
        return Journal(records=list(self.records))

    async def step(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Run and record, or return what was recorded."""
        index, self._next = self._next, self._next + 1
        self.records += [None] * (index + 1 - len(self.records))
        known = self.records[index]
        if known is not None:
            assert known[0] == name, f"step {index} was {known[0]!r} and is {name!r} now"
            value: T = pickle.loads(known[1])  # noqa: S301 (written by this test)
            return value
        result = await work()
        if self.die_at == index:
            raise Killed
        self.records[index] = (name, pickle.dumps(result))
        return result


@dataclass
class Thread:
    """A thread whose messages and people are given."""

    messages: Sequence[ThreadMessage] = ()
    names: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    async def post(self, request: str, key: str, card: Card) -> Ref:
        return Ref(channel="C1", ts=key)

    async def find(self, request: str, key: str) -> Ref | None:
        return None

    async def update(self, ref: Ref, card: Card) -> None:
        return None

    async def tell(self, person: Person, card: Card) -> None:
        return None

    async def open_thread(self, channel: str, key: str, card: Card) -> Ref:
        return Ref(channel=channel, ts=key)

    async def history(self, request: str, limit: int = 50) -> Sequence[ThreadMessage]:
        return self.messages

    async def person(self, person: Person, max_age_s: float = 600.0) -> Profile:
        name = self.names.get(person.user, person.user)
        return Profile(person=person, name=name, known=person.user not in self.gone)

    async def person_now(self, person: Person) -> Profile:
        return await self.person(person)


@dataclass
class World:
    """What is there besides the run."""

    context: Context
    api: MessagesApi
    journal: Journal
    told: list[str]
    slept: list[float]
    remote: Path
    thread: Thread

    def run(self, kind: RunKind, state: Snapshot, about: str = "", *, number: int = 1) -> Context:
        """The context of a fresh run over a state."""
        self.journal = Journal()
        return self.over(self.journal, Live(id=f"{REQUEST}/{number}", kind=kind, about=about), state)

    def over(self, journal: Journal, live: Live, state: Snapshot) -> Context:
        """The context of a run with a given journal."""
        return replace(self.context, run=live, snapshot=state, step=journal.step)


@asynccontextmanager
async def world(
    directory: Path, scenarios: Sequence[Scenario] = (), responder: Responder | None = None
) -> AsyncIterator[World]:
    """Everything, on a fresh sample repository."""
    remote = directory / "remote.git"
    await quick_repository(remote)
    repository = RepositorySettings(
        name="data-platform", remote=str(remote), channels=("C1",), approvers=("UDANA",), checks=CHECKS
    )
    settings = Settings(state_dir=directory / "state", repositories=(repository,))
    database = open_database(directory / "state.db")
    await asyncio.to_thread(migrate, database.durable)
    api = MessagesApi(scenarios, pace=0, responder=responder)
    model = AnthropicModel(settings.tiers, 20, api_key="sk-fake", base_url=await api.start())
    journal, thread = Journal(), Thread(names={"URITA": "Rita", "UDANA": "Dana"})
    told: list[str] = []
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    workspace, sandbox = GitWorkspace(str(remote), "main", directory / "store.git"), BubblewrapSandbox()
    context = Context(
        run=Live(id=f"{REQUEST}/1", kind=RunKind.ASSESS),
        snapshot=snapshot(),
        settings=settings,
        repository=repository,
        store=Store(database.app),
        chat=thread,
        model=model,
        sandbox=sandbox,
        dependencies=Dependencies(repository.name, None, workspace, sandbox, directory / "prepared"),
        workspace=workspace,
        forge=LocalForge(directory / "forge", "http://127.0.0.1:1"),
        step=journal.step,
        sleep=sleep,
        tell=told.append,
        checkouts=directory / "checkouts",
    )
    try:
        yield World(context, api, journal, told, slept, remote, thread)
    finally:
        await model.close()
        await api.close()
        await database.close()


@dataclass
class Script:
    """A model that gives these replies, one a call, and remembers what it was asked."""

    replies: list[Reply]
    calls: list[ReceivedCall] = field(default_factory=list)

    def reply(self, call: ReceivedCall) -> Reply:
        self.calls.append(call)
        return self.replies.pop(0)
