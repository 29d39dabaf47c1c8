import asyncio
from pathlib import Path

from engine.errors import NeedsPerson, RateLimited, Unreachable
from tests.engine.core.harness import REQUEST, MemoryChat, opened, running, said, until, wish


async def test_a_chat_that_is_away_for_a_while_gets_the_card_once(tmp_path: Path) -> None:
    chat = MemoryChat()
    chat.faults = [Unreachable("away"), RateLimited("slower", retry_after=0.2), Unreachable("away")]
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0" and bool(chat.shown("note:2")))
    assert sorted(chat.posts) == [(REQUEST, "note:2"), (REQUEST, "progress")]


async def test_a_post_whose_answer_was_lost_is_found_and_not_repeated(tmp_path: Path) -> None:
    chat = MemoryChat()
    chat.lost_answers = 1
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0")
    assert chat.posts.count((REQUEST, "progress")) == 1


async def test_a_card_that_chat_refuses_for_good_does_not_hold_up_others(tmp_path: Path) -> None:
    chat = MemoryChat()
    chat.faults = [NeedsPerson("not in that channel")]
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: bool(chat.shown("note:2")))


async def test_many_changes_while_chat_is_slow_are_shown_as_one_newest_state(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0")
        chat.latency_s = 0.3
        for number in range(20):
            await engine.accept(said(number))
        await until(lambda: chat.shown("progress") == "clarifying 20")
        await asyncio.sleep(0.7)
    shown = chat.cards[(REQUEST, "progress")]
    assert shown[-1] == "clarifying 20"
    assert len(shown) < 10


async def test_activity_is_shown_soon_and_not_more_often_than_people_can_read(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0")
        before = len(chat.cards[(REQUEST, "progress")])
        for number in range(40):
            engine.tell(REQUEST, "run", f"line{number}")
            await asyncio.sleep(0.01)
        await until(lambda: chat.shown("progress").endswith("line39"))
        assert chat.shown("progress") == "clarifying 0 line35 line36 line37 line38 line39"
        assert len(chat.cards[(REQUEST, "progress")]) - before <= 3


async def test_a_restart_goes_on_with_cards_that_were_on_their_way(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0")
        chat.latency_s = 60
        await engine.accept(said(1))
        await engine.accept(wish("work"))
        await asyncio.sleep(0.2)
    assert chat.shown("progress") == "clarifying 0"
    chat.latency_s = 0
    async with running(tmp_path, chat):
        await until(lambda: chat.shown("progress") == "clarifying 1")
    assert chat.posts.count((REQUEST, "progress")) == 1
