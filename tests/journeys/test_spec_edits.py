"""Criteria of a spec edited as text in its modal, refused there, and settled anew in the next version."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.cards.modals import BLOCK, FIELD
from bot.cards.presses import ApproveSpec, EditSection
from bot.playground.slack import FieldErrors
from bot.playground.slack.views import View
from engine.events import Chose
from engine.request import SpecFate, State
from engine.schemas import SettledBy
from tests.journeys.bad_input import DANA, RILEY, Thread, World, pressed, repository, small_repository, world
from tests.journeys.mistaken import spec

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("spec-edits")]

CHANNELS = ["C0000", "C0001"]
WAS = "AC1: The file notes/hello.md exists.\nAC2: The check green passes."
NOW = "AC1: The file notes/hello.md greets Riley by name.\nAC2: The check green passes."
RILEY_GREETED = {
    "id": "AC1",
    "text": "The file notes/hello.md greets Riley by name.",
    "settled_by": "text",
    "path": "notes/hello.md",
    "literal": "Hello, Riley",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("edits")
    notes = repository(directory, "notes", CHANNELS)
    await small_repository(Path(notes.remote))
    async with world(directory, [notes]) as running:
        yield running


async def opened(thread: Thread, section: str, key: str = "spec:1") -> View:
    """The section's modal, as Riley sees it."""
    slack, card = thread.world.slack, await thread.card(key)
    block, element, _ = pressed(card, EditSection)
    await slack.person(RILEY).select(card.ts, element["action_id"], section, block_id=block["block_id"])
    view = slack.open_view(RILEY)
    assert view is not None
    return view


async def refused(thread: Thread, view: View, text: str) -> str:
    """What the modal says to this."""
    with pytest.raises(FieldErrors) as problem:
        await thread.world.slack.person(RILEY).submit_view(view.id, {BLOCK: {FIELD: text}})
    return problem.value.errors[BLOCK]


async def test_criteria_are_edited_in_the_modal_and_judged_anew(bot: World) -> None:
    thread = await bot.ask(CHANNELS[0], "Add a greeting in notes/hello.md")
    view = await opened(thread, "criteria")
    assert WAS in view.blocks[0]["element"]["initial_value"]
    for text, says in (
        ("", "cannot be without acceptance criteria"),
        (WAS, "You changed nothing"),
        ("\n".join(f"It greets {n} people" for n in range(13)), "these are 13"),
        (f"{WAS}\nThe greeting is better", "“better” cannot be measured"),
    ):
        assert says in await refused(thread, view, text)
        assert await refused(thread, view, text), "the same again is refused again"
    now = await thread.snapshot()
    assert (now.state, len(now.specs), now.notes) == (State.AWAITING_APPROVAL, 1, ())
    stored = await bot.running.engine.journal(thread.request)
    assert not [event for event in stored if isinstance(event, Chose)]

    # The model goes on as if nothing had been said, and is held to the words; then it settles them anew,
    # and would have changed what nobody touched.
    good = spec("green")
    good["criteria"][0] = RILEY_GREETED
    good["criteria"][1] |= {"settled_by": "judged", "check": None, "reviewer": "production-code-reviewer"}
    bot.model.say("notes/hello.md", "specify", spec("green"), good)
    await bot.slack.person(RILEY).submit_view(view.id, {BLOCK: {FIELD: NOW}})
    second = await thread.card("spec:2", "Changes since version 1", "Hello, Riley")
    assert "AC1 was “The file notes/hello.md exists.” and now reads" in second.words
    now = await thread.snapshot()
    assert now.spec is not None
    first, other = now.spec.draft.criteria
    assert (first.settled_by, first.literal) == (SettledBy.TEXT, "Hello, Riley")
    assert other == now.specs[0].draft.criteria[1]
    assert now.specs[0].fate is SpecFate.SUPERSEDED
    asked = [json.dumps(call.body, ensure_ascii=False) for call in bot.api.calls if call.role == "specify"]
    assert "How each changed or new one is settled is judged anew" in asked[-2]
    assert "become exactly these, in this order and to the letter" in asked[-1].partition("Hello")[0]

    # What was approved is the new version alone.
    await thread.press(DANA, second, ApproveSpec)
    await thread.card("spec:2", "Version 2 was approved by")


async def test_success_criteria_are_edited_in_the_modal(bot: World) -> None:
    thread = await bot.ask(CHANNELS[1], "Add a greeting in notes/hello.md")
    view = await opened(thread, "success_criteria")
    assert view.blocks[0]["element"]["initial_value"] == "SC1: A file notes/hello.md greets."
    assert "cannot be without success criteria" in await refused(thread, view, " ")
    good = spec("green")
    good["success_criteria"][0]["text"] = "A file notes/hello.md greets Riley."
    bot.model.say("notes/hello.md", "specify", good)
    await bot.slack.person(RILEY).submit_view(
        view.id, {BLOCK: {FIELD: "SC1: A file notes/hello.md greets Riley."}}
    )
    await thread.card("spec:2", "Changes since version 1", "greets Riley.")
    now = await thread.snapshot()
    assert now.spec is not None
    assert [one.text for one in now.spec.draft.success_criteria] == ["A file notes/hello.md greets Riley."]
