"""Runs that gave up, or took too long: end, pause or ask, by the cause."""

from engine.caps import Cap, CapHit
from engine.decide import feedback, hearing, investigating, leaking, working
from engine.decide.moves import Decision, Moves
from engine.decide.opening import STOP
from engine.events import Cause, Choice, Due, Failed
from engine.request import Live, Offer, RunKind, Snapshot, State, TaskStatus, is_feedback, is_look


def run_failed(moves: Moves, live: Live, failure: Failed) -> None:
    """A run gave up: end, pause or ask, by the cause. What only informs is let go."""
    if is_feedback(live.about):
        feedback.triaged(moves, live.about, None, None)
    elif live.kind is RunKind.TRIAGE:
        hearing.not_told_apart(moves)
    elif _only_informs(moves, live):
        pass  # the checks at base run again together with those of the work
    elif failure.cause is Cause.SCRIPT:
        _end(moves, failure)
    elif failure.cause is Cause.CAP:
        _pause(moves, _to_restart(moves, live), failure.cap)
    elif failure.leaks and live.kind is RunKind.DELIVER:
        leaking.block(moves, failure.leaks, State.DELIVERING)
    elif live.kind is RunKind.TASK and is_look(live.about):
        investigating.look_failed(moves, live, failure)
    else:
        _ask(moves, live, failure)


def out_of_time(snapshot: Snapshot, event: Due) -> Decision:
    """Its minutes of work are used up amid a call or a command: that ends now, and people decide."""
    moves = Moves(snapshot, event.at)
    since, over_at = snapshot.busy_since, snapshot.over_at
    assert since is not None and over_at is not None  # noqa: S101 (the alarm was set by both)
    limit, spent = ((snapshot.worked_s + (at - since).total_seconds()) / 60 for at in (over_at, event.at))
    again = tuple(run for run in snapshot.live if run.kind is not RunKind.TRIAGE)
    _pause(moves, again, CapHit(cap=Cap.MINUTES, limit=limit, spent=spent))
    return moves.decision()


def _only_informs(moves: Moves, live: Live) -> bool:
    """Whether this is the early look at the base, which no round waits for."""
    waited_for = moves.now.state is State.REVIEWING and live.about == moves.now.head
    return live.kind is RunKind.VERIFY and not waited_for


def _end(moves: Moves, failure: Failed) -> None:
    moves.raise_epoch()
    moves.cancel_live()
    moves.end(State.FAILED, failure.sentence)
    moves.close_cards()
    moves.post(failure.sentence)


def _to_restart(moves: Moves, live: Live) -> tuple[Live, ...]:
    """The failed run and those that its escalation cancels; its task waits meanwhile."""
    if live.kind is RunKind.TASK:
        working.update_task(moves, live.about, status=TaskStatus.PENDING)
    return (live, *(run for run in moves.now.live if run.kind is not RunKind.TRIAGE))


def _pause(moves: Moves, again: tuple[Live, ...], hit: CapHit | None) -> None:
    situation = hit.sentence if hit else f"The next call could exceed ${moves.now.cap_usd:.2f}."
    until = hit.until if hit else None
    more = Offer(
        choice=Choice.RAISE_CAP,
        label="Go on today" if until else "Raise the cap",
        tradeoff=(
            "This request goes on above the day's cap until the day ends; its own caps hold."
            if until
            else "The same amount again; the interrupted part starts anew."
        ),
        approvers_only=True,
    )
    waits = (
        f" Without a click it goes on by itself at {hit.until:%Y-%m-%d %H:%M} UTC."
        if hit and hit.until
        else ""
    )
    moves.escalate(
        State.PAUSED,
        Cause.CAP,
        f"{situation} So I paused.{waits}",
        (more, STOP),
        resume_runs=again,
    )
    newest = moves.now.escalations[-1].model_copy(update={"cap": hit})
    moves.set(escalations=(*moves.now.escalations[:-1], newest))
    if until:
        moves.set(due_at=until)


def _ask(moves: Moves, live: Live, failure: Failed) -> None:
    reference = f" (error {failure.error_id})" if failure.error_id else ""
    moves.escalate(
        State.ESCALATED,
        failure.cause,
        f"{failure.sentence}{reference}",
        (
            Offer(
                choice=Choice.RETRY,
                label="Try again",
                tradeoff=f"The step “{live.kind.value}” starts anew; what was done before it stays.",
            ),
            STOP,
        ),
        attempts=(f"{live.kind.value} {live.about}".strip(),),
        resume_runs=_to_restart(moves, live),
    )
