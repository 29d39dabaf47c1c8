import asyncio
from pathlib import Path
from typing import Any, get_args

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.entitling import Act, needs_standing
from engine.events import Choice, Event, Paused, Stopped
from engine.people import Profile
from engine.request import State
from engine.store.database import reading
from engine.store.tables import EffectRow, EventRow
from tests.engine.core.harness import REQUEST, MemoryChat, opened, running, said, until, wish


async def test_concurrent_events_lose_nothing_and_a_repeated_key_counts_once(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await asyncio.gather(*(engine.accept(said(n)) for n in range(50)))
        await asyncio.gather(*(engine.accept(said(7)) for _ in range(10)))
        snapshot = await engine.snapshot(REQUEST)
        assert snapshot is not None
        assert sorted(note.text for note in snapshot.notes) == sorted(f"n{n}" for n in range(50))
        journal = await engine.journal(REQUEST)
        assert len({event.key for event in journal}) == len(journal)
        assert [e.key for e in journal].count(said(7).key) == 1
        async with reading(engine._database.app) as c:
            rows = (await c.execute(sa.select(col(EventRow.seq)).order_by(col(EventRow.seq)))).scalars().all()
        assert list(rows) == list(range(1, len(rows) + 1))


async def test_what_fails_while_it_is_stored_leaves_nothing(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0")
        await engine.accept(wish("forget the counter"))
        before = await engine.snapshot(REQUEST), await engine.journal(REQUEST)
        with pytest.raises(IntegrityError):  # the event is written first, then an effect id stands twice
            await engine.accept(said(1))
        assert (await engine.snapshot(REQUEST), await engine.journal(REQUEST)) == before


async def test_what_concerns_no_request_is_not_stored(tmp_path: Path) -> None:
    async with running(tmp_path, MemoryChat()) as engine:
        await engine.accept(said(1))
        assert await engine.snapshot(REQUEST) is None
        assert await engine.journal(REQUEST) == []
        assert await engine.detail(REQUEST, "spec:1") is None


async def test_an_opened_request_shows_progress_runs_and_ends_its_run(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: (REQUEST, "note:2") in chat.posts and chat.shown("progress") == "clarifying 0")
        snapshot = await engine.snapshot(REQUEST)
        assert snapshot is not None
        assert (snapshot.state, snapshot.live) == (State.CLARIFYING, ())
        assert [e.kind for e in await engine.journal(REQUEST)] == ["opened", "run_finished"]

        async def all_done() -> bool:
            async with reading(engine._database.app) as c:
                statuses = (await c.execute(sa.select(col(EffectRow.status)))).scalars().all()
            return set(statuses) == {"done"}

        await until(all_done)
        assert len(chat.posts) == 2


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        ({"guest": True}, "Guests, bots"),
        ({"bot": True}, "Guests, bots"),
        ({"outside": True}, "Guests, bots"),
        ({"known": False}, "Guests, bots"),
        ({"known": False, "why": "Slack did not answer."}, "Slack did not answer. Your click"),
    ],
)
async def test_decisions_count_only_of_members_the_chat_can_tell_about(
    tmp_path: Path, standing: dict[str, Any], said: str
) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        choice = wish("anything")
        chat.profiles[choice.by] = Profile(person=choice.by, name="x", **standing)
        reply = await engine.accept(choice)
        assert "changed nothing" in reply.text
        assert said in reply.text
        assert [e.key for e in await engine.journal(REQUEST)].count(choice.key) == 0
        del chat.profiles[choice.by]
        await engine.accept(choice)
        assert [e.key for e in await engine.journal(REQUEST)].count(choice.key) == 1


async def test_nothing_said_or_asked_counts_of_who_may_not_act(tmp_path: Path) -> None:
    chat = MemoryChat()
    guest = Profile(person=opened().by, name="x", guest=True)
    async with running(tmp_path, chat) as engine:
        chat.profiles[guest.person] = guest
        assert "message changed nothing" in (await engine.accept(opened())).text
        assert await engine.snapshot(REQUEST) is None
        chat.profiles.clear()
        await engine.accept(opened())
        chat.profiles[guest.person] = guest
        assert not (await engine.accept(said(1))).text, "people who talk among themselves are not told off"
        chat.profiles[guest.person] = guest.model_copy(update={"known": False, "why": "Slack is away."})
        assert (await engine.accept(said(2))).text == "Slack is away. Your message changed nothing."
        chat.profiles.clear()
        await engine.accept(said(3))
        assert {said(n).key for n in (1, 2, 3)} & {e.key for e in await engine.journal(REQUEST)} == {
            said(3).key
        }


def test_every_event_of_a_person_needs_standing_but_stops_and_pauses() -> None:
    kinds = get_args(get_args(Event)[0])
    of_people = {kind for kind in kinds if "by" in kind.model_fields}
    assert of_people - set(get_args(Act)) == {Stopped, Paused}
    assert not needs_standing(wish("stop").model_copy(update={"choice": Choice.STOP}))
    assert needs_standing(wish("anything else"))


async def test_whoever_is_in_the_thread_may_stop_by_any_button(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        stop = wish("stop").model_copy(update={"choice": Choice.STOP})
        chat.profiles[stop.by] = Profile(person=stop.by, name="x", guest=True)
        assert not (await engine.accept(stop)).text
        assert [e.key for e in await engine.journal(REQUEST)].count(stop.key) == 1
