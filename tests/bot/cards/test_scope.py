"""The card of proposed tasks and what was made of messages: everything open is in reach of a click."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bot.cards import blocks
from bot.cards.heard import ON_A_PAGE, heard_modal
from bot.cards.modals import BLOCK, FIELD
from bot.cards.page import MAX_BLOCKS, MAX_CHARACTERS, Block, characters
from bot.cards.presses import Choose, ChooseWishes, InWords, Leaf, Press, ShowHeard, ShowWhole, unpacked
from bot.cards.wish_modal import OPTIONS, picked, wish_modal
from bot.payloads import Field, Option
from bot.playground.slack.limits import Surface, view_violations, violations
from engine.cards import OfferLine, ProgressCard, ScopeCard, TakenFor, TakenLine, WishLine
from engine.events import Cause, Choice, Failed, Triaged
from engine.present import Shown, render
from engine.request import RunKind, State, WishFate
from engine.schemas import MessageKind
from tests.bot.cards.test_cards import read
from tests.engine.stories import Story, reached
from tests.engine.strategies import ASKER, DANA

CORRECTIONS = {Choice.IS_SCOPE, Choice.IS_SPEC, Choice.IS_TALK}


def heard(story: Story, text: str, kind: MessageKind, **more: object) -> None:
    """Somebody says something, and it is taken for this."""
    story.says(text)
    result = Triaged(message=story.now.heard[0].ts, kind=kind, title=text).model_copy(update=more)
    story.ends(RunKind.TRIAGE, result)


def wished(state: State, number: int) -> Story:
    story = reached(state)
    for n in range(number):
        heard(story, f"Wish number {n}", MessageKind.NEW_SCOPE)
    return story


def scope(story: Story) -> ScopeCard:
    card = render(story.now, "scope:1", Shown(), story.policy)
    assert isinstance(card, ScopeCard)
    return card


def progress(story: Story) -> ProgressCard:
    card = render(story.now, "progress", Shown(), story.policy)
    assert isinstance(card, ProgressCard)
    return card


def pages(card: ScopeCard) -> list[dict[str, Any]]:
    """Everything heard, as the modal shows it page by page."""
    views = [heard_modal(card, Leaf(page=1, channel="C1", thread_ts="1.0"))]
    while any(
        isinstance(press, ShowHeard) and press.page > len(views) for press in pressed(views[-1]["blocks"])
    ):
        views.append(heard_modal(card, Leaf(page=len(views) + 1, channel="C1", thread_ts="1.0")))
    return views


def presses(card: ScopeCard | ProgressCard) -> Iterator[Choose]:
    """Everything a click on the card's buttons can choose."""
    return (press for press in pressed(blocks(card).blocks) if isinstance(press, Choose))


def pressed(shown: list[Block]) -> Iterator[Press]:
    """What the buttons carry."""
    for block in shown:
        elements: list[Block] = [*block.get("elements", []), block.get("accessory") or {}]
        for element in elements:
            press = unpacked(element["value"]) if element.get("type") == "button" else None
            if press is not None:
                yield press


def reachable(card: ScopeCard | ProgressCard, *choices: Choice) -> list[str]:
    """The messages about which one of these can be chosen, in the card's order."""
    return list(dict.fromkeys(press.item for press in presses(card) if press.choice in choices))


# ---------------------------------------------------------------- wishes


def test_every_open_wish_comes_in_reach_as_others_are_settled() -> None:
    story = wished(State.DELIVERED, 30)
    assert "and 22 more proposed tasks" in read(scope(story))
    clicks = 0
    while open_wishes := [item.ts for item in story.now.scope_items if item.open]:
        card = scope(story)
        assert len(blocks(card).blocks) <= MAX_BLOCKS
        assert reachable(card, Choice.START_WISH) == open_wishes[:8]
        assert {*open_wishes[:8]} <= {*reachable(card, Choice.IS_SPEC)}
        choice = (Choice.DROP_WISH, Choice.START_WISH, Choice.IS_TALK)[clicks % 3]
        story.chooses(ASKER, "scope:1", choice, item=open_wishes[0])
        clicks += 1
    assert clicks == 30
    assert "more proposed task" not in read(scope(story))


def test_settled_wishes_stand_in_a_line_each_after_the_open_ones() -> None:
    story = wished(State.DELIVERED, 3)
    first, second, third = (item.ts for item in story.now.scope_items)
    story.chooses(ASKER, "scope:1", Choice.DROP_WISH, item=first)
    story.chooses(ASKER, "scope:1", Choice.START_WISH, item=second)
    text = read(scope(story))
    lines = [line for line in text.splitlines() if "Wish number" in line]
    assert lines[0].startswith("*4. Proposed task:* *Wish number 2*")
    assert "3. Wish number 1: starts in its own thread" in text
    assert "2. Wish number 0: dropped" in text
    assert text.index("4. Proposed") < text.index("3. Wish") < text.index("2. Wish")
    assert reachable(scope(story), Choice.DROP_WISH) == [third, second]


def test_an_accepted_wish_can_still_be_dropped_however_many_there_are() -> None:
    story = wished(State.DELIVERED, 25)
    for item in story.now.scope_items[:14]:
        story.chooses(ASKER, "scope:1", Choice.START_WISH, item=item.ts)
    while any(item.fate is not WishFate.DROPPED for item in story.now.scope_items):
        story.chooses(ASKER, "scope:1", Choice.DROP_WISH, item=reachable(scope(story), Choice.DROP_WISH)[-1])
    card = scope(story)
    assert "Show all" in read(card)  # only the latest settled ones have a line
    whole = "".join(str(view) for view in pages(card))
    assert whole.count("Now: dropped") == 25


def test_the_longest_words_push_no_open_wish_off_the_card() -> None:
    long = "&😀words " * 900
    wishes = tuple(
        WishLine(
            number=n + 2,
            ts=f"176400{n:04}.000100",
            title=long,
            text=long,
            by=DANA,
            scope=long,
            after=long,
            fate="proposed" if n < 20 else "accepted" if n < 50 else "dropped",
            outcome="" if n < 20 else long,
            decided_by=DANA,
        )
        for n in range(60)
    )
    offers = tuple(
        OfferLine(choice=choice, label=long, tradeoff=long, recommended=True)
        for choice in (Choice.FINISH_FIRST, Choice.REDEFINE, Choice.PRIORITISE)
    )
    taken = TakenLine(ts="1764000000.000200", by=ASKER, text=long, kind=TakenFor.QUESTION, outcome=long)
    card = ScopeCard(
        request="T1:C1:1.0",
        key="scope:1",
        title=long,
        files=long,
        wishes=wishes,
        taken=(taken,) * 10,
        offers=offers,
        startable=True,
        decided_by=DANA,
        decision=long,
    )
    message = blocks(card)
    assert violations(message.blocks, Surface.MESSAGE) == []
    assert characters(message.blocks) <= MAX_CHARACTERS
    assert reachable(card, Choice.START_WISH) == [wish.ts for wish in wishes[:8]]
    assert len(reachable(card, Choice.DROP_WISH)) == 14
    assert reachable(card, Choice.IS_SCOPE) == [taken.ts]


# ---------------------------------------------------------------- what is no wish


def test_the_newest_messages_can_be_corrected_on_the_card_of_proposed_tasks() -> None:
    story = wished(State.WORKING, 3)
    for n in range(14):
        heard(story, f"Talk {n}", MessageKind.CHATTER)
    taken = [one.ts for one in story.now.taken]
    corrected = reachable(scope(story), *CORRECTIONS)[3:]
    assert corrected == taken[:-11:-1]
    assert ShowWhole(request=story.now.id, card="scope:1") in pressed(blocks(scope(story)).blocks)


def test_messages_beside_as_many_wishes_as_fit_can_be_corrected() -> None:
    story = wished(State.DELIVERED, 12)
    for n in range(10):
        heard(story, f"Talk {n}", MessageKind.CHATTER)
    taken = [one.ts for one in story.now.taken]
    assert reachable(scope(story), *CORRECTIONS)[8:] == taken[::-1]


def test_the_newest_three_can_be_corrected_before_there_is_a_card_of_proposed_tasks() -> None:
    story = reached(State.WORKING)
    for text in ("Thanks!", "Nice weather", "See you", "status?"):
        if text == "status?":
            story.says(text)
        else:
            heard(story, text, MessageKind.CHATTER)
    taken = [one.ts for one in story.now.taken]
    assert reachable(progress(story), *CORRECTIONS) == taken[:0:-1]
    assert ShowHeard(request=story.now.id) in pressed(blocks(progress(story)).blocks)
    assert "All 4 messages" in str(blocks(progress(story)).blocks)
    (view,) = pages(scope(story))
    everyone = [press.item for press in pressed(view["blocks"]) if isinstance(press, Choose)]
    assert list(dict.fromkeys(everyone)) == taken[::-1]
    assert "I took “status?” (<@U1>) as a question about the work." in read(progress(story))
    story.chooses(ASKER, "progress", Choice.IS_SCOPE, item=taken[1])
    assert reachable(progress(story), *CORRECTIONS) == []
    assert {*reachable(scope(story), *CORRECTIONS)} == {*taken}


def test_every_message_however_old_is_in_reach_of_a_click() -> None:
    story = wished(State.DELIVERED, 30)
    for n in range(60):
        heard(story, f"Talk {n}", MessageKind.CHATTER)
    known = [item.ts for item in story.now.scope_items] + [one.ts for one in reversed(story.now.taken)]
    views = pages(scope(story))
    offered = [press for view in views for press in pressed(view["blocks"]) if isinstance(press, Choose)]
    assert len(views) == 5
    assert list(dict.fromkeys(press.item for press in offered if press.choice in CORRECTIONS)) == known
    for view in views:
        assert view_violations(view) == []
        assert (
            1
            <= len({press.item for press in pressed(view["blocks"]) if isinstance(press, Choose)})
            <= ON_A_PAGE
        )


def test_what_is_corrected_on_a_page_keeps_its_place() -> None:
    story = wished(State.WORKING, 1)
    for n in range(50):
        heard(story, f"Talk {n}", MessageKind.CHATTER)
    before = [one.ts for one in story.now.taken]
    story.chooses(DANA, "scope:1", Choice.IS_SPEC, item=before[3])
    assert [one.ts for one in story.now.taken] == before
    assert "I know it as part of the spec" in str(pages(scope(story))[2])
    story.chooses(ASKER, "scope:1", Choice.IS_SCOPE, item=before[4])
    assert before[4] in {item.ts for item in story.now.scope_items}
    assert before[4] not in {one.ts for one in story.now.taken}


def test_a_page_after_the_last_is_the_last() -> None:
    card = scope(wished(State.WORKING, 3))
    view = heard_modal(card, Leaf(page=7, channel="C1", thread_ts=None))
    assert Leaf.model_validate_json(view["private_metadata"]).page == 1
    assert "Wish number 2" in str(view)


def test_nothing_is_offered_to_be_corrected_after_the_end() -> None:
    story = wished(State.DELIVERED, 2)
    heard(story, "Talk", MessageKind.CHATTER)
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    (view,) = pages(scope(story))
    offered = {press.choice for press in pressed(view["blocks"]) if isinstance(press, Choose)}
    assert offered == {Choice.START_WISH, Choice.DROP_WISH}
    assert "Talk" in str(view)


def test_the_longest_words_fit_a_page() -> None:
    story = wished(State.DELIVERED, 1)
    for text in ("&" * 1000, "\u202e" * 1000, "世" * 1000, "😀" * 500):
        for _ in range(20):
            heard(story, text, MessageKind.NEW_SCOPE if text[0] in "&世" else MessageKind.CHATTER)
    for view in pages(scope(story)):
        assert view_violations(view) == []
        assert len(json.dumps(view).encode()) < 250_000


# ---------------------------------------------------------------- choosing among wishes


def chosen(choice: Choice, number: int) -> tuple[dict[str, Any], ScopeCard]:
    card = scope(wished(State.WORKING, number))
    press = ChooseWishes(request=card.request, card="scope:1", choice=choice)
    assert press in pressed(blocks(card).blocks)
    asked = InWords(press=press, channel="C1", thread_ts="1.0")
    return wish_modal(asked, press, card.wishes), card


@pytest.mark.parametrize("number", [2, 11, 100, 101, 130])
@pytest.mark.parametrize("choice", [Choice.REDEFINE, Choice.PRIORITISE])
def test_every_open_wish_can_be_chosen(choice: Choice, number: int) -> None:
    view, card = chosen(choice, number)
    assert view_violations(view) == []
    for block in view["blocks"]:
        if block["type"] == "input":
            offered = [option["value"] for option in block["element"]["options"]]
            assert offered == [wish.ts for wish in card.wishes[:OPTIONS]]
    assert ("1 more stands under “Show all”" in str(view)) is (number == 101)
    assert ("30 more stand under “Show all”" in str(view)) is (number == 130)


def test_a_few_wishes_are_all_picked_and_all_placed_at_first() -> None:
    redefine, card = chosen(Choice.REDEFINE, 4)
    assert [o["value"] for o in redefine["blocks"][0]["element"]["initial_options"]] == [
        w.ts for w in card.wishes
    ]
    order, card = chosen(Choice.PRIORITISE, 4)
    assert [b["element"]["initial_option"]["value"] for b in order["blocks"]] == [w.ts for w in card.wishes]
    many, _ = chosen(Choice.REDEFINE, 11)
    assert "initial_options" not in many["blocks"][0]["element"]


def test_the_longest_titles_fit_the_modal_of_places() -> None:
    _, card = chosen(Choice.PRIORITISE, 100)
    press = ChooseWishes(request=card.request, card="scope:1", choice=Choice.PRIORITISE)
    long = [
        wish.model_copy(update={"title": "世" * 80, "ts": "view:V0123456789:1764000000.abcdefgh"})
        for wish in card.wishes
    ]
    view = wish_modal(InWords(press=press, channel="C1", thread_ts="1.0"), press, long)
    assert len(json.dumps(view).encode()) < 250_000


def test_what_was_put_first_comes_first() -> None:
    press = ChooseWishes(request="T1:C1:1.0", card="scope:1", choice=Choice.PRIORITISE)
    values = {
        f"{BLOCK}:1": {FIELD: Field(selected_option=Option(value="a"))},
        BLOCK: {FIELD: Field(selected_option=Option(value="b"))},
    }
    assert picked(press, values) == ("b", "a")


# ---------------------------------------------------------------- whom words reach


def passed_on(state: State) -> Story:
    story = reached(state)
    heard(story, "Also for closed ones", MessageKind.WITHIN_SPEC, criteria=("AC1",))
    return story


@pytest.mark.parametrize(
    ("state", "start"),
    [
        (State.WORKING, "the next hand-over"),
        (State.REVIEWING, "if another round comes, its hand-over"),
        (State.DELIVERING, "if another round comes, its hand-over"),
        (State.BLOCKED, "if work is handed over again, that hand-over"),
        (State.DELIVERED, "“Not yet” on the delivery starts another round, whose hand-over"),
    ],
)
def test_no_hand_over_is_promised_that_may_not_come(state: State, start: str) -> None:
    story = passed_on(state)
    assert f"part of the spec (AC1): {start} points at it; an approver passes" in read(scope(story))
    story.chooses(DANA, "scope:1", Choice.IS_SPEC, item=story.now.taken[0].ts)
    assert f"part of the spec (AC1): {start} holds these words." in read(scope(story))


def test_after_the_end_no_hand_over_is_promised() -> None:
    story = passed_on(State.DELIVERING)
    story.chooses(DANA, "scope:1", Choice.IS_SPEC, item=story.now.taken[0].ts)
    story.goes_on(until=State.DELIVERED).chooses(ASKER, "delivery:1", Choice.CONFIRM)
    assert story.now.state is State.DONE
    assert "hand-overs that came after it, if any, held these words." in read(scope(story))


def test_what_could_not_be_told_apart_says_so_and_is_whatever_people_say() -> None:
    story = reached(State.WORKING)
    story.says("Hm, trends?")
    story.ends(RunKind.TRIAGE, Failed(cause=Cause.MODEL, sentence="No answer that can be used."))
    card = scope(story)
    words = "“Hm, trends?” (<@U1>) could not be told apart, and nothing was done about it."
    assert words in read(card)
    assert "I took" not in read(card)
    (view,) = pages(card)
    assert "It could not be told apart, and nothing was done about it." in str(view)
    for shown in (blocks(card).blocks, view["blocks"]):
        offered = {press.choice for press in pressed(shown) if isinstance(press, Choose)}
        assert offered == CORRECTIONS
