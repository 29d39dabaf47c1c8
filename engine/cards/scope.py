"""What is said beside the work: wishes beyond the approved spec, and the messages that are none."""

from enum import StrEnum
from typing import Literal

from engine.cards.base import CardBase, Frozen, OfferLine
from engine.people import Person


class WishLine(Frozen):
    """A proposed task. `number` counts from 2: the running request is task 1.

    Attributes:
        ts: Names it in choices.
        scope: What it needs before it can be started, in words.
        after: What it builds on, in words; empty for nothing.
        fate: proposed, included, accepted, started or dropped.
        fixed: Whether what it was taken for can be corrected no more.
    """

    number: int
    ts: str
    title: str
    text: str
    by: Person
    scope: str
    after: str = ""
    fate: str = "proposed"
    outcome: str = ""
    decided_by: Person | None = None
    fixed: bool = False


class TakenFor(StrEnum):
    """What a message that is no wish was taken for."""

    PART_OF_SPEC = "within spec"
    QUESTION = "question"
    ANSWER = "answer"
    TALK = "chatter"
    UNTOLD = "not told apart"


class TakenLine(Frozen):
    """A message that is no wish, and what it was taken for; `outcome` says so in words."""

    ts: str
    by: Person
    text: str
    kind: TakenFor
    outcome: str
    confirmed: bool = False


class ScopeCard(CardBase):
    """Wishes beyond the approved spec, what each was taken for, and how to go on.

    Attributes:
        files: What the running request changes, in words.
        wishes: All of them, as they are numbered.
        taken: The messages that are no wishes, newest first.
        offers: A, B and C, as far as they are open.
        startable: Whether wishes can be accepted as follow-ups.
        open: Whether what messages were taken for can be corrected.
    """

    card: Literal["scope"] = "scope"
    title: str
    files: str
    wishes: tuple[WishLine, ...]
    taken: tuple[TakenLine, ...] = ()
    offers: tuple[OfferLine, ...] = ()
    startable: bool = False
    open: bool = True
    decided_by: Person | None = None
    decision: str = ""


class FollowUpCard(CardBase):
    """The first message of a thread for a proposed task that people want done."""

    card: Literal["follow_up"] = "follow_up"
    text: str
    follows: str
    asked_by: Person
