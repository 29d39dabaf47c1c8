"""Messages of the thread that were deleted: the request's own ends it, a card is posted again once."""

from engine.decide.moves import Decision, Moves, unchanged
from engine.events import Deleted
from engine.request import Snapshot, State

WITHDRAWN = "Stopped, because the message that asked for it was deleted."


def deleted(snapshot: Snapshot, event: Deleted) -> Decision:
    """What people said stays as it was heard, as with edits: only the request's own message takes it back.

    Whoever could delete that could have said stop. A card that goes a second time stays away: somebody
    means it.
    """
    if snapshot.state.ended:
        return unchanged(snapshot)
    moves = Moves(snapshot, event.at)
    if event.ts == snapshot.ts:
        moves.raise_epoch()
        moves.cancel_live()
        moves.end(State.STOPPED, WITHDRAWN)
        moves.close_cards()
        return moves.decision()
    if event.card and event.card not in snapshot.reposted:
        moves.set(reposted=(*snapshot.reposted, event.card))
        moves.show(event.card)
        return moves.quiet_decision()
    return unchanged(snapshot)
