"""The tasks of an approved spec: started in order, skipped by condition, until all is done."""

from engine import plans
from engine.decide import leaking, reviewing
from engine.decide.moves import Moves
from engine.decide.opening import STOP
from engine.events import Cause, Choice, TaskEnded
from engine.request import Live, Offer, Policy, RunKind, State, Task, TaskStatus
from engine.schemas import Outcome


def begin(moves: Moves, policy: Policy) -> None:
    """The spec is approved: lay out its tasks and start those that depend on nothing.

    Rounds of an earlier version stay in the record; they do not count against this one.
    """
    spec = moves.now.spec
    assert spec is not None  # noqa: S101 (only an approved spec comes here)
    tasks = tuple(Task(id=t.id, agent=t.agent) for t in spec.plan.tasks)
    kept = tuple(t for t in moves.now.tasks if t.looks)
    moves.set(
        tasks=(*kept, *tasks),
        head=moves.now.kept_commit or (spec.existing.head if spec.existing else spec.base_commit),
        kept_outside=(),
        unchecked_by=None,
        extra_rounds=len(moves.now.review_rounds),
    )
    moves.enter(State.WORKING)
    beyond = tuple(p for p in spec.existing.changed if p not in spec.draft.artifacts) if spec.existing else ()
    if beyond:
        _outside(moves, beyond)
    else:
        go_on(moves, policy)


def go_on(moves: Moves, policy: Policy) -> None:
    """Start what can start; when nothing is left to do, review."""
    _start_ready(moves)
    if any(task.status is TaskStatus.RUNNING for task in moves.now.tasks):
        return
    for task in moves.now.tasks:  # what can never start, such as tasks that wait for each other
        if task.status is TaskStatus.PENDING:
            update_task(moves, task.id, status=TaskStatus.SKIPPED)
    reviewing.start_round(moves, policy)


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


def task_ended(moves: Moves, live: Live, result: TaskEnded, policy: Policy) -> None:
    """A task came back: go on with the next, or ask about what it did."""
    blocked = result.report.outcome is Outcome.BLOCKED
    # A reader that began before a writer ended reports the head it began with, or none: no step back.
    seen = {"", moves.now.base_commit, *(task.commit for task in moves.now.tasks)}
    update_task(
        moves,
        live.about,
        status=TaskStatus.FAILED if blocked else TaskStatus.DONE,
        report=result.report,
        marks=result.marks,
        commit=result.commit,
    )
    if result.commit not in seen:
        moves.set(head=result.commit)
    if result.refused:
        _refused_files(moves, result)
    elif blocked and not _foreseen(moves, live.about):
        _task_blocked(moves, live, result)
    elif leaks := leaking.standing(moves.now, moves.now.head, result.leaks):
        leaking.block(moves, leaks, State.WORKING, result.outside)
    else:
        unasked(moves, policy, result.outside)


def unasked(moves: Moves, policy: Policy, paths: tuple[str, ...]) -> None:
    """Go on after a task, if none of these paths beyond the spec has to be asked about first."""
    beyond = tuple(path for path in paths if path not in moves.now.kept_outside)
    if beyond:
        _outside(moves, beyond)
    else:
        go_on(moves, policy)


def _foreseen(moves: Moves, task_id: str) -> bool:
    """Whether the approved plan says what to do if this task is blocked."""
    spec = moves.now.spec
    assert spec is not None  # noqa: S101 (tasks exist only for a spec)
    conditions = [task.condition for task in spec.plan.tasks if task.condition]
    return any(c.task == task_id and c.outcome is Outcome.BLOCKED for c in conditions)


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
                asks="An approver's advice for the fix",
            ),
            STOP,
        ),
    )


def _task_blocked(moves: Moves, live: Live, result: TaskEnded) -> None:
    moves.escalate(
        State.ESCALATED,
        Cause.TASK,
        f"A task could not be done: {result.report.summary}",
        (
            Offer(
                choice=Choice.RETRY,
                label="Try this task again",
                tradeoff="It starts anew, with your advice in the hand-over.",
                asks="An approver's advice for the task",
            ),
            STOP,
        ),
        attempts=tuple(f"Receipt {v.receipt}: {v.claim}" for v in result.report.verification),
        resume_runs=(live,),
    )


def _outside(moves: Moves, paths: tuple[str, ...]) -> None:
    moves.escalate(
        State.ESCALATED,
        Cause.OUTSIDE,
        f"Files were changed that the approved spec does not name: {', '.join(paths)}",
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
        paths=paths,
    )
