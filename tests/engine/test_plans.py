from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plans import ENDED, MOST_CHARACTERS, AgentKind, ancestors, done, ready, validate
from engine.request import TaskStatus
from engine.schemas import Condition, Outcome, Plan
from tests.engine.specs import task

AGENTS = {
    "reader": AgentKind(writes=False, reviews=False),
    "writer": AgentKind(writes=True, reviews=False),
    "code-reviewer": AgentKind(writes=False, reviews=True),
}
READ = task("read", agent="reader")
WRITE = task("write", "read")


def plan(*tasks: object) -> Plan:
    return Plan.model_validate({"tasks": tasks})


def test_reading_first_and_writing_after_is_a_plan() -> None:
    assert validate(plan(READ, WRITE, task("more", "write")), AGENTS, 8) == ()


@pytest.mark.parametrize(
    ("tasks", "sentence"),
    [
        ([READ, WRITE, task("more", "write"), task("again", "more")], "at most 3 are allowed"),
        ([READ, task("write", agent="magician")], "no agent 'magician'; known are reader, writer"),
        ([WRITE, READ, task("check", agent="code-reviewer")], "is a reviewer"),
        ([READ], "No task changes anything"),
        ([READ, WRITE, task("WRITE", "write")], "stands twice"),
        ([task("look1")], "reserved"),
        ([task("fix2")], "reserved"),
        ([task("Fix-it")], "reserved"),
        ([task("Look-up")], "reserved"),
        ([task("revert1")], "reserved"),
        ([task("write", "nobody")], "depends on 'nobody'"),
        ([task("a", "b"), task("b", "a")], "round in a circle through a, b"),
        ([task("a", "a")], "round in a circle"),
        ([task("a"), task("b")], "a and b both change files"),
        (
            [READ, task("write", condition=Condition(task="read", outcome=Outcome.DONE))],
            "add it to depends_on",
        ),
        ([task("write", objective="a\u2066b")], "tasks[0].objective holds U+2066"),
    ],
)
def test_a_plan_that_cannot_run_is_refused(tasks: list[object], sentence: str) -> None:
    assert any(sentence in problem for problem in validate(plan(*tasks), AGENTS, 3))


def test_a_plan_that_is_too_long_to_be_read_whole_is_refused() -> None:
    tasks = [task("t1"), *(task(f"t{n}", f"t{n - 1}") for n in range(2, 8))]
    room = MOST_CHARACTERS - sum(len(t.model_dump()["objective"]) for t in tasks)
    long = [t.model_copy(update={"objective": "y" * (room // 7)}) for t in tasks]
    (problem,) = validate(plan(*long), AGENTS, 8)
    assert f"at most {MOST_CHARACTERS} are allowed in all" in problem
    shorter = [t.model_copy(update={"objective": "y" * (room // 7 - 50)}) for t in tasks]
    assert validate(plan(*shorter), AGENTS, 8) == ()


@pytest.mark.parametrize("field", ["returns", "boundaries"])
def test_everything_people_have_to_read_of_a_plan_counts(field: str) -> None:
    lines: dict[str, Any] = {field: ("y" * 300,) * 8}
    tasks = [task("t1", **lines), *(task(f"t{n}", f"t{n - 1}", **lines) for n in range(2, 10))]
    assert "The plan is too long" in validate(plan(*tasks), AGENTS, 9)[0]
    assert validate(plan(*tasks[:8]), AGENTS, 9) == ()


NAMES = ["a", "b", "c", "d", "e"]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any plan over a few names, valid or not."""
    tasks = []
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5)):
        condition = draw(
            st.none() | st.builds(Condition, task=st.sampled_from(NAMES), outcome=st.sampled_from(Outcome))
        )
        needs = draw(st.lists(st.sampled_from(NAMES), max_size=3))
        tasks.append(
            task(name, *needs, agent=draw(st.sampled_from([*AGENTS, "nobody"])), condition=condition)
        )
    return plan(*tasks)


@st.composite
def valid_plans(draw: st.DrawFn) -> Plan:
    """A valid plan: each task depends on some of those before it, writers on the writer before."""
    tasks: list[object] = []
    names: list[str] = []
    writer = ""
    for name in NAMES[: draw(st.integers(1, 5))]:
        agent = draw(st.sampled_from(["reader", "writer"])) if names else "writer"
        needs = draw(st.sets(st.sampled_from(names))) if names else set()
        if agent == "writer":
            needs, writer = needs | {writer} - {""}, name
        outcomes = (
            st.builds(Condition, task=st.sampled_from(sorted(needs)), outcome=st.sampled_from(Outcome))
            if needs
            else st.none()
        )
        tasks.append(task(name, *sorted(needs), agent=agent, condition=draw(st.none() | outcomes)))
        names.append(name)
    return plan(*tasks)


@given(plans())
def test_what_validate_accepts_can_be_run_in_one_checkout(candidate: Plan) -> None:
    if validate(candidate, AGENTS, 5):
        return
    before = ancestors(candidate)
    writers = [t.id for t in candidate.tasks if AGENTS[t.agent].writes]
    assert writers
    assert all(t.id not in before[t.id] and set(t.depends_on) <= before.keys() for t in candidate.tasks)
    assert all(a in before[b] or b in before[a] for a in writers for b in writers if a != b)
    assert not any(AGENTS[t.agent].reviews for t in candidate.tasks)


@given(valid_plans(), st.data())
def test_every_valid_plan_runs_to_its_end(made: Plan, data: st.DataObject) -> None:
    assert validate(made, AGENTS, 5) == ()
    statuses: dict[str, TaskStatus] = {}
    outcomes: dict[str, Outcome] = {}
    before = ancestors(made)
    writers = {t.id for t in made.tasks if AGENTS[t.agent].writes}
    while not done(made, statuses):
        start, skip = ready(made, statuses, outcomes)
        assert not set(start) & set(skip)
        statuses |= dict.fromkeys(skip, TaskStatus.SKIPPED) | dict.fromkeys(start, TaskStatus.RUNNING)
        running = [name for name, status in statuses.items() if status is TaskStatus.RUNNING]
        assert len(writers & set(running)) <= 1
        assert all(statuses[need] in ENDED for name in start for need in before[name])
        if not running:
            break
        name = data.draw(st.sampled_from(running))
        statuses[name] = data.draw(st.sampled_from([TaskStatus.DONE, TaskStatus.FAILED]))
        outcomes[name] = data.draw(st.sampled_from(Outcome))
    assert done(made, statuses)
    for each in made.tasks:
        if statuses[each.id] is not TaskStatus.SKIPPED and each.condition:
            assert outcomes[each.condition.task] is each.condition.outcome


@given(
    plans(),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TaskStatus)),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(Outcome)),
)
def test_ready_never_touches_a_task_that_was_started(
    made: Plan, statuses: dict[str, TaskStatus], outcomes: dict[str, Outcome]
) -> None:
    start, skip = ready(made, statuses, outcomes)
    assert all(statuses.get(name, TaskStatus.PENDING) is TaskStatus.PENDING for name in (*start, *skip))


def test_a_false_condition_skips_the_task_and_what_builds_on_it() -> None:
    condition = Condition(task="read", outcome=Outcome.BLOCKED)
    made = plan(READ, task("a", "read", condition=condition), task("b", "a"), task("c", "read"))
    assert ready(made, {}, {}) == (("read",), ())
    assert ready(made, {"read": TaskStatus.DONE}, {"read": Outcome.DONE}) == (("c",), ("a", "b"))
    assert ready(made, {"read": TaskStatus.FAILED}, {"read": Outcome.BLOCKED}) == (("a",), ("c",))


def test_a_lost_dependency_skips_what_builds_on_it() -> None:
    assert ready(plan(READ, WRITE), {"read": TaskStatus.FAILED}, {}) == ((), ("write",))
    assert ready(plan(READ, WRITE), {"read": TaskStatus.RUNNING}, {}) == ((), ())
