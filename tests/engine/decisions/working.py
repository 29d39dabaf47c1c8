"""The tasks of an approved spec, and what they leave."""

from functools import partial

from engine.events import (
    Cause,
    Choice,
    Failed,
    Mark,
    TaskEnded,
)
from engine.request import Decided, RunKind, State
from engine.schemas import Condition, Outcome, Plan, Verification
from tests.engine.decisions.record import Written, at
from tests.engine.stories import COMMIT
from tests.engine.strategies import (
    ASKER,
    BASE,
    BYSTANDER,
    DANA,
    LEAKS,
    PLANS,
    READER,
    planned,
    task_ended,
)


def tasks_side_by_side() -> Written:
    story = Written(plan=PLANS[1])
    story.opened().goes_on(until=State.WORKING)
    story.quietly()
    story.ends(RunKind.TASK, task_ended("read1", BASE), "read1")
    story.ends(RunKind.TASK, task_ended("build", COMMIT), "build")
    story.ends(RunKind.TASK, task_ended("read2", BASE), "read2")
    foreseen = Written(plan=PLANS[2])
    foreseen.opened().goes_on(until=State.WORKING)
    foreseen.quietly()
    foreseen.tries(partial(foreseen.ends, RunKind.TASK, task_ended("analyse", BASE)))
    foreseen.ends(RunKind.TASK, task_ended("analyse", BASE, Outcome.BLOCKED))
    foreseen.tries(partial(foreseen.ends, RunKind.TASK, task_ended("other", COMMIT, Outcome.BLOCKED)))
    foreseen.ends(RunKind.TASK, task_ended("other", COMMIT))
    circle = Written(plan=PLANS[0].model_copy(update={"tasks": (planned("a", ("b",)), planned("b", ("a",)))}))
    circle.opened().goes_on(until=State.AWAITING_APPROVAL)
    circle.quietly()
    circle.approves()
    circle.tries_all(ASKER, DANA)
    story.lines += [*foreseen.lines, *circle.lines]
    return story


def what_a_reader_began_with() -> Written:
    """A reader that ends late tells the commit it began with; the work takes no step back."""
    plan = Plan(
        tasks=(
            planned("first"),
            planned("reads", ("first",), agent=READER),
            planned("second", ("first",)),
            planned("beside", agent=READER),
            planned("after", ("beside",), on=Condition(task="beside", outcome=Outcome.DONE)),
        )
    )
    story = Written(plan=plan)
    story.opened().goes_on(until=State.WORKING)
    story.quietly()
    story.ends(RunKind.TASK, task_ended("first", COMMIT), "first")
    story.ends(RunKind.TASK, task_ended("second", "d" * 40), "second")
    story.ends(RunKind.TASK, task_ended("reads", COMMIT), "reads")
    marks = (Mark(claim="It runs", verified=False, why="no receipt"),)
    story.tries(partial(story.ends, RunKind.TASK, task_ended("beside", BASE, Outcome.BLOCKED), "beside"))
    story.ends(RunKind.TASK, task_ended("beside", "", marks=marks), "beside")
    return story


def a_task_that_is_blocked() -> Written:
    story = at(State.WORKING)
    blocked = task_ended("analyse", BASE, Outcome.BLOCKED)
    ran = Verification(claim="make test fails", receipt="R1", exit_code=2)
    told = blocked.report.model_copy(update={"verification": (ran,)})
    story.ends(RunKind.TASK, blocked.model_copy(update={"report": told}))
    story.tries_all(ASKER, DANA, BYSTANDER)
    story.chooses(DANA, "escalation:1", Choice.RETRY, "Read the page")
    story.ends(RunKind.TASK, blocked)
    story.chooses(DANA, "escalation:2", Choice.RETRY, "Read it twice")
    story.ends(RunKind.TASK, Failed(cause=Cause.TURNS, sentence="Too long."))
    story.tries_all(DANA)
    return story


def files_beyond_the_spec() -> Written:
    story = at(State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.quietly()
    refused = task_ended("build", COMMIT, refused=tuple((f"{n}.pyc", "bytecode") for n in range(11)))
    story.tries(partial(_asks, story, refused))
    outside = task_ended("build", COMMIT, outside=("Makefile", "conftest.py"))
    story.ends(RunKind.TASK, outside)
    story.tries_all(ASKER, DANA, BYSTANDER)
    story.chooses(DANA, "escalation:1", Choice.REVERT_OUTSIDE)
    story.ends(RunKind.TASK, task_ended("revert1", "d" * 40, outside=("Makefile",)))
    story.tries(partial(story.chooses, ASKER, "escalation:2", Choice.REVERT_OUTSIDE))
    story.chooses(DANA, "escalation:2", Choice.KEEP_OUTSIDE)
    return story


def asked_while_others_work() -> Written:
    story = Written(plan=PLANS[1])
    story.opened().goes_on(until=State.WORKING)
    story.quietly()
    for more in ({"outside": ("Makefile",)}, {"leaks": LEAKS[:1]}):
        story.tries(partial(_kept, story, task_ended("build", COMMIT, **more)))
    story.ends(RunKind.TASK, task_ended("build", COMMIT, outside=("Makefile",)), "build")
    story.chooses(DANA, "escalation:1", Choice.KEEP_OUTSIDE)
    for name in ("read1", "read2"):
        story.ends(RunKind.TASK, task_ended(name, BASE), name)
    story.review_ends(exit_code=1)
    story.ends(RunKind.TASK, task_ended("fix2", "e" * 40, outside=("Makefile", "conftest.py")))
    story.chooses(DANA, "escalation:2", Choice.KEEP_OUTSIDE)
    return story


def _kept(story: Written, result: TaskEnded) -> None:
    story.ends(RunKind.TASK, result, "build")
    story.tries_all(DANA)


def decided_cards() -> Written:
    """Whatever the state says, a decided card takes no second choice; an old one none, either."""
    story = at(State.BLOCKED)
    asked = story.now.escalations[0].model_copy(update={"decided": Decided(by=DANA, choice=Choice.LEAVE)})
    story.stored = story.now.model_copy(update={"escalations": (asked,)})
    for choice in (Choice.FIX, Choice.STOP):
        story.chooses(DANA, "escalation:1", choice)
    for state in (State.WORKING, State.AWAITING_APPROVAL):
        none = at(state)
        none.chooses(DANA, "escalation:1", Choice.RETRY)
        none.chooses(DANA, "escalation:1", Choice.STOP)
        none.chooses(DANA, "push:1", Choice.STOP)
        none.chooses(DANA, "push:1", Choice.APPROVE_PUSH, item=COMMIT)
        story.lines += none.lines
    return story


def _asks(story: Written, result: object) -> None:
    story.ends(RunKind.TASK, result)  # type: ignore[arg-type]
    story.tries_all(ASKER, DANA, BYSTANDER)


def secrets() -> Written:
    story = at(State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.quietly()
    story.ends(RunKind.TASK, task_ended("build", COMMIT, leaks=LEAKS, outside=("Makefile",)))
    story.tries_all(ASKER, DANA, BYSTANDER)
    story.chooses(DANA, "escalation:1", Choice.LET_THROUGH, item="L3")
    story.chooses(DANA, "escalation:1", Choice.LET_THROUGH, item="L2")
    story.chooses(DANA, "escalation:2", Choice.LET_THROUGH, item="L1")
    leaving = at(State.DELIVERING)
    leaving.ends(RunKind.DELIVER, Failed(cause=Cause.LEAK, sentence="Secrets.", leaks=LEAKS[1:]))
    leaving.tries_all(DANA)
    leaving.chooses(DANA, "escalation:1", Choice.LET_THROUGH, item="L1")
    story.lines += leaving.lines
    return story


SITUATIONS = (
    tasks_side_by_side,
    what_a_reader_began_with,
    a_task_that_is_blocked,
    files_beyond_the_spec,
    asked_while_others_work,
    decided_cards,
    secrets,
)
