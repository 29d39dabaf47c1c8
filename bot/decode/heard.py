"""What comes out of Slack's payloads: who did what where, as an event or a small intent of the front end."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from bot.cards.presses import ChooseWishes, InWords, Leaf
from engine.events import Event
from engine.people import Person


class Frozen(BaseModel):
    """A record that never changes."""

    model_config = ConfigDict(frozen=True)


class Place(Frozen):
    """Where someone is told something that only they see. `thread_ts` is None outside of threads."""

    channel: str
    thread_ts: str | None
    user: str


class Tell(Frozen):
    """Say a sentence to the one who acted, and do nothing."""

    sentence: str


class OpenText(Frozen):
    """Open a modal with a text field; the trigger lives three seconds."""

    trigger_id: str
    asked: InWords


class OpenSection(Frozen):
    """Open a modal with a section of a spec to edit; `section` is its key."""

    trigger_id: str
    asked: InWords
    section: str


class OpenWishes(Frozen):
    """Open a modal to choose among the open wishes."""

    trigger_id: str
    asked: InWords
    press: ChooseWishes


class ShowPage(Frozen):
    """Open a page of everything heard during work; in place of the page in `view_id`, if that is given."""

    trigger_id: str
    request: str
    leaf: Leaf
    view_id: str = ""


class ShowDetail(Frozen):
    """Open a modal with the whole of a card."""

    trigger_id: str
    request: str
    card: str


class Missing(Frozen):
    """A modal's field that has to be filled before it can be sent."""

    block_id: str
    sentence: str


class Heard(Frozen):
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


def time_of(ts: str) -> datetime:
    """What Slack's `ts` says, in UTC.

    Raises:
        ValueError: it is no time.
    """
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("not a time") from error
