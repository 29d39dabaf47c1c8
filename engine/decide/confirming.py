"""The end of a delivery: confirmed by a person, and everything only the world can tell said to hold."""

from engine import attesting
from engine.decide import branching, scoping
from engine.decide.moves import STOP, Decision, Moves, only_you
from engine.events import Cause, Choice, Chose
from engine.people import Person
from engine.request import Attestation, Offer, Snapshot, State
from engine.schemas import Criterion

LONGEST_NOTE = 500


def confirm(snapshot: Snapshot, event: Chose) -> Decision:
    """It is what was asked for. What is still to be seen keeps the request open."""
    if snapshot.confirmed_by is not None:
        return only_you(snapshot, "This delivery is confirmed already; your click changed nothing.")
    moves = Moves(snapshot, event.at)
    moves.set(confirmed_by=event.by)
    _finish_or_wait(moves, event.by)
    return moves.decision()


def attest(snapshot: Snapshot, event: Chose) -> Decision:
    """Whether a criterion held that only the world can tell; said by whom the spec names, if it names one.

    What they saw stands on the delivery. It reaches no agent: a fix is told the criterion alone, and what
    an approver adds to it.
    """
    criterion = next((c for c in attesting.attested_criteria(snapshot) if c.id == event.item), None)
    if criterion is None:
        return only_you(snapshot, "That is not a criterion to be confirmed here; your click changed nothing.")
    named = attesting.asked_of(criterion, snapshot.team)
    if named is not None and named != event.by:
        return only_you(
            snapshot,
            f"{criterion.id} is confirmed by the person the spec names. Your click changed nothing.",
        )
    said = attesting.said_of(snapshot, criterion.id)
    if said is not None and said.held:
        return only_you(
            snapshot, f"That {criterion.id} held is recorded already; your click changed nothing."
        )
    word = Attestation(
        criterion=criterion.id,
        delivery=snapshot.deliveries,
        by=event.by,
        at=event.at,
        held=event.choice is Choice.HELD,
        note=event.text.strip()[:LONGEST_NOTE],
    )
    moves = Moves(snapshot, event.at)
    moves.set(attestations=(*snapshot.attestations, word))
    if word.held:
        _finish_or_wait(moves, event.by)
    else:
        _did_not_hold(moves, criterion)
    return moves.decision()


def _finish_or_wait(moves: Moves, by: Person) -> None:
    """Done only once the delivery is confirmed and every such criterion is said to hold."""
    if moves.now.confirmed_by is not None and not attesting.unconfirmed(moves.now):
        # Messages that are still being told apart may yet add follow-ups; nothing else happens any more.
        moves.end(State.DONE, "Delivered and confirmed.", by=by)
        scoping.start_accepted(moves)
    if moves.now.scope_shown:
        moves.show(scoping.CARD)  # what becomes of wishes and words depends on the confirmation
    moves.show(f"delivery:{moves.now.deliveries}")


def _did_not_hold(moves: Moves, criterion: Criterion) -> None:
    moves.show(f"delivery:{moves.now.deliveries}")
    moves.escalate(
        State.ESCALATED,
        Cause.NOT_HELD,
        f"{criterion.id} did not hold after delivery: {criterion.text}",
        (
            branching.fix_beside(moves.now)
            or Offer(
                choice=Choice.FIX,
                label="Have it fixed",
                tradeoff="The implementer gets the criterion and your advice; checks and reviews follow.",
                asks="An approver's advice for the fix",
            ),
            Offer(
                choice=Choice.RETRY,
                label="Look again",
                tradeoff="Nothing is changed; the same question is asked again on the delivery.",
            ),
            STOP,
        ),
    )
