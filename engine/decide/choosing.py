"""Choices on blocked, escalated, paused and delivered requests; failed runs; reminders and expiry."""

from datetime import timedelta

from engine.decide import working
from engine.decide.moves import Decision, Moves, only_you, unchanged
from engine.decide.opening import NOTES, STOP, specify
from engine.events import Cause, Choice, Chose, Due, Failed, Said
from engine.policy import may_approve
from engine.request import (
    Decided,
    Escalation,
    Heard,
    Live,
    Note,
    Offer,
    Policy,
    RunKind,
    Snapshot,
    State,
    Task,
    TaskStatus,
)

WAITING = {
    State.CLARIFYING,
    State.AWAITING_APPROVAL,
    State.ESCALATED,
    State.BLOCKED,
    State.PAUSED,
}


# ---------------------------------------------------------------- failed runs


def run_failed(moves: Moves, live: Live, failure: Failed) -> Decision:
    """A run gave up: end, pause or ask, by the cause. What only informs is let go."""
    if live.kind is RunKind.TRIAGE:
        heard = working.take_heard(moves, live.about)
        if heard is not None:
            working.keep_aside(moves, heard, "")
    elif live.kind is RunKind.VERIFY and moves.now.state not in {State.REVIEWING, State.WORKING}:
        pass  # the checks at base run again together with those of the work
    elif failure.cause is Cause.SCRIPT:
        moves.cancel_live()
        moves.end(State.FAILED, failure.sentence)
        moves.post(failure.sentence)
    elif failure.cause is Cause.CAP:
        _pause(moves, live)
    else:
        _ask(moves, live, failure)
    return moves.decision()


def _to_restart(moves: Moves, live: Live) -> tuple[Live, ...]:
    """The failed run and those that its escalation cancels, without what only informs."""
    runs = (live, *(r for r in moves.now.live if r.kind is not RunKind.TRIAGE))
    return tuple(dict.fromkeys(runs))


def _pause(moves: Moves, live: Live) -> None:
    moves.escalate(
        State.PAUSED,
        Cause.CAP,
        f"The next call could take this request over its cap of ${moves.now.cap_usd:.2f}, so I paused.",
        (
            Offer(
                choice=Choice.RAISE_CAP,
                label="Raise the cap",
                tradeoff="The same amount again; the interrupted part starts anew.",
                approvers_only=True,
            ),
            STOP,
        ),
        resume_runs=_to_restart(moves, live),
    )


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


# ---------------------------------------------------------------- choices


def choose(snapshot: Snapshot, event: Chose, policy: Policy) -> Decision:
    """A choice on an escalation or on the delivery."""
    if event.card.startswith("delivery:"):
        return _on_delivery(snapshot, event, policy)
    escalation = snapshot.escalation
    if (
        escalation is None
        or event.card != f"escalation:{escalation.number}"
        or escalation.decided is not None
        or snapshot.state not in {State.ESCALATED, State.BLOCKED, State.PAUSED}
    ):
        return only_you(snapshot, "This was decided already; your click changed nothing.")
    offer = next((o for o in escalation.offers if o.choice is event.choice), None)
    if offer is None:
        return only_you(snapshot, "That is not one of the options; your click changed nothing.")
    if offer.approvers_only and not may_approve(policy, snapshot, event.by):
        return only_you(snapshot, "Only an approver of this repository can choose that.")
    if event.choice is Choice.TELL_MORE and not event.text.strip():
        return only_you(snapshot, "Please say what is missing.")
    moves = Moves(snapshot, event.at)
    decided = Decided(by=event.by, choice=event.choice, text=event.text.strip())
    moves.set(escalations=(*snapshot.escalations[:-1], escalation.model_copy(update={"decided": decided})))
    moves.show(f"escalation:{escalation.number}")
    _carry_out(moves, escalation, decided, policy)
    return moves.decision()


def _carry_out(moves: Moves, escalation: Escalation, decided: Decided, policy: Policy) -> None:
    match decided.choice:
        case Choice.TELL_MORE:
            _note(moves, decided)
            moves.enter(State.ASSESSING)
            moves.start(RunKind.ASSESS)
        case Choice.ASSUME:
            specify(moves)
        case Choice.ANOTHER_ROUND | Choice.FIX:
            moves.set(extra_rounds=moves.now.extra_rounds + 1)
            working.start_fix(moves, decided.text)
        case Choice.KEEP_OUTSIDE:
            changed = escalation.paths
            moves.set(kept_outside=tuple(dict.fromkeys((*moves.now.kept_outside, *changed))))
            moves.enter(State.WORKING)
            working.go_on(moves)
        case Choice.REVERT_OUTSIDE:
            _revert(moves)
        case Choice.DELIVER_UNCHECKED:
            moves.set(unchecked_by=decided.by)
            working.start_delivery(moves, policy)
        case Choice.RAISE_CAP:
            moves.set(cap_usd=moves.now.cap_usd + policy.cap_usd)
            _resume(moves, escalation, decided)
        case _:
            _resume(moves, escalation, decided)


def _note(moves: Moves, decided: Decided) -> None:
    moves.set(notes=(*moves.now.notes, Note(by=decided.by, text=decided.text))[-NOTES:])


def _revert(moves: Moves) -> None:
    """Have the host put back everything but the artifacts, then go on."""
    number = sum(t.id.startswith("revert") for t in moves.now.tasks) + 1
    task = Task(id=f"revert{number}", agent="greenlight", status=TaskStatus.RUNNING)
    moves.set(tasks=(*moves.now.tasks, task))
    moves.enter(State.WORKING)
    moves.start(RunKind.TASK, task.id)


def _resume(moves: Moves, escalation: Escalation, decided: Decided) -> None:
    moves.enter(escalation.resume)
    if escalation.resume is State.REVIEWING and not escalation.resume_runs:
        moves.set(extra_rounds=moves.now.extra_rounds + 1)
        working.start_round(moves)
        return
    for run in escalation.resume_runs:
        if run.kind is RunKind.TASK:
            working.update_task(moves, run.about, status=TaskStatus.RUNNING)
            if decided.text:
                working.update_task(moves, run.about, objective=decided.text)
    moves.restart(escalation.resume_runs)


def _on_delivery(snapshot: Snapshot, event: Chose, policy: Policy) -> Decision:
    if snapshot.state is not State.DELIVERED or event.card != f"delivery:{snapshot.deliveries}":
        return only_you(snapshot, "This delivery is not open any more; your click changed nothing.")
    if event.by != snapshot.requester and not may_approve(policy, snapshot, event.by):
        return only_you(snapshot, "The requester or an approver confirms. Your click changed nothing.")
    moves = Moves(snapshot, event.at)
    if event.choice is Choice.CONFIRM:
        moves.set(confirmed_by=event.by)
        moves.end(State.DONE, "Delivered and confirmed.", by=event.by)
        moves.show(f"delivery:{snapshot.deliveries}")
        return moves.decision()
    if event.choice is not Choice.NOT_YET or not event.text.strip():
        return only_you(snapshot, "Please say what is missing.")
    missing = event.text.strip()[: working.LONGEST_WISH]
    working.hear_text(moves, Heard(ts=event.key, by=event.by, text=missing, not_yet=True))
    moves.tell("I look whether that is part of the approved spec.")
    return moves.decision()


# ---------------------------------------------------------------- words and time


def say(snapshot: Snapshot, event: Said) -> Decision:
    """Words while a card waits for a choice: only who addresses me is told how to answer."""
    if not event.mentions_bot:
        return unchanged(snapshot)
    if snapshot.state is State.DELIVERED:
        return only_you(snapshot, "Use “Not yet” on the delivery to say what is missing.")
    return only_you(snapshot, "This waits for a choice on the card above; its buttons take your words too.")


def due(snapshot: Snapshot, event: Due) -> Decision:
    """Remind once, then let the request expire. Old alarms do nothing."""
    if snapshot.due_at is None or event.at < snapshot.due_at or snapshot.state not in WAITING:
        return unchanged(snapshot)
    moves = Moves(snapshot, event.at)
    if not snapshot.reminded:
        rest = snapshot.expire_after_s - snapshot.remind_after_s
        moves.set(reminded=True, due_at=event.at + timedelta(seconds=max(rest, 0)))
        moves.post(_reminder(snapshot, rest))
        return moves.decision()
    moves.raise_epoch()
    moves.cancel_live()
    moves.end(State.EXPIRED, "Nobody answered in time, so this request ended without any change.")
    moves.close_cards()
    return moves.decision()


def _reminder(snapshot: Snapshot, rest_s: float) -> str:
    what = {
        State.CLARIFYING: "answers to the questions above",
        State.AWAITING_APPROVAL: "approval of the spec above",
    }.get(snapshot.state, "a choice on the card above")
    days = max(1, round(rest_s / 86_400))
    return f"Still waiting for {what}. Without an answer this request ends in {days} day(s)."
