"""Work on a branch of others: its ticket is asked for until it is clear, and a fix of it goes elsewhere."""

import pytest

from engine import existing
from engine.cards import ScopeCard
from engine.decide.clarifying import DETAILS
from engine.events import Assessed, CheckFailed, Choice, Chose, Delivered, Existing, Sign, Triaged
from engine.people import Person
from engine.present import Shown, render
from engine.request import Escalation, Policy, RunKind, SpecFate, State, WishFate
from engine.runs.material import told_in_thread
from engine.schemas import MessageKind
from tests.engine.forge_side import failed_check
from tests.engine.stories import COMMIT, Story
from tests.engine.strategies import ASKER, BASE, BYSTANDER, DANA, POLICY, assessment

BRANCH = "feat-DPA-2-churn"


def assessed(*keys: str, ticket: str = "", head: str = COMMIT) -> Assessed:
    """Work on a branch whose ticket could be any of these, unless it is clear."""
    return Assessed(
        assessment=assessment().model_copy(update={"existing_work": True, "existing_branch": BRANCH}),
        base_commit=BASE,
        existing=Existing(branch=BRANCH, head=head, changed=("src/a.sql",), ticket=ticket),
        ticket_wanted=not ticket,
        tickets=keys,
    )


def asked(*keys: str) -> Story:
    story = Story().opened()
    story.ends(RunKind.ASSESS, assessed(*keys))
    return story


def answered(story: Story, **given: object) -> None:
    number = len(story.now.rounds)
    story.answers(ASKER, 0, number, **given)
    story.submits(number=number)


def test_where_words_and_branch_disagree_both_keys_are_offered() -> None:
    story = asked("DPA-1", "DPA-2")

    assert story.now.state is State.CLARIFYING
    (question,) = story.now.rounds[-1].questions
    labels = [option.label for option in question.options]
    assert labels == ["DPA-1", "DPA-2", existing.NO_TICKET, existing.IN_THE_THREAD]
    answered(story, labels=("DPA-1",))
    assert existing.ticket_told(story.now.rounds) == "DPA-1"


def test_who_is_unclear_again_is_told_why_and_asked_again() -> None:
    story = asked()
    answered(story, labels=(existing.IN_THE_THREAD,))
    story.ends(RunKind.ASSESS, assessed())
    assert story.now.state is State.CLARIFYING
    assert existing.THREAD_UNCLEAR in story.now.rounds[-1].questions[0].text

    answered(story, text="DPA-1 or DPA-2")
    story.ends(RunKind.ASSESS, assessed("DPA-1", "DPA-2"))
    (question,) = story.now.rounds[-1].questions
    assert existing.ANSWER_UNCLEAR in question.text
    assert question.options[0].label == "DPA-1"


@pytest.mark.parametrize("words", ["1. you decide", "1) up to you"])
def test_what_only_people_know_is_not_ours_to_decide_by_typing_either(words: str) -> None:
    story = asked("DPA-1", "DPA-2")
    before = story.now
    story.answers(ASKER, 0, you_decide=True)
    clicked = story.told
    assert clicked.startswith("Which ticket it is, only people can tell: choose one")
    story.says(words)
    assert (story.told, story.last.reply.sign) == (clicked, Sign.ONLY_YOU)
    assert story.now == before


def test_what_is_said_beside_what_is_refused_is_kept_or_told_not_to_be() -> None:
    story = asked("DPA-1", "DPA-2")
    refusal = "Which ticket it is, only people can tell: choose one, or type it with “Other…”."
    words = "The warehouse must keep its history.\n1. you decide"
    before = story.now
    story.says(words, BYSTANDER)
    assert (story.now, story.told) == (before, f"Nothing was recorded. {refusal}")
    for count in range(1, DETAILS + 1):
        story.says(words)
        assert [note.text for note in story.now.notes] == [words] * count
        assert story.told == f"Noted as a detail. {refusal}"
    full = story.now
    story.says(words)
    assert story.now == full
    assert story.told == f"I cannot take more notes here; please put the rest into the spec. {refusal}"


def test_a_clear_answer_is_taken_up() -> None:
    story = asked("DPA-1", "DPA-2")
    answered(story, labels=("DPA-1",))
    story.ends(RunKind.ASSESS, assessed(ticket="DPA-1"))

    assert story.now.state is State.SPECIFYING
    assert story.now.existing is not None
    assert story.now.existing.ticket == "DPA-1"
    assert not story.now.posts


def test_after_the_last_question_the_work_goes_on_without_a_key_and_says_so() -> None:
    story = asked()
    for _ in range(existing.MOST_ASKED):
        answered(story, labels=(existing.IN_THE_THREAD,))
        story.ends(RunKind.ASSESS, assessed())

    assert story.now.state is State.SPECIFYING
    assert len(story.now.rounds) == existing.MOST_ASKED
    assert "has no key" in story.now.posts[-1].text


# ---------------------------------------------------------------- “Not yet”


def delivered(policy: Policy = POLICY) -> Story:
    """The work is delivered from its own branch."""
    story = Story(policy).opened()
    story.ends(RunKind.ASSESS, assessed(ticket="DPA-2"))
    story.goes_on(until=State.DELIVERING)
    story.ends(RunKind.DELIVER, Delivered(branch=BRANCH, commit=COMMIT, number=7, url="http://127.0.0.1/7"))
    return story


def not_yet(by: Person = DANA) -> Story:
    """It lacks something that the spec holds."""
    story = delivered()
    story.chooses(by, "delivery:1", Choice.NOT_YET, "The totals are wrong")
    (message,) = story.now.heard
    told = Triaged(message=message.ts, kind=MessageKind.WITHIN_SPEC, title="", criteria=("AC1",))
    story.ends(RunKind.TRIAGE, told)
    return story


def asked_where(story: Story) -> Escalation:
    assert story.now.escalation is not None
    return story.now.escalation


@pytest.mark.parametrize(("by", "words"), [(DANA, ["The totals are wrong"]), (ASKER, [])])
def test_not_yet_on_a_branch_of_others_asks_where_the_fix_goes(by: Person, words: list[str]) -> None:
    story = not_yet(by)

    assert story.now.state is State.ESCALATED
    assert not any(task.id.startswith("fix") for task in story.now.tasks)
    asked = asked_where(story)
    assert f"#7 stands on {BRANCH}" in asked.situation
    assert [offer.choice for offer in asked.offers] == [Choice.RETRY, Choice.FIX, Choice.LEAVE, Choice.STOP]
    assert told_in_thread(story.now) == (words, ["AC1"])


def test_a_fix_beside_is_chosen_by_a_person() -> None:
    story = not_yet()
    story.chooses(ASKER, "escalation:1", Choice.FIX)

    assert story.now.state is State.WORKING
    assert story.now.tasks[-1].id == "fix2"
    assert story.now.existing is not None
    assert story.now.specs[-1].fate is SpecFate.APPROVED


def test_it_can_be_left_as_it_is_and_confirmed() -> None:
    story = not_yet()
    story.chooses(ASKER, "escalation:1", Choice.LEAVE)
    assert story.now.states[-1] is State.DELIVERED
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    assert story.now.state is State.DONE


def test_a_branch_that_nobody_pushed_to_is_delivered_already() -> None:
    story = not_yet()
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    assert story.now.states[-1] is State.ASSESSING
    story.ends(RunKind.ASSESS, assessed(ticket="DPA-2"))

    assert story.now.state is State.DELIVERED
    assert "is delivered already" in story.now.posts[-1].text
    assert [spec.fate for spec in story.now.specs] == [SpecFate.APPROVED]


def test_what_was_pushed_to_the_branch_is_approved_and_reviewed_anew() -> None:
    story = not_yet()
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    story.ends(RunKind.ASSESS, assessed(ticket="DPA-2", head="e" * 40))
    story.goes_on(until=State.AWAITING_APPROVAL)

    assert [spec.fate for spec in story.now.specs] == [SpecFate.SUPERSEDED, SpecFate.OPEN]
    assert story.now.specs[1].because == f"{BRANCH} stands at commit {'e' * 10} now"
    assert not story.now.specs[1].approvals
    story.goes_on(until=State.DELIVERING)
    assert story.now.round is not None
    assert story.now.round.commit == story.now.head == "e" * 40


@pytest.mark.parametrize("asks", [True, False])
def test_what_comes_back_from_the_draft_asks_where_the_fix_goes_too(asks: bool) -> None:
    story = delivered(POLICY.model_copy(update={"follow_asks": asks}))
    check = failed_check(COMMIT)
    story.happens(CheckFailed.model_validate({**story.common(), "number": 7, "check": check}))
    if asks:
        story.chooses(ASKER, "feedback:1", Choice.FIX)

    assert story.now.state is State.ESCALATED
    assert check.name in asked_where(story).situation
    story.chooses(ASKER, "escalation:1", Choice.FIX)
    assert story.now.live[0].kind is RunKind.TASK
    assert check.name in story.now.tasks[-1].trouble
    assert BRANCH not in story.now.tasks[-1].trouble
    assert story.now.feedback[0].fixed


# ---------------------------------------------------------------- wishes


@pytest.mark.parametrize("beside", [False, True])
def test_a_wish_beyond_a_branch_of_others_becomes_a_task_of_its_own(beside: bool) -> None:
    story = not_yet() if beside else delivered()
    if beside:
        story.chooses(ASKER, "escalation:1", Choice.FIX)
        story.goes_on(until=State.DELIVERED)
    story.says("Also add a page about it")
    told = Triaged(message=story.now.heard[0].ts, kind=MessageKind.NEW_SCOPE, title="A page about it")
    story.ends(RunKind.TRIAGE, told)
    (wish,) = story.now.scope_items
    card = render(story.now, "scope:1", Shown(), POLICY)
    assert isinstance(card, ScopeCard)
    assert Choice.REDEFINE.value not in [offer.choice for offer in card.offers]

    before = story.now.epoch
    about = {**story.common(), "by": ASKER, "card": "scope:1"}
    story.happens(Chose.model_validate({**about, "choice": Choice.REDEFINE, "picks": (wish.ts,)}))
    assert (story.now.state, story.now.epoch) == (State.DELIVERED, before)
    assert f"the work on {BRANCH}" in story.told
    about = {**story.common(), "by": ASKER, "card": "scope:1"}
    story.happens(Chose.model_validate({**about, "choice": Choice.START_WISH, "item": wish.ts}))
    assert story.now.scope_items[0].fate is WishFate.ACCEPTED
