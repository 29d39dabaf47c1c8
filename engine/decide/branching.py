"""Requests about work that exists already: which branch and which ticket, asked of people, never guessed."""

from engine import existing
from engine.decide.moves import STOP, Moves
from engine.events import Assessed, Cause, Choice
from engine.request import Offer, Round, State
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


def _asked(moves: Moves, about: str) -> int:
    return sum(round.about == about for round in moves.now.rounds)


def _ask(moves: Moves, about: str, question: Question) -> None:
    asked = Round(questions=(question,), given=(None,), about=about)
    moves.set(rounds=(*moves.now.rounds, asked))
    moves.enter(State.CLARIFYING)
    moves.wait()
    moves.show(f"questions:{len(moves.now.rounds)}")
