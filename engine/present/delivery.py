"""The delivery as a card and as text: evidence a criterion, and what is still to be said of it."""

from engine.attesting import asked_of, attested_criteria, said_of, told_by, with_attestations
from engine.cards import AttestedLine, CriterionLine, DeliveryCard
from engine.decide.answering import pull_of
from engine.events import Cause, Delivered
from engine.present.feedback import standing
from engine.present.outcome import minor, settled_line
from engine.present.progress import Shown, where
from engine.request import ReviewRound, Snapshot, State

_HALTS = {
    Cause.NOT_HELD: "Something did not hold; please choose on the card below.",
    Cause.FOLLOWED: "More came back from the pull request; please choose on the card below.",
    Cause.CLOSED: "The pull request was closed; please choose on the card below.",
    Cause.ELSEWHERE: "Something is missing; please choose on the card below.",
}


def delivery_card(snapshot: Snapshot, index: int, shown: Shown) -> DeliveryCard:
    """The card of delivery `index + 1`; earlier ones say that a newer one stands below."""
    delivery, current = snapshot.delivery, delivered_round(snapshot)
    assert delivery is not None  # noqa: S101 (the caller asks only where there is one)
    return DeliveryCard(
        request=snapshot.id,
        key=f"delivery:{index + 1}",
        title=snapshot.title,
        number=delivery.number,
        url=delivery.url,
        branch=delivery.branch,
        repository=snapshot.repository if where(snapshot) else "",
        commit=delivery.commit,
        criteria=tuple(
            CriterionLine(
                id=s.id, text=s.text, status=s.status.value, evidence=s.evidence, by=told_by(snapshot, s)
            )
            for s in with_attestations(snapshot, current.settled if current else ())
        ),
        base=_base(delivery),
        unset=delivery.unset,
        minor=minor(current) if current else (),
        unverified=unverified(snapshot),
        kept=tuple(item.title for item in snapshot.scope_items if item.kept),
        cost_usd=shown.spent_usd,
        tokens=shown.spent_tokens,
        requester=snapshot.requester,
        confirmed_by=snapshot.confirmed_by,
        superseded=index + 1 < snapshot.deliveries
        or (snapshot.state not in {State.DELIVERED, State.DONE} and not _halted(snapshot)),
        attested=_attested(snapshot) if index + 1 == snapshot.deliveries else (),
        halted=_halted(snapshot) if index + 1 == snapshot.deliveries else "",
        draft=pull_of(snapshot).draft,
        standing=standing(snapshot) if index + 1 == snapshot.deliveries else "",
    )


def _base(delivery: Delivered) -> str:
    moved = delivery.base_moved
    if moved is None:
        return ""
    also = f" It also changed {', '.join(moved.also)}: merging may conflict." if moved.also else ""
    return (
        f"The base branch went on while this was done and is at {moved.head[:10]} now; what was checked is "
        f"the work on the base that it began with.{also}"
    )


def _attested(snapshot: Snapshot) -> tuple[AttestedLine, ...]:
    lines = []
    for criterion in attested_criteria(snapshot):
        said = said_of(snapshot, criterion.id)
        again = said is not None and not said.held and snapshot.state is State.DELIVERED
        told = said if said and not again else None
        lines.append(
            AttestedLine(
                id=criterion.id,
                text=criterion.text,
                how=criterion.how or "",
                when=criterion.when or "",
                asked=asked_of(criterion, snapshot.team),
                held=told.held if told else None,
                by=told.by if told else None,
                note=told.note if told else "",
            )
        )
    return tuple(lines)


def _halted(snapshot: Snapshot) -> str:
    """Why nothing can be said on the delivery now, where that is no newer delivery."""
    if snapshot.state.ended and snapshot.state is not State.DONE:
        return "" if snapshot.confirmed_by else "The request ended before anybody confirmed this."
    escalation = snapshot.escalation
    if snapshot.state is not State.ESCALATED or escalation is None or escalation.decided is not None:
        return ""
    return _HALTS.get(escalation.cause, "")


def delivered_round(snapshot: Snapshot) -> ReviewRound | None:
    """The newest round that judged exactly the delivered commit: later ones say nothing about it."""
    commit = snapshot.delivery.commit if snapshot.delivery else ""
    judged = [r for r in snapshot.review_rounds if r.gate is not None and r.commit == commit]
    return judged[-1] if judged else None


def unverified(snapshot: Snapshot) -> tuple[str, ...]:
    """Claims of the agents' reports that the engine could not verify, with the reason."""
    return tuple(
        f"{task.agent}: {mark.claim} ({mark.why})"
        for task in snapshot.tasks
        for mark in task.marks
        if not mark.verified
    )


def delivery_text(snapshot: Snapshot) -> str:
    """A delivery whole."""
    current = delivered_round(snapshot)
    parts = [settled_line(s) for s in current.settled] if current else []
    parts += [
        f"Not set at the forge: {line}" for line in (snapshot.delivery.unset if snapshot.delivery else ())
    ]
    parts += [f"Unverified claim: {line}" for line in unverified(snapshot)]
    parts += [f"{task.agent}: {task.report.summary}" for task in snapshot.tasks if task.report]
    return "\n\n".join(parts)
