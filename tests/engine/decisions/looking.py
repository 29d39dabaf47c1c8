"""Looks before anything is approved, the spec, and runs that give up."""

from functools import partial

from engine.events import (
    Approved,
    Asked,
    Assessed,
    Cause,
    Choice,
    Failed,
    Paused,
    Resumed,
    RunFinished,
)
from engine.request import RunKind, State
from engine.schemas import Outcome, Plan, Verdict
from tests.engine.decisions.record import Written, at
from tests.engine.strategies import (
    ASKER,
    BASE,
    BYSTANDER,
    DANA,
    ERIN,
    FOREIGN,
    POLICY,
    QUESTIONS,
    REVIEWER,
    assessment,
    planned,
    task_ended,
    verified,
)

TWO = POLICY.model_copy(update={"approvals": 2})


def still_vague() -> Written:
    story = at(State.CLARIFYING)
    for number in (1, 2):
        for index in (0, 1):
            story.answers(ASKER, index, number, labels=("All",))
        story.submits(number=number)
        if number == 1:
            story.ends(RunKind.ASSESS, Assessed(assessment=assessment(Verdict.VAGUE), base_commit=BASE))
            story._step()
    story.quietly()
    without = assessment(Verdict.VAGUE).model_copy(update={"gaps": ()})
    story.tries(partial(story.ends, RunKind.ASSESS, Assessed(assessment=without, base_commit=BASE)))
    story.ends(RunKind.ASSESS, Assessed(assessment=assessment(Verdict.VAGUE), base_commit=BASE))
    story.tries_all(ASKER, DANA, BYSTANDER)
    story.tries(partial(story.chooses, BYSTANDER, "escalation:1", Choice.STOP))
    story.chooses(ASKER, "escalation:1", Choice.TELL_MORE, " ")
    story.chooses(ASKER, "escalation:2", Choice.TELL_MORE, "x")
    story.chooses(ASKER, "escalation:1", Choice.FIX)
    story.says("What now?")
    story.says("What now?", mentions=True)
    story.tries(story.waits)
    story.chooses(ASKER, "escalation:1", Choice.TELL_MORE, "x" * (8_000 + 1))
    story.chooses(ASKER, "escalation:1", Choice.STOP)
    return story


def looks() -> Written:
    story = Written()
    story.opened()
    story.ends(
        RunKind.ASSESS, Assessed(assessment=assessment(Verdict.INVESTIGATE, looks=2), base_commit=BASE)
    )
    story.quietly()
    story.says("By the way")
    story.tries(partial(story.ends, RunKind.TASK, task_ended("look1", BASE, Outcome.BLOCKED), "look1"))
    story.tries(partial(story.ends, RunKind.TASK, Failed(cause=Cause.CAP, sentence="Cap."), "look1"))
    failed = Failed(cause=Cause.MODEL, sentence="No answer.", error_id="e1")
    story.ends(RunKind.TASK, failed, "look1")
    nothing = task_ended("look2", BASE, Outcome.BLOCKED)
    story.tries(partial(story.ends, RunKind.TASK, task_ended("look2", BASE), "look2"))
    story.ends(RunKind.TASK, nothing, "look2")
    story.tries_all(ASKER, DANA, BYSTANDER)
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    for look in ("look1", "look2"):
        story.ends(RunKind.TASK, task_ended(look, BASE), look)
    again = Assessed(assessment=assessment(Verdict.INVESTIGATE), base_commit=BASE)
    story.tries(partial(story.ends, RunKind.ASSESS, again))
    dilemma = Assessed(assessment=assessment(Verdict.ESCALATE), base_commit=BASE)
    story.ends(RunKind.ASSESS, dilemma)
    story.tries_all(ASKER, DANA, BYSTANDER)
    story.chooses(ASKER, "escalation:2", Choice.PICK, "Three")
    return story


def found_out() -> Written:
    story = at(State.CLARIFYING)
    story.answers(ASKER, 0, find_out=True)
    story.answers(ASKER, 1, labels=("All",))
    story.submits()
    story.quietly()
    no_looks = assessment(Verdict.SPECIFIC, looks=0)
    story.tries(
        partial(story.ends, RunKind.ASSESS, Assessed(assessment=assessment(looks=2), base_commit=BASE))
    )
    story.ends(RunKind.ASSESS, Assessed(assessment=no_looks, base_commit=BASE))
    story.ends(RunKind.TASK, task_ended("look1", BASE))
    story.goes_on(until=State.WORKING)
    return story


def found_out_again() -> Written:
    """A second time because people asked for it, beside what the first one found."""
    story = Written()
    story.opened()
    by_itself = assessment(Verdict.INVESTIGATE, looks=0)
    story.tries(partial(story.ends, RunKind.ASSESS, Assessed(assessment=by_itself, base_commit=BASE)))
    looks = assessment(Verdict.INVESTIGATE, looks=2)
    story.ends(RunKind.ASSESS, Assessed(assessment=looks, base_commit=BASE))
    for look in ("look1", "look2"):
        story.ends(RunKind.TASK, task_ended(look, BASE), look)
    story.ends(RunKind.ASSESS, Assessed(assessment=assessment(Verdict.VAGUE), base_commit=BASE))
    story.ends(RunKind.ASK, Asked(questions=QUESTIONS))
    story.answers(ASKER, 0, find_out=True)
    story.answers(ASKER, 1, labels=("All",))
    story.submits()
    story.ends(RunKind.ASSESS, Assessed(assessment=assessment(looks=0), base_commit=BASE))
    story.ends(RunKind.TASK, task_ended("look3", BASE))
    story.ends(RunKind.ASSESS, Assessed(assessment=assessment(looks=0), base_commit=BASE))
    return story


def the_spec() -> Written:
    story = at(State.SPECIFYING, TWO)
    story.says("What now?", mentions=True)
    story.says("yes", mentions=True)
    story.tries(
        partial(story.ends, RunKind.SPECIFY, Failed(cause=Cause.ANSWER, sentence="Odd.", error_id="e1"))
    )
    story.goes_on(until=State.AWAITING_APPROVAL)
    story.tries(partial(story.ends, RunKind.VERIFY, verified(BASE)))
    story.tries(partial(story.ends, RunKind.VERIFY, Failed(cause=Cause.REPOSITORY, sentence="Gone.")))
    for text in ("yes", "LGTM!", "yes, but by week", "hm"):
        story.tries(partial(story.says, text))
        story.tries(partial(story.says, text, DANA, mentions=True))
    for by in (ASKER, BYSTANDER, FOREIGN):
        story.tries(partial(story.approves, by))
    for other in ({"version": 2}, {"hash": "0" * 64}):
        story.tries(partial(story.approves, DANA, **other))
    for card, choice, text in (
        ("spec:2", Choice.CHANGE_SPEC, "x"), ("spec:1", Choice.FIX, "x"), ("spec:1", Choice.CHANGE_SPEC, " "),
        ("spec:1", Choice.REJECT_SPEC, ""), ("spec:1", Choice.REJECT_SPEC, " Too dear "),
        ("spec:1", Choice.CHANGE_SPEC, " By week "),
    ):  # fmt: skip
        for by in (ASKER, DANA, BYSTANDER):
            story.tries(partial(story.chooses, by, card, choice, text))
    story.tries(partial(story.chooses, ASKER, "spec:1", Choice.CHANGE_SPEC, "The table\nA view", "in_scope"))
    story.tries(partial(story.chooses, ASKER, "spec:1", Choice.CHANGE_SPEC, "", "criteria"))
    story.approves(DANA)
    story.approves(DANA)
    story.tries(story.waits)
    story.tries(partial(story.chooses, ERIN, "spec:1", Choice.CHANGE_SPEC, "By week"))
    story.approves(ERIN)
    story.approves(ERIN)
    story.chooses(ASKER, "spec:1", Choice.REJECT_SPEC)
    return story


def changed_too_often() -> Written:
    story = at(State.AWAITING_APPROVAL)
    for _ in range(20):
        number = len(story.now.specs)
        story.chooses(ASKER, f"spec:{number}", Choice.CHANGE_SPEC, "Again")
        story.goes_on(until=State.AWAITING_APPROVAL)
    story.quietly()
    story.chooses(ASKER, f"spec:{20 + 1}", Choice.CHANGE_SPEC, "Again")
    return story


def runs_that_give_up() -> Written:
    story = Written()
    for state in (State.ASSESSING, State.SPECIFYING, State.WORKING, State.REVIEWING, State.DELIVERING):
        failing = at(state)
        kind, about = failing.now.live[-1].kind, failing.now.live[-1].about
        late = {
            **failing.common(),
            "run": "T1:C1:1.0/999",
            "result": Failed(cause=Cause.BUG, sentence="Late."),
        }
        failing.happens(RunFinished.model_validate(late))
        for cause in (Cause.SCRIPT, Cause.CAP, Cause.MODEL):
            failing.tries(
                partial(failing.ends, kind, Failed(cause=cause, sentence="It broke.", error_id="e1"), about)
            )
        failing.ends(kind, Failed(cause=Cause.BUG, sentence="It broke."), about)
        failing.tries_all(DANA, BYSTANDER)
        story.lines += failing.lines
    return story


def a_reviewer_called_like_a_task() -> Written:
    """What is done again is the review, not the task."""
    story = Written(plan=Plan(tasks=(planned(REVIEWER),)))
    story.opened().goes_on(until=State.REVIEWING)
    story.quietly()
    failed = Failed(cause=Cause.MODEL, sentence="No.")
    story.tries(partial(story.ends, RunKind.VERIFY, failed, story.now.head))
    story.ends(RunKind.REVIEW, failed)
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    return story


def gone_repository() -> Written:
    story = at(State.AWAITING_APPROVAL)
    story.policy = None
    story.approves(DANA)
    story.says("Hello?")
    story.says("Hello?", mentions=True)
    story.tries(story.waits)
    story.stops()
    working = at(State.WORKING)
    working.policy = None
    working.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.lines += working.lines
    return story


def nothing_there() -> Written:
    story = Written()
    story.says("Hello?")
    story.submits()
    story.stops()
    story.answers(ASKER, 0, labels=("All",))
    story.chooses(DANA, "spec:1", Choice.REJECT_SPEC)
    common = {"by": DANA, "version": 1, "hash": "0" * 64}
    for kind in (Approved, Paused):
        story.happens(kind.model_validate({**story.common(), **common}))
    for more in ({}, {"text": "go on"}, {"text": "go on", "mentions_bot": True}):
        story.happens(Resumed.model_validate({**story.common(), "by": DANA, **more}))
    return story


SITUATIONS = (
    still_vague,
    looks,
    found_out,
    found_out_again,
    the_spec,
    changed_too_often,
    runs_that_give_up,
    a_reviewer_called_like_a_task,
    gone_repository,
    nothing_there,
)
