"""What reviews say of a commit, and the decisions that a person has to take."""

from typing import Literal

from engine.cards.base import CardBase, Frozen, OfferLine
from engine.people import Person


class Failure(Frozen):
    """Something that does not hold. `source` is the check, the git object or the reviewer that says so."""

    title: str
    severity: str
    source: str
    expected: str
    actual: str
    fix: str


class ViolationLine(Frozen):
    """A reviewer's finding. `id` is its number within the round, `place` its path and line.

    Attributes:
        disputable: Whether the card takes a dispute of it now.
        withdrawn: Whether a dispute cleared it: it counts no longer.
        outcome: What became of the dispute, in words; empty if there was none.
    """

    id: str
    severity: str
    reviewer: str
    title: str
    place: str
    quote: str
    expected: str
    actual: str
    fix: str
    disputable: bool = False
    withdrawn: bool = False
    disputed_by: Person | None = None
    reason: str = ""
    outcome: str = ""


class ReviewCard(CardBase):
    """One review round of one commit. `gate` is PASS, FIX, BLOCKED or ESCALATE.

    Attributes:
        passed: Criteria that hold, each with how that was settled.
        praised: What reviewers say is good beyond the criteria: nothing was checked of it.
        pending: Ids of the criteria that people are asked about after delivery.
    """

    card: Literal["review"] = "review"
    title: str
    round: int
    rounds: int
    commit: str
    gate: str
    passed: tuple[str, ...]
    failed: tuple[Failure, ...]
    unsettled: tuple[str, ...]
    minor: tuple[str, ...]
    next_steps: tuple[str, ...]
    withdrawn: tuple[ViolationLine, ...] = ()
    praised: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


class EscalationCard(CardBase):
    """A decision that a person has to take: also for blocked and paused requests."""

    card: Literal["escalation"] = "escalation"
    title: str
    heading: str
    situation: str
    attempts: tuple[str, ...]
    offers: tuple[OfferLine, ...]
    recommendation: str
    asked: tuple[Person, ...] = ()
    decided_by: Person | None = None
    decision: str = ""
    open: bool = True
    violations: tuple[ViolationLine, ...] = ()
    next_steps: tuple[str, ...] = ()
