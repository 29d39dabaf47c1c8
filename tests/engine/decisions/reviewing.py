"""Review rounds, pushes, and the last look before a delivery."""

from functools import partial

from engine.events import (
    Cause,
    Choice,
    Failed,
    Guarded,
    Held,
    Specified,
)
from engine.request import Policy, RunKind, State
from engine.schemas import Criterion, Fate, Judged, SettledBy, Severity
from tests.engine.decisions.record import Written, at
from tests.engine.stories import COMMIT
from tests.engine.strategies import (
    ASKER,
    BYSTANDER,
    DANA,
    DRAFT,
    ERIN,
    POLICY,
    held,
    reviewed,
    ruled,
    task_ended,
    verified,
)

ONE_ROUND = POLICY.model_copy(update={"review_rounds": 1})


def rounds(policy: Policy = ONE_ROUND) -> Written:
    story = at(State.REVIEWING, policy)
    story.tries(partial(story.ends, RunKind.VERIFY, Failed(cause=Cause.MODEL, sentence="No."), COMMIT))
    story.tries(partial(story.review_ends, of="d" * 40))
    story.review_ends(Severity.MAJOR, exit_code=1)
    story.tries_all(ASKER, DANA, BYSTANDER)
    for by, item, text in (
        (BYSTANDER, "F1", "No"),
        (ASKER, "F2", "No"),
        (ASKER, "F1", " "),
        (ASKER, "F1", "No " * 400),
    ):
        story.tries(partial(story.chooses, by, "escalation:1", Choice.DISPUTE, text, item))
    story.chooses(ASKER, "escalation:1", Choice.DISPUTE, "It is right.", "F1")
    for fate in Fate:
        story.tries(partial(story.ends, RunKind.REVIEW, ruled("dispute:F1", COMMIT, fate)))
    story.tries(partial(story.ends, RunKind.REVIEW, ruled("dispute:F1", "d" * 40, Fate.WITHDRAWN)))
    story.tries(partial(story.ends, RunKind.REVIEW, ruled("dispute:F2", COMMIT, Fate.WITHDRAWN)))
    story.ends(RunKind.REVIEW, ruled("dispute:F1", COMMIT, Fate.WITHDRAWN, invalid="not JSON"))
    story.tries(partial(story.chooses, DANA, "escalation:2", Choice.DISPUTE, "It is right.", "F1"))
    story.chooses(DANA, "escalation:2", Choice.ANOTHER_ROUND, "Look at the join")
    story.goes_on(until=State.REVIEWING)
    story.review_ends()
    return story


def what_blocks() -> Written:
    story = at(State.REVIEWING)
    story.review_ends(Severity.CRITICAL, Severity.MINOR)
    story.tries_all(ASKER, DANA, BYSTANDER)
    story.tries(story.waits)
    story.tries(partial(story.chooses, BYSTANDER, "escalation:1", Choice.STOP))
    for fate in Fate:
        story.tries(partial(_disputed, story, fate))
    story.chooses(ASKER, "escalation:1", Choice.FIX)
    story.ends(RunKind.TASK, task_ended("fix2", "e" * 40))
    story.ends(RunKind.VERIFY, verified("e" * 40))
    story.ends(RunKind.REVIEW, reviewed("e" * 40, invalid="a quote is made up"))
    story.tries_all(DANA)
    story.stops()
    return story


def _disputed(story: Written, fate: Fate) -> None:
    story.chooses(ASKER, "escalation:1", Choice.DISPUTE, "It is right.", "F1")
    story.ends(RunKind.REVIEW, ruled("dispute:F1", COMMIT, fate))


def disputed_again() -> Written:
    """In the second round: an answer that cannot be used may be asked for again, a ruling may not."""
    story = at(State.REVIEWING)
    story.review_ends(Severity.MAJOR)
    story.goes_on(until=State.REVIEWING).review_ends(Severity.CRITICAL, Severity.MAJOR, Severity.MINOR)
    story.quietly()
    head = story.now.head
    for item, text in (("F3", "No"), ("F2", f" {'x' * 1_001}")):
        story.tries(partial(story.chooses, DANA, "escalation:1", Choice.DISPUTE, text, item))
    story.chooses(ASKER, "escalation:1", Choice.DISPUTE, " It is right. ", "F1")
    story.ends(RunKind.REVIEW, ruled("dispute:F1", head, Fate.UPHELD, invalid="not JSON"))
    story.chooses(ASKER, "escalation:2", Choice.DISPUTE, "It is right.", "F1")
    story.ends(RunKind.REVIEW, ruled("dispute:F1", head, Fate.UPHELD))
    story.chooses(ASKER, "escalation:3", Choice.DISPUTE, "It is right.", "F1")
    story.chooses(DANA, "escalation:3", Choice.DISPUTE, "It is right.", "F2")
    story.ends(RunKind.REVIEW, ruled("dispute:F2", head, Fate.WITHDRAWN))
    return story


def what_could_not_be_settled() -> Written:
    story = at(State.REVIEWING, ONE_ROUND)
    story.ends(RunKind.VERIFY, verified(COMMIT), COMMIT)
    story.ends(RunKind.REVIEW, reviewed(COMMIT, judged=Judged.UNCLEAR))
    story.tries_all(ASKER, DANA, BYSTANDER)
    for choice in (Choice.RETRY, Choice.DELIVER_UNCHECKED):
        story.tries(partial(story.chooses, ASKER, "escalation:1", choice, "words that nobody asked for"))
    story.chooses(DANA, "escalation:1", Choice.DELIVER_UNCHECKED, "words that nobody asked for")
    many = Written()
    many.opened().goes_on(until=State.SPECIFYING)
    files = tuple(
        Criterion(id=f"AC{n}", text=f"{n}.sql exists", settled_by=SettledBy.FILE, path=f"{n}.sql")
        for n in range(1, 8)
    )
    many.ends(RunKind.SPECIFY, Specified(draft=DRAFT.model_copy(update={"criteria": files})))
    many.goes_on(until=State.REVIEWING)
    many.quietly()
    many.review_ends(of="d" * 40)
    story.lines += many.lines
    return story


def a_push_that_is_changed() -> Written:
    """The work goes on without what was held; what comes of it may be held again."""
    asks = ONE_ROUND.model_copy(update={"requester_may_approve": True})
    story = at(State.DELIVERING, asks)
    many = tuple(Guarded(path=f"{n}.yml", what="what runs") for n in range(1, 22))
    first = held(COMMIT)
    story.tries(partial(_asks_for_it, story, first.model_copy(update={"guarded": ()})))
    story.ends(RunKind.DELIVER, first.model_copy(update={"guarded": many}))
    story.chooses(ASKER, "push:1", Choice.APPROVE_PUSH, item=COMMIT)
    story.chooses(DANA, "push:1", Choice.FIX, "x" * 8_001)
    story.goes_on(until=State.DELIVERING)
    for commit in (story.now.head, "0" * 39 + "1"):
        story.stored = story.now.model_copy(update={"head": commit})
        story.ends(RunKind.DELIVER, held(commit))
        story.tries(story.stops)
        story.chooses(DANA, f"push:{len(story.now.pushes)}", Choice.APPROVE_PUSH, item=commit)
        story.tries(story.stops)
    return story


def _asks_for_it(story: Written, result: Held) -> None:
    story.ends(RunKind.DELIVER, result)
    for choice in (Choice.FIX, Choice.APPROVE_PUSH):
        story.tries(partial(story.chooses, DANA, "push:1", choice, item=COMMIT))


def a_push_that_needs_one_more() -> Written:
    """It was approved by one, and two are wanted by now; the spec has two."""
    two = POLICY.model_copy(update={"approvals": 2})
    story = Written(two)
    story.opened().goes_on(until=State.AWAITING_APPROVAL)
    story.approves(ERIN)
    story.goes_on(until=State.DELIVERING)
    story.ends(RunKind.DELIVER, held(COMMIT))
    story.policy = POLICY
    story.chooses(DANA, "push:1", Choice.APPROVE_PUSH, item=COMMIT)
    story.quietly()
    story.ends(RunKind.DELIVER, Failed(cause=Cause.PUSH, sentence="The remote refused."))
    story.policy = two
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    story.chooses(ERIN, "push:1", Choice.APPROVE_PUSH, item=COMMIT)
    return story


def a_push_of_its_own(policy: Policy = POLICY) -> Written:
    story = Written(policy.model_copy(update={"approvals": 2}))
    story.opened().goes_on(until=State.AWAITING_APPROVAL)
    story.approves(ERIN)
    story.goes_on(until=State.DELIVERING)
    story.quietly()
    story.tries(partial(story.ends, RunKind.DELIVER, held("d" * 40)))
    story.ends(RunKind.DELIVER, held(COMMIT))
    story.says("Is it done?")
    story.says("Please hurry", mentions=True)
    story.says("ok", DANA, mentions=True)
    story.chooses(DANA, "push:1", Choice.APPROVE_PUSH, item="d" * 40)
    story.chooses(DANA, "push:2", Choice.APPROVE_PUSH, item=COMMIT)
    story.chooses(DANA, "push:1", Choice.CONFIRM)
    for by in (ASKER, BYSTANDER):
        story.chooses(by, "push:1", Choice.APPROVE_PUSH, item=COMMIT)
    for by, text in ((ASKER, "Drop it"), (ASKER, " "), (BYSTANDER, ""), (DANA, " Drop it ")):
        story.tries(partial(story.chooses, by, "push:1", Choice.FIX, text))
    for card in ("push:1", "push:2"):
        story.tries(partial(story.chooses, BYSTANDER, card, Choice.STOP))
    story.tries(partial(story.chooses, DANA, "spec:1", Choice.REJECT_SPEC))
    story.tries(partial(story.approves, ERIN))
    story.tries(story.waits)
    story.chooses(DANA, "push:1", Choice.APPROVE_PUSH, item=COMMIT)
    story.chooses(DANA, "push:1", Choice.APPROVE_PUSH, item=COMMIT)
    story.chooses(ERIN, "push:1", Choice.APPROVE_PUSH, item=COMMIT)
    large = at(State.DELIVERING)
    large.ends(RunKind.DELIVER, held(COMMIT, whole=False))
    large.chooses(DANA, "push:1", Choice.APPROVE_PUSH, item=COMMIT)
    story.lines += large.lines
    return story


def approvals_that_count_no_more() -> Written:
    story = at(State.REVIEWING)
    story.policy = POLICY.model_copy(update={"approvers": (ERIN,)})
    story.review_ends()
    story.approves(DANA)
    story.approves(ERIN)
    story.policy = POLICY
    story.ends(RunKind.DELIVER, Failed(cause=Cause.PUSH, sentence="The remote refused.", error_id="e1"))
    story.tries_all(ASKER, DANA)
    return story


SITUATIONS = (
    rounds,
    what_blocks,
    disputed_again,
    what_could_not_be_settled,
    a_push_of_its_own,
    a_push_that_is_changed,
    a_push_that_needs_one_more,
    approvals_that_count_no_more,
)
