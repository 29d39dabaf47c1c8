"""How a request stands, told from its state alone."""

import pytest

from engine.decide.standing import how_it_stands
from engine.request import GateVerdict, Live, ReviewRound, RunKind, Snapshot, State, Task, TaskStatus
from tests.engine.stories import reached

END = "The first card of this thread shows each step."
WORKING = reached(State.WORKING).now
REVIEWING = reached(State.REVIEWING).now


def task(name: str, status: TaskStatus, agent: str = "mason") -> Task:
    return Task(id=name, agent=agent, status=status)


def stands(snapshot: Snapshot, **fields: object) -> str:
    bare: dict[str, object] = {"tasks": (), "review_rounds": (), "live": ()}
    said = how_it_stands(snapshot.model_copy(update=bare | fields))
    assert said.endswith(f" {END}")
    return said.removesuffix(f" {END}")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.ESCALATED, "I wait for a choice on the card above."),
        (State.BLOCKED, "I wait for a choice on the card above; no pull request before that."),
        (State.PAUSED, "I wait for an approver's choice on the card above."),
        (State.DELIVERED, "I wait for somebody to confirm the delivery, or to say what is missing."),
        (State.AWAITING_APPROVAL, "Now: awaiting approval."),
        (State.ASSESSING, "Now: assessing."),
        (State.REVIEWING, "The checks run and the commit is reviewed."),
        (State.DELIVERING, "Now: delivering."),
    ],
)
def test_what_is_waited_for(state: State, said: str) -> None:
    assert stands(WORKING, state=state) == said


def test_who_is_at_work_each_named_once() -> None:
    tasks = (
        task("a", TaskStatus.RUNNING),
        task("b", TaskStatus.RUNNING, "joiner"),
        task("c", TaskStatus.RUNNING),
        task("d", TaskStatus.PENDING, "idler"),
    )
    assert stands(WORKING, tasks=tasks) == "At work now: mason, joiner. 0 of 4 tasks done."
    assert stands(WORKING, state=State.BLOCKED, tasks=tasks).startswith("I wait for a choice")


def test_how_many_tasks_are_done_without_the_looks_before_them() -> None:
    tasks = (
        task("look1", TaskStatus.DONE),
        task("build", TaskStatus.DONE),
        task("test", TaskStatus.PENDING),
        task("overlook", TaskStatus.DONE),
    )
    assert stands(WORKING, tasks=tasks) == "Now: working. 2 of 3 tasks done."
    assert stands(WORKING, tasks=tasks[1:2]) == "Now: working. 1 of 1 task done."
    assert stands(WORKING, tasks=tasks[:1]) == "Now: working."


def test_who_reviews_and_how_the_last_round_ended() -> None:
    live = (
        Live(id="1", kind=RunKind.REVIEW, about="a-reviewer"),
        Live(id="2", kind=RunKind.REVIEW, about="b-reviewer"),
        Live(id="3", kind=RunKind.VERIFY, about="c" * 40),
    )
    ended = tuple(
        ReviewRound(number=number, commit="c" * 40, gate=gate)
        for number, gate in (
            (1, GateVerdict.FIX),
            (2, GateVerdict.FIX),
            (3, GateVerdict.BLOCKED),
            (4, None),
        )
    )
    assert stands(REVIEWING, live=live, review_rounds=ended) == (
        "The checks run and the commit is reviewed, a-reviewer, b-reviewer at work. "
        "Review round 3 ended with BLOCKED."
    )
    assert stands(WORKING, live=live, review_rounds=ended[3:]) == "Now: working."
