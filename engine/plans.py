"""What a plan must be before anyone approves it, and which of its tasks may start when. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from engine.request import TaskStatus
from engine.schemas import Outcome, Plan, PlannedTask
from engine.wording import hidden_in

RESERVED = ("look", "fix", "revert")
MOST_CHARACTERS = 20_000
"""Of all tasks together. With the longest spec this makes some 65,000 characters, which people can still be
shown whole in one piece: front ends take 200,000 bytes, three for each character of most scripts. A front end
that cuts a version all the same must not let it be approved."""
ENDED = frozenset({TaskStatus.DONE, TaskStatus.FAILED, TaskStatus.SKIPPED})


@dataclass(frozen=True)
class AgentKind:
    """What an agent of the roster may do."""

    writes: bool
    reviews: bool


class Ready(NamedTuple):
    """Ids in the plan's order: tasks that can start now, and tasks that will never run."""

    start: tuple[str, ...]
    skip: tuple[str, ...]


# ---------------------------------------------------------------- validation


def validate(plan: Plan, agents: Mapping[str, AgentKind], cap: int) -> tuple[str, ...]:
    """Everything that is wrong with a plan, in sentences for the model that repairs it.

    Args:
        plan: As the model wrote it.
        agents: The roster, by name.
        cap: How many tasks a plan may have.

    Returns:
        Sentences; empty if the plan may be shown for approval.
    """
    if len(plan.tasks) > cap:
        return (f"The plan has {len(plan.tasks)} tasks; at most {cap} are allowed. Merge or drop some.",)
    if (size := sum(_size(task) for task in plan.tasks)) > MOST_CHARACTERS:
        return (
            f"The plan is too long: its tasks have {size} characters, at most {MOST_CHARACTERS} are allowed "
            "in all. Say less in each, or merge or drop some.",
        )
    problems = [*_ids(plan), *_agents(plan, agents), *_dependencies(plan), *hidden_in(plan)]
    return tuple(problems or [*_conditions(plan), *_writers(plan, agents)])


def _size(task: PlannedTask) -> int:
    """Characters of everything that people are shown of a task."""
    condition = task.condition.task if task.condition else ""
    words = (task.id, task.agent, task.objective, task.effort, condition)
    return sum(map(len, (*words, *task.returns, *task.boundaries, *task.depends_on)))


def _ids(plan: Plan) -> list[str]:
    problems = []
    ids = [task.id.casefold() for task in plan.tasks]
    problems += [
        f"Task id {name} stands twice; ids are unique." for name in sorted(set(ids)) if ids.count(name) > 1
    ]
    for task in plan.tasks:
        # What the engine calls its own tasks: no plan must seem to hold one of these.
        if task.id.casefold().startswith(RESERVED):
            problems.append(
                f"Task id {task.id} is reserved: choose one that does not start with "
                f"{', '.join(RESERVED[:-1])} or {RESERVED[-1]}."
            )
    return problems


def _agents(plan: Plan, agents: Mapping[str, AgentKind]) -> list[str]:
    problems = []
    may = sorted(name for name, kind in agents.items() if not kind.reviews)
    for task in plan.tasks:
        kind = agents.get(task.agent)
        if kind is None:
            problems.append(f"Task {task.id}: there is no agent {task.agent!r}; known are {', '.join(may)}.")
        elif kind.reviews:
            problems.append(
                f"Task {task.id}: {task.agent} is a reviewer and gets no task; "
                "every delivery is reviewed anyway. Leave the task out."
            )
    if not any(_writes(task, agents) for task in plan.tasks):
        writers = sorted(name for name in may if agents[name].writes)
        problems.append(
            f"No task changes anything: give at least one to an agent that writes ({', '.join(writers)})."
        )
    return problems


def _dependencies(plan: Plan) -> list[str]:
    known = {task.id for task in plan.tasks}
    problems = [
        f"Task {task.id} depends on {name!r}, which is no task of the plan."
        for task in plan.tasks
        for name in sorted(set(task.depends_on) - known)
    ]
    before = ancestors(plan)
    cycle = [task.id for task in plan.tasks if task.id in before[task.id]]
    if cycle:
        problems.append(f"The dependencies go round in a circle through {', '.join(cycle)}.")
    return problems


def _conditions(plan: Plan) -> list[str]:
    before = ancestors(plan)
    return [
        f"Task {task.id} has a condition on {task.condition.task!r}, but does not depend on it; "
        "add it to depends_on."
        for task in plan.tasks
        if task.condition is not None and task.condition.task not in before[task.id]
    ]


def _writers(plan: Plan, agents: Mapping[str, AgentKind]) -> list[str]:
    before = ancestors(plan)
    writers = [task.id for task in plan.tasks if _writes(task, agents)]
    return [
        f"Tasks {one} and {other} both change files of the same checkout: let one depend on the other."
        for one, other in combinations(writers, 2)
        if one not in before[other] and other not in before[one]
    ]


def _writes(task: PlannedTask, agents: Mapping[str, AgentKind]) -> bool:
    kind = agents.get(task.agent)
    return kind is not None and kind.writes and not kind.reviews


def ancestors(plan: Plan) -> dict[str, frozenset[str]]:
    """The tasks that come before each task, through any number of dependencies (itself, in a circle)."""
    direct = {task.id: set(task.depends_on) for task in plan.tasks}
    found: dict[str, frozenset[str]] = {}
    for name in direct:
        seen: set[str] = set()
        left = list(direct[name])
        while left:
            current = left.pop()
            if current not in seen:
                seen.add(current)
                left.extend(direct.get(current, ()))
        found[name] = frozenset(seen & direct.keys())
    return found


# ---------------------------------------------------------------- running


def ready(plan: Plan, statuses: Mapping[str, TaskStatus], outcomes: Mapping[str, Outcome]) -> Ready:
    """Which pending tasks can start now, and which will never run.

    A task starts once everything it depends on is done and its condition holds. It is skipped if its
    condition turned out false, or something it depends on failed, was skipped or does not exist; then
    what depends on it is skipped as well. A failed task does not stop one whose condition names
    exactly the outcome it reported.

    Args:
        plan: A validated plan.
        statuses: By task id; tasks that are not in it are pending.
        outcomes: What ended tasks reported, by task id.
    """
    now = {task.id: statuses.get(task.id, TaskStatus.PENDING) for task in plan.tasks}
    skip: list[str] = []
    while more := [t.id for t in plan.tasks if now[t.id] is TaskStatus.PENDING and _never(t, now, outcomes)]:
        now |= dict.fromkeys(more, TaskStatus.SKIPPED)
        skip += more
    start = tuple(
        t.id for t in plan.tasks if now[t.id] is TaskStatus.PENDING and _may_start(t, now, outcomes)
    )
    return Ready(start, tuple(task.id for task in plan.tasks if task.id in skip))


def done(plan: Plan, statuses: Mapping[str, TaskStatus]) -> bool:
    """Whether every task of the plan has ended, one way or another."""
    return all(statuses.get(task.id, TaskStatus.PENDING) in ENDED for task in plan.tasks)


def _never(task: PlannedTask, now: Mapping[str, TaskStatus], outcomes: Mapping[str, Outcome]) -> bool:
    if any(_lost(task, name, now, outcomes) for name in task.depends_on):
        return True
    if task.condition is None:
        return False
    state = now.get(task.condition.task, TaskStatus.SKIPPED)
    return state in ENDED and not _condition_holds(task, task.condition.task, outcomes)


def _lost(
    task: PlannedTask, name: str, now: Mapping[str, TaskStatus], outcomes: Mapping[str, Outcome]
) -> bool:
    state = now.get(name, TaskStatus.SKIPPED)
    if state is TaskStatus.FAILED:
        return not _condition_holds(task, name, outcomes)
    return state is TaskStatus.SKIPPED


def _may_start(task: PlannedTask, now: Mapping[str, TaskStatus], outcomes: Mapping[str, Outcome]) -> bool:
    needed = {*task.depends_on} | ({task.condition.task} if task.condition else set())
    return all(now.get(name) in {TaskStatus.DONE, TaskStatus.FAILED} for name in needed) and not _never(
        task, now, outcomes
    )


def _condition_holds(task: PlannedTask, name: str, outcomes: Mapping[str, Outcome]) -> bool:
    condition = task.condition
    return condition is not None and condition.task == name and outcomes.get(name) is condition.outcome
