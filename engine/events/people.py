"""What people do in a thread, and what the chat, the clock and the engine itself tell of it."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from engine.events.base import EventBase
from engine.people import Person


class Opened(EventBase):
    """Someone mentioned the bot. `thread_ts` differs from `ts` if it was inside a discussion.

    Attributes:
        follows: The request whose proposed task this is, if any.
        repository: That request's repository.
        direct: Whether nobody but this person sees the thread.
        shared: Whether people of another workspace see it.
        today: How many requests this person has opened today before; the engine counts.
    """

    kind: Literal["opened"] = "opened"
    by: Person
    text: str
    channel: str
    ts: str
    thread_ts: str
    follows: str = ""
    repository: str = ""
    direct: bool = False
    shared: bool = False
    today: int = 0


class Answered(EventBase):
    """An answer to one question of a round: labels, a text of one's own, "you decide" or "find out"."""

    kind: Literal["answered"] = "answered"
    by: Person
    round: int
    question: int
    labels: tuple[str, ...] = ()
    text: str = ""
    you_decide: bool = False
    find_out: bool = False


class Submitted(EventBase):
    """The answers of a round are complete."""

    kind: Literal["submitted"] = "submitted"
    by: Person
    round: int


class Approved(EventBase):
    """A click on Approve of exactly this version and hash."""

    kind: Literal["approved"] = "approved"
    by: Person
    version: int
    hash: str


class Said(EventBase):
    """A message in the thread; `mentions_bot` if it addressed the bot. `text` is untrusted."""

    kind: Literal["said"] = "said"
    by: Person
    text: str
    ts: str
    mentions_bot: bool = False


class Choice(StrEnum):
    """Everything people can choose on a card, other than answers and approval."""

    CHANGE_SPEC = "change_spec"
    REJECT_SPEC = "reject_spec"
    CONFIRM = "confirm"
    NOT_YET = "not_yet"
    RETRY = "retry"
    ANOTHER_ROUND = "another_round"
    FIX = "fix"
    TELL_MORE = "tell_more"
    ASSUME = "assume"
    KEEP_OUTSIDE = "keep_outside"
    REVERT_OUTSIDE = "revert_outside"
    DELIVER_UNCHECKED = "deliver_unchecked"
    LET_THROUGH = "let_through"
    APPROVE_PUSH = "approve_push"
    RAISE_CAP = "raise_cap"
    PICK = "pick"
    DISPUTE = "dispute"
    HELD = "held"
    NOT_HELD = "not_held"
    LEAVE = "leave"
    STOP = "stop"
    FINISH_FIRST = "finish_first"
    REDEFINE = "redefine"
    PRIORITISE = "prioritise"
    IS_SCOPE = "is_scope"
    IS_SPEC = "is_spec"
    IS_TALK = "is_talk"
    START_WISH = "start_wish"
    DROP_WISH = "drop_wish"
    KEEP_AS_TASK = "keep_as_task"
    IGNORE = "ignore"
    OTHER_REPOSITORY = "other_repository"


class Chose(EventBase):
    """A choice on a card. `card` is its key (spec:2, escalation:1, delivery:1); `text` what was typed.

    Attributes:
        item: What on the card it is about, where there are several: a finding (F2), a criterion (AC3),
            a message (its ts).
        picks: Several of them, in the order that was chosen.
    """

    kind: Literal["chose"] = "chose"
    by: Person
    card: str
    choice: Choice
    text: str = ""
    item: str = ""
    picks: tuple[str, ...] = ()


class Linked(EventBase):
    """A proposed task has become a request of its own. `wish` is the ts of the message it came from."""

    kind: Literal["linked"] = "linked"
    wish: str
    follow_up: str


class Stopped(EventBase):
    """The stop button, or the word alone in the thread."""

    kind: Literal["stopped"] = "stopped"
    by: Person


class Paused(EventBase):
    """The pause button, or the word alone in the thread."""

    kind: Literal["paused"] = "paused"
    by: Person


class Resumed(EventBase):
    """The button that lets a paused request go on, or the word alone in the thread.

    Attributes:
        text: What was typed: where nothing is paused it is a message like any other. Empty for the button.
        ts: Of that message.
    """

    kind: Literal["resumed"] = "resumed"
    by: Person
    text: str = ""
    ts: str = ""
    mentions_bot: bool = False


class Shared(EventBase):
    """People of another workspace share the channel, or no longer.

    Attributes:
        team: Whose people, where the chat says so: they came just now.
    """

    kind: Literal["shared"] = "shared"
    shared: bool = True
    team: str = ""


class Due(EventBase):
    """The request's `due_at` or `over_at` has passed, found by the sweep."""

    kind: Literal["due"] = "due"


class Restarted(EventBase):
    """A process goes on with what an earlier one left, or with its own after its machine was suspended.

    `since`: nothing is counted as worked from then on.
    """

    kind: Literal["restarted"] = "restarted"
    since: datetime


class Deleted(EventBase):
    """A message of the thread was deleted; the chat does not say by whom. `card`: the card that it was."""

    kind: Literal["deleted"] = "deleted"
    ts: str
    card: str = ""
