"""“Not yet” on a draft that stands on a branch of others: no second draft comes unasked."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.cards.modals import BLOCK, FIELD
from bot.cards.presses import ApproveSpec, Choose, ChooseInWords
from bot.playground.rehearsal import ReceivedCall, Rehearsal, Reply
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack import Message
from engine.adapters.local_forge import Record, read_records
from engine.events import Choice
from tests.journeys.reading import cards, git, presses, until
from tests.journeys.stage import Stage, staged
from tests.quick import NOBODY

RILEY, DANA, CHANNEL = "U0RILEY", "U0DANA", "C0DATA"
MODEL = "feat-DPA-456-churn-model"
PAGE = "docs/models/product_usage/churn_prediction.md"
MISSING = "The page does not say how often it is computed."
FIXED = "# Churn prediction\n\nIt is computed every night.\n"
REPORT = {"outcome": "done", "summary": "Said so.", "findings": [], "verification": [], "next_steps": []}


@dataclass
class Script:
    """The script of the review gate; what is missing is part of the spec, and one page mends it."""

    script: Rehearsal = field(
        default_factory=lambda: Rehearsal([Scenario.load(SCENARIOS / "review-gate")], pace=0)
    )
    handed_over: list[str] = field(default_factory=list)

    def reply(self, call: ReceivedCall) -> Reply:
        """As `Responder`."""
        if call.role == "triage":
            return _says({"kind": "within spec", "title": "", "criteria": ["AC4"]})
        if call.role != "task:databricks-genius":
            return self.script.reply(call)
        if call.conversation.turn:
            return _says(REPORT)
        self.handed_over.append(call.conversation.opening)
        page: dict[str, Any] = {"path": PAGE, "content": FIXED}
        return Reply([{"type": "tool_use", "id": "toolu_1", "name": "write", "input": page}])


def _says(answer: dict[str, Any]) -> Reply:
    return Reply([{"type": "text", "text": json.dumps(answer)}])


async def card(stage: Stage, thread: str, key: str, *words: str) -> Message:
    """The card once it holds all of these words."""

    def look() -> Message | None:
        found = cards(stage.slack, CHANNEL, thread).get(key)
        return found if found and all(word in found.words for word in words) else None

    found = await until(look, 60, f"{key} says {words}")
    assert found is not None
    return found


async def approve(stage: Stage, message: Message) -> None:
    (element,) = [element for _, element, press in presses(message) if isinstance(press, ApproveSpec)]
    await stage.slack.person(DANA).click(message.ts, action_id=element["action_id"])


async def choose(stage: Stage, message: Message, choice: Choice, words: str | None = None) -> None:
    (element,) = [
        element
        for _, element, press in presses(message)
        if isinstance(press, Choose | ChooseInWords) and press.choice is choice
    ]
    dana = stage.slack.person(DANA)
    await dana.click(message.ts, action_id=element["action_id"])
    if words is not None:
        await stage.slack.wait_for(lambda slack: slack.open_view(DANA) is not None)
        view = stage.slack.open_view(DANA)
        assert view is not None
        await dana.submit_view(view.id, {BLOCK: {FIELD: words}})


async def asked_where(stage: Stage) -> tuple[str, Message, Record]:
    """The branch is delivered and lacks something: the thread, the question, and the one draft."""
    text = f"Create PR for new customer churn prediction model on {MODEL}"
    thread = await stage.slack.person(RILEY).mention(CHANNEL, text)
    await approve(stage, await card(stage, thread, "spec:1", MODEL, "Approve"))
    delivery = await card(stage, thread, "delivery:1", "is this what you asked for")
    (first,) = read_records(stage.forge)
    assert first.content.branch == MODEL
    await choose(stage, delivery, Choice.NOT_YET, MISSING)
    question = await card(stage, thread, "escalation:1", f"#{first.number} stands on {MODEL}")
    assert [record.content for record in read_records(stage.forge)] == [first.content]
    await card(stage, thread, "delivery:1", "please choose on the card below")
    return thread, question, first


@pytest.mark.long
@pytest.mark.xdist_group("journey not-yet")
async def test_a_fix_beside_is_asked_for_and_the_first_draft_says_what_replaces_it(tmp_path: Path) -> None:
    script = Script()
    async with staged(tmp_path, script) as stage:
        thread, question, first = await asked_where(stage)
        await choose(stage, question, Choice.FIX, "Keep it to one sentence.")
        beside = await card(stage, thread, "delivery:2", "is this what you asked for")
        before, after = read_records(stage.forge)
        await choose(stage, beside, Choice.NOT_YET, MISSING)
        await card(stage, thread, "delivery:3", "is this what you asked for")
        _, again = read_records(stage.forge)
        head = (await git(tmp_path / "remote.git", "rev-parse", MODEL)).strip()

    assert all(words in script.handed_over[0] for words in (MISSING, "Keep it to one sentence."))
    assert before.content == first.content
    assert head == first.content.commit
    assert after.content.branch.startswith("greenlight/")
    assert after.content.body.startswith(f"Takes the place of #{first.number}.")
    assert again.number == after.number
    assert again.content.body.startswith(f"Takes the place of #{first.number}."), "another fix keeps it"
    assert [f"It is in #{after.number}," in comment.body for comment in before.comments].count(True) == 1


@pytest.mark.long
@pytest.mark.xdist_group("journey not-yet")
async def test_what_its_owner_pushes_is_reviewed_and_updates_the_one_draft(tmp_path: Path) -> None:
    async with staged(tmp_path, Script()) as stage:
        thread, question, first = await asked_where(stage)
        head = await pushed_by_its_owner(tmp_path / "remote.git")
        await choose(stage, question, Choice.RETRY)
        await approve(stage, await card(stage, thread, "spec:2", head, "Approve"))
        await card(stage, thread, "delivery:2", "is this what you asked for", head[:10])
        (only,) = read_records(stage.forge)
        branches = await git(tmp_path / "remote.git", "for-each-ref", "--format=%(refname:short)")

    assert (only.number, only.content.branch, only.content.commit) == (first.number, MODEL, head)
    assert "greenlight/" not in branches


async def pushed_by_its_owner(remote: Path) -> str:
    """A new commit on the branch, which mends the page."""
    index = {"GIT_INDEX_FILE": str(remote.with_name("index")), **NOBODY}
    page = remote.with_name("page.md")
    page.write_text(FIXED)
    blob = (await git(remote, "hash-object", "-w", str(page))).strip()
    await git(remote, "read-tree", MODEL, **index)
    await git(remote, "update-index", "--cacheinfo", f"100644,{blob},{PAGE}", **index)
    tree = (await git(remote, "write-tree", **index)).strip()
    commit = (await git(remote, "commit-tree", tree, "-p", MODEL, "-m", "Mend the page", **index)).strip()
    await git(remote, "update-ref", f"refs/heads/{MODEL}", commit)
    return commit
