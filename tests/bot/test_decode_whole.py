"""Every kind of message, press and modal, and all that is made of it: nothing more, nothing less."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot import decode
from bot.cards.modals import BLOCK, FIELD
from bot.cards.presses import (
    AnswerInWords,
    ApproveSpec,
    Choose,
    ChooseInWords,
    ChooseWishes,
    EditSection,
    FindOut,
    InWords,
    Leaf,
    PauseRequest,
    PickOption,
    PickSeveral,
    Press,
    ResumeRequest,
    ShowHeard,
    ShowWhole,
    StopRequest,
    SubmitRound,
    YouDecide,
    packed,
)
from bot.cards.wish_modal import NONE, TWICE
from bot.decode import Heard, Missing, OpenSection, OpenText, OpenWishes, Place, ShowDetail, ShowPage, Tell
from engine.events import (
    Answered,
    Approved,
    Choice,
    Chose,
    Deleted,
    Opened,
    Paused,
    Resumed,
    Said,
    Shared,
    Stopped,
    Submitted,
)
from engine.people import Person
from tests.bot.test_decode import BOT, LEAF, NOW, click, edit, event, in_modal

REQUEST = "T1:C1:1.1"
KEY = "T1:C1:2.2:3.3:gl:approve"
AT = datetime.fromtimestamp(3.3, UTC)
RILEY = Person(team="T9", user="U1")
HERE = Place(channel="C1", thread_ts="1.1", user="U1")
OUT_OF_DATE = Tell(sentence=decode.OUT_OF_DATE)
COMMON: dict[str, Any] = {"key": KEY, "request": REQUEST, "at": AT, "by": RILEY}

OTHER = AnswerInWords(request=REQUEST, round=1, question=2, ask="Say it")
TELL = ChooseInWords(request=REQUEST, card="spec:1", choice=Choice.CHANGE_SPEC, ask="What?", item="it")
MAY_BE_EMPTY = TELL.model_copy(update={"optional": True})
WISHES = ChooseWishes(request=REQUEST, card="scope:1", choice=Choice.REDEFINE)
ORDER = ChooseWishes(request=REQUEST, card="scope:1", choice=Choice.PRIORITISE)


def asked(press: AnswerInWords | ChooseInWords | ChooseWishes) -> InWords:
    return InWords(press=press, channel="C1", thread_ts="1.1")


# ---------------------------------------------------------------- messages

TS = "1764000000.000100"
SAID_AT = datetime.fromtimestamp(1764000000.0001, UTC)
ROOT = Place(channel="C1", thread_ts=None, user="U1")
THREAD = Place(channel="C1", thread_ts="1.1", user="U1")
HOME_RILEY = Person(team="T1", user="U1")


def opened(text: str, thread_ts: str, **more: Any) -> Opened:
    made = Opened(
        key=f"T1:C1:{TS}:msg",
        request=f"T1:C1:{thread_ts}",
        at=SAID_AT,
        by=HOME_RILEY,
        text=text,
        channel="C1",
        ts=TS,
        thread_ts=thread_ts,
        direct=False,
    )
    return made.model_copy(update=more)


def heard_message(place: Place, what: Any, **more: Any) -> Heard:
    return Heard(key=f"T1:C1:{TS}:msg", home="T1", by=HOME_RILEY, place=place, what=what, **more)


@pytest.mark.parametrize(
    ("body", "place", "what"),
    [
        (event(text=f"<@{BOT}> add it"), ROOT, opened("add it", TS)),
        (event(text=f"<@{BOT}|bot> add it", thread_ts="1.1"), THREAD, opened("add it", "1.1")),
        (event(type="app_mention", text="how it is meant", user=None), None, None),
        (event(type="app_mention", text="mentioned where it cannot be seen"), ROOT,
         opened("mentioned where it cannot be seen", TS)),
        (event(text="by week", thread_ts="1.1"), THREAD,
         Said(key=f"T1:C1:{TS}:msg", request="T1:C1:1.1", at=SAID_AT, by=HOME_RILEY, text="by week", ts=TS)),
        (event(text="stop", thread_ts="1.1"), THREAD,
         Stopped(key=f"T1:C1:{TS}:msg", request="T1:C1:1.1", at=SAID_AT, by=HOME_RILEY)),
        (event(text=f"<@{BOT}> stop"), ROOT, Tell(sentence=decode.NO_REQUEST_HERE)),
        (event(text="pause :zzz:", thread_ts="1.1"), THREAD,
         Paused(key=f"T1:C1:{TS}:msg", request="T1:C1:1.1", at=SAID_AT, by=HOME_RILEY)),
        (event(text=f"<@{BOT}> pause"), ROOT, Tell(sentence=decode.NO_REQUEST_HERE)),
        (event(text="pause the nightly job", thread_ts="1.1"), THREAD,
         Said(key=f"T1:C1:{TS}:msg", request="T1:C1:1.1", at=SAID_AT, by=HOME_RILEY,
              text="pause the nightly job", ts=TS)),
        (event(text="go on :rocket:", thread_ts="1.1"), THREAD,
         Resumed(key=f"T1:C1:{TS}:msg", request="T1:C1:1.1", at=SAID_AT, by=HOME_RILEY,
                 text="go on :rocket:", ts=TS)),
        (event(text=f"<@{BOT}> resume", thread_ts="1.1"), THREAD,
         Resumed(key=f"T1:C1:{TS}:msg", request="T1:C1:1.1", at=SAID_AT, by=HOME_RILEY,
                 text="resume", ts=TS, mentions_bot=True)),
        (event(text=f"<@{BOT}> resume"), ROOT, opened("resume", TS)),
        (event(text="continue with the second one", thread_ts="1.1"), THREAD,
         Said(key=f"T1:C1:{TS}:msg", request="T1:C1:1.1", at=SAID_AT, by=HOME_RILEY,
              text="continue with the second one", ts=TS)),
        (event(text=f"{BOT}: add it"), None, None),
        (event(text=f"<@{BOT}x> add it"), None, None),
        (event(text=f"<@{BOT} add it"), None, None),
        (event(text=f"@{BOT}> add it"), None, None),
        (event(text=f"@{BOT}| add it"), None, None),
        (event(text=f"<@{BOT}extra|> add it"), None, None),
    ],
)  # fmt: skip
def test_a_message_as_a_whole(body: dict[str, Any], place: Place | None, what: Any) -> None:
    heard = decode.message(body, BOT)
    assert heard == (heard_message(place, what) if place else None)


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message"])
def test_words_beside_a_file_to_the_channel_too_or_as_an_action_are_words(subtype: str) -> None:
    heard = decode.message(event(text="and by week", thread_ts="1.1", subtype=subtype), BOT)
    assert heard is not None
    assert isinstance(heard.what, Said)


@pytest.mark.parametrize(
    ("fields", "outer", "team"),
    [
        ({"user_team": "T9", "team": "T8"}, "T7", "T9"),
        ({"team": "T8"}, "T7", "T8"),
        ({}, "T7", "T1"),
    ],
)
def test_a_person_is_of_their_own_team_as_nearly_as_slack_says(
    fields: dict[str, str], outer: str, team: str
) -> None:
    heard = decode.message(event(text=f"<@{BOT}> hi", **fields) | {"team_id": outer}, BOT)
    assert heard is not None
    assert (heard.by, heard.home) == (Person(team=team, user="U1"), "T1")


def test_a_forwarded_message_beside_words_is_told_and_the_words_are_read() -> None:
    shared = [{"is_share": True, "text": "theirs"}]
    heard = decode.message(event(text=f"<@{BOT}> add it", attachments=shared), BOT)
    assert heard == heard_message(ROOT, opened("add it", TS), besides=decode.FORWARD_BESIDE)


def gone(ts: str, thread_ts: str | None) -> Heard:
    at = datetime.fromtimestamp(1764000009.0001, UTC)
    key = f"T1:C1:{ts}:deleted"
    nobody = Person(team="T1", user="")
    place = Place(channel="C1", thread_ts=thread_ts, user="")
    what = Deleted(key=key, request=f"T1:C1:{thread_ts or ts}", at=at, ts=ts)
    return Heard(key=key, home="T1", by=nobody, place=place, what=what)


@pytest.mark.parametrize("thread_ts", [None, "1.1"])
def test_a_deleted_message_is_told_of_nobody(thread_ts: str | None) -> None:
    before = {"thread_ts": thread_ts} if thread_ts else {}
    deleted = event(
        subtype="message_deleted", ts="1764000009.000100", deleted_ts="5.5", previous_message=before
    )
    assert decode.message(deleted, BOT) == gone("5.5", thread_ts)
    tombstone = {"ts": "5.5", "user": "USLACKBOT", "subtype": "tombstone", **before}
    buried = event(
        subtype="message_changed",
        ts="1764000009.000100",
        message=tombstone,
        previous_message={**tombstone, "subtype": None},
    )
    assert decode.message(buried, BOT) == gone("5.5", thread_ts)
    assert decode.message(event(subtype="message_deleted"), BOT) is None


def test_an_edit_as_a_whole() -> None:
    heard = decode.message(edit("add it", f"<@{BOT}> add it"), BOT)
    what = Tell(sentence=decode.EDITED)
    assert heard == Heard(key=f"T1:C1:{TS}:edit", home="T1", by=HOME_RILEY, place=ROOT, what=what)


@pytest.mark.parametrize(
    ("said", "mark", "shared", "team"),
    [
        ({"type": "channel_shared", "connected_team_id": "T" * 25}, None, True, "T" * 20),
        ({"type": "channel_shared"}, None, True, ""),
        ({"type": "channel_unshared", "is_ext_shared": False, "connected_team_id": "T9"}, None, False, ""),
        ({"type": "channel_unshared", "is_ext_shared": True}, None, None, ""),
        ({"type": "channel_unshared"}, None, None, ""),
        ({"type": "channel_unshared"}, True, True, ""),
        ({"type": "message", "is_ext_shared": False}, None, None, ""),
        ({"type": "message", "connected_team_id": "T9"}, True, True, ""),
        ({"type": "message"}, False, None, ""),
        ({"type": "message"}, "yes", None, ""),
        ({"type": "channel_shared", "event_ts": "never"}, True, None, ""),
    ],
)
def test_who_shares_a_channel(said: dict[str, object], mark: object, shared: bool | None, team: str) -> None:
    told = {"channel": "C1", "event_ts": "1764000000.000100", **said}
    body = event() | {"event": told, "is_ext_shared_channel": mark}
    what = None
    if shared is not None:
        what = Shared(key=f"shared:{TS}", request="", at=SAID_AT, shared=shared, team=team)
    found = decode.sharing(body)
    assert found == (decode.ToldShared(home="T1", channel="C1", what=what) if what else None)


@pytest.mark.parametrize("mark", [True, False])
def test_a_request_knows_whether_others_share_its_channel(mark: bool) -> None:
    heard = decode.message(event(text=f"<@{BOT}> add it") | {"is_ext_shared_channel": mark}, BOT)
    assert heard == heard_message(ROOT, opened("add it", TS, shared=mark))


@pytest.mark.parametrize(
    ("said", "channel"),
    [
        ({"type": "member_joined_channel", "channel": "C1", "user": BOT}, "C1"),
        ({"type": "member_joined_channel", "channel": "C1", "user": "U1"}, ""),
        ({"type": "channel_unarchive", "channel": "C1", "user": "U1"}, "C1"),
        ({"type": "channel_unarchive", "channel": "C1", "user": BOT}, "C1"),
        ({"type": "channel_unarchive"}, ""),
    ],
)
def test_where_the_bot_can_write_again(said: dict[str, str], channel: str) -> None:
    assert decode.reopened({"event": said}, BOT) == channel


@pytest.mark.parametrize(
    ("event", "user"),
    [
        ({"type": "user_change", "user": {"id": "U1", "deleted": True}}, "U1"),
        ({"type": "user_change", "user": {"id": ""}}, ""),
        ({"type": "user_change", "user": {}}, ""),
        ({"type": "user_change", "user": "U1"}, ""),
        ({"type": "user_change"}, ""),
        (None, ""),
    ],
)
def test_of_whom_something_changed(event: Any, user: str) -> None:
    assert decode.changed_user({"event": event}) == user


@pytest.mark.parametrize(
    ("wire", "plain"),
    [
        ("<@U2|@dana> <#C2|#general> <@U3> <#C3>", "@dana #general @U3 #C3"),
        ("  add it  ", "add it"),
        ("<https://a.example|>", "https://a.example"),
        ("&lt;b&gt;", "<b>"),
    ],
)
def test_names_and_addresses_as_plain_words(wire: str, plain: str) -> None:
    assert decode.plain_words(wire, BOT) == plain


# ---------------------------------------------------------------- clicks


@pytest.mark.parametrize(
    ("press", "what"),
    [
        (PickOption(request=REQUEST, round=1, question=2, label="web"),
         Answered(**COMMON, round=1, question=2, labels=("web",))),
        (OTHER, OpenText(trigger_id="tr", asked=asked(OTHER))),
        (YouDecide(request=REQUEST, round=1, question=2),
         Answered(**COMMON, round=1, question=2, you_decide=True)),
        (FindOut(request=REQUEST, round=1, question=2),
         Answered(**COMMON, round=1, question=2, find_out=True)),
        (SubmitRound(request=REQUEST, round=3), Submitted(**COMMON, round=3)),
        (ApproveSpec(request=REQUEST, version=2, hash="ab"), Approved(**COMMON, version=2, hash="ab")),
        (Choose(request=REQUEST, card="scope:1", choice=Choice.IS_TALK, label="la", item="9.9"),
         Chose(**COMMON, card="scope:1", choice=Choice.IS_TALK, text="la", item="9.9")),
        (TELL, OpenText(trigger_id="tr", asked=asked(TELL))),
        (WISHES, OpenWishes(trigger_id="tr", asked=asked(WISHES), press=WISHES)),
        (EditSection(request=REQUEST, card="spec:1"), OUT_OF_DATE),  # nothing is chosen in its menu
        (StopRequest(request=REQUEST), Stopped(**COMMON)),
        (PauseRequest(request=REQUEST), Paused(**COMMON)),
        (ResumeRequest(request=REQUEST), Resumed(**COMMON)),
        (ShowWhole(request=REQUEST, card="spec:1"),
         ShowDetail(trigger_id="tr", request=REQUEST, card="spec:1")),
        (ShowWhole(request=REQUEST, card="scope:1"),
         ShowPage(trigger_id="tr", request=REQUEST, leaf=Leaf(page=1, channel="C1", thread_ts="1.1"))),
        (ShowHeard(request=REQUEST, page=4),
         ShowPage(trigger_id="tr", request=REQUEST, leaf=Leaf(page=4, channel="C1", thread_ts="1.1"))),
    ],
)  # fmt: skip
def test_a_click_as_a_whole(press: Press, what: Any) -> None:
    heard = decode.action(click(packed(press)) | {"trigger_id": "tr"})
    assert heard == Heard(key=KEY, home="T1", by=RILEY, place=HERE, what=what)


def test_a_click_at_a_card_outside_of_threads_is_of_the_request_that_it_names() -> None:
    heard = decode.action(click(packed(StopRequest(request=REQUEST)), thread_ts=None))
    assert heard is not None
    assert heard.what == Stopped(**COMMON)
    assert heard.place == Place(channel="C1", thread_ts=None, user="U1")


def test_a_click_that_is_none_of_ours_has_no_home() -> None:
    heard = decode.action(click("nonsense"))
    key = ":C1:2.2:3.3:gl:approve"
    assert heard == Heard(key=key, home="", by=RILEY, place=HERE, what=OUT_OF_DATE)


def test_a_payload_without_a_click_is_nothing() -> None:
    assert decode.action(click("x") | {"actions": []}) is None


@pytest.mark.parametrize("ts", ["1e300", "1e17", "nan", "inf", "-1e30", "soon", ""])
def test_a_time_that_is_none_is_survived(ts: str) -> None:
    body = click(packed(StopRequest(request=REQUEST)))
    assert decode.action(body | {"actions": [body["actions"][0] | {"action_ts": ts}]}) is None


@pytest.mark.parametrize(
    ("user", "team", "person"),
    [
        ({"id": "U1", "team_id": "T9"}, {"id": "T8"}, "T9"),
        ({"id": "U1"}, {"id": "T8"}, "T8"),
        ({"id": "U1"}, None, "T1"),
    ],
)
def test_who_clicks_is_of_their_own_team_as_nearly_as_slack_says(
    user: dict[str, str], team: dict[str, str] | None, person: str
) -> None:
    heard = decode.action(click(packed(StopRequest(request=REQUEST))) | {"user": user, "team": team})
    assert heard is not None
    assert heard.by == Person(team=person, user="U1")


def menu(press: Press, kind: str, *several: str, one: str | None = None) -> dict[str, Any]:
    body = click("not looked at")
    picked = {"selected_options": [{"value": value} for value in several]}
    if one is not None:
        picked["selected_option"] = {"value": one}  # type: ignore[assignment]
    return body | {
        "trigger_id": "tr",
        "actions": [body["actions"][0] | {"type": kind, "block_id": packed(press)} | picked],
    }


@pytest.mark.parametrize(
    ("kind", "several", "one", "labels"),
    [
        ("multi_static_select", ("a", "b"), None, ("a", "b")),
        ("multi_static_select", (), None, ()),
        ("static_select", (), "a", ("a",)),
    ],
)
def test_what_is_picked_in_a_menu(
    kind: str, several: tuple[str, ...], one: str | None, labels: tuple[str, ...]
) -> None:
    heard = decode.action(menu(PickSeveral(request=REQUEST, round=1, question=2), kind, *several, one=one))
    answered = Answered(**COMMON, round=1, question=2, labels=labels)
    assert heard == Heard(key=KEY, home="T1", by=RILEY, place=HERE, what=answered)


@pytest.mark.parametrize(
    ("section", "one_sentence"),
    [("criteria", True), ("success_criteria", True), ("in_scope", False), ("x" * 130, False)],
)
def test_a_section_of_a_spec_is_opened_as_text(section: str, one_sentence: bool) -> None:
    heard = decode.action(menu(EditSection(request=REQUEST, card="spec:1"), "static_select", one=section))
    assert heard is not None
    assert isinstance(heard.what, OpenSection)
    press = heard.what.asked.press
    assert isinstance(press, ChooseInWords)
    assert ("One sentence a line" in press.ask) is one_sentence
    assert ("One entry a line" in press.ask) is not one_sentence
    expected = ChooseInWords(
        request=REQUEST,
        card="spec:1",
        choice=Choice.CHANGE_SPEC,
        ask=press.ask,
        optional=True,
        item=section[:120],
    )
    assert heard.what == OpenSection(trigger_id="tr", asked=asked(expected), section=section)


def test_a_click_in_a_modal_as_a_whole() -> None:
    stop = StopRequest(request=REQUEST)
    heard = decode.action(in_modal(packed(stop), LEAF.model_dump_json()) | {"trigger_id": "tr"})
    key = "T1:C1:V1:3.3:gl:approve"
    what = Stopped(key=key, request=REQUEST, at=AT, by=RILEY)
    then = ShowPage(trigger_id="tr", request=REQUEST, leaf=LEAF, view_id="V1")
    assert heard == Heard(key=key, home="T1", by=RILEY, place=HERE, what=what, then=then)
    nameless = in_modal(packed(stop), "") | {"view": None}
    assert decode.action(nameless) is None


# ---------------------------------------------------------------- modals


def sent(press: AnswerInWords | ChooseInWords | ChooseWishes, **values: Any) -> dict[str, Any]:
    fields = {block.replace("_", ":"): {FIELD: field} for block, field in values.items()}
    view = {
        "id": "V1",
        "hash": "h",
        "private_metadata": asked(press).model_dump_json(),
        "state": {"values": fields},
    }
    return {"user": {"id": "U1", "team_id": "T9"}, "view": view}


TYPED: dict[str, Any] = {"key": "view:V1:h", "request": REQUEST, "at": NOW, "by": RILEY}
NOTHING = Missing(block_id=BLOCK, sentence=decode.NOTHING_TYPED)


def one(value: str) -> dict[str, Any]:
    return {"selected_option": {"value": value}}


def several(*values: str) -> dict[str, Any]:
    return {"selected_options": [{"value": value} for value in values]}


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (sent(OTHER, text={"value": "  words\n"}), Answered(**TYPED, round=1, question=2, text="words")),
        (sent(OTHER, text={"value": " \n"}), NOTHING),
        (sent(OTHER, text={"value": None}), NOTHING),
        (sent(OTHER), NOTHING),
        (sent(TELL, text={"value": "words"}),
         Chose(**TYPED, card="spec:1", choice=Choice.CHANGE_SPEC, text="words", item="it")),
        (sent(TELL), NOTHING),
        (sent(MAY_BE_EMPTY),
         Chose(**TYPED, card="spec:1", choice=Choice.CHANGE_SPEC, text="", item="it")),
        (sent(WISHES, text=several("8.8", "9.9")),
         Chose(**TYPED, card="scope:1", choice=Choice.REDEFINE, picks=("8.8", "9.9"))),
        (sent(WISHES, text=several()), Missing(block_id=BLOCK, sentence=NONE)),
        (sent(ORDER, text=one("9.9"), text_1=one("8.8")),
         Chose(**TYPED, card="scope:1", choice=Choice.PRIORITISE, picks=("9.9", "8.8"))),
        (sent(ORDER, text=one("9.9"), text_1=one("9.9")), Missing(block_id=BLOCK, sentence=TWICE)),
    ],
)  # fmt: skip
def test_a_modal_that_was_sent_as_a_whole(body: dict[str, Any], what: Any) -> None:
    heard = decode.submission(body, NOW)
    assert heard == Heard(key="view:V1:h", home="T1", by=RILEY, place=HERE, what=what, typed=True)


def test_what_was_heard_stays_as_it_was_heard() -> None:
    heard = decode.action(click(packed(StopRequest(request=REQUEST))))
    assert heard is not None
    assert heard.typed is False, "only what is sent from a modal was typed"
    with pytest.raises(ValueError, match="frozen"):
        heard.key = "another"  # type: ignore[misc]
