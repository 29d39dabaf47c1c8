"""Pull requests are looked at when it is time: cheaply, again after trouble, and nothing is told twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.playground.forge_people import LocalPeople
from engine.adapters.local_forge import LocalForge
from engine.bootstrap import rules
from engine.cards import Card
from engine.engine import Engine
from engine.errors import Unreachable
from engine.events import AtTheForge, LostSight, Opened, Remarked, Result, Triaged
from engine.launch import launch
from engine.people import Person, Profile
from engine.ports import Draft, Fate, Ref, ThreadMessage, Watched
from engine.request import RunKind, State
from engine.running import Outside
from engine.runs.context import Context
from engine.schemas import MessageKind
from engine.settings import FollowSettings, RepositorySettings, Settings
from engine.state_dir import hold
from engine.store import journal, watches
from engine.store.database import open_database
from engine.store.migrations import migrate
from engine.watching import TOLD_AFTER
from tests.engine.core.harness import NoModel, until
from tests.engine.stories import COMMIT, reached
from tests.engine.strategies import ASKER, REQUEST, START

HOUR = timedelta(hours=1)


class Thread:
    """Implements ports.Chat: keeps the newest card of each key, and how often each was posted."""

    def __init__(self) -> None:
        self.cards: dict[str, Card] = {}
        self.posted: list[str] = []

    async def post(self, request: str, key: str, card: Card) -> Ref:
        self.posted.append(key)
        self.cards[key] = card
        return Ref(channel="C1", ts=key)

    async def find(self, request: str, key: str) -> Ref | None:
        return Ref(channel="C1", ts=key) if key in self.cards else None

    async def update(self, ref: Ref, card: Card) -> None:
        self.cards[card.key] = card

    async def tell(self, person: Person, card: Card) -> None:
        return None

    async def open_thread(self, channel: str, key: str, card: Card) -> Ref:
        return Ref(channel=channel, ts=key)

    async def history(self, request: str, limit: int = 50) -> Sequence[ThreadMessage]:
        return ()

    async def person(self, person: Person, max_age_s: float = 600.0) -> Profile:
        return Profile(person=person, name=person.user)

    async def person_now(self, person: Person) -> Profile:
        return await self.person(person)


class Weather(LocalForge):
    """A forge that can be away, or never answer."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "http://127.0.0.1/forge")
        self.away = False
        self.silent = False
        self.slow_s = 0.0
        self.looks = 0

    async def look(self, number: int, mark: str) -> Watched | None:
        self.looks += 1
        await asyncio.sleep(self.slow_s)
        if self.silent:
            await asyncio.Event().wait()
        if self.away:
            raise Unreachable("The forge did not answer.", retry_after=7200)
        return await super().look(number, mark)


class Place:
    """A delivered request in a state directory, its pull request, and who acts there."""

    def __init__(self, directory: Path, follow: FollowSettings) -> None:
        repository = RepositorySettings(name="data", remote="/nowhere", channels=("C1",), approvers=("U2",))
        self.settings = Settings(state_dir=directory / "state", repositories=(repository,), follow=follow)
        self.forge = Weather(directory / "forge")
        self.people = LocalPeople(directory / "forge", directory / "remote.git")
        self.chat = Thread()

    async def prepare(self) -> None:
        draft = Draft(key=REQUEST, branch="b", base="main", commit=COMMIT, title="t", body="")
        opened = await self.forge.open_draft(draft)
        now = reached(State.DELIVERED).now
        assert now.delivery is not None
        delivery = now.delivery.model_copy(update={"number": opened.number})
        event = Opened(
            key="o", request=REQUEST, at=START, by=ASKER, text="t", channel="C1", ts="1.0", thread_ts="1.0"
        )
        state = hold(self.settings.state_dir)
        database = open_database(state.database)
        await asyncio.to_thread(migrate, database.durable)
        moment = datetime.now(UTC)
        async with database.app.begin() as c:
            stored = now.model_copy(update={"delivery": delivery})
            await journal.store(c, event, None, stored, moment)
            await watches.begin(c, REQUEST, 1, look_at=moment, until=moment + 30 * 24 * HOUR)
        await database.close()
        state.release()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        async def triage(context: Context) -> Result:
            (waiting,) = [one for one in context.snapshot.feedback if one.untold]
            remark = waiting.untold[0].remark
            return Triaged(
                message=remark.id, kind=MessageKind.WITHIN_SPEC, title="A title", criteria=("AC1",)
            )

        parts: dict[str, Any] = {"model": NoModel(), "sandbox": None, "workspace": lambda _: None}
        outside = Outside(**parts, forge=lambda _: self.forge)
        engine = await launch(
            self.settings,
            self.chat,
            outside,
            rules(self.settings),
            dict.fromkeys(RunKind, triage),
            hold(self.settings.state_dir),
        )
        try:
            yield engine
        finally:
            await engine.close()

    async def looked(self, engine: Engine, at: datetime) -> None:
        """One sweep at that time, and the look that it begins, if any."""
        before = self.forge.looks
        await engine.sweep(at)
        await asyncio.sleep(0.05)
        await until(lambda: not engine._watcher._looking)
        self.last_looks = self.forge.looks - before


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    place = Place(tmp_path, FollowSettings(poll_s=60, slowest_s=900))
    await place.prepare()
    return place


async def seen(engine: Engine) -> list[AtTheForge]:
    return [event for event in await engine.journal(REQUEST) if isinstance(event, AtTheForge)]


async def test_a_remark_becomes_one_card_however_often_it_is_looked_at(place: Place) -> None:
    await place.people.remark(1, "sam", "Round it", path="src/a.sql", line=3)
    now = datetime.now(UTC)
    async with place.running() as engine:
        for hours in range(1, 4):
            await place.looked(engine, now + hours * HOUR)
        await until(lambda: "feedback:1" in place.chat.cards)
        assert place.forge.looks == 3
        async with engine._database.app.begin() as c:
            watch = await watches.get(c, REQUEST)
            assert watch is not None
            # As if the process had died before the mark was kept.
            await watches.looked(c, watch, look_at=now, mark="", quiet=0, failures=0)
    async with place.running() as engine:
        await place.looked(engine, now + 5 * HOUR)
        assert place.last_looks == 1
        (event,) = await seen(engine)
    assert isinstance(event, Remarked)
    assert (event.remark.author, event.remark.line) == ("sam", 3)
    assert place.chat.posted.count("feedback:1") == 1


async def test_looks_become_rarer_while_it_is_quiet_and_frequent_again(place: Place) -> None:
    now = datetime.now(UTC)
    async with place.running() as engine:
        for _ in range(6):
            await place.looked(engine, now + 24 * HOUR)
        async with engine._database.app.begin() as c:
            assert list(await watches.due(c, now + timedelta(seconds=890))) == []
            assert len(await watches.due(c, datetime.now(UTC) + timedelta(seconds=901))) == 1
        await place.people.mark_ready(1)
        await engine.look_at(1)
        await until(lambda: not engine._watcher._looking)
        async with engine._database.app.begin() as c:
            assert len(await watches.due(c, datetime.now(UTC) + timedelta(seconds=61))) == 1


async def test_a_forge_that_stays_away_is_told_once_and_nothing_is_lost(place: Place) -> None:
    place.forge.away = True
    now = datetime.now(UTC)
    async with place.running() as engine:
        await place.looked(engine, now)
        await place.looked(engine, datetime.now(UTC) + HOUR)
        assert place.last_looks == 0  # the forge said when to come again
        for _ in range(TOLD_AFTER + 2):
            await place.looked(engine, datetime.now(UTC) + 24 * HOUR)
        assert [type(event) for event in await seen(engine)] == [LostSight]
        await place.people.remark(1, "sam", "Round it")
        place.forge.away = False
        await place.looked(engine, datetime.now(UTC) + 24 * HOUR)
        assert isinstance((await seen(engine))[-1], Remarked)
        snapshot = await engine.snapshot(REQUEST)
    assert snapshot is not None
    assert [post.text for post in snapshot.posts] == [
        "I cannot look at pull request #1. The forge did not answer. I try again now and then, and tell here "
        "what I missed."
    ]


async def test_a_forge_that_never_answers_holds_nothing_up_and_a_restart_goes_on(place: Place) -> None:
    place.forge.silent = True
    now = datetime.now(UTC)
    async with place.running() as engine:
        async with asyncio.timeout(2):
            await engine.sweep(now + HOUR)
            await engine.sweep(now + HOUR)
        await until(lambda: place.forge.looks == 1)
    place.forge.silent = False
    await place.people.remark(1, "sam", "Round it")
    async with place.running() as engine:
        await place.looked(engine, now + HOUR)
        assert isinstance((await seen(engine))[-1], Remarked)


async def test_what_is_told_during_a_look_is_looked_at_once_more(place: Place) -> None:
    place.forge.slow_s = 0.8
    async with place.running() as engine:
        await engine.look_at(1)
        await until(lambda: place.forge.looks == 1)
        for _ in range(3):
            await engine.look_at(1)
        await engine.look_at(2)
        await until(lambda: place.forge.looks == 2)
        await until(lambda: not engine._watcher._looking)
        await asyncio.sleep(0.3)
    assert place.forge.looks == 2


async def test_a_forge_that_asked_for_a_pause_is_left_alone_whatever_is_told_meanwhile(place: Place) -> None:
    async with place.running() as engine:
        moment = datetime.now(UTC)
        for look_at, looks in ((moment + HOUR, 0), (moment - HOUR, 1)):
            async with engine._database.app.begin() as c:
                watch = await watches.get(c, REQUEST)
                assert watch is not None
                await watches.looked(c, watch, look_at=look_at, mark="", quiet=0, failures=1)
            await engine.look_at(1)
            await until(lambda: not engine._watcher._looking)
            assert place.forge.looks == looks


async def test_once_it_is_merged_or_too_old_nobody_looks_any_more(place: Place) -> None:
    await place.people._end(1, Fate.MERGED, "sam")
    async with place.running() as engine:
        await place.looked(engine, datetime.now(UTC) + HOUR)
        await place.looked(engine, datetime.now(UTC) + 24 * HOUR)
        assert place.last_looks == 0
        async with engine._database.app.begin() as c:
            moment = datetime.now(UTC)
            await watches.begin(c, REQUEST, 1, look_at=moment - 2 * HOUR, until=moment - HOUR)
        await place.looked(engine, datetime.now(UTC) + HOUR)
        async with engine._database.app.begin() as c:
            assert await watches.get(c, REQUEST) is None
    assert place.forge.looks == 1


async def test_what_was_delivered_before_there_were_watches_is_watched_from_now_on(place: Place) -> None:
    await place.people.remark(1, "sam", "Round it")
    async with place.running() as engine, engine._database.app.begin() as c:
        await watches.end(c, REQUEST)
    async with place.running() as engine:
        await place.looked(engine, datetime.now(UTC))
        assert len(await seen(engine)) == 1
        await place.people._end(1, Fate.MERGED, "sam")
        await place.looked(engine, datetime.now(UTC) + HOUR)
    async with place.running() as engine:
        await place.looked(engine, datetime.now(UTC) + HOUR)
    assert place.last_looks == 0


async def test_switched_off_nobody_looks(tmp_path: Path) -> None:
    place = Place(tmp_path, FollowSettings(enabled=False))
    await place.prepare()
    async with place.running() as engine:
        await place.looked(engine, datetime.now(UTC) + HOUR)
        await engine.look_at(1)
    assert place.forge.looks == 0
