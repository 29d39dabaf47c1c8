"""Pause and go on as people see it: what is told, reminded of, kept and recorded."""

from datetime import timedelta

import pytest

from engine.caps import Cap, CapHit
from engine.events import Cause, Failed, Paused, Resumed
from engine.people import Person
from engine.present import Shown, render
from engine.request import HoldRuns, RunKind, ShowCard, StartRun, State
from engine.story import tell
from tests.engine.stories import Story, reached
from tests.engine.strategies import ASKER, BASE, BYSTANDER, DANA, POLICY, task_ended

WORKS = (State.ASSESSING, State.SPECIFYING, State.WORKING, State.REVIEWING, State.DELIVERING)


def pauses(story: Story, by: Person = BYSTANDER) -> None:
    story.happens(Paused.model_validate({**story.common(), "by": by}))


def resumes(story: Story, by: Person = DANA, text: str = "") -> None:
    common = story.common()
    story.happens(Resumed.model_validate({**common, "by": by, "text": text, "ts": str(common["key"])}))


@pytest.mark.parametrize("state", WORKS)
def test_what_runs_is_held_and_stays_live(state: State) -> None:
    story = reached(state)
    live = story.now.live
    assert live
    pauses(story)
    held = [run for effect in story.last.effects if isinstance(effect, HoldRuns) for run in effect.runs]
    assert held == [run.id for run in live if run.kind is not RunKind.TRIAGE]
    assert (story.now.state, story.now.live) == (state, live)
    resumes(story)
    assert (story.now.state, story.now.live, story.now.due_at) == (state, live, None)


def test_paused_twice_and_going_on_where_nothing_is_paused_is_told() -> None:
    story = reached(State.WORKING)
    resumes(story)
    assert "Nothing is paused here" in story.told
    pauses(story)
    pauses(story)
    assert "paused already" in story.told


def test_the_words_go_on_are_a_message_like_any_other_where_nothing_is_paused() -> None:
    story = reached(State.WORKING)
    resumes(story, text="go on")
    assert [heard.text for heard in story.now.heard] == ["go on"]
    story = reached(State.WORKING)
    pauses(story)
    resumes(story, text="go on")
    assert story.now.hold is None
    assert story.now.heard == ()


def test_it_reminds_once_then_expires() -> None:
    story = reached(State.WORKING)
    pauses(story)
    story.waits()
    assert "still paused" in story.now.posts[-1].text
    assert "Go on" in story.now.posts[-1].text
    story.waits()
    assert story.now.state is State.EXPIRED
    assert story.now.live == ()
    assert "stayed paused" in story.now.ended_because


def test_who_approves_meanwhile_is_told_that_nothing_starts_yet_and_it_starts_afterwards() -> None:
    story = reached(State.AWAITING_APPROVAL)
    waited = story.now.due_at
    assert waited is not None
    pauses(story)
    story.approves()
    assert story.now.state is State.WORKING
    assert "paused" in story.told
    assert any(isinstance(effect, StartRun) for effect in story.last.effects)  # filed, and held there
    assert story.now.due_at is not None
    resumes(story)
    assert story.now.due_at is None


def test_people_who_were_waited_for_have_their_whole_time_again() -> None:
    story = reached(State.AWAITING_APPROVAL)
    pauses(story)
    story.waits()
    resumes(story)
    assert not story.now.reminded
    story.waits()
    assert "approval of the spec" in story.now.posts[-1].text


def test_whoever_was_reminded_of_the_pause_is_not_again_whatever_happens_meanwhile() -> None:
    story = reached(State.AWAITING_APPROVAL)
    pauses(story)
    story.waits()
    story.approves()
    assert (story.now.state, story.now.reminded) == (State.WORKING, True)
    story.waits()
    assert story.now.state is State.EXPIRED


def test_a_choice_about_a_cap_is_waited_for_again() -> None:
    story = reached(State.WORKING)
    hit = CapHit(cap=Cap.TOKENS, limit=1000, spent=900, needs=200)
    story.ends(RunKind.TASK, Failed(cause=Cause.CAP, sentence="Cap.", cap=hit))
    pauses(story)
    resumes(story)
    assert story.now.due_at == story.at + timedelta(seconds=story.now.remind_after_s)


def test_stop_works_while_it_is_paused_and_the_pause_is_over_then() -> None:
    story = reached(State.WORKING)
    pauses(story)
    story.stops(ASKER)
    assert story.now.state is State.STOPPED
    assert story.now.hold is None
    assert story.now.live == ()


def test_a_run_that_fails_just_then_asks_and_what_is_chosen_starts_first_afterwards() -> None:
    story = reached(State.WORKING)
    pauses(story)
    story.ends(RunKind.TASK, Failed(cause=Cause.MODEL, sentence="It is away."))
    assert story.now.state is State.ESCALATED
    assert story.now.hold is not None
    resumes(story)
    assert story.now.due_at is not None


def test_what_a_run_begins_by_its_end_is_told_to_nobody() -> None:
    story = reached(State.WORKING)
    pauses(story)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    assert any(isinstance(effect, StartRun) for effect in story.last.effects)
    assert story.told == ""


def test_words_meanwhile_are_told_apart_as_always() -> None:
    story = reached(State.WORKING)
    pauses(story)
    story.says("Please add a weekly one too")
    assert any(isinstance(e, StartRun) and e.kind is RunKind.TRIAGE for e in story.last.effects)
    assert story.told == ""


def test_the_card_and_the_record_say_who() -> None:
    story = reached(State.WORKING)
    pauses(story)
    assert ShowCard(card="progress") in story.last.effects
    card = render(story.now, "progress", Shown(activity=("run make test",)), POLICY)
    assert card is not None
    assert card.card == "progress"
    assert (card.paused_by, card.activity) == (BYSTANDER, ())
    assert card.headline.startswith("Paused. Nothing runs or starts")
    common = {"request": story.now.id, "at": story.at}
    events = (Paused(key="a", by=BYSTANDER, **common), Resumed(key="b", by=DANA, **common))
    told = tell(story.now, events)
    assert [(line.who, line.what) for line in told.lines] == [
        (BYSTANDER.user, "paused it"),
        (DANA.user, "let it go on"),
    ]
