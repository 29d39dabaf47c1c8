"""Requests about work that exists already: which branch and which ticket, asked of people, never guessed.

What is delivered from a branch of others stays theirs: nothing is ever pushed there, so a fix of it is a
question to people, too.
"""

from engine import existing
from engine.decide.moves import STOP, Moves
from engine.events import Assessed, Cause, Choice, Existing
from engine.request import Live, Offer, Round, RunKind, Snapshot, State
from engine.schemas import Question


def settle_existing(moves: Moves, result: Assessed) -> bool:
    """Take up the branch that was found; True if people have to be asked about it first."""
    rounds = moves.now.rounds
    about_existing = result.assessment.existing_work and not existing.declined(rounds)
    moves.set(existing=result.existing if about_existing else None)
    if not about_existing:
        return False
    if result.existing is None:
        _ask_for_branch(moves, result)
        return True
    if _is_delivered(moves.now, result.existing):
        _back_to_the_delivery(moves, result.existing)
        return True
    return result.ticket_wanted and _ask_for_ticket(moves, result.existing.branch, result.tickets)


def _ask_for_ticket(moves: Moves, branch: str, keys: tuple[str, ...]) -> bool:
    """Ask for the ticket as long as answers are unclear, within bounds: work can go without one."""
    if _asked(moves, existing.TICKET) < existing.MOST_ASKED:
        _ask(moves, existing.TICKET, existing.ticket_question(keys, branch, moves.now.rounds))
        return True
    moves.post(
        "I still do not know which ticket the work belongs to, so the pull request's title has no key.",
        to=moves.now.requester,
    )
    return False


def _ask_for_branch(moves: Moves, result: Assessed) -> None:
    if result.unclear:
        moves.post(result.unclear, to=moves.now.requester)
    if _asked(moves, existing.BRANCH) < existing.MOST_ASKED:
        _ask(moves, existing.BRANCH, existing.branch_question(result.branches))
        return
    moves.escalate(
        State.ESCALATED,
        Cause.STILL_VAGUE,
        "I still do not know which branch holds the work. I review only a branch that the remote has.",
        (
            Offer(
                choice=Choice.TELL_MORE,
                label="Name it",
                tradeoff="You say the branch's name; I look at the remote again.",
                asks="The branch's name, to the letter",
            ),
            STOP,
        ),
    )


# ---------------------------------------------------------------- after delivery


def fix_beside(snapshot: Snapshot) -> Offer | None:
    """The offer to fix a delivery that stands on a branch of others; None if it stands on ours."""
    spec, delivery = snapshot.spec, existing.delivered_elsewhere(snapshot)
    if delivery is None:
        return None
    assert spec is not None  # noqa: S101 (what was delivered had one)
    return Offer(
        choice=Choice.FIX,
        label="Fix it beside",
        tradeoff=f"The fix goes to {spec.branch} and gets a draft of its own, which takes the place of "
        f"#{delivery.number}; a comment there says so.",
        asks="An approver's advice for the fix",
    )


def ask_where_to_fix(moves: Moves, why: str = "") -> None:
    """What the delivery lacks is part of the spec, but its branch is not ours to change.

    Args:
        moves: What is decided.
        why: What came back from the pull request, as a fix is told it; empty if people of the chat said it.
    """
    delivery, beside = existing.delivered_elsewhere(moves.now), fix_beside(moves.now)
    assert delivery is not None and beside is not None  # noqa: S101 (only such deliveries come here)
    moves.show(f"delivery:{moves.now.deliveries}")
    moves.escalate(
        State.ESCALATED,
        Cause.ELSEWHERE,
        f"{why or 'What is missing is part of the spec.'} But draft #{delivery.number} stands on "
        f"{delivery.branch}, where I never push: only those it belongs to can change that draft.",
        (
            Offer(
                choice=Choice.RETRY,
                label="Look at it again",
                tradeoff=f"For when somebody has pushed the fix to {delivery.branch}: its newest commit "
                f"becomes a version of the spec to approve, is reviewed, and #{delivery.number} is updated.",
            ),
            beside,
            Offer(
                choice=Choice.LEAVE,
                label="Leave it",
                tradeoff="Nothing is changed; the delivery waits to be confirmed as before.",
            ),
            STOP,
        ),
        resume=State.ASSESSING,
        resume_runs=(Live(id="", kind=RunKind.ASSESS),),
    )
    *before, asked = moves.now.escalations
    moves.set(escalations=(*before, asked.model_copy(update={"why": why})))


def _is_delivered(snapshot: Snapshot, found: Existing) -> bool:
    delivery = existing.delivered_elsewhere(snapshot)
    return delivery is not None and (delivery.branch, delivery.commit) == (found.branch, found.head)


def _back_to_the_delivery(moves: Moves, found: Existing) -> None:
    """Nobody has pushed anything since, so there is nothing new to review."""
    moves.post(
        f"{found.branch} still stands at commit {found.head[:10]}, which is delivered already. "
        "“Not yet” on the delivery looks again.",
        to=moves.now.requester,
    )
    moves.enter(State.DELIVERED)
    moves.show(f"delivery:{moves.now.deliveries}")


# ---------------------------------------------------------------- asking


def _asked(moves: Moves, about: str) -> int:
    return sum(round.about == about for round in moves.now.rounds)


def _ask(moves: Moves, about: str, question: Question) -> None:
    asked = Round(questions=(question,), given=(None,), about=about, title=moves.now.title)
    moves.set(rounds=(*moves.now.rounds, asked))
    moves.enter(State.CLARIFYING)
    moves.wait()
    moves.show(f"questions:{moves.now.asked}")
