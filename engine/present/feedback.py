"""What came back from the pull request, and how that stands: as a card, as text, in words."""

from engine.cards import FailedCheckLine, FeedbackCard, OfferLine, RemarkLine
from engine.decide.answering import pull_of, wishes_of
from engine.decide.feedback import offers, worth_telling
from engine.events import Choice
from engine.ports import Fate, Stance
from engine.request import Feedback, Snapshot, State, ToldRemark
from engine.schemas import MessageKind

_TAKEN = {
    None: "not told apart",
    MessageKind.NEW_SCOPE: "goes beyond the approved spec",
    MessageKind.QUESTION: "a question",
    MessageKind.ANSWER: "an answer",
    MessageKind.CHATTER: "talk",
}
_TRADEOFFS = {
    Choice.FIX: (
        "One more round on the same pull request. The agents get an approver's choice in words; the "
        "requester's only as the criteria and checks it is about."
    ),
    Choice.KEEP_AS_TASK: "Nothing is changed; they stand on the card of proposed tasks.",
    Choice.IGNORE: "Nothing is changed.",
}


def feedback_card(snapshot: Snapshot, index: int) -> FeedbackCard | None:
    """The card of feedback `index + 1`; None while there is nothing to show, or only talk."""
    feedback = snapshot.feedback[index]
    delivery = snapshot.delivery
    if delivery is None or not worth_telling(feedback):
        return None
    open_now = feedback.open and not feedback.untold and not _over(snapshot)
    return FeedbackCard(
        request=snapshot.id,
        key=f"feedback:{feedback.number}",
        title=snapshot.title,
        number=feedback.pull,
        commit=feedback.checks[-1].commit if feedback.checks else delivery.commit,
        remarks=tuple(_remark(one) for one in feedback.remarks if one.told),
        checks=tuple(
            FailedCheckLine(
                name=check.name, url=check.url, summary=check.summary, passed=check not in feedback.failing
            )
            for check in feedback.checks
        ),
        offers=tuple(
            OfferLine(choice=choice.value, label=label, tradeoff=_TRADEOFFS[choice])
            for choice, label in (offers(snapshot, feedback) if open_now else ())
        ),
        decided_by=feedback.decided.by if feedback.decided else None,
        outcome=_outcome(snapshot, feedback),
    )


def _remark(one: ToldRemark) -> RemarkLine:
    remark = one.remark
    place = f"{remark.path}:{remark.line}" if remark.path and remark.line else remark.path
    taken = f"about {', '.join(one.criteria)}" if one.kind is MessageKind.WITHIN_SPEC else _TAKEN[one.kind]
    if remark.stance is Stance.CHANGES_REQUESTED:
        taken = f"asks for changes; {taken}"
    return RemarkLine(who=remark.author, place=place, text=remark.text, taken=taken)


def _over(snapshot: Snapshot) -> bool:
    """Whether nothing can be chosen any more; once confirmed, remarks can still become tasks."""
    return snapshot.state.ended and snapshot.state is not State.DONE


def _outcome(snapshot: Snapshot, feedback: Feedback) -> str:
    if feedback.answered:
        return f"Commit {feedback.answered[:10]} was made to answer it; what holds of it is on its delivery."
    settled = not (feedback.failing or wishes_of(feedback) or feedback.untold)
    if settled and not feedback.fixed and feedback.decided is None:
        return "What had failed was run again, and passed."
    asked_for = feedback.decided is not None and feedback.decided.choice is Choice.FIX
    if snapshot.state.ended and feedback.fixed:
        return "It was being fixed, but this request ended before that was delivered."
    if snapshot.state.ended and (asked_for or feedback.by_itself):
        return "It was left as it is when this request ended."
    if feedback.fixed:
        return "It is being fixed, within the approved spec."
    if feedback.by_itself:
        return "To be fixed; a choice is asked for below."
    if feedback.decided is None:
        return "Nothing was decided about it before this request ended." if _over(snapshot) else ""
    return {
        Choice.FIX: "To be fixed; a choice is asked for below.",
        Choice.KEEP_AS_TASK: "Kept as proposed tasks.",
    }.get(feedback.decided.choice, "Ignored.")


def feedback_text(snapshot: Snapshot, index: int) -> str:
    """All of a card's remarks and checks whole."""
    feedback = snapshot.feedback[index]
    parts = []
    for one in feedback.remarks:
        line = _remark(one)
        place = f" at {line.place}" if line.place else ""
        parts.append(f"{line.who}{place} ({line.taken}):\n{line.text}")
    for check in feedback.checks:
        since = "" if check in feedback.failing else ", and passed since"
        parts.append(f"Check {check.name} failed at {check.commit[:10]}{since}: {check.url}\n{check.summary}")
    return "\n\n".join(parts)


def standing(snapshot: Snapshot) -> str:
    """How the pull request stood when it was last seen, in a sentence; empty before it was looked at."""
    if snapshot.pull is None or snapshot.delivery is None:
        return ""
    pull = pull_of(snapshot)
    by = f" by {pull.login}" if pull.login else ""
    at = f" on {pull.since:%Y-%m-%d %H:%M} UTC" if pull.since else ""
    last = f" Their last words: {pull.words}" if pull.words else ""
    moved = ""
    if pull.moved_to:
        moved = (
            f" Its branch was moved to {pull.moved_to[:10]} by somebody else; what stands here is of the "
            "commit above."
        )
    match pull.fate:
        case Fate.MERGED:
            return f"Merged{by}{at}.{moved}"
        case Fate.CLOSED:
            return f"Closed without a merge{by}{at}.{last}{moved}"
        case Fate.OPEN:
            return f"{'A draft' if pull.draft else 'Ready for review'}.{moved}"
