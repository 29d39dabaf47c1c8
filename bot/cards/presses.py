"""What the buttons and menus of our cards carry: small frozen values as compact JSON.

A button's `value` is one of these; a menu's stands in the `block_id` of its block, because an emptied
menu has no value left. Whatever comes back is validated: it may be old or forged.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from engine.events import Choice

ACTION = "gl:"
"""Every action id of ours begins so; what follows makes it unique within its message."""

_Request = Annotated[str, Field(pattern=r"^[^:\s]+:[^:\s]+:[^:\s]+$", max_length=120)]
_CardKey = Annotated[str, Field(pattern=r"^[a-z]+(:[0-9]+)?$", max_length=40)]


class _Press(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    request: _Request


class PickOption(_Press):
    """An option of a single-select question."""

    do: Literal["pick"] = "pick"
    round: int
    question: int
    label: str


class PickSeveral(_Press):
    """A menu of options; the chosen labels are the values of its selected options."""

    do: Literal["several"] = "several"
    round: int
    question: int


class AnswerInWords(_Press):
    """The button "Other…": opens a text field. `ask` is its label."""

    do: Literal["other"] = "other"
    round: int
    question: int
    ask: str


class YouDecide(_Press):
    """Leaves a question to the bot, as an assumption."""

    do: Literal["decide"] = "decide"
    round: int
    question: int


class FindOut(_Press):
    """Nobody knows: have it investigated."""

    do: Literal["find"] = "find"
    round: int
    question: int


class SubmitRound(_Press):
    """The answers of a round are complete."""

    do: Literal["submit"] = "submit"
    round: int


class ApproveSpec(_Press):
    """Approve exactly this version."""

    do: Literal["approve"] = "approve"
    version: int
    hash: str


class Choose(_Press):
    """A choice on a card that needs no words; `label` or `item` tells several of one choice apart."""

    do: Literal["choose"] = "choose"
    card: _CardKey
    choice: Choice
    label: str = Field(default="", max_length=200)
    item: str = Field(default="", max_length=120)


class ChooseInWords(_Press):
    """A choice that opens a text field. `ask` is its label."""

    do: Literal["tell"] = "tell"
    card: _CardKey
    choice: Choice
    ask: str
    optional: bool = False
    item: str = Field(default="", max_length=120)


class ChooseWishes(_Press):
    """A choice that opens the open wishes: to pick some of them (redefine), or to put them in order."""

    do: Literal["wishes"] = "wishes"
    card: _CardKey
    choice: Choice


class EditSection(_Press):
    """A menu of a spec's sections: opens the chosen one as text. Its options' values are the keys."""

    do: Literal["edit"] = "edit"
    card: _CardKey


class PauseRequest(_Press):
    """Pause the request."""

    do: Literal["pause"] = "pause"


class ResumeRequest(_Press):
    """Let a paused request go on."""

    do: Literal["resume"] = "resume"


class StopRequest(_Press):
    """The stop button."""

    do: Literal["stop"] = "stop"


class ShowWhole(_Press):
    """The button "Show all": the whole of a card in a modal."""

    do: Literal["show"] = "show"
    card: _CardKey


class ShowHeard(_Press):
    """Everything that was heard during work, in pages of a modal. The newest stand on page 1."""

    do: Literal["heard"] = "heard"
    page: Annotated[int, Field(ge=1, le=9999)] = 1


Press = Annotated[
    PickOption
    | PickSeveral
    | AnswerInWords
    | YouDecide
    | FindOut
    | SubmitRound
    | ApproveSpec
    | Choose
    | ChooseInWords
    | ChooseWishes
    | EditSection
    | StopRequest
    | PauseRequest
    | ResumeRequest
    | ShowWhole
    | ShowHeard,
    Field(discriminator="do"),
]

_PRESS: TypeAdapter[Press] = TypeAdapter(Press)


class InWords(BaseModel):
    """What a text modal remembers: the press that opened it, and where the one who typed is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    press: AnswerInWords | ChooseInWords | ChooseWishes = Field(discriminator="do")
    channel: str
    thread_ts: str | None


class Leaf(BaseModel):
    """What a page of everything heard remembers: which it is, and the thread that it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page: int
    channel: str
    thread_ts: str | None


def packed(press: Press) -> str:
    """The press as compact JSON."""
    return press.model_dump_json()


def unpacked(value: str) -> Press | None:
    """The press that a value holds, or None if it is none of ours."""
    try:
        return _PRESS.validate_json(value)
    except ValidationError:
        return None
