"""Choices on blocked, escalated and paused requests; stop; words and time while people are waited for."""

import itertools
from datetime import datetime, timedelta

from engine.caps import Cap, CapHit
from engine.counting import count
from engine.decide import answering, disputing, leaking, reviewing, working
from engine.decide.moves import Decision, Moves, only_you, unchanged
from engine.decide.opening import LONGEST_REQUEST, NOTES, specify
from engine.events import Cause, Choice, Chose, Due, Said, Stopped
from engine.policy import may_approve, pending_push
from engine.request import (
    Decided,
    Escalation,
    Note,
    Offer,
    Policy,
    RunKind,
    Snapshot,
    State,
    Task,
    TaskStatus,
)

_ASKS = {State.ESCALATED, State.BLOCKED, State.PAUSED}
_WAITING = {State.CLARIFYING, State.AWAITING_APPROVAL, *_ASKS}
_WORKS = {
    Choice.FIX,
    Choice.ANOTHER_ROUND,
    Choice.RETRY,
    Choice.REVERT_OUTSIDE,
    Choice.LEAVE,
}
NO_ADVICE = (
    "Only approvers can advise the one who does the work, so that nothing beyond the approved spec gets "
    "there; your click changed nothing. Choose it without words, or have one of them write it."
)
NOT_YOURS = "The requester or an approver decides this. Your click changed nothing."
DECIDED = "This was decided already; your click changed nothing."


# ---------------------------------------------------------------- choices


def stop(snapshot: Snapshot, event: Stopped | Chose) -> Decision:
    """End everything now: no run goes on, no effect of the old epoch starts."""
    moves = Moves(snapshot, event.at)
    if isinstance(event, Chose) and event.card.startswith("push:"):
        push = pending_push(snapshot)
        if push is None or event.card != f"push:{push.number}":
            return only_you(snapshot, DECIDED)
    if isinstance(event, Chose) and event.card.startswith("escalation:"):
        escalation = _open(snapshot, event.card)
        if escalation is None:
            return only_you(snapshot, DECIDED)
        _decide(moves, escalation, Decided(by=event.by, choice=Choice.STOP))
    moves.raise_epoch()
    moves.cancel_live()
    moves.end(State.STOPPED, f"Stopped while {snapshot.state.value.replace('_', ' ')}.", by=event.by)
    moves.close_cards()
    return moves.decision()


def choose(snapshot: Snapshot, event: Chose, policy: Policy) -> Decision:
    """A choice on an escalation."""
    escalation = _open(snapshot, event.card)
    if escalation is None:
        return only_you(snapshot, DECIDED)
    offer = _offered(escalation, event)
    if offer is None:
        return only_you(snapshot, "That is not one of the options; your click changed nothing.")
    text = _words(offer, event)
    if problem := _problem(snapshot, event, offer, text, policy):
        return only_you(snapshot, problem)
    moves = Moves(snapshot, event.at)
    decided = Decided(by=event.by, choice=event.choice, text=text)
    _decide(moves, escalation, decided)
    match offer.choice:
        case Choice.DISPUTE:
            disputing.hear(moves, event)
        case Choice.LET_THROUGH:
            _let_through(moves, escalation, event, policy)
        case _:
            _carry_out(moves, escalation, decided, policy)
    return moves.decision()


def _problem(snapshot: Snapshot, event: Chose, offer: Offer, text: str, policy: Policy) -> str:
    """Why this person may not choose this, or nothing."""
    approver = may_approve(policy, snapshot, event.by)
    if offer.approvers_only and not approver:
        return "Only an approver of this repository can choose that."
    if event.choice is Choice.TELL_MORE and not text:
        return "Please say what is missing."
    if offer.choice is Choice.DISPUTE:
        return disputing.problem(snapshot, event, policy)
    if event.choice in {Choice.FIX, Choice.ANOTHER_ROUND} and (late := answering.too_late(snapshot)):
        return late
    if event.choice in _WORKS and not approver:
        if event.by != snapshot.requester:
            return NOT_YOURS
        if text:
            return NO_ADVICE
    return ""


def _words(offer: Offer, event: Chose) -> str:
    match offer.choice:
        case Choice.PICK | Choice.LET_THROUGH:
            return offer.label
        case Choice.DISPUTE:
            return f"{event.item}: {event.text.strip()}"[: disputing.LONGEST_REASON]
        case _:
            return event.text.strip()[:LONGEST_REQUEST] if offer.asks else ""


def _offered(escalation: Escalation, event: Chose) -> Offer | None:
    """The offer that was chosen; among several to pick from it is the one of that label."""
    return next(
        (
            offer
            for offer in escalation.offers
            if offer.choice is event.choice
            and (offer.choice is not Choice.PICK or offer.label == event.text)
            and (offer.choice is not Choice.LET_THROUGH or offer.item == event.item)
        ),
        None,
    )


def _open(snapshot: Snapshot, card: str) -> Escalation | None:
    """The escalation that this card shows, while it waits for a choice."""
    newest = snapshot.escalation if snapshot.state in _ASKS else None
    waits = newest is not None and newest.decided is None and card == f"escalation:{newest.number}"
    return newest if waits else None


def _decide(moves: Moves, escalation: Escalation, decided: Decided) -> None:
    closed = escalation.model_copy(update={"decided": decided})
    moves.set(escalations=(*moves.now.escalations[:-1], closed))
    moves.show(f"escalation:{escalation.number}")
    if escalation.cause in {Cause.NOT_HELD, Cause.ELSEWHERE}:
        moves.show(f"delivery:{moves.now.deliveries}")


def _carry_out(moves: Moves, escalation: Escalation, decided: Decided, policy: Policy) -> None:
    match decided.choice:
        case Choice.TELL_MORE | Choice.PICK:
            _note(moves, decided)
            moves.enter(State.ASSESSING)
            moves.start(RunKind.ASSESS)
        case Choice.ASSUME:
            specify(moves)
        case Choice.ANOTHER_ROUND | Choice.FIX:
            if escalation.cause is Cause.FOLLOWED or escalation.why:
                answering.one_more(moves)
            reviewing.grant_round(moves, policy)
            reviewing.start_fix(moves, decided.text, _why(escalation))
        case Choice.KEEP_OUTSIDE:
            moves.set(kept_outside=tuple(dict.fromkeys((*moves.now.kept_outside, *escalation.paths))))
            moves.enter(State.WORKING)
            working.go_on(moves, policy)
        case Choice.REVERT_OUTSIDE:
            _revert(moves)
        case Choice.DELIVER_UNCHECKED:
            reviewing.deliver_unchecked(moves, decided.by, policy)
        case Choice.LEAVE:
            moves.enter(State.DELIVERED)
        case Choice.RAISE_CAP:
            _grant(moves, escalation, policy)
            _resume(moves, escalation, decided.text, policy)
        case _:
            _resume(moves, escalation, decided.text, policy)


def _grant(moves: Moves, escalation: Escalation, policy: Policy) -> None:
    """The same amount again of what was used up; of a day's cap, leave to go on until the day ends."""
    match escalation.cap:
        case CapHit(until=datetime() as until):
            moves.set(over_until=until)
        case CapHit(cap=Cap.TOKENS, limit=limit):
            moves.set(more_tokens=moves.now.more_tokens + (policy.cap_tokens or round(limit)))
        case CapHit(cap=Cap.MINUTES, limit=limit):
            moves.set(more_minutes=moves.now.more_minutes + (policy.cap_minutes or limit))
        case _:
            moves.set(cap_usd=moves.now.cap_usd + policy.cap_usd)


def _let_through(moves: Moves, escalation: Escalation, event: Chose, policy: Policy) -> None:
    if leaking.let_through(moves, escalation, event.item, event.by):
        return
    if escalation.resume is State.DELIVERING:
        reviewing.start_delivery(moves, policy)
        return
    moves.enter(State.WORKING)
    working.unasked(moves, policy, escalation.paths)


def _why(escalation: Escalation) -> str:
    """Why a fix is made, where no review round holds it: the engine's words, apart from a person's advice."""
    untold = {Cause.REFUSED_FILES, Cause.TASK, Cause.NOT_HELD, Cause.FOLLOWED, Cause.LEAK}
    return escalation.situation if escalation.cause in untold else escalation.why


def _note(moves: Moves, decided: Decided) -> None:
    picked = decided.choice is Choice.PICK
    text = f"Decided: {decided.text}" if picked else decided.text
    moves.set(notes=(*moves.now.notes, Note(by=decided.by, text=text, picked=picked))[-NOTES:])


def _revert(moves: Moves) -> None:
    """Have the host put back everything but the artifacts, then go on."""
    ids = {task.id for task in moves.now.tasks}
    revert = next(name for name in (f"revert{n}" for n in itertools.count(1)) if name not in ids)
    task = Task(id=revert, agent="greenlight", status=TaskStatus.RUNNING)
    moves.set(tasks=(*moves.now.tasks, task))
    moves.enter(State.WORKING)
    moves.start(RunKind.TASK, task.id)


def _resume(moves: Moves, escalation: Escalation, advice: str, policy: Policy) -> None:
    if escalation.resume is State.REVIEWING and not escalation.resume_runs:
        reviewing.grant_round(moves, policy)
        reviewing.start_round(moves, policy)
        return
    if escalation.resume is State.DELIVERING:
        reviewing.start_delivery(moves, policy)
        return
    moves.enter(escalation.resume)
    if escalation.cause in {Cause.CLOSED, Cause.FOLLOWED}:
        moves.show(f"delivery:{moves.now.deliveries}")
    for run in escalation.resume_runs:
        if run.kind is RunKind.TASK:
            _run_again(moves, run.about, advice)
    moves.restart(escalation.resume_runs)


def _run_again(moves: Moves, task_id: str, advice: str) -> None:
    for task in moves.now.tasks:
        if task.id == task_id:
            told = "\n".join(part for part in (task.objective, advice) if part)
            working.update_task(moves, task_id, status=TaskStatus.RUNNING, objective=told)


# ---------------------------------------------------------------- words and time


def say(snapshot: Snapshot, event: Said) -> Decision:
    """Words while a card waits for a choice: only who addresses me is told how to answer."""
    if not event.mentions_bot:
        return unchanged(snapshot)
    return only_you(snapshot, "This waits for a choice on the card above; its buttons take your words too.")


def due(snapshot: Snapshot, event: Due, policy: Policy | None) -> Decision:
    """Remind once, then expire; go on where a day's cap was waited out. Old alarms do nothing."""
    if snapshot.due_at is None or event.at < snapshot.due_at or snapshot.state not in _WAITING:
        return unchanged(snapshot)
    moves = Moves(snapshot, event.at)
    if policy and (over := day_over(snapshot, event.at)):
        moves.post("The day whose cap was reached is over, so I go on.")
        _resume(moves, over, "", policy)
        moves.show(f"escalation:{over.number}")
        return moves.decision()
    if not snapshot.reminded:
        rest = snapshot.expire_after_s - snapshot.remind_after_s
        moves.set(reminded=True, due_at=event.at + timedelta(seconds=max(rest, 0)))
        moves.post(_reminder(snapshot, rest))
        return moves.decision()
    moves.raise_epoch()
    moves.cancel_live()
    moves.end(State.EXPIRED, _expired(snapshot))
    moves.close_cards()
    return moves.decision()


def day_over(snapshot: Snapshot, at: datetime) -> Escalation | None:
    """The open escalation about a day's cap, if that day is over."""
    if snapshot.exposed:
        return None  # nothing goes on by itself in front of others
    asked = snapshot.escalation if snapshot.state is State.PAUSED else None
    until = asked.cap.until if asked and asked.cap else None
    return asked if until is not None and at >= until else None


def _expired(snapshot: Snapshot) -> str:
    if snapshot.delivery:
        return f"Nobody answered in time. Pull request #{snapshot.delivery.number} stays as it is."
    return "Nobody answered in time, so this request ended without a pull request."


def _reminder(snapshot: Snapshot, rest_s: float) -> str:
    what = {
        State.CLARIFYING: "answers to the questions above",
        State.AWAITING_APPROVAL: f"approval of the {'push' if pending_push(snapshot) else 'spec'} above",
    }.get(snapshot.state, "a choice on the card above")
    days = max(1, round(rest_s / 86_400))
    return f"Still waiting for {what}. Without an answer this request ends in {count(days, 'day')}."
