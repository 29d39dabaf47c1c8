"""Credentials that come in are kept nowhere; whoever typed one is told."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.events import Said
from engine.ports import ModelAnswer, ModelCall, Tier, ToolUse, Usage
from engine.store import Store
from engine.withholding import as_sent, as_stored, kept, told
from tests.engine.core.harness import REQUEST, MemoryChat, opened, running, said
from tests.fake_secrets import FAKES, kind_of

TOKEN = FAKES["GitHub token"]


@pytest.mark.parametrize("name", sorted(FAKES))
def test_an_event_is_kept_with_a_mark_under_its_own_key(name: str) -> None:
    event = said(1).model_copy(update={"text": f"Use {FAKES[name]} for it", "key": f"k:{TOKEN}"})
    clean, found = kept(event)
    assert isinstance(clean, Said)
    assert found == (kind_of(name),)
    assert FAKES[name] not in clean.text
    assert f"({kind_of(name)} withheld)" in clean.text
    assert clean.key == event.key
    assert kept(clean.model_copy(update={"key": "k"})) == (clean.model_copy(update={"key": "k"}), ())
    assert "revoke it" in told(event, found)
    assert FAKES[name] not in told(event, found)


def test_ordinary_words_are_kept_to_the_letter() -> None:
    event = said(1).model_copy(update={"text": "Look at sha256:" + "ab12" * 16 + " and src/a.sql, row 3."})
    assert kept(event) == (event, ())
    assert kept(event)[0] is event


async def test_who_typed_it_is_told_once_and_the_journal_holds_the_mark(tmp_path: Path) -> None:
    async with running(tmp_path, MemoryChat()) as engine:
        await engine.accept(opened())
        pasted = said(1).model_copy(update={"text": f"The token is {TOKEN}."})
        reply = await engine.accept(pasted)
        assert "(GitHub token)" in reply.text
        assert TOKEN not in reply.text
        assert (await engine.accept(pasted)).text == ""
        (stored,) = [event for event in await engine.journal(REQUEST) if isinstance(event, Said)]
        assert stored.text == "The token is (GitHub token withheld)."


async def test_of_talk_that_is_no_request_nothing_is_told(tmp_path: Path) -> None:
    async with running(tmp_path, MemoryChat()) as engine:
        reply = await engine.accept(said(1).model_copy(update={"text": f"The token is {TOKEN}."}))
        assert reply.text == ""
        assert await engine.journal(REQUEST) == []


def test_a_model_is_sent_none_but_its_own_words() -> None:
    messages: tuple[Mapping[str, Any], ...] = (
        {"role": "user", "content": f"a {TOKEN}"},
        {"role": "assistant", "content": [{"type": "text", "text": TOKEN}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": f"b {TOKEN}"}]},
    )
    sent = as_sent(ModelCall(role="plan", request="r", tier=Tier.HAIKU, system=TOKEN, messages=messages))
    assert TOKEN not in str((sent.system, sent.messages[0], sent.messages[2]))
    assert sent.messages[1] == messages[1]


def test_of_an_answer_what_cannot_be_changed_is_left_out() -> None:
    use = {"type": "tool_use", "id": "t", "name": "write", "input": {"path": "a", "content": TOKEN}}
    thought = {"type": "thinking", "thinking": f"It is {TOKEN}", "signature": "c2lnbmVk"}
    answer = ModelAnswer(
        model="m",
        content=(thought, use),
        text=f"x {TOKEN}",
        tool_uses=(ToolUse(id="t", name="write", input={"path": "a", "content": TOKEN}),),
        stop_reason="tool_use",
        usage=Usage(),
    )
    stored = as_stored(answer)
    assert TOKEN not in stored.model_dump_json()
    assert [block["type"] for block in stored.content] == ["tool_use"]
    harmless = answer.model_copy(
        update={"content": ({**thought, "thinking": "Hm"},), "text": "x", "tool_uses": ()}
    )
    assert as_stored(harmless) == harmless


async def test_what_is_stored_is_clean_and_what_is_worked_on_is_not(tmp_path: Path) -> None:
    answer = ModelAnswer(
        model="m", content=(), text=TOKEN, tool_uses=(), stop_reason="end_turn", usage=Usage()
    )
    async with running(tmp_path, MemoryChat()) as engine:
        await engine.store.keep_answer("run/1/model/1.1", "r", answer)
        assert (await engine.store.answer("run/1/model/1.1")).text == TOKEN
        after_a_crash = Store(engine._database.app)
        assert (await after_a_crash.answer("run/1/model/1.1")).text == "(GitHub token withheld)"
        engine.store.forget("run/1")
        assert (await engine.store.answer("run/1/model/1.1")).text == "(GitHub token withheld)"
