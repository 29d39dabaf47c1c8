"""What happens when the draft is open, and whose word on it counts."""

import pytest

from engine.decide.hearing import LONGEST_WISH
from engine.events import Choice
from engine.people import Person
from engine.ports import Fate
from engine.request import RunKind, ShowCard, StartRun, State
from tests.engine.stories import Story, reached
from tests.engine.strategies import ASKER, BYSTANDER, DANA, FOREIGN, delivered

CONFIRMS = "The requester or an approver confirms. Your click changed nothing."
NOT_OPEN = "This delivery is not open any more; your click changed nothing."
NO_OPTION = "That is not one of the options; your click changed nothing."


def cards(story: Story) -> list[str]:
    return [effect.card for effect in story.last.effects if isinstance(effect, ShowCard)]


def ready() -> Story:
    return reached(State.DELIVERED)


def test_the_first_delivery_is_shown_and_followed() -> None:
    story = reached(State.DELIVERING)
    story.ends(RunKind.DELIVER, delivered(story.now.head))
    assert (story.now.deliveries, story.now.confirmed_by) == (1, None)
    assert [card for card in cards(story) if card.startswith("delivery:")] == ["delivery:1"]
    assert story.now.pull is not None


def test_a_second_delivery_closes_the_card_of_the_first() -> None:
    story = reached(State.DELIVERING)
    story.stored = story.now.model_copy(
        update={"deliveries": 2, "confirmed_by": DANA, "delivery": delivered(story.now.head)}
    )
    story.ends(RunKind.DELIVER, delivered(story.now.head))
    assert (story.now.deliveries, story.now.confirmed_by) == (3, None)
    assert [card for card in cards(story) if card.startswith("delivery:")] == ["delivery:2", "delivery:3"]


@pytest.mark.parametrize(
    ("by", "card", "choice", "told"),
    [
        (ASKER, "delivery:2", Choice.CONFIRM, NOT_OPEN),
        (ASKER, "delivery:0", Choice.CONFIRM, NOT_OPEN),
        (BYSTANDER, "delivery:1", Choice.CONFIRM, CONFIRMS),
        (BYSTANDER, "delivery:1", Choice.NOT_YET, CONFIRMS),
        (FOREIGN, "delivery:1", Choice.CONFIRM, "Only members of this workspace"),
        (ASKER, "delivery:1", Choice.REJECT_SPEC, NO_OPTION),
        (DANA, "delivery:1", Choice.FIX, NO_OPTION),
        (ASKER, "delivery:1", Choice.NOT_YET, "Please say what is missing."),
    ],
)
def test_what_changes_nothing_says_so(by: Person, card: str, choice: Choice, told: str) -> None:
    story = ready()
    before = story.now
    story.chooses(by, card, choice, " \n")
    assert story.now == before
    assert told in story.told


@pytest.mark.parametrize("choice", [Choice.CONFIRM, Choice.HELD, Choice.NOT_HELD, Choice.NOT_YET])
def test_a_delivery_that_is_over_takes_no_word_any_more(choice: Choice) -> None:
    story = ready()
    before = story.stored = story.now.model_copy(update={"state": State.WORKING})
    story.chooses(ASKER, "delivery:1", choice, "more")
    assert story.now == before
    assert story.told == NOT_OPEN


@pytest.mark.parametrize("by", [ASKER, DANA])
def test_the_requester_and_the_approvers_confirm(by: Person) -> None:
    story = ready()
    story.chooses(by, "delivery:1", Choice.CONFIRM)
    assert story.now.confirmed_by == by


def test_nothing_gets_into_what_is_merged() -> None:
    story = ready()
    assert story.now.pull is not None
    merged = story.now.pull.model_copy(update={"fate": Fate.MERGED})
    before = story.stored = story.now.model_copy(update={"pull": merged})
    story.chooses(ASKER, "delivery:1", Choice.NOT_YET, "more")
    assert story.now == before
    assert story.told == "The pull request is merged: ask for more in a new thread."


@pytest.mark.parametrize("choice", [Choice.HELD, Choice.NOT_HELD])
def test_a_word_on_a_criterion_is_none_on_the_delivery(choice: Choice) -> None:
    story = ready()
    story.chooses(BYSTANDER, "delivery:1", choice, item="AC99")
    assert story.now.state is State.DELIVERED
    assert story.told not in {CONFIRMS, NO_OPTION, NOT_OPEN}


def test_what_is_missing_is_looked_at_as_a_wish_in_bounds() -> None:
    story = ready()
    story.chooses(DANA, "delivery:1", Choice.NOT_YET, "  " + "x" * (LONGEST_WISH + 1) + "  ")
    (heard,) = story.now.heard
    assert (heard.by, heard.not_yet, heard.text) == (DANA, True, "x" * LONGEST_WISH)
    assert story.told == "I look whether that is part of the approved spec."
    (run,) = [effect for effect in story.last.effects if isinstance(effect, StartRun)]
    assert (run.kind, run.about) == (RunKind.TRIAGE, heard.ts)
