"""Review rounds of one commit each: check and review, judge, then deliver, fix, or ask."""

import itertools

from engine import findings, gate
from engine.counting import count
from engine.decide.moves import Moves
from engine.decide.opening import STOP
from engine.events import Cause, Choice, Ran, Reviewed, Verified
from engine.people import Person
from engine.policy import enough, entitled, pending_push, push_allowed, required_reviewers
from engine.request import (
    GateVerdict,
    Live,
    Offer,
    Policy,
    PushFate,
    ReviewRound,
    RunKind,
    SpecFate,
    SpecVersion,
    State,
    Task,
    TaskStatus,
)
from engine.schemas import Severity

ANOTHER_ROUND = Offer(
    choice=Choice.ANOTHER_ROUND,
    label="Another round",
    tradeoff="One more fix and review, with your advice in the hand-over.",
    asks="An approver's advice for the fix",
)


# ---------------------------------------------------------------- rounds


def start_round(moves: Moves, policy: Policy) -> None:
    """Verify and review the work's head, side by side. A person's leave to deliver binds no new round."""
    number = len(moves.now.review_rounds) + 1
    commit = moves.now.head
    moves.set(unchecked_by=None)
    if commit == moves.now.base_commit:
        _nothing_changed(moves)
        return
    moves.enter(State.REVIEWING)
    moves.set(review_rounds=(*moves.now.review_rounds, ReviewRound(number=number, commit=commit)))
    moves.start(RunKind.VERIFY, commit)
    for reviewer in required_reviewers(policy, moves.now):
        moves.start(RunKind.REVIEW, reviewer)


def verified(moves: Moves, live: Live, result: Verified, policy: Policy) -> None:
    """Checks ended: of the base, while approval is awaited or work begins, or of the round's commit."""
    at_base = tuple(r for r in result.results if r.where is Ran.BASE)
    current = moves.now.round if moves.now.state is State.REVIEWING else None
    if current is not None and live.about == current.commit:
        if at_base:
            moves.set(base_results=at_base)
        # Results of any other commit settle nothing: all is "not checked" then.
        ours = result.commit == current.commit
        rest = tuple(r for r in result.results if r.where is not Ran.BASE)
        _change_round(moves, results=rest if ours else (), facts=result.facts if ours else ())
        _close_round(moves, policy)
        return
    moves.set(base_results=at_base or moves.now.base_results)
    if moves.now.state is State.AWAITING_APPROVAL and not pending_push(moves.now):
        moves.show(f"spec:{len(moves.now.every_version)}")


def reviewed(moves: Moves, live: Live, result: Reviewed, policy: Policy) -> None:
    """A review came back, valid or not."""
    current = moves.now.round
    if current is None or moves.now.state is not State.REVIEWING:
        return
    others = tuple(r for r in current.reviews if r.reviewer != live.about)
    _change_round(moves, reviews=(*others, result.model_copy(update={"reviewer": live.about})))
    _close_round(moves, policy)


def _change_round(moves: Moves, **changes: object) -> None:
    rounds = moves.now.review_rounds
    moves.set(review_rounds=(*rounds[:-1], rounds[-1].model_copy(update=changes)))


def _close_round(moves: Moves, policy: Policy) -> None:
    """Judge once everything that was started has ended; what is missing then is the gate's to say."""
    current = moves.now.round
    assert current is not None  # noqa: S101 (something of it has just ended)
    if any(run.kind is RunKind.REVIEW or run.about == current.commit for run in moves.now.live):
        return
    _pronounce(moves, policy, _judge(moves, policy))


def judge_again(moves: Moves, policy: Policy) -> None:
    """Judge the same checks and reviews once more, after a dispute ended."""
    _pronounce(moves, policy, _judge(moves, policy))


def _judge(moves: Moves, policy: Policy, unchecked_by: Person | None = None) -> gate.Gate:
    current, spec = moves.now.round, moves.now.spec
    assert current is not None and spec is not None  # noqa: S101 (a round belongs to an approved spec)
    reviews = findings.standing(current)
    settled = gate.settle(
        spec.draft,
        moves.now.base_results,
        current.results or (),
        current.facts,
        reviews,
        commit=current.commit,
    )
    _change_round(moves, settled=settled)
    return gate.gate(
        settled,
        reviews,
        required=required_reviewers(policy, moves.now),
        commit=current.commit,
        unchecked_allowed=unchecked_by is not None,
    )


def _pronounce(moves: Moves, policy: Policy, judged: gate.Gate) -> None:
    _change_round(moves, gate=judged.verdict, reasons=judged.reasons)
    # What blocks stands whole on the card that asks how to go on: one card, not two.
    if not _critical(moves):
        moves.show(f"review:{len(moves.now.review_rounds)}")
    match judged.verdict:
        case GateVerdict.PASS:
            start_delivery(moves, policy)
        case GateVerdict.FIX:
            _fix_or_escalate(moves, policy)
        case GateVerdict.BLOCKED:
            _blocked(moves)
        case GateVerdict.ESCALATE:
            _unsettled(moves)


def deliver_unchecked(moves: Moves, by: Person, policy: Policy) -> None:
    """A named person delivers what could not be settled; everything else the gate asks must still hold."""
    judged = _judge(moves, policy, by)
    if judged.verdict is not GateVerdict.PASS:
        _pronounce(moves, policy, judged)
        return
    moves.set(unchecked_by=by)
    start_delivery(moves, policy)


# ---------------------------------------------------------------- fixes


def grant_round(moves: Moves, policy: Policy) -> None:
    """A person asks for one more round than the cap allows, if it does not allow it anyway."""
    needed = len(moves.now.review_rounds) + 1 - policy.review_rounds
    moves.set(extra_rounds=max(moves.now.extra_rounds, needed))


def _fix_or_escalate(moves: Moves, policy: Policy) -> None:
    done = len(moves.now.review_rounds)
    if done < policy.review_rounds + moves.now.extra_rounds:
        start_fix(moves)
        return
    rounds = moves.now.review_rounds
    moves.escalate(
        State.ESCALATED,
        Cause.ROUNDS,
        f"After {count(done, 'round')} the work still does not meet the spec: "
        f"{'; '.join(rounds[-1].reasons[:5])}",
        (ANOTHER_ROUND, *_disputable(moves), STOP),
        attempts=tuple(f"Round {r.number}: {'; '.join(r.reasons[:3])}" for r in rounds),
        recommendation="If the same thing failed in every round, stop and change the request.",
    )


def start_fix(moves: Moves, advice: str = "", why: str = "") -> None:
    """Give what failed back to the implementer; a review round follows.

    Args:
        moves: What is decided.
        advice: Words of one who may advise.
        why: What made the fix necessary, if no review round holds it.
    """
    spec = moves.now.spec
    assert spec is not None  # noqa: S101 (fixes exist only for a spec)
    ids = {t.id for t in moves.now.tasks}
    numbers = itertools.count(len(moves.now.review_rounds) + 1)
    fix_id = next(name for name in (f"fix{n}" for n in numbers) if name not in ids)
    fix = Task(
        id=fix_id, agent=moves.now.implementer, status=TaskStatus.RUNNING, objective=advice, trouble=why
    )
    moves.enter(State.WORKING)
    moves.set(tasks=(*moves.now.tasks, fix))
    moves.start(RunKind.TASK, fix_id)


def _nothing_changed(moves: Moves) -> None:
    moves.escalate(
        State.ESCALATED,
        Cause.TASK,
        "All tasks have ended, but nothing in the repository was changed. There is nothing to review.",
        (
            Offer(
                choice=Choice.FIX,
                label="Have it done",
                tradeoff="The implementer is handed the whole spec, with your advice.",
                asks="An approver's advice for the implementer",
            ),
            STOP,
        ),
    )


DISPUTE = Offer(
    choice=Choice.DISPUTE,
    label="Dispute a finding",
    tradeoff="Press “Dispute…” beside it and say why. A fresh reviewer looks; only its withdrawal clears it.",
)


def _findings(moves: Moves) -> tuple[findings.Numbered, ...]:
    current = moves.now.round
    assert current is not None  # noqa: S101 (a gate's verdict belongs to a round)
    return findings.numbered(current)


def _disputable(moves: Moves) -> tuple[Offer, ...]:
    """The offer to dispute, while there is a finding that no fresh reviewer has looked at."""
    left = [one for one in _findings(moves) if one.finding.severity is not Severity.MINOR and not one.settled]
    return (DISPUTE,) if left else ()


def _critical(moves: Moves) -> bool:
    """Whether a critical finding stands."""
    return any(one.finding.severity is Severity.CRITICAL and not one.withdrawn for one in _findings(moves))


def _blocked(moves: Moves) -> None:
    current = moves.now.round
    assert current is not None  # noqa: S101 (a gate's verdict belongs to a round)
    critical = _critical(moves)
    fix = Offer(
        choice=Choice.FIX,
        label="Fix and re-review",
        tradeoff="The findings go back to the implementer; every check and review runs again.",
        asks="An approver's advice for the fix",
    )
    again = Offer(
        choice=Choice.RETRY,
        label="Review again",
        tradeoff="The same commit is checked and reviewed once more.",
    )
    moves.escalate(
        State.BLOCKED,
        Cause.CRITICAL if critical else Cause.REVIEW_INVALID,
        f"No pull request is opened: {'; '.join(current.reasons[:5])}",
        (fix, *_disputable(moves), STOP) if critical else (again, STOP),
        resume=State.WORKING if critical else State.REVIEWING,
    )


def _unsettled(moves: Moves) -> None:
    current = moves.now.round
    assert current is not None  # noqa: S101 (a gate's verdict belongs to a round)
    moves.escalate(
        State.ESCALATED,
        Cause.UNSETTLED,
        f"Some criteria could not be settled: {'; '.join(current.reasons[:5])}",
        (
            Offer(
                choice=Choice.RETRY,
                label="Check again",
                tradeoff="The same commit is checked and reviewed once more.",
            ),
            Offer(
                choice=Choice.ANOTHER_ROUND,
                label="Have it changed",
                tradeoff="One more fix and review, with your advice in the hand-over.",
                asks="An approver's advice for the fix",
            ),
            Offer(
                choice=Choice.DELIVER_UNCHECKED,
                label="Deliver as it is",
                tradeoff="The pull request says “not checked” on these criteria, and that you decided so.",
                approvers_only=True,
            ),
            STOP,
        ),
    )


# ---------------------------------------------------------------- delivery


def start_delivery(moves: Moves, policy: Policy) -> None:
    """Deliver, if reviews and approvals still suffice by today's configuration."""
    spec, current = moves.now.spec, moves.now.round
    assert spec is not None and current is not None  # noqa: S101 (only a reviewed spec comes here)
    valid = {r.reviewer for r in current.reviews if r.review and not r.invalid}
    if not valid.issuperset(required_reviewers(policy, moves.now)):
        grant_round(moves, policy)
        start_round(moves, policy)
    elif spec.fate is not SpecFate.APPROVED or not enough(policy, moves.now, spec.approvals):
        _ask_for_approval_again(moves, policy, spec)
    elif not push_allowed(policy, moves.now):
        _ask_for_push_again(moves, policy)
    else:
        moves.enter(State.DELIVERING)
        moves.start(RunKind.DELIVER)


def _ask_for_push_again(moves: Moves, policy: Policy) -> None:
    push = moves.now.pushes[-1]
    kept = entitled(policy, moves.now, push.approvals)
    reopened = push.model_copy(update={"fate": PushFate.OPEN, "approvals": kept})
    moves.set(pushes=(*moves.now.pushes[:-1], reopened))
    moves.enter(State.AWAITING_APPROVAL)
    moves.wait()
    moves.show(f"push:{push.number}")


def _ask_for_approval_again(moves: Moves, policy: Policy, spec: SpecVersion) -> None:
    kept = entitled(policy, moves.now, spec.approvals)
    reopened = spec.model_copy(update={"fate": SpecFate.OPEN, "approvals": kept})
    moves.set(specs=(*moves.now.specs[:-1], reopened))
    moves.enter(State.AWAITING_APPROVAL)
    moves.wait()
    moves.show(f"spec:{spec.number}")
    moves.post(
        "Who may approve has changed since; the spec needs approval again before anything is delivered."
    )
