"""What looks like a credential: it blocks until it is gone, or an approver lets this very place through."""

from engine.decide.moves import STOP, Moves
from engine.events import Cause, Choice, Leak
from engine.people import Person
from engine.request import Escalation, LetThrough, Offer, Snapshot, State

MOST_OFFERED = 5
_LISTED = 20
_PLACE = 44


def standing(snapshot: Snapshot, commit: str, leaks: tuple[Leak, ...]) -> tuple[Leak, ...]:
    """Those of a commit's leaks that nobody has let through."""
    allowed = {one.leak for one in snapshot.let_through if one.commit == commit}
    return tuple(leak for leak in leaks if leak not in allowed)


def block(moves: Moves, leaks: tuple[Leak, ...], resume: State, paths: tuple[str, ...] = ()) -> None:
    """Ask what is to become of leaks of the head.

    Args:
        moves: What is decided.
        leaks: What nobody has let through.
        resume: Where it goes on once all are let through.
        paths: Changed paths beyond the spec that are still to be asked about.
    """
    listed = "; ".join(f"{leak.place} ({leak.kind})" for leak in leaks[:_LISTED])
    more = f"; and {len(leaks) - _LISTED} more" if len(leaks) > _LISTED else ""
    fix = Offer(
        choice=Choice.FIX,
        label="Have it removed",
        tradeoff="The implementer is told places and kinds; all is checked and reviewed again.",
        asks="An approver's advice for the fix",
    )
    fixes = (fix,) if any(leak.in_file for leak in leaks) else ()
    moves.escalate(
        State.BLOCKED,
        Cause.LEAK,
        f"Nothing leaves: this looks like secrets, at commit {moves.now.head[:12]}: {listed}{more}. "
        "What stands there is shown nowhere. If one is real, withdraw it where it was issued.",
        (*fixes, *map(_offer, range(1, MOST_OFFERED + 1), leaks), STOP),
        recommendation=(*fixes, STOP)[0].label,
        resume=resume,
        paths=paths,
    )
    asked = moves.now.escalations[-1].model_copy(update={"commit": moves.now.head, "leaks": leaks})
    moves.set(escalations=(*moves.now.escalations[:-1], asked))


def _offer(number: int, leak: Leak) -> Offer:
    place = leak.place if len(leak.place) <= _PLACE else f"…{leak.place[-_PLACE + 1 :]}"
    return Offer(
        choice=Choice.LET_THROUGH,
        label=f"No secret: {place}",
        tradeoff=f"You have looked: {leak.place} ({leak.kind}) is none. It counts for this commit alone.",
        approvers_only=True,
        item=f"L{number}",
    )


def let_through(moves: Moves, escalation: Escalation, item: str, by: Person) -> tuple[Leak, ...]:
    """Note an approver's word on one place; what is left is asked about again.

    Returns:
        What is left.
    """
    leak = escalation.leaks[int(item.removeprefix("L")) - 1]
    word = LetThrough(commit=escalation.commit, leak=leak, by=by, at=moves.at)
    moves.set(let_through=(*moves.now.let_through, word))
    left = standing(moves.now, escalation.commit, escalation.leaks)
    if left:
        block(moves, left, escalation.resume, escalation.paths)
    return left
