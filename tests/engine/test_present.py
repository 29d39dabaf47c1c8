"""Cards tell what is so: whom a request waits for, what was answered, what was checked of which commit."""

import pytest

from engine.cards import (
    DeliveryCard,
    EscalationCard,
    ProgressCard,
    QuestionsCard,
    ReviewCard,
    SpecCard,
    StepStatus,
)
from engine.events import Assessed, Cause, Choice, Chose, Failed, Triaged
from engine.present import Shown, detail, render
from engine.present.outcome import GOOD
from engine.present.spec import difference
from engine.request import RunKind, ShowCard, State
from engine.schemas import Condition, MessageKind, Outcome, Plan, Severity
from tests.engine.laws import clear, shown
from tests.engine.stories import COMMIT, Story, reached
from tests.engine.strategies import ASKER, BASE, DANA, ERIN, POLICY, assessment, planned, task_ended


def progress(story: Story) -> ProgressCard:
    card = render(story.now, "progress", Shown(), story.policy)
    assert isinstance(card, ProgressCard)
    return card


def step(story: Story, name: str) -> tuple[StepStatus, str]:
    found = next(s for s in progress(story).steps if s.name == name)
    return found.status, found.detail


@pytest.mark.parametrize("state", State)
def test_every_card_of_every_state_can_be_shown(state: State) -> None:
    story = reached(state)
    for policy in (POLICY, None):
        clear(story.now, policy)
        shown(story.now, story.last, policy)


@pytest.mark.parametrize(
    "key", ["spec:0", "spec:9", "spec:²", "spec:" + "9" * 5000, "spec:-1", "", ":", "x:1"]
)
def test_a_strange_key_shows_nothing(key: str) -> None:
    story = reached(State.DELIVERED)
    assert render(story.now, key, Shown(), POLICY) is None
    assert detail(story.now, key) is None


@pytest.mark.parametrize(
    ("state", "waiting_for"),
    [
        (State.CLARIFYING, (ASKER,)),
        (State.AWAITING_APPROVAL, (DANA, ERIN)),
        (State.ESCALATED, (DANA, ERIN, ASKER)),
        (State.BLOCKED, (ASKER,)),
        (State.PAUSED, (DANA, ERIN)),
        (State.DELIVERED, (ASKER,)),
        (State.WORKING, ()),
        (State.DONE, ()),
    ],
)
def test_the_progress_card_names_whom_it_waits_for(state: State, waiting_for: tuple[object, ...]) -> None:
    assert progress(reached(state)).waiting_for == waiting_for


def test_approvals_are_counted_and_who_may_approve_is_said() -> None:
    story = Story(POLICY.model_copy(update={"approvals": 2})).opened()
    story.goes_on(until=State.AWAITING_APPROVAL).approves(DANA)
    assert "Approved by 1 of 2." in progress(story).headline
    assert progress(story).waiting_for == (ERIN,)
    story.policy = POLICY.model_copy(update={"approvers": ()})
    assert "anyone here but the requester can approve" in progress(story).headline


def test_a_spec_that_nobody_can_approve_says_so() -> None:
    story = reached(State.AWAITING_APPROVAL)
    story.policy = POLICY.model_copy(update={"approvers": (ASKER,)})
    assert "Too few people may approve it" in progress(story).headline
    card = render(story.now, "spec:1", Shown(), story.policy)
    assert isinstance(card, SpecCard)
    assert card.wait.named == (ASKER,)


def test_unanswered_questions_are_not_counted_as_answered() -> None:
    story = reached(State.CLARIFYING)
    story.answers(ASKER, 0, labels=("All",))
    story.stops()
    assert step(story, "Ask what is unclear") == (StepStatus.FAILED, "1 question answered")


def test_a_rejected_version_waits_for_nobody() -> None:
    story = reached(State.AWAITING_APPROVAL)
    story.chooses(ASKER, "spec:1", Choice.REJECT_SPEC)
    assert step(story, "Agree on the spec") == (StepStatus.FAILED, "version 1 rejected")


def test_an_unchecked_delivery_does_not_claim_that_everything_holds() -> None:
    story = reached(State.ESCALATED)
    story.chooses(DANA, "escalation:1", Choice.DELIVER_UNCHECKED)
    assert "Everything holds" not in progress(story).headline
    assert "not checked" in progress(story).headline
    story.goes_on(until=State.DELIVERED)
    card = render(story.now, "delivery:1", Shown(), POLICY)
    assert isinstance(card, DeliveryCard)
    assert "not checked" in {line.status for line in card.criteria}


def test_a_delivery_shows_the_round_that_judged_its_commit() -> None:
    story = reached(State.DELIVERED)
    before = render(story.now, "delivery:1", Shown(), POLICY)
    story.chooses(ASKER, "delivery:1", Choice.NOT_YET, "Weeks are missing")
    story.ends(RunKind.TRIAGE, Triaged(message="", kind=MessageKind.WITHIN_SPEC, title="", criteria=("AC1",)))
    story.goes_on(until=State.REVIEWING).review_ends(exit_code=1)
    after = render(story.now, "delivery:1", Shown(), POLICY)
    assert isinstance(before, DeliveryCard)
    assert isinstance(after, DeliveryCard)
    assert after.criteria == before.criteria
    assert after.superseded


def test_nothing_is_claimed_of_a_new_version_that_was_found_of_the_one_before() -> None:
    story = reached(State.DELIVERED)
    story.chooses(ASKER, "delivery:1", Choice.NOT_YET, "Weeks are missing")
    wish = Triaged(message="", kind=MessageKind.NEW_SCOPE, title="Weeks")
    story.ends(RunKind.TRIAGE, wish)
    reviewed, delivered = step(story, "Check and review"), step(story, "Deliver a draft pull request")
    assert (reviewed[0], delivered[0]) == (StepStatus.DONE, StepStatus.DONE)
    event = {**story.common(), "by": ASKER, "card": "scope:1", "choice": Choice.REDEFINE}
    story.happens(Chose.model_validate({**event, "picks": (story.now.scope_items[0].ts,)}))
    for state in (State.SPECIFYING, State.AWAITING_APPROVAL, State.WORKING):
        story.goes_on(until=state)
        assert step(story, "Check and review") == (StepStatus.PENDING, "again, after round 1")
        assert step(story, "Deliver a draft pull request")[0] is StepStatus.PENDING
    story.goes_on(until=State.DELIVERED)
    assert step(story, "Check and review") == (StepStatus.DONE, "round 2: everything holds")


def test_a_rejected_version_promises_no_newer_delivery() -> None:
    story = reached(State.DELIVERED)
    story.chooses(ASKER, "delivery:1", Choice.NOT_YET, "Weeks are missing")
    story.ends(RunKind.TRIAGE, Triaged(message="", kind=MessageKind.NEW_SCOPE, title="Weeks"))
    event = {**story.common(), "by": ASKER, "card": "scope:1", "choice": Choice.REDEFINE}
    story.happens(Chose.model_validate({**event, "picks": (story.now.scope_items[0].ts,)}))
    story.goes_on(until=State.AWAITING_APPROVAL)
    before = render(story.now, "delivery:1", Shown(), POLICY)
    assert isinstance(before, DeliveryCard)
    assert before.superseded
    story.chooses(DANA, "spec:2", Choice.REJECT_SPEC)
    assert ShowCard(card="delivery:1") in story.last.effects
    after = render(story.now, "delivery:1", Shown(), POLICY)
    assert isinstance(after, DeliveryCard)
    assert after.halted == "The request ended before anybody confirmed this."


def test_a_criterion_that_only_moved_up_is_no_difference() -> None:
    story = reached(State.AWAITING_APPROVAL)
    spec = story.now.spec
    assert spec is not None
    first, *rest = spec.draft.criteria
    moved = tuple(c.model_copy(update={"id": f"AC{n}"}) for n, c in enumerate(rest, start=1))
    last = moved[-1].model_copy(update={"id": f"AC{len(moved) + 1}", "text": "The page names 3 tenants"})
    called = {c.id: m.id for c, m in zip(rest, moved, strict=True)}
    success = tuple(
        s.model_copy(update={"criteria": tuple(called[id] for id in s.criteria if id in called)})
        for s in spec.draft.success_criteria
    )
    draft = spec.draft.model_copy(update={"criteria": (*moved, last), "success_criteria": success})
    diffs = {d.name: d for d in difference(spec, spec.model_copy(update={"draft": draft}))}
    changed = diffs["Acceptance criteria"]
    assert [line.partition(":")[0] for line in changed.removed] == [first.id]
    assert [line.partition(":")[0] for line in changed.added] == [last.id]
    touched = {s.text for s in spec.draft.success_criteria if first.id in s.criteria}
    shown_removed = diffs["Success criteria"].removed if "Success criteria" in diffs else ()
    assert {line.rpartition(" (")[0] for line in shown_removed} == touched


def test_the_review_card_lists_what_failed_with_its_fix() -> None:
    story = reached(State.REVIEWING)
    story.review_ends(Severity.MAJOR, Severity.MINOR, exit_code=1)
    card = render(story.now, "review:1", Shown(), POLICY)
    assert isinstance(card, ReviewCard)
    assert card.gate == "FIX"
    assert card.rounds == 3
    assert [f.severity for f in card.failed] == ["failed", "major"]
    assert len(card.minor) == 1
    assert card.next_steps[-1] == "Run every check and review again"


def test_what_reviewers_praise_is_not_counted_as_passed() -> None:
    story = reached(State.REVIEWING)
    story.review_ends()
    current = story.now.round
    assert current is not None
    praise = [line for one in current.reviews if one.review for line in one.review.passed]
    card = render(story.now, "review:1", Shown(), POLICY)
    assert isinstance(card, ReviewCard)
    assert praise
    assert len(card.praised) == len(praise)
    assert all(any(line.startswith(c.id) for c in current.settled) for line in card.passed)
    assert len(card.passed) == len([s for s in current.settled if s.status.value in GOOD])


def test_a_decided_escalation_says_who_chose_what() -> None:
    story = reached(State.ESCALATED)
    story.chooses(ERIN, "escalation:1", Choice.STOP)
    card = render(story.now, "escalation:1", Shown(), POLICY)
    assert isinstance(card, EscalationCard)
    assert not card.open
    assert (card.decided_by, card.decision) == (ERIN, "Stop here")


def test_questions_close_on_submit() -> None:
    story = reached(State.CLARIFYING)
    story.answers(ASKER, 0, labels=("All",))
    story.answers(ASKER, 1, you_decide=True)
    story.submits(DANA)
    card = render(story.now, "questions:1", Shown(), POLICY)
    assert isinstance(card, QuestionsCard)
    assert not card.open
    assert card.submitted_by == DANA
    assert card.items[1].assumed


def test_questions_keep_the_title_under_which_they_were_asked() -> None:
    story = reached(State.CLARIFYING)
    for number in range(len(story.now.rounds[0].questions)):
        story.answers(ASKER, number, you_decide=True)
    story.submits()
    other = assessment().model_copy(update={"title": "Time until it is resolved"})
    story.ends(RunKind.ASSESS, Assessed(assessment=other, base_commit=BASE))
    assert progress(story).title == "Time until it is resolved"
    card = render(story.now, "questions:1", Shown(), POLICY)
    assert isinstance(card, QuestionsCard)
    assert card.title == "Resolution time"


def test_a_failed_step_is_told_with_its_reference() -> None:
    story = Story().opened()
    story.ends(RunKind.ASSESS, Failed(cause=Cause.BUG, sentence="It broke.", error_id="ab12"))
    card = render(story.now, "escalation:1", Shown(), POLICY)
    assert isinstance(card, EscalationCard)
    assert card.situation == "It broke. (error ab12)"


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


def test_every_word_of_a_plan_is_shown_to_who_approves_it() -> None:
    """Boundaries, returns and conditions go into prompts too: an approval covers only what was shown."""
    task = planned("build", ("analyse",), on=Condition(task="analyse", outcome=Outcome.DONE))
    told = {"boundaries": ("leave billing alone",), "returns": ("which joins",), "effort": "an hour at most"}
    plan = Plan(tasks=(planned("analyse"), task.model_copy(update=told)))
    story = Story(plan=plan).opened().goes_on(until=State.AWAITING_APPROVAL)
    whole = detail(story.now, "spec:1")
    card = render(story.now, "spec:1", Shown(), story.policy)
    assert whole is not None
    assert isinstance(card, SpecCard)
    shown_on_card = "\n".join(line for part in card.sections for line in part.lines)
    for text in _texts(plan.model_dump(mode="json")):
        assert text in whole.text
        assert text in shown_on_card


def test_every_path_that_would_be_kept_is_named() -> None:
    paths = tuple(f"other/file{n}.txt" for n in range(60))
    story = reached(State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.ends(RunKind.TASK, task_ended("build", COMMIT, outside=paths))
    whole = detail(story.now, "escalation:1")
    assert whole is not None
    assert all(path in whole.text for path in paths)
