"""Questions, review rounds, escalations and notes as cards and as text."""

from engine.answers import words
from engine.cards import (
    EscalationCard,
    Failure,
    NoteCard,
    OfferLine,
    OptionLine,
    QuestionItem,
    QuestionsCard,
    Reading,
    ReviewCard,
)
from engine.events import Cause, Choice
from engine.findings import standing
from engine.naming import REPOSITORY
from engine.present import violations
from engine.present.progress import asked
from engine.request import (
    Escalation,
    GateVerdict,
    Given,
    Policy,
    ReviewRound,
    Settled,
    Snapshot,
    State,
    Status,
)
from engine.schemas import Finding, Question, Severity

# ---------------------------------------------------------------- questions


def questions_card(snapshot: Snapshot, index: int, policy: Policy | None) -> QuestionsCard:
    """The card of round `index + 1`."""
    current = snapshot.every_round[index]
    earlier = snapshot.rounds[: max(0, index + 1 - len(snapshot.past.rounds))]
    counted = sum(not one.about for one in earlier)
    readings = snapshot.assessment.interpretations if snapshot.assessment else ()
    return QuestionsCard(
        request=snapshot.id,
        key=f"questions:{index + 1}",
        title=current.title or snapshot.title,
        round=index + 1,
        ordinal=0 if current.about else counted,
        rounds=max(policy.question_rounds if policy else 1, counted),
        readings=tuple(Reading(reading=r.reading, risk=r.risk) for r in readings),
        items=tuple(
            _item(number, question, given, current.about)
            for number, (question, given) in enumerate(zip(current.questions, current.given, strict=True))
        ),
        submitted_by=current.submitted_by,
        open=snapshot.state is State.CLARIFYING
        and current.submitted_by is None
        and index + 1 == snapshot.asked,
    )


def _item(index: int, question: Question, given: Given | None, about: str) -> QuestionItem:
    return QuestionItem(
        index=index,
        header=question.header,
        text=question.text,
        multi=question.multi,
        options=tuple(
            OptionLine(
                label=o.label,
                description=o.description,
                recommended=number == question.recommended and not about,
            )
            for number, o in enumerate(question.options)
        ),
        chosen=given.labels if given else (),
        answer=words(given, question) if given else "",
        answered_by=given.by if given else None,
        assumed=bool(given and given.you_decide),
        decidable=not about,
        in_words=about != REPOSITORY,
        can_find_out=question.can_find_out,
        finding_out=bool(given and given.find_out),
    )


# ---------------------------------------------------------------- review


def review_card(snapshot: Snapshot, index: int, policy: Policy | None) -> ReviewCard:
    """The card of review round `index + 1`, once its gate has spoken."""
    current = snapshot.review_rounds[index]
    gate = current.gate or GateVerdict.ESCALATE
    return ReviewCard(
        request=snapshot.id,
        key=f"review:{index + 1}",
        title=snapshot.title,
        round=current.number,
        rounds=max(
            (policy.review_rounds if policy else 0) + snapshot.extra_rounds, len(snapshot.review_rounds)
        ),
        commit=current.commit,
        gate=gate.value,
        passed=_passed(current),
        praised=_praised(current),
        pending=tuple(s.id for s in current.settled if s.status is Status.ATTESTATION_PENDING),
        failed=(*_failed_criteria(current), *_failed_findings(current)),
        unsettled=tuple(
            f"{s.id} {s.text.rstrip('.')}: {s.evidence}"
            for s in current.settled
            if s.status is Status.NOT_CHECKED
        ),
        minor=minor(current),
        next_steps=_next_steps(gate, current),
        withdrawn=violations.withdrawn(current),
    )


GOOD = {Status.PASSED, Status.REGRESSION_ONLY, Status.JUDGED_MET}
BAD = {Status.FAILED, Status.JUDGED_UNMET}


def _passed(current: ReviewRound) -> tuple[str, ...]:
    return tuple(settled_line(s) for s in current.settled if s.status in GOOD)


def _praised(current: ReviewRound) -> tuple[str, ...]:
    return tuple(
        f"{line} (judged by {review.reviewer})"
        for review in current.reviews
        if review.review and not review.invalid
        for line in review.review.passed
    )


def settled_line(settled: Settled) -> str:
    """A criterion with how it stands and why, in a line."""
    mark = "" if settled.status is Status.PASSED else f" [{settled.status.value}]"
    return f"{settled.id} {settled.text.rstrip('.')}{mark}: {settled.evidence}"


def _failed_criteria(current: ReviewRound) -> tuple[Failure, ...]:
    return tuple(
        Failure(
            title=f"{s.id} {s.text}",
            severity="failed",
            source=s.settled_by.value,
            expected=s.expected,
            actual=s.actual or s.evidence,
            fix=s.fix,
        )
        for s in current.settled
        if s.status in BAD
    )


def _findings(current: ReviewRound) -> list[tuple[str, Finding]]:
    return [(r.reviewer, f) for r in standing(current) if r.review for f in r.review.findings]


def _failed_findings(current: ReviewRound) -> tuple[Failure, ...]:
    return tuple(
        Failure(
            title=f"{f.title} ({f.path}:{f.line})",
            severity=f.severity.value,
            source=reviewer,
            expected=f.expected,
            actual=f.actual,
            fix=f.fix,
        )
        for reviewer, f in _findings(current)
        if f.severity is not Severity.MINOR
    )


def minor(current: ReviewRound) -> tuple[str, ...]:
    """The findings that hold nothing up, a line each."""
    return tuple(
        f"{f.title} ({f.path}:{f.line}): {f.fix}"
        for _, f in _findings(current)
        if f.severity is Severity.MINOR
    )


def _next_steps(gate: GateVerdict, current: ReviewRound) -> tuple[str, ...]:
    match gate:
        case GateVerdict.PASS:
            return ("Push exactly this commit", "Open the draft pull request with the evidence")
        case GateVerdict.FIX:
            fixes = [failure.fix for failure in (*_failed_criteria(current), *_failed_findings(current))]
            return (*dict.fromkeys(fix for fix in fixes if fix), "Run every check and review again")
        case GateVerdict.BLOCKED:
            return (*current.reasons[:5], "No pull request until this is resolved")
        case GateVerdict.ESCALATE:
            return ("A person decides on the card below how to go on",)


def review_text(snapshot: Snapshot, index: int) -> str:
    """A review round whole, with the output of each check."""
    card = review_card(snapshot, index, None)
    parts = [f"Round {card.round}, commit {card.commit}: {card.gate}"]
    parts += ["Passed\n" + "\n".join(f"- {line}" for line in card.passed)] if card.passed else []
    parts += [
        f"Failed: {f.title} [{f.severity}, {f.source}]\n"
        f"Expected: {f.expected}\nActual: {f.actual}\nFix: {f.fix}"
        for f in card.failed
    ]
    parts += ["Reviewers say\n" + "\n".join(f"- {line}" for line in card.praised)] if card.praised else []
    parts += ["Not settled\n" + "\n".join(f"- {line}" for line in card.unsettled)] if card.unsettled else []
    parts += ["Minor\n" + "\n".join(f"- {line}" for line in card.minor)] if card.minor else []
    for result in (*snapshot.base_results, *(snapshot.review_rounds[index].results or ())):
        parts.append(
            f"{result.check} ({result.where.value} of {result.commit[:10]}): {' '.join(result.argv)}\n"
            f"exit {result.exit_code}, {result.ended}, {result.duration_s:.1f} s\n{result.output_tail}"
        )
    return "\n\n".join(parts)


# ---------------------------------------------------------------- escalation

HEADINGS = {
    Cause.STILL_VAGUE: "Still unclear",
    Cause.DILEMMA: "Your decision is needed",
    Cause.INVESTIGATION: "Nothing was found out",
    Cause.CAP: "Paused at a cap",
    Cause.CRITICAL: "Blocked by a critical finding",
    Cause.REVIEW_INVALID: "Blocked: a required review is missing",
    Cause.REFUSED_FILES: "Blocked: files that may not be committed",
    Cause.LEAK: "Blocked: it looks like a secret",
    Cause.OUTSIDE: "Changes outside the spec",
    Cause.ROUNDS: "Not fixed after all rounds",
    Cause.UNSETTLED: "Not everything could be checked",
    Cause.TASK: "A task is stuck",
    Cause.NOT_HELD: "It did not hold after delivery",
    Cause.FOLLOWED: "More came back from the pull request",
    Cause.CLOSED: "The pull request was closed",
    Cause.ELSEWHERE: "The draft stands on a branch of others",
    Cause.SHARED: "Others can read this channel",
}


def escalation_card(snapshot: Snapshot, index: int, policy: Policy | None) -> EscalationCard:
    """The card of escalation `index + 1`."""
    escalation = snapshot.escalations[index]
    decided = escalation.decided
    waiting = snapshot.state in {State.ESCALATED, State.BLOCKED, State.PAUSED}
    return EscalationCard(
        request=snapshot.id,
        key=f"escalation:{escalation.number}",
        title=snapshot.title,
        heading=HEADINGS.get(escalation.cause, "I could not go on"),
        situation=escalation.situation,
        attempts=escalation.attempts,
        offers=tuple(
            OfferLine(
                choice=o.choice.value,
                label=o.label,
                tradeoff=o.tradeoff,
                asks=o.asks,
                recommended=o.label == escalation.recommendation,
                item=o.item,
            )
            for o in escalation.offers
        ),
        recommendation=escalation.recommendation,
        asked=asked(snapshot, policy, escalation.offers),
        decided_by=decided.by if decided else None,
        decision=_decision(escalation),
        open=decided is None and waiting and index == len(snapshot.escalations) - 1,
        violations=violations.of_escalation(snapshot, escalation),
        next_steps=violations.NEXT_STEPS if escalation.cause is Cause.CRITICAL else (),
    )


def _decision(escalation: Escalation) -> str:
    decided = escalation.decided
    if decided is None:
        return ""
    if decided.choice in {Choice.PICK, Choice.LET_THROUGH}:
        return decided.text
    label = next((o.label for o in escalation.offers if o.choice is decided.choice), "")
    label = label or decided.choice.value.replace("_", " ")
    return f"{label}: {decided.text}" if decided.text else label


def escalation_text(snapshot: Snapshot, index: int) -> str:
    """An escalation whole."""
    escalation = snapshot.escalations[index]
    parts = [escalation.situation]
    parts += ["Tried\n" + "\n".join(f"- {a}" for a in escalation.attempts)] if escalation.attempts else []
    parts += ["Options\n" + "\n".join(f"- {o.label}: {o.tradeoff}" for o in escalation.offers)]
    parts += [f"Recommended: {escalation.recommendation}"]
    parts += [violations.violation_text(line) for line in violations.of_escalation(snapshot, escalation)]
    if escalation.cause is Cause.CRITICAL and escalation.round:
        parts.append(review_text(snapshot, escalation.round - 1))
    return "\n\n".join(parts)


# ---------------------------------------------------------------- note


def note_card(snapshot: Snapshot, index: int) -> NoteCard:
    """A plain message."""
    post = snapshot.posts[index]
    to = (post.to, *post.also) if post.to else post.also
    return NoteCard(request=snapshot.id, key=f"note:{index + 1}", text=post.text, to=to)
