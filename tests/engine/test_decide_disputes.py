"""Disputes clear nothing by themselves; deliveries are done only once everything is said to hold."""

import pytest

from bot.cards import blocks
from engine import findings
from engine.cards import DeliveryCard, ProgressCard, ReviewCard
from engine.events import Choice, Ruled, Specified, Triaged
from engine.people import Person
from engine.present import Shown, render
from engine.request import GateVerdict, RunKind, ShowCard, State
from engine.schemas import Criterion, Fate, Judged, MessageKind, Ruling, SettledBy, Severity
from tests.engine.stories import Story
from tests.engine.strategies import ASKER, BYSTANDER, DANA, DRAFT, ERIN


def ruling(commit: str, fate: Fate, judgement: Judged | None = None) -> Ruling:
    return Ruling(
        commit=commit,
        ruling=fate,
        reason="So it is.",
        path="src/a.sql",
        line=1,
        quote="s",
        judgement=judgement,
    )


def disputes(story: Story, by: Person = ASKER, item: str = "F1", text: str = "Not so.") -> None:
    card = f"escalation:{len(story.now.escalations)}"
    story.chooses(by, card, Choice.DISPUTE, text, item)


def comes_back(story: Story, result: Ruled, id: str = "F1") -> None:
    story.ends(RunKind.REVIEW, result, f"dispute:{id}")


def stands(story: Story) -> State:
    return story.now.state


def blocked(*severities: Severity) -> Story:
    return _reviewed(*(severities or (Severity.CRITICAL,)))


def _reviewed(*severities: Severity) -> Story:
    story = Story().opened().goes_on(until=State.REVIEWING)
    story.review_ends(*severities)
    return story


def test_a_dispute_starts_a_fresh_review_and_clears_nothing_yet() -> None:
    story = blocked()
    disputes(story)

    assert stands(story) is State.REVIEWING
    assert [run.about for run in story.now.live if run.kind is RunKind.REVIEW] == ["dispute:F1"]
    assert story.now.round is not None
    assert findings.standing(story.now.round) == story.now.round.reviews


def test_a_withdrawal_clears_the_finding_and_the_gate_is_asked_again() -> None:
    story = blocked()
    disputes(story, DANA)
    comes_back(story, Ruled(finding="F1", ruling=ruling(story.now.head, Fate.WITHDRAWN)))

    assert stands(story) is State.DELIVERING
    assert story.now.round is not None
    assert story.now.round.gate is GateVerdict.PASS
    assert [d.by for d in story.now.round.disputes] == [DANA]


@pytest.mark.parametrize("how", ["upheld", "invalid", "other commit", "other finding", "malformed"])
def test_whatever_else_comes_back_leaves_the_finding(how: str) -> None:
    story = blocked()
    disputes(story)
    head = story.now.head
    result = {
        "upheld": Ruled(finding="F1", ruling=ruling(head, Fate.UPHELD)),
        "invalid": Ruled(finding="F1", ruling=None, invalid="not JSON"),
        "other commit": Ruled(finding="F1", ruling=ruling("e" * 40, Fate.WITHDRAWN)),
        "other finding": Ruled(finding="F2", ruling=ruling(head, Fate.WITHDRAWN)),
        "malformed": Ruled(finding="F1", ruling=ruling(head, Fate.WITHDRAWN), invalid="a misquote"),
    }[how]
    comes_back(story, result)

    assert stands(story) is State.BLOCKED
    assert not any(run.kind is RunKind.DELIVER for run in story.now.live)


def test_a_ruling_is_final_but_an_unusable_one_may_be_asked_for_again() -> None:
    story = blocked()
    disputes(story)
    comes_back(story, Ruled(finding="F1", ruling=None, invalid="not JSON"))
    disputes(story)
    assert stands(story) is State.REVIEWING
    comes_back(story, Ruled(finding="F1", ruling=ruling(story.now.head, Fate.UPHELD)))
    assert story.now.escalation is not None
    assert Choice.DISPUTE not in {offer.choice for offer in story.now.escalation.offers}


def test_a_ruling_answers_its_own_finding_alone() -> None:
    story = blocked(Severity.CRITICAL, Severity.MAJOR)
    disputes(story)
    *before, current = story.now.review_rounds
    other = current.disputes[0].model_copy(update={"finding": "F2"})
    both = current.model_copy(update={"disputes": (*current.disputes, other)})
    story.stored = story.now.model_copy(update={"review_rounds": (*before, both)})
    comes_back(story, Ruled(finding="F1", ruling=ruling(story.now.head, Fate.UPHELD)))
    assert [d.ruling is None for d in story.now.review_rounds[-1].disputes] == [False, True]


@pytest.mark.parametrize(
    ("by", "item", "text"),
    [(BYSTANDER, "F1", "Not so."), (ASKER, "F1", "  "), (ASKER, "F9", "Not so."), (ASKER, "", "Not so.")],
)
def test_who_may_not_or_says_nothing_disputes_nothing(by: Person, item: str, text: str) -> None:
    story = blocked()
    before = story.now
    disputes(story, by, item, text)

    assert story.now == before
    assert story.told


def test_one_withdrawal_clears_one_finding() -> None:
    story = blocked(Severity.CRITICAL, Severity.MAJOR)
    disputes(story)
    comes_back(story, Ruled(finding="F1", ruling=ruling(story.now.head, Fate.WITHDRAWN)))

    assert story.now.review_rounds[0].gate is GateVerdict.FIX
    assert stands(story) is State.WORKING


# ---------------------------------------------------------------- what only the world can tell


def delivered(who: str) -> Story:
    attested = Criterion(
        id="AC4",
        text="The pipeline ends within 20 minutes",
        settled_by=SettledBy.ATTESTED,
        who=who,
        how="the run's page",
        when="after the first night",
    )
    draft = DRAFT.model_copy(update={"criteria": (*DRAFT.criteria, attested)})
    story = Story().opened().goes_on(until=State.SPECIFYING)
    story.ends(RunKind.SPECIFY, Specified(draft=draft))
    return story.goes_on(until=State.DELIVERED)


def says(story: Story, by: Person, choice: Choice, item: str = "AC4", text: str = "") -> None:
    story.chooses(by, f"delivery:{story.now.deliveries}", choice, text, item)


NAMED = "@U0ERIN1"
NAMED_PERSON = Person(team="T1", user="U0ERIN1")


def test_confirmed_is_not_done_while_something_is_still_to_be_seen() -> None:
    story = delivered(NAMED)
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    assert stands(story) is State.DELIVERED
    says(story, NAMED_PERSON, Choice.HELD, text="18 minutes")

    assert stands(story) is State.DONE
    assert [(a.by, a.held, a.note) for a in story.now.attestations] == [(NAMED_PERSON, True, "18 minutes")]
    card = render(story.now, "delivery:1", Shown(), story.policy)
    assert isinstance(card, DeliveryCard)
    *others, attested = card.criteria
    assert attested.by == NAMED_PERSON
    assert NAMED_PERSON.user not in attested.evidence
    assert not any(one.by for one in others)


def test_what_is_still_to_be_seen_is_not_said_to_hold() -> None:
    story = delivered(NAMED)
    review = render(story.now, "review:1", Shown(), story.policy)
    progress = render(story.now, "progress", Shown(), story.policy)
    assert isinstance(review, ReviewCard)
    assert isinstance(progress, ProgressCard)
    assert review.pending == ("AC4",)
    assert "holds so far; AC4 asked after delivery" in [s.detail.partition(": ")[2] for s in progress.steps]
    said = str(blocks(review))
    assert "Everything the spec asks for holds" not in said
    assert "people are asked about AC4" in said


def test_a_confirmation_is_shown_where_it_changes_what_becomes_of_words() -> None:
    story = delivered(NAMED)
    story.says("Also for closed ones")
    about = story.now.heard[0].ts
    told = Triaged(message=about, kind=MessageKind.WITHIN_SPEC, title="", criteria=("AC1",))
    story.ends(RunKind.TRIAGE, told)
    before = render(story.now, "scope:1", Shown(), story.policy)
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    assert stands(story) is State.DELIVERED
    after = render(story.now, "scope:1", Shown(), story.policy)
    assert "“Not yet” on the delivery" in str(before)
    assert "“Not yet” on the delivery" not in str(after)
    assert ShowCard(card="scope:1") in story.last.effects


def test_what_held_is_not_done_before_somebody_confirms() -> None:
    story = delivered(NAMED)
    says(story, NAMED_PERSON, Choice.HELD)
    assert stands(story) is State.DELIVERED
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    assert stands(story) is State.DONE


@pytest.mark.parametrize(
    ("who", "by", "item"), [(NAMED, ERIN, "AC4"), (NAMED, ASKER, "AC4"), ("the team", ERIN, "AC1")]
)
def test_only_who_is_named_says_so_and_only_of_that(who: str, by: Person, item: str) -> None:
    story = delivered(who)
    before = story.now
    says(story, by, Choice.HELD, item)

    assert story.now == before
    assert story.told


def test_anyone_says_so_where_nobody_is_named() -> None:
    story = delivered("the data team")
    says(story, BYSTANDER, Choice.HELD)
    assert [a.by for a in story.now.attestations] == [BYSTANDER]


def test_no_asks_what_to_do_and_a_new_delivery_asks_anew() -> None:
    story = delivered("the data team")
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    says(story, ERIN, Choice.NOT_HELD, text="31 minutes")
    assert stands(story) is State.ESCALATED
    card = f"escalation:{len(story.now.escalations)}"
    story.chooses(BYSTANDER, card, Choice.FIX)
    assert stands(story) is State.ESCALATED
    story.chooses(ASKER, card, Choice.FIX)
    assert "did not hold after delivery" in story.now.tasks[-1].trouble
    assert "31 minutes" not in story.now.tasks[-1].model_dump_json()
    story.goes_on(until=State.DELIVERED)

    assert story.now.confirmed_by is None
    story.chooses(ASKER, "delivery:2", Choice.CONFIRM)
    assert stands(story) is State.DELIVERED
    says(story, ERIN, Choice.HELD)
    assert stands(story) is State.DONE


def test_it_may_be_looked_at_again_without_a_fix() -> None:
    story = delivered("the data team")
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    says(story, ERIN, Choice.NOT_HELD)
    story.chooses(ASKER, f"escalation:{len(story.now.escalations)}", Choice.RETRY)
    assert stands(story) is State.DELIVERED
    says(story, ERIN, Choice.HELD)
    assert stands(story) is State.DONE
