"""What happens to the pull request after the draft: what comes back from it, and its fate.

Everything here was said or done at the forge, by logins that are nobody of the chat. So nothing of it
decides anything: it is told, and people choose on a card.
"""

from engine.decide import feedback
from engine.decide.answering import LONGEST_LOGIN, pull_of, replace
from engine.decide.moves import STOP, Decision, Moves, unchanged
from engine.events import (
    AtTheForge,
    Cause,
    CheckFailed,
    CheckPassed,
    Choice,
    Closed,
    Merged,
    Moved,
    Remarked,
    Reopened,
    Undrafted,
)
from engine.ports import Fate
from engine.request import Offer, Policy, Snapshot, State

_OVER = {State.STOPPED, State.EXPIRED, State.FAILED}
_BUSY = {State.WORKING, State.REVIEWING, State.DELIVERING}


def happened(snapshot: Snapshot, event: AtTheForge, policy: Policy | None) -> Decision:
    """What was seen at the forge; nothing if it is not the delivered pull request, or after a stop."""
    delivery = snapshot.delivery
    if delivery is None or event.number != delivery.number or snapshot.state in _OVER:
        return unchanged(snapshot)
    moves = Moves(snapshot, event.at)
    match event:
        case Remarked():
            return feedback.remarked(moves, event, policy)
        case CheckFailed() | CheckPassed():
            return feedback.checked(moves, event, policy)
        case Moved():
            return _moved(moves, event)
        case Undrafted():
            return _undrafted(moves)
        case Merged():
            return _merged(moves, event)
        case Closed():
            return _closed(moves, event)
        case Reopened():
            return _reopened(moves)
    moves.post(f"{event.sentence} I try again now and then, and tell here what I missed.")
    return moves.quiet_decision()


def delivered(moves: Moves) -> None:
    """A delivery came about: what was being fixed is answered by it, and the branch is ours again."""
    delivery = moves.now.delivery
    assert delivery is not None  # noqa: S101 (the caller has just recorded it)
    moves.set(pull=pull_of(moves.now).model_copy(update={"moved_to": "", "draft": delivery.draft}))
    for one in moves.now.feedback:
        if one.fixed and not one.answered:
            replace(moves, one, answered=delivery.commit)
            moves.show(f"{feedback.CARD}:{one.number}")


# ---------------------------------------------------------------- its fate


def _see(moves: Moves, **changes: object) -> None:
    moves.set(pull=pull_of(moves.now).model_copy(update=changes))
    moves.show(f"delivery:{moves.now.deliveries}")


def _moved(moves: Moves, event: Moved) -> Decision:
    """Somebody pushed to the branch, or took that back. What is ours already is no news."""
    now = moves.now
    delivery = now.delivery
    assert delivery is not None  # noqa: S101 (nothing is looked at before)
    ours = {current.commit for current in now.review_rounds}
    times = pull_of(now).moved + 1
    if event.commit == delivery.commit:
        if not pull_of(now).moved_to:
            return unchanged(now)
        _see(moves, moved_to="", moved=times)
    elif event.commit in ours or event.commit == pull_of(now).moved_to:
        return unchanged(now)
    else:
        _see(moves, moved_to=event.commit, moved=times)
        moves.post(
            f"Somebody else pushed {event.commit[:10]} to the branch of pull request #{event.number}. I did "
            "not check or review that, and I never push over it: what I delivered is told on the delivery."
        )
    return moves.quiet_decision()


def _undrafted(moves: Moves) -> Decision:
    if not pull_of(moves.now).draft:
        return unchanged(moves.now)
    _see(moves, draft=False)
    moves.post(f"Pull request #{pull_of(moves.now).number} is marked as ready for review.")
    return moves.quiet_decision()


def _merged(moves: Moves, event: Merged) -> Decision:
    if pull_of(moves.now).fate is Fate.MERGED:
        return unchanged(moves.now)
    _see(moves, fate=Fate.MERGED, draft=False, login=event.login[:LONGEST_LOGIN], since=event.since, words="")
    _no_longer_closed(moves)
    moves.post(f"Pull request #{event.number} was merged{_by(event.login)}.{_after_a_merge(moves.now)}")
    return moves.decision()


def _after_a_merge(snapshot: Snapshot) -> str:
    if snapshot.state is State.DELIVERED and snapshot.confirmed_by is None:
        return " If it is what was asked for, please confirm the delivery; a merge alone confirms nothing."
    if snapshot.state in _BUSY:
        return " What I am working on now can no longer get into it: say “stop” unless you want to see it."
    return ""


def _closed(moves: Moves, event: Closed) -> Decision:
    if pull_of(moves.now).fate is not Fate.OPEN:
        return unchanged(moves.now)
    words = " ".join(event.words.split())[:500]
    login = event.login[:LONGEST_LOGIN]
    _see(moves, fate=Fate.CLOSED, login=login, since=event.since, words=words)
    last = f" Their last words there: {words}" if words and event.login else ""
    text = f"Pull request #{event.number} was closed without a merge{_by(event.login)}.{last}"
    if moves.now.state is State.DELIVERED:
        _ask_about_closing(moves, text)
    else:
        moves.post(text)
    return moves.decision()


def _ask_about_closing(moves: Moves, text: str) -> None:
    moves.escalate(
        State.ESCALATED,
        Cause.CLOSED,
        text,
        (
            Offer(
                choice=Choice.RETRY,
                label="Reopen the work",
                tradeoff="The delivery waits again. Open the pull request at the forge, which I never do.",
            ),
            STOP,
        ),
        recommendation="Open it again at the forge if the work is still wanted; else stop here.",
    )


def _reopened(moves: Moves) -> Decision:
    if pull_of(moves.now).fate is not Fate.CLOSED:
        return unchanged(moves.now)
    _see(moves, fate=Fate.OPEN, login="", words="", since=None)
    moves.post(f"Pull request #{pull_of(moves.now).number} is open again.")
    _no_longer_closed(moves)
    return moves.decision()


def _no_longer_closed(moves: Moves) -> None:
    """What was to become of a closed pull request is no question any more."""
    escalation = moves.now.escalation if moves.now.state is State.ESCALATED else None
    if escalation is not None and escalation.cause is Cause.CLOSED:
        moves.enter(State.DELIVERED)
        moves.show(f"escalation:{escalation.number}")
        moves.show(f"delivery:{moves.now.deliveries}")


def _by(login: str) -> str:
    return f" by {login[:LONGEST_LOGIN]}" if login else ""
