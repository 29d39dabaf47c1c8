"""The findings of a review round as people see them, with what disputes made of each."""

from engine.cards import ViolationLine
from engine.events import Choice
from engine.findings import Numbered, numbered
from engine.request import Dispute, Escalation, ReviewRound, Snapshot
from engine.schemas import Severity

NEXT_STEPS = ("Fix all critical violations", "Re-run reviews", "Do not create PR until clean")


def violations(current: ReviewRound | None, *, open_to_dispute: bool = False) -> tuple[ViolationLine, ...]:
    """Every finding of the round, the gravest first; minor ones too.

    Args:
        current: The round.
        open_to_dispute: Whether the card that shows them takes disputes.
    """
    return tuple(_line(one, open_to_dispute) for one in (numbered(current) if current else ()))


def withdrawn(current: ReviewRound) -> tuple[ViolationLine, ...]:
    """The findings that a dispute cleared."""
    return tuple(_line(one, False) for one in numbered(current) if one.withdrawn)


def of_escalation(snapshot: Snapshot, escalation: Escalation) -> tuple[ViolationLine, ...]:
    """The findings that an escalation is about; none where it is about something else."""
    if not escalation.round or not 0 < escalation.round <= len(snapshot.review_rounds):
        return ()
    current = snapshot.review_rounds[escalation.round - 1]
    takes = escalation.decided is None and any(o.choice is Choice.DISPUTE for o in escalation.offers)
    return violations(current, open_to_dispute=takes)


def _line(one: Numbered, open_to_dispute: bool) -> ViolationLine:
    finding, dispute = one.finding, one.disputes[-1] if one.disputes else None
    return ViolationLine(
        id=one.id,
        severity=finding.severity.value,
        reviewer=one.reviewer,
        title=finding.title,
        place=f"{finding.path}:{finding.line}",
        quote=finding.quote,
        expected=finding.expected,
        actual=finding.actual,
        fix=finding.fix,
        disputable=open_to_dispute and not one.settled and finding.severity is not Severity.MINOR,
        withdrawn=one.withdrawn is not None,
        disputed_by=dispute.by if dispute else None,
        reason=dispute.reason if dispute else "",
        outcome=_outcome(dispute, one.reviewer) if dispute else "",
    )


def _outcome(dispute: Dispute, reviewer: str) -> str:
    if dispute.invalid:
        return f"the finding stands: the answer of a fresh {reviewer} could not be used ({dispute.invalid})"
    if dispute.ruling is None:
        return f"a fresh {reviewer} looks at it"
    ruling = dispute.ruling
    return f"{ruling.ruling.value} by a fresh {reviewer}: {ruling.reason} ({ruling.path}:{ruling.line})"


def violation_text(line: ViolationLine) -> str:
    """A finding whole, as plain text."""
    gone = "withdrawn: " if line.withdrawn else ""
    rows = [
        f"{line.id} {gone}{line.title} [{line.severity}, {line.reviewer}, {line.place}]",
        f"Code: {line.quote}",
        f"Expected: {line.expected}",
        f"Actual: {line.actual}",
        f"Fix: {line.fix}",
    ]
    if line.disputed_by:
        rows.append(f"Disputed by {line.disputed_by.user}: {line.reason}; {line.outcome}")
    return "\n".join(rows)
