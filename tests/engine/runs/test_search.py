"""A look into the web is told people's words and nothing else, and nothing it says counts as verified."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.playground.rehearsal import ReceivedCall, Reply, ScriptRanOut
from bot.playground.script import Fault, WebUse
from bot.playground.web_tools import web_blocks
from engine.errors import NeedsPerson, ScriptEnded
from engine.events import Origin, TaskEnded
from engine.people import Person
from engine.ports import ThreadMessage
from engine.request import Note, RunKind, Snapshot, Task
from engine.runs import RUNS
from engine.runs.search import typed
from engine.settings import WebSettings
from tests.engine.runs.states import rich
from tests.engine.runs.world import RITA, World, world

SEARCHER = "web-search-researcher"
PAGE = "https://docs.databricks.com/en/delta/best-practices.html"
REPORT = {
    "outcome": "done",
    "summary": "Read less.",
    "findings": [
        {"claim": "Skip files.", "cites": [PAGE]},
        {"claim": "Invented.", "cites": ["https://docs.databricks.com/en/nowhere.html"]},
        {"claim": "Elsewhere.", "cites": ["https://blog.example.com/tricks"]},
        {"claim": "No page.", "cites": []},
        {"claim": "A file.", "cites": ["src/amp_billing/conversation_billing_summary.sql:1"]},
    ],
    "verification": [{"claim": "It runs.", "receipt": "r1", "exit_code": 0}],
    "next_steps": ["Read less."],
}


class Searching:
    """Searches once, then reports; keeps what it was asked. Paused, it goes on where it was."""

    def __init__(self, *, pauses: bool = False) -> None:
        self.calls: list[ReceivedCall] = []
        self._pauses = pauses

    def reply(self, call: ReceivedCall) -> Reply:
        self.calls.append(call)
        results = [{"url": PAGE}, {"url": "https://blog.example.com/tricks"}]
        uses = [WebUse.model_validate({"search": "partition pruning", "results": results})]
        found = web_blocks(uses, call.body, "seed")
        if self._pauses and not call.conversation.turn:
            return Reply(found, fault=Fault.PAUSE_TURN)
        said = {"type": "text", "text": "I looked."}
        return Reply([said, *found, {"type": "text", "text": json.dumps(REPORT)}])


class Deaf:
    """Keeps what it is asked and answers nothing."""

    def __init__(self) -> None:
        self.calls: list[ReceivedCall] = []

    def reply(self, call: ReceivedCall) -> Reply:
        self.calls.append(call)
        raise ScriptRanOut("nothing to say")


async def state_of(w: World, text: Any) -> Snapshot:
    base = await w.context.workspace.refresh()
    w.thread.messages = (
        ThreadMessage(ts="0.5", author=RITA, by_bot=False, text=text("above")),
        ThreadMessage(ts="0.6", author=None, by_bot=True, text=text("a card")),
        ThreadMessage(ts="1.0", author=RITA, by_bot=False, text="the mention"),
    )
    state = rich(text, base=base, commit=base)
    look = Task(id="look2", agent=SEARCHER, objective=text("an objective"))
    picked = Note(by=Person(team="T1", user="U9"), text=text("a label"), picked=True)
    section = Note(by=RITA, text=text("a section"), section="approach", lines=text("a line"))
    notes = (*state.notes, picked, section)
    return state.model_copy(update={"tasks": (*state.tasks, look), "notes": notes})


async def test_no_repository_content_is_in_a_web_call(tmp_path: Path) -> None:
    """Canaries stand in every field of the request, and the repository has its own files and texts."""
    deaf = Deaf()
    async with world(tmp_path, responder=deaf) as w:
        state = await state_of(w, lambda where: f"«canary {where}»")
        with pytest.raises(ScriptEnded):
            await RUNS[RunKind.TASK](w.run(RunKind.TASK, state, "look2"))
        commit = state.base_commit
        entries = await w.context.workspace.files(commit)
        contents = [await w.context.workspace.read(commit, entry.path) for entry in entries]
    (call,) = deaf.calls
    sent = json.dumps(call.body, ensure_ascii=False)
    by_people = {"request", "above", "own answer", "note"}
    told = {part.split("»")[0] for part in sent.split("«canary ")[1:]}
    assert told <= by_people, f"what models wrote reached the web: {told - by_people}"
    assert {"request", "above", "note"} <= told
    assert commit not in sent
    for entry, content in zip(entries, contents, strict=True):
        assert entry.path not in sent
        lines = (content or b"").decode(errors="replace").splitlines()
        assert not [line for line in lines if len(line.strip()) > 25 and line.strip() in sent], entry.path


def test_what_was_typed_is_answers_and_notes_but_no_edit_of_a_section() -> None:
    state = rich(str, base="b" * 40, commit="c" * 40)
    note = Note(by=RITA, text="From one table only")
    section = Note(by=RITA, text="“Approach” becomes: join a.sql", section="approach", lines="join a.sql")
    picked = Note(by=RITA, text="a label", picked=True)

    told = typed(state.model_copy(update={"rounds": (), "notes": (section, note, picked)}))

    assert told == ("From one table only",)


async def test_a_web_call_is_bounded_and_has_no_other_tools(tmp_path: Path) -> None:
    deaf = Deaf()
    async with world(tmp_path, responder=deaf) as w:
        with pytest.raises(ScriptEnded):
            await RUNS[RunKind.TASK](w.run(RunKind.TASK, await state_of(w, str), "look2"))
    assert [tool["type"] for tool in deaf.calls[0].body["tools"]] == [
        "web_search_20250305",
        "web_fetch_20250910",
    ]
    for tool in deaf.calls[0].body["tools"]:
        assert tool["max_uses"] == WebSettings().max_uses
        assert tool["allowed_domains"] == list(WebSettings().allowed_domains)


@pytest.mark.parametrize("pauses", [False, True])
async def test_what_the_web_says_is_never_verified(tmp_path: Path, pauses: bool) -> None:
    searching = Searching(pauses=pauses)
    async with world(tmp_path, responder=searching) as w:
        ended = await RUNS[RunKind.TASK](w.run(RunKind.TASK, await state_of(w, str), "look2"))
    assert isinstance(ended, TaskEnded)
    assert len(searching.calls) == (2 if pauses else 1)
    assert {mark.origin for mark in ended.marks} == {Origin.WEB}
    assert not any(mark.verified for mark in ended.marks)
    why = {mark.claim: mark.why for mark in ended.marks}
    assert "came to the pages" in why["Skip files."]
    for claim in ("Invented.", "Elsewhere.", "A file."):
        assert "never came to" in why[claim]
    assert ended.commit == ""


async def test_a_web_look_fails_in_words_when_it_is_switched_off(tmp_path: Path) -> None:
    async with world(tmp_path, responder=Deaf()) as w:
        context = w.run(RunKind.TASK, await state_of(w, str), "look2")
        off = context.settings.model_copy(update={"web": WebSettings(enabled=False)})
        with pytest.raises(NeedsPerson, match="switched off"):
            await RUNS[RunKind.TASK](replace(context, settings=off))
