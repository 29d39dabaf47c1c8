"""What looks like a secret blocks; only an approver lets a place of a commit through."""

from engine.events import Cause, Choice, Chose, Failed
from engine.request import RunKind, State
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
