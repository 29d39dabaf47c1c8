"""Answers to questions, and details that people add: a card is filled, and submitted by a click alone."""

from collections.abc import Sequence

from engine.answers import not_sure, sole, understand
from engine.decide import locating
from engine.decide.moves import Decision, Moves, only_you, unchanged
from engine.decide.opening import LONGEST_REQUEST, NOTES
from engine.events import Answered, Approved, Chose, Said, Submitted
from engine.naming import REPOSITORY
from engine.request import Candidate, Given, Note, Round, RunKind, Snapshot, State
from engine.schemas import Question

LONGEST_ANSWER = 500
DETAILS = NOTES // 2
HOW_TO_ANSWER = (
    "Answer with the buttons on the card, or reply with a numbered list (“1. …”, “2. …”). "
    "I fill the card with it for you to check and submit."
)


def answer(snapshot: Snapshot, event: Answered) -> Decision:
    """A click, a selection or a typed text for one question."""
    current = _open_round(snapshot, event.round)
    if current is None:
        return only_you(snapshot, "These questions are closed; your click changed nothing.")
    if not 0 <= event.question < len(current.questions):
        return only_you(snapshot, "I do not know this question; your click changed nothing.")
    question = current.questions[event.question]
    where = current.about == REPOSITORY
    only_people = locating.unusable(event) if where else _not_ours_to_decide(current, event)
    problem = _unusable(question, event) or only_people
    if problem:
        return only_you(snapshot, problem)
    given = _given(question, event)
    moves = Moves(snapshot, event.at)
    _record(moves, {event.question: None if _empty(event) else given})
    moves.wait()
    return moves.quiet_decision()


def _given(question: Question, event: Answered) -> Given:
    """The answer as it is recorded; words that say no more than "not sure" ask to find out."""
    text = event.text.strip()
    if event.find_out or (question.can_find_out and not event.labels and not_sure(text)):
        return Given(by=event.by, find_out=True)
    return Given(by=event.by, labels=event.labels, text=text, you_decide=event.you_decide)


def _open_round(snapshot: Snapshot, number: int) -> Round | None:
    """The round of that number, if it is the newest and still takes answers."""
    if not snapshot.rounds or number != snapshot.asked:
        return None
    return snapshot.rounds[-1] if snapshot.rounds[-1].submitted_by is None else None


def _empty(event: Answered) -> bool:
    return not (event.labels or event.text.strip() or event.you_decide or event.find_out)


def _not_ours_to_decide(current: Round, event: Answered) -> str:
    if not current.about or not event.you_decide:
        return ""
    return _only_people_know(current)


def _only_people_know(current: Round) -> str:
    how = "choose one on the card" if current.about == REPOSITORY else "choose one, or type it with “Other…”"
    return f"Which {current.about} it is, only people can tell: {how}."


def _unusable(question: Question, event: Answered) -> str:
    known = {option.label for option in question.options}
    if any(label not in known for label in event.labels):
        return "This option is not on the card any more; your click changed nothing."
    if len(event.labels) > 1 and not question.multi:
        return f"“{question.header}” takes one answer."
    if event.find_out and not question.can_find_out:
        return f"Looking cannot answer “{question.header}”: only people know."
    if len(event.text) > LONGEST_ANSWER:
        return f"Please keep an answer under {LONGEST_ANSWER} characters; yours has {len(event.text):,}."
    if _empty(event) and not question.multi:
        return "An empty answer was not recorded."
    return ""


def _record(moves: Moves, given: dict[int, Given | None]) -> None:
    rounds = moves.now.rounds
    current = rounds[-1]
    answers = tuple(given.get(i, old) for i, old in enumerate(current.given))
    moves.set(rounds=(*rounds[:-1], current.model_copy(update={"given": answers})))
    moves.show(f"questions:{moves.now.asked}")


def submit(snapshot: Snapshot, event: Submitted, candidates: Sequence[Candidate] = ()) -> Decision:
    """The answers are complete: look again whether the request is specific now."""
    current = _open_round(snapshot, event.round)
    if current is None:
        return only_you(snapshot, "These answers were already submitted; your click changed nothing.")
    missing = [q.header for q, g in zip(current.questions, current.given, strict=True) if g is None]
    if missing:
        advice = (
            "Only people know this, so please answer it."
            if current.about
            else "Choose “You decide” where you have no preference; the spec will show what was assumed."
        )
        return only_you(snapshot, f"Still open: {', '.join(missing)}. {advice}")
    if current.about == REPOSITORY and not candidates:
        return only_you(snapshot, locating.NONE_LEFT)
    moves = Moves(snapshot, event.at)
    closed = current.model_copy(update={"submitted_by": event.by})
    moves.set(rounds=(*snapshot.rounds[:-1], closed))
    moves.show(f"questions:{snapshot.asked}")
    if current.about == REPOSITORY:
        locating.take(moves, closed, candidates)
    else:
        moves.enter(State.ASSESSING)
        moves.start(RunKind.ASSESS)
    return moves.decision()


def say(snapshot: Snapshot, event: Said, candidates: Sequence[Candidate] = ()) -> Decision:
    """A typed numbered list fills the card; other words of the requester are details, the rest is talk."""
    current = _open_round(snapshot, snapshot.asked)
    if current is None:
        return add_detail(snapshot, event)
    if current.about == REPOSITORY:
        return _say_where(snapshot, event, current, candidates)
    understood = understand(event.text, current.questions)
    if not understood:
        return _say_besides(snapshot, event, current)
    if current.about and ((), "") in understood.values():
        return _left_to_us(snapshot, event, current)
    moves = Moves(snapshot, event.at)
    given: dict[int, Given | None] = {
        index: Given(
            by=event.by, labels=labels, text=text[:LONGEST_ANSWER], you_decide=not labels and not text
        )
        if labels or not current.questions[index].can_find_out or not not_sure(text)
        else Given(by=event.by, find_out=True)
        for index, (labels, text) in understood.items()
    }
    _record(moves, given)
    moves.wait()
    moves.tell(f"I filled in {len(given)} of {len(current.questions)}; please check the card and submit.")
    return moves.quiet_decision()


def _left_to_us(snapshot: Snapshot, event: Said, current: Round) -> Decision:
    """“You decide” where only people can tell is refused; words beside it are kept, or said not to be."""
    why = _only_people_know(current)
    if sole(event.text, current.questions[0]) == ((), ""):
        return only_you(snapshot, why)
    noted = add_detail(snapshot, event)
    assert noted.snapshot is not None  # noqa: S101 (there is a request)
    if noted.snapshot == snapshot:
        return only_you(snapshot, f"{noted.reply.text or 'Nothing was recorded.'} {why}")
    moves = Moves(noted.snapshot, event.at)
    moves.tell(f"Noted as a detail. {why}")
    return moves.quiet_decision()


def _say_besides(snapshot: Snapshot, event: Said, current: Round) -> Decision:
    """Words that answer no question; a requester who may have meant them to is told so once a round."""
    if event.by != snapshot.requester:
        return only_you(snapshot, HOW_TO_ANSWER) if event.mentions_bot else unchanged(snapshot)
    noted = add_detail(snapshot, event)
    assert noted.snapshot is not None  # noqa: S101 (there is a request)
    if noted.snapshot == snapshot:
        return noted
    if current.hinted and not event.mentions_bot:
        return noted
    moves = Moves(noted.snapshot, event.at)
    moves.set(rounds=(*snapshot.rounds[:-1], current.model_copy(update={"hinted": True})))
    moves.tell(f"Noted as a detail; it answers none of the questions by itself. {HOW_TO_ANSWER}")
    return moves.quiet_decision()


def before_repository(
    snapshot: Snapshot,
    event: Answered | Submitted | Approved | Said | Chose,
    candidates: Sequence[Candidate],
) -> Decision:
    """Before a repository is chosen there are the question for it, and details for later."""
    match event:
        case Answered():
            return answer(snapshot, event)
        case Submitted():
            return submit(snapshot, event, candidates)
        case Said():
            return say(snapshot, event, candidates)
        case Approved() | Chose():
            return only_you(snapshot, locating.CHOOSE_FIRST)


def _say_where(snapshot: Snapshot, event: Said, current: Round, candidates: Sequence[Candidate]) -> Decision:
    """Words while the repository is asked for: the requester may name it, and whatever they say is kept."""
    answer = understand(event.text, current.questions).get(0)
    listed = answer[0] if answer else ()
    alone = sole(event.text, current.questions[0]) == (listed, "")
    if alone and not listed:
        return only_you(snapshot, locating.ON_THE_CARD)
    decision = unchanged(snapshot) if alone else add_detail(snapshot, event)
    assert decision.snapshot is not None  # noqa: S101 (there is a request)
    heeded = event.by == snapshot.requester or event.mentions_bot
    free = heeded and current.given[0] is None
    name = listed[0] if listed else locating.meant(event.text, current, candidates) if free else ""
    if not name:
        return _left_to_us(snapshot, event, current) if answer == ((), "") else decision
    moves = Moves(decision.snapshot, event.at)
    _record(moves, {0: Given(by=event.by, labels=(name,))})
    moves.wait()
    moves.tell(f"I chose {name} on the card; please check and submit.")
    return moves.quiet_decision()


def add_detail(snapshot: Snapshot, event: Said) -> Decision:
    """More words before the spec: the requester's, or anyone's who addresses me."""
    if not event.text.strip() or (event.by != snapshot.requester and not event.mentions_bot):
        return unchanged(snapshot)
    if len(snapshot.notes) >= DETAILS:
        return only_you(snapshot, "I cannot take more notes here; please put the rest into the spec.")
    moves = Moves(snapshot, event.at)
    moves.set(notes=(*snapshot.notes, Note(by=event.by, text=event.text[:LONGEST_REQUEST])))
    if event.mentions_bot:
        moves.tell(
            "Noted for the request of this thread; the spec will show what came of it. "
            "For another request, mention me in a new thread."
            if snapshot.repository
            else "Noted. I begin once a repository is chosen on its card."
        )
    return moves.quiet_decision()
