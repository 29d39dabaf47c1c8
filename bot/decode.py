"""Slack's payloads -> events of the engine, or a small intent of the front end. Pure.

Whatever is malformed, not meant for us or of our own making becomes None; edits and forwarded messages are
not read, which their author is told where they mention us. Keys are made of what Slack
repeats unchanged when it sends something again, so that a repetition is recognised; a mention arrives
as `message` and as `app_mention`, and both give the same event.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

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
    unpacked,
)
from bot.cards.wish_modal import NONE, TWICE, picked
from bot.payloads import (
    Action,
    ActionBody,
    ChangeBody,
    ChangedUserBody,
    DeletionBody,
    EventBody,
    Field,
    InModal,
    Message,
    PlaceBody,
    SharingBody,
    Shown,
    SubmissionBody,
    Team,
    User,
)
from engine.events import (
    Answered,
    Approved,
    Choice,
    Chose,
    Deleted,
    Event,
    Opened,
    Paused,
    Resumed,
    Said,
    Shared,
    Stopped,
    Submitted,
)
from engine.people import Person

OUT_OF_DATE = (
    "This button is out of date; it changed nothing. The newest card in the thread has the current ones."
)
NO_REQUEST_HERE = (
    "To stop or pause a request, write “stop” or “pause” in its thread, "
    "or press the button on its progress card."
)
FORWARDED = "I do not read forwarded messages. Mention me in a new message and write out what it is about."
FORWARD_BESIDE = (
    "I read only your own words, not the message that is forwarded or linked with them. "
    "If it matters, tell me in your own words what it says."
)
QUOTED = "I do not act on quotations. Mention me in your own words."
EDITED = "I do not read edits. Mention me in a new message."
EDITED_SINCE = (
    "I do not read edits: I go by your message as it was first sent. "
    "If it says something else now, tell me in a new message."
)
NOTHING_TYPED = "Please write something first."

_SECTION_ASK = "One entry a line; the next version takes it over as it is"
_CRITERIA_ASK = "One sentence a line. How a changed or new one is settled is judged anew for the next version"

_Act: TypeAlias = (
    PickOption | PickSeveral | AnswerInWords | YouDecide | FindOut | SubmitRound | ApproveSpec | Choose
    | ChooseInWords | StopRequest | PauseRequest | ResumeRequest
)  # fmt: skip
"""The presses that become events; the rest open something."""

_CHANGED = "message_changed"
_SHARED, _UNSHARED = "channel_shared", "channel_unshared"
_DELETED = "message_deleted"
_TOMBSTONE = "tombstone"
"""What stands in the place of a deleted message that has replies: Slack calls that a change."""
_JOINED = "member_joined_channel"
_SPOKEN = frozenset({None, "file_share", "thread_broadcast", "me_message"})
_MENUS = frozenset({"static_select", "multi_static_select"})
_STOP = re.compile(
    r"\W*((ok|okay|please|now)\W+)*(stop|halt|cancel|abort)"
    r"(\W+(it|this|that|now|please|everything|all|thanks|thank\W+you))*\W*",
    re.IGNORECASE,
)
_PAUSE = re.compile(
    r"\W*((ok|okay|please|now)\W+)*pause(\W+(it|this|that|now|please|everything|all|work|for\W+now))*\W*",
    re.IGNORECASE,
)
_RESUME = re.compile(
    r"\W*((ok|okay|please|now)\W+)*(resume|unpause|go\W+on|continue)"
    r"(\W+(it|this|that|now|please|everything|all|work))*\W*",
    re.IGNORECASE,
)
_QUOTATION = re.compile(r"^[^\S\n]*&gt;(&gt;&gt;[\s\S]*|[^\n]*)", re.MULTILINE)
_EMOJI = re.compile(r":[a-z0-9_+-]+:")
_TOKEN = re.compile(r"<([^<>\n]*)>")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


# ---------------------------------------------------------------- what comes out


class Place(_Frozen):
    """Where someone is told something that only they see. `thread_ts` is None outside of threads."""

    channel: str
    thread_ts: str | None
    user: str


class Tell(_Frozen):
    """Say a sentence to the one who acted, and do nothing."""

    sentence: str


class OpenText(_Frozen):
    """Open a modal with a text field; the trigger lives three seconds."""

    trigger_id: str
    asked: InWords


class OpenSection(_Frozen):
    """Open a modal with a section of a spec to edit; `section` is its key."""

    trigger_id: str
    asked: InWords
    section: str


class OpenWishes(_Frozen):
    """Open a modal to choose among the open wishes."""

    trigger_id: str
    asked: InWords
    press: ChooseWishes


class ShowPage(_Frozen):
    """Open a page of everything heard during work; in place of the page in `view_id`, if that is given."""

    trigger_id: str
    request: str
    leaf: Leaf
    view_id: str = ""


class ShowDetail(_Frozen):
    """Open a modal with the whole of a card."""

    trigger_id: str
    request: str
    card: str


class Missing(_Frozen):
    """A modal's field that has to be filled before it can be sent."""

    block_id: str
    sentence: str


class Heard(_Frozen):
    """What someone did, and where they are told about it. `key` is the event's, or would be.

    `then` brings the modal up to date in which they did it.
    """

    key: str
    home: str
    """The workspace whose request it is about, as what came says; empty if it names none."""
    by: Person
    place: Place
    what: Event | Tell | OpenText | OpenSection | OpenWishes | ShowPage | ShowDetail | Missing
    then: ShowPage | None = None
    typed: bool = False
    """Whether it was typed into a modal."""
    besides: str = ""
    """A sentence they are told in any case, such as what of theirs is not read."""


# ---------------------------------------------------------------- messages


def message(body: Mapping[str, Any], bot_user: str) -> Heard | None:
    """A `message` or `app_mention` event.

    A mention is always Opened: whether its thread holds a request already, only the engine knows.

    Args:
        body: The whole Events API payload.
        bot_user: The bot's own user id.
    """
    try:
        heard = EventBody.model_validate(body)
        at = _time(heard.event.ts)
    except ValueError:
        return None
    said = heard.event
    if said.subtype == _CHANGED:
        return _buried(body, heard, at) or _edited(body, heard, bot_user)
    if said.subtype == _DELETED:
        return _deleted(body, heard, at)
    if said.user is None or said.user == bot_user or said.bot_id or said.edited:
        return None
    if said.subtype not in _SPOKEN:
        return None
    mentioned = _is_addressed(said, bot_user)
    within = said.thread_ts is not None and said.thread_ts != said.ts
    if not mentioned and not within and not _mentions(said.text, bot_user):
        return None
    place = Place(channel=said.channel, thread_ts=said.thread_ts, user=said.user)
    by = Person(team=said.user_team or said.team or heard.home, user=said.user)
    key = f"{heard.home}:{said.channel}:{said.ts}:msg"
    what: Event | Tell = Tell(sentence=QUOTED)
    if mentioned or within:
        what = _spoken(heard, key, at, by, bot_user, mentioned=mentioned)
    besides = FORWARD_BESIDE if said.forwards and isinstance(what, Opened) else ""
    return Heard(key=key, home=heard.home, by=by, place=place, what=what, besides=besides)


def _is_addressed(said: Message, bot_user: str) -> bool:
    """A mention outside of quotations; and a direct message, which says it by where it stands."""
    unseen = said.type == "app_mention" and not _mentions(said.text, bot_user)
    return said.direct or unseen or _mentions(_QUOTATION.sub("", said.text), bot_user)


def _mentions(text: str, bot_user: str) -> bool:
    return f"<@{bot_user}>" in text or f"<@{bot_user}|" in text


def _edited(body: Mapping[str, Any], heard: EventBody, bot_user: str) -> Heard | None:
    """A mention that an edit added, or whose words it changed: its author hears that the edit is not read."""
    try:
        change = ChangeBody.model_validate(body).event
    except ValidationError:
        return None
    after, before = change.message, change.previous_message
    if after.user is None or after.user == bot_user or after.bot_id or after.subtype not in _SPOKEN:
        return None
    if not _mentions(after.text, bot_user):
        return None
    mentioned = _mentions(before.text, bot_user)
    # Links that are shown later, for one, change a message and none of its words.
    if mentioned and plain_words(after.text, bot_user) == plain_words(before.text, bot_user):
        return None
    channel = heard.event.channel
    place = Place(channel=channel, thread_ts=after.thread_ts, user=after.user)
    return Heard(
        key=f"{heard.home}:{channel}:{after.ts}:edit",
        home=heard.home,
        by=Person(team=heard.home, user=after.user),
        place=place,
        what=Tell(sentence=EDITED_SINCE if mentioned else EDITED),
    )


def _buried(body: Mapping[str, Any], heard: EventBody, at: datetime) -> Heard | None:
    """A message with replies was deleted: a tombstone stands there."""
    try:
        after = ChangeBody.model_validate(body).event.message
    except ValidationError:
        return None
    return _gone(heard, at, after.ts, after.thread_ts) if after.subtype == _TOMBSTONE else None


def _deleted(body: Mapping[str, Any], heard: EventBody, at: datetime) -> Heard | None:
    try:
        deletion = DeletionBody.model_validate(body).event
    except ValidationError:
        return None
    return _gone(heard, at, deletion.deleted_ts, deletion.previous_message.thread_ts)


def _gone(heard: EventBody, at: datetime, ts: str, thread_ts: str | None) -> Heard:
    """Slack does not say who did it, so nobody is told anything."""
    home, channel = heard.home, heard.event.channel
    key, request = f"{home}:{channel}:{ts}:deleted", f"{home}:{channel}:{thread_ts or ts}"
    return Heard(
        key=key,
        home=home,
        by=Person(team=home, user=""),
        place=Place(channel=channel, thread_ts=thread_ts, user=""),
        what=Deleted(key=key, request=request, at=at, ts=ts),
    )


class ToldShared(_Frozen):
    """People of another workspace share a channel, or no longer. `what` is of every request there."""

    home: str
    channel: str
    what: Shared


def sharing(body: Mapping[str, Any]) -> ToldShared | None:
    """What an event tells of its channel: the two events of it, or the mark that each event carries."""
    try:
        told = SharingBody.model_validate(body)
        at = _time(told.event.event_ts)
    except ValueError:
        return None
    event = told.event
    ends = event.type == _UNSHARED and event.is_ext_shared is False
    if not (ends or told.shared or event.type == _SHARED):
        return None
    team = event.connected_team_id[:20] if event.type == _SHARED else ""
    what = Shared(key=f"shared:{event.event_ts}", request="", at=at, shared=not ends, team=team)
    return ToldShared(home=told.home, channel=event.channel, what=what)


def reopened(body: Mapping[str, Any], bot_user: str) -> str:
    """The channel in which the bot can write again, as an event says; empty if it says no such thing."""
    try:
        about = PlaceBody.model_validate(body).event
    except ValidationError:
        return ""
    return "" if about.type == _JOINED and about.user != bot_user else about.channel


def shut(body: Mapping[str, Any]) -> str:
    """The channel that was deleted or archived, or that the bot was removed from; empty if none is named."""
    try:
        return PlaceBody.model_validate(body).event.channel
    except ValidationError:
        return ""


def changed_user(body: Mapping[str, Any]) -> str:
    """The id of the user of whom a `user_change` event tells; empty if it tells of none."""
    try:
        return ChangedUserBody.model_validate(body).event.user.id
    except ValidationError:
        return ""


def _spoken(
    heard: EventBody, key: str, at: datetime, by: Person, bot_user: str, *, mentioned: bool
) -> Event | Tell:
    said = heard.event
    thread_ts = said.thread_ts or said.ts
    request = f"{heard.home}:{said.channel}:{thread_ts}"
    text = plain_words(said.text, bot_user)
    if _STOP.fullmatch(_EMOJI.sub(" ", text)):
        if said.thread_ts is None:
            return Tell(sentence=NO_REQUEST_HERE)
        return Stopped(key=key, request=request, at=at, by=by)
    if _PAUSE.fullmatch(_EMOJI.sub(" ", text)):
        if said.thread_ts is None:
            return Tell(sentence=NO_REQUEST_HERE)
        return Paused(key=key, request=request, at=at, by=by)
    if said.thread_ts is not None and _RESUME.fullmatch(_EMOJI.sub(" ", text)):
        return Resumed(key=key, request=request, at=at, by=by, text=text, ts=said.ts, mentions_bot=mentioned)
    if mentioned and not text and said.forwards:
        return Tell(sentence=FORWARDED)
    if mentioned:
        return Opened(
            key=key,
            request=request,
            at=at,
            by=by,
            text=text,
            channel=said.channel,
            ts=said.ts,
            thread_ts=thread_ts,
            direct=said.direct,
            shared=heard.shared,
        )
    return Said(key=key, request=request, at=at, by=by, text=text, ts=said.ts)


def plain_words(text: str, bot_user: str) -> str:
    """Slack's message markup as plain text, without mentions of the bot."""
    rest = re.sub(rf" *<@{re.escape(bot_user)}(\|[^>]*)?> *", " ", text)
    words = _TOKEN.sub(lambda found: _token(found.group(1)), rest)
    words = words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()
    return words.lstrip(" ,:;-") if rest != text else words


def _token(inside: str) -> str:
    target, _, label = inside.partition("|")
    if target.startswith(("@", "#")):
        return f"{target[0]}{label.lstrip('@#') or target[1:]}"
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    address = target.removeprefix("mailto:")
    return f"{label} ({address})" if label not in address else address


# ---------------------------------------------------------------- clicks


def action(body: Mapping[str, Any]) -> Heard | None:
    """A `block_actions` payload of one of our messages, or of a page of everything heard."""
    try:
        clicked = ActionBody.model_validate(body)
        act = clicked.actions[0]
        at = _time(act.action_ts)
        leaf = _leaf(clicked)
    except (ValueError, IndexError):
        return None
    place = Place(channel=leaf.channel, thread_ts=leaf.thread_ts, user=clicked.user.id)
    press = unpacked(act.block_id if act.type in _MENUS else act.value)
    home = press.request.partition(":")[0] if press else ""
    container = clicked.container
    where = container.view_id if isinstance(container, InModal) else container.message_ts
    key = f"{home}:{place.channel}:{where}:{act.action_ts}:{act.action_id}"
    by = _person(clicked.user, clicked.team, home)
    if press is None or not _stands_here(press.request, place.channel, place.thread_ts):
        return Heard(key=key, home=home, by=by, place=place, what=Tell(sentence=OUT_OF_DATE))
    what = _pressed(press, clicked, act, place, (key, at, by))
    then = _page(press.request, clicked, place, leaf.page) if isinstance(container, InModal) else None
    return Heard(key=key, home=home, by=by, place=place, what=what, then=then)


def _leaf(clicked: ActionBody) -> Leaf:
    """Where a click was made: a message says it by itself, a modal by what it remembers."""
    container = clicked.container
    if isinstance(container, InModal):
        return Leaf.model_validate_json((clicked.view or Shown()).private_metadata)
    return Leaf(page=1, channel=container.channel_id, thread_ts=container.thread_ts)


def _stands_here(request: str, channel: str, thread_ts: str | None) -> bool:
    _, its_channel, its_thread = request.split(":")
    return channel == its_channel and thread_ts in {None, its_thread}


def _page(request: str, clicked: ActionBody, place: Place, page: int) -> ShowPage:
    return ShowPage(
        trigger_id=clicked.trigger_id,
        request=request,
        leaf=Leaf(page=page, channel=place.channel, thread_ts=place.thread_ts),
        view_id=clicked.container.view_id if isinstance(clicked.container, InModal) else "",
    )


def _pressed(
    press: Press, clicked: ActionBody, act: Action, place: Place, occasion: tuple[str, datetime, Person]
) -> Event | Tell | OpenText | OpenSection | OpenWishes | ShowPage | ShowDetail:
    match press:
        case EditSection():
            return _opened(press, clicked, act, place)
        case AnswerInWords() | ChooseInWords():
            asked = InWords(press=press, channel=place.channel, thread_ts=place.thread_ts)
            return OpenText(trigger_id=clicked.trigger_id, asked=asked)
        case ChooseWishes():
            asked = InWords(press=press, channel=place.channel, thread_ts=place.thread_ts)
            return OpenWishes(trigger_id=clicked.trigger_id, asked=asked, press=press)
        case ShowHeard(page=page):
            return _page(press.request, clicked, place, page)
        case ShowWhole(card=card) if card.startswith("scope:"):
            return _page(press.request, clicked, place, 1)
        case ShowWhole():
            return ShowDetail(trigger_id=clicked.trigger_id, request=press.request, card=press.card)
        case PickSeveral():
            chosen = (*act.selected_options, *((act.selected_option,) if act.selected_option else ()))
            return _event(press, *occasion, labels=tuple(option.value for option in chosen))
        case PickOption():
            return _event(press, *occasion, labels=(press.label,))
        case _:
            return _event(press, *occasion)


def _opened(press: EditSection, clicked: ActionBody, act: Action, place: Place) -> OpenSection | Tell:
    section = act.selected_option.value if act.selected_option else ""
    if not section:
        return Tell(sentence=OUT_OF_DATE)
    tells = ChooseInWords(
        request=press.request,
        card=press.card,
        choice=Choice.CHANGE_SPEC,
        ask=_CRITERIA_ASK if section in {"criteria", "success_criteria"} else _SECTION_ASK,
        optional=True,
        item=section[:120],
    )
    asked = InWords(press=tells, channel=place.channel, thread_ts=place.thread_ts)
    return OpenSection(trigger_id=clicked.trigger_id, asked=asked, section=section)


def _event(  # noqa: C901 (a table)
    press: _Act, key: str, at: datetime, by: Person, *, labels: tuple[str, ...] = (), text: str = ""
) -> Event:
    common: dict[str, Any] = {"key": key, "request": press.request, "at": at, "by": by}
    match press:
        case PickOption() | PickSeveral() | AnswerInWords():
            return Answered(**common, round=press.round, question=press.question, labels=labels, text=text)
        case YouDecide():
            return Answered(**common, round=press.round, question=press.question, you_decide=True)
        case FindOut():
            return Answered(**common, round=press.round, question=press.question, find_out=True)
        case SubmitRound():
            return Submitted(**common, round=press.round)
        case ApproveSpec():
            return Approved(**common, version=press.version, hash=press.hash)
        case Choose():
            return Chose(**common, card=press.card, choice=press.choice, text=press.label, item=press.item)
        case ChooseInWords():
            return Chose(**common, card=press.card, choice=press.choice, text=text, item=press.item)
        case StopRequest():
            return Stopped(**common)
        case PauseRequest():
            return Paused(**common)
        case ResumeRequest():
            return Resumed(**common)


# ---------------------------------------------------------------- modals


def submission(body: Mapping[str, Any], now: datetime) -> Heard | None:
    """A `view_submission` of our text modal.

    Args:
        body: The payload.
        now: The time of the submission; Slack sends none.
    """
    try:
        sent = SubmissionBody.model_validate(body)
        asked = InWords.model_validate_json(sent.view.private_metadata)
    except ValidationError:
        return None
    place = Place(channel=asked.channel, thread_ts=asked.thread_ts, user=sent.user.id)
    key = f"view:{sent.view.id}:{sent.view.hash}"
    home = asked.press.request.partition(":")[0]
    by = _person(sent.user, sent.team, home)
    what = _typed(asked, sent, key, now, by)
    return Heard(key=key, home=home, by=by, place=place, what=what, typed=True)


def _typed(
    asked: InWords, sent: SubmissionBody, key: str, now: datetime, by: Person
) -> Event | Tell | Missing:
    if not _stands_here(asked.press.request, asked.channel, asked.thread_ts):
        return Missing(block_id=BLOCK, sentence=OUT_OF_DATE)
    if isinstance(asked.press, ChooseWishes):
        return _wishes(asked.press, sent, key, now, by)
    field = sent.view.state.values.get(BLOCK, {}).get(FIELD, Field())
    text = (field.value or "").strip()
    if not text and not getattr(asked.press, "optional", False):
        return Missing(block_id=BLOCK, sentence=NOTHING_TYPED)
    return _event(asked.press, key, now, by, text=text)


def _wishes(
    press: ChooseWishes, sent: SubmissionBody, key: str, now: datetime, by: Person
) -> Event | Tell | Missing:
    picks = picked(press, sent.view.state.values)
    if len(set(picks)) != len(picks):
        return Missing(block_id=BLOCK, sentence=TWICE)
    if not picks:
        return Missing(block_id=BLOCK, sentence=NONE)
    return Chose(
        key=key, request=press.request, at=now, by=by, card=press.card, choice=press.choice, picks=picks
    )


def _person(user: User, team: Team | None, home: str) -> Person:
    """With the team they belong to, which in shared channels is not the bot's."""
    return Person(team=user.team_id or (team.id if team else home), user=user.id)


def _time(ts: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("not a time") from error
