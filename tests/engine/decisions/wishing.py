"""Words while it works, and wishes beyond the spec."""

from functools import partial

from engine.events import (
    Cause,
    Choice,
    Chose,
    Failed,
    Linked,
)
from engine.people import Person
from engine.request import RunKind, State, WishFate
from engine.schemas import MessageKind, Severity
from tests.engine.decisions.record import Written, at
from tests.engine.stories import COMMIT
from tests.engine.strategies import (
    ASKER,
    BASE,
    BYSTANDER,
    DANA,
    ERIN,
    task_ended,
)


def words_while_it_works() -> Written:
    story = at(State.WORKING)
    for text in ("status?", "stop right there please", "", "  "):
        story.tries(partial(story.says, text))
    story.says("Also by week")
    story.says("Is that in?", BYSTANDER)
    story.says("x" * (1_000 + 1))
    story.tries(partial(story.ends, RunKind.TRIAGE, Failed(cause=Cause.MODEL, sentence="No.")))
    story.told_apart(MessageKind.NEW_SCOPE)
    story.told_apart(MessageKind.QUESTION, MessageKind.WITHIN_SPEC, criteria=("AC1",))
    waiting = at(State.BLOCKED)
    waiting.says("What now?", mentions=True)
    waiting.says("And this?", BYSTANDER)
    waiting.told_apart(MessageKind.ANSWER)
    waiting.told_apart(MessageKind.CHATTER)
    waiting.says("Go by week", DANA)
    waiting.told_apart(MessageKind.WITHIN_SPEC, criteria=("AC1", "AC9"))
    story.lines += waiting.lines
    return story


def very_many_words() -> Written:
    story = at(State.WORKING)
    for number in range(200):
        story.says(f"Word {number}")
    story.quietly()
    story.says("One too many")
    story.told_apart(*(MessageKind.CHATTER,) * 20)
    story.lines = [line for line in story.lines if not line.startswith("heard[")]
    return story


def wishes(*texts: str) -> Written:
    story = at(State.WORKING)
    for text in texts or ("Also add trends", "Also show cohorts", "Also by hour"):
        story.says(text)
        story.told_apart(MessageKind.NEW_SCOPE, needs=("an owner", "two days"), after=("current", "9.9"))
    return story


def picks(story: Written, by: Person, choice: Choice, *places: int, item: str = "") -> None:
    chosen = tuple(story.now.scope_items[place].ts if place < 9 else "9.9" for place in places)
    event = {**story.common(), "by": by, "card": "scope:1", "choice": choice, "picks": chosen, "item": item}
    story.happens(Chose.model_validate(event))


def choices_about_wishes() -> Written:
    story = wishes().quietly()
    try_ = partial(_would_pick, story)
    for by in (ASKER, DANA, BYSTANDER):
        try_(by, Choice.FINISH_FIRST)
        try_(by, Choice.REDEFINE, 1)
        try_(by, Choice.PRIORITISE, 2, 0)
        for choice in (Choice.START_WISH, Choice.DROP_WISH, Choice.IS_SPEC, Choice.IS_TALK, Choice.IS_SCOPE):
            try_(by, choice, item=story.now.scope_items[0].ts)
    for places in ((), (9,), (0, 0), (0, 9)):
        try_(ASKER, Choice.REDEFINE, *places)
        try_(ASKER, Choice.PRIORITISE, *places)
    try_(ASKER, Choice.START_WISH, item="9.9")
    try_(DANA, Choice.IS_SPEC, item="9.9")
    try_(ASKER, Choice.FIX)
    story.tries(partial(story.chooses, ASKER, "progress", Choice.FINISH_FIRST))
    picks(story, DANA, Choice.IS_SPEC, item=story.now.scope_items[0].ts)
    for by in (ASKER, ERIN):
        for choice in (Choice.IS_SCOPE, Choice.IS_TALK):
            try_(by, choice, item=story.now.taken[0].ts)
    picks(story, ASKER, Choice.START_WISH, item=story.now.scope_items[0].ts)
    picks(story, DANA, Choice.REDEFINE, 1)
    picks(story, DANA, Choice.REDEFINE, 0)
    story.goes_on(until=State.AWAITING_APPROVAL)
    story.approves()
    return story


def _would_pick(story: Written, by: Person, choice: Choice, *places: int, item: str = "") -> None:
    story.tries(partial(picks, story, by, choice, *places, item=item))


def corrections() -> Written:
    """What a message is, said by its author, the requester or an approver; who is told then, and when."""
    story = at(State.WORKING)
    for text, kind in (("Hm", MessageKind.CHATTER), ("By week", MessageKind.WITHIN_SPEC)):
        story.says(text, BYSTANDER)
        story.told_apart(kind, criteria=("AC1",))
    story.quietly()
    first, second = (one.ts for one in story.now.taken)
    for by in (BYSTANDER, ASKER, DANA):
        for choice in (Choice.IS_SCOPE, Choice.IS_SPEC, Choice.IS_TALK):
            _would_pick(story, by, choice, item=second)
    _would_pick(story, BYSTANDER, Choice.IS_SCOPE, item=first)
    story.says("Also by day")
    story.told_apart(MessageKind.NEW_SCOPE)
    story.says("And by hour", BYSTANDER)
    story.told_apart(MessageKind.NEW_SCOPE)
    for choice in (Choice.START_WISH, Choice.DROP_WISH):
        picks(story, BYSTANDER, choice, item=story.now.scope_items[1].ts)
    picks(story, ASKER, Choice.START_WISH, item=story.now.scope_items[0].ts)
    for choice in (Choice.IS_SCOPE, Choice.IS_TALK):
        _would_pick(story, ASKER, choice, item=story.now.scope_items[0].ts)
    for state in (State.REVIEWING, State.DELIVERING, State.DELIVERED):
        story.goes_on(until=state)
        for choice in (Choice.IS_SPEC, Choice.IS_TALK):
            _would_pick(story, DANA, choice, item=first)
    story.stored = story.now.model_copy(update={"confirmed_by": ASKER})
    _would_pick(story, DANA, Choice.IS_SPEC, item=first)
    return story


def redefined_again() -> Written:
    """What came before it stays in the record; it cannot be done without end."""
    story = at(State.BLOCKED)
    story.chooses(DANA, "escalation:1", Choice.FIX)
    story.goes_on(until=State.REVIEWING).review_ends(Severity.CRITICAL)
    for text in ("Also by week", "Also by day", "Also by hour"):
        _wishes(story, text, text)
    story.quietly()
    picks(story, ASKER, Choice.REDEFINE, 0)
    story.goes_on(until=State.WORKING)
    for notes in (18, 19, 20):
        story.tries(partial(_redefined_with, story, notes))
    picks(story, ASKER, Choice.REDEFINE, 1)
    early = at(State.ASSESSING)
    picks(early, ASKER, Choice.REDEFINE, 9)
    story.lines += early.lines
    return story


def _redefined_with(story: Written, notes: int) -> None:
    story.stored = story.now.model_copy(update={"notes": story.now.notes * notes})
    picks(story, ASKER, Choice.REDEFINE, 1, 2)


def names_of_wishes() -> Written:
    """A model's name for it, unless it holds an estimate, which nobody gave; else its first words."""
    story = at(State.WORKING)
    for text in ("x" * 60, "x" * 61, "Also show cohorts"):
        for title in ("", "By tomorrow", "t" * 80, "t" * 81):
            story.tries(partial(_wishes, story, text, title))
    _wishes(story, "Also add trends", "Trends")
    first = story.now.scope_items[0].ts
    story.chooses(ASKER, "scope:1", Choice.FINISH_FIRST)
    _wishes(story, "Also show cohorts", "Cohorts", first, "current", first)
    picks(story, ASKER, Choice.DROP_WISH, item=first)
    _would_pick(story, ASKER, Choice.FINISH_FIRST)
    _would_pick(story, ASKER, Choice.PRIORITISE, 0)
    _would_pick(story, ASKER, Choice.REDEFINE, 0)
    picks(story, ASKER, Choice.DROP_WISH, item=story.now.scope_items[1].ts)
    picks(story, ASKER, Choice.FINISH_FIRST)
    story.stops()
    picks(story, ASKER, Choice.START_WISH, item=first)
    return story


def _wishes(story: Written, text: str, title: str, *after: str) -> None:
    story.says(text)
    story.told_apart(MessageKind.NEW_SCOPE, title=title, after=after)


def wishes_after_the_end() -> Written:
    story = wishes()
    picks(story, ASKER, Choice.START_WISH, item=story.now.scope_items[0].ts)
    story.goes_on(until=State.DELIVERED)
    story.quietly()
    picks(story, DANA, Choice.IS_SPEC, item=story.now.scope_items[1].ts)
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    picks(story, DANA, Choice.IS_SPEC, item=story.now.scope_items[1].ts)
    picks(story, DANA, Choice.FINISH_FIRST)
    for by in (BYSTANDER, DANA):
        picks(story, by, Choice.START_WISH, item=story.now.scope_items[1].ts)
    story.chooses(DANA, "progress", Choice.START_WISH, item=story.now.scope_items[1].ts)
    picks(story, DANA, Choice.START_WISH, item=story.now.scope_items[1].ts)
    picks(story, DANA, Choice.DROP_WISH, item=story.now.scope_items[1].ts)
    for wish in (story.now.scope_items[0].ts, "9.9"):
        story.happens(Linked.model_validate({**story.common(), "wish": wish, "follow_up": "T1:C1:9.0"}))
    assert [item.fate for item in story.now.scope_items].count(WishFate.STARTED) == 2
    return story


def redefined_after_all() -> Written:
    """What was kept, granted and let through of the version before holds no more."""
    story = at(State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.ends(RunKind.TASK, task_ended("build", COMMIT, outside=("Makefile",)))
    story.chooses(DANA, "escalation:1", Choice.KEEP_OUTSIDE)
    story.review_ends(of="d" * 40)
    story.chooses(DANA, "escalation:2", Choice.DELIVER_UNCHECKED)
    story.goes_on(until=State.DELIVERED)
    story.says("Also by week")
    story.told_apart(MessageKind.NEW_SCOPE)
    story.quietly()
    picks(story, ASKER, Choice.REDEFINE, 0)
    story.goes_on(until=State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", COMMIT))
    return story


def redefined_while_blocked() -> Written:
    story = at(State.BLOCKED)
    story.says("Also by week")
    story.told_apart(MessageKind.NEW_SCOPE)
    story.says("And by day")
    story.quietly()
    picks(story, ASKER, Choice.REDEFINE, 0)
    return story


SITUATIONS = (
    words_while_it_works,
    very_many_words,
    wishes,
    choices_about_wishes,
    corrections,
    redefined_again,
    names_of_wishes,
    wishes_after_the_end,
    redefined_after_all,
    redefined_while_blocked,
)
