"""A push that does more than a push: approved by itself, for exactly one commit."""

from engine.decide import reviewing
from engine.decide.moves import Decision, Moves, only_you
from engine.decide.opening import LONGEST_REQUEST
from engine.events import Choice, Chose, Held
from engine.policy import may_approve, pending_push, push_allowed
from engine.request import Approval, Policy, Push, PushFate, Snapshot, State

STALE = "That is no longer what is to be pushed; your click changed nothing."


def held(moves: Moves, result: Held) -> None:
    """Nothing was pushed: ask those who approve specs. A new commit, or another content, asks anew."""
    push = Push(number=len(moves.now.pushes) + 1, held=result)
    moves.set(pushes=(*moves.now.pushes, push))
    moves.enter(State.AWAITING_APPROVAL)
    moves.wait()
    moves.show(f"push:{push.number}")


def choose(snapshot: Snapshot, event: Chose, policy: Policy) -> Decision:
    """A click on the card of a push: approve it, or have the work changed."""
    push = pending_push(snapshot)
    if push is None or event.card != f"push:{push.number}":
        return only_you(snapshot, STALE)
    if event.choice is Choice.APPROVE_PUSH:
        return _approve(snapshot, push, event, policy)
    if event.choice is Choice.FIX and push.held.guarded:
        return _change(snapshot, push, event, policy)
    return only_you(snapshot, "That is not one of the options; your click changed nothing.")


def _approve(snapshot: Snapshot, push: Push, event: Chose, policy: Policy) -> Decision:
    if event.item != push.held.commit:
        return only_you(snapshot, STALE)
    if not push.held.whole:
        return only_you(snapshot, "This cannot be approved, because it is too much to be shown whole.")
    if not may_approve(policy, snapshot, event.by):
        return only_you(snapshot, _why_not(policy, snapshot, event))
    if any(approval.by == event.by for approval in push.approvals):
        return only_you(snapshot, "You have approved this push already.")
    moves = Moves(snapshot, event.at)
    approvals = (*push.approvals, Approval(by=event.by, at=event.at))
    _replace(moves, push.model_copy(update={"approvals": approvals}))
    if push_allowed(policy, moves.now):
        _replace(moves, moves.now.pushes[-1].model_copy(update={"fate": PushFate.APPROVED}))
        reviewing.start_delivery(moves, policy)
    else:
        moves.wait()
    return moves.decision()


def _why_not(policy: Policy, snapshot: Snapshot, event: Chose) -> str:
    if event.by == snapshot.requester and not policy.requester_may_approve:
        return "You asked for this, so somebody else has to approve the push. Your click changed nothing."
    return "You are not one of the approvers of this repository. Your click changed nothing."


def _change(snapshot: Snapshot, push: Push, event: Chose, policy: Policy) -> Decision:
    advice = event.text.strip()[:LONGEST_REQUEST]
    if not may_approve(policy, snapshot, event.by):
        if event.by != snapshot.requester:
            return only_you(
                snapshot, "The requester or an approver decides this. Your click changed nothing."
            )
        if advice:
            return only_you(snapshot, "Only approvers can advise the one who does the work: choose it anew.")
    moves = Moves(snapshot, event.at)
    _replace(moves, push.model_copy(update={"fate": PushFate.CHANGED, "decided_by": event.by}))
    named = "; ".join(f"{one.path} ({one.what})" for one in push.held.guarded[:20])
    reviewing.grant_round(moves, policy)
    reviewing.start_fix(
        moves, advice, f"People did not let this be pushed, because it changes protected files: {named}"
    )
    return moves.decision()


def _replace(moves: Moves, push: Push) -> None:
    moves.set(pushes=(*moves.now.pushes[:-1], push))
    moves.show(f"push:{push.number}")
