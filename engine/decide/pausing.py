"""Pause and go on, as a person's act: a hold beside the state, so that it works in every one of them.

While it holds, everything is decided as always, and what people say is still told apart; but runs that come
of it are held until somebody lets the request go on, and those that were live go on from where they were.
"""

from datetime import datetime, timedelta

from engine.counting import count
from engine.decide.moves import Decision, Moves, only_you, unchanged
from engine.events import Due, Event, Paused, Reply, Restarted, Resumed, Sign
from engine.request import Hold, Policy, RunKind, Snapshot, StartRun, State

NOT_PAUSED = "Nothing is paused here, so there is nothing to go on with. {}"
_ASKS = {State.ESCALATED, State.BLOCKED, State.PAUSED}
_BOUNDED = {State.ASSESSING, State.CLARIFYING, State.SPECIFYING, State.WORKING, State.REVIEWING}
_HOW = (
    "Anyone of this workspace here can let it go on: "
    "“Go on” on the first card of this thread, or the word “resume”."
)


def pause(snapshot: Snapshot, event: Paused) -> Decision:
    """Interrupt what runs, and let nothing start, until somebody lets it go on."""
    if snapshot.hold is not None:
        return only_you(snapshot, f"This is paused already. {_HOW}")
    moves = Moves(snapshot, event.at)
    moves.set(hold=Hold(by=event.by, at=event.at, waits=snapshot.due_at is not None))
    moves.hold_live()
    moves.wait()
    return moves.decision()


def resume(snapshot: Snapshot, event: Resumed) -> Decision:
    """Go on from where everything was."""
    if snapshot.hold is None:
        asks = snapshot.state in _ASKS
        return only_you(
            snapshot,
            NOT_PAUSED.format("A choice is waited for on the card above." if asks else "").strip(),
        )
    moves = Moves(snapshot, event.at)
    moves.set(hold=None, due_at=None, reminded=False)
    if snapshot.hold.waits:
        moves.wait()
        asked = snapshot.escalation if snapshot.state is State.PAUSED else None
        if asked and asked.cap and asked.cap.until:
            moves.set(due_at=asked.cap.until)
    moves.release_live()
    return moves.decision()


def due(snapshot: Snapshot, event: Due) -> Decision:
    """Remind once of the pause, then let the request expire."""
    if snapshot.due_at is None or event.at < snapshot.due_at:
        return unchanged(snapshot)
    moves = Moves(snapshot, event.at)
    if not snapshot.reminded:
        rest = max(snapshot.expire_after_s - snapshot.remind_after_s, 0)
        moves.set(reminded=True, due_at=event.at + timedelta(seconds=rest))
        days = max(1, round(rest / 86_400))
        moves.post(f"This is still paused. {_HOW} Otherwise this request ends in {count(days, 'day')}.")
        return moves.decision()
    moves.raise_epoch()
    moves.cancel_live()
    pull = snapshot.delivery
    left = f"pull request #{pull.number} stays as it is" if pull else "there is no pull request"
    moves.end(State.EXPIRED, f"It stayed paused and nobody let it go on in time, so it ended; {left}.")
    moves.close_cards()
    return moves.decision()


def restarted(snapshot: Snapshot, event: Restarted) -> Decision:
    """Nothing worked while no process did; and whatever bounds the minutes now is looked at anew.

    What does not work at all is then found to have worked for no time, by `clocked`.
    """
    moves = Moves(snapshot, event.at)
    moves.set(busy_since=event.at, worked_s=snapshot.worked(min(event.since, event.at)))
    return moves.quiet_decision()


def kept(before: Snapshot | None, event: Event, decision: Decision) -> Decision:
    """A decision while it is paused: the pause keeps its own time, and who started something is told."""
    after = decision.snapshot
    if before is None or before.hold is None:
        return decision
    assert after is not None  # noqa: S101 (a request that is there stays)
    if after.hold is None or isinstance(event, Due):
        return decision
    waits = after.due_at is not None if after.due_at != before.due_at else before.hold.waits
    hold = before.hold.model_copy(update={"waits": waits})
    changes = {"hold": hold, "due_at": before.due_at, "reminded": before.reminded}
    return decision.model_copy(
        update={"snapshot": after.model_copy(update=changes), "reply": _told(event, decision)}
    )


def clocked(before: Snapshot | None, event: Event, decision: Decision, policy: Policy | None) -> Decision:
    """The decision, with the time counted that something works for the request, and when that is used up."""
    after = decision.snapshot
    if after == before:
        return decision
    assert after is not None  # noqa: S101 (a request that is there stays)
    works = any(run.kind is not RunKind.TRIAGE for run in after.live)
    busy = works and after.hold is None and not after.state.ended
    if busy != (after.busy_since is not None):
        since = after.busy_since
        worked = max(0.0, (event.at - since).total_seconds()) if since else 0.0
        changes = {"busy_since": event.at if busy else None, "worked_s": after.worked_s + worked}
        after = after.model_copy(update=changes)
    after = after.model_copy(update={"over_at": _over_at(after, policy)})
    return decision.model_copy(update={"snapshot": after})


def _over_at(snapshot: Snapshot, policy: Policy | None) -> datetime | None:
    """What is reviewed is delivered all the same: a push half done would help nobody."""
    minutes = policy.cap_minutes if policy else None
    if snapshot.busy_since is None or snapshot.state not in _BOUNDED or minutes is None:
        return None
    left = (minutes + snapshot.more_minutes) * 60 - snapshot.worked_s
    return snapshot.busy_since + timedelta(seconds=max(0.0, left))


def _told(event: Event, decision: Decision) -> Reply:
    begins = any(isinstance(e, StartRun) and e.kind is not RunKind.TRIAGE for e in decision.effects)
    if not begins or getattr(event, "by", None) is None:
        return decision.reply
    return Reply(sign=Sign.ONLY_YOU, text=f"That counts. This is paused, so nothing starts yet. {_HOW}")
