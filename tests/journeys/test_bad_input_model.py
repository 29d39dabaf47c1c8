"""Answers of a model that cannot be used, and a provider that does not answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.cards.presses import ApproveSpec, Choose, SubmitRound, YouDecide
from bot.playground.rehearsal import ReceivedCall
from bot.playground.script import Fault
from engine.events import Choice
from engine.request import State
from tests.journeys.bad_input import DANA, RILEY, Thread, World, repository, small_repository, world
from tests.journeys.mistaken import PLANNED, SCOPE, VAGUE, Answer, review, spec

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("bad-input-model")]

TASK: dict[str, Any] = dict(PLANNED["tasks"][0])
ELEVEN = {"questions": [{**SCOPE, "header": f"Scope {n}", "text": f"Whom, {n}?"} for n in range(11)]}
VAGUELY = {**spec(), "success_criteria": [{"text": "Greeting is better.", "criteria": ["AC1"]}]}
CYCLE = {"tasks": [{**TASK, "id": "a", "depends_on": ["b"]}, {**TASK, "id": "b", "depends_on": ["a"]}]}


def ghost(call: ReceivedCall) -> Answer:
    """A review that quotes what does not stand there."""
    finding = {
        "severity": "critical",
        "criterion": "AC1",
        "title": "It curses",
        "path": "notes/hello.md",
        "line": 1,
        "quote": "Curses!",
        "expected": "A greeting",
        "actual": "A curse",
        "fix": "Greet.",
    }
    return review(call, findings=[finding])


def of_another_commit(call: ReceivedCall) -> Answer:
    """A review that is valid but for its commit."""
    return review(call, commit="0" * 40)


WRONG: dict[str, tuple[str, Answer, str]] = {
    "words": ("assess", "I would say it is specific.", "not JSON"),
    "nothing": ("assess", "", "not JSON"),
    "cut off": ("assess", Fault.MAX_TOKENS, "cut off"),
    "refused": ("assess", Fault.REFUSAL, "declined"),
    "eleven questions": ("ask", ELEVEN, "at most 5 are allowed, and there are 11"),
    "no questions": ("ask", {"questions": []}, "at least 1 must be there"),
    "unknown check": ("specify", spec("thorough"), "thorough"),
    "vague spec": ("specify", VAGUELY, "measured"),
    "unknown agent": ("plan", {"tasks": [{**TASK, "agent": "wizard"}]}, "wizard"),
    "cycle": ("plan", CYCLE, "circle"),
    "no report": ("task:databricks-genius", "All done!", "not JSON"),
    "another commit": ("review:production-code-reviewer", of_another_commit, "0000000"),
    "ghost quote": ("review:production-code-reviewer", ghost, "Curses!"),
}
CHANNELS = {case: f"C0{number:03}" for number, case in enumerate((*WRONG, "key", "busy", "storm", "page"))}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("model")
    notes = repository(directory, "notes", list(CHANNELS.values()))
    await small_repository(Path(notes.remote))
    async with world(directory, [notes]) as running:
        yield running


async def asked(bot: World, case: str) -> Thread:
    """A request whose words name the case, brought as far as people bring it."""
    role = WRONG[case][0] if case in WRONG else ""
    if role == "ask":
        bot.model.say(f"case {case}.", "assess", VAGUE)
    thread = await bot.ask(CHANNELS[case], f"Add a greeting, case {case}.")
    if role.startswith(("task", "review")):
        await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    return thread


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.long] * (row % 3 > 0)) for row, case in enumerate(WRONG)]
)
async def test_an_answer_is_repaired_once_and_then_people_are_asked(bot: World, case: str) -> None:
    role, wrong, why = WRONG[case]
    bot.model.say(f"case {case}.", role, wrong, wrong, wrong)
    thread = await asked(bot, case)
    card = await thread.card("escalation:1", why)
    assert calls(bot, case, role) == 2
    plain(card.words)
    before = bot.pull_requests
    now = await thread.snapshot()
    assert now.state is (State.BLOCKED if role.startswith("review") else State.ESCALATED)
    assert now.escalation is not None
    assert [offer.choice for offer in now.escalation.offers] == [Choice.RETRY, Choice.STOP]
    # Wrong once more, then well: what was done before is still there.
    await thread.press(RILEY, card, Choose, choice=Choice.RETRY)
    await thread.card("escalation:1", "decided")
    if role == "ask":
        questions = await thread.card("questions:1", "Whom does it greet?")
        await thread.press(RILEY, questions, YouDecide, question=0)
        bot.model.say(f"case {case}.", "specify", {**spec("green"), "assumptions": ["Scope: everyone."]})
        await thread.press(RILEY, questions, SubmitRound)
    await thread.card("spec:1")
    if role.startswith(("task", "review")):
        await thread.card("delivery:1")
        assert bot.pull_requests == before + 1
    assert calls(bot, case, role) >= 4
    assert len((await thread.snapshot()).escalations) == 1


def calls(bot: World, case: str, role: str) -> int:
    """How often the model was asked in a role for a case."""
    return sum(c.role == role and f"case {case}." in c.conversation.request for c in bot.api.calls)


def plain(words: str) -> None:
    """Nothing on a card is made for machines."""
    for jargon in ("Tuple", "validation", "line 1 column", "Traceback", "Error", "pydantic", "json_invalid"):
        assert jargon not in words, words


async def test_what_the_provider_says_reaches_people_in_their_words(bot: World) -> None:
    bot.model.say("case key.", "assess", Fault.BAD_KEY)
    bot.model.say("case busy.", "assess", Fault.RATE_LIMIT_LONG)
    bot.model.say("case storm.", "assess", *[Fault.OVERLOADED] * 2)
    bot.model.say("case page.", "assess", Fault.HTML)
    key, busy, storm, page = await asyncio.gather(
        *(asked(bot, case) for case in ("key", "busy", "storm", "page"))
    )
    card = await key.card("escalation:1", "does not accept the key", "ANTHROPIC_API_KEY")
    plain(card.words)
    await key.press(RILEY, card, Choose, choice=Choice.RETRY)
    slow = await busy.card("escalation:1", "slow down", "60 minutes")
    plain(slow.words)
    await busy.press(RILEY, slow, Choose, choice=Choice.RETRY)
    await storm.card("progress", "The model is busy, trying again in")
    await page.card("progress", "The model does not answer, trying again in")
    for thread in (key, busy, storm, page):
        await thread.card("spec:1")
    for thread in (storm, page):
        assert not (await thread.snapshot()).escalations
