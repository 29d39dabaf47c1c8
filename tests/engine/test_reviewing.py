"""Review rounds, fixes and the last look before a delivery, each decision as a whole."""

from datetime import timedelta

import pytest

from engine.caps import Cap, CapHit
from engine.decide.moves import Moves
from engine.decide.opening import STOP
from engine.decide.reviewing import ANOTHER_ROUND, DISPUTE, judge_again, start_delivery
from engine.decide.reviewing import reviewed as review_ended
from engine.decide.reviewing import verified as checks_ended
from engine.events import Cause, Choice, Failed, Ran, Reviewed
from engine.people import Person
from engine.request import (
    Approval,
    Escalation,
    GateVerdict,
    Live,
    Policy,
    Push,
    PushFate,
    RunKind,
    ShowCard,
    Snapshot,
    SpecFate,
    SpecVersion,
    StartRun,
    State,
    TaskStatus,
)
from engine.schemas import Judged, Severity
from tests.engine.stories import COMMIT, Story, reached
from tests.engine.strategies import (
    ASKER,
    BASE,
    BYSTANDER,
    DANA,
    DAY,
    ERIN,
    POLICY,
    REVIEWER,
    SECOND_REVIEWER,
    START,
    check_result,
    held,
    reviewed,
    task_ended,
    verified,
)

OTHER = "d" * 40
TWO = POLICY.model_copy(update={"approvals": 2})
BOTH = POLICY.model_copy(update={"reviewers": (REVIEWER, SECOND_REVIEWER)})


def cards(story: Story) -> list[str]:
    return [effect.card for effect in story.last.effects if isinstance(effect, ShowCard)]


def runs(story: Story) -> list[tuple[RunKind, str]]:
    return [(effect.kind, effect.about) for effect in story.last.effects if isinstance(effect, StartRun)]


def asked(story: Story) -> Escalation:
    assert story.now.escalation is not None
    return story.now.escalation


def reviewing(policy: Policy = POLICY) -> Story:
    story = Story(policy).opened()
    return story.goes_on(until=State.REVIEWING)


# ---------------------------------------------------------------- a round


def test_a_round_checks_and_has_every_required_reviewer_look_at_the_head() -> None:
    story = reviewing(BOTH)
    assert runs(story) == [
        (RunKind.VERIFY, COMMIT), (RunKind.REVIEW, REVIEWER), (RunKind.REVIEW, SECOND_REVIEWER)
    ]  # fmt: skip
    (first,) = story.now.review_rounds
    assert (first.number, first.commit, first.gate) == (1, COMMIT, None)


def test_leave_to_deliver_what_could_not_be_settled_is_of_one_round() -> None:
    story = reached(State.WORKING)
    story.stored = story.now.model_copy(update={"unchecked_by": DANA})
    story.goes_on(until=State.REVIEWING)
    assert story.now.unchecked_by is None


def test_it_is_judged_once_everything_that_was_started_has_ended() -> None:
    story = reviewing(BOTH)
    story.ends(RunKind.REVIEW, reviewed(COMMIT, by=REVIEWER), REVIEWER)
    assert story.now.round is not None
    assert story.now.round.gate is None
    story.ends(RunKind.VERIFY, verified(COMMIT), COMMIT)
    assert story.now.round.gate is None
    story.ends(RunKind.REVIEW, reviewed(COMMIT, by="somebody-else"), SECOND_REVIEWER)
    assert [one.reviewer for one in story.now.round.reviews] == [REVIEWER, SECOND_REVIEWER]
    assert story.now.round.gate is GateVerdict.PASS
    assert (story.now.state, runs(story)) == (State.DELIVERING, [(RunKind.DELIVER, "")])
    assert cards(story)[0] == "review:1"


def test_checks_of_the_base_and_of_the_commit_are_kept_apart() -> None:
    story = reviewing()
    story.ends(RunKind.VERIFY, verified(COMMIT), COMMIT)
    assert [one.where for one in story.now.base_results] == [Ran.BASE]
    assert story.now.round is not None
    assert story.now.round.results is not None
    assert {one.where for one in story.now.round.results} == {Ran.COMMIT, Ran.ARTIFACTS}
    assert story.now.round.facts == verified(COMMIT).facts


def test_a_look_at_the_base_is_kept_where_another_brings_none() -> None:
    story = reviewing()
    before = story.now.base_results
    assert before
    story.ends(RunKind.VERIFY, verified(COMMIT, base=False), COMMIT)
    assert story.now.base_results == before


def test_results_of_another_commit_settle_nothing() -> None:
    story = reviewing()
    story.ends(RunKind.VERIFY, verified(OTHER), COMMIT)
    assert story.now.round is not None
    assert (story.now.round.results, story.now.round.facts) == ((), ())


def test_what_is_known_of_the_base_is_shown_on_the_spec_that_waits() -> None:
    story = reached(State.AWAITING_APPROVAL)
    story.ends(RunKind.VERIFY, verified(BASE), BASE)
    assert [one.where for one in story.now.base_results] == [Ran.BASE]
    assert cards(story)[0] == "spec:1"


# ---------------------------------------------------------------- fixes


def test_a_fix_goes_to_the_implementer_and_has_a_name_of_its_own() -> None:
    story = reviewing()
    story.review_ends(exit_code=1)
    fix = story.now.tasks[-1]
    assert (fix.id, fix.agent, fix.status) == ("fix2", POLICY.implementer, TaskStatus.RUNNING)
    assert (fix.objective, fix.trouble) == ("", "")
    assert [task.id for task in story.now.tasks] == ["analyse", "build", "fix2"]
    assert (story.now.state, runs(story)) == (State.WORKING, [(RunKind.TASK, "fix2")])
    story = reviewing()
    taken = story.now.tasks[-1].model_copy(update={"id": "fix2"})
    story.stored = story.now.model_copy(update={"tasks": (*story.now.tasks, taken)})
    story.review_ends(exit_code=1)
    assert story.now.tasks[-1].id == "fix3"


def rounds(number: int, *severities: Severity) -> Story:
    story = reviewing(POLICY.model_copy(update={"review_rounds": number}))
    for _ in range(number):
        story.goes_on(until=State.REVIEWING).review_ends(*severities, exit_code=1)
    assert story.now.state is State.ESCALATED
    return story


@pytest.mark.parametrize("number", [1, 2])
def test_so_many_rounds_then_people_are_asked_with_what_was_tried(number: int) -> None:
    severities = (Severity.MAJOR,) * 1
    story = rounds(number, *severities)
    reasons = [one.reasons for one in story.now.review_rounds]
    last = asked(story)
    assert (last.cause, last.round) == (Cause.ROUNDS, number)
    words = "1 round" if number == 1 else "2 rounds"
    assert last.situation == (
        f"After {words} the work still does not meet the spec: {'; '.join(reasons[-1][:5])}"
    )
    assert last.attempts == tuple(
        f"Round {at}: {'; '.join(some[:3])}" for at, some in enumerate(reasons, start=1)
    )
    assert last.offers == (ANOTHER_ROUND, DISPUTE, STOP)
    assert last.recommendation.startswith("If the same thing failed in every round")
    assert story.now.due_at == story.at + DAY


def test_nothing_to_dispute_is_not_offered_for_dispute() -> None:
    assert asked(rounds(1)).offers == (ANOTHER_ROUND, STOP)
    assert asked(rounds(1, Severity.MINOR)).offers == (ANOTHER_ROUND, STOP)


def test_one_more_round_is_exactly_one() -> None:
    story = rounds(2)
    story.chooses(DANA, "escalation:1", Choice.ANOTHER_ROUND, "Look at the pipeline")
    assert story.now.extra_rounds == 1
    assert story.now.tasks[-1].objective == "Look at the pipeline"
    story.goes_on(until=State.REVIEWING).review_ends(exit_code=1)
    assert story.now.states[-1] is State.ESCALATED


def test_work_that_changed_nothing_asks_whether_it_is_to_be_done() -> None:
    story = reached(State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.ends(RunKind.TASK, task_ended("build", BASE))
    said = asked(story)
    assert (said.cause, said.resume) == (Cause.TASK, State.WORKING)
    assert [(offer.choice, offer.asks) for offer in said.offers] == [
        (Choice.FIX, "An approver's advice for the implementer"),
        (Choice.STOP, ""),
    ]
    assert said.situation.endswith("There is nothing to review.")


# ---------------------------------------------------------------- what blocks


def test_a_critical_finding_is_told_once_on_the_card_that_asks() -> None:
    story = reviewing()
    story.review_ends(Severity.CRITICAL)
    said = asked(story)
    assert (story.now.state, said.cause, said.resume) == (State.BLOCKED, Cause.CRITICAL, State.WORKING)
    assert [offer.choice for offer in said.offers] == [Choice.FIX, Choice.DISPUTE, Choice.STOP]
    assert said.offers[0].asks == "An approver's advice for the fix"
    assert said.situation.startswith("No pull request is opened: Wrong join (critical, src/a.sql:1)")
    assert "review:1" not in cards(story)
    assert "escalation:1" in cards(story)


def test_a_review_that_does_not_count_is_asked_for_again() -> None:
    story = reviewing()
    story.ends(RunKind.VERIFY, verified(COMMIT), COMMIT)
    story.ends(RunKind.REVIEW, reviewed(COMMIT, invalid="a quote is made up"), REVIEWER)
    said = asked(story)
    assert (story.now.state, said.cause) == (State.BLOCKED, Cause.REVIEW_INVALID)
    assert said.resume is State.REVIEWING
    assert [offer.choice for offer in said.offers] == [Choice.RETRY, Choice.STOP]
    assert "review:1" in cards(story)
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    assert runs(story) == [(RunKind.VERIFY, COMMIT), (RunKind.REVIEW, REVIEWER)]


def test_only_the_first_reasons_are_told_where_there_are_many() -> None:
    story = reviewing()
    many = reviewed(COMMIT, *(Severity.CRITICAL,) * 7)
    assert many.review is not None
    told = tuple(
        one.model_copy(update={"line": line}) for line, one in enumerate(many.review.findings, start=1)
    )
    story.ends(RunKind.VERIFY, verified(COMMIT), COMMIT)
    review = many.review.model_copy(update={"findings": told})
    story.ends(RunKind.REVIEW, many.model_copy(update={"review": review}), REVIEWER)
    said = asked(story).situation
    assert [f"src/a.sql:{line})" in said for line in range(1, 8)] == [True] * 5 + [False] * 2


# ---------------------------------------------------------------- what could not be settled


def unsettled() -> Story:
    story = reviewing()
    story.ends(RunKind.VERIFY, verified(COMMIT), COMMIT)
    story.ends(RunKind.REVIEW, reviewed(COMMIT, judged=Judged.UNCLEAR), REVIEWER)
    assert story.now.state is State.ESCALATED
    return story


def test_what_could_not_be_settled_is_for_people() -> None:
    said = asked(unsettled())
    assert (said.cause, said.resume) == (Cause.UNSETTLED, State.REVIEWING)
    assert said.situation.startswith("Some criteria could not be settled: AC3 could not be settled")
    assert [(offer.choice, offer.approvers_only, bool(offer.asks)) for offer in said.offers] == [
        (Choice.RETRY, False, False),
        (Choice.ANOTHER_ROUND, False, True),
        (Choice.DELIVER_UNCHECKED, True, False),
        (Choice.STOP, False, False),
    ]


def test_an_approver_delivers_it_as_not_checked_by_name() -> None:
    story = unsettled()
    story.chooses(ASKER, "escalation:1", Choice.DELIVER_UNCHECKED)
    assert (story.now.state, story.now.unchecked_by) == (State.ESCALATED, None)
    story.chooses(DANA, "escalation:1", Choice.DELIVER_UNCHECKED)
    assert (story.now.state, story.now.unchecked_by) == (State.DELIVERING, DANA)


def test_what_fails_by_now_is_not_delivered_as_unchecked() -> None:
    story = unsettled()
    current = story.now.round
    assert current is not None
    assert current.results is not None
    red = (*current.results, check_result(Ran.COMMIT, COMMIT, 1))
    changed = current.model_copy(update={"results": red})
    story.stored = story.now.model_copy(update={"review_rounds": (changed,)})
    story.chooses(DANA, "escalation:1", Choice.DELIVER_UNCHECKED)
    assert (story.now.unchecked_by, story.now.tasks[-1].id) == (None, "fix2")


# ---------------------------------------------------------------- the last look


def test_a_reviewer_who_is_required_by_now_looks_before_anything_is_delivered() -> None:
    story = reviewing(POLICY.model_copy(update={"review_rounds": 1}))
    story.policy = BOTH.model_copy(update={"review_rounds": 1})
    story.ends(RunKind.VERIFY, verified(COMMIT), COMMIT)
    story.ends(RunKind.REVIEW, reviewed(COMMIT), REVIEWER)
    assert story.now.state is State.BLOCKED
    assert f"The review of {SECOND_REVIEWER} is missing" in asked(story).situation


def test_a_reviewer_who_is_required_since_looks_first_in_a_round_beyond_the_cap() -> None:
    one = POLICY.model_copy(update={"review_rounds": 1})
    story = reached(State.DELIVERING)
    story.ends(RunKind.DELIVER, held(COMMIT))
    story.policy = one.model_copy(update={"reviewers": BOTH.reviewers})
    story.chooses(DANA, "push:1", Choice.APPROVE_PUSH, item=COMMIT)
    assert (story.now.state, story.now.extra_rounds) == (State.REVIEWING, 1)
    assert runs(story) == [
        (RunKind.VERIFY, COMMIT), (RunKind.REVIEW, REVIEWER), (RunKind.REVIEW, SECOND_REVIEWER)
    ]  # fmt: skip


def test_an_approver_who_lost_their_say_is_replaced_before_anything_is_delivered() -> None:
    story = reviewing()
    story.policy = POLICY.model_copy(update={"approvers": (ERIN,)})
    story.review_ends()
    spec = story.now.spec
    assert spec is not None
    assert (story.now.state, spec.fate, spec.approvals) == (State.AWAITING_APPROVAL, SpecFate.OPEN, ())
    assert story.now.due_at == story.at + DAY
    assert cards(story)[:3] == ["review:1", "spec:1", "note:1"]
    assert story.now.posts[-1].text == (
        "Who may approve has changed since; the spec needs approval again before anything is delivered."
    )
    assert runs(story) == []


def at_the_last_look(**fields: object) -> Moves:
    """Reviewed and about to be delivered, but for these fields."""
    return Moves(reached(State.DELIVERING).now.model_copy(update=fields), START)


def by(*people: Person) -> tuple[Approval, ...]:
    return tuple(Approval(by=person, at=START) for person in people)


def versions(fate: SpecFate, *people: Person) -> tuple[SpecVersion, ...]:
    spec = reached(State.DELIVERING).now.spec
    assert spec is not None
    old = spec.model_copy(update={"fate": SpecFate.SUPERSEDED})
    return old, spec.model_copy(update={"number": 2, "fate": fate, "approvals": by(*people)})


def shown_cards(moves: Moves) -> list[str]:
    return [effect.card for effect in moves.decision().effects if isinstance(effect, ShowCard)]


def test_a_push_whose_approvals_do_not_suffice_any_more_is_asked_about_again() -> None:
    old, held_push = (
        Push(number=number, held=held(commit), fate=fate, approvals=by(DANA, BYSTANDER))
        for number, commit, fate in ((1, OTHER, PushFate.CHANGED), (2, COMMIT, PushFate.APPROVED))
    )
    moves = at_the_last_look(specs=versions(SpecFate.APPROVED, DANA, ERIN), pushes=(old, held_push))
    start_delivery(moves, TWO)
    kept = held_push.model_copy(update={"fate": PushFate.OPEN, "approvals": by(DANA)})
    assert moves.now.pushes == (old, kept)
    assert (moves.now.state, moves.now.due_at) == (State.AWAITING_APPROVAL, START + DAY)
    assert shown_cards(moves)[0] == "push:2"


@pytest.mark.parametrize(
    ("fate", "policy", "people", "state"),
    [
        (SpecFate.APPROVED, POLICY, (DANA,), State.DELIVERING),
        (SpecFate.APPROVED, TWO, (DANA,), State.AWAITING_APPROVAL),
        (SpecFate.APPROVED, POLICY, (BYSTANDER,), State.AWAITING_APPROVAL),
        (SpecFate.OPEN, POLICY, (DANA,), State.AWAITING_APPROVAL),
    ],
)
def test_the_spec_has_to_be_approved_by_enough_who_may_today(
    fate: SpecFate, policy: Policy, people: tuple[Person, ...], state: State
) -> None:
    specs = versions(fate, *people)
    moves = at_the_last_look(specs=specs)
    start_delivery(moves, policy)
    assert moves.now.state is state
    assert moves.now.specs[0] == specs[0]
    if state is State.AWAITING_APPROVAL:
        kept = by(*(person for person in people if person is DANA))
        assert moves.now.specs[1:] == (
            specs[1].model_copy(update={"fate": SpecFate.OPEN, "approvals": kept}),
        )


@pytest.mark.parametrize(
    "useless", [reviewed(COMMIT, invalid="made up"), Reviewed(reviewer=REVIEWER, review=None)]
)
def test_a_review_that_does_not_count_delivers_nothing(useless: Reviewed) -> None:
    last = reached(State.DELIVERING).now.review_rounds[-1].model_copy(update={"reviews": (useless,)})
    moves = at_the_last_look(review_rounds=(last,))
    start_delivery(moves, POLICY)
    assert (moves.now.state, len(moves.now.review_rounds)) == (State.REVIEWING, 2)


# ---------------------------------------------------------------- what comes late or twice

OF_COMMIT = Live(id="v", kind=RunKind.VERIFY, about=COMMIT)
OF_BASE = Live(id="b", kind=RunKind.VERIFY, about=BASE)
OF_REVIEWER = Live(id="r", kind=RunKind.REVIEW, about=REVIEWER)


def at_a_round(state: State = State.REVIEWING, **fields: object) -> Moves:
    return Moves(reviewing_now().model_copy(update={"state": state, "base_results": (), **fields}), START)


def reviewing_now() -> Snapshot:
    return reviewing().now


def test_checks_of_the_base_say_nothing_of_the_round() -> None:
    moves = at_a_round()
    checks_ended(moves, OF_BASE, verified(BASE), POLICY)
    assert [one.where for one in moves.now.base_results] == [Ran.BASE]
    assert moves.now.review_rounds[-1].results is None


def test_checks_that_end_after_the_round_change_it_no_more() -> None:
    moves = at_a_round(State.WORKING)
    checks_ended(moves, OF_COMMIT, verified(COMMIT), POLICY)
    assert moves.now.review_rounds[-1].results is None
    assert shown_cards(moves) in ([], ["progress"])


def test_a_look_at_the_base_that_brings_nothing_takes_nothing() -> None:
    before = verified(BASE).results
    moves = at_a_round(State.AWAITING_APPROVAL, base_results=before)
    checks_ended(moves, OF_BASE, verified(BASE).model_copy(update={"results": ()}), POLICY)
    assert moves.now.base_results == before
    assert shown_cards(moves)[0] == "spec:1"
    push = Push(number=1, held=held(COMMIT))
    waits = at_a_round(State.AWAITING_APPROVAL, pushes=(push,))
    checks_ended(waits, OF_BASE, verified(BASE), POLICY)
    assert "spec:1" not in shown_cards(waits)


def test_a_result_of_another_commit_settles_nothing_whatever_it_came_with() -> None:
    story = reviewing()
    others = tuple(one.model_copy(update={"commit": OTHER}) for one in verified(COMMIT).results)
    story.ends(RunKind.VERIFY, verified(COMMIT).model_copy(update={"results": others}), COMMIT)
    story.ends(RunKind.REVIEW, reviewed(COMMIT), REVIEWER)
    assert asked(story).cause is Cause.UNSETTLED


def test_a_round_without_results_is_not_checked() -> None:
    (current,) = reviewing_now().review_rounds
    moves = at_a_round(review_rounds=(current.model_copy(update={"reviews": (reviewed(COMMIT),)}),))
    judge_again(moves, POLICY)
    assert moves.now.escalations[-1].cause is Cause.UNSETTLED


def test_a_review_that_comes_after_the_round_is_none_of_it() -> None:
    moves = at_a_round(State.WORKING)
    review_ended(moves, OF_REVIEWER, reviewed(COMMIT), POLICY)
    assert moves.now.review_rounds[-1].reviews == ()
    nothing = at_a_round(review_rounds=())
    review_ended(nothing, OF_REVIEWER, reviewed(COMMIT), POLICY)
    assert nothing.now.review_rounds == ()


def test_a_reviewer_has_one_word_in_a_round_the_last() -> None:
    moves = at_a_round()
    for severity in (Severity.CRITICAL, Severity.MINOR):
        review_ended(moves, OF_REVIEWER, reviewed(COMMIT, severity), POLICY)
    assert moves.now.review_rounds[-1].reviews == (reviewed(COMMIT, Severity.MINOR),)


def test_the_checks_may_end_last_and_others_checks_are_not_waited_for() -> None:
    story = reviewing()
    story.stored = story.now.model_copy(update={"live": (*story.now.live, OF_BASE)})
    story.ends(RunKind.REVIEW, reviewed(COMMIT), REVIEWER)
    assert story.now.state is State.REVIEWING
    story.ends(RunKind.VERIFY, verified(COMMIT), COMMIT)
    assert story.now.states[-1] is State.DELIVERING


def test_rounds_that_were_granted_count_beyond_the_cap() -> None:
    story = reviewing(POLICY.model_copy(update={"review_rounds": 1}))
    story.stored = story.now.model_copy(update={"extra_rounds": 1})
    story.review_ends(exit_code=1)
    assert (story.now.state, story.now.tasks[-1].id) == (State.WORKING, "fix2")


def test_of_many_reasons_only_the_first_are_told_of_the_last_round_and_of_each() -> None:
    story = reviewing(POLICY.model_copy(update={"review_rounds": 2}))
    for first in (10, 30):
        story.goes_on(until=State.REVIEWING)
        head = story.now.head
        many = reviewed(head, *(Severity.MAJOR,) * 7)
        assert many.review is not None
        told = tuple(
            one.model_copy(update={"line": line})
            for line, one in enumerate(many.review.findings, start=first)
        )
        review = many.review.model_copy(update={"findings": told})
        story.ends(RunKind.VERIFY, verified(head), head)
        story.ends(RunKind.REVIEW, many.model_copy(update={"review": review}), REVIEWER)
    said = asked(story)
    lines = [f"src/a.sql:{line})" in said.situation for line in (*range(10, 17), *range(30, 37))]
    assert lines == [False] * 7 + [True] * 5 + [False] * 2
    for attempt, first in zip(said.attempts, (10, 30), strict=True):
        there = [f"src/a.sql:{line})" in attempt for line in range(first, first + 7)]
        assert there == [True] * 3 + [False] * 4


def test_what_blocks_for_lack_of_a_review_is_not_called_critical() -> None:
    story = reviewing(BOTH)
    story.ends(RunKind.VERIFY, verified(COMMIT), COMMIT)
    story.ends(RunKind.REVIEW, reviewed(COMMIT, Severity.MINOR), REVIEWER)
    story.ends(RunKind.REVIEW, reviewed(COMMIT, by=SECOND_REVIEWER, invalid="cut off"), SECOND_REVIEWER)
    assert asked(story).cause is Cause.REVIEW_INVALID
    assert "review:1" in cards(story)


def test_a_round_that_is_one_too_many_for_the_day_is_reviewed_the_next_day_and_counts_once() -> None:
    story = Story(BOTH).opened().goes_on(until=State.REVIEWING)
    started = sorted((run.kind, run.about) for run in story.now.live)
    until = story.at + timedelta(hours=3)
    hit = CapHit(cap=Cap.DAY_ROUNDS, limit=4, spent=4, needs=1, until=until, zone="UTC")
    story.ends(RunKind.REVIEW, Failed(cause=Cause.CAP, sentence="Cap.", cap=hit), REVIEWER)
    assert (story.now.state, story.now.live, story.now.due_at) == (State.PAUSED, (), until)
    story.waits()
    assert story.now.state is State.REVIEWING
    assert sorted((run.kind, run.about) for run in story.now.live) == started
    assert len(story.now.review_rounds) == 1
    story.goes_on(until=State.DELIVERING)
    assert len(story.now.review_rounds) == 1
