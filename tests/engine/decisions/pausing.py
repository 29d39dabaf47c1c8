"""Paused by a person, and how it stands then."""

from functools import partial

from engine.events import (
    Due,
    Paused,
    Resumed,
)
from engine.people import Person
from engine.request import State
from tests.engine.decisions.record import Written, at
from tests.engine.decisions.waiting import alarm
from tests.engine.strategies import (
    BYSTANDER,
    DANA,
    POLICY,
)


def pauses() -> Written:
    story = Written()
    for state in (
        State.ASSESSING, State.CLARIFYING, State.WORKING, State.PAUSED, State.ESCALATED, State.BLOCKED,
        State.DELIVERED, State.DONE,
    ):  # fmt: skip
        paused = at(state)
        _goes_on(paused, BYSTANDER, text="go on", ts="5.0")
        _goes_on(paused, BYSTANDER)
        for _ in range(2):
            paused.happens(Paused.model_validate({**paused.common(), "by": BYSTANDER}))
        if state is State.CLARIFYING:
            paused.says("1. all\n2. all")
            paused.submits()
        if state is State.WORKING:
            paused.tries(partial(paused.says, "status?"))
        if not paused.now.state.ended:
            paused.tries(paused.stops)
            paused.tries(partial(_waits_twice, paused))
            paused.waits()
            paused.says("1. all\n2. some")
        _goes_on(paused, DANA)
        story.lines += paused.lines
    return story


def how_it_stands() -> Written:
    """What is told when somebody asks how far it is."""
    story = Written()
    for state in (State.WORKING, State.REVIEWING, State.DELIVERING, State.BLOCKED, State.DELIVERED):
        asked = at(state)
        asked.says("status?")
        asked.happens(Paused.model_validate({**asked.common(), "by": BYSTANDER}))
        asked.says("How far are you?")
        story.lines += asked.lines
    return story


def alarms_while_it_is_paused() -> Written:
    story = Written()
    for days in (1.0, 2.5, 3.5):
        paused = at(State.WORKING, POLICY.model_copy(update={"expire_after_s": days * 86_400}))
        paused.happens(Paused.model_validate({**paused.common(), "by": BYSTANDER}))
        paused.quietly()
        paused.tries(partial(alarm, paused, -1))
        paused.waits()
        story.lines += paused.lines
    never = at(State.WORKING)
    never.stored = paused.now.model_copy(update={"due_at": None})
    never.happens(Due(key="due", request=never.now.id, at=never.at))
    story.lines += never.lines
    return story


def _goes_on(story: Written, by: Person, **more: str) -> None:
    story.happens(Resumed.model_validate({**story.common(), "by": by, **more}))


def _waits_twice(story: Written) -> None:
    story.waits()
    story.waits()


SITUATIONS = (pauses, how_it_stands, alarms_while_it_is_paused)
