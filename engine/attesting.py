"""Criteria that only the world can tell: who is asked after delivery, and what they said. Pure."""

import re
from collections.abc import Sequence

from engine.people import Person
from engine.request import Attestation, Settled, Snapshot, Status
from engine.schemas import Criterion, SettledBy

# A mention as Slack writes it or as plain words show it, or a bare id. Words and names in capitals
# (UNITY, WAREHOUSE, UTF16) have no digit or are shorter than the ids that Slack gives.
_USER = re.compile(
    r"<@(?P<mentioned>[UW][A-Z0-9]{2,20})(?:\|[^<>]*)?>"
    r"|(?<![A-Za-z0-9])(?:@(?P<shown>(?=[A-Z]*[0-9])[UW][A-Z0-9]{2,20})"
    r"|(?P<bare>(?=[A-Z]*[0-9])[UW][A-Z0-9]{8,20}))(?![A-Za-z0-9])"
)


def attested_criteria(snapshot: Snapshot) -> tuple[Criterion, ...]:
    """The criteria of the newest spec that people have to confirm after delivery."""
    criteria = snapshot.spec.draft.criteria if snapshot.spec else ()
    return tuple(c for c in criteria if c.settled_by is SettledBy.ATTESTED)


def asked_of(criterion: Criterion, team: str) -> Person | None:
    """The Slack user that the criterion names; None if it names none, so that anyone may say."""
    found = _USER.search(criterion.who or "")
    return Person(team=team, user=found["mentioned"] or found["shown"] or found["bare"]) if found else None


def said_of(snapshot: Snapshot, criterion: str) -> Attestation | None:
    """The newest word on a criterion, for the newest delivery; words on earlier ones do not count."""
    said = [
        a for a in snapshot.attestations if a.criterion == criterion and a.delivery == snapshot.deliveries
    ]
    return said[-1] if said else None


def unconfirmed(snapshot: Snapshot) -> tuple[Criterion, ...]:
    """Those of which nobody has said yet that they hold."""
    return tuple(
        criterion
        for criterion in attested_criteria(snapshot)
        if (said := said_of(snapshot, criterion.id)) is None or not said.held
    )


def with_attestations(snapshot: Snapshot, settled: Sequence[Settled]) -> tuple[Settled, ...]:
    """How criteria stand, with what people said of the newest delivery; `told_by` names who did."""
    return tuple(_with_word(one, said_of(snapshot, one.id)) for one in settled)


def told_by(snapshot: Snapshot, settled: Settled) -> Person | None:
    """Whose word the evidence of one of these is; None if it is nobody's."""
    said = said_of(snapshot, settled.id)
    return said.by if said and settled.status in {Status.ATTESTED, Status.NOT_ATTESTED} else None


def _with_word(settled: Settled, said: Attestation | None) -> Settled:
    if said is None or settled.status is not Status.ATTESTATION_PENDING:
        return settled
    status = Status.ATTESTED if said.held else Status.NOT_ATTESTED
    word = "held" if said.held else "did not hold"
    note = f": {said.note}" if said.note else ""
    evidence = f"said on {said.at:%Y-%m-%d %H:%M} UTC that it {word}{note}"
    return settled.model_copy(update={"status": status, "evidence": evidence})
