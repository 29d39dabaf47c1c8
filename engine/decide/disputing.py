"""A finding that a person disputes: a fresh reviewer looks, and only its withdrawal clears it."""

from engine import findings
from engine.decide import reviewing
from engine.decide.moves import Moves
from engine.events import Chose, Ruled
from engine.policy import may_approve
from engine.request import Dispute, Live, Policy, RunKind, Snapshot, State
from engine.schemas import Severity

LONGEST_REASON = 1_000


def problem(snapshot: Snapshot, event: Chose, policy: Policy) -> str:
    """Why this dispute is not heard, in a sentence for the one who tried; empty if it is."""
    if event.by != snapshot.requester and not may_approve(policy, snapshot, event.by):
        return "Only the requester and the approvers can dispute a finding. Your click changed nothing."
    if not event.text.strip():
        return "Please say why the finding does not hold."
    current = snapshot.round
    assert current is not None  # noqa: S101 (where that is offered, a round has ended)
    found = next((one for one in findings.numbered(current) if one.id == event.item), None)
    if found is None or found.finding.severity is Severity.MINOR:
        return "That is not one of the findings that stand here; your click changed nothing."
    if found.settled:
        return "A fresh reviewer has looked at this finding already; what it said stands on the card."
    return ""


def hear(moves: Moves, event: Chose) -> None:
    """Have a fresh reviewer look at the finding; until it withdraws it, it stands."""
    reason = event.text.strip()[:LONGEST_REASON]
    _record(moves, Dispute(finding=event.item, by=event.by, reason=reason, at=event.at))
    moves.enter(State.REVIEWING)
    moves.start(RunKind.REVIEW, f"{findings.DISPUTE}{event.item}")


def ruled(moves: Moves, live: Live, result: Ruled, policy: Policy) -> None:
    """The fresh reviewer came back: note what it said, and judge the same reviews again."""
    current = moves.now.round
    assert current is not None  # noqa: S101 (nothing is disputed before a round)
    id = live.about.removeprefix(findings.DISPUTE)
    ruling = result.ruling if result.finding == id and not result.invalid else None
    if ruling is not None and ruling.commit != current.commit:
        ruling = None
    invalid = "" if ruling else result.invalid or "it is of another finding or commit"
    open_ = [d for d in current.disputes if d.finding == id and not d.invalid]  # a ruling is final
    answered = {"ruling": ruling, "invalid": invalid}
    _change(moves, tuple(d.model_copy(update=answered) if d in open_ else d for d in current.disputes))
    reviewing.judge_again(moves, policy)


def _record(moves: Moves, dispute: Dispute) -> None:
    current = moves.now.review_rounds[-1]
    _change(moves, (*current.disputes, dispute))


def _change(moves: Moves, disputes: tuple[Dispute, ...]) -> None:
    *before, current = moves.now.review_rounds
    moves.set(review_rounds=(*before, current.model_copy(update={"disputes": disputes})))


def is_dispute(live: Live) -> bool:
    """Whether this run looks at one disputed finding instead of reviewing a commit."""
    return live.about.startswith(findings.DISPUTE)
