"""Looks before anything is approved: side by side, read-only, and what is decided once all are over."""

from engine.decide.moves import STOP, Moves
from engine.events import Cause, Choice, Failed, TaskEnded
from engine.request import (
    Given,
    Investigation,
    Live,
    Offer,
    Policy,
    RunKind,
    Snapshot,
    State,
    Task,
    TaskStatus,
)
from engine.schemas import Assessment, Dilemma, Look, Outcome, Question

OVER = {TaskStatus.DONE, TaskStatus.FAILED}


def pending(snapshot: Snapshot) -> tuple[Question, ...]:
    """Questions answered "find out" that no investigation has followed yet."""
    last = snapshot.investigations[-1] if snapshot.investigations else None
    return tuple(
        question
        for round_ in snapshot.rounds[last.rounds if last else 0 :]
        for question, given in zip(round_.questions, round_.given, strict=True)
        if _asks(given)
    )


def _asks(given: Given | None) -> bool:
    return given is not None and given.find_out


def may_begin(snapshot: Snapshot) -> bool:
    """Whether an investigation may be started: one by itself, then one for each time it is asked for."""
    return not snapshot.investigations or bool(pending(snapshot))


def begin(moves: Moves, assessment: Assessment, policy: Policy) -> None:
    """Start all looks at once, each a task of its own."""
    now = moves.now
    first = 1 + sum(task.looks for task in now.every_task)
    looks = tuple(
        Task(id=f"look{number}", agent=agent, status=TaskStatus.RUNNING, objective=objective)
        for number, (agent, objective) in enumerate(_looks(now, assessment, policy), first)
    )
    investigation = Investigation(looks=tuple(look.id for look in looks), rounds=len(now.rounds))
    moves.set(tasks=(*now.tasks, *looks), investigations=(*now.investigations, investigation))
    for look in looks:
        moves.start(RunKind.TASK, look.id)


def _looks(now: Snapshot, assessment: Assessment, policy: Policy) -> tuple[tuple[str, str], ...]:
    """Agent and objective of each look, each once.

    Who searches the web gets no objective: whatever wrote it has seen the repository.
    """
    questions = "\n".join(question.text for question in pending(now))
    asked = assessment.investigate or (
        Look(agent=policy.researcher, objective=questions or assessment.understood),
    )
    looks = []
    for look in asked:
        agent = look.agent if look.agent in policy.may_look else policy.researcher
        looks.append((agent, "" if agent in policy.web_researchers else look.objective))
    return tuple(dict.fromkeys(looks))


# ---------------------------------------------------------------- how looks end


def looked(moves: Moves, live: Live, result: TaskEnded) -> None:
    """A look came back, with something or with why it could not."""
    blocked = result.report.outcome is Outcome.BLOCKED
    _end(
        moves,
        live,
        status=TaskStatus.FAILED if blocked else TaskStatus.DONE,
        report=result.report,
        marks=result.marks,
        trouble=result.report.summary if blocked else "",
    )


def look_failed(moves: Moves, live: Live, failure: Failed) -> None:
    """A look gave up: the others go on, and the card says what is missing."""
    reference = f" (error {failure.error_id})" if failure.error_id else ""
    _end(
        moves,
        live,
        status=TaskStatus.FAILED,
        report=None,  # a look that is made again has one of the first time
        marks=(),
        trouble=f"{failure.sentence}{reference}",
    )


def _end(moves: Moves, live: Live, **changes: object) -> None:
    tasks = moves.now.tasks
    moves.set(tasks=tuple(t.model_copy(update=changes) if t.id == live.about else t for t in tasks))
    current = moves.now.investigations[-1] if moves.now.investigations else None
    if current is None:
        return
    looks = [task for task in moves.now.tasks if task.id in current.looks]
    if any(look.status not in OVER for look in looks):
        return
    _change(moves, ended=True)
    if any(look.status is TaskStatus.DONE for look in looks):
        moves.show(f"findings:{moves.now.investigated}")
        moves.start(RunKind.ASSESS)
    else:
        _nothing_found(moves, current, looks)


def _change(moves: Moves, **changes: object) -> None:
    *before, last = moves.now.investigations
    moves.set(investigations=(*before, last.model_copy(update=changes)))


def _nothing_found(moves: Moves, current: Investigation, looks: list[Task]) -> None:
    moves.escalate(
        State.ESCALATED,
        Cause.INVESTIGATION,
        "I looked before writing a spec, but no look came back with anything. Nothing was changed.",
        (
            Offer(choice=Choice.RETRY, label="Look again", tradeoff="Every look starts anew, read-only."),
            Offer(
                choice=Choice.TELL_MORE,
                label="Tell me what you know",
                tradeoff="I go on from your words, without the investigation.",
                asks="What you know about it",
            ),
            STOP,
        ),
        attempts=tuple(f"{look.agent}: {look.trouble}" for look in looks),
        resume_runs=tuple(Live(id="", kind=RunKind.TASK, about=look) for look in current.looks),
    )


# ---------------------------------------------------------------- what the assessment makes of it


def contradicted(moves: Moves, contradictions: tuple[str, ...]) -> None:
    """The assessment after an investigation names where its reports contradict each other."""
    current = moves.now.investigations[-1] if moves.now.investigations else None
    if current is None or not current.ended or not contradictions or current.contradictions:
        return
    _change(moves, contradictions=contradictions)
    moves.show(f"findings:{moves.now.investigated}")


def put_to_people(moves: Moves, dilemma: Dilemma) -> None:
    """Several ways lead on, and nothing but a person's word decides between them."""
    picks = tuple(Offer(choice=Choice.PICK, label=w.label, tradeoff=w.tradeoff) for w in dilemma.ways)
    words = Offer(
        choice=Choice.TELL_MORE,
        label="Something else",
        tradeoff="You say in your own words how to go on.",
        asks="How to go on",
    )
    moves.escalate(
        State.ESCALATED,
        Cause.DILEMMA,
        dilemma.situation,
        (*picks, words, STOP),
        attempts=attempts(moves.now),
        recommendation=dilemma.ways[dilemma.recommended].label,
    )


def attempts(snapshot: Snapshot) -> tuple[str, ...]:
    """The looks that were made and the rounds that were asked, a line each."""
    looks = [
        f"{task.agent} looked: {task.report.summary if task.report else task.trouble}"
        for task in snapshot.tasks
        if task.looks and task.status in OVER
    ]
    rounds = [
        f"Round {number}: asked about {', '.join(question.header for question in r.questions)}"
        for number, r in enumerate(snapshot.rounds, 1)
    ]
    return (*looks, *rounds)
