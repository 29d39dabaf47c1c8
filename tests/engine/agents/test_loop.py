"""The loop with the real SDK over HTTP against the local Messages API, and the real store."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.playground.rehearsal import Reply
from bot.playground.script import Fault
from engine.agents.calls import ATTEMPTS
from engine.agents.loop import MOST_CALLS, Assignment, work
from engine.agents.tools import Done, Input, Tool, Toolbox
from engine.errors import AnswerUnusable, CapReached, ModelRefused, Rejected, Transient, TurnLimit
from engine.ports import Tier
from engine.request import RunKind
from engine.schemas import MessageKind, Triage
from engine.settings import Caps
from engine.store.ledger import Asked
from tests.engine.runs.states import rich
from tests.engine.runs.world import REVIEWER, Journal, Killed, Script, World, snapshot, world

GOOD = {"kind": "question", "title": ""}


def says(answer: Any, fault: Fault | None = None) -> Reply:
    return Reply([{"type": "text", "text": json.dumps(answer)}], fault=fault)


def calls(*uses: tuple[str, dict[str, Any]]) -> Reply:
    return Reply(
        [
            {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": given}
            for number, (name, given) in enumerate(uses)
        ]
    )


class Note(Input):
    text: str


class Notes:
    """Two tools over a list: add changes it, count reads it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.made = 0

    def box(self) -> Toolbox:
        return Toolbox(
            [
                Tool("add", "Add a note.", Note, self._add, changes=True),
                Tool("count", "Count the notes.", Input, self._count),
            ]
        )

    async def _add(self, given: Note, _call: str) -> Done:
        self.made += 1
        if given.text == "no":
            raise Rejected("That note is not wanted.")
        if given.text not in self.texts:
            self.texts.append(given.text)
        return Done("added", given.text)

    async def _count(self, _given: Input, _call: str) -> Done:
        self.made += 1
        return Done(f"{len(self.texts)} notes", "notes", exit_code=0)


def assignment(box: Toolbox | None = None, turns: int = 6, **more: Any) -> Assignment[Triage]:
    return Assignment(
        role="triage",
        tier=Tier.HAIKU,
        system="You tell messages apart.",
        prompt="<request>\nDo it\n</request>",
        schema=Triage,
        toolbox=box or Toolbox(),
        turns=turns,
        **more,
    )


async def play(
    directory: Path, replies: Sequence[Reply], job: Assignment[Triage], cap_usd: float = 50.0
) -> tuple[Triage | Exception, World, Script]:
    script = Script(list(replies))
    async with world(directory, responder=script) as w:
        context = w.run(RunKind.TRIAGE, snapshot(cap_usd=cap_usd))
        try:
            return await work(context, job), w, script
        except Exception as error:  # noqa: BLE001 (handed to the test)
            return error, w, script


def contents(script: Script, call: int) -> list[Any]:
    return [message["content"] for message in script.calls[call].body["messages"]]


async def test_an_answer_that_holds_is_returned(tmp_path: Path) -> None:
    result, w, script = await play(tmp_path, [says(GOOD)], assignment())
    assert result == Triage(kind=MessageKind.QUESTION, title="")
    assert w.journal.names == ["model 1"]
    assert script.calls[0].role == "triage"


async def test_tool_results_come_back_in_order_with_receipts(tmp_path: Path) -> None:
    notes = Notes()
    uses = calls(
        ("count", {}), ("add", {"text": "a"}), ("add", {"text": "b"}), ("count", {}), ("add", {"text": "no"})
    )
    result, w, script = await play(tmp_path, [uses, says(GOOD)], assignment(notes.box()))
    assert isinstance(result, Triage)
    assert w.journal.names == ["model 1", *(f"tool 1.{n}" for n in range(1, 6)), "model 2"]
    results = contents(script, 1)[2]
    texts = [block["content"] for block in results]
    assert [text.partition("\n")[2] for text in texts] == [
        "0 notes",
        "added",
        "added",
        "2 notes",
        "That note is not wanted.",
    ]
    assert [block["is_error"] for block in results] == [False, False, False, False, True]
    assert all(text.startswith("receipt: r") for text in texts)
    assert len({text.partition("\n")[0] for text in texts}) == 5


async def test_unknown_tools_bad_input_and_too_many_calls_are_told(tmp_path: Path) -> None:
    uses = calls(("sudo", {}), ("add", {}), *[("count", {})] * MOST_CALLS)
    _, _, script = await play(tmp_path, [uses, says(GOOD)], assignment(Notes().box()))
    results = contents(script, 1)[2]
    assert "There is no tool 'sudo'" in results[0]["content"]
    assert "text: this is missing" in results[1]["content"]
    assert "At most" in results[-1]["content"]
    assert [block["is_error"] for block in results].count(True) == 4


@pytest.mark.parametrize(
    "bad",
    [
        Reply([{"type": "text", "text": "I cannot tell."}]),
        says({"kind": "nonsense", "title": ""}),
        says(GOOD, Fault.MAX_TOKENS),
        says(GOOD, Fault.REFUSAL),
        says(GOOD, Fault.CONTEXT_EXCEEDED),
    ],
)
async def test_an_unusable_answer_is_repaired_once_and_then_given_up(tmp_path: Path, bad: Reply) -> None:
    (tmp_path / "1").mkdir()
    result, _, script = await play(tmp_path / "1", [bad, says(GOOD)], assignment())
    assert isinstance(result, Triage)
    assert "Your answer cannot be used" in contents(script, 1)[-1]
    (tmp_path / "2").mkdir()
    result, _, script = await play(tmp_path / "2", [bad, bad, says(GOOD)], assignment())
    assert isinstance(result, AnswerUnusable)
    assert len(script.calls) == 2


async def test_what_the_check_says_reaches_the_model(tmp_path: Path) -> None:
    async def no_questions(answer: Triage) -> Sequence[str]:
        return ["Say chatter."] if answer.kind is MessageKind.QUESTION else ()

    replies = [says(GOOD), says({"kind": "chatter", "title": ""})]
    result, _, script = await play(tmp_path, replies, assignment(check=no_questions))
    assert result == Triage(kind=MessageKind.CHATTER, title="")
    assert "- Say chatter." in contents(script, 1)[-1]


async def test_a_pause_is_gone_on_from(tmp_path: Path) -> None:
    paused = Reply([{"type": "text", "text": "Let me"}], fault=Fault.PAUSE_TURN)
    result, _, script = await play(tmp_path, [paused, says(GOOD)], assignment())
    assert isinstance(result, Triage)
    assert contents(script, 1)[-1] == "Please go on."


async def test_turns_are_bounded_and_the_model_is_told_before(tmp_path: Path) -> None:
    result, _, script = await play(tmp_path, [calls(("count", {}))] * 4, assignment(Notes().box(), turns=4))
    assert isinstance(result, TurnLimit)
    assert len(script.calls) == 4
    assert "1 is left" in contents(script, 3)[-1][-1]["text"]


async def test_a_busy_model_is_asked_again_after_what_it_asks_for(tmp_path: Path) -> None:
    busy = says(GOOD, Fault.RATE_LIMIT)
    result, w, _ = await play(tmp_path, [busy, says(GOOD, Fault.CUT_CLEAN), says(GOOD)], assignment())
    assert isinstance(result, Triage)
    assert len(w.slept) == 2
    assert w.told[0].startswith("The model is busy, trying again in")
    assert w.told[1].startswith("The model does not answer, trying again in")
    assert w.journal.names == ["model 1", "model 1, attempt 2", "model 1, attempt 3"]


async def test_a_model_that_stays_away_ends_the_run(tmp_path: Path) -> None:
    result, w, script = await play(tmp_path, [says(GOOD, Fault.OVERLOADED)] * 9, assignment())
    assert isinstance(result, Transient)
    assert len(script.calls) == ATTEMPTS
    assert w.slept == sorted(w.slept)


async def test_a_refused_key_is_not_tried_again(tmp_path: Path) -> None:
    result, _, script = await play(tmp_path, [says(GOOD, Fault.BAD_KEY)] * 2, assignment())
    assert isinstance(result, ModelRefused)
    assert len(script.calls) == 1


async def test_no_call_is_made_beyond_the_cap(tmp_path: Path) -> None:
    result, _, script = await play(tmp_path, [says(GOOD)], assignment(), cap_usd=0.000_001)
    assert isinstance(result, CapReached)
    assert script.calls == []


async def test_costs_are_settled_and_failed_attempts_are_free(tmp_path: Path) -> None:
    script = Script([says(GOOD, Fault.SERVER_ERROR), says(GOOD)])
    async with world(tmp_path, responder=script) as w:
        context = w.run(RunKind.TRIAGE, snapshot())
        await work(context, assignment())
        spent = await context.store.spent(context.snapshot.id)
        answer = await context.store.answer(f"{context.run.id}/model/1.2")
    assert spent.usd == pytest.approx(answer.usage.cost_usd)
    assert spent.calls == 1


async def test_an_attempt_that_broke_off_stays_paid_for(tmp_path: Path) -> None:
    script = Script([says(GOOD, Fault.CUT_DIRTY), says(GOOD)])
    async with world(tmp_path, responder=script) as w:
        context = w.run(RunKind.TRIAGE, snapshot())
        await work(context, assignment())
        spent = await context.store.spent(context.snapshot.id)
        answer = await context.store.answer(f"{context.run.id}/model/1.2")
    assert spent.calls == 2
    assert spent.usd > answer.usage.cost_usd


@pytest.mark.parametrize("die_at", range(5))
async def test_a_run_that_dies_anywhere_goes_on_without_repeating_what_is_recorded(
    tmp_path: Path, die_at: int
) -> None:
    notes = Notes()
    # A tool call that was in flight when the process died is done once more; an answer that was kept is not.
    script = Script([calls(("add", {"text": "a"}), ("add", {"text": "b"}), ("count", {})), says(GOOD)])
    async with world(tmp_path, responder=script) as w:
        context = w.run(RunKind.TRIAGE, snapshot())
        w.journal.die_at = die_at
        with pytest.raises(Killed):
            await work(context, assignment(notes.box()))
        again = w.journal.again()
        result = await work(w.over(again, context.run, context.snapshot), assignment(notes.box()))
        spent = await context.store.spent(context.snapshot.id)
    assert isinstance(result, Triage)
    assert notes.texts == ["a", "b"]
    assert len(script.calls) == spent.calls == 2
    assert spent.set_aside_usd == 0
    assert notes.made == (4 if die_at in (1, 2, 3) else 3)
    assert "2 notes" in contents(script, -1)[2][2]["content"]


async def test_a_replay_asks_nothing_and_gives_the_same(tmp_path: Path) -> None:
    notes = Notes()
    script = Script([calls(("add", {"text": "a"})), says(GOOD)])
    async with world(tmp_path, responder=script) as w:
        context = w.run(RunKind.TRIAGE, snapshot())
        first = await work(context, assignment(notes.box()))
        journal: Journal = w.journal.again()
        second = await work(w.over(journal, context.run, context.snapshot), assignment(notes.box()))
    assert first == second
    assert (len(script.calls), notes.made) == (2, 1)


async def test_what_was_withheld_is_not_written_over_by_its_mark(tmp_path: Path) -> None:
    notes = Notes()
    script = Script(
        [calls(("add", {"text": "x = '(AWS key withheld)'"}), ("add", {"text": "b"})), says(GOOD)]
    )
    async with world(tmp_path, responder=script) as w:
        await work(w.run(RunKind.TRIAGE, snapshot()), assignment(notes.box()))
    assert notes.texts == ["b"]
    refused, fine = contents(script, -1)[2]
    assert (refused["is_error"], fine["is_error"]) == (True, False)
    assert "withheld from you" in refused["content"]


@pytest.mark.parametrize(
    ("kind", "about", "held"),
    [(RunKind.REVIEW, REVIEWER, True), (RunKind.REVIEW, "dispute:F1", False), (RunKind.TASK, "build", False)],
    ids=["a review", "a fresh look at one finding", "a task"],
)
async def test_what_is_no_review_is_not_held_up_by_the_days_rounds(
    tmp_path: Path, kind: RunKind, about: str, held: bool
) -> None:
    script = Script([says(GOOD)])
    async with world(tmp_path, responder=script) as w:
        caps = Caps(rounds_per_day=1)
        others = Asked(request="T1:C9:1.0", usd=0.1, cap_usd=50.0, round="1.1")
        await w.context.store.reserve("others", "review:x", "m", others)
        context = w.run(kind, rich(lambda name: name), about)
        context = replace(context, settings=context.settings.model_copy(update={"caps": caps}))
        if held:
            with pytest.raises(CapReached, match="The cap of 1 review round for all requests of one day"):
                await work(context, assignment())
        else:
            await work(context, assignment())
        assert len(script.calls) == (0 if held else 1)
