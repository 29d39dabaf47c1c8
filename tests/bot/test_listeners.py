"""What people do in Slack reaches the engine once, and what it says reaches them alone."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bot.cards.modals import BLOCK, FIELD
from bot.cards.wish_modal import TWICE
from bot.channel import identify, web_client
from bot.decode import FORWARD_BESIDE
from bot.listeners import SHUT, Listeners
from bot.playground.slack import Fault, FieldErrors, NotPossible
from engine.cards import (
    Detail,
    EscalationCard,
    OfferLine,
    OptionLine,
    ProgressCard,
    QuestionItem,
    QuestionsCard,
    ScopeCard,
    TakenFor,
    TakenLine,
    WishLine,
)
from engine.errors import DiskFull
from engine.events import Answered, Choice, Chose, Opened, Reply, Said, Sign, Stopped, Submitted
from engine.people import Person
from tests.bot.conftest import BOT_TOKEN, Stage
from tests.journeys.reading import until

CHANNEL = "C0DATA"
RILEY = Person(team="T0LOCAL", user="U0RILEY")


async def opened(stage: Stage) -> tuple[str, str]:
    """A mention, acked; returns its ts and the request's id."""
    ts = await stage.slack.person("U0RILEY").mention(CHANNEL, "Add a metric")
    await stage.slack.acked(ts)
    return ts, f"T0LOCAL:{CHANNEL}:{ts}"


def questions(request: str) -> QuestionsCard:
    options = (
        OptionLine(label="All conversations", description="Every type", recommended=True),
        OptionLine(label="Support only", description="Smaller & faster"),
    )
    items = (
        QuestionItem(index=0, header="Scope", text="Which ones?", multi=False, options=options),
        QuestionItem(index=1, header="Grain", text="Per what?", multi=True, options=options),
    )
    return QuestionsCard(
        request=request, key="questions:1", title="Metric", round=1, rounds=2, readings=(), items=items
    )


async def test_a_mention_arrives_twice_as_the_same_event(stage: Stage) -> None:
    ts, request = await opened(stage)
    first, second = stage.engine.events
    assert first == second
    assert isinstance(first, Opened)
    assert (first.request, first.text, first.by, first.thread_ts) == (request, "Add a metric", RILEY, ts)
    assert first.key == f"{request}:msg"


async def test_words_in_a_thread_and_the_stop_word(stage: Stage) -> None:
    ts, request = await opened(stage)
    dana = stage.slack.person("U0DANA")
    for text in ("is a < b && c?", "Please stop!", "@Greenlight STOP"):
        await stage.slack.acked(await dana.say(CHANNEL, ts, text))
    said, *stops = stage.engine.events[2:]
    assert isinstance(said, Said)
    assert (said.request, said.text, said.by.user) == (request, "is a < b && c?", "U0DANA")
    assert {type(stop) for stop in stops} == {Stopped}
    assert len(stops) == 3
    assert len({stop.key for stop in stops}) == 2


async def test_what_is_not_for_us_is_acked_and_ignored(stage: Stage) -> None:
    ts = await stage.slack.person("U0RILEY").say(CHANNEL, None, "lunch?")
    await stage.slack.acked(ts)
    await stage.chat.post(f"T0LOCAL:{CHANNEL}:{ts}", "progress", progress(f"T0LOCAL:{CHANNEL}:{ts}"))
    for delivery in stage.slack.deliveries:
        await delivery.settled.wait()
        assert delivery.ack is not None
    assert stage.engine.events == []


def progress(request: str) -> ProgressCard:
    return ProgressCard(
        request=request, key="progress", title="Metric", state="working", headline="At work", steps=()
    )


async def test_an_event_that_could_not_be_stored_comes_again(stage: Stage) -> None:
    stage.engine.failures = [RuntimeError("secret detail"), RuntimeError("secret detail")]
    ts = await stage.slack.person("U0RILEY").mention(CHANNEL, "Add a metric")
    await stage.slack.acked(ts)
    assert sum(delivery.attempts for delivery in stage.slack.deliveries) == 4
    assert len(stage.engine.events) == 2
    told = await stage.slack.wait_for(lambda slack: slack.ephemerals("U0RILEY"))
    assert "(error " in told[0].text
    assert "secret" not in told[0].text
    await asyncio.sleep(0.3)
    assert len(stage.slack.ephemerals("U0RILEY")) == 1


async def test_the_log_of_a_failure_holds_nothing_of_what_was_said(stage: Stage) -> None:
    """A database's error quotes its parameters: the whole message, and the state of the request."""
    stage.engine.failures = [RuntimeError("INSERT ... parameters: 'secret words'")]
    with capture_logs() as logged:
        await stage.slack.person("U0RILEY").mention(CHANNEL, "Add a metric")
        told = await stage.slack.wait_for(lambda slack: slack.ephemerals("U0RILEY"))
    (failed,) = [line for line in logged if line["event"] == "listener.failed"]
    assert f"(error {failed['error_id']})" in told[0].text
    assert "RuntimeError" in str(failed)
    assert "secret" not in str(failed)


async def test_a_refused_mention_is_answered_once_where_its_author_looks(stage: Stage) -> None:
    stage.engine.reply = Reply(sign=Sign.ONLY_YOU, text="No repository here.")
    await opened(stage)
    await stage.slack.wait_for(lambda slack: slack.ephemerals("U0RILEY"))
    await asyncio.sleep(0.3)
    (told,) = stage.slack.ephemerals("U0RILEY")
    assert (told.text, told.thread_ts) == ("No repository here.", None)


@pytest.mark.parametrize("refusal", ["", "No repository here."])
async def test_who_forwards_something_with_a_request_hears_that_it_is_not_read(
    stage: Stage, refusal: str
) -> None:
    stage.engine.reply = Reply(sign=Sign.ONLY_YOU if refusal else Sign.NOTHING, text=refusal)
    client = web_client(BOT_TOKEN, stage.slack.api_url)
    me = await identify(client)
    listeners = Listeners(stage.engine, client, me)
    said = {"channel": CHANNEL, "ts": "1764000000.000100", "user": "U0RILEY", "text": f"<@{me.user}> do this"}
    for kind in ("message", "app_mention"):
        forwarded = {**said, "type": kind, "attachments": [{"is_share": True, "text": "secret"}]}
        await listeners.on_message({"team_id": "T0LOCAL", "event": forwarded})
    await listeners.close()

    opened_by = [event.text for event in stage.engine.events if isinstance(event, Opened)]
    assert opened_by == ["do this", "do this"]
    (told,) = stage.slack.ephemerals("U0RILEY")
    assert told.text == f"{refusal}\n{FORWARD_BESIDE}".strip()


async def test_answers_by_button_menu_and_words(stage: Stage) -> None:
    _, request = await opened(stage)
    card = await stage.chat.post(request, "questions:1", questions(request))
    dana = stage.slack.person("U0DANA")
    await dana.click(card.ts, action_id="gl:pick:0:0")
    await dana.select(card.ts, "gl:several:1", ["All conversations", "Support only"])
    await dana.select(card.ts, "gl:several:1", [])
    await dana.click(card.ts, action_id="gl:decide:0")
    await dana.click(card.ts, action_id="gl:submit")
    by = Person(team="T0LOCAL", user="U0DANA")
    pick, both, none, decide, submit = stage.engine.events[2:]
    assert isinstance(pick, Answered)
    assert (pick.labels, pick.question, pick.by, pick.request) == (("All conversations",), 0, by, request)
    assert isinstance(both, Answered)
    assert both.labels == ("All conversations", "Support only")
    assert isinstance(none, Answered)
    assert none.labels == ()
    assert isinstance(decide, Answered)
    assert decide.you_decide
    assert isinstance(submit, Submitted)
    assert len({event.key for event in stage.engine.events[2:]}) == 5


async def test_other_opens_a_text_field(stage: Stage) -> None:
    _, request = await opened(stage)
    card = await stage.chat.post(request, "questions:1", questions(request))
    riley = stage.slack.person("U0RILEY")
    await riley.click(card.ts, action_id="gl:other:0")
    view = stage.slack.open_view("U0RILEY")
    assert view is not None
    with pytest.raises(FieldErrors):
        await riley.submit_view(view.id, {BLOCK: {FIELD: "   "}})
    await riley.submit_view(view.id, {BLOCK: {FIELD: "Only escalated ones"}})
    assert stage.slack.open_view("U0RILEY") is None
    answer = stage.engine.events[-1]
    assert isinstance(answer, Answered)
    assert (answer.text, answer.question, answer.by) == ("Only escalated ones", 0, RILEY)


async def test_a_choice_that_asks_for_words_keeps_them_if_nothing_was_stored(stage: Stage) -> None:
    _, request = await opened(stage)
    offer = OfferLine(choice=Choice.TELL_MORE, label="Say more", tradeoff="Costs a round", asks="What?")
    card = EscalationCard(
        request=request,
        key="escalation:1",
        title="Metric",
        heading="Still unclear",
        situation="Two readings remain",
        attempts=(),
        offers=(offer,),
        recommendation="",
    )
    posted = await stage.chat.post(request, "escalation:1", card)
    riley = stage.slack.person("U0RILEY")
    await riley.click(posted.ts, action_id="gl:choose:tell_more:0")
    view = stage.slack.open_view("U0RILEY")
    assert view is not None
    stage.engine.failures = [DiskFull("The disk is full.")]
    with pytest.raises(FieldErrors) as problem:
        await riley.submit_view(view.id, {BLOCK: {FIELD: "The first one"}})
    assert problem.value.errors[BLOCK].startswith("The disk is full. (error ")
    await riley.submit_view(view.id, {})
    chose = stage.engine.events[-1]
    assert isinstance(chose, Chose)
    assert (chose.card, chose.choice, chose.text) == ("escalation:1", Choice.TELL_MORE, "The first one")


async def test_who_may_not_act_is_shown_no_window(stage: Stage) -> None:
    ts, request = await opened(stage)
    card = await stage.chat.post(request, "questions:1", questions(request))
    riley = stage.slack.person("U0RILEY")
    stage.engine.refusal = "Guests cannot."
    await riley.click(card.ts, action_id="gl:other:0")
    told = await stage.slack.wait_for(lambda slack: slack.ephemerals("U0RILEY"))
    assert (told[0].text, told[0].thread_ts) == ("Guests cannot. Your click changed nothing.", ts)
    assert stage.slack.open_view("U0RILEY") is None
    stage.engine.refusal = ""
    await riley.click(card.ts, action_id="gl:other:0")
    assert stage.slack.open_view("U0RILEY") is not None


async def test_what_comes_from_another_workspace_is_none_of_this_bots(stage: Stage) -> None:
    client = web_client(BOT_TOKEN, stage.slack.api_url)
    me = await identify(client)
    listeners = Listeners(stage.engine, client, me)
    said = {"channel": CHANNEL, "ts": "1764000000.000100", "user": "U0RILEY", "text": f"<@{me.user}> do this"}
    for team in ("T0OTHER", me.team):
        await listeners.on_message({"team_id": team, "event": {**said, "type": "message"}})
    assert [event.request for event in stage.engine.events] == [f"{me.team}:{CHANNEL}:1764000000.000100"]
    await listeners.close()


async def test_the_reply_reaches_only_the_one_who_clicked(stage: Stage) -> None:
    ts, request = await opened(stage)
    card = await stage.chat.post(request, "progress", progress(request))
    stage.engine.reply = Reply(sign=Sign.ONLY_YOU, text="Not you, <!channel>.")
    await stage.slack.person("U0SAM").click(card.ts, action_id="gl:stop")
    told = await stage.slack.wait_for(lambda slack: slack.ephemerals("U0SAM"))
    assert told[0].text == "Not you, &lt;!channel&gt;."
    assert told[0].thread_ts == ts
    assert stage.slack.ephemerals("U0RILEY") == []


async def test_a_click_that_fails_is_acked_and_told(stage: Stage) -> None:
    _, request = await opened(stage)
    card = await stage.chat.post(request, "progress", progress(request))
    stage.engine.failures = [RuntimeError("boom")]
    ack = await stage.slack.person("U0SAM").click(card.ts, action_id="gl:stop")
    assert ack.payload is None
    told = await stage.slack.wait_for(lambda slack: slack.ephemerals("U0SAM"))
    assert "(error " in told[0].text
    assert "boom" not in told[0].text


async def test_an_old_or_forged_button_says_so_and_changes_nothing(stage: Stage) -> None:
    ts, request = await opened(stage)
    before = len(stage.engine.events)
    forged = [
        {
            "type": "button",
            "action_id": f"gl:x{i}",
            "text": {"type": "plain_text", "text": "x"},
            "value": value,
        }
        for i, value in enumerate(("nonsense", '{"do":"stop","request":"T0LOCAL:C0GENERAL:1.1"}'))
    ]
    await web_client(BOT_TOKEN, stage.slack.api_url).chat_postMessage(
        channel=CHANNEL, thread_ts=ts, text="x", blocks=[{"type": "actions", "elements": forged}]
    )
    message = stage.slack.thread(CHANNEL, ts)[-1]
    sam = stage.slack.person("U0SAM")
    for element in forged:
        await sam.click(message.ts, action_id=str(element["action_id"]))
    await stage.slack.wait_for(lambda slack: len(slack.ephemerals("U0SAM")) == 2)
    assert all("out of date" in message.text for message in stage.slack.ephemerals("U0SAM"))
    assert len(stage.engine.events) == before
    assert request


async def test_show_all_opens_the_whole_text(stage: Stage) -> None:
    _, request = await opened(stage)
    long = progress(request).model_copy(update={"headline": "word " * 2000})
    card = await stage.chat.post(request, "progress", long)
    stage.engine.details[request, "progress"] = Detail(title="Request", text="line\n" * 4000)
    riley = stage.slack.person("U0RILEY")
    await riley.click(card.ts, action_id="gl:show")
    view = stage.slack.open_view("U0RILEY")
    assert view is not None
    assert sum(block["text"]["text"].count("line") for block in view.blocks) == 4000
    await riley.close_view(view.id)


HEARD = tuple(
    TakenLine(ts=f"1764000000.0{n:05}", by=RILEY, text=f"Talk {n}", kind=TakenFor.TALK, outcome="just talk")
    for n in range(45)
)
WISHES = tuple(
    WishLine(number=n, ts=f"176400000{n}.000100", title=f"Wish {n}", text="Also this", by=RILEY, scope="?")
    for n in (2, 3)
)


async def beyond(stage: Stage, **more: object) -> tuple[str, str]:
    """A card of wishes in a thread; returns its ts and the request."""
    _, request = await opened(stage)
    card = ScopeCard(request=request, key="scope:1", title="Metric", files="", wishes=())
    card = card.model_copy(update=more)
    stage.engine.cards[request, "scope:1"] = card
    return (await stage.chat.post(request, "scope:1", card)).ts, request


async def test_everything_heard_is_leafed_through_and_corrected_in_place(stage: Stage) -> None:
    ts, request = await beyond(stage, taken=HEARD)
    dana = stage.slack.person("U0DANA")
    await dana.click(ts, action_id="gl:show")
    view = stage.slack.open_view("U0DANA")
    assert view is not None
    assert "Page 1 of 3" in str(view.content)
    for page in ("Page 2 of 3", "Page 3 of 3"):
        await dana.click(view.id, action_id="gl:older")
        assert page in str(view.content)
    with pytest.raises(NotPossible):
        await dana.click(view.id, action_id="gl:older")
    said = HEARD[44].model_copy(update={"outcome": "part of the spec", "confirmed": True})
    shown = stage.engine.cards[request, "scope:1"]
    stage.engine.cards[request, "scope:1"] = shown.model_copy(update={"taken": (*HEARD[:44], said)})
    stage.engine.reply = Reply(sign=Sign.ONLY_YOU, text="Noted.")
    await dana.click(view.id, action_id="gl:is_spec:heard44")
    chose = stage.engine.events[-1]
    assert isinstance(chose, Chose)
    assert (chose.card, chose.choice, chose.item) == ("scope:1", Choice.IS_SPEC, HEARD[44].ts)
    assert (chose.request, chose.by.user) == (request, "U0DANA")
    await until(lambda: "I know it as part of the spec" in str(view.content), 5, "the page as it is now")
    assert "Page 3 of 3" in str(view.content)
    (told,) = await stage.slack.wait_for(lambda slack: slack.ephemerals("U0DANA"))
    assert (told.text, told.thread_ts) == ("Noted.", request.rpartition(":")[2])


async def test_a_correction_counts_also_where_its_page_cannot_be_brought_up_to_date(stage: Stage) -> None:
    ts, _ = await beyond(stage, taken=HEARD)
    dana = stage.slack.person("U0DANA")
    await dana.click(ts, action_id="gl:show")
    view = stage.slack.open_view("U0DANA")
    assert view is not None
    stage.slack.faults.add("views.update", Fault.SERVER_ERROR, times=9)
    await dana.click(view.id, action_id="gl:is_spec:heard0")
    assert isinstance(stage.engine.events[-1], Chose)
    await asyncio.sleep(0.3)
    assert stage.slack.ephemerals("U0DANA") == []


async def test_wishes_are_chosen_among_those_that_are_open_then(stage: Stage) -> None:
    offers = tuple(
        OfferLine(choice=choice, label="x", tradeoff="y") for choice in (Choice.REDEFINE, Choice.PRIORITISE)
    )
    ts, request = await beyond(stage, wishes=WISHES, offers=offers)
    dropped = WISHES[0].model_copy(update={"fate": "dropped"})
    riley = stage.slack.person("U0RILEY")

    await riley.click(ts, action_id="gl:prioritise")
    view = stage.slack.open_view("U0RILEY")
    assert view is not None
    with pytest.raises(FieldErrors) as twice:
        await riley.submit_view(view.id, {BLOCK: {FIELD: WISHES[1].ts}})
    assert twice.value.errors == {BLOCK: TWICE}
    await riley.submit_view(view.id, {BLOCK: {FIELD: WISHES[1].ts}, f"{BLOCK}:1": {FIELD: WISHES[0].ts}})
    ordered = stage.engine.events[-1]
    assert isinstance(ordered, Chose)
    assert ordered.picks == (WISHES[1].ts, WISHES[0].ts)

    shown = stage.engine.cards[request, "scope:1"].model_copy(update={"wishes": (dropped, WISHES[1])})
    stage.engine.cards[request, "scope:1"] = shown
    await riley.click(ts, action_id="gl:redefine")
    view = stage.slack.open_view("U0RILEY")
    assert view is not None
    assert "Wish 2" not in str(view.content)
    await riley.submit_view(view.id)
    redefined = stage.engine.events[-1]
    assert isinstance(redefined, Chose)
    assert (redefined.choice, redefined.picks) == (Choice.REDEFINE, (WISHES[1].ts,))

    stage.engine.cards[request, "scope:1"] = shown.model_copy(update={"wishes": (dropped,)})
    await riley.click(ts, action_id="gl:redefine")
    (told,) = await stage.slack.wait_for(lambda slack: slack.ephemerals("U0RILEY"))
    assert told.text == "No proposed task is open any more."


async def test_stop_outside_of_a_thread_explains(stage: Stage) -> None:
    await stage.slack.person("U0RILEY").mention(CHANNEL, "stop")
    told = await stage.slack.wait_for(lambda slack: slack.ephemerals("U0RILEY"))
    assert "in its thread" in told[0].text
    assert stage.engine.events == []


async def test_the_connection_comes_back(stage: Stage) -> None:
    await stage.slack.ask_to_reconnect()
    ts, _ = await opened(stage)
    assert ts
    with pytest.raises(NotPossible):
        await stage.slack.person("U0RILEY").click(ts, action_id="gl:stop")


async def test_who_is_invited_again_goes_on_and_a_revoked_token_is_asked_about(stage: Stage) -> None:
    stage.slack.announce({"type": "member_joined_channel", "user": "U0SAM", "channel": CHANNEL})
    stage.slack.announce({"type": "channel_unarchive", "user": "U0SAM", "channel": CHANNEL})
    await until(lambda: stage.engine.again, 5, "what rested goes on")
    assert stage.engine.again == [("T0LOCAL", CHANNEL)]
    asked = sum(call.method == "auth.test" for call in stage.slack.calls)
    stage.slack.announce({"type": "tokens_revoked", "tokens": {"bot": ["U0GREENLIGHT"]}})
    await stage.slack.wait_for(lambda slack: sum(c.method == "auth.test" for c in slack.calls) == asked + 1)
    lost = asyncio.create_task(stage.app.lost())
    await asyncio.sleep(0.2)
    assert not lost.done(), "the token is good"
    lost.cancel()


@pytest.mark.parametrize("code", ["channel_not_found", "is_archived"])
@pytest.mark.parametrize("kind", SHUT)
async def test_a_channel_that_is_said_to_be_shut_is_asked_about(stage: Stage, kind: str, code: str) -> None:
    stage.slack.announce({"type": kind, "user": "U0SAM", "channel": CHANNEL})
    asked = "conversations.info"
    await stage.slack.wait_for(lambda slack: [c for c in slack.calls if c.method == asked and c.status])
    await asyncio.sleep(0.05)
    assert stage.engine.shut_away == [], "it is open"
    stage.slack.faults.add(asked, Fault.REFUSED, code=code)
    stage.slack.announce({"type": kind, "user": "U0SAM", "channel": CHANNEL})
    await until(lambda: stage.engine.shut_away, 5, "it is shut")
    assert stage.engine.shut_away == [("T0LOCAL", CHANNEL, code)]


async def test_the_first_event_is_not_lost_where_slack_cannot_tell_who_the_bot_is(stage: Stage) -> None:
    stage.slack.faults.add("auth.test", Fault.SERVER_ERROR, 100)
    ts = await stage.slack.person("U0RILEY").mention(CHANNEL, "Add a metric")
    await stage.slack.acked(ts)
    assert len(stage.engine.events) == 2
