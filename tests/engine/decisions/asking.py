"""From the mention to what is specified."""

from functools import partial

from engine.events import (
    Asked,
    Assessed,
    Choice,
    Seat,
)
from engine.request import RunKind, State
from engine.schemas import Verdict
from tests.engine.decisions.record import Written, at
from tests.engine.strategies import (
    ASKER,
    BASE,
    BYSTANDER,
    CANDIDATES,
    DANA,
    DILEMMA,
    ERIN,
    FOREIGN,
    POLICY,
    QUESTIONS,
    assessment,
)


def the_whole_way() -> Written:
    story = Written()
    story.opened().goes_on(until=State.DELIVERED)
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    story.says("And now?", mentions=True)
    story.says("Thanks!")
    return story


def mentions() -> Written:
    story = Written()
    for text in ("", " ", "https://example.org/a", "x" * (8_000 + 1), "word " * 20):
        story.tries(partial(story.opened, text))
    story.tries(partial(story.opened, "x" * 8_000))
    for text in ("x" * 60, "x" * 61, "https://example.org/a does it", "It is as in https://example.org/a"):
        story.tries(partial(story.opened, text))
    for text in ("", " "):
        story.tries(partial(story.opened, text, thread_ts="0.5"))
    story.tries(partial(story.opened, direct=True))
    story.tries(partial(story.opened, "https://example.org/a", thread_ts="0.5"))
    story.tries(partial(story.opened, by=FOREIGN))
    story.tries(partial(story.opened, shared=True))
    story.tries(partial(story.opened, follows="T1:C1:0.1", repository="data"))
    story.policy = POLICY.model_copy(update={"requests_a_day": 2})
    for today in (1, 2, 3):
        story.tries(partial(story.opened, today=today))
    story.tries(partial(story.opened, today=2, follows="T1:C1:0.1", repository="data"))
    story.policy = None
    story.tries(story.opened)
    story.tries(partial(story.opened, direct=True))
    return story


def which_repository() -> Written:
    one, other = CANDIDATES
    rich = other.policy.model_copy(update={"cap_usd": 9.0, "requests_a_day": 2})
    story = Written(candidates=(one, other.model_copy(update={"policy": rich})))
    story.tries(partial(story.opened, today=2))
    story.candidates = tuple(reversed(story.candidates))
    story.tries(partial(story.opened, today=2))
    story.candidates = CANDIDATES
    story.tries(partial(story.opened, "Add it to web"))
    story.tries(partial(story.opened, "Add it to web", shared=True))
    story.tries(partial(story.opened, "Add it to acme/other"))
    story.tries(partial(story.opened, "Add it to web, as in acme/other"))
    story.candidates = CANDIDATES[:1]
    story.tries(partial(story.opened, follows="T1:C1:0.1", repository=one.policy.repository))
    story.candidates = CANDIDATES
    story.tries(partial(story.opened, follows="T1:C1:0.1", repository="gone"))
    story.tries(partial(story.opened, shared=True))
    story.tries(partial(story.opened, direct=True))
    story.opened()
    for given in (
        {"labels": ("web",)},
        {"text": "web"},
        {"you_decide": True},
        {"labels": ("web",), "text": "x"},
        {"labels": ("web",), "text": " "},
    ):
        story.tries(partial(story.answers, ASKER, 0, **given))
    for by in (ASKER, BYSTANDER):
        for text in ("in web please", "1. web", "in data or web", "hello", ""):
            story.tries(partial(story.says, text, by))
        for text in ("in web please", "hello"):
            story.tries(partial(story.says, text, by, mentions=True))
    story.submits()
    story.chooses(ASKER, "spec:1", Choice.CHANGE_SPEC, "x")
    story.answers(ASKER, 0, labels=("web",))
    story.says("in data please")
    story.candidates = CANDIDATES[:1]
    story.tries(story.submits)
    story.candidates = ()
    story.tries(story.submits)
    story.candidates = CANDIDATES
    story.submits()
    story.says("And fast")
    for by in (BYSTANDER, ERIN, ASKER):
        story.chooses(by, "progress", Choice.OTHER_REPOSITORY)
    return story


def another_repository() -> Written:
    story = at(State.AWAITING_APPROVAL)
    story.says("By week")
    story.chooses(ASKER, "spec:1", Choice.CHANGE_SPEC, "In hours", "in_scope")
    story.goes_on(until=State.AWAITING_APPROVAL)
    story.quietly()
    story.chooses(ASKER, "progress", Choice.OTHER_REPOSITORY)
    story.candidates = CANDIDATES
    story.chooses(BYSTANDER, "progress", Choice.OTHER_REPOSITORY)
    story.chooses(DANA, "progress", Choice.OTHER_REPOSITORY)
    story.answers(ASKER, 0, story.now.asked, labels=("data",))
    story.submits(number=story.now.asked)
    story.ends(RunKind.ASSESS, Assessed(assessment=assessment(Verdict.INVESTIGATE), base_commit=BASE))
    stuck = at(State.PAUSED)
    stuck.candidates = CANDIDATES
    stuck.chooses(ASKER, "progress", Choice.OTHER_REPOSITORY)
    late = at(State.WORKING)
    late.candidates = CANDIDATES
    late.chooses(ASKER, "progress", Choice.OTHER_REPOSITORY)
    story.lines += [*stuck.lines, *late.lines]
    return story


def answers() -> Written:
    story = at(State.CLARIFYING)
    for index in (0, 1, 2, -1):
        for given in (
            {"labels": ("All",)}, {"labels": ("All", "Some")}, {"labels": ("None",)}, {"text": "Other"},
            {"text": "x" * 500}, {"text": "x" * (500 + 1)}, {"text": "not sure"},
            {"labels": ("All",), "text": "not sure"}, {"find_out": True}, {"you_decide": True}, {},
        ):  # fmt: skip
            if index in (0, 1) or given == {"labels": ("All",)}:
                story.tries(partial(story.answers, ASKER, index, **given))
    story.tries(partial(story.answers, ASKER, 0, 2, labels=("All",)))
    for text in (
        "1. all\n2. some, all",
        "1. not sure\n2. not sure",
        "1. you decide",
        "1. Weekly\n2. " + "x" * 600,
    ):
        story.tries(partial(story.says, text))
    story.tries(partial(story.says, "Daily, I think", BYSTANDER, mentions=True))
    story.tries(partial(story.says, "", ASKER, mentions=True))
    story.submits()
    story.says("Daily, I think")
    story.says("Or weekly")
    story.says("Or monthly", mentions=True)
    story.tries(partial(story.submits, number=2))
    story.tries(story.waits)
    story.answers(BYSTANDER, 0, labels=("All",))
    story.answers(BYSTANDER, 1, labels=("All", "Some"))
    story.tries(partial(story.answers, ASKER, 1))
    story.submits(BYSTANDER)
    story.submits()
    story.answers(ASKER, 0, labels=("Some",))
    story.says("And quickly")
    story.says("hm", BYSTANDER)
    story.says("And please be quick", BYSTANDER, mentions=True)
    return story


def the_second_round() -> Written:
    """While its questions are made the first is closed; then each round has its own hint."""
    story = Written()
    story.opened()
    vague = Assessed(assessment=assessment(Verdict.VAGUE), base_commit=BASE)
    story.ends(RunKind.ASSESS, vague)
    story.quietly()
    story.tries(partial(story.answers, ASKER, 0, 0, labels=("All",)))
    story.tries(partial(story.says, "1. all"))
    story.ends(RunKind.ASK, Asked(questions=QUESTIONS))
    for text in (" ", " Weekly "):
        story.tries(partial(story.answers, ASKER, 0, text=text))
    story.tries(partial(story.answers, ASKER, 1, text=" "))
    story.says("Daily, I think")
    for index in (0, 1):
        story.answers(ASKER, index, labels=("All",))
    story.submits()
    story.ends(RunKind.ASSESS, vague)
    story.tries(partial(story.answers, ASKER, 0, labels=("Some",)))
    story.tries(story.submits)
    story.says("Or weekly")
    story.ends(RunKind.ASK, Asked(questions=QUESTIONS))
    story.tries(partial(story.answers, ASKER, 0, labels=("Some",)))
    story.tries(story.stops)
    story.says("Or monthly")
    story.says("  ")
    return story


def details() -> Written:
    story = at(State.ASSESSING)
    story.says("x" * (8_000 + 1))
    for number in range(10 - 2):
        story.says(f"Detail {number}")
    story.quietly()
    story.says("The last one")
    story.says("One too many")
    asked = at(State.CLARIFYING)
    asked.stored = asked.now.model_copy(update={"notes": story.now.notes})
    asked.says("One too many")
    vague = Assessed(assessment=assessment(Verdict.ESCALATE), base_commit=BASE)
    stuck = Written()
    stuck.opened()
    stuck.stored = stuck.now.model_copy(update={"notes": (*story.now.notes, *story.now.notes)})
    stuck.ends(RunKind.ASSESS, vague)
    stuck.quietly()
    stuck.chooses(ASKER, "escalation:1", Choice.PICK, "Two")
    story.lines += [*asked.lines, *stuck.lines]
    return story


def assessments() -> Written:
    story = Written()
    story.opened()
    story.quietly()
    end = partial(story.ends, RunKind.ASSESS)
    for verdict in Verdict:
        story.tries(partial(end, Assessed(assessment=assessment(verdict), base_commit=BASE)))
    for verdict, dilemma in ((Verdict.ESCALATE, None), (Verdict.VAGUE, DILEMMA)):
        odd = assessment(verdict).model_copy(update={"dilemma": dilemma})
        story.tries(partial(end, Assessed(assessment=odd, base_commit=BASE)))
    seat = Seat.model_validate(
        {
            "name": "mason",
            "description": "Builds",
            "tools": ("write_file", "read_file"),
            "writes": True,
            "reviews": False,
            "tier": "sonnet",
        }
    )
    seated = Assessed(assessment=assessment(), base_commit=BASE, seats=(seat,), left_out=("bad.md",))
    story.tries(partial(end, seated))
    story.ends(
        RunKind.ASSESS, Assessed(assessment=assessment(Verdict.INVESTIGATE, looks=2), base_commit=BASE)
    )
    return story


SITUATIONS = (
    the_whole_way,
    mentions,
    which_repository,
    another_repository,
    answers,
    the_second_round,
    details,
    assessments,
)
