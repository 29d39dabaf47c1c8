"""A channel that people of another workspace share: work there waits until an approver says that it goes on.

What stands in the thread they can read, and nothing takes that back. But nothing more of the repository is
shown to them before somebody who may approve has clicked, knowing it. Of outsiders themselves nothing counts,
shared channel or not.
"""

from collections.abc import Sequence

from engine.decide.moves import STOP, Decision, Moves, unchanged
from engine.events import Approved, Cause, Choice, Chose, Event, Shared, Submitted
from engine.policy import may_approve
from engine.request import Candidate, Live, Offer, Policy, RunKind, Snapshot, State

ASK_AN_APPROVER = (
    "This channel is shared with another workspace, so an approver says first whether it goes on here. "
    "Your click changed nothing."
)
_WORKS = {State.ASSESSING, State.SPECIFYING, State.WORKING, State.REVIEWING, State.DELIVERING}
_TELLS = {"scope", "progress"}
"""Cards whose choices show nobody anything of the repository."""


def changed(snapshot: Snapshot, event: Shared) -> Decision:
    """The chat says that the channel is shared now, or no longer; what is known already changes nothing."""
    known = snapshot.exposed or (snapshot.shared and not event.team)
    if snapshot.state.ended or (known if event.shared else not snapshot.shared):
        return unchanged(snapshot)
    moves = Moves(snapshot, event.at)
    if event.shared:
        runs = tuple(run for run in snapshot.live if run.kind is not RunKind.TRIAGE)
        expose(moves, runs, f" ({event.team})" if event.team else "")
    else:
        moves.set(shared=False, exposed=False)
        moves.post("This channel is no longer shared with another workspace.")
    return moves.decision()


def expose(moves: Moves, runs: tuple[Live, ...] = (), team: str = "") -> None:
    """Tell it in the thread once, and halt what works: `runs` start again when an approver says so."""
    moves.set(shared=True, exposed=True)
    seen = (
        f"This channel is shared with another workspace{team}. Its people can read this thread: what stands "
        "here and what I post from now on, from the spec to quotes of files. Of what they say or press "
        "nothing counts; only approvers of this workspace say whether it goes on here"
    )
    asks = any(run.kind is RunKind.ASK for run in moves.now.live)
    if moves.now.state not in _WORKS and not asks:
        moves.cancel_work()  # early checks at the base only inform, and are made again
        moves.post(f"{seen}, by the card that waits now.")
        return
    go_on = Offer(
        choice=Choice.RETRY,
        label="Go on here",
        tradeoff="People of the other workspace may see all that is posted in this thread.",
        approvers_only=True,
    )
    moves.escalate(
        State.PAUSED, Cause.SHARED, f"{seen}.", (go_on, STOP), recommendation=STOP.label, resume_runs=runs
    )


def refusal(
    snapshot: Snapshot, event: Event, policy: Policy | None, candidates: tuple[Candidate, ...]
) -> str:
    """Why this waits for an approver, or nothing."""
    if not snapshot.exposed or not _shows(event):
        return ""
    rules = (policy,) if policy else tuple(one.policy for one in candidates)
    assert isinstance(event, Approved | Submitted | Chose)  # noqa: S101 (nothing else shows anything)
    return "" if any(may_approve(one, snapshot, event.by) for one in rules) else ASK_AN_APPROVER


def answered(before: Snapshot, event: Event, decision: Decision, kept_back: Sequence[str]) -> Decision:
    """The decision of somebody who was told: from now on it goes on in front of the others.

    Args:
        before: The state before.
        event: What they did.
        decision: What came of it.
        kept_back: Cards that were not shown meanwhile.
    """
    after = decision.snapshot
    assert after is not None  # noqa: S101 (there is a request)
    if not before.exposed or not _shows(event) or after == before:
        return decision
    moves = Moves(after, after.opened_at)
    moves.set(exposed=False)
    for card in kept_back:
        moves.show(card)
    extra = moves.quiet_decision()
    return decision.model_copy(
        update={"snapshot": extra.snapshot, "effects": (*decision.effects, *extra.effects)}
    )


def _shows(event: Event) -> bool:
    """Whether something of the repository may be shown because of it."""
    if isinstance(event, Chose):
        quiet = event.card.partition(":")[0] in _TELLS
        return not quiet or event.choice in {Choice.REDEFINE, Choice.OTHER_REPOSITORY}
    return isinstance(event, Approved | Submitted)
