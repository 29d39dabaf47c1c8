"""Words that are told apart: which, how many at once, and what is owed to whom."""

from functools import partial

from engine.events import Cause, Choice, Failed, Merged, Remarked, Said, ToldApart, Triaged
from engine.request import Heard, RunKind, State
from engine.schemas import MessageKind
from tests.engine.decisions.record import Written, at
from tests.engine.forge_side import remark
from tests.engine.stories import COMMIT
from tests.engine.strategies import ASKER, BYSTANDER, DANA, POLICY, held


def said_again(story: Written, ts: str) -> None:
    event = {**story.common(), "by": ASKER, "text": "Also by week", "ts": ts}
    story.happens(Said.model_validate(event))


def words_that_look_alike() -> Written:
    """Only a question about progress and nothing else is answered at once; what begins like a stop hints."""
    story = at(State.WORKING)
    for text in (
        "Stop right there", "stop it\nnow", "stop " + "x" * 60, "status? Also add weeks",
        "status" + "?" * 1_001,
    ):  # fmt: skip
        story.tries(partial(story.says, text))
    for kind in (MessageKind.NEW_SCOPE, MessageKind.CHATTER):
        story.tries(partial(_twice, story, kind))
    story.tries(partial(story.opened, "Also by week", ts="7.0"))
    story.says("Also by week")
    said_again(story, story.now.heard[0].ts)
    push = at(State.DELIVERING)
    push.ends(RunKind.DELIVER, held(COMMIT))
    push.quietly()
    push.says("Please hurry")
    changed = at(State.AWAITING_APPROVAL)
    changed.chooses(ASKER, "spec:1", Choice.CHANGE_SPEC, "By week")
    changed.ends(RunKind.SPECIFY, Failed(cause=Cause.ANSWER, sentence="Odd."))
    changed.quietly()
    changed.says("By day, too", mentions=True)
    early = at(State.ASSESSING)
    early.opened("Also by week", BYSTANDER, ts="7.0")
    story.lines += [*push.lines, *changed.lines, *early.lines]
    return story


def _twice(story: Written, kind: MessageKind) -> None:
    story.says("Also by week")
    ts = story.now.heard[0].ts
    story.told_apart(kind)
    said_again(story, ts)


def told_apart_together() -> Written:
    """One call reads all that waits; each who asked is owed one answer; what it does not know is left."""
    story = at(State.WORKING)
    story.says("Hm")
    for text, by in (("Is it in?", ASKER), ("And weeks?", BYSTANDER), ("And days?", ASKER), ("Yes", DANA)):
        story.says(text, by)
    story.told_apart(MessageKind.CHATTER)
    story.quietly()
    live, waiting = story.now.live[-1], [one.ts for one in story.now.heard]
    story.tries(partial(story.ends, RunKind.TRIAGE, Failed(cause=Cause.MODEL, sentence="No.")))
    kinds = (MessageKind.QUESTION, MessageKind.QUESTION, MessageKind.WITHIN_SPEC, MessageKind.ANSWER)
    first, *others = (
        ToldApart(message=ts, kind=kind, title="T") for ts, kind in zip(waiting, kinds, strict=True)
    )
    stray = ToldApart(message="9.9", kind=MessageKind.NEW_SCOPE, title="T")
    for rest in ((stray, *others), (*others, stray)):
        result = Triaged(message="", kind=first.kind, title="T", others=rest)
        story.tries(partial(story.ends, RunKind.TRIAGE, result, live.about))
    unread = tuple(Heard(ts=f"{n}.0", by=ASKER, text=f"Word {n}") for n in range(22))
    story.stored = story.now.model_copy(update={"heard": unread})
    story.tries(partial(story.ends, RunKind.TRIAGE, Failed(cause=Cause.MODEL, sentence="No.")))
    story.stored = story.now.model_copy(update={"heard": unread[5:7]})
    story.ends(RunKind.TRIAGE, Failed(cause=Cause.MODEL, sentence="No."))
    return story


def words_at_the_delivery() -> Written:
    story = at(State.DELIVERED, POLICY.model_copy(update={"review_rounds": 1}))
    story.says("Yes", mentions=True)
    story.tries(partial(story.told_apart, MessageKind.ANSWER))
    story.tries(partial(_confirmed_meanwhile, story))
    story.told_apart(MessageKind.CHATTER)
    story.seen(Remarked, remark=remark("r1", "The totals are wrong"))
    story.says("Thanks", BYSTANDER)
    story.ends(RunKind.TRIAGE, Failed(cause=Cause.MODEL, sentence="No."), "feedback:1")
    story.told_apart(MessageKind.CHATTER)
    story.chooses(DANA, "delivery:1", Choice.NOT_YET, "Weeks are missing")
    story.tries(partial(story.told_apart, MessageKind.NEW_SCOPE, needs=("an owner",), after=("current",)))
    story.tries(partial(story.told_apart, MessageKind.WITHIN_SPEC))
    story.tries(partial(_merged_meanwhile, story))
    story.told_apart(MessageKind.WITHIN_SPEC, criteria=("AC1",))
    return story


def _confirmed_meanwhile(story: Written) -> None:
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    story.told_apart(MessageKind.QUESTION)


def _merged_meanwhile(story: Written) -> None:
    story.seen(Merged)
    story.told_apart(MessageKind.WITHIN_SPEC, criteria=("AC1",))


SITUATIONS = (words_that_look_alike, told_apart_together, words_at_the_delivery)
