"""What comes back from the pull request: remarks and failed checks, told apart and offered to people.

Remarks of those who may not write, and of bots that the configuration does not name, stay in the journal:
anyone may comment at the forge, and the thread belongs to the team. An edited remark counts as it first
stood.
"""

from datetime import timedelta

from engine.decide import answering, hearing
from engine.decide.moves import Decision, Moves, only_you, unchanged
from engine.decide.scoping import NOT_YOURS
from engine.events import CheckFailed, CheckPassed, Choice, Chose, Remarked, ToldApart, Triaged
from engine.policy import may_approve
from engine.ports import CheckState, Remark
from engine.request import Decided, Feedback, Policy, RunKind, Snapshot, State, ToldRemark
from engine.schemas import MessageKind

CARD = "feedback"
TOGETHER = timedelta(minutes=10)
MOST = 10
"""Remarks, and checks, of one card."""
MOST_CARDS = 30
LONGEST_NAME = 80
LONGEST_SUMMARY = 2_000


# ---------------------------------------------------------------- remarks and checks


def remarked(moves: Moves, event: Remarked, policy: Policy | None) -> Decision:
    """Somebody remarked on the pull request: put on a card, once a model has told what it is."""
    remark, now = event.remark, moves.now
    known = {one.remark.id for feedback in now.feedback for one in feedback.remarks}
    if policy is None or not _counts(remark, policy) or not remark.text.strip() or remark.id in known:
        return unchanged(now)
    kept = remark.model_copy(update={"text": remark.text[: hearing.LONGEST_WISH], "path": remark.path[:300]})
    told = not hearing.hears(now)  # nothing is asked of a model once there is nothing to decide
    feedback = _together(moves, remarks=1)
    if feedback is None:
        return _too_much(moves)
    remarks = (*feedback.remarks, ToldRemark(remark=kept, told=told))
    answering.replace(moves, feedback, at=event.at, remarks=remarks)
    _go_on(moves, feedback.number, policy)
    return moves.quiet_decision()


def _counts(remark: Remark, policy: Policy) -> bool:
    """Whether the remark is told in the thread at all."""
    return remark.author in policy.review_bots if remark.by_bot else remark.may_write


def checked(moves: Moves, event: CheckFailed | CheckPassed, policy: Policy | None) -> Decision:
    """A check ended at the forge."""
    return _passed(moves, event) if isinstance(event, CheckPassed) else _failed(moves, event, policy)


def _failed(moves: Moves, event: CheckFailed, policy: Policy | None) -> Decision:
    """A failed one counts for exactly the delivered commit."""
    check, now = event.check, moves.now
    assert now.delivery is not None  # noqa: S101 (nothing is looked at before)
    known = {one.id for feedback in now.feedback for one in feedback.checks}
    if policy is None or check.commit != now.delivery.commit or check.id in known:
        return unchanged(now)
    kept = check.model_copy(
        update={"name": check.name[:LONGEST_NAME], "summary": check.summary[:LONGEST_SUMMARY]}
    )
    feedback = _together(moves, checks=1)
    if feedback is None:
        return _too_much(moves)
    answering.replace(moves, feedback, at=event.at, checks=(*feedback.checks, kept))
    _go_on(moves, feedback.number, policy)
    return moves.quiet_decision()


def _passed(moves: Moves, event: CheckPassed) -> Decision:
    """A check that had failed was run again and passed: its card says so, and asks for no fix of it."""
    passed = (event.check.name[:LONGEST_NAME], event.check.commit)
    for feedback in moves.now.feedback:
        if not any((check.name, check.commit) == passed for check in feedback.failing):
            continue
        checks = (
            check.model_copy(update={"state": CheckState.PASSED})
            if (check.name, check.commit) == passed
            else check
            for check in feedback.checks
        )
        answering.replace(moves, feedback, checks=tuple(checks))
        if not feedback.untold and not moves.now.exposed:
            moves.show(f"{CARD}:{feedback.number}")
    return moves.quiet_decision()


def _together(moves: Moves, remarks: int = 0, checks: int = 0) -> Feedback | None:
    """The card that takes one more: the open one if it is young and has room, else a new one."""
    feedback = moves.now.feedback
    last = feedback[-1] if feedback else None
    if (
        last is not None
        and last.open
        and last.pull == answering.pull_of(moves.now).number
        and moves.at - last.at <= TOGETHER
        and len(last.remarks) + remarks <= MOST
        and len(last.checks) + checks <= MOST
    ):
        return last
    if len(feedback) >= MOST_CARDS:
        return None
    new = Feedback(number=len(feedback) + 1, pull=answering.pull_of(moves.now).number, at=moves.at)
    moves.set(feedback=(*feedback, new))
    return new


def _too_much(moves: Moves) -> Decision:
    text = "More came back from the pull request than I can carry over; please read the rest there."
    if any(post.text == text for post in moves.now.posts):
        return unchanged(moves.now)
    moves.post(text)
    return moves.quiet_decision()


def _go_on(moves: Moves, number: int, policy: Policy) -> None:
    """Have remarks told apart that wait for it; once none does, show the card, if it holds more than talk."""
    feedback = moves.now.feedback[number - 1]
    if feedback.untold:
        about = f"{CARD}:{number}"
        if not any(run.about == about for run in moves.now.live):
            moves.start(RunKind.TRIAGE, about)
        return
    if not worth_telling(feedback) or moves.now.exposed:
        return
    wanted = not policy.follow_asks and moves.now.confirmed_by is None
    if wanted and not answering.stands_in_the_way(moves.now):
        answering.fix_by_itself(moves, feedback, policy)
    moves.show(f"{CARD}:{number}")


def open_cards(snapshot: Snapshot) -> tuple[str, ...]:
    """Cards on which something waits to be decided."""
    waiting = (one for one in snapshot.feedback if one.open and not one.untold and worth_telling(one))
    return tuple(f"{CARD}:{one.number}" for one in waiting)


def closed(before: Snapshot | None, decision: Decision) -> Decision:
    """The decision; at the end, cards lose buttons that would do nothing, and promise no fix any more."""
    after = decision.snapshot
    if before is None:
        return decision
    assert after is not None  # noqa: S101 (a request that is there stays)
    if before.state.ended or not after.state.ended or after.exposed:
        return decision
    moves = Moves(after, after.opened_at)
    for one in after.feedback:
        unsettled = one.decided is None or one.decided.choice is Choice.FIX
        if unsettled and not one.answered and worth_telling(one):
            moves.show(f"{CARD}:{one.number}")
    extra = moves.quiet_decision()
    return decision.model_copy(
        update={"snapshot": extra.snapshot, "effects": (*decision.effects, *extra.effects)}
    )


def worth_telling(feedback: Feedback) -> bool:
    """Whether it holds more than talk among people: then it has a card."""
    return bool(feedback.checks) or any(one.told for one in answering.wishes_of(feedback))


# ---------------------------------------------------------------- told apart


def to_tell_apart(snapshot: Snapshot, about: str) -> tuple[ToldRemark, ...]:
    """The remarks that a triage of this subject reads, oldest first."""
    return next((one.untold for one in snapshot.feedback if f"{CARD}:{one.number}" == about), ())


def triaged(moves: Moves, about: str, result: Triaged | None, policy: Policy | None) -> None:
    """Remarks were told apart, or could not be: those stay what they are, and people choose."""
    feedback = next((one for one in moves.now.feedback if f"{CARD}:{one.number}" == about), None)
    if feedback is None or not feedback.untold:
        return
    told = {one.message: one for one in (result, *result.others)} if result else {}
    # Whatever came back, each call leaves fewer to be told apart.
    first = feedback.untold[0].remark.id
    remarks = tuple(
        _told(moves.now, one, told.get(one.remark.id))
        if not one.told and (one.remark.id in told or one.remark.id == first or result is None)
        else one
        for one in feedback.remarks
    )
    answering.replace(moves, feedback, remarks=remarks)
    if policy is not None:
        _go_on(moves, feedback.number, policy)
    elif not moves.now.exposed:
        moves.show(about)


def _told(snapshot: Snapshot, one: ToldRemark, told: ToldApart | None) -> ToldRemark:
    if told is None:
        return one.model_copy(update={"told": True})
    kind = hearing.strictly(snapshot, told)
    return one.model_copy(
        update={
            "told": True,
            "kind": kind,
            "title": told.title[:200],
            "criteria": told.criteria if kind is MessageKind.WITHIN_SPEC else (),
        }
    )


# ---------------------------------------------------------------- choices


def choose(snapshot: Snapshot, event: Chose, policy: Policy) -> Decision:
    """What to do about what came back: fix it within the spec, keep it as proposed tasks, or nothing."""
    feedback = next((one for one in snapshot.feedback if event.card == f"{CARD}:{one.number}"), None)
    if feedback is None or not feedback.open or not worth_telling(feedback):
        return only_you(snapshot, "This was decided already; your click changed nothing.")
    if feedback.untold:
        return only_you(snapshot, "More has just come in; please choose again when the card shows it.")
    if event.by != snapshot.requester and not may_approve(policy, snapshot, event.by):
        return only_you(snapshot, NOT_YOURS)
    if event.choice not in {choice for choice, _ in offers(snapshot, feedback)}:
        return only_you(snapshot, "That is not one of the options; your click changed nothing.")
    if event.choice is Choice.FIX:
        return answering.fix(snapshot, event, feedback, policy)
    moves = Moves(snapshot, event.at)
    answering.replace(moves, feedback, decided=Decided(by=event.by, choice=event.choice))
    if event.choice is Choice.KEEP_AS_TASK:
        answering.keep(moves, answering.wishes_of(feedback), event.by)
    moves.show(event.card)
    return moves.quiet_decision()


def settles(snapshot: Snapshot, event: Chose) -> bool:
    """Whether this can still be chosen after the end: a confirmed request's remarks become tasks."""
    return snapshot.state is State.DONE and event.card.startswith(f"{CARD}:")


def offers(snapshot: Snapshot, feedback: Feedback) -> tuple[tuple[Choice, str], ...]:
    """What can be chosen about it, with labels; a fix only while the request can still go on."""
    if not feedback.failing and not answering.wishes_of(feedback):
        return ()
    can = []
    if not snapshot.state.ended:
        can.append((Choice.FIX, "Fix within the spec"))
    if answering.wishes_of(feedback):
        can.append((Choice.KEEP_AS_TASK, "Keep as proposed tasks"))
    return (*can, (Choice.IGNORE, "Ignore"))
