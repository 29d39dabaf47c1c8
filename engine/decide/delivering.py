"""The delivery, and its confirmation or what is still missing."""

from engine.decide import answering, confirming, following, hearing
from engine.decide.moves import Decision, Moves, only_you
from engine.events import Choice, Chose, Delivered
from engine.policy import may_approve
from engine.request import Heard, Policy, Snapshot, State


def delivered(moves: Moves, result: Delivered) -> None:
    """The draft pull request is open: ask for confirmation."""
    before = moves.now.deliveries
    moves.set(delivery=result, deliveries=before + 1, confirmed_by=None)
    following.delivered(moves)
    moves.enter(State.DELIVERED)
    if before:
        moves.show(f"delivery:{before}")
    moves.show(f"delivery:{before + 1}")


def choose(snapshot: Snapshot, event: Chose, policy: Policy) -> Decision:
    """Confirm the newest delivery, or say what it lacks."""
    if snapshot.state is not State.DELIVERED or event.card != f"delivery:{snapshot.deliveries}":
        return only_you(snapshot, "This delivery is not open any more; your click changed nothing.")
    if event.choice in {Choice.HELD, Choice.NOT_HELD}:
        return confirming.attest(snapshot, event)
    if event.by != snapshot.requester and not may_approve(policy, snapshot, event.by):
        return only_you(snapshot, "The requester or an approver confirms. Your click changed nothing.")
    if event.choice is Choice.CONFIRM:
        return confirming.confirm(snapshot, event)
    if event.choice is not Choice.NOT_YET:
        return only_you(snapshot, "That is not one of the options; your click changed nothing.")
    return _not_yet(snapshot, event)


def _not_yet(snapshot: Snapshot, event: Chose) -> Decision:
    if late := answering.too_late(snapshot):
        return only_you(snapshot, late)
    missing = event.text.strip()[: hearing.LONGEST_WISH]
    if not missing:
        return only_you(snapshot, "Please say what is missing.")
    moves = Moves(snapshot, event.at)
    hearing.hear_text(moves, Heard(ts=event.key, by=event.by, text=missing, not_yet=True))
    moves.tell("I look whether that is part of the approved spec.")
    return moves.decision()
