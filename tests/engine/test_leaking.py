"""What looks like a secret blocks; only an approver lets a place of a commit through."""

import pytest

from engine.decide.leaking import standing
from engine.events import Cause, Choice, Chose, Failed, Leak
from engine.request import LetThrough, RunKind, State
from engine.runs.deliver import leaks_left
from engine.story import tell
from tests.engine.stories import COMMIT, Story, reached
from tests.engine.strategies import ASKER, BASE, DANA, LEAKS, POLICY, REQUEST, START, task_ended

OTHER = "d" * 40


def leaky(outside: tuple[str, ...] = ()) -> Story:
    story = reached(State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.ends(RunKind.TASK, task_ended("build", COMMIT, leaks=LEAKS, outside=outside))
    return story


def test_it_blocks_and_tells_place_and_kind() -> None:
    story = leaky()
    assert story.now.state is State.BLOCKED
    assert story.now.escalation is not None
    assert "src/a.sql:3 (npm token); the branch's name:1 (AWS key)" in story.now.escalation.situation
    assert [o.choice for o in story.now.escalation.offers] == [
        *(Choice.FIX, Choice.LET_THROUGH, Choice.LET_THROUGH, Choice.STOP)
    ]


def many(number: int, in_file: bool = True) -> tuple[Leak, ...]:
    return tuple(
        Leak(path=f"{n:02}.sql", line=n, kind="npm token", in_file=in_file) for n in range(1, number + 1)
    )


def blocked(leaks: tuple[Leak, ...]) -> Story:
    story = reached(State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.ends(RunKind.TASK, task_ended("build", COMMIT, leaks=leaks))
    assert story.now.state is State.BLOCKED
    return story


@pytest.mark.parametrize(("number", "named", "more"), [(1, 1, ""), (20, 20, ""), (21, 20, "; and 1 more")])
def test_it_lists_a_bounded_number_and_offers_a_few(number: int, named: int, more: str) -> None:
    asked = blocked(many(number)).now.escalation
    assert asked is not None
    places = "; ".join(f"{n:02}.sql:{n} (npm token)" for n in range(1, named + 1))
    assert f"at commit {COMMIT[:12]}: {places}{more}. What stands there" in asked.situation
    assert (asked.commit, asked.leaks, asked.recommendation) == (COMMIT, many(number), "Have it removed")
    offers = [(o.label, o.item, o.approvers_only) for o in asked.offers if o.choice is Choice.LET_THROUGH]
    assert offers == [(f"No secret: {n:02}.sql:{n}", f"L{n}", True) for n in range(1, min(number, 5) + 1)]


def test_what_stands_in_no_file_is_nothing_to_fix() -> None:
    asked = blocked(many(2, in_file=False)).now.escalation
    assert asked is not None
    assert [o.choice for o in asked.offers] == [Choice.LET_THROUGH, Choice.LET_THROUGH, Choice.STOP]
    assert asked.recommendation == "Stop here"
    one_in_a_file = (*many(1, in_file=False), LEAKS[0])
    mixed = blocked(one_in_a_file).now.escalation
    assert mixed is not None
    assert (mixed.offers[0].choice, mixed.offers[0].asks) == (Choice.FIX, "An approver's advice for the fix")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a" * 42, "a" * 42 + ":7"),
        ("a" * 43, "…" + "a" * 41 + ":7"),
    ],
)
def test_a_long_place_is_cut_from_its_front_and_told_whole_beside(path: str, shown: str) -> None:
    leak = Leak(path=path, line=7, kind="npm token")
    asked = blocked((leak,)).now.escalation
    assert asked is not None
    offer = asked.offers[1]
    assert offer.label == f"No secret: {shown}"
    assert f"{path}:7 (npm token) is none. It counts for this commit alone." in offer.tradeoff


def test_a_word_names_the_commit_the_place_the_person_and_the_time() -> None:
    story = blocked(many(2))
    story.chooses(DANA, "escalation:1", Choice.LET_THROUGH, item="L2")
    said = LetThrough(commit=COMMIT, leak=many(2)[1], by=DANA, at=story.at)
    assert story.now.let_through == (said,)
    left = story.now.escalation
    assert left is not None
    assert (left.number, left.leaks, left.commit) == (2, many(2)[:1], COMMIT)
    assert left.resume is State.WORKING
    story.chooses(DANA, "escalation:2", Choice.LET_THROUGH, item="L1")
    assert [word.leak for word in story.now.let_through] == [many(2)[1], many(2)[0]]
    assert len(story.now.escalations) == 2, "nothing is left to ask"
    assert story.now.state is State.REVIEWING


def test_a_word_on_one_commit_says_nothing_of_another() -> None:
    story = blocked(many(1))
    story.chooses(DANA, "escalation:1", Choice.LET_THROUGH, item="L1")
    assert standing(story.now, COMMIT, many(1)) == ()
    assert standing(story.now, OTHER, many(1)) == many(1)
    assert standing(story.now, COMMIT, many(2)) == many(2)[1:]


def test_a_fix_is_told_and_looked_through_anew() -> None:
    story = leaky()
    story.chooses(ASKER, "escalation:1", Choice.FIX)
    assert "src/a.sql:3 (npm token)" in story.now.tasks[-1].trouble
    story.ends(RunKind.TASK, task_ended("fix1", OTHER, leaks=LEAKS[:1]))
    assert story.now.state is State.BLOCKED
    assert story.now.escalation is not None
    assert story.now.escalation.commit == OTHER


def test_each_place_needs_a_word_of_its_own_by_an_approver() -> None:
    story = leaky(outside=("Makefile",))
    story.chooses(ASKER, "escalation:1", Choice.LET_THROUGH, item="L1")
    assert story.told == "Only an approver of this repository can choose that."
    story.chooses(DANA, "escalation:1", Choice.LET_THROUGH)
    assert "not one of the options" in story.told
    story.chooses(DANA, "escalation:1", Choice.LET_THROUGH, item="L2")
    assert story.now.state is State.BLOCKED
    story.chooses(DANA, "escalation:1", Choice.LET_THROUGH, item="L1")
    assert "decided already" in story.told
    story.chooses(DANA, "escalation:2", Choice.LET_THROUGH, item="L1")
    assert story.now.escalation is not None
    assert story.now.escalation.cause is Cause.OUTSIDE, "what else has to be asked is asked now"
    assert leaks_left(story.now, COMMIT, LEAKS, frozenset({DANA}), POLICY) == ()
    assert leaks_left(story.now, OTHER, LEAKS, frozenset({DANA}), POLICY) == LEAKS
    assert leaks_left(story.now, COMMIT, LEAKS, frozenset(), POLICY) == LEAKS, "who left no longer counts"


def test_a_look_at_the_last_moment_blocks_as_well() -> None:
    story = reached(State.DELIVERING)
    story.ends(RunKind.DELIVER, Failed(cause=Cause.LEAK, sentence="It looks like secrets.", leaks=LEAKS[:1]))
    assert [state.value for state in story.now.states[-2:]] == ["delivering", "blocked"]
    story.chooses(DANA, "escalation:1", Choice.LET_THROUGH, item="L1")
    assert story.now.state is State.DELIVERING


def test_the_record_tells_who_let_what_through() -> None:
    story = leaky()
    story.chooses(DANA, "escalation:1", Choice.LET_THROUGH, item="L2")
    click = {"key": "k", "request": REQUEST, "at": START, "by": DANA, "card": "escalation:1"}
    event = Chose.model_validate({**click, "choice": Choice.LET_THROUGH, "item": "L2"})
    (line, *_) = tell(story.now, [event]).lines
    assert line.what == "chose on escalation 1: No secret: the branch's name:1"
