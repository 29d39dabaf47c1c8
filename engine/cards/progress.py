"""How a request stands: the one message that is edited in place."""

from enum import StrEnum
from typing import Literal

from engine.cards.base import CardBase, Frozen
from engine.cards.scope import TakenLine
from engine.people import Person


class StepStatus(StrEnum):
    """How a step of the pattern stands."""

    PENDING = "pending"
    ACTIVE = "active"
    WAITING = "waiting"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class Step(Frozen):
    """One of the eight steps; `detail` says what was found or is going on, in a line."""

    name: str
    status: StepStatus
    detail: str = ""


class ProgressCard(CardBase):
    """The one message that is edited in place while a request lives.

    Attributes:
        headline: What is going on, or what is needed from whom, or how it ended and why.
        activity: The latest things that running agents did, newest last.
        waiting_for: People whose answer is awaited (empty: nobody, or anyone as the headline says).
        kept: Titles of wishes kept out of the running work.
        talk: Messages that were told apart and stand on no other card, newest first.
        repository: The repository and how it came to be this one, in words; empty where there is no other.
        movable: Whether another one can be chosen.
        paused_by: Who paused it, while it is paused.
        spent_tokens: Read and written, as `spent_usd` without calls in flight.
        worked_minutes: That something worked for it; without waiting for people and pauses.
        cap_tokens, cap_minutes: None where that is not bounded.
    """

    card: Literal["progress"] = "progress"
    title: str
    state: str
    headline: str
    steps: tuple[Step, ...]
    activity: tuple[str, ...] = ()
    waiting_for: tuple[Person, ...] = ()
    kept: tuple[str, ...] = ()
    spent_usd: float = 0.0
    cap_usd: float = 0.0
    spent_tokens: int = 0
    cap_tokens: int | None = None
    worked_minutes: float = 0.0
    cap_minutes: float | None = None
    can_stop: bool = True
    ended_by: Person | None = None
    paused_by: Person | None = None
    talk: tuple[TakenLine, ...] = ()
    repository: str = ""
    movable: bool = False
