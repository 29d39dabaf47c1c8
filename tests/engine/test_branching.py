"""Which ticket work on a branch belongs to is asked until it is clear, within bounds."""

from engine import existing
from engine.events import Assessed, Existing
from engine.request import RunKind, State
from tests.engine.stories import Story
from tests.engine.strategies import ASKER, BASE, assessment

BRANCH = "feat-DPA-2-churn"


def assessed(*keys: str, ticket: str = "") -> Assessed:
    """Work on a branch whose ticket could be any of these, unless it is clear."""
    return Assessed(
        assessment=assessment().model_copy(update={"existing_work": True, "existing_branch": BRANCH}),
        base_commit=BASE,
        existing=Existing(branch=BRANCH, head="c" * 40, changed=("src/a.sql",), ticket=ticket),
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
