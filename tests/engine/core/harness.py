"""An engine with tiny rules and runs, and a chat in memory that can fail on demand."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.cards import Card, Detail, NoteCard
from engine.decide import Decision
from engine.engine import Engine, Rules
from engine.errors import ScriptEnded
from engine.events import (
    Asked,
    Choice,
    Chose,
    Delivered,
    Due,
    Event,
    Failed,
    Opened,
    Paused,
    Result,
    Resumed,
    RunFinished,
    Said,
    Stopped,
)
from engine.launch import launch
from engine.people import Person, Profile
from engine.performing import PAUSES
from engine.ports import ModelAnswer, ModelCall, Ref, ThreadMessage
from engine.request import (
    CancelRuns,
    Effect,
    Hold,
    HoldRuns,
    Live,
    Note,
    OpenThread,
    Policy,
    ReleaseRuns,
    RunKind,
    ScopeItem,
    ShowCard,
    Snapshot,
    StartRun,
    State,
    WriteRecord,
)
from engine.running import Outside, RunFunction
from engine.runs.context import Context
from engine.schemas import Option, Question, Questions
from engine.settings import RepositorySettings, Settings
from engine.state_dir import hold
from engine.store import Spent
from engine.store.database import BUSY_MS

RITA = Person(team="T1", user="URITA")
REQUEST = "T1:C1:1.0"
AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
ASKED = Asked(
    questions=Questions(
        questions=(
            Question(
                header="Scope",
                text="Which?",
                multi=False,
                options=(Option(label="A", description="a"), Option(label="B", description="b")),
                recommended=0,
            ),
        )
    )
)


def opened(request: str = REQUEST, text: str = "please") -> Opened:
    return Opened(
        key=f"{request}:msg",
        request=request,
        at=AT,
        by=RITA,
        text=text,
        channel="C1",
        ts="1.0",
        thread_ts="1.0",
    )


def said(number: int, request: str = REQUEST) -> Said:
    return Said(
        key=f"{request}:{number}:msg", request=request, at=AT, by=RITA, text=f"n{number}", ts=f"{number}.0"
    )


def stopped(request: str = REQUEST) -> Stopped:
    return Stopped(key=f"{request}:stop", request=request, at=AT, by=RITA)


def paused(request: str = REQUEST, time: int = 1) -> Paused:
    return Paused(key=f"{request}:pause{time}", request=request, at=AT, by=RITA)


def resumed(request: str = REQUEST, time: int = 1) -> Resumed:
    return Resumed(key=f"{request}:resume{time}", request=request, at=AT, by=RITA)


def wish(text: str, request: str = REQUEST) -> Chose:
    return Chose(
        key=f"{request}:{text}",
        request=request,
        at=AT,
        by=RITA,
        card="progress",
        choice=Choice.RETRY,
        text=text,
    )


# ---------------------------------------------------------------- tiny rules


def decide(  # noqa: C901, PLR0912 (a table)
    snapshot: Snapshot | None, event: Event, policy: Policy | None, candidates: object = ()
) -> Decision:
    """Opened starts a run; its end shows a card; words are noted; a choice "work" starts another run."""
    if snapshot is None:
        if not isinstance(event, Opened):
            return Decision(snapshot=None)
        snapshot = Snapshot(
            id=event.request,
            team=event.by.team,
            channel=event.channel,
            thread_ts=event.thread_ts,
            ts=event.ts,
            state=State.ASSESSING,
            epoch=0,
            opened_at=event.at,
            requester=event.by,
            text=event.text,
            title=event.text,
            repository="sample",
            reviewers=(),
            implementer="",
            remind_after_s=1,
            expire_after_s=1,
            cap_usd=5.0,
        )
        return _then(snapshot, (ShowCard(card="progress"), StartRun(kind=RunKind.ASSESS)))
    changes: dict[str, Any] = {}
    effects: tuple[Effect, ...] = (ShowCard(card="progress"),)
    match event:
        case RunFinished(run=run, result=result):
            if run not in {live.id for live in snapshot.live}:
                return Decision(snapshot=snapshot)
            changes["live"] = tuple(live for live in snapshot.live if live.id != run)
            changes["state"] = State.CLARIFYING
            if isinstance(result, Failed):
                changes["ended_because"] = f"{result.cause.value}: {result.sentence}"
            effects = (*effects, ShowCard(card=f"note:{run.rpartition('/')[2]}"))
        case Said(text=text, by=by):
            changes["notes"] = (*snapshot.notes, Note(by=by, text=text))
        case Stopped():
            changes |= {"state": State.STOPPED, "epoch": snapshot.epoch + 1, "live": ()}
            effects = (CancelRuns(runs=tuple(live.id for live in snapshot.live)), *effects)
        case Paused(by=by, at=at):
            changes["hold"] = Hold(by=by, at=at)
            effects = (HoldRuns(runs=tuple(live.id for live in snapshot.live)),)
        case Resumed():
            changes["hold"] = None
            effects = (ReleaseRuns(runs=tuple(live.id for live in snapshot.live)),)
        case Due(at=at):
            changes |= {"due_at": None, "reminded": True, "ended_because": at.isoformat()}
        case Chose(text="follow up", by=by):
            item = ScopeItem(by=by, text="and a page", title="A page", ts="9.0")
            changes["scope_items"] = (item,)
            effects = (OpenThread(wish=item.ts),)
        case Chose(text="deliver"):
            changes["delivery"] = Delivered(branch="b", commit="c" * 40, number=7, url="http://127.0.0.1/7")
            effects = (WriteRecord(),)
        case Chose(text="record"):
            effects = (WriteRecord(),)
        case Chose(text="work"):
            effects = (*effects, StartRun(kind=RunKind.TASK))
        case Chose(text="listen"):
            effects = (*effects, StartRun(kind=RunKind.TRIAGE))
        case Chose(text="forget the counter"):
            return Decision(snapshot=snapshot.model_copy(update={"counter": 0}))
        case Chose(text="wait", at=at):
            changes["due_at"] = at.replace(hour=at.hour + 1)
        case _:
            effects = ()
    return _then(snapshot.model_copy(update=changes), effects)


def _then(snapshot: Snapshot, effects: tuple[Effect, ...]) -> Decision:
    started = tuple(
        Live(id=f"{snapshot.id}/{snapshot.counter + number}", kind=effect.kind)
        for number, effect in enumerate(effects, 1)
        if isinstance(effect, StartRun)
    )
    update = {"counter": snapshot.counter + len(effects), "live": (*snapshot.live, *started)}
    return Decision(snapshot=snapshot.model_copy(update=update), effects=effects)


def render(snapshot: Snapshot, key: str, spent: Spent, activity: tuple[str, ...]) -> Card | None:
    text = f"{snapshot.state.value} {len(snapshot.notes)} {' '.join(activity)}".strip()
    return NoteCard(request=snapshot.id, key=key, text=text)


RULES = Rules(
    decide=decide,
    policy=lambda repository, team: None,
    candidates=lambda channel, team: (),
    render=render,
    detail=lambda snapshot, key: Detail(title=key, text=snapshot.text),
)


# ---------------------------------------------------------------- tiny outside


class MemoryChat:
    """Implements ports.Chat that can fail.

    Attributes:
        faults: Raised one by one by the next posts and updates.
        tried: How often each key was posted or updated, in vain or not.
        refused: What posts and updates of a card of this key raise, every time; of a thread, by its effect.
    """

    def __init__(self) -> None:
        self.posts: list[tuple[str, str]] = []
        self.cards: dict[tuple[str, str], list[str]] = {}
        self.faults: list[Exception] = []
        self.refused: dict[str, Exception] = {}
        self.tried: Counter[str] = Counter()
        self.apart: list[tuple[str, str]] = []
        self.lost_answers = 0
        self.latency_s = 0.0
        self.profiles: dict[Person, Profile] = {}

    async def post(self, request: str, key: str, card: Card) -> Ref:
        await self._weather(key)
        self.posts.append((request, key))
        self._show(card)
        if self.lost_answers:
            self.lost_answers -= 1
            raise TimeoutError
        return self._ref(request, key)

    async def find(self, request: str, key: str) -> Ref | None:
        return self._ref(request, key) if (request, key) in self.posts else None

    async def update(self, ref: Ref, card: Card) -> None:
        await self._weather(card.key)
        self._show(card)

    async def tell(self, person: Person, card: Card) -> None:
        self.apart.append((person.user, card.key))

    async def open_thread(self, channel: str, key: str, card: Card) -> Ref:
        await self._weather(key)
        return Ref(channel=channel, ts=key)

    async def history(self, request: str, limit: int = 50) -> Sequence[ThreadMessage]:
        return ()

    async def person(self, person: Person, max_age_s: float = 600.0) -> Profile:
        return self.profiles.get(person, Profile(person=person, name=person.user))

    async def person_now(self, person: Person) -> Profile:
        return await self.person(person)

    def shown(self, key: str, request: str = REQUEST) -> str:
        return self.cards.get((request, key), [""])[-1]

    async def _weather(self, key: str) -> None:
        self.tried[key] += 1
        await asyncio.sleep(self.latency_s)
        if key in self.refused:
            raise self.refused[key]
        if self.faults:
            raise self.faults.pop(0)

    def _show(self, card: Card) -> None:
        assert isinstance(card, NoteCard)
        self.cards.setdefault((card.request, card.key), []).append(card.text)

    @staticmethod
    def _ref(request: str, key: str) -> Ref:
        return Ref(channel="C1", ts=f"{request}|{key}")


class NoModel:
    """Implements ports.Model with nothing to say."""

    async def answer(self, call: ModelCall) -> ModelAnswer:
        raise ScriptEnded("The script holds nothing.")

    def worst_case_usd(self, call: ModelCall) -> float:
        return 0.0


async def ask(context: Context) -> Result:
    """A run of three recorded steps."""
    for number in range(3):

        async def nothing() -> int:
            return 0

        await context.step(f"model {number}", nothing)
    return ASKED


def settings(state_dir: Path, **caps: Any) -> Settings:
    repository = RepositorySettings(name="sample", remote="/nowhere", channels=("C1",))
    return Settings(state_dir=state_dir, repositories=(repository,), caps=caps or {})


@asynccontextmanager
async def running(
    state_dir: Path,
    chat: MemoryChat,
    runs: Mapping[RunKind, RunFunction] | RunFunction = ask,
    **outside: Any,
) -> AsyncIterator[Engine]:
    """An engine over `state_dir`, closed at the end; one run function serves every kind."""
    functions = runs if isinstance(runs, Mapping) else dict.fromkeys(RunKind, runs)
    parts: dict[str, Any] = {
        "model": NoModel(),
        "sandbox": None,
        "workspace": lambda repository: None,
        "forge": lambda repository: None,
    }
    configured = settings(state_dir, **outside.pop("caps", {}))
    busy_ms = outside.pop("busy_ms", BUSY_MS)
    rules = outside.pop("rules", RULES)
    pauses = outside.pop("pauses", PAUSES)
    engine = await launch(
        configured,
        chat,
        Outside(**parts | outside),
        rules,
        functions,
        hold(configured.state_dir),
        busy_ms=busy_ms,
        pauses=pauses,
    )
    try:
        yield engine
    finally:
        await engine.close()


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
    """Wait until it holds, or fail."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)
