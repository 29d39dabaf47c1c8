"""Tasks, review rounds and delivery: working, reviewing, delivering, delivered."""

from engine import gate, plans
from engine.decide.moves import Decision, Moves, only_you, unchanged
from engine.decide.opening import STOP
from engine.events import (
    Cause,
    Choice,
    Delivered,
    Ran,
    Result,
    Reviewed,
    Said,
    TaskEnded,
    Triaged,
    Verified,
)
from engine.policy import enough
from engine.request import (
    GateVerdict,
    Heard,
    Live,
    Offer,
    Policy,
    ReviewRound,
    RunKind,
    ScopeItem,
    Snapshot,
    SpecFate,
    State,
    Task,
    TaskStatus,
)
from engine.schemas import MessageKind, Outcome, Severity

HEARD = 20
LONGEST_WISH = 1_000

ANOTHER_ROUND = Offer(
    choice=Choice.ANOTHER_ROUND,
    label="Another round",
    tradeoff="One more fix and review, with your advice in the hand-over.",
    asks="Advice for the fix",
)


def begin(moves: Moves) -> None:
    """The spec is approved: lay out its tasks and start those that depend on nothing."""
    spec = moves.now.spec
    assert spec is not None  # noqa: S101 (only an approved spec comes here)
    tasks = tuple(Task(id=t.id, agent=t.agent) for t in spec.plan.tasks)
    kept = tuple(t for t in moves.now.tasks if t.id == "look")
    moves.set(tasks=(*kept, *tasks), head=spec.base_commit, kept_outside=(), review_rounds=(), extra_rounds=0)
    moves.enter(State.WORKING)
    _start_ready(moves)


def finished(moves: Moves, live: Live, result: Result, policy: Policy) -> Decision | None:
    """The end of a task, of a verification or review, of the delivery, or of a triage."""
    match result:
        case TaskEnded():
            _task_ended(moves, result)
        case Verified() if live.about == moves.now.base_commit and moves.now.state is not State.REVIEWING:
            moves.set(base_results=result.results)
        case Verified():
            _verified(moves, result)
            _close_round(moves, policy)
        case Reviewed():
            _reviewed(moves, live, result)
            _close_round(moves, policy)
        case Delivered():
            _delivered(moves, result)
        case Triaged():
            _triaged(moves, result)
        case _:
            return None
    return moves.decision()


# ---------------------------------------------------------------- tasks


def _start_ready(moves: Moves) -> None:
    spec = moves.now.spec
    assert spec is not None  # noqa: S101 (tasks exist only for a spec)
    statuses = {t.id: t.status for t in moves.now.tasks}
    outcomes = {t.id: t.report.outcome for t in moves.now.tasks if t.report}
    start, skip = plans.ready(spec.plan, statuses, outcomes)
    for task_id in skip:
        update_task(moves, task_id, status=TaskStatus.SKIPPED)
    for task_id in start:
        update_task(moves, task_id, status=TaskStatus.RUNNING)
        moves.start(RunKind.TASK, task_id)


def update_task(moves: Moves, task_id: str, **changes: object) -> None:
    """Change one task of the snapshot."""
    moves.set(tasks=tuple(t.model_copy(update=changes) if t.id == task_id else t for t in moves.now.tasks))


def _task_ended(moves: Moves, result: TaskEnded) -> None:
    update_task(
        moves,
        result.task,
        status=TaskStatus.DONE,
        report=result.report,
        marks=result.marks,
        commit=result.commit,
    )
    if result.commit:
        moves.set(head=result.commit)
    if result.refused:
        _refused_files(moves, result)
    elif result.report.outcome is Outcome.BLOCKED:
        _task_blocked(moves, result)
    else:
        unexpected = tuple(path for path in result.outside if path not in moves.now.kept_outside)
        if unexpected:
            _outside(moves, unexpected)
        else:
            go_on(moves)


def go_on(moves: Moves) -> None:
    """Start what can start; when nothing is left to do, review."""
    if any(t.id.startswith("fix") and t.status is TaskStatus.RUNNING for t in moves.now.tasks):
        return
    _start_ready(moves)
    if all(t.status not in {TaskStatus.PENDING, TaskStatus.RUNNING} for t in moves.now.tasks):
        start_round(moves)


def _refused_files(moves: Moves, result: TaskEnded) -> None:
    listed = "; ".join(f"{path} ({why})" for path, why in result.refused[:10])
    moves.escalate(
        State.BLOCKED,
        Cause.REFUSED_FILES,
        f"The work holds files that may never be committed, so they were left out: {listed}",
        (
            Offer(
                choice=Choice.FIX,
                label="Fix and review",
                tradeoff="The implementer is told which files to do without.",
                asks="Advice for the fix",
            ),
            STOP,
        ),
        resume=State.WORKING,
    )


def _task_blocked(moves: Moves, result: TaskEnded) -> None:
    task = Live(id="", kind=RunKind.TASK, about=result.task)
    moves.escalate(
        State.ESCALATED,
        Cause.TASK,
        f"A task could not be done: {result.report.summary}",
        (
            Offer(
                choice=Choice.RETRY,
                label="Try this task again",
                tradeoff="It starts anew, with your advice in the hand-over.",
                asks="Advice for the task",
            ),
            STOP,
        ),
        attempts=tuple(f"Receipt {v.receipt}: {v.claim}" for v in result.report.verification),
        resume=State.WORKING,
        resume_runs=(task,),
    )


def _outside(moves: Moves, paths: tuple[str, ...]) -> None:
    moves.escalate(
        State.ESCALATED,
        Cause.OUTSIDE,
        f"Files were changed that the approved spec does not name: {', '.join(paths[:20])}",
        (
            Offer(
                choice=Choice.REVERT_OUTSIDE,
                label="Revert them",
                tradeoff="Only the approved artifacts stay changed; then the work goes on.",
            ),
            Offer(
                choice=Choice.KEEP_OUTSIDE,
                label="Keep them",
                tradeoff="They become part of the pull request; checks that need them count as not checked.",
                approvers_only=True,
            ),
            STOP,
        ),
        resume=State.WORKING,
        paths=paths,
    )


# ---------------------------------------------------------------- review rounds


def start_round(moves: Moves) -> None:
    """Verify and review the work's head, side by side."""
    number = len(moves.now.review_rounds) + 1
    commit = moves.now.head
    moves.enter(State.REVIEWING)
    moves.set(review_rounds=(*moves.now.review_rounds, ReviewRound(number=number, commit=commit)))
    moves.start(RunKind.VERIFY, commit)
    for reviewer in moves.now.reviewers:
        moves.start(RunKind.REVIEW, reviewer)


def _change_round(moves: Moves, **changes: object) -> None:
    rounds = moves.now.review_rounds
    moves.set(review_rounds=(*rounds[:-1], rounds[-1].model_copy(update=changes)))


def _verified(moves: Moves, result: Verified) -> None:
    current = moves.now.round
    if current is None or result.commit != current.commit:
        return
    at_base = tuple(r for r in result.results if r.where is Ran.BASE)
    if at_base:
        moves.set(base_results=at_base)
    rest = tuple(r for r in result.results if r.where is not Ran.BASE)
    _change_round(moves, results=rest, facts=result.facts)


def _reviewed(moves: Moves, live: Live, result: Reviewed) -> None:
    current = moves.now.round
    if current is None or moves.now.state is not State.REVIEWING:
        return
    others = tuple(r for r in current.reviews if r.reviewer != live.about)
    _change_round(moves, reviews=(*others, result.model_copy(update={"reviewer": live.about})))


def _close_round(moves: Moves, policy: Policy) -> None:
    current, spec = moves.now.round, moves.now.spec
    if current is None or spec is None or moves.now.state is not State.REVIEWING or current.gate is not None:
        return
    if current.results is None or {r.reviewer for r in current.reviews} < set(moves.now.reviewers):
        return
    settled = gate.settle(spec.draft, moves.now.base_results, current.results, current.facts, current.reviews)
    required = tuple(dict.fromkeys((*policy.reviewers, *moves.now.reviewers)))
    verdict = gate.gate(
        settled,
        current.reviews,
        required=required,
        commit=current.commit,
        unchecked_allowed=moves.now.unchecked_by is not None,
    )
    _change_round(moves, settled=settled, gate=verdict.verdict, reasons=verdict.reasons)
    moves.show(f"review:{current.number}")
    match verdict.verdict:
        case GateVerdict.PASS:
            start_delivery(moves, policy)
        case GateVerdict.FIX:
            _fix_or_escalate(moves, policy)
        case GateVerdict.BLOCKED:
            _blocked(moves)
        case GateVerdict.ESCALATE:
            _unsettled(moves)


def _fix_or_escalate(moves: Moves, policy: Policy) -> None:
    done = len(moves.now.review_rounds)
    if done < policy.review_rounds + moves.now.extra_rounds:
        start_fix(moves)
        return
    rounds = moves.now.review_rounds
    moves.escalate(
        State.ESCALATED,
        Cause.ROUNDS,
        f"After {done} rounds the work still does not meet the spec: {'; '.join(rounds[-1].reasons[:5])}",
        (ANOTHER_ROUND, STOP),
        attempts=tuple(f"Round {r.number}: {'; '.join(r.reasons[:3])}" for r in rounds),
        recommendation="If the same thing failed in every round, stop and change the request.",
    )


def start_fix(moves: Moves, advice: str = "") -> None:
    """Give what failed back to the implementer; a review round follows."""
    spec = moves.now.spec
    assert spec is not None  # noqa: S101 (fixes exist only for a spec)
    number = len(moves.now.review_rounds) + 1
    fix_id = f"fix{number}"
    ids = {t.id for t in moves.now.tasks}
    while fix_id in ids:
        number += 1
        fix_id = f"fix{number}"
    fix = Task(id=fix_id, agent=moves.now.implementer, status=TaskStatus.RUNNING, objective=advice)
    moves.enter(State.WORKING)
    moves.set(tasks=(*moves.now.tasks, fix))
    moves.start(RunKind.TASK, fix_id)


def _blocked(moves: Moves) -> None:
    current = moves.now.round
    assert current is not None  # noqa: S101 (a gate's verdict belongs to a round)
    critical = any(
        f.severity is Severity.CRITICAL for r in current.reviews if r.review for f in r.review.findings
    )
    fix = Offer(
        choice=Choice.FIX,
        label="Fix and re-review",
        tradeoff="The findings go back to the implementer; every check and review runs again.",
        asks="Advice for the fix",
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
        (fix, STOP) if critical else (again, STOP),
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
                asks="Advice for the fix",
            ),
            Offer(
                choice=Choice.DELIVER_UNCHECKED,
                label="Deliver as it is",
                tradeoff="The pull request says “not checked” on these criteria, and that you decided so.",
                approvers_only=True,
            ),
            STOP,
        ),
        resume=State.REVIEWING,
    )


# ---------------------------------------------------------------- delivery


def start_delivery(moves: Moves, policy: Policy) -> None:
    """Deliver, if the approvals still count today."""
    spec = moves.now.spec
    assert spec is not None  # noqa: S101 (only a reviewed spec comes here)
    if spec.fate is SpecFate.APPROVED and enough(policy, moves.now, spec.approvals):
        moves.enter(State.DELIVERING)
        moves.start(RunKind.DELIVER)
        return
    entitled = tuple(a for a in spec.approvals if enough(policy, moves.now, (a,)))
    reopened = spec.model_copy(update={"fate": SpecFate.OPEN, "approvals": entitled})
    moves.set(specs=(*moves.now.specs[:-1], reopened))
    moves.enter(State.AWAITING_APPROVAL)
    moves.wait()
    moves.show(f"spec:{spec.number}")
    moves.post(
        "Who may approve has changed since; the spec needs approval again before anything is delivered."
    )


def _delivered(moves: Moves, result: Delivered) -> None:
    before = moves.now.deliveries
    moves.set(delivery=result, deliveries=before + 1)
    moves.enter(State.DELIVERED)
    if before:
        moves.show(f"delivery:{before}")
    moves.show(f"delivery:{before + 1}")


# ---------------------------------------------------------------- messages while work runs


def hear(snapshot: Snapshot, event: Said) -> Decision:
    """A message while work runs: told apart by triage, kept out of the work until then."""
    if len(snapshot.heard) >= HEARD or not event.text.strip():
        return (
            unchanged(snapshot)
            if not event.mentions_bot
            else only_you(
                snapshot,
                "I am still reading earlier messages of this thread; please say it again in a minute.",
            )
        )
    moves = Moves(snapshot, event.at)
    hear_text(moves, Heard(ts=event.ts, by=event.by, text=event.text[:LONGEST_WISH]))
    return moves.quiet_decision()


def hear_text(moves: Moves, heard: Heard) -> None:
    """Keep a message aside and have it told apart."""
    moves.set(heard=(*moves.now.heard, heard))
    moves.start(RunKind.TRIAGE, heard.ts)


def take_heard(moves: Moves, ts: str) -> Heard | None:
    """Take a message back from those that wait to be told apart."""
    heard = next((h for h in moves.now.heard if h.ts == ts), None)
    moves.set(heard=tuple(h for h in moves.now.heard if h.ts != ts))
    return heard


def keep_aside(moves: Moves, heard: Heard, title: str) -> None:
    """A wish that the approved spec does not hold: listed, and nothing of it is worked on."""
    item = ScopeItem(by=heard.by, text=heard.text, title=title or heard.text[:60], ts=heard.ts)
    moves.set(scope_items=(*moves.now.scope_items, item))
    if moves.now.delivery:
        moves.show(f"delivery:{moves.now.deliveries}")


def _triaged(moves: Moves, result: Triaged) -> None:
    heard = take_heard(moves, result.message)
    if heard is None:
        return
    if heard.not_yet and moves.now.state is State.DELIVERED:
        _not_yet(moves, heard, result)
    elif result.kind is MessageKind.QUESTION:
        moves.post(_how_it_stands(moves.now), to=heard.by)
    elif result.kind in {MessageKind.NEW_SCOPE, MessageKind.WITHIN_SPEC}:
        keep_aside(moves, heard, result.title)


def _not_yet(moves: Moves, heard: Heard, result: Triaged) -> None:
    if result.kind in {MessageKind.WITHIN_SPEC, MessageKind.QUESTION}:
        moves.set(extra_rounds=moves.now.extra_rounds + 1)
        start_fix(moves, heard.text)
        return
    keep_aside(moves, heard, result.title)
    moves.post(
        "What you miss goes beyond the approved spec: I keep it as a proposed follow-up and change nothing. "
        "Confirm the delivery if the rest is done; mention me in a new thread for the follow-up.",
        to=heard.by,
    )


def _how_it_stands(snapshot: Snapshot) -> str:
    running = [t.agent for t in snapshot.tasks if t.status is TaskStatus.RUNNING]
    work = f"{', '.join(running)} at work" if running else snapshot.state.value.replace("_", " ")
    done = sum(t.status is TaskStatus.DONE for t in snapshot.tasks)
    return (
        f"Now: {work}; {done} of {len(snapshot.tasks)} tasks done, "
        f"{len(snapshot.review_rounds)} review rounds so far. The first card of this thread shows each step."
    )
