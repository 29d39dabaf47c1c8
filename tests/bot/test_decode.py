"""Payloads become events by what they say, and nothing malformed raises."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import decode
from bot.cards.modals import BLOCK, FIELD
from bot.cards.presses import (
    AnswerInWords,
    ApproveSpec,
    Choose,
    InWords,
    Leaf,
    PickSeveral,
    ShowHeard,
    packed,
)
from bot.decode import Missing, Tell
from engine.events import Answered, Approved, Choice, Chose, Deleted, Opened, Said, Stopped
from engine.people import Person

BOT = "U0BOT"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def event(**changes: Any) -> dict[str, Any]:
    said = {"type": "message", "channel": "C1", "ts": "1764000000.000100", "user": "U1", "text": "hello"}
    return {
        "type": "event_callback",
        "team_id": "T1",
        "authorizations": [{"team_id": "T1", "user_id": BOT}],
        "event": {k: v for k, v in {**said, **changes}.items() if v is not None},
    }


@pytest.mark.parametrize(
    "text",
    [
        "stop",
        "STOP!",
        "halt",
        "Cancel.",
        "abort",
        "please stop",
        "Please, stop",
        "ok stop",
        "stop, thanks",
        "stop everything",
        "cancel that",
        ":octagonal_sign: stop",
        "Stop, please",
        f"<@{BOT}> stop",
        "stop it 🛑",
    ],
)
def test_the_stop_word_alone_in_a_thread(text: str) -> None:
    heard = decode.message(event(text=text, thread_ts="1764000000.000001"), BOT)
    assert heard is not None
    assert isinstance(heard.what, Stopped)
    assert heard.what.request == "T1:C1:1764000000.000001"


@pytest.mark.parametrize(
    "text",
    [
        "stop the pipeline",
        "don't stop",
        "stopped",
        "non stop",
        "cancel the order table",
        "stop all tenants",
        "ok, do not stop",
    ],
)
def test_the_stop_word_within_a_sentence_is_just_said(text: str) -> None:
    heard = decode.message(event(text=text, thread_ts="1764000000.000001"), BOT)
    assert heard is not None
    assert isinstance(heard.what, Said)
    assert heard.what.text == text


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"thread_ts": "1764000000.000100"},
        {"user": BOT, "thread_ts": "1.1"},
        {"bot_id": "B9", "thread_ts": "1.1"},
        {"user": None, "thread_ts": "1.1"},
        {"subtype": "message_changed", "thread_ts": "1.1"},
        {"subtype": "message_deleted", "thread_ts": "1.1"},
        {"subtype": "channel_join", "thread_ts": "1.1"},
        {"subtype": "bot_message", "thread_ts": "1.1"},
        {"edited": {"ts": "2.1"}, "thread_ts": "1.1"},
        {"ts": "never"},
        {"ts": "9e99", "thread_ts": "1.1"},
        {"channel": None},
    ],
)
def test_what_is_no_word_to_us(changes: dict[str, Any]) -> None:
    assert decode.message(event(**changes), BOT) is None


def test_a_mention_in_a_discussion_names_its_thread() -> None:
    said = {"text": f"hey <@{BOT}>: do what <@U2|dana> says in <#C2|general>", "thread_ts": "1.1"}
    by_message = decode.message(event(**said), BOT)
    by_mention = decode.message(event(**said, type="app_mention"), BOT)
    assert by_message == by_mention
    assert by_message is not None
    opened = by_message.what
    assert isinstance(opened, Opened)
    assert (opened.thread_ts, opened.request) == ("1.1", "T1:C1:1.1")
    assert opened.text == "hey : do what @dana says in #general"


def test_a_direct_message_needs_no_mention() -> None:
    heard = decode.message(event(channel="D1", channel_type="im"), BOT)
    assert heard is not None
    assert isinstance(heard.what, Opened)
    assert heard.what.direct
    in_channel = decode.message(event(text=f"<@{BOT}> add it", channel_type="channel"), BOT)
    assert in_channel is not None
    assert isinstance(in_channel.what, Opened)
    assert not in_channel.what.direct


def test_someone_of_another_team_stays_of_that_team_while_the_request_is_at_home() -> None:
    body = event(text=f"<@{BOT}> hi", user_team="T9") | {"team_id": "T9"}
    heard = decode.message(body, BOT)
    assert heard is not None
    assert isinstance(heard.what, Opened)
    assert heard.what.by == Person(team="T9", user="U1")
    assert heard.what.request.startswith("T1:C1:")


SHARED = {"is_share": True, "is_msg_unfurl": True, "text": "Please add a metric", "author_id": "U2"}


@pytest.mark.parametrize("kind", ["message", "app_mention"])
@pytest.mark.parametrize("thread_ts", [None, "1.1"])
@pytest.mark.parametrize("mark", ["is_share", "is_msg_unfurl"])
def test_a_mention_of_nothing_but_a_forwarded_message_is_told_to_write_it_out(
    kind: str, thread_ts: str | None, mark: str
) -> None:
    body = event(type=kind, text=f"<@{BOT}> ", thread_ts=thread_ts, attachments=[{mark: True, "text": "x"}])
    heard = decode.message(body, BOT)
    assert heard is not None
    assert heard.what == Tell(sentence=decode.FORWARDED)
    assert (heard.place.user, heard.place.thread_ts) == ("U1", thread_ts)


def test_a_message_forwarded_to_us_directly_is_told_to_write_it_out() -> None:
    heard = decode.message(event(channel="D1", channel_type="im", text="", attachments=[SHARED]), BOT)
    assert heard is not None
    assert heard.what == Tell(sentence=decode.FORWARDED)


@pytest.mark.parametrize(
    ("text", "attachments"),
    [
        (f"<@{BOT}> add the metric of this", [SHARED]),
        (f"<@{BOT}>", [{"text": "a page", "from_url": "https://a.example"}]),
        (f"<@{BOT}>", [{"is_share": False}]),
        (f"<@{BOT}>", [{"is_share": "yes"}]),
        (f"<@{BOT}>", []),
        (f"<@{BOT}>", "no list"),
        (f"<@{BOT}>", [None, 1, "x", []]),
        (f"<@{BOT}>", {"is_share": True}),
    ],
)
def test_a_mention_with_words_or_other_attachments_is_a_request(text: str, attachments: object) -> None:
    heard = decode.message(event(text=text, attachments=attachments), BOT)
    assert heard is not None
    assert isinstance(heard.what, Opened)
    assert "Please add" not in heard.what.text
    assert bool(heard.besides) == (attachments == [SHARED])


def test_a_forwarded_message_among_people_is_theirs() -> None:
    heard = decode.message(event(text="", thread_ts="1.1", attachments=[SHARED]), BOT)
    assert heard is not None
    assert isinstance(heard.what, Said)
    assert not heard.besides
    assert decode.message(event(text="", attachments=[SHARED]), BOT) is None


def edit(before: str, after: str, **changes: Any) -> dict[str, Any]:
    old = {"type": "message", "user": "U1", "text": before, "ts": "1764000000.000100", **changes}
    return event(
        subtype="message_changed",
        user=None,
        text=None,
        ts="1764000009.000100",
        message={**old, "text": after, "edited": {"user": "U1", "ts": "1764000009.000000"}},
        previous_message=old,
    )


@pytest.mark.parametrize("mention", [f"<@{BOT}>", f"<@{BOT}|greenlight>"])
@pytest.mark.parametrize("thread_ts", [None, "1.1"])
def test_a_mention_added_by_an_edit_is_not_read_and_its_author_hears_so(
    mention: str, thread_ts: str | None
) -> None:
    heard = decode.message(edit("add it", f"{mention} add it", thread_ts=thread_ts), BOT)
    assert heard is not None
    assert heard.what == Tell(sentence=decode.EDITED)
    assert heard.place == decode.Place(channel="C1", thread_ts=thread_ts, user="U1")
    assert heard.key == "T1:C1:1764000000.000100:edit"


def test_a_mention_whose_words_were_changed_is_not_read_anew_and_its_author_hears_so() -> None:
    heard = decode.message(edit(f"<@{BOT}> add it", f"<@{BOT}> add it by week"), BOT)
    assert heard is not None
    assert heard.what == Tell(sentence=decode.EDITED_SINCE)
    assert heard.key == "T1:C1:1764000000.000100:edit"


@pytest.mark.parametrize(
    "body",
    [
        edit("add it", "add it, please"),
        edit(f"<@{BOT}> add it", f"<@{BOT}|greenlight> add it"),
        edit(f"<@{BOT}> add it", "add it"),
        edit("add it", "<@U2> add it"),
        edit("add it", f"<@{BOT}> add it", user=BOT),
        edit("add it", f"<@{BOT}> add it", bot_id="B9"),
        edit("add it", f"<@{BOT}> add it", subtype="bot_message"),
        edit("add it", f"<@{BOT}> add it", user=None),
        event(subtype="message_changed", message={"ts": "1.1", "user": "U1", "text": f"<@{BOT}>"}),
        event(subtype="message_changed", message="odd", previous_message=[]),
        event(subtype="message_changed", text=f"<@{BOT}> add it"),
    ],
)
def test_other_edits_are_passed_over(body: dict[str, Any]) -> None:
    assert decode.message(body, BOT) is None


@pytest.mark.parametrize(
    ("wire", "plain"),
    [
        ("<https://a.example/x>", "https://a.example/x"),
        ("<https://a.example/x|the doc>", "the doc (https://a.example/x)"),
        ("<http://a.example|a.example>", "http://a.example"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("<!here> <!subteam^S1|@team> <!date^1^x|Monday>", "@here @team Monday"),
        ("1 &lt; 2 &amp;amp; 3 &gt; 2", "1 < 2 &amp; 3 > 2"),
        (f"<@{BOT}>, add it", "add it"),
        (f"<@{BOT}>", ""),
        ("a\n\n  b", "a\n\n  b"),
    ],
)
def test_slack_markup_becomes_plain_words(wire: str, plain: str) -> None:
    assert decode.plain_words(wire, BOT) == plain


def test_only_what_is_mentioned_outside_of_quotations_is_asked_of_the_bot() -> None:
    ask = f"<@{BOT}> add a metric"
    quoted = (f"&gt; {ask}", f"&gt;&gt;&gt; look\n{ask}", f"what about this?\n  &gt; {ask}\nand why?")
    for kind in ("message", "app_mention"):
        for text in quoted:
            alone = decode.message(event(text=text, type=kind), BOT)
            assert alone is not None
            assert alone.what == Tell(sentence=decode.QUOTED)
            within = decode.message(event(text=text, type=kind, thread_ts="1764000000.000001"), BOT)
            assert within is not None
            assert isinstance(within.what, Said)
            assert not within.what.mentions_bot
        beside = decode.message(event(text=f"&gt; {ask}\n<@{BOT}> that, please", type=kind), BOT)
        assert beside is not None
        assert isinstance(beside.what, Opened)
    unquoted = decode.message(event(text=f"2 &gt; 1, {ask}"), BOT)
    assert unquoted is not None
    assert isinstance(unquoted.what, Opened)


def click(value: str, **container: Any) -> dict[str, Any]:
    where = {"channel_id": "C1", "message_ts": "2.2", "thread_ts": "1.1", **container}
    action = {
        "type": "button",
        "action_id": "gl:approve",
        "action_ts": "3.3",
        "block_id": "b",
        "value": value,
    }
    return {
        "user": {"id": "U1", "team_id": "T9"},
        "team": {"id": "T1"},
        "container": where,
        "actions": [action],
    }


def test_an_approval_names_version_hash_and_the_persons_own_team() -> None:
    heard = decode.action(click(packed(ApproveSpec(request="T1:C1:1.1", version=2, hash="ab"))))
    assert heard is not None
    approved = heard.what
    assert isinstance(approved, Approved)
    assert (approved.version, approved.hash, approved.by) == (2, "ab", Person(team="T9", user="U1"))
    assert approved.key == "T1:C1:2.2:3.3:gl:approve"


def test_what_is_chosen_in_a_menu_of_one_is_the_answer() -> None:
    body = click("")
    target = PickSeveral(request="T1:C1:1.1", round=1, question=0)
    menu = {"type": "static_select", "block_id": packed(target), "selected_option": {"value": "web"}}
    heard = decode.action(body | {"actions": [body["actions"][0] | menu]})
    assert heard is not None
    assert isinstance(heard.what, Answered)
    assert heard.what.labels == ("web",)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{}",
        "nonsense",
        '{"do":"approve"}',
        '{"do":"approve","request":"T1:C1:1.1","version":2,"hash":"ab","extra":1}',
        '{"do":"stop","request":"T1:C2:1.1"}',
        '{"do":"stop","request":"T1:C1:1.2"}',
        '{"do":"stop","request":"T1:C1"}',
        '{"do":"choose","request":"T1:C1:1.1","card":"spec:1","choice":"rule_the_world"}',
    ],
)
def test_values_that_are_not_ours_or_stand_elsewhere(value: str) -> None:
    heard = decode.action(click(value))
    assert heard is not None
    assert heard.what == Tell(sentence=decode.OUT_OF_DATE)


def in_modal(value: str, remembered: str) -> dict[str, Any]:
    return {
        **click(value),
        "container": {"type": "view", "view_id": "V1"},
        "view": {"id": "V1", "private_metadata": remembered},
    }


@pytest.mark.parametrize(("channel", "thread"), [("C2", "1.1"), ("C1", "9.9"), ("", None)])
def test_a_window_whose_memory_does_not_fit_its_request_changes_nothing(
    channel: str, thread: str | None
) -> None:
    asks = AnswerInWords(request="T1:C1:1.1", round=1, question=0, ask="Say it")
    remembered = InWords(press=asks, channel=channel, thread_ts=thread).model_dump_json()
    values = {BLOCK: {FIELD: {"type": "plain_text_input", "value": "words"}}}
    view = {"id": "V1", "hash": "h", "private_metadata": remembered, "state": {"values": values}}
    heard = decode.submission({"user": {"id": "U1", "team_id": "T1"}, "view": view}, NOW)
    assert heard is not None
    assert heard.what == Missing(block_id=BLOCK, sentence=decode.OUT_OF_DATE)


LEAF = Leaf(page=2, channel="C1", thread_ts="1.1")
IS_TALK = Choose(request="T1:C1:1.1", card="scope:1", choice=Choice.IS_TALK, item="9.9")


def test_a_click_in_a_modal_is_of_the_thread_that_the_modal_remembers() -> None:
    heard = decode.action(in_modal(packed(IS_TALK), LEAF.model_dump_json()))
    assert heard is not None
    assert isinstance(heard.what, Chose)
    assert heard.what.key == "T1:C1:V1:3.3:gl:approve"
    assert heard.place == decode.Place(channel="C1", thread_ts="1.1", user="U1")
    assert heard.then is not None
    assert (heard.then.view_id, heard.then.leaf) == ("V1", LEAF)


def test_leafing_changes_the_modal_it_is_done_in() -> None:
    press = ShowHeard(request="T1:C1:1.1", page=5)
    heard = decode.action(in_modal(packed(press), LEAF.model_dump_json()))
    assert heard is not None
    assert isinstance(heard.what, decode.ShowPage)
    assert (heard.what.view_id, heard.what.leaf.page) == ("V1", 5)


@pytest.mark.parametrize("remembered", ["", "{}", "nonsense", '{"page":"x","channel":"C1","thread_ts":null}'])
def test_a_click_in_a_modal_that_remembers_nothing_is_none(remembered: str) -> None:
    assert decode.action(in_modal(packed(IS_TALK), remembered)) is None


def test_a_click_in_a_modal_of_another_thread_changes_nothing() -> None:
    other = LEAF.model_copy(update={"thread_ts": "1.2"})
    heard = decode.action(in_modal(packed(IS_TALK), other.model_dump_json()))
    assert heard is not None
    assert heard.what == Tell(sentence=decode.OUT_OF_DATE)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["event", "user", "team_id", "container", "actions", "view", "ts", "id", "state"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["event", "user", "team_id", "container", "actions", "view"]), json_values
    )
)
def test_any_json_is_survived(body: dict[str, Any]) -> None:
    assert decode.message(body, BOT) is None
    assert decode.action(body) is None
    assert decode.submission(body, NOW) is None


TOMBSTONE = {"subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted.", "ts": "1.5"}


@pytest.mark.parametrize(
    ("changes", "request_id", "ts"),
    [
        ({"subtype": "message_deleted", "deleted_ts": "1.5"}, "T1:C1:1.5", "1.5"),
        (
            {"subtype": "message_deleted", "deleted_ts": "1.5", "previous_message": {"thread_ts": "1.2"}},
            "T1:C1:1.2",
            "1.5",
        ),
        (
            {
                "subtype": "message_changed",
                "message": {**TOMBSTONE, "thread_ts": "1.5"},
                "previous_message": {"ts": "1.5", "user": "U1", "text": "hello"},
            },
            "T1:C1:1.5",
            "1.5",
        ),
    ],
)
def test_a_deleted_message_is_told_of_its_thread_and_by_nobody(
    changes: dict[str, Any], request_id: str, ts: str
) -> None:
    heard = decode.message(event(user=None, **changes), BOT)
    assert heard is not None
    assert isinstance(heard.what, Deleted)
    assert (heard.what.request, heard.what.ts, heard.what.key) == (request_id, ts, f"T1:C1:{ts}:deleted")
    assert heard.place.user == ""


@pytest.mark.parametrize(
    ("about", "channel"),
    [
        ({"type": "member_joined_channel", "user": BOT, "channel": "C1"}, "C1"),
        ({"type": "member_joined_channel", "user": "U1", "channel": "C1"}, ""),
        ({"type": "channel_unarchive", "user": "U1", "channel": "C1"}, "C1"),
        ({"type": "group_unarchive", "channel": "G1"}, "G1"),
        ({"type": "channel_unarchive", "channel": {"id": "C1"}}, ""),
        ({}, ""),
    ],
)
def test_where_it_can_write_again(about: dict[str, Any], channel: str) -> None:
    assert decode.reopened({"event": about}, BOT) == channel


@pytest.mark.parametrize(
    ("about", "channel"),
    [
        ({"type": "channel_deleted", "channel": "C1"}, "C1"),
        ({"type": "group_archive", "channel": "G1", "user": "U1"}, "G1"),
        ({"type": "channel_left", "channel": {"id": "C1"}}, ""),
        ({}, ""),
    ],
)
def test_which_channel_is_shut(about: dict[str, Any], channel: str) -> None:
    assert decode.shut({"event": about}) == channel
