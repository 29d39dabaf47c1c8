"""From a request's state to what people are shown. Pure: the same state gives the same card.

progress.py  the card that is edited in place, with the eight steps
spec.py      a version of the spec and its difference from the one before
findings.py  what an investigation found
scope.py     wishes beyond the spec, and what other messages were taken for
outcome.py   questions, review, escalation, notes
delivery.py  the draft pull request with its evidence
feedback.py  what came back from it
push.py      a push that needs an approval of its own
violations.py  reviewers' findings, and what disputes made of them
"""

from engine import sections
from engine.cards import Card, Detail
from engine.present import delivery, feedback, findings, outcome, progress, scope
from engine.present.progress import Shown
from engine.present.push import push_card, push_text
from engine.present.spec import spec_card, spec_text
from engine.request import Policy, Snapshot

__all__ = ["Shown", "detail", "render"]


def render(snapshot: Snapshot, key: str, shown: Shown, policy: Policy | None) -> Card | None:
    """The card of this key as it should look now, or None if the state holds nothing for it.

    Args:
        snapshot: The newest stored state.
        key: See engine.request.ShowCard.
        shown: What is not part of the state: money spent so far, latest activity.
        policy: Names who is waited for; None if the repository is not configured any more.
    """
    kind, index = _parsed(key)
    if kind == "progress":
        return progress.progress_card(snapshot, shown, policy)
    if index < 0:
        return None
    return _numbered(snapshot, kind, index, shown, policy)


def _parsed(key: str) -> tuple[str, int]:
    """Kind and index of a key that comes from outside; -1 if it has no number of a sensible length."""
    kind, _, number = key.partition(":")
    return kind, int(number) - 1 if number.isdecimal() and len(number) < 7 else -1


def _numbered(snapshot: Snapshot, kind: str, index: int, shown: Shown, policy: Policy | None) -> Card | None:
    match kind:
        case "questions" if index < snapshot.asked:
            return outcome.questions_card(snapshot, index, policy)
        case "findings" if (found := findings.investigation(snapshot, index)) and found.ended:
            return findings.findings_card(snapshot, index, policy)
        case "spec" | "push":
            return _to_approve(snapshot, kind, index, policy)
        case "review" if index < len(snapshot.review_rounds) and snapshot.review_rounds[index].gate:
            return outcome.review_card(snapshot, index, policy)
        case "escalation" if index < len(snapshot.escalations):
            return outcome.escalation_card(snapshot, index, policy)
        case "delivery" if index < snapshot.deliveries and snapshot.delivery:
            return delivery.delivery_card(snapshot, index, shown)
        case "feedback" if index < len(snapshot.feedback):
            return feedback.feedback_card(snapshot, index)
        case "scope" if index == 0 and (snapshot.scope_items or snapshot.taken):
            return scope.scope_card(snapshot)
        case "note" if index < len(snapshot.posts):
            return outcome.note_card(snapshot, index)
    return None


def _to_approve(snapshot: Snapshot, kind: str, index: int, policy: Policy | None) -> Card | None:
    if kind == "spec":
        return spec_card(snapshot, index, policy) if index < len(snapshot.every_version) else None
    return push_card(snapshot, index, policy) if index < len(snapshot.pushes) else None


def _section(snapshot: Snapshot, key: str) -> Detail | None:
    """A section of the newest version, to be edited: `edit:VERSION:FIELD`."""
    _, version, field = (*key.split(":"), "", "")[:3]
    spec = snapshot.spec
    if spec is None or version != str(spec.number):
        return None
    text = sections.text_of(spec.draft, field)
    return None if text is None else Detail(title=sections.EDITABLE[field], text=text)


def detail(snapshot: Snapshot, key: str) -> Detail | None:
    """The whole of what a card may have cut, as plain text."""
    if key.startswith("edit:"):
        return _section(snapshot, key)
    kind, index = _parsed(key)
    if kind == "spec" and 0 <= index < len(snapshot.every_version):
        return Detail(title=f"Spec, version {index + 1}", text=spec_text(snapshot.every_version[index]))
    if kind == "findings" and findings.investigation(snapshot, index):
        return Detail(title=f"Findings {index + 1}", text=findings.findings_text(snapshot, index))
    if kind == "review" and 0 <= index < len(snapshot.review_rounds):
        return Detail(title=f"Review, round {index + 1}", text=outcome.review_text(snapshot, index))
    if kind == "push" and 0 <= index < len(snapshot.pushes):
        return Detail(title="Push", text=push_text(snapshot.pushes[index].held))
    if kind == "delivery" and snapshot.delivery:
        return Detail(title="Delivery", text=delivery.delivery_text(snapshot))
    if kind == "feedback" and 0 <= index < len(snapshot.feedback):
        return Detail(title="From the pull request", text=feedback.feedback_text(snapshot, index))
    if kind == "escalation" and 0 <= index < len(snapshot.escalations):
        return Detail(title="Decision", text=outcome.escalation_text(snapshot, index))
    return Detail(title="Request", text=snapshot.text) if kind == "progress" else None
