"""The minutes that may be worked for a request: what works when they are over ends, and people decide."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine.bootstrap import rules
from engine.caps import Cap
from engine.cards import ProgressCard
from engine.events import Cause, Choice, Due, Paused, Restarted, Resumed
from engine.present import Shown, render
from engine.request import CancelRuns, Live, RunKind, Snapshot, State, TaskStatus
from engine.settings import Settings
from engine.store import Spent
from tests.engine.laws import lawful
from tests.engine.stories import LEADS, Story
from tests.engine.strategies import ASKER, BYSTANDER, CANDIDATES, DANA, POLICY, REQUEST

MINUTES = 45.0
BOUNDED = POLICY.model_copy(update={"cap_minutes": MINUTES})
WORKS = (State.ASSESSING, State.SPECIFYING, State.WORKING, State.REVIEWING)


def at_work(state: State) -> Story:
    story = Story(BOUNDED).opened()
    if state in LEADS:
        LEADS[state](story)
        return story
    return story.goes_on(until=state)


def alarm(story: Story, at: object = None) -> Snapshot:
    """The clock tells of it, as the sweep would; the state before."""
    before = story.now
    wakes = at or before.wakes_at
    event = Due.model_validate({"key": f"due:{wakes}", "request": REQUEST, "at": wakes})
    story.happens(event)
    lawful(before, event, story.last)
    return before


@pytest.mark.parametrize("state", WORKS)
def test_what_is_at_work_ends_when_they_are_over_and_an_approver_may_let_it_go_on(state: State) -> None:
    story = at_work(state)
    works = tuple((run.kind, run.about) for run in story.now.live if run.kind is not RunKind.TRIAGE)
    assert works
    assert story.now.due_at is None
    assert story.now.wakes_at == story.now.over_at is not None
    before = alarm(story)
    asked = story.now.escalation
    assert story.now.state is State.PAUSED
    assert story.now.live == ()
    cut = [run for effect in story.last.effects if isinstance(effect, CancelRuns) for run in effect.runs]
    assert set(cut) >= {run.id for run in before.live if run.kind is not RunKind.TRIAGE}
    assert asked is not None
    assert asked.cap is not None
    assert (asked.cause, asked.cap.cap) == (Cause.CAP, Cap.MINUTES)
    assert "cap of 45 minutes of work" in asked.situation
    assert all(task.status is not TaskStatus.RUNNING for task in story.now.tasks)
    assert story.now.over_at is None
    card = f"escalation:{asked.number}"
    story.chooses(ASKER, card, Choice.RAISE_CAP)
    assert story.now.state is State.PAUSED, "approvers only"
    story.chooses(DANA, card, Choice.RAISE_CAP)
    assert story.now.state is state
    assert sorted((run.kind, run.about) for run in story.now.live) == sorted(works)
    assert story.now.over_at == story.at + timedelta(minutes=MINUTES), "as long again from here"


def test_how_many_were_worked_is_told_and_what_is_told_apart_goes_on() -> None:
    story = at_work(State.WORKING)
    story.says("Also by week")
    assert story.now.worked_s
    assert story.now.over_at is not None
    alarm(story, story.now.over_at + timedelta(minutes=3))
    asked = story.now.escalation
    assert asked is not None
    assert asked.cap is not None
    assert (asked.cap.limit, asked.cap.spent) == (MINUTES, MINUTES + 3)
    assert {run.kind for run in asked.resume_runs} == {RunKind.TASK, RunKind.VERIFY}
    assert [run.kind for run in story.now.live] == [RunKind.TRIAGE]


def test_they_are_counted_over_halts_and_an_alarm_that_was_set_before_does_nothing() -> None:
    story = at_work(State.WORKING)
    first = story.now.over_at
    assert first is not None
    story.at += timedelta(minutes=5)
    story.happens(Paused.model_validate({**story.common(), "by": BYSTANDER}))
    assert story.now.over_at is None
    assert story.now.wakes_at == story.now.due_at, "of the pause"
    held = alarm(story, first)
    assert story.now == held
    story.at += timedelta(hours=9)
    worked = story.now.worked_s
    common = story.common()
    story.happens(Resumed.model_validate({**common, "by": DANA, "text": "", "ts": str(common["key"])}))
    assert story.now.over_at == story.at + timedelta(minutes=MINUTES, seconds=-worked)
    assert alarm(story, first) == story.now
    alarm(story)
    assert story.now.state is State.PAUSED


def test_people_are_waited_for_without_it_and_what_is_reviewed_is_delivered() -> None:
    for state in (State.AWAITING_APPROVAL, State.DELIVERING, State.DELIVERED):
        assert at_work(state).now.over_at is None, state
    free = Story(POLICY).opened().goes_on(until=State.WORKING)
    assert (free.now.busy_since is None, free.now.over_at) == (False, None)


def test_questions_are_made_up_within_them() -> None:
    story = Story(BOUNDED).opened().goes_on(until=State.CLARIFYING)
    assert [run.kind for run in story.now.live] == [RunKind.ASK]
    assert story.now.over_at is not None


def test_nothing_is_counted_any_more_after_the_end() -> None:
    story = at_work(State.DELIVERED)
    still = Live(id="v", kind=RunKind.VERIFY, about="b" * 40)
    story.stored = story.now.model_copy(update={"live": (still,)})
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    assert (story.now.state, story.now.live, story.now.busy_since) == (State.DONE, (still,), None)


def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    story = at_work(State.WORKING)
    worked = story.now.worked_s
    story.at -= timedelta(hours=1)
    story.happens(Paused.model_validate({**story.common(), "by": BYSTANDER}))
    assert (story.now.busy_since, story.now.worked_s) == (None, worked)


def test_fewer_minutes_than_were_worked_are_over_at_once_and_only_what_happens_counts_them() -> None:
    story = at_work(State.REVIEWING)
    story.policy = POLICY.model_copy(update={"cap_minutes": 0.5})
    before = story.now
    story.chooses(ASKER, "spec:9", Choice.CHANGE_SPEC, "Faster")
    assert story.now == before
    story.says("Also by week")
    assert story.now.over_at == story.now.busy_since


def test_the_clock_runs_from_the_first_moment() -> None:
    bounded = tuple(one.model_copy(update={"policy": BOUNDED}) for one in CANDIDATES[:1])
    story = Story(candidates=bounded)
    story.policy = None
    story.opened()
    assert story.now.state is State.ASSESSING
    assert story.now.over_at == story.at + timedelta(minutes=MINUTES)


def minutes_shown(story: Story, after: timedelta | None = None) -> tuple[float, float | None]:
    at = None if after is None else story.at + after
    card = render(story.now, "progress", Shown(at=at), story.policy)
    assert isinstance(card, ProgressCard)
    return card.worked_minutes, card.cap_minutes


def test_the_card_shows_how_many_were_worked_whenever_it_is_drawn() -> None:
    story = at_work(State.WORKING)
    so_far, _ = minutes_shown(story, timedelta())
    later, cap = minutes_shown(story, timedelta(minutes=12))
    assert later - so_far == pytest.approx(12)
    assert cap == MINUTES
    assert minutes_shown(story, timedelta(hours=-9)) == (story.now.worked_s / 60, MINUTES), "a clock set back"
    story.at += timedelta(minutes=5)
    story.happens(Paused.model_validate({**story.common(), "by": BYSTANDER}))
    rested = minutes_shown(story, timedelta(hours=9))
    assert rested == minutes_shown(story) == (story.now.worked_s / 60, MINUTES), "a pause is no work"
    assert rested[0] >= 5


def test_the_card_shows_what_was_granted_and_no_bound_where_there_is_none() -> None:
    story = at_work(State.WORKING)
    alarm(story)
    story.chooses(DANA, "escalation:1", Choice.RAISE_CAP)
    assert minutes_shown(story)[1] == 2 * MINUTES
    assert minutes_shown(Story(POLICY).opened())[1] is None


def test_what_the_engine_draws_shows_them_as_of_what_was_summed_up(tmp_path: Path) -> None:
    story = at_work(State.WORKING)
    its = rules(Settings(state_dir=tmp_path, repositories=()))
    summed_up = Spent(at=story.at + timedelta(minutes=12))
    card = its.render(story.now, "progress", summed_up, ())
    assert isinstance(card, ProgressCard)
    assert card.worked_minutes == minutes_shown(story, timedelta(minutes=12))[0] > 12


def restarted(story: Story, down: timedelta, since: timedelta) -> Snapshot:
    """A process goes on after that time, of which another was at work for so long; the state before."""
    before = story.now
    since_when = story.at + since
    story.at += down
    event = Restarted(key=f"up:{story.at}", request=REQUEST, at=story.at, since=since_when)
    story.happens(event)
    assert story.last.effects == ()
    return before


def test_while_no_process_is_there_nothing_is_worked() -> None:
    story = at_work(State.WORKING)
    assert story.now.busy_since is not None
    already = story.now.worked(story.at)
    before = restarted(story, down=timedelta(hours=1), since=timedelta(minutes=7))
    assert story.now.busy_since == story.at
    assert story.now.worked_s == already + 7 * 60
    left = timedelta(minutes=MINUTES) - timedelta(seconds=story.now.worked_s)
    assert story.now.over_at == story.at + left
    assert alarm(story, before.over_at) == story.now, "the alarm of before is none any more"
    alarm(story)
    assert story.now.state is State.PAUSED


@pytest.mark.parametrize(
    ("since", "counts"), [(timedelta(hours=-9), 0.0), (timedelta(hours=9), 3600.0)], ids=["before", "after"]
)
def test_a_process_that_was_last_seen_at_a_strange_time_takes_nothing_away_and_adds_none(
    since: timedelta, counts: float
) -> None:
    story = at_work(State.WORKING)
    busy_since = story.now.busy_since
    assert busy_since is not None
    story.at = busy_since
    before = restarted(story, down=timedelta(hours=1), since=since)
    assert story.now.worked_s == before.worked_s + counts


def test_whoever_starts_it_again_with_other_minutes_has_those_hold() -> None:
    for minutes in (10.0, 500.0):
        story = at_work(State.WORKING)
        story.policy = POLICY.model_copy(update={"cap_minutes": minutes})
        restarted(story, down=timedelta(), since=timedelta())
        assert story.now.over_at == story.at + timedelta(minutes=minutes, seconds=-story.now.worked_s)
    story.policy = POLICY
    restarted(story, down=timedelta(minutes=1), since=timedelta())
    assert story.now.over_at is None


def test_what_waits_for_people_or_is_paused_is_none_the_wiser() -> None:
    waits = at_work(State.DELIVERED)
    assert restarted(waits, down=timedelta(hours=1), since=timedelta()) == waits.now
    story = at_work(State.WORKING)
    story.happens(Paused.model_validate({**story.common(), "by": BYSTANDER}))
    assert restarted(story, down=timedelta(hours=1), since=timedelta()) == story.now
