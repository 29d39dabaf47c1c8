import asyncio
import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine.adapters.local_forge import LocalForge
from engine.engine import Engine
from engine.errors import ChatRefused, ChatShut, NeedsPerson, RateLimited, Unreachable
from engine.events import Opened
from engine.performing import Pauses
from engine.request import State
from tests.engine.core.harness import REQUEST, MemoryChat, opened, running, said, stopped, until, wish

REFUSED = ChatRefused("Slack refused a message (invalid_blocks).", "invalid_blocks")
QUICK = Pauses(refused_s=(0.1, 0.2), shut_s=(0.1,))
TRIES = 3
TOLD = "refused:note:2"


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


async def test_a_card_that_chat_refuses_once_is_shown_all_the_same(tmp_path: Path) -> None:
    chat = MemoryChat()
    chat.faults = [REFUSED]
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0" and bool(chat.shown("note:2")))
    assert sorted(chat.posts) == [(REQUEST, "note:2"), (REQUEST, "progress")]


@pytest.mark.parametrize("refusal", [REFUSED, ValueError("a bug")], ids=["refused", "bug"])
async def test_of_a_card_that_is_refused_for_good_the_thread_is_told_once(
    tmp_path: Path, refusal: Exception
) -> None:
    chat = MemoryChat()
    chat.refused = {"note:2": refusal}
    async with running(tmp_path, chat, pauses=QUICK) as engine:
        await engine.accept(opened())
        await until(lambda: bool(chat.shown(TOLD)))
        text = chat.shown(TOLD)
        assert text.startswith("⚠️ I could not show one of my messages, although I tried several times.")
        assert re.search(r"say “stop” and ask anew, .* error [0-9a-f]{8} in the log", text)
        await until(lambda: not engine._durable._running)
        assert chat.tried["note:2"] == TRIES
        await engine.accept(said(1))
        await until(lambda: chat.shown("progress") == "clarifying 1")
        await engine.accept(stopped())
        await until(lambda: chat.shown("progress") == "stopped 1")
    assert chat.posts.count((REQUEST, TOLD)) == 1


async def test_a_card_that_is_refused_again_and_again_is_told_of_once(tmp_path: Path) -> None:
    chat = MemoryChat()
    chat.refused = {"progress": REFUSED}
    chat.lost_answers = 2
    async with running(tmp_path, chat, pauses=QUICK) as engine:
        for event in (opened(), said(1), said(2)):
            await engine.accept(event)
        await until(lambda: "not show the progress message," in chat.shown("refused:progress"))
        await until(lambda: not engine._durable._running)
        before = chat.tried["progress"]
    assert TRIES <= before <= 3 * TRIES
    async with running(tmp_path, chat, pauses=QUICK) as engine:
        await engine.accept(said(3))
        await until(lambda: chat.tried["progress"] >= before + TRIES)
        await until(lambda: not engine._durable._running)
        chat.refused = {}
        await engine.accept(said(4))
        await until(lambda: chat.shown("progress") == "clarifying 4")
    assert sorted(chat.posts) == [(REQUEST, "note:2"), (REQUEST, "progress"), (REQUEST, "refused:progress")]


async def test_where_the_chat_is_shut_cards_wait_until_it_is_open_also_over_a_restart(tmp_path: Path) -> None:
    chat = MemoryChat()
    shut = ChatShut("This channel is archived.", "is_archived")
    chat.refused = {"progress": shut, "note:2": shut}
    async with running(tmp_path, chat, pauses=QUICK) as engine:
        await engine.accept(opened())
        await until(lambda: chat.tried["progress"] >= TRIES + 2 and chat.tried["note:2"] >= 2)
    async with running(tmp_path, chat, pauses=QUICK) as engine:
        await until(lambda: chat.tried["progress"] >= 2 * TRIES + 2)
        chat.refused = {}
        await until(lambda: chat.shown("progress") == "clarifying 0" and bool(chat.shown("note:2")))
    assert sorted(chat.posts) == [(REQUEST, "note:2"), (REQUEST, "progress")]


async def test_where_the_chat_is_shut_and_the_request_has_ended_it_is_given_up(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat, pauses=QUICK) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0" and bool(chat.shown("note:2")))
        chat.refused = dict.fromkeys(("progress", "refused:progress"), ChatShut("archived", "is_archived"))
        await engine.accept(stopped())
        await until(lambda: chat.tried["refused:progress"] == 1)
        await until(lambda: not engine._durable._running)


async def test_where_even_the_note_is_refused_the_request_goes_on(tmp_path: Path) -> None:
    chat = MemoryChat()
    chat.refused = {"progress": REFUSED, "refused:progress": REFUSED}
    async with running(tmp_path, chat, pauses=QUICK) as engine:
        await engine.accept(opened())
        await until(lambda: chat.tried["refused:progress"] == 1)
        await until(lambda: not engine._durable._running)
        await engine.accept(stopped())
        await until(lambda: _is_stopped(engine))


async def test_of_a_thread_that_cannot_be_begun_the_requests_thread_is_told(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0" and bool(chat.shown("note:2")))
        chat.refused = {f"{REQUEST}/5": REFUSED}
        with capture_logs() as logged:
            await engine.accept(wish("follow up"))
            await until(lambda: bool(chat.shown("refused:thread:9.0")))
            await until(lambda: not engine._durable._running)
    (line,) = [entry for entry in logged if entry["event"] == "thread.refused"]
    text = chat.shown("refused:thread:9.0")
    assert text.startswith("⚠️ I could not begin a thread for “A page”: mention me in a new message")
    assert f"error {line['error_id']} in the log" in text
    async with running(tmp_path, chat):
        await asyncio.sleep(0.2)
    assert chat.tried[f"{REQUEST}/5"] == 1


async def test_a_thread_is_begun_once_by_two_attempts_at_once(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0" and bool(chat.shown("note:2")))
        chat.latency_s = 0.2
        await engine.accept(wish("follow up"))
        await until(lambda: chat.tried[f"{REQUEST}/5"] == 1)
        await engine._performer._once(f"{REQUEST}/5")
        assert chat.tried[f"{REQUEST}/5"] == 1


async def test_a_follow_up_is_opened_for_the_repository_of_its_request(tmp_path: Path) -> None:
    chat = MemoryChat()
    async with running(tmp_path, chat) as engine:
        await engine.accept(opened())
        await until(lambda: chat.shown("progress") == "clarifying 0" and bool(chat.shown("note:2")))
        await engine.accept(wish("follow up"))
        follow_up = f"T1:C1:{REQUEST}/5"
        await until(lambda: bool(chat.shown("progress", follow_up)))
        (begun, *_) = await engine.journal(follow_up)
    assert isinstance(begun, Opened)
    assert (begun.follows, begun.repository) == (REQUEST, "sample")


async def test_of_a_record_that_is_refused_the_thread_is_told_once(tmp_path: Path) -> None:
    chat = MemoryChat()
    forge = LocalForge(tmp_path / "forge", "http://127.0.0.1/forge")  # it holds no pull request 7
    async with running(tmp_path, chat, forge=lambda repository: forge) as engine:
        await engine.accept(opened())
        with capture_logs() as logged:
            await engine.accept(wish("deliver"))
            await until(lambda: bool(chat.shown("refused:record")))
            await engine.accept(wish("record"))
            await until(lambda: sum(entry["event"] == "record.refused" for entry in logged) == 2)
            await until(lambda: not engine._durable._running)
    first = next(entry for entry in logged if entry["event"] == "record.refused")
    assert f"by error {first['error_id']} in the log" in chat.shown("refused:record")
    assert chat.posts.count((REQUEST, "refused:record")) == 1


async def _is_stopped(engine: Engine) -> bool:
    snapshot = await engine.snapshot(REQUEST)
    return snapshot is not None and snapshot.state is State.STOPPED


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
