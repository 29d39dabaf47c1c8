"""What a delivery lacks, and work on a branch of others."""

from functools import partial

from engine.events import (
    Assessed,
    BranchLine,
    Cause,
    Choice,
    Delivered,
    Existing,
    Failed,
    Shared,
    Specified,
)
from engine.existing import NONE_OF_THEM
from engine.people import Person
from engine.request import Policy, RunKind, State
from engine.schemas import Criterion, MessageKind, SettledBy
from tests.engine.decisions.record import Written, at
from tests.engine.decisions.wishing import picks
from tests.engine.stories import COMMIT
from tests.engine.strategies import (
    ASKER,
    BASE,
    BYSTANDER,
    DANA,
    DRAFT,
    ERIN,
    POLICY,
    START,
    THEIRS,
    assessment,
    delivered,
)


def not_yet() -> Written:
    story = at(State.DELIVERED)
    for by, text in ((BYSTANDER, "x"), (ASKER, " "), (ASKER, "x" * (1_000 + 1))):
        story.tries(partial(story.chooses, by, "delivery:1", Choice.NOT_YET, text))
    story.tries(partial(story.chooses, ASKER, "delivery:2", Choice.CONFIRM))
    story.tries(partial(story.chooses, ASKER, "delivery:1", Choice.FIX))
    story.says("Hm", mentions=True)
    story.told_apart(MessageKind.CHATTER)
    for by in (ASKER, DANA):
        for kind in MessageKind:
            story.tries(partial(_not_yet, story, by, kind))
    story.tries(partial(_not_yet_unclear, story))
    story.tries(partial(_not_yet_in_front_of_others, story))
    _not_yet(story, DANA, MessageKind.WITHIN_SPEC)
    story.goes_on(until=State.DELIVERED)
    return story


def _not_yet(story: Written, by: Person, kind: MessageKind) -> None:
    story.chooses(by, "delivery:1", Choice.NOT_YET, "Weeks are missing")
    story.told_apart(kind, criteria=("AC1",))


def _not_yet_unclear(story: Written) -> None:
    story.chooses(ASKER, "delivery:1", Choice.NOT_YET, "Weeks are missing")
    story.ends(RunKind.TRIAGE, Failed(cause=Cause.MODEL, sentence="No."))


def _not_yet_in_front_of_others(story: Written) -> None:
    story.chooses(DANA, "delivery:1", Choice.NOT_YET, "Weeks are missing")
    story.happens(Shared.model_validate({**story.common(), "team": "T9"}))
    story.told_apart(MessageKind.WITHIN_SPEC, criteria=("AC1",))


def to_be_seen(policy: Policy = POLICY) -> Written:
    attested = Criterion(
        id="AC4", text="It ends within 20 minutes", settled_by=SettledBy.ATTESTED, who="@U3", how="the page",
        when="after a night",
    )  # fmt: skip
    anyone = attested.model_copy(update={"id": "AC5", "who": "whoever runs it"})
    story = Written(policy)
    story.opened().goes_on(until=State.SPECIFYING)
    draft = DRAFT.model_copy(update={"criteria": (*DRAFT.criteria, attested, anyone)})
    story.ends(RunKind.SPECIFY, Specified(draft=draft))
    story.goes_on(until=State.DELIVERED)
    return story.quietly()


def what_only_the_world_can_tell() -> Written:
    story = to_be_seen()
    says = partial(_attests, story)
    for by, item in ((ASKER, "AC4"), (ERIN, "AC9"), (BYSTANDER, "AC5"), (ERIN, "AC4")):
        story.tries(partial(says, by, Choice.HELD, item, " 18 minutes "))
    says(BYSTANDER, Choice.NOT_HELD, "AC5", "x" * 501)
    story.tries_all(ASKER, DANA, BYSTANDER)
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    says(BYSTANDER, Choice.HELD, "AC5")
    says(BYSTANDER, Choice.HELD, "AC5")
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    says(ERIN, Choice.HELD, "AC4")
    return story


def what_did_not_hold_elsewhere() -> Written:
    """The fix of a branch of others goes beside it."""
    seen = Criterion(
        id="AC4", text="It ends in time", settled_by=SettledBy.ATTESTED, who="whoever runs it",
        how="the page", when="after a night",
    )  # fmt: skip
    story = Written()
    story.opened()
    story.ends(RunKind.ASSESS, found(ticket="DPA-2"))
    story.ends(
        RunKind.SPECIFY, Specified(draft=DRAFT.model_copy(update={"criteria": (*DRAFT.criteria, seen)}))
    )
    story.goes_on(until=State.DELIVERING)
    story.ends(RunKind.DELIVER, Delivered(branch=THEIRS, commit=COMMIT, number=7, url="http://127.0.0.1/7"))
    story.quietly()
    _attests(story, ASKER, Choice.NOT_HELD, "AC4")
    return story


def _attests(story: Written, by: Person, choice: Choice, item: str, text: str = "") -> None:
    story.chooses(by, "delivery:1", choice, text, item)


def found(
    *keys: str, ticket: str = "", head: str = COMMIT, changed: tuple[str, ...] = ("src/a.sql",)
) -> Assessed:
    there = assessment().model_copy(update={"existing_work": True, "existing_branch": THEIRS})
    work = Existing(branch=THEIRS, head=head, changed=changed, ticket=ticket)
    return Assessed(assessment=there, base_commit=BASE, existing=work, ticket_wanted=not ticket, tickets=keys)


def work_that_exists() -> Written:
    story = Written()
    story.opened()
    story.quietly()
    nowhere = found().model_copy(
        update={
            "existing": None,
            "unclear": "There are two.",
            "branches": (BranchLine(name="feat-a", ahead=2, subject="Churn", at=START),),
        }
    )
    story.tries(partial(_asked_for_branch, story, nowhere))
    story.tries(partial(story.ends, RunKind.ASSESS, nowhere.model_copy(update={"unclear": ""})))
    story.tries(partial(_on_none_of_them, story, nowhere))
    story.tries(partial(_asked_for_ticket, story))
    asked = list(story.lines)
    story.ends(RunKind.ASSESS, found(ticket="DPA-2", changed=("src/a.sql", "Makefile")))
    story.goes_on(until=State.AWAITING_APPROVAL)
    story.quietly()
    story.approves()
    story.chooses(DANA, "escalation:1", Choice.KEEP_OUTSIDE)
    story.lines[:0] = asked
    return story


def _asked_for_branch(story: Written, nowhere: Assessed) -> None:
    for number in (1, 2, 3):
        story.ends(RunKind.ASSESS, nowhere)
        if number == 1:
            story.answers(ASKER, 0, number, you_decide=True)
        story.answers(ASKER, 0, number, text="none of them")
        story.submits(number=number)
    story.ends(RunKind.ASSESS, nowhere)
    story.tries_all(ASKER)


def _on_none_of_them(story: Written, nowhere: Assessed) -> None:
    story.ends(RunKind.ASSESS, nowhere)
    story.answers(ASKER, 0, 1, labels=(NONE_OF_THEM,))
    story.submits()
    story.ends(RunKind.ASSESS, found(ticket="DPA-2"))


def _asked_for_ticket(story: Written) -> None:
    for number in (1, 2, 3):
        story.ends(RunKind.ASSESS, found("DPA-1", "DPA-2"))
        for text in ("1. DPA-1", "1. you decide", "1. some ticket", "1. not sure"):
            story.tries(partial(story.says, text))
        story.answers(ASKER, 0, number, text="some ticket")
        story.submits(number=number)
    story.ends(RunKind.ASSESS, found("DPA-1", "DPA-2"))


def delivered_elsewhere() -> Written:
    story = Written()
    story.opened()
    story.ends(RunKind.ASSESS, found(ticket="DPA-2"))
    story.goes_on(until=State.DELIVERING)
    story.ends(RunKind.DELIVER, Delivered(branch=THEIRS, commit=COMMIT, number=7, url="http://127.0.0.1/7"))
    return story.quietly()


def not_yet_elsewhere() -> Written:
    story = delivered_elsewhere()
    for by in (ASKER, DANA):
        story.tries(partial(_not_yet, story, by, MessageKind.WITHIN_SPEC))
    _not_yet(story, DANA, MessageKind.WITHIN_SPEC)
    story.tries_all(ASKER, DANA, BYSTANDER)
    story.says("Also by week")
    story.told_apart(MessageKind.NEW_SCOPE)
    picks(story, ASKER, Choice.REDEFINE, 0)
    story.chooses(DANA, "escalation:1", Choice.RETRY)
    story.tries(partial(story.ends, RunKind.ASSESS, found(ticket="DPA-2")))
    story.ends(RunKind.ASSESS, found(ticket="DPA-2", head="e" * 40))
    story.goes_on(until=State.DELIVERING)
    story.tries(partial(story.ends, RunKind.DELIVER, delivered("e" * 40, THEIRS)))
    return story


SITUATIONS = (
    not_yet,
    what_only_the_world_can_tell,
    what_did_not_hold_elsewhere,
    work_that_exists,
    not_yet_elsewhere,
)
