"""The way from a mention to a confirmed delivery, and each thing that is refused, said as people meet it."""

import time

import pytest
from pydantic import ValidationError

from engine.decide.choosing import NO_ADVICE, NOT_YOURS
from engine.decide.clarifying import DETAILS
from engine.events import Assessed, Cause, Choice, Delivered, Failed, Planned, Result, Seat, Triaged
from engine.people import Person
from engine.ports import Tier
from engine.request import CancelRuns, Live, RunKind, SpecFate, StartRun, State, TaskStatus
from engine.schemas import MessageKind, Outcome, Severity, Verdict
from tests.engine.stories import COMMIT, Story, reached
from tests.engine.strategies import (
    ASKER,
    BASE,
    BYSTANDER,
    DANA,
    DRAFT,
    ERIN,
    FOREIGN,
    LEAKS,
    PLANS,
    POLICY,
    REVIEWER,
    SECOND_REVIEWER,
    assessment,
    delivered,
    good_end,
    held,
    planned,
    task_ended,
    verified,
)


def started(story: Story) -> list[tuple[RunKind, str]]:
    return [(e.kind, e.about) for e in story.last.effects if isinstance(e, StartRun)]


# ---------------------------------------------------------------- the main path


def test_a_request_goes_all_the_way() -> None:
    story = reached(State.DONE)
    assert story.now.states == (
        State.ASSESSING,
        State.CLARIFYING,
        State.ASSESSING,
        State.SPECIFYING,
        State.AWAITING_APPROVAL,
        State.WORKING,
        State.REVIEWING,
        State.DELIVERING,
        State.DELIVERED,
        State.DONE,
    )
    assert story.now.confirmed_by == ASKER
    assert story.now.delivery == delivered(COMMIT)


def test_what_failed_goes_back_to_the_implementer_three_rounds_at_most() -> None:
    story = reached(State.REVIEWING)
    for number in (2, 3):
        story.review_ends(exit_code=1)
        assert started(story) == [(RunKind.TASK, f"fix{number}")]
        story.goes_on(until=State.REVIEWING)
    story.review_ends(exit_code=1)
    assert story.now.state is State.ESCALATED
    assert story.now.escalation is not None
    assert story.now.escalation.cause is Cause.ROUNDS
    story.chooses(BYSTANDER, "escalation:1", Choice.ANOTHER_ROUND)
    assert (story.now.state, story.last.reply.text) == (State.ESCALATED, NOT_YOURS)
    story.chooses(ASKER, "escalation:1", Choice.ANOTHER_ROUND, "Also drop the old table")
    assert (story.now.state, story.last.reply.text) == (State.ESCALATED, NO_ADVICE)
    story.chooses(DANA, "escalation:1", Choice.ANOTHER_ROUND, "Read the pipeline's page")
    assert story.now.tasks[-1].objective == "Read the pipeline's page"
    story.goes_on(until=State.REVIEWING).review_ends(exit_code=1)
    assert story.now.state is State.ESCALATED


def test_a_critical_finding_blocks() -> None:
    story = reached(State.BLOCKED)
    assert started(story) == []
    story.chooses(ASKER, "escalation:1", Choice.DELIVER_UNCHECKED)
    assert story.now.state is State.BLOCKED
    assert "not one of the options" in story.told


def test_a_task_whose_condition_does_not_hold_is_skipped() -> None:
    story = Story(plan=PLANS[2]).opened().goes_on(until=State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    assert started(story) == [(RunKind.TASK, "build")]
    assert [t.status for t in story.now.tasks][-1] is TaskStatus.SKIPPED


def test_a_blocked_task_that_the_plan_foresees_asks_nobody() -> None:
    story = Story(plan=PLANS[2]).opened().goes_on(until=State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE, Outcome.BLOCKED))
    assert started(story) == [(RunKind.TASK, "other")]


def test_tasks_that_wait_for_each_other_do_not_hang() -> None:
    plan = PLANS[0].model_copy(update={"tasks": (planned("a", ("b",)), planned("b", ("a",)))})
    story = Story(plan=plan).opened().goes_on(until=State.AWAITING_APPROVAL)
    story.approves()
    assert story.now.state is State.ESCALATED


def test_work_that_changed_nothing_is_not_reviewed() -> None:
    story = reached(State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.ends(RunKind.TASK, task_ended("build", BASE))
    assert story.now.state is State.ESCALATED
    assert story.now.review_rounds == ()
    story.chooses(DANA, "escalation:1", Choice.FIX, "Please do it")
    assert story.now.tasks[-1].objective == "Please do it"
    assert "nothing in the repository was changed" in story.now.tasks[-1].trouble


def test_a_reader_that_ends_late_does_not_take_the_work_back() -> None:
    story = Story(plan=PLANS[1]).opened().goes_on(until=State.WORKING)
    story.ends(RunKind.TASK, task_ended("build", COMMIT), "build")
    story.ends(RunKind.TASK, task_ended("read1", BASE), "read1")
    assert story.now.head == COMMIT


def test_who_made_no_commit_when_tried_again_does_not_take_the_work_back() -> None:
    story = reached(State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.ends(RunKind.TASK, task_ended("build", COMMIT, Outcome.BLOCKED))
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    story.ends(RunKind.TASK, task_ended("build", ""))
    assert story.now.head == COMMIT


def test_changes_outside_the_spec_are_kept_by_an_approver_and_delivered() -> None:
    story = reached(State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.ends(RunKind.TASK, task_ended("build", COMMIT, outside=("Makefile",)))
    story.chooses(ASKER, "escalation:1", Choice.KEEP_OUTSIDE)
    assert story.told == "Only an approver of this repository can choose that."
    story.chooses(DANA, "escalation:1", Choice.KEEP_OUTSIDE)
    assert story.now.kept_outside == ("Makefile",)
    story.goes_on(until=State.DELIVERED)
    assert story.now.kept_outside == ("Makefile",)


def test_reverting_what_is_outside_never_takes_a_planned_tasks_name() -> None:
    plan = PLANS[0].model_copy(update={"tasks": (planned("revert1"),)})
    story = Story(plan=plan).opened().goes_on(until=State.WORKING)
    story.ends(RunKind.TASK, task_ended("revert1", COMMIT, outside=("Makefile",)))
    story.chooses(ASKER, "escalation:1", Choice.REVERT_OUTSIDE)
    assert started(story) == [(RunKind.TASK, "revert2")]


# ---------------------------------------------------------------- approval


def test_words_silence_and_old_hashes_do_not_approve() -> None:
    story = reached(State.AWAITING_APPROVAL)
    story.says("approved", DANA, mentions=True)
    assert story.told == "Only the Approve button on the spec approves it; words do not count."
    story.approves(DANA, hash="f" * 64)
    assert "old version" in story.told
    story.waits()
    assert story.now.specs[-1].approvals == ()
    assert story.now.state is State.AWAITING_APPROVAL


@pytest.mark.parametrize(
    ("by", "why"),
    [
        (ASKER, "You asked for this, so somebody else has to approve it."),
        (BYSTANDER, "You are not one of the approvers of this repository."),
        (FOREIGN, "Only members of this workspace can act on this request."),
    ],
)
def test_who_may_not_approve_is_told_why(by: Person, why: str) -> None:
    story = reached(State.AWAITING_APPROVAL)
    story.approves(by)
    assert story.told.startswith(why)
    assert story.now.state is State.AWAITING_APPROVAL


def test_two_approvals_are_of_two_people() -> None:
    story = Story(POLICY.model_copy(update={"approvals": 2})).opened()
    story.goes_on(until=State.AWAITING_APPROVAL).approves(DANA)
    story.approves(DANA)
    assert story.told == "You have approved this version already."
    story.approves(ERIN)
    assert story.now.state is State.WORKING


def test_fewer_approvals_needed_today_are_enough_by_another_click() -> None:
    story = Story(POLICY.model_copy(update={"approvals": 2})).opened()
    story.goes_on(until=State.AWAITING_APPROVAL).approves(DANA)
    story.policy = POLICY
    story.approves(DANA)
    assert story.now.state is State.WORKING


def test_a_change_makes_a_new_version_and_voids_approvals() -> None:
    story = Story(POLICY.model_copy(update={"approvals": 2})).opened()
    story.goes_on(until=State.AWAITING_APPROVAL).approves(DANA)
    old = story.now.specs[-1]
    story.chooses(BYSTANDER, "spec:1", Choice.CHANGE_SPEC, "Also by week")
    assert "Only the requester and the approvers can change" in story.told
    assert story.now.specs[-1] == old
    story.chooses(ASKER, "spec:1", Choice.CHANGE_SPEC)
    assert story.told == "Please say what should change."
    story.chooses(ASKER, "spec:1", Choice.CHANGE_SPEC, "Also by week")
    story.goes_on(until=State.AWAITING_APPROVAL)
    assert story.now.specs[-1].because == "Also by week"
    assert story.now.specs[-1].approvals == ()
    assert story.now.specs[0].fate is SpecFate.SUPERSEDED
    story.approves(ERIN, version=1, hash=old.hash)
    assert "old version" in story.told


def test_approvals_are_checked_again_at_delivery_without_doing_the_work_again() -> None:
    story = reached(State.REVIEWING)
    story.policy = POLICY.model_copy(update={"approvers": (ERIN,)})
    story.review_ends()
    assert story.now.state is State.AWAITING_APPROVAL
    assert story.now.specs[-1].approvals == ()
    story.approves(DANA)
    assert story.now.state is State.AWAITING_APPROVAL
    story.approves(ERIN)
    assert started(story) == [(RunKind.DELIVER, "")]
    assert story.now.head == COMMIT


def test_an_approval_that_still_counts_is_kept_when_another_is_lost() -> None:
    story = Story(POLICY.model_copy(update={"approvals": 2})).opened()
    story.goes_on(until=State.AWAITING_APPROVAL).approves(DANA)
    story.approves(ERIN)
    story.goes_on(until=State.REVIEWING)
    story.policy = POLICY.model_copy(update={"approvals": 2, "approvers": (ERIN, BYSTANDER)})
    story.review_ends()
    assert [a.by for a in story.now.specs[-1].approvals] == [ERIN]


def test_a_delivery_that_failed_is_approved_again_too() -> None:
    story = reached(State.DELIVERING)
    story.ends(RunKind.DELIVER, Failed(cause=Cause.PUSH, sentence="The remote refused."))
    story.policy = POLICY.model_copy(update={"approvers": (ERIN,)})
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    assert story.now.state is State.AWAITING_APPROVAL


def test_a_reviewer_named_meanwhile_reviews_too() -> None:
    story = reached(State.WORKING)
    story.policy = POLICY.model_copy(update={"reviewers": (SECOND_REVIEWER,)})
    story.goes_on(until=State.REVIEWING)
    assert {r.about for r in story.now.live if r.kind is RunKind.REVIEW} >= {SECOND_REVIEWER}
    story.goes_on(until=State.DELIVERED)


# ---------------------------------------------------------------- what could not be checked


def test_leave_to_deliver_unchecked_is_an_approvers_and_ends_with_the_commit() -> None:
    story = reached(State.ESCALATED)
    story.chooses(ASKER, "escalation:1", Choice.DELIVER_UNCHECKED)
    assert story.told == "Only an approver of this repository can choose that."
    story.chooses(DANA, "escalation:1", Choice.DELIVER_UNCHECKED)
    assert story.now.unchecked_by == DANA
    story.goes_on(until=State.DELIVERED).chooses(ASKER, "delivery:1", Choice.NOT_YET, "The view is missing")
    told_apart = Triaged(message="", kind=MessageKind.WITHIN_SPEC, title="", criteria=("AC1",))
    story.ends(RunKind.TRIAGE, told_apart)
    story.goes_on(until=State.REVIEWING)
    assert story.now.unchecked_by is None
    story.review_ends(of="d" * 40)
    assert story.now.state is State.ESCALATED


def test_checks_of_another_commit_settle_nothing() -> None:
    story = reached(State.REVIEWING)
    story.review_ends(of="d" * 40)
    assert story.now.escalation is not None
    assert story.now.escalation.cause is Cause.UNSETTLED


def test_another_commit_than_the_checked_one_is_no_delivery() -> None:
    story = reached(State.DELIVERING)
    story.ends(RunKind.DELIVER, delivered("d" * 40))
    assert story.now.state is State.ESCALATED
    assert story.now.delivery is None


def test_early_checks_that_fail_hold_nothing_up() -> None:
    story = reached(State.WORKING)
    failed = Failed(cause=Cause.REPOSITORY, sentence="Gone.")
    story.ends(RunKind.VERIFY, failed, BASE)
    assert story.now.state is State.WORKING


# ---------------------------------------------------------------- questions


def test_submitted_answers_stay_as_they_are() -> None:
    story = reached(State.CLARIFYING)
    story.submits()
    assert "Still open: Scope, Grain" in story.told
    story.answers(BYSTANDER, 0, labels=("Some",))
    story.answers(ASKER, 1, you_decide=True)
    story.submits()
    story.ends(RunKind.ASSESS, Assessed(assessment=assessment(Verdict.VAGUE), base_commit=BASE))
    assert story.now.state is State.CLARIFYING
    before = story.now
    story.answers(ASKER, 0, labels=("All",))
    assert story.told == "These questions are closed; your click changed nothing."
    story.submits()
    assert story.told == "These answers were already submitted; your click changed nothing."
    assert story.now == before


def test_a_typed_list_fills_the_card() -> None:
    story = reached(State.CLARIFYING)
    story.says("1. all\n2. you decide")
    given = story.now.rounds[-1].given
    assert [g.labels for g in given if g] == [("All",), ()]
    assert story.told.startswith("I filled in 2 of 2")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Tell me in the same message"),
        ("x" * 40_000, "Your message has 40,000 characters"),
        ("<https://example.org/a>", "I do not open links"),
        ("<https://example.org/a>, <http://example.org/b>!", "I do not open links"),
        ("https://example.org/a", "I do not open links"),
        ("(<https://example.org/a>)", "I do not open links"),
        ("<https://example.org/a>" * 300, "I do not open links"),
        ("<https://" + "a" * 7_000, "I do not open links"),
    ],
)
def test_an_unreadable_mention_opens_nothing(text: str, why: str) -> None:
    story = Story().opened(text)
    assert story.stored is None
    assert story.told.startswith(why)


@pytest.mark.parametrize(
    "text",
    [
        "週次の指標を追加して<https://example.org/a>",
        "Rename<https://example.org/a>",
        "<https://example.org/a> Rename",
        "<https://example.org/a>直して",
        "<https://example.org/a> ???",
        "<https://example.org/a><https://example.org/b>。直して",
    ],
)
def test_words_that_hold_more_than_a_link_are_a_request(text: str) -> None:
    """Not every language has spaces between its words, so that a link may stand right after them."""
    assert Story().opened(text).now.text == text


def test_agents_of_an_older_commit_are_none_of_the_next_assessments() -> None:
    story = Story().opened()
    mason = Seat(name="mason", tools=("write_file", "read_file"), tier=Tier.SONNET, writes=True)
    vague = Assessed(assessment=assessment(Verdict.VAGUE), base_commit=BASE, seats=(mason,))
    story.ends(RunKind.ASSESS, vague)
    assert story.now.implementer == "mason"
    story.goes_on(until=State.ASSESSING)
    story.ends(RunKind.ASSESS, Assessed(assessment=assessment(), base_commit="d" * 40))
    assert story.now.implementer == POLICY.implementer


HOME = {
    RunKind.ASSESS: State.ASSESSING, RunKind.ASK: State.CLARIFYING, RunKind.SPECIFY: State.SPECIFYING,
    RunKind.PLAN: State.SPECIFYING, RunKind.TASK: State.WORKING, RunKind.REVIEW: State.REVIEWING,
    RunKind.DELIVER: State.DELIVERING,
}  # fmt: skip
ABOUT = {RunKind.TASK: "build", RunKind.REVIEW: REVIEWER}


@pytest.mark.parametrize("kind", HOME)
@pytest.mark.parametrize("state", [state for state in State if not state.ended])
def test_the_end_of_a_run_counts_where_it_is_waited_for_and_nowhere_else(state: State, kind: RunKind) -> None:
    story = reached(state)
    stray = Live(id="stray", kind=kind, about=ABOUT.get(kind, ""))
    others = tuple(run for run in story.now.live if (run.kind, run.about) != (kind, stray.about))
    story.stored = story.now.model_copy(update={"live": (*others, stray), "draft": DRAFT, "head": COMMIT})
    before = story.now
    story.ends(kind, good_end(stray, before, PLANS[0], "e" * 40), stray.about)
    if HOME[kind] is state:
        assert story.last.effects
        return
    times = {"busy_since": None, "worked_s": 0.0, "over_at": None}
    expected = before.model_copy(update={"live": others, **times})
    assert story.now.model_copy(update=times) == expected
    assert story.last.effects == ()


def test_a_decision_stays_as_it_was_made() -> None:
    with pytest.raises(ValidationError):
        Story().opened().last.snapshot = None  # type: ignore[misc]


def test_addresses_that_run_together_are_read_at_once() -> None:
    started = time.perf_counter()
    assert Story().opened("https://a" * 800 + " x").now.state is State.ASSESSING
    assert time.perf_counter() - started < 1


# ---------------------------------------------------------------- messages, stop, time


def test_a_wish_is_not_lost_when_a_decision_is_needed_meanwhile() -> None:
    story = reached(State.REVIEWING)
    story.says("Please also add a dashboard")
    story.review_ends(Severity.CRITICAL)
    assert story.now.state is State.BLOCKED
    story.ends(RunKind.TRIAGE, Triaged(message="", kind=MessageKind.NEW_SCOPE, title="Dashboard"))
    assert [item.title for item in story.now.scope_items] == ["Dashboard"]


def test_a_message_nobody_could_tell_apart_is_kept() -> None:
    story = reached(State.DELIVERED)
    story.chooses(ASKER, "delivery:1", Choice.NOT_YET, "Weeks are missing")
    story.ends(RunKind.TRIAGE, Failed(cause=Cause.MODEL, sentence="No answer."))
    assert [item.text for item in story.now.scope_items] == ["Weeks are missing"]
    assert story.now.posts[-1].to == ASKER


def test_a_stop_on_an_old_card_stops_nothing() -> None:
    story = reached(State.BLOCKED)
    story.chooses(ASKER, "escalation:1", Choice.FIX)
    story.chooses(ASKER, "escalation:1", Choice.STOP)
    assert story.told == "This was decided already; your click changed nothing."
    assert not story.now.state.ended
    story.chooses(BYSTANDER, "progress", Choice.STOP)
    assert story.now.state is State.STOPPED
    assert any(isinstance(effect, CancelRuns) for effect in story.last.effects)


def test_a_person_is_reminded_once_then_the_request_ends() -> None:
    story = reached(State.AWAITING_APPROVAL)
    story.waits()
    assert story.now.posts[-1].text.startswith("Still waiting for approval of the spec above.")
    story.waits()
    assert story.now.state is State.EXPIRED
    assert story.now.ended_because == "Nobody answered in time, so this request ended without a pull request."


def test_a_repository_that_is_gone_holds_the_request_and_loses_no_run() -> None:
    story = reached(State.WORKING)
    story.policy, policy = None, story.policy
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    assert story.now.state is State.ESCALATED
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    assert "no longer configured" in story.told
    story.policy = policy
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    story.goes_on(until=State.DELIVERED)


def test_a_result_that_is_not_the_runs_own_asks_a_person() -> None:
    story = Story().opened()
    story.ends(RunKind.ASSESS, Planned(plan=PLANS[0]))
    assert story.now.escalation is not None
    assert story.now.escalation.cause is Cause.BUG
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    story.goes_on(until=State.DELIVERED)


@pytest.mark.parametrize(
    ("state", "kind", "result"),
    [
        (State.SPECIFYING, RunKind.SPECIFY, Planned(plan=PLANS[0])),
        (State.REVIEWING, RunKind.REVIEW, held(COMMIT)),
        (State.REVIEWING, RunKind.REVIEW, delivered(COMMIT)),
        (State.REVIEWING, RunKind.REVIEW, verified(COMMIT)),
        (State.DELIVERING, RunKind.DELIVER, held("d" * 40)),
    ],
)
def test_what_does_not_belong_to_a_run_is_a_fault_of_ours(
    state: State, kind: RunKind, result: Result
) -> None:
    story = reached(state)
    story.stored = story.now.model_copy(update={"draft": DRAFT})
    story.ends(kind, result)
    assert story.now.escalation is not None
    assert story.now.escalation.cause is Cause.BUG


def test_a_plan_without_a_draft_is_a_fault_of_ours() -> None:
    story = reached(State.SPECIFYING)
    live = Live(id="p", kind=RunKind.PLAN)
    story.stored = story.now.model_copy(update={"live": (live,), "draft": None})
    story.ends(RunKind.PLAN, Planned(plan=PLANS[0]))
    assert story.now.escalation is not None
    assert story.now.escalation.cause is Cause.BUG


def test_a_reviewer_may_be_called_like_a_look() -> None:
    story = Story(POLICY.model_copy(update={"reviewers": ("look1",)})).opened()
    story.goes_on(until=State.REVIEWING)
    before = story.stored
    story.ends(RunKind.REVIEW, Failed(cause=Cause.MODEL, sentence="No answer."), "look1")
    assert story.now.state is State.ESCALATED
    story.stored = before
    reviews = story.goes_on(until=State.DELIVERED).now.review_rounds[0].reviews
    assert {one.reviewer for one in reviews} == {"look1", REVIEWER}


def test_what_looks_like_a_credential_blocks_where_it_would_be_delivered() -> None:
    story = reached(State.WORKING)
    story.ends(RunKind.TASK, Failed(cause=Cause.MODEL, sentence="No answer.", leaks=LEAKS))
    assert story.now.escalation is not None
    assert story.now.escalation.cause is Cause.MODEL


def test_an_option_that_is_called_so_is_that_option() -> None:
    story = reached(State.CLARIFYING)
    *before, current = story.now.rounds
    first, *others = current.questions
    option = first.options[0].model_copy(update={"label": "No idea"})
    questions = (first.model_copy(update={"options": (option, *first.options[1:])}), *others)
    asked = current.model_copy(update={"questions": questions})
    story.stored = story.now.model_copy(update={"rounds": (*before, asked)})
    story.says("1. no idea")
    given = story.now.rounds[-1].given[0]
    assert given is not None
    assert (given.labels, given.find_out) == (("No idea",), False)


def test_verifying_the_base_is_shown_on_the_spec() -> None:
    story = reached(State.AWAITING_APPROVAL)
    story.ends(RunKind.VERIFY, verified(BASE))
    assert [r.exit_code for r in story.now.base_results] == [1]


def test_the_cap_is_raised_by_an_approver() -> None:
    story = reached(State.PAUSED)
    story.chooses(ASKER, "escalation:1", Choice.RAISE_CAP)
    assert story.told == "Only an approver of this repository can choose that."
    story.chooses(DANA, "escalation:1", Choice.RAISE_CAP)
    assert story.now.cap_usd == 10
    assert isinstance(story.goes_on(until=State.DELIVERED).now.delivery, Delivered)


def test_a_second_mention_is_noted_and_told_where_another_request_goes() -> None:
    story = Story().opened()
    for number in range(DETAILS):
        story.says(f"And detail {number}", by=BYSTANDER, mentions=True)
        assert "mention me in a new thread" in story.told
    story.says("One more", by=BYSTANDER, mentions=True)
    assert "cannot take more notes" in story.told
    assert len(story.now.notes) == DETAILS
    story.goes_on(until=State.AWAITING_APPROVAL)
    story.chooses(ASKER, "spec:1", Choice.CHANGE_SPEC, "By week, please")
    assert story.now.state is State.SPECIFYING


def test_the_requesters_words_beside_open_questions_are_kept_and_hinted_at_once() -> None:
    story = reached(State.CLARIFYING)
    before = story.now
    story.says("I think daily is enough", BYSTANDER)
    assert (story.now, story.told) == (before, "")
    story.says("Daily is enough, I think")
    assert story.told.startswith("Noted as a detail; it answers none of the questions")
    story.says("And it has to be cheap")
    assert story.told == ""
    story.says("Did you get that?", mentions=True)
    assert "numbered list" in story.told

    assert [note.text for note in story.now.notes] == [
        "Daily is enough, I think",
        "And it has to be cheap",
        "Did you get that?",
    ]
    assert story.now.rounds[-1].given == before.rounds[-1].given
    assert story.now.state is State.CLARIFYING
