"""The record on the pull request: written once there is one, and again when people have confirmed it."""

from engine.decide.moves import Decision, Moves
from engine.request import Snapshot, State


def kept(before: Snapshot | None, decision: Decision) -> Decision:
    """The decision, with the record brought up to date where a delivery or its confirmation came of it."""
    after = decision.snapshot
    if before is None:
        return decision
    assert after is not None  # noqa: S101 (a request that is there stays)
    delivered = after.delivery != before.delivery
    confirmed = after.confirmed_by is not None and before.confirmed_by is None
    done = after.state is State.DONE and before.state is not State.DONE
    if not (delivered or confirmed or done):
        return decision
    moves = Moves(after, after.opened_at)
    moves.record()
    extra = moves.quiet_decision()
    return decision.model_copy(
        update={"snapshot": extra.snapshot, "effects": (*decision.effects, *extra.effects)}
    )
