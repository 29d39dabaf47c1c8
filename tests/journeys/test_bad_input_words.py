"""What people write that cannot be worked with, and clicks that come late, twice, forged or uncalled for."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.cards.modals import BLOCK, FIELD
from bot.cards.presses import (
    ApproveSpec,
    Choose,
    ChooseInWords,
    PickOption,
    ShowHeard,
    ShowWhole,
    SubmitRound,
    packed,
    unpacked,
)
from bot.playground.slack import Fault
from bot.playground.slack.state import elements_of
from bot.slack_errors import ShortWaits
from engine.events import Choice
from engine.inspecting import story
from engine.request import SpecFate, State
from tests.journeys.bad_input import (
    DANA,
    RILEY,
    SAM,
    Thread,
    World,
    pressed,
    repository,
    small_repository,
    world,
)
from tests.journeys.mistaken import VAGUE
from tests.journeys.reading import key_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("bad-input-words")]

CHANNELS = [f"C0{number:03}" for number in range(12)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("words")
    notes = repository(directory, "notes", CHANNELS)
    await small_repository(Path(notes.remote))
    async with world(directory, [notes]) as running:
        yield running


async def a_good_request_works(bot: World, channel: str) -> Thread:
    """Up to the spec, for its approvers to see."""
    thread = await bot.ask(channel, "Add a greeting in notes/hello.md")
    await thread.card("spec:1", "notes/hello.md")
    return thread


async def requests(bot: World) -> int:
    """How many threads hold a card of ours."""
    return len({m.thread_ts for m in bot.slack.workspace.messages.values() if m.by_bot and m.metadata})


# ---------------------------------------------------------------- mentions


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Tell me in the same message what you need"),
        ("x" * 39_980, "characters; I read at most 8,000"),
        ("https://example.com/a/page", "I do not open links"),
    ],
)
async def test_what_cannot_be_read_is_told_to_its_author(bot: World, text: str, sentence: str) -> None:
    before = await requests(bot)
    await bot.ask(CHANNELS[0], text)
    told = await bot.told(RILEY, sentence)
    assert (told.channel, told.thread_ts) == (CHANNELS[0], None)
    assert len([m for m in bot.slack.ephemerals(RILEY) if sentence in m.text]) == 1
    assert await requests(bot) == before
    assert not [call for call in bot.api.calls if "example.com" in str(call.body)]


async def test_a_channel_without_a_repository_says_who_can_change_that(bot: World) -> None:
    before = await requests(bot)
    await bot.ask("C0NOWHERE", "Add a greeting", by=SAM)
    told = await bot.told(SAM, "No repository is configured for this channel")
    assert "configuration file" in told.text
    assert await requests(bot) == before
    await a_good_request_works(bot, CHANNELS[0])


async def test_a_mention_without_words_in_a_discussion_reads_the_discussion(bot: World) -> None:
    root = await bot.slack.person(SAM).say(CHANNELS[1], None, "We should greet whoever opens the repository")
    await bot.slack.person(DANA).say(CHANNELS[1], root, "In notes/hello.md, please")
    mention = await bot.slack.person(RILEY).mention(CHANNELS[1], "", root)
    await bot.slack.acked(mention)
    thread = Thread(bot, CHANNELS[1], root)
    await thread.card("spec:1", "notes/hello.md")
    (assess,) = [
        c for c in bot.api.calls if c.role == "assess" and "We should greet" in c.conversation.opening
    ]
    assert "In notes/hello.md, please" in assess.conversation.opening


# ---------------------------------------------------------------- clicks


async def test_a_superseded_version_is_not_approved_by_its_old_button(bot: World) -> None:
    thread = await a_good_request_works(bot, CHANNELS[2])
    first = await thread.card("spec:1")
    _, _, approve = pressed(first, ApproveSpec)
    await thread.press(RILEY, first, ChooseInWords, choice=Choice.CHANGE_SPEC)
    view = bot.slack.open_view(RILEY)
    assert view is not None
    await bot.slack.person(RILEY).submit_view(view.id, {BLOCK: {FIELD: "Greet in two lines."}})
    second = await thread.card("spec:2", "Greet in two lines.")
    await bot.forge(DANA, first, packed(approve))
    await bot.told(DANA, "That is an old version; please look at version 2")
    now = await thread.snapshot()
    assert now.state is State.AWAITING_APPROVAL
    assert [s.fate for s in now.specs] == [SpecFate.SUPERSEDED, SpecFate.OPEN]
    # A modal that was opened before somebody else decided.
    await thread.press(RILEY, second, ChooseInWords, choice=Choice.CHANGE_SPEC)
    late = bot.slack.open_view(RILEY)
    assert late is not None
    await thread.press(DANA, second, ApproveSpec)
    await thread.card("spec:2", "pproved")
    await bot.slack.person(RILEY).submit_view(late.id, {BLOCK: {FIELD: "Three lines would be nicer."}})
    told = await bot.told(RILEY, "decided already")
    assert "Three lines would be nicer." in told.text, "what was typed is handed back"
    done = await thread.becomes(State.DELIVERED)
    assert len(done.specs) == 2


async def test_questions_that_were_submitted_take_no_more_answers(bot: World) -> None:
    bot.model.say("greet somebody", "assess", VAGUE)
    thread = await bot.ask(CHANNELS[3], "Make it greet somebody")
    asked = await thread.card("questions:1", "Whom does it greet?")
    _, _, pick = pressed(asked, PickOption, label="Riley")
    _, _, submit = pressed(asked, SubmitRound)
    await thread.press(RILEY, asked, SubmitRound)
    await bot.told(RILEY, "Still open: Scope")
    await thread.press(SAM, asked, PickOption, label="Everyone")
    await bot.forge(
        SAM, asked, packed(PickOption(request=thread.request, round=1, question=0, label="Nobody"))
    )
    await bot.told(SAM, "not on the card any more")
    await bot.forge(
        SAM, asked, packed(PickOption(request=thread.request, round=1, question=9, label="Riley"))
    )
    await bot.told(SAM, "I do not know this question")
    await asyncio.gather(*(thread.press(RILEY, asked, SubmitRound) for _ in range(2)))
    await bot.told(RILEY, "already submitted")
    await thread.card("spec:1")
    await bot.forge(SAM, asked, packed(pick))
    await bot.told(SAM, "These questions are closed; your click changed nothing.")
    await bot.forge(SAM, asked, packed(submit))
    await bot.told(SAM, "already submitted; your click changed nothing")
    (round,) = (await thread.snapshot()).rounds
    assert round.given[0] is not None
    assert round.given[0].labels == ("Everyone",)


async def test_forged_foreign_and_uncalled_clicks_change_nothing(bot: World) -> None:
    thread = await a_good_request_works(bot, CHANNELS[4])
    card = await thread.card("spec:1")
    _, _, approve = pressed(card, ApproveSpec)
    before = await thread.snapshot()
    await thread.press(SAM, card, ApproveSpec)
    await bot.told(SAM, "You are not one of the approvers of this repository")
    await thread.press(RILEY, card, ApproveSpec)
    await bot.told(RILEY, "You asked for this, so somebody else has to approve it")
    good = packed(approve)
    others = (good.replace(CHANNELS[4], CHANNELS[5]), good.replace("approve", "own"))
    for count, value in enumerate(("", "nonsense", "{}", *others), start=1):
        await bot.forge(DANA, card, value)
        await bot.told(DANA, "out of date", count=count)
    await bot.forge(DANA, card, packed(ApproveSpec(request=thread.request, version=1, hash="0" * 64)))
    await bot.told(DANA, "That is an old version")
    choose = Choose(request=thread.request, card="escalation:1", choice=Choice.DELIVER_UNCHECKED)
    await bot.forge(DANA, card, packed(choose))
    await bot.told(DANA, "decided already; your click changed nothing")
    await bot.forge(DANA, card, good, team="T0OTHER")
    await bot.told(DANA, "people of other workspaces")
    after = await thread.snapshot()
    assert (after.state, after.specs) == (before.state, before.specs)
    await asyncio.gather(*(thread.press(DANA, card, ApproveSpec) for _ in range(2)))
    done = await thread.becomes(State.DELIVERED)
    assert done.spec is not None
    assert [a.by.user for a in done.spec.approvals] == [DANA]
    assert [task.id for task in done.tasks] == ["write"]
    # The record tells what was tried, and that nothing came of it.
    for key, choice in (("delivery:1", Choice.CONFIRM), ("scope:1", Choice.FINISH_FIRST)):
        await bot.forge(SAM, card, packed(Choose(request=thread.request, card=key, choice=choice)))
    await bot.told(SAM, "The requester or an approver", count=2)
    record = await story(bot.running.engine.settings.state_dir, thread.request)
    counted = {
        (who, "did not count" in line.what)
        for who in (SAM, RILEY)
        for line in record.lines
        if line.who == who
    }
    assert counted == {(SAM, True), (RILEY, True), (RILEY, False)}
    approvals = [line.what for line in record.lines if line.who == DANA and line.what.startswith("approved")]
    assert sum("did not count" not in what for what in approvals) == 1


async def test_decided_and_ended_requests_take_no_clicks(bot: World) -> None:
    bot.model.say("twice wrong", "assess", "no", "no")
    thread = await bot.ask(CHANNELS[6], "Add a greeting, twice wrong")
    card = await thread.card("escalation:1", "Try again")
    _, _, again = pressed(card, Choose, choice=Choice.RETRY)
    await bot.forge(
        RILEY, card, packed(Choose(request=thread.request, card="escalation:1", choice=Choice.RAISE_CAP))
    )
    await bot.told(RILEY, "That is not one of the options")
    await asyncio.gather(
        thread.press(RILEY, card, Choose, choice=Choice.RETRY),
        thread.press(DANA, card, Choose, choice=Choice.RETRY),
    )
    await thread.card("spec:1")
    decided = (await thread.snapshot()).escalations[0].decided
    assert decided is not None
    other = DANA if decided.by.user == RILEY else RILEY
    await bot.told(other, "This was decided already; your click changed nothing.")
    await bot.forge(SAM, card, packed(again))
    await bot.told(SAM, "This was decided already; your click changed nothing.")
    spec = await thread.card("spec:1")
    _, _, approve = pressed(spec, ApproveSpec)
    await bot.slack.acked(await bot.slack.person(RILEY).say(CHANNELS[6], thread.ts, "stop"))
    await thread.becomes(State.STOPPED)
    await bot.forge(DANA, spec, packed(approve))
    await bot.told(DANA, "This request has ended (stopped)")
    assert (await thread.snapshot()).state is State.STOPPED
    await a_good_request_works(bot, CHANNELS[7])


# ---------------------------------------------------------------- Slack itself


async def test_cards_whose_posting_lost_its_answer_stand_there_once(bot: World) -> None:
    (handler,) = bot.running.chat._client.retry_handlers
    assert isinstance(handler, ShortWaits), "a handler for lost connections would post again, unseen"
    bot.slack.faults.add("chat.postMessage", Fault.DROPPED_AFTER, times=2)
    bot.slack.faults.add("chat.postMessage", Fault.SERVER_ERROR)
    thread = await a_good_request_works(bot, CHANNELS[8])
    await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    await thread.becomes(State.DELIVERED)
    for key in ("review:1", "delivery:1"):
        await thread.card(key)
    keys = Counter(key_of(m.metadata) for m in bot.slack.thread(CHANNELS[8], thread.ts) if m.by_bot)
    assert keys == {"progress": 1, "spec:1": 1, "review:1": 1, "delivery:1": 1}


async def test_twenty_messages_a_second_are_each_heard_once_and_stop_still_stops(bot: World) -> None:
    thread = await a_good_request_works(bot, CHANNELS[11])
    await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    await thread.card("delivery:1")
    said = []
    for number in range(60):
        member = (RILEY, DANA, SAM)[number % 3]
        said.append(await bot.slack.person(member).say(thread.channel, thread.ts, f"And greeting {number}"))
        await asyncio.sleep(0.05)
    for _ in range(600):
        now = await thread.snapshot()
        heard = [item.ts for item in now.scope_items] + [taken.ts for taken in now.taken]
        if len(heard) >= min(60, len(said)) and not now.heard:
            break
        await asyncio.sleep(0.05)
    assert sorted(heard) == sorted(said)
    assert now.state is State.DELIVERED
    assert not now.live
    await the_one_furthest_back_is_corrected(bot, thread)
    await bot.slack.person(SAM).say(thread.channel, thread.ts, "stop")
    await thread.becomes(State.STOPPED)


async def the_one_furthest_back_is_corrected(bot: World, thread: Thread) -> None:
    """It is found by leafing through everything heard, and corrected there by one click."""
    dana, first = bot.slack.person(DANA), (await thread.snapshot()).taken[0]
    if (await thread.snapshot()).scope_shown:
        await thread.press(DANA, await thread.card("scope:1"), ShowWhole)
    else:
        await thread.press(DANA, await thread.card("progress", "And greeting 59"), ShowHeard)
    view = await bot.slack.wait_for(lambda slack: slack.open_view(DANA))
    assert view is not None
    for page in ("Page 2 of 3", "Page 3 of 3"):
        await dana.click(view.id, action_id="gl:older")
        assert page in str(view.content)
    (action,) = [
        element["action_id"]
        for _, element in elements_of(view.blocks)
        if isinstance(press := unpacked(element["value"]), Choose)
        and (press.item, press.choice) == (first.ts, Choice.IS_SCOPE)
    ]
    await dana.click(view.id, action_id=action)
    now = await thread.snapshot()
    assert first.ts in {item.ts for item in now.scope_items}
    assert first.ts not in {taken.ts for taken in now.taken}
