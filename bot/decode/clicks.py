"""Clicks on buttons and menus, of messages and of modals; and what is sent from a modal."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from pydantic import ValidationError

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
from bot.decode.heard import (
    Heard,
    Missing,
    OpenSection,
    OpenText,
    OpenWishes,
    Place,
    ShowDetail,
    ShowPage,
    Tell,
    time_of,
)
from bot.payloads import Action, ActionBody, Field, InModal, Shown, SubmissionBody, Team, User
from engine.events import Answered, Approved, Choice, Chose, Event, Paused, Resumed, Stopped, Submitted
from engine.people import Person

OUT_OF_DATE = (
    "This button is out of date; it changed nothing. The newest card in the thread has the current ones."
)
NOTHING_TYPED = "Please write something first."

_SECTION_ASK = "One entry a line; the next version takes it over as it is"
_CRITERIA_ASK = "One sentence a line. How a changed or new one is settled is judged anew for the next version"

_Act: TypeAlias = (
    PickOption | PickSeveral | AnswerInWords | YouDecide | FindOut | SubmitRound | ApproveSpec | Choose
    | ChooseInWords | StopRequest | PauseRequest | ResumeRequest
)  # fmt: skip
"""The presses that become events; the rest open something."""
_MENUS = frozenset({"static_select", "multi_static_select"})


def action(body: Mapping[str, Any]) -> Heard | None:
    """A `block_actions` payload of one of our messages, or of a page of everything heard."""
    try:
        clicked = ActionBody.model_validate(body)
        act = clicked.actions[0]
        at = time_of(act.action_ts)
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
