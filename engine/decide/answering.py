"""A fix for what came back from the pull request, and wishes kept of it.

What reaches an agent follows the rule of “Not yet”: words only where an approver chose to hand them on,
else the ids of the spec's own criteria and the names of failed checks.
"""

from engine import existing
from engine.counting import count
from engine.decide import branching, reviewing, scoping
from engine.decide.moves import STOP, Decision, Moves, only_you
from engine.events import Cause, Choice, Chose
from engine.people import Person
from engine.policy import may_approve
from engine.ports import Fate, OutsideCheck, Remark
from engine.request import Decided, Feedback, Heard, Offer, Policy, Pull, Snapshot, State, Taken, ToldRemark
from engine.schemas import MessageKind

TALK = {MessageKind.QUESTION, MessageKind.ANSWER, MessageKind.CHATTER}
LONGEST_LOGIN = 80


def pull_of(snapshot: Snapshot) -> Pull:
    """How the delivered pull request stood when it was last seen."""
    number = snapshot.delivery.number if snapshot.delivery else 0
    pull = snapshot.pull
    return pull if pull is not None and pull.number == number else Pull(number=number)


def replace(moves: Moves, feedback: Feedback, **changes: object) -> None:
    """Change one card's worth of feedback."""
    new = feedback.model_copy(update=changes)
    moves.set(feedback=tuple(new if one.number == new.number else one for one in moves.now.feedback))


def wishes_of(feedback: Feedback) -> tuple[ToldRemark, ...]:
    """Its remarks that are more than talk, whatever they were taken for."""
    return tuple(one for one in feedback.remarks if one.kind not in TALK)


def within_of(feedback: Feedback) -> tuple[ToldRemark, ...]:
    """Its remarks that are about criteria of the spec."""
    return tuple(one for one in feedback.remarks if one.kind is MessageKind.WITHIN_SPEC)


def said(remark: Remark) -> str:
    """A remark in one text that says whose and where it is."""
    place = f" at {remark.path}:{remark.line}" if remark.path and remark.line else ""
    place = place or (f" at {remark.path}" if remark.path else "")
    return f"On the pull request, {remark.author[:LONGEST_LOGIN]}{place}: {remark.text}"


def keep(moves: Moves, remarks: tuple[ToldRemark, ...], by: Person) -> None:
    """Whoever keeps a remark as a proposed task stands for it: its author is nobody of the chat."""
    for one in remarks:
        scoping.keep_aside(moves, Heard(ts=_name(moves, one), by=by, text=said(one.remark)), one.title)


def _name(moves: Moves, one: ToldRemark) -> str:
    return f"{pull_of(moves.now).number}-{one.remark.id}"[:100]


# ---------------------------------------------------------------- fixes


def too_late(snapshot: Snapshot) -> str:
    """Why no fix can get into the delivered pull request any more, in a sentence; empty if one can."""
    if existing.delivered_elsewhere(snapshot):
        return ""
    merged = pull_of(snapshot).fate is Fate.MERGED
    return "The pull request is merged: ask for more in a new thread." if merged else ""


def stands_in_the_way(snapshot: Snapshot) -> str:
    """Why no fix of the delivery can start now, in a sentence; empty if one can."""
    pull = pull_of(snapshot)
    if late := too_late(snapshot):
        return late
    if pull.fate is Fate.CLOSED:
        return "The pull request is closed: open it again at the forge first."
    if pull.moved_to and not existing.delivered_elsewhere(snapshot):
        return (
            f"Somebody else pushed {pull.moved_to[:10]} to its branch, and I never push over others' work: "
            "take that back first, or ask for more in a new thread."
        )
    if snapshot.exposed:
        return "This channel is shared with another workspace: an approver says first that it goes on here."
    if snapshot.state is not State.DELIVERED:
        return "Something else goes on in this request just now."
    return ""


def fix(snapshot: Snapshot, event: Chose, feedback: Feedback, policy: Policy) -> Decision:
    """A person has it fixed; the hand-over holds words only if an approver chose it."""
    approver = may_approve(policy, snapshot, event.by)
    within = within_of(feedback)
    chosen = within if within or not approver else wishes_of(feedback)
    # In front of others only an approver's click comes here at all, and it says that it goes on.
    if problem := stands_in_the_way(snapshot.model_copy(update={"exposed": False})):
        return only_you(snapshot, problem)
    if not chosen and not feedback.failing:
        return only_you(
            snapshot,
            "As far as I can tell this is no part of the approved spec. An approver can say that it is by "
            "the same button; or keep it as a proposed task.",
        )
    moves = Moves(snapshot, event.at)
    ids = tuple(one.remark.id for one in chosen)
    replace(moves, feedback, decided=Decided(by=event.by, choice=event.choice), chosen=ids)
    keep(moves, tuple(one for one in wishes_of(feedback) if one not in chosen), event.by)
    for one in chosen:
        _point_at(moves, one, event.by, passed_on=approver)
    _start_or_ask(moves, feedback, _why(chosen, feedback.failing, with_summaries=approver), policy)
    moves.show(event.card)
    return moves.decision()


def fix_by_itself(moves: Moves, feedback: Feedback, policy: Policy) -> None:
    """What is part of the spec, and failed checks, need no click. No outside word goes along."""
    within = within_of(feedback)
    if not within and not feedback.failing:
        return
    replace(moves, feedback, by_itself=True, chosen=tuple(one.remark.id for one in within))
    for one in within:
        _point_at(moves, one, moves.now.requester, passed_on=False)
    _start_or_ask(moves, feedback, _why(within, feedback.failing, with_summaries=False), policy)


def _start_or_ask(moves: Moves, feedback: Feedback, why: str, policy: Policy) -> None:
    if existing.delivered_elsewhere(moves.now):
        branching.ask_where_to_fix(moves, why)
        return
    if moves.now.followed >= policy.follow_rounds:
        _escalate(moves, why)
        return
    replace(moves, moves.now.feedback[feedback.number - 1], fixed=True)
    moves.set(followed=moves.now.followed + 1)
    reviewing.grant_round(moves, policy)
    reviewing.start_fix(moves, "", why)
    moves.show(f"delivery:{moves.now.deliveries}")


def one_more(moves: Moves) -> None:
    """A person granted the round that the cap did not allow: it is for the newest that asked for one."""
    asked = [one for one in moves.now.feedback if not one.fixed]
    wanted = [one for one in asked if one.by_itself or (one.decided and one.decided.choice is Choice.FIX)]
    if wanted:
        replace(moves, wanted[-1], fixed=True)


def _point_at(moves: Moves, one: ToldRemark, by: Person, *, passed_on: bool) -> None:
    taken = Taken(
        ts=_name(moves, one),
        by=by,
        text=said(one.remark),
        kind=MessageKind.WITHIN_SPEC,
        criteria=one.criteria,
        passed_on=passed_on,
    )
    scoping.remember(moves, taken)


def _why(remarks: tuple[ToldRemark, ...], checks: tuple[OutsideCheck, ...], *, with_summaries: bool) -> str:
    """Why a fix is made after delivery: our words, and names of checks."""
    parts = []
    if remarks:
        criteria = ", ".join(dict.fromkeys(name for one in remarks for name in one.criteria))
        about = f" about {criteria}" if criteria else ""
        parts.append(f"After the delivery, reviewers of the pull request pointed out what is missing{about}.")
    for check in checks:
        name = " ".join(check.name.split())
        parts.append(f"After the delivery, the check “{name}” of the pull request failed.")
        if with_summaries and check.summary.strip():
            parts.append(f"It says: {check.summary}")
    return "\n".join(parts)


def _escalate(moves: Moves, why: str) -> None:
    moves.escalate(
        State.ESCALATED,
        Cause.FOLLOWED,
        f"{count(moves.now.followed, 'fix round was', 'fix rounds were')} made for what came back from the "
        f"pull request, and that is as many as configured. {why}",
        (
            Offer(
                choice=Choice.ANOTHER_ROUND,
                label="One more round",
                tradeoff="One more fix, with every check and review, on the same pull request.",
                asks="An approver's advice for the fix",
                approvers_only=True,
            ),
            Offer(
                choice=Choice.RETRY,
                label="Leave it as it is",
                tradeoff="The delivery stands, and waits to be confirmed or merged.",
            ),
            STOP,
        ),
        attempts=tuple(
            f"Commit {one.answered[:10]} answered what came back before."
            for one in moves.now.feedback
            if one.answered
        ),
    )
    moves.show(f"delivery:{moves.now.deliveries}")
