"""Time, caps, others in the channel, and deleted messages."""

from datetime import datetime, timedelta
from functools import partial

from engine.caps import Cap, CapHit
from engine.events import (
    Assessed,
    Cause,
    Choice,
    Deleted,
    Due,
    Failed,
    Paused,
    Resumed,
    Shared,
)
from engine.request import Live, Policy, RunKind, State
from engine.schemas import MessageKind, Verdict
from tests.engine.decisions.delivering import to_be_seen
from tests.engine.decisions.record import Written, at
from tests.engine.strategies import (
    ASKER,
    BASE,
    BYSTANDER,
    DANA,
    POLICY,
    START,
    assessment,
    task_ended,
)


def nobody_answers() -> Written:
    story = Written()
    story.lines += []
    for state in (State.CLARIFYING, State.AWAITING_APPROVAL, State.PAUSED, State.ESCALATED, State.BLOCKED):
        waiting = at(state)
        due = waiting.now.due_at
        assert due is not None
        waiting.waits()
        waiting.tries(lambda: None)
        waiting.waits()
        story.lines += waiting.lines
    hasty = at(State.CLARIFYING, POLICY.model_copy(update={"expire_after_s": 3600.0}))
    hasty.waits()
    story.lines += hasty.lines
    return story


def alarms() -> Written:
    """An alarm that is early, or of a time when nobody was waited for, does nothing."""
    story = at(State.CLARIFYING)
    alarm(story, -1)
    working = at(State.WORKING)
    working.happens(Due(key="due", request=working.now.id, at=working.at))
    working.stored = working.now.model_copy(update={"due_at": START})
    alarm(working, 1)
    answered = Written()
    for days in (2.5, 3.5):
        waiting = at(State.CLARIFYING, POLICY.model_copy(update={"expire_after_s": days * 86_400}))
        waiting.waits()
        answered.lines += waiting.lines
    late = to_be_seen()
    late.chooses(BYSTANDER, "delivery:1", Choice.NOT_HELD, item="AC5")
    late.quietly()
    late.waits()
    late.waits()
    story.lines += [*working.lines, *answered.lines, *late.lines]
    return story


def alarm(story: Written, minutes: float) -> None:
    """This long after the time that is waited for."""
    due_at = story.now.due_at
    assert due_at is not None
    story.happens(Due(key="due", request=story.now.id, at=due_at + timedelta(minutes=minutes)))


def the_day_is_over() -> Written:
    story = at(State.WORKING)
    until = START.replace(hour=23)
    day = CapHit(cap=Cap.DAY_TOKENS, limit=10, spent=9, needs=2, until=until, zone="UTC")
    story.ends(RunKind.TASK, Failed(cause=Cause.CAP, sentence="Cap.", cap=day), "analyse")
    story.tries(partial(_early, story, until - timedelta(hours=1)))
    story.policy = None
    story.tries(story.waits)
    story.policy = POLICY
    story.tries(partial(_paused_until_then, story))
    story.tries(partial(_overslept, story))
    story.waits()
    story.chooses(DANA, "escalation:1", Choice.RAISE_CAP)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.ends(RunKind.TASK, task_ended("build", BASE))
    story.waits()
    asked = at(State.SPECIFYING)
    asked.ends(RunKind.SPECIFY, Failed(cause=Cause.CAP, sentence="Cap.", cap=day))
    asked.waits()
    asked.goes_on(until=State.AWAITING_APPROVAL)
    asked.quietly()
    asked.tries(partial(_paused_until_then, asked))
    asked.waits()
    story.lines += asked.lines
    return story


def _early(story: Written, at: datetime) -> None:
    story.stored = story.now.model_copy(update={"due_at": at})
    story.waits()


def _paused_until_then(story: Written) -> None:
    common = {**story.common(), "by": BYSTANDER}
    story.happens(Paused.model_validate(common))
    story.happens(Resumed.model_validate(common))


def _overslept(story: Written) -> None:
    """Others came to share the channel meanwhile: then nothing goes on by itself."""
    _shared(story)
    story.waits()


def the_cap(policy: Policy = POLICY) -> Written:
    story = at(State.SPECIFYING, policy)
    tokens = CapHit(cap=Cap.TOKENS, limit=1000, spent=900, needs=200)
    minutes = CapHit(cap=Cap.MINUTES, limit=30, spent=29, needs=2)
    day = CapHit(cap=Cap.DAY_TOKENS, limit=10, spent=9, needs=2, until=story.at.replace(hour=23), zone="UTC")
    for hit in (None, tokens, minutes, day):
        story.tries(partial(_hits, story, hit))
    other = policy.model_copy(update={"cap_tokens": 500, "cap_minutes": 10.0})
    story.policy = other
    for hit in (tokens, minutes):
        story.tries(partial(_hits, story, hit))
    story.policy = policy
    story.ends(RunKind.SPECIFY, Failed(cause=Cause.CAP, sentence="Cap.", cap=day))
    story.waits()
    return story


def capped_again() -> Written:
    """What is told apart meanwhile goes on by itself, and each time the newest question is the cap's."""
    story = at(State.WORKING)
    story.says("Also by week")
    story.ends(RunKind.TASK, Failed(cause=Cause.MODEL, sentence="No answer."), "analyse")
    story.quietly()
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    tokens = CapHit(cap=Cap.TOKENS, limit=1000, spent=900, needs=200)
    for number in (2, 3):
        story.ends(RunKind.TASK, Failed(cause=Cause.CAP, sentence="Cap.", cap=tokens), "analyse")
        story.chooses(DANA, f"escalation:{number}", Choice.RAISE_CAP)
    return story


def base_checks_that_fail() -> Written:
    """The early look at the base only informs: work goes on without it."""
    story = at(State.AWAITING_APPROVAL)
    story.approves()
    story.quietly()
    story.ends(RunKind.VERIFY, Failed(cause=Cause.MODEL, sentence="No."), BASE)
    late = at(State.REVIEWING)
    late.stored = late.now.model_copy(
        update={"live": (*late.now.live, Live(id="base", kind=RunKind.VERIFY, about=BASE))}
    )
    late.ends(RunKind.VERIFY, Failed(cause=Cause.MODEL, sentence="No."), BASE)
    story.lines += late.lines
    return story


def _hits(story: Written, hit: CapHit | None) -> None:
    story.ends(RunKind.SPECIFY, Failed(cause=Cause.CAP, sentence="Cap.", cap=hit))
    story.tries_all(ASKER, BYSTANDER)
    story.chooses(DANA, "escalation:1", Choice.RAISE_CAP)


def others_come() -> Written:
    story = Written()
    for state in (
        State.ASSESSING, State.CLARIFYING, State.AWAITING_APPROVAL, State.WORKING, State.DELIVERED, State.DONE
    ):  # fmt: skip
        shared = at(state)
        shared.tries(partial(_shared, shared, shared=False))
        shared.tries(partial(_shared, shared, team=""))
        _shared(shared)
        _shared(shared)
        shared.tries(partial(_shared, shared, shared=False))
        _acts_in_front_of_others(shared)
        story.lines += shared.lines
    return story


def others_come_while_it_works() -> Written:
    story = Written()
    for state in (State.SPECIFYING, State.REVIEWING, State.DELIVERING):
        works = at(state)
        _shared(works)
        story.lines += works.lines
    asks = Written()
    asks.opened()
    asks.ends(RunKind.ASSESS, Assessed(assessment=assessment(Verdict.VAGUE), base_commit=BASE))
    asks.quietly()
    _shared(asks)
    asks.chooses(DANA, "escalation:1", Choice.RETRY)
    wishes = at(State.WORKING)
    for text in ("Also by week", "Also by day"):
        wishes.says(text)
    wishes.quietly()
    _shared(wishes, team="")
    _shared(wishes, team="")
    _shared(wishes)
    wishes.told_apart(MessageKind.NEW_SCOPE)
    for card in ("scope:1", "progress"):
        for choice in (Choice.FINISH_FIRST, Choice.REDEFINE):
            wishes.tries(partial(wishes.chooses, ASKER, card, choice))
    wishes.chooses(DANA, "escalation:1", Choice.RETRY)
    _shared(wishes, team="")
    _shared(wishes)
    story.lines += [*asks.lines, *wishes.lines]
    return story


def _acts_in_front_of_others(story: Written) -> None:
    story.tries(partial(story.submits, BYSTANDER))
    if story.now.spec:
        for by in (BYSTANDER, DANA):
            story.tries(partial(story.approves, by))
    for by, card, choice in (
        (ASKER, "delivery:1", Choice.CONFIRM), (DANA, "delivery:1", Choice.CONFIRM),
        (ASKER, "escalation:1", Choice.RETRY), (DANA, "escalation:1", Choice.RETRY),
        (ASKER, "progress", Choice.OTHER_REPOSITORY),
    ):  # fmt: skip
        story.tries(partial(story.chooses, by, card, choice))
    story.tries(partial(story.says, "Hello?"))


def _shared(story: Written, *, shared: bool = True, team: str = "T9") -> None:
    story.happens(Shared.model_validate({**story.common(), "shared": shared, "team": team}))


def deletions() -> Written:
    story = at(State.AWAITING_APPROVAL)
    delete = partial(_deleted, story)
    delete("9.9")
    delete("9.9", "spec:1")
    delete("9.8", "progress")
    delete("9.9", "spec:1")
    story.tries(partial(delete, "1.0"))
    story.stops()
    delete("9.9", "spec:1")
    return story


def _deleted(story: Written, ts: str, card: str = "") -> None:
    story.happens(Deleted.model_validate({**story.common(), "ts": ts, "card": card}))


SITUATIONS = (
    nobody_answers,
    the_cap,
    others_come,
    others_come_while_it_works,
    deletions,
    alarms,
    base_checks_that_fail,
    capped_again,
    the_day_is_over,
)
