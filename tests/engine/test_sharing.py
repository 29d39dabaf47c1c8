"""A channel that people of another workspace come to share while work runs, or that they share already."""

from datetime import timedelta

import pytest

from engine.caps import Cap, CapHit
from engine.decide import decide
from engine.events import Cause, CheckFailed, Choice, Failed, RunFinished, Shared
from engine.present import Shown, render
from engine.request import CancelRuns, RunKind, ShowCard, Snapshot, StartRun, State
from engine.schemas import MessageKind
from tests.engine.forge_side import failed_check
from tests.engine.laws import lawful
from tests.engine.stories import COMMIT, Story, reached
from tests.engine.strategies import ASKER, BYSTANDER, CANDIDATES, DANA, FOREIGN, POLICY, REQUEST, good_end
from tests.engine.test_decide_total import SNAPSHOTS, every_event
from tests.engine.test_following import followed

BUSY = (State.ASSESSING, State.SPECIFYING, State.WORKING, State.REVIEWING, State.DELIVERING)
WAITING = (State.CLARIFYING, State.AWAITING_APPROVAL, State.ESCALATED, State.BLOCKED, State.DELIVERED)
WARNED = "Its people can read this thread"


def is_shared(story: Story, team: str = "T9", *, shared: bool = True) -> None:
    story.happens(Shared.model_validate({**story.common(), "shared": shared, "team": team}))


def at_work(story: Story) -> list[tuple[RunKind, str]]:
    return [(run.kind, run.about) for run in story.now.live]


def stands(story: Story) -> State:
    return story.now.state


def words(now: Snapshot) -> str:
    return " ".join([*(post.text for post in now.posts), *(one.situation for one in now.escalations)])


@pytest.mark.parametrize("state", BUSY)
def test_work_halts_until_an_approver_says_that_it_goes_on(state: State) -> None:
    story = Story().opened().goes_on(until=state)
    live = at_work(story)
    is_shared(story)
    assert (story.now.state, story.now.exposed) == (State.PAUSED, True)
    assert story.now.escalation is not None
    assert story.now.escalation.cause is Cause.SHARED
    assert words(story.now).count(WARNED) == 1
    assert any(isinstance(effect, CancelRuns) for effect in story.last.effects)
    assert not any(isinstance(effect, StartRun) for effect in story.last.effects)
    assert at_work(story) == []
    card = f"escalation:{len(story.now.escalations)}"
    for by in (ASKER, BYSTANDER, FOREIGN):
        before = story.now
        story.chooses(by, card, Choice.RETRY)
        assert story.now == before
        assert story.told
    story.chooses(DANA, card, Choice.RETRY)
    assert (story.now.state, story.now.shared, story.now.exposed) == (state, True, False)
    assert at_work(story) == live
    story.goes_on(until=State.DELIVERED)


@pytest.mark.parametrize("state", WAITING)
def test_what_waits_for_people_waits_for_an_approver_then(state: State) -> None:
    story = reached(state)
    is_shared(story)
    assert (story.now.state, story.now.exposed) == (state, True)
    assert words(story.now).count(WARNED) == 1
    before = story.now
    for event in every_event(before):
        by = getattr(event, "by", None)
        after = decide(before, event, POLICY).snapshot
        assert after is not None
        if by in {ASKER, BYSTANDER, FOREIGN} and not after.state.ended:
            shown = [e for e in decide(before, event, POLICY).effects if isinstance(e, StartRun)]
            assert [e for e in shown if e.kind is not RunKind.TRIAGE] == [], event
            assert after.exposed


def test_an_approvers_click_that_was_waited_for_is_enough() -> None:
    story = reached(State.AWAITING_APPROVAL)
    is_shared(story)
    story.approves()
    assert (story.now.state, story.now.exposed) == (State.WORKING, False)


def test_it_is_told_once_and_again_only_when_others_come() -> None:
    story = reached(State.AWAITING_APPROVAL)
    for team in ("", "T9", "", "T9"):
        is_shared(story, team)
    assert words(story.now).count(WARNED) == 1
    story.approves()
    is_shared(story, "")
    assert stands(story) is State.WORKING, "that it is shared was known"
    is_shared(story, "T8")
    assert stands(story) is State.PAUSED
    is_shared(story, "T8", shared=False)
    assert (story.now.shared, story.now.exposed) == (False, False)
    assert "no longer shared" in words(story.now)


@pytest.mark.parametrize("state", [state for state in State if state.ended])
def test_what_has_ended_is_not_told(state: State) -> None:
    story = reached(state)
    before = story.now
    is_shared(story)
    assert story.now == before


def test_a_request_of_a_shared_channel_begins_with_an_approvers_word() -> None:
    story = Story().opened(shared=True)
    assert (story.now.state, story.now.live) == (State.PAUSED, ())
    assert not any(isinstance(effect, StartRun) for effect in story.last.effects)
    assert [e.card for e in story.last.effects if isinstance(e, ShowCard)] == ["progress", "escalation:1"]
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    assert story.now.state is State.PAUSED
    story.chooses(DANA, "escalation:1", Choice.RETRY)
    assert [run.kind for run in story.now.live] == [RunKind.ASSESS]
    story.goes_on(until=State.DELIVERED)


def test_where_a_repository_is_asked_for_first_an_approver_submits_it() -> None:
    story = Story(candidates=CANDIDATES).opened(shared=True)
    assert (story.now.state, story.now.exposed) == (State.CLARIFYING, True)
    story.answers(ASKER, 0, labels=("data",))
    story.submits()
    assert "an approver says first" in story.told
    story.submits(DANA)
    assert (story.now.state, story.now.exposed) == (State.ASSESSING, False)


def test_nothing_of_the_repository_is_shown_by_runs_that_end_late() -> None:
    story = Story().opened().goes_on(until=State.SPECIFYING)
    live = story.now.live[0]
    is_shared(story)
    late = good_end(live, story.now, story.plan, "c" * 40)
    before = story.now
    story.happens(RunFinished.model_validate({**story.common(), "run": live.id, "result": late}))
    assert story.now == before


@pytest.mark.parametrize("state", State)
def test_every_event_in_a_shared_channel_has_a_lawful_answer(state: State) -> None:
    event = Shared(key="s", request=REQUEST, at=SNAPSHOTS[state].opened_at, team="T9")
    exposed = decide(SNAPSHOTS[state], event, POLICY).snapshot
    assert exposed is not None
    for one in every_event(exposed):
        lawful(exposed, one, decide(exposed, one, POLICY))


def test_the_card_asks_approvers_and_advises_to_stop() -> None:
    story = Story().opened()
    is_shared(story)
    card = render(story.now, "escalation:1", Shown(), POLICY)
    assert card is not None
    assert "Others can read this channel" in card.model_dump_json()
    progress = render(story.now, "progress", Shown(), POLICY)
    assert progress is not None
    assert DANA.user in progress.model_dump_json(include={"waiting_for"})


def test_questions_that_are_being_made_up_are_not_asked_before() -> None:
    story = Story().opened().goes_on(until=State.CLARIFYING)
    assert [run.kind for run in story.now.live] == [RunKind.ASK]
    is_shared(story)
    assert (stands(story), at_work(story)) == (State.PAUSED, [])
    story.chooses(DANA, "escalation:1", Choice.RETRY)
    assert (stands(story), [run.kind for run in story.now.live]) == (State.CLARIFYING, [RunKind.ASK])
    story.goes_on(until=State.DELIVERED)


def test_nothing_runs_beside_what_waits_for_people() -> None:
    story = reached(State.AWAITING_APPROVAL)
    assert [run.kind for run in story.now.live] == [RunKind.VERIFY]
    is_shared(story)
    assert (stands(story), at_work(story)) == (State.AWAITING_APPROVAL, [])
    story.approves()
    story.goes_on(until=State.DELIVERED)


def test_a_day_that_is_over_lets_nothing_go_on_by_itself() -> None:
    for exposed in (False, True):
        story = Story().opened()
        hit = CapHit(cap=Cap.DAY_USD, limit=5.0, spent=5.0, until=story.at + timedelta(hours=3))
        story.ends(RunKind.ASSESS, Failed(cause=Cause.CAP, sentence="It broke.", cap=hit))
        if exposed:
            is_shared(story)
        story.waits()
        assert stands(story) is (State.PAUSED if exposed else State.ASSESSING)


def test_what_comes_back_from_the_pull_request_is_kept_until_then() -> None:
    story = followed()
    is_shared(story)
    story.remarked()
    story.are_told_apart(MessageKind.WITHIN_SPEC)
    assert not shows(story, "feedback:1")
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    assert story.now.exposed
    story.chooses(DANA, "delivery:1", Choice.CONFIRM)
    assert (story.now.exposed, shows(story, "feedback:1")) == (False, True)


def test_an_approver_who_has_it_fixed_says_that_it_goes_on() -> None:
    story = followed()
    story.sees(CheckFailed, check=failed_check(COMMIT))
    is_shared(story)
    story.chooses(ASKER, "feedback:1", Choice.FIX)
    assert (stands(story), story.now.exposed) == (State.DELIVERED, True)
    story.chooses(DANA, "feedback:1", Choice.FIX)
    assert (stands(story), story.now.exposed) == (State.WORKING, False)


def shows(story: Story, card: str) -> bool:
    return any(isinstance(effect, ShowCard) and effect.card == card for effect in story.last.effects)
