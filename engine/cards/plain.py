"""Plain text: a message, and the whole of a card."""

from typing import Literal

from engine.cards.base import CardBase, Frozen
from engine.people import Person


class NoteCard(CardBase):
    """A plain message: why something could not be done, and the next step; to these people, or to all."""

    card: Literal["note"] = "note"
    text: str
    to: tuple[Person, ...] = ()


class Detail(Frozen):
    """The whole of a card as plain text, for a modal or a file."""

    title: str
    text: str
