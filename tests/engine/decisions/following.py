"""What comes back from the pull request."""

from datetime import timedelta
from functools import partial
from typing import Any

from engine.events import (
    AtTheForge,
    Cause,
    CheckFailed,
    CheckPassed,
    Choice,
    Closed,
    Failed,
    LostSight,
    Merged,
    Moved,
    Paused,
    Remarked,
    Reopened,
    Shared,
    Undrafted,
)
from engine.request import RunKind, State
from engine.schemas import MessageKind, Outcome
from tests.engine.decisions.delivering import delivered_elsewhere, to_be_seen
from tests.engine.decisions.record import Written, at
from tests.engine.decisions.wishing import picks
from tests.engine.forge_side import failed_check, remark
from tests.engine.stories import COMMIT
from tests.engine.strategies import ASKER, BASE, BYSTANDER, DANA, LEAKS, POLICY, START, delivered, task_ended

WITHIN, BEYOND, TALK = MessageKind.WITHIN_SPEC, MessageKind.NEW_SCOPE, MessageKind.CHATTER


def remarked(story: Written, *names: str, **more: Any) -> None:
    for name in names:
        story.seen(Remarked, remark=remark(name, "The totals are wrong", **more))


def remarks() -> Written:
    story = at(State.DELIVERED)
    wrong = remark("r1", "The totals are wrong")
    for more in ({"may_write": False}, {"by_bot": True}, {"text": " "}, {"path": ""}, {"line": None}):
        story.tries(partial(story.seen, Remarked, remark=wrong.model_copy(update=more)))
    story.policy = POLICY.model_copy(update={"review_bots": ("alice",)})
    story.tries(partial(remarked, story, "r1", by_bot=True, may_write=False))
    story.policy = POLICY
    remarked(story, "r1", "r2", "r1")
    story.chooses(ASKER, "feedback:1", Choice.FIX)
    story.tries(partial(story.ends, RunKind.TRIAGE, Failed(cause=Cause.MODEL, sentence="No.")))
    story.tries(partial(story.told_apart, TALK))
    story.tries(partial(story.told_apart, BEYOND, title="t" * 201))
    story.told_apart(WITHIN, BEYOND, criteria=("AC1",))
    for by in (ASKER, DANA, BYSTANDER):
        for choice in (Choice.FIX, Choice.KEEP_AS_TASK, Choice.IGNORE, Choice.STOP, Choice.CONFIRM):
            story.tries(partial(story.chooses, by, "feedback:1", choice))
    story.tries(partial(story.chooses, ASKER, "feedback:2", Choice.IGNORE))
    remarked(story, "r3")
    story.tries(partial(story.chooses, ASKER, "feedback:1", Choice.IGNORE))
    story.told_apart(TALK)
    story.chooses(DANA, "feedback:1", Choice.FIX)
    story.chooses(DANA, "feedback:1", Choice.FIX)
    remarked(story, "r4")
    story.goes_on(until=State.DELIVERED)
    return story


def only_wishes() -> Written:
    story = at(State.DELIVERED)
    remarked(story, "r1")
    story.told_apart(BEYOND)
    for by in (ASKER, DANA):
        story.tries(partial(story.chooses, by, "feedback:1", Choice.FIX))
    story.tries(partial(_ignored_after_a_stop, story))
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    for choice in (Choice.FIX, Choice.IGNORE, Choice.KEEP_AS_TASK):
        story.tries(partial(story.chooses, ASKER, "feedback:1", choice))
    story.tries(partial(story.chooses, ASKER, "feedback", Choice.IGNORE))
    remarked(story, "r2")
    return story


def _ignored_after_a_stop(story: Written) -> None:
    story.stops()
    story.chooses(ASKER, "feedback:1", Choice.IGNORE)


def failed_checks() -> Written:
    story = at(State.DELIVERED)
    story.tries(partial(story.seen, CheckFailed, check=failed_check("d" * 40)))
    story.seen(CheckFailed, check=failed_check(COMMIT))
    story.seen(CheckFailed, check=failed_check(COMMIT))
    for by in (ASKER, DANA):
        for choice in (Choice.FIX, Choice.IGNORE, Choice.KEEP_AS_TASK):
            story.tries(partial(story.chooses, by, "feedback:1", choice))
    story.tries(partial(_passes_on_the_next_card, story))
    long = failed_check(COMMIT, "c2").model_copy(update={"name": "n" * 99, "summary": "s" * 2001})
    story.seen(CheckFailed, check=long)
    story.seen(CheckPassed, check=failed_check(COMMIT))
    story.seen(CheckPassed, check=failed_check("d" * 40))
    story.seen(CheckPassed, check=long)
    story.chooses(ASKER, "feedback:1", Choice.FIX)
    return story


def _passes_on_the_next_card(story: Written) -> None:
    story.chooses(ASKER, "feedback:1", Choice.IGNORE)
    other = failed_check(COMMIT, "c3").model_copy(update={"name": "lint"})
    story.seen(CheckFailed, check=other)
    story.seen(CheckPassed, check=other)


def fixed_by_itself() -> Written:
    story = at(State.DELIVERED, POLICY.model_copy(update={"follow_asks": False, "follow_rounds": 1}))
    remarked(story, "r1", "r2")
    story.tries(partial(_and_a_check, story, TALK, TALK))
    story.tries(partial(_and_a_check, story, WITHIN, BEYOND))
    story.tries(partial(story.told_apart, BEYOND, TALK))
    story.told_apart(WITHIN, BEYOND, criteria=("AC1", "AC2"))
    story.goes_on(until=State.DELIVERED)
    remarked(story, "r3")
    story.told_apart(WITHIN, criteria=("AC1",))
    story.tries_all(ASKER, DANA)
    story.chooses(DANA, "escalation:1", Choice.ANOTHER_ROUND)
    story.goes_on(until=State.DELIVERED)
    return story


def _and_a_check(story: Written, *kinds: MessageKind) -> None:
    story.seen(CheckFailed, check=failed_check(COMMIT))
    story.told_apart(*kinds, criteria=("AC1",))


def cards_of_feedback() -> Written:
    """Ten remarks and ten checks a card, within ten minutes; thirty cards."""
    story = at(State.DELIVERED)
    story.policy = None
    remarked(story, "r1")
    story.seen(CheckFailed, check=failed_check(COMMIT))
    story.policy = POLICY
    for length in (299, 300, 301):
        path = "p" * length
        long = remark("r1", "x" * 1_001).model_copy(update={"path": path})
        story.tries(partial(story.seen, Remarked, remark=long))
    many = at(State.DELIVERED)
    many.stored = many.now.model_copy(update={"due_at": None})
    for number in range(9):
        _at_once(many, CheckFailed, check=failed_check(COMMIT, f"c{number}"))
        _at_once(many, Remarked, remark=remark(f"r{number}", "Wrong"))
    many.quietly()
    many.tries(partial(_full_of_remarks, many))
    for number in (10, 11):
        _at_once(many, CheckFailed, check=failed_check(COMMIT, f"c{number}"))
    for number in (10, 11):
        _at_once(many, Remarked, remark=remark(f"r{number}", "Wrong"))
    for minutes in (10, 11):
        late = {**many.common(), "at": many.now.feedback[-1].at + timedelta(minutes=minutes)}
        event = {**late, "number": 7, "check": failed_check(COMMIT, f"late {minutes}")}
        many.tries(partial(many.happens, CheckFailed.model_validate(event)))
    story.lines += many.lines
    full = at(State.DELIVERED)
    for number in range(30 * 10):
        full.seen(CheckFailed, check=failed_check(COMMIT, f"c{number}"))
    full.quietly()
    for number in range(2):
        full.seen(CheckFailed, check=failed_check(COMMIT, f"more{number}"))
    full.tries(partial(remarked, full, "r1"))
    full.chooses(ASKER, "feedback:30", Choice.IGNORE)
    remarked(full, "r1")
    story.lines += full.lines
    return story


def _full_of_remarks(story: Written) -> None:
    _at_once(story, Remarked, remark=remark("r10", "Wrong"))
    _at_once(story, CheckFailed, check=failed_check(COMMIT, "c10"))
    _at_once(story, Remarked, remark=remark("r11", "Wrong"))


def _at_once(story: Written, event: type[AtTheForge], **more: object) -> None:
    """In the same minute as what came before."""
    story.at -= timedelta(minutes=1)
    story.seen(event, **more)


def kept_back() -> Written:
    """Nothing is shown before it is told apart, nor in front of others; an approver's click shows it."""
    story = at(State.DELIVERED)
    remarked(story, "r1")
    story.seen(CheckFailed, check=failed_check(COMMIT))
    story.tries(partial(story.seen, CheckPassed, check=failed_check(COMMIT)))
    story.happens(Shared.model_validate({**story.common(), "team": "T9"}))
    story.tries(partial(story.told_apart, WITHIN, criteria=("AC1",)))
    story.tries(partial(story.ends, RunKind.TRIAGE, Failed(cause=Cause.MODEL, sentence="No.")))
    story.told_apart(TALK)
    story.tries(partial(story.seen, CheckPassed, check=failed_check(COMMIT)))
    story.chooses(DANA, "delivery:1", Choice.NOT_YET, "Weeks are missing")
    by_itself = POLICY.model_copy(update={"follow_asks": False})
    for act in (Merged, None):
        fixed = to_be_seen(by_itself)
        fixed.chooses(ASKER, "delivery:1", Choice.CONFIRM) if act is None else fixed.seen(act)
        remarked(fixed, "r1")
        fixed.quietly()
        fixed.told_apart(WITHIN, criteria=("AC1",))
        story.lines += fixed.lines
    return story


def shown_in_the_end() -> Written:
    """Of four cards one waits for people: the others are decided, mere talk, or not told apart yet."""
    story = at(State.DELIVERED)
    story.seen(CheckFailed, check=failed_check(COMMIT, "c1"))
    story.chooses(ASKER, "feedback:1", Choice.IGNORE)
    remarked(story, "r1")
    for kind in (MessageKind.QUESTION, MessageKind.ANSWER):
        story.tries(partial(story.told_apart, kind))
    story.told_apart(TALK)
    for name in ("c2", "c3"):
        story.at += timedelta(minutes=10)
        story.seen(CheckFailed, check=failed_check(COMMIT, name))
        if name == "c2":
            remarked(story, "r2")
    story.happens(Shared.model_validate({**story.common(), "team": "T9"}))
    story.tries(partial(story.chooses, DANA, "feedback:4", Choice.FIX))
    story.chooses(DANA, "delivery:1", Choice.NOT_YET, "Weeks are missing")
    return story


def kept_as_tasks() -> Written:
    """Each says whose it is, and where it stood."""
    story = at(State.DELIVERED)
    remarked(story, "r" * 120)
    remarked(story, "r2", line=None)
    remarked(story, "r3", path="")
    remarked(story, "r4", path="", line=None)
    remarked(story, "r5", author="a" * 81)
    story.told_apart(*[BEYOND] * 5)
    story.quietly()
    story.chooses(ASKER, "feedback:1", Choice.KEEP_AS_TASK)
    return story


def handed_on() -> Written:
    """What a fix is told of it, by whoever chose it."""
    story = at(State.DELIVERED)
    check = failed_check(COMMIT).model_copy(update={"name": "ci\n test", "summary": " "})
    remarked(story, "r1", "r2")
    story.seen(CheckFailed, check=check)
    story.quietly()
    for kind, criteria in ((WITHIN, ("AC1", "AC2")), (BEYOND, ())):
        story.tries(partial(_told_and_fixed, story, kind, criteria))
    return story


def the_older_card_asks() -> Written:
    """The newer ones are fixed, and ignored: the granted round is for the older one."""
    story = at(State.DELIVERED, POLICY.model_copy(update={"follow_rounds": 1, "review_rounds": 1}))
    for number in (1, 2, 3):
        story.at += timedelta(minutes=10)
        story.seen(CheckFailed, check=failed_check(COMMIT, f"c{number}"))
    story.quietly()
    story.chooses(DANA, "feedback:2", Choice.FIX)
    story.goes_on(until=State.DELIVERED)
    story.chooses(ASKER, "feedback:3", Choice.IGNORE)
    story.chooses(ASKER, "feedback:1", Choice.FIX)
    story.chooses(DANA, "escalation:1", Choice.ANOTHER_ROUND)
    return story


def _told_and_fixed(story: Written, kind: MessageKind, criteria: tuple[str, ...]) -> None:
    story.told_apart(kind, kind, criteria=criteria)
    for by in (ASKER, DANA):
        story.tries(partial(story.chooses, by, "feedback:1", Choice.FIX))


def asked_for_again_and_again() -> Written:
    """One round is granted: it is for the newest card that asked for one."""
    story = at(State.DELIVERED, POLICY.model_copy(update={"follow_rounds": 1}))
    for number in (1, 2, 3):
        story.at += timedelta(minutes=10)
        story.seen(CheckFailed, check=failed_check(COMMIT, f"c{number}"))
    story.chooses(ASKER, "feedback:1", Choice.IGNORE)
    story.quietly()
    story.chooses(DANA, "feedback:2", Choice.FIX)
    story.chooses(DANA, "feedback:3", Choice.FIX)
    story.goes_on(until=State.DELIVERED)
    for number in (3, 4, 5):
        story.chooses(ASKER, f"feedback:{number}", Choice.FIX)
        if number < 5:
            story.chooses(ASKER, f"escalation:{number - 2}", Choice.RETRY)
        story.at += timedelta(minutes=10)
        story.seen(CheckFailed, check=failed_check(story.now.head, f"c{number + 1}"))
    story.chooses(DANA, "escalation:3", Choice.ANOTHER_ROUND)
    story.goes_on(until=State.DELIVERED)
    return story


def its_fate() -> Written:
    story = at(State.DELIVERED)
    closed = partial(story.seen, Closed, login="bob", since=START, words="No  longer\nwanted")
    story.tries(partial(story.seen, Closed))
    story.tries(partial(story.seen, Closed, words="Bye"))
    story.tries(partial(story.seen, Closed, login="b" * 99, words="w" * 501))
    story.seen(LostSight, sentence="The forge does not answer.")
    story.seen(Undrafted)
    story.seen(Undrafted)
    story.seen(Reopened)
    story.seen(Moved, commit="e" * 40)
    story.seen(Moved, commit="e" * 40)
    story.tries(partial(_fix_of, story))
    story.seen(Moved, commit=COMMIT)
    story.seen(Moved, commit=COMMIT)
    closed()
    closed()
    story.tries_all(ASKER, DANA)
    story.tries(partial(story.seen, Merged, login="bob"))
    story.seen(Reopened)
    story.seen(Reopened)
    closed()
    story.chooses(ASKER, "escalation:2", Choice.RETRY)
    story.tries(partial(_fix_of, story))
    story.seen(Merged, login="b" * 99, since=START)
    story.seen(Merged, login="bob")
    story.tries(partial(_fix_of, story))
    story.tries(partial(story.chooses, ASKER, "delivery:1", Choice.NOT_YET, "Weeks"))
    story.happens(Merged.model_validate({**story.common(), "number": 8}))
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    story.seen(LostSight, sentence="The forge does not answer.")
    return story


def _fix_of(story: Written) -> None:
    story.seen(CheckFailed, check=failed_check(COMMIT))
    story.chooses(DANA, "feedback:1", Choice.FIX)


def its_fate_while_it_is_fixed() -> Written:
    story = at(State.DELIVERED)
    _fix_of(story)
    story.quietly()
    story.seen(Undrafted)
    story.seen(Moved, commit="e" * 40)
    story.tries(partial(story.seen, Closed, login="bob"))
    story.tries(partial(story.seen, Merged))
    for state in (State.REVIEWING, State.DELIVERING):
        story.tries(partial(_merged_in, story, state))
    story.tries(partial(_merged_after_a_failure, story))
    story.ends(RunKind.TASK, Failed(cause=Cause.TURNS, sentence="Too long."))
    story.tries(partial(story.seen, Merged))
    story.seen(Closed)
    story.seen(Reopened)
    story.chooses(DANA, "escalation:1", Choice.RETRY)
    story.goes_on(until=State.DELIVERED)
    story.stops()
    story.seen(Merged)
    return story


def _merged_in(story: Written, state: State) -> None:
    lines = list(story.lines)
    story.goes_on(until=state)
    story.lines[:] = lines
    story.seen(Merged)


def _merged_after_a_failure(story: Written) -> None:
    story.ends(RunKind.TASK, Failed(cause=Cause.SCRIPT, sentence="It broke."))
    story.seen(Merged)


def merged_in_the_end() -> Written:
    """Nobody is asked to confirm what is confirmed, and what nobody went on with has ended."""
    story = to_be_seen()
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    story.tries(partial(story.seen, Merged))
    story.happens(Paused.model_validate({**story.common(), "by": DANA}))
    story.waits()
    story.waits()
    story.seen(Merged)
    looks = delivered_elsewhere()
    looks.chooses(DANA, "delivery:1", Choice.NOT_YET, "Weeks are missing")
    looks.told_apart(WITHIN, criteria=("AC1",))
    looks.chooses(DANA, "escalation:1", Choice.RETRY)
    looks.quietly()
    looks.seen(Merged)
    story.lines += looks.lines
    return story


def words_that_wait_meanwhile() -> Written:
    """What is being told apart is told apart all the same, whatever else ends or begins."""
    story = at(State.WORKING)
    story.says("Also by week")
    story.ends(RunKind.TASK, task_ended("analyse", BASE, Outcome.BLOCKED))
    story.told_apart(BEYOND)
    story.chooses(DANA, "escalation:1", Choice.RETRY)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.ends(RunKind.TASK, task_ended("build", COMMIT, leaks=LEAKS))
    story.chooses(DANA, "escalation:2", Choice.LET_THROUGH, item="L1")
    delivered = at(State.DELIVERED)
    delivered.says("Also by week")
    delivered.told_apart(BEYOND)
    remarked(delivered, "r1")
    delivered.told_apart(TALK)
    delivered.seen(CheckFailed, check=failed_check(COMMIT))
    delivered.chooses(ASKER, "feedback:1", Choice.IGNORE)
    remarked(delivered, "r2")
    delivered.quietly()
    picks(delivered, ASKER, Choice.REDEFINE, 0)
    story.lines += delivered.lines
    return story


def not_held_after_all() -> Written:
    story = to_be_seen(POLICY.model_copy(update={"follow_rounds": 0}))
    _fix_of(story)
    story.quietly()
    story.tries(partial(story.chooses, DANA, "escalation:1", Choice.ANOTHER_ROUND))
    for choice in (Choice.ANOTHER_ROUND, Choice.RETRY):
        story.tries(partial(_merged_meanwhile, story, 1, choice))
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    story.chooses(BYSTANDER, "delivery:1", Choice.NOT_HELD, item="AC5")
    story.tries(partial(_merged_meanwhile, story, 2, Choice.FIX))
    story.chooses(DANA, "escalation:2", Choice.FIX)
    return story


def _merged_meanwhile(story: Written, number: int, choice: Choice) -> None:
    story.seen(Merged)
    story.chooses(DANA, f"escalation:{number}", choice)


def _left_and_asked_again(story: Written) -> None:
    story.chooses(ASKER, "escalation:1", Choice.LEAVE)
    story.seen(Merged)
    story.chooses(DANA, "feedback:2", Choice.FIX)


def feedback_elsewhere() -> Written:
    story = delivered_elsewhere()
    story.seen(Moved, commit="e" * 40)
    remarked(story, "r1")
    story.told_apart(WITHIN, criteria=("AC1",))
    story.chooses(DANA, "feedback:1", Choice.FIX)
    story.tries_all(ASKER, DANA)
    story.seen(CheckFailed, check=failed_check(COMMIT))
    story.tries(partial(_left_and_asked_again, story))
    story.chooses(DANA, "escalation:1", Choice.FIX)
    story.goes_on(until=State.DELIVERING)
    ours = delivered(story.now.head).model_copy(update={"number": 8})
    story.ends(RunKind.DELIVER, ours)
    story.happens(
        CheckFailed.model_validate({**story.common(), "number": 8, "check": failed_check(ours.commit, "c8")})
    )
    return story


SITUATIONS = (
    remarks, only_wishes, failed_checks, fixed_by_itself, cards_of_feedback, its_fate,
    kept_back, shown_in_the_end, its_fate_while_it_is_fixed, words_that_wait_meanwhile, not_held_after_all,
    feedback_elsewhere, the_older_card_asks, kept_as_tasks, handed_on, asked_for_again_and_again,
    merged_in_the_end,
)  # fmt: skip
