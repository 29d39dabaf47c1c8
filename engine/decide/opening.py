"""From the mention to answered questions: assessing and clarifying."""

import re

from engine.answers import not_sure, understand
from engine.decide import branching, investigating
from engine.decide.moves import STOP as STOP
from engine.decide.moves import Decision, Moves, only_you, unchanged
from engine.events import (
    Answered,
    Asked,
    Assessed,
    Cause,
    Choice,
    Opened,
    Said,
    Submitted,
)
from engine.policy import staffed
from engine.request import (
    Given,
    Note,
    Offer,
    Policy,
    Round,
    RunKind,
    Snapshot,
    State,
)
from engine.schemas import Assessment, Question, Verdict

LONGEST_REQUEST = 8_000
LONGEST_ANSWER = 500
NOTES = 20
DETAILS = NOTES // 2

_LINKS_ONLY = re.compile(r"^(\s*<?https?://\S+>?\s*)+$")


def open_request(event: Opened, policy: Policy | None) -> Decision:
    """A mention in a thread that holds no request yet."""
    team = event.request.partition(":")[0]
    if event.by.team != team:
        return only_you(None, "Only members of this workspace can ask me for something here.")
    in_discussion = event.thread_ts != event.ts
    problem = _unreadable(event.text, policy)
    if problem and not (in_discussion and policy and not event.text.strip()):
        return only_you(None, problem)
    assert policy is not None  # noqa: S101 (a missing policy is one of the problems above)
    text = event.text.strip() or "Do what the discussion above asks for."
    snapshot = Snapshot(
        id=event.request,
        team=team,
        channel=event.channel,
        thread_ts=event.thread_ts,
        ts=event.ts,
        state=State.ASSESSING,
        states=(State.ASSESSING,),
        epoch=1,
        opened_at=event.at,
        requester=event.by,
        text=text,
        title=_first_words(text),
        repository=policy.repository,
        reviewers=policy.reviewers,
        implementer=policy.implementer,
        in_discussion=in_discussion,
        follows=event.follows,
        cap_usd=policy.cap_usd,
        remind_after_s=policy.remind_after_s,
        expire_after_s=policy.expire_after_s,
    )
    moves = Moves(snapshot, event.at)
    moves.show("progress")
    moves.start(RunKind.ASSESS)
    return moves.quiet_decision()


def _unreadable(text: str, policy: Policy | None) -> str:
    if policy is None:
        return (
            "No repository is configured for this channel, so I cannot take requests here. "
            "Whoever runs me adds the channel's id to a repository in the configuration file."
        )
    if not text.strip():
        return 'Tell me in the same message what you need, for example: "Add a metric for resolution time".'
    if len(text) > LONGEST_REQUEST:
        return (
            f"Your message has {len(text):,} characters; I read at most {LONGEST_REQUEST:,}. "
            "Please say in a few sentences what you need, and name the files that hold the rest."
        )
    if _LINKS_ONLY.match(text):
        return "I do not open links. Please say in a sentence what you need; the link may stand beside it."
    return ""


def _first_words(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 60 else words[:59] + "…"


# ---------------------------------------------------------------- people


def answer(snapshot: Snapshot, event: Answered) -> Decision:
    """A click, a selection or a typed text for one question."""
    current = _open_round(snapshot, event.round)
    if current is None:
        return only_you(snapshot, "These questions are closed; your click changed nothing.")
    if not 0 <= event.question < len(current.questions):
        return only_you(snapshot, "I do not know this question; your click changed nothing.")
    question = current.questions[event.question]
    problem = _unusable(question, event) or _not_ours_to_decide(current, event)
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
    if snapshot.state is not State.CLARIFYING or not snapshot.rounds or number != len(snapshot.rounds):
        return None
    return snapshot.rounds[-1] if snapshot.rounds[-1].submitted_by is None else None


def _empty(event: Answered) -> bool:
    return not (event.labels or event.text.strip() or event.you_decide or event.find_out)


def _not_ours_to_decide(current: Round, event: Answered) -> str:
    if not current.about or not event.you_decide:
        return ""
    return f"Which {current.about} it is, only people can tell: choose one, or type it with “Other…”."


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
    moves.show(f"questions:{len(rounds)}")


def submit(snapshot: Snapshot, event: Submitted) -> Decision:
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
    moves = Moves(snapshot, event.at)
    closed = current.model_copy(update={"submitted_by": event.by})
    moves.set(rounds=(*snapshot.rounds[:-1], closed))
    moves.enter(State.ASSESSING)
    moves.show(f"questions:{len(snapshot.rounds)}")
    moves.start(RunKind.ASSESS)
    return moves.decision()


def say(snapshot: Snapshot, event: Said) -> Decision:
    """A typed numbered list fills the card; anything else is people talking, unless I am addressed."""
    current = _open_round(snapshot, len(snapshot.rounds))
    if current is None:
        return add_detail(snapshot, event)
    understood = understand(event.text, current.questions)
    if not understood:
        if event.mentions_bot:
            return only_you(
                snapshot,
                "Answer with the buttons on the card, or reply with a numbered list "
                "(“1. …”, “2. …”). I fill the card with it for you to check and submit.",
            )
        return unchanged(snapshot)
    moves = Moves(snapshot, event.at)
    given: dict[int, Given | None] = {
        index: Given(
            by=event.by, labels=labels, text=text[:LONGEST_ANSWER], you_decide=not labels and not text
        )
        if labels or not current.questions[index].can_find_out or not not_sure(text)
        else Given(by=event.by, find_out=True)
        for index, (labels, text) in understood.items()
        if labels or text or not current.about
    }
    _record(moves, given)
    moves.wait()
    moves.tell(f"I filled in {len(given)} of {len(current.questions)}; please check the card and submit.")
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
        )
    return moves.quiet_decision()


# ---------------------------------------------------------------- runs


def assessed(moves: Moves, result: Assessed, policy: Policy) -> None:
    """The request was assessed: specify, investigate, ask, or say that it stays vague."""
    assessment = result.assessment
    moves.set(assessment=assessment, title=assessment.title, base_commit=result.base_commit)
    moves.set(seats=result.seats, left_out=result.left_out)
    policy = staffed(policy, moves.now)
    moves.set(implementer=policy.implementer)
    investigating.contradicted(moves, assessment.contradictions)
    if branching.settle_existing(moves, result):
        return
    wanted = assessment.verdict is Verdict.INVESTIGATE and investigating.may_begin(moves.now)
    if wanted or investigating.pending(moves.now):
        investigating.begin(moves, assessment, policy)
    elif assessment.verdict is Verdict.SPECIFIC:
        specify(moves)
    elif assessment.verdict is Verdict.ESCALATE and assessment.dilemma:
        investigating.put_to_people(moves, assessment.dilemma)
    elif sum(not r.about for r in moves.now.rounds) < policy.question_rounds:
        moves.enter(State.CLARIFYING)
        moves.start(RunKind.ASK)
    else:
        _still_vague(moves, assessment)


def specify(moves: Moves) -> None:
    """Write the next version of the spec."""
    moves.enter(State.SPECIFYING)
    moves.start(RunKind.SPECIFY)


def asked(moves: Moves, result: Asked) -> None:
    """The questions of a round are there: show them and wait."""
    questions = result.questions.questions
    moves.set(rounds=(*moves.now.rounds, Round(questions=questions, given=(None,) * len(questions))))
    moves.wait()
    moves.show(f"questions:{len(moves.now.rounds)}")


def _still_vague(moves: Moves, assessment: Assessment) -> None:
    gaps = "; ".join(gap.what for gap in assessment.gaps)
    asked_rounds = sum(not r.about for r in moves.now.rounds)
    moves.escalate(
        State.ESCALATED,
        Cause.STILL_VAGUE,
        f"After {asked_rounds} rounds of questions I still cannot tell what would count as done. "
        f"Open: {gaps or assessment.understood}",
        (
            Offer(
                choice=Choice.TELL_MORE,
                label="Say more",
                tradeoff="You describe the missing part; I look again.",
                asks="What is missing",
            ),
            Offer(
                choice=Choice.ASSUME,
                label="Go on with assumptions",
                tradeoff="The spec lists each open point as an assumption for the approvers to see.",
            ),
            STOP,
        ),
        attempts=investigating.attempts(moves.now),
    )
