"""The findings of a review round, numbered, and what disputes made of them. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.events import Reviewed
from engine.request import Dispute, ReviewRound
from engine.schemas import Fate, Finding, Judgement, Review, Severity

DISPUTE = "dispute:"
"""How the subject of a review begins that is of one disputed finding; its number follows."""

_GRAVITY = (Severity.CRITICAL, Severity.MAJOR, Severity.MINOR)


@dataclass(frozen=True)
class Numbered:
    """A finding with its number within the round (F1, F2…), who found it, and who disputed it how."""

    id: str
    reviewer: str
    finding: Finding
    disputes: tuple[Dispute, ...] = ()

    @property
    def withdrawn(self) -> Dispute | None:
        """The dispute that cleared it, if one did."""
        return next((d for d in self.disputes if withdrawn(d)), None)

    @property
    def settled(self) -> bool:
        """Whether a fresh reviewer gave a valid answer on it."""
        return any(d.ruling is not None and not d.invalid for d in self.disputes)


def withdrawn(dispute: Dispute) -> bool:
    """Whether a dispute ended with a valid withdrawal: the only thing that clears a finding."""
    ruling = dispute.ruling
    return ruling is not None and not dispute.invalid and ruling.ruling is Fate.WITHDRAWN


def numbered(current: ReviewRound) -> tuple[Numbered, ...]:
    """All findings of valid reviews, the gravest first; the same numbers for the same reviews."""
    found = [
        (_GRAVITY.index(finding.severity), reviewed.reviewer, place, finding)
        for reviewed in current.reviews
        if reviewed.review and not reviewed.invalid
        for place, finding in enumerate(reviewed.review.findings)
    ]
    return tuple(
        Numbered(f"F{number}", reviewer, finding, _disputes(current, f"F{number}"))
        for number, (_, reviewer, _, finding) in enumerate(sorted(found, key=lambda f: f[:3]), start=1)
    )


def _disputes(current: ReviewRound, id: str) -> tuple[Dispute, ...]:
    return tuple(dispute for dispute in current.disputes if dispute.finding == id)


def standing(current: ReviewRound) -> tuple[Reviewed, ...]:
    """The round's reviews without what was withdrawn; everything else is untouched."""
    gone = [one for one in numbered(current) if one.withdrawn]
    return tuple(
        _without(reviewed, [g for g in gone if g.reviewer == reviewed.reviewer])
        for reviewed in current.reviews
    )


def _without(reviewed: Reviewed, gone: Sequence[Numbered]) -> Reviewed:
    review = reviewed.review
    if review is None or reviewed.invalid or not gone:
        return reviewed
    left = list(review.findings)
    for one in gone:
        left.remove(one.finding)
    judgements = tuple(_judged_anew(review, gone))
    return reviewed.model_copy(
        update={"review": review.model_copy(update={"findings": tuple(left), "judgements": judgements})}
    )


def _judged_anew(review: Review, gone: Sequence[Numbered]) -> Iterator[Judgement]:
    """The review's judgements, those of withdrawn findings' own criteria as the fresh reviewer gave them."""
    anew = {
        one.finding.criterion: ruling
        for one in gone
        if (dispute := one.withdrawn) and (ruling := dispute.ruling) and ruling.judgement is not None
    }
    for judgement in review.judgements:
        ruling = anew.get(judgement.criterion)
        if ruling is None or ruling.judgement is None:
            yield judgement
        else:
            yield judgement.model_copy(update={"verdict": ruling.judgement, "reason": ruling.reason})
