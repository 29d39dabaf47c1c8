"""Wishes beyond the approved spec: kept in a ledger of proposed tasks until people decide about them.

Nothing of a wish reaches the work: its words stand in the ledger alone. They leave it in three ways, each
a click of somebody who may: into the notes for a new version of the spec, which needs approval again;
into a request of their own; or, by an approver, as a part of what is approved already.
"""

import re
from collections.abc import Sequence

from engine import existing
from engine.decide.moves import Decision, Moves, only_you, unchanged
from engine.decide.opening import NOTES, specify
from engine.events import CURRENT, Choice, Chose, Linked
from engine.people import Person
from engine.policy import may_approve
from engine.request import (
    Decided,
    Heard,
    Note,
    Policy,
    ScopeItem,
    Snapshot,
    SpecFate,
    State,
    Taken,
    WishFate,
)
from engine.schemas import MessageKind

CARD = "scope:1"
TAKEN = 500
"""Messages that are no wishes and whose classification can still be corrected; bounds the stored state."""

NOT_YOURS = "The requester or an approver decides that. Your click changed nothing."
NOT_YOURS_TO_CORRECT = (
    "The requester, an approver or who wrote it says what it is. Your click changed nothing."
)
_ESTIMATE = re.compile(
    r"\b(eta|today|tomorrow|tonight|(this|next) (week|month|quarter|year|sprint)|q[1-4]|eo[dwmqy]|"
    r"(by|until|before) (noon|(mon|tues|wednes|thurs|fri|satur|sun)days?|"
    r"(january|february|march|april|may|june|july|august|september|october|november|december))|"
    r"end of (the |this |next )?(day|week|month|quarter|year|sprint)|\d+\s*(h|hrs?|wks?)|"
    r"(\d+|an?|one|two|three|few|couple( of)?|half( an?)?)[\s-]*"
    r"(min(ute)?s?|hours?|days?|weeks?|months?|sprints?|quarters?|(story )?points?)|"
    r"minutes|hours|days|weeks|months|sprints)\b",
    re.IGNORECASE,
)


# ---------------------------------------------------------------- the ledger


def keep_aside(
    moves: Moves, heard: Heard, title: str, needs: Sequence[str] = (), after: Sequence[str] = ()
) -> None:
    """A wish that the approved spec does not hold: listed, and nothing of it is worked on."""
    known = {CURRENT, *(item.ts for item in moves.now.scope_items)}
    item = ScopeItem(
        by=heard.by,
        text=heard.text,
        title=_title(title) or _first_words(heard.text),
        ts=heard.ts,
        needs=tuple(need for need in needs if not _ESTIMATE.search(need)),
        after=tuple(dict.fromkeys(ts for ts in after if ts in known)),
    )
    moves.set(scope_items=(*moves.now.scope_items, item), scope_decided=None, scope_shown=True)
    _show(moves)


def remember(moves: Moves, taken: Taken) -> None:
    """A message that is no wish: kept so that people can say that it was taken wrongly.

    One that is there already keeps its place. However much is said later, what an approver passed on
    stays: hand-overs hold it.
    """
    known = any(one.ts == taken.ts for one in moves.now.taken)
    same = tuple(taken if one.ts == taken.ts else one for one in moves.now.taken)
    newest = same if known else (*same, taken)
    moves.set(taken=(*(one for one in newest[:-TAKEN] if one.passed_on), *newest[-TAKEN:]))
    if taken.kind in {MessageKind.WITHIN_SPEC, None}:
        moves.set(scope_shown=True)
    _show(moves)


def _show(moves: Moves) -> None:
    if moves.now.scope_shown:
        moves.show(CARD)
    if moves.now.delivery:
        moves.show(f"delivery:{moves.now.deliveries}")


def _title(title: str) -> str:
    """A model's name for a wish; none if it holds an estimate, which nobody gave."""
    words = " ".join(title.split())
    return "" if _ESTIMATE.search(words) else words[:80]


def _first_words(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 60 else words[:59] + "…"


# ---------------------------------------------------------------- choices


def choose(snapshot: Snapshot, event: Chose, policy: Policy) -> Decision:
    """A choice on the card of wishes, or a correction of what a message was taken for."""
    if event.choice in {Choice.IS_SCOPE, Choice.IS_SPEC, Choice.IS_TALK}:
        return _correct(snapshot, event, policy)
    if event.choice in {Choice.START_WISH, Choice.DROP_WISH}:
        return _settle(snapshot, event, policy)
    if not _decides(snapshot, event.by, policy):
        return only_you(snapshot, NOT_YOURS)
    match event.choice:
        case Choice.FINISH_FIRST:
            return _finish_first(snapshot, event)
        case Choice.REDEFINE:
            return _redefine(snapshot, event)
        case Choice.PRIORITISE:
            return _prioritise(snapshot, event)
    return only_you(snapshot, "That is not one of the options; your click changed nothing.")


def settles(snapshot: Snapshot, event: Chose) -> bool:
    """Whether this is what can still be chosen after the end: which wishes become requests."""
    settling = event.choice in {Choice.START_WISH, Choice.DROP_WISH}
    return settling and snapshot.state is State.DONE and event.card == CARD


def _decides(snapshot: Snapshot, person: Person, policy: Policy) -> bool:
    return person == snapshot.requester or may_approve(policy, snapshot, person)


def _finish_first(snapshot: Snapshot, event: Chose) -> Decision:
    if not any(item.open for item in snapshot.scope_items):
        return only_you(snapshot, "No wish is open any more; your click changed nothing.")
    moves = Moves(snapshot, event.at)
    moves.set(scope_decided=Decided(by=event.by, choice=event.choice))
    moves.show(CARD)
    return moves.quiet_decision()


def _prioritise(snapshot: Snapshot, event: Chose) -> Decision:
    items = {item.ts: item for item in snapshot.scope_items}
    chosen = [items[ts] for ts in dict.fromkeys(event.picks) if ts in items and items[ts].open]
    if len(chosen) != len(event.picks) or not chosen:
        return only_you(snapshot, "The list has changed since; please put the tasks in order once more.")
    rest = [item for item in snapshot.scope_items if item not in chosen]
    moves = Moves(snapshot, event.at)
    decided = Decided(by=event.by, choice=event.choice, text=_names(chosen))
    moves.set(scope_items=(*chosen, *rest), scope_decided=decided)
    _show(moves)
    return moves.decision()


def _names(items: Sequence[ScopeItem]) -> str:
    return ", ".join(item.title for item in items)


# ---------------------------------------------------------------- into the spec


def _redefine(snapshot: Snapshot, event: Chose) -> Decision:
    """Halt at once, keep the commit, and write a new version that needs approval again."""
    spec = snapshot.spec
    chosen = [item for item in snapshot.scope_items if item.ts in event.picks and item.open]
    if spec is None or spec.fate is not SpecFate.APPROVED:
        return only_you(snapshot, "The spec is being changed already; your click changed nothing.")
    if branch := existing.holds_the_scope(snapshot):
        return only_you(
            snapshot,
            f"What is delivered here is the work on {branch}, and a new version could hold its files only. "
            "Your click changed nothing: while the draft stands delivered, “Start it as its own task” on "
            "this card begins a request for a wish.",
        )
    if not chosen or len(chosen) != len(set(event.picks)):
        return only_you(snapshot, "The list has changed since; please choose once more.")
    if len(snapshot.notes) + len(chosen) > NOTES:
        return only_you(snapshot, "This request was changed too often; start the rest as tasks of their own.")
    moves = Moves(snapshot, event.at)
    moves.renew()
    decided = Decided(by=event.by, choice=event.choice, text=_names(chosen))
    included = {"fate": WishFate.INCLUDED, "version": spec.number + 1, "decided_by": event.by}
    _close(moves, decided)
    moves.set(
        specs=(
            *snapshot.specs[:-1],
            spec.model_copy(update={"fate": SpecFate.SUPERSEDED, "decided_by": event.by}),
        ),
        kept_commit=snapshot.head if snapshot.head != spec.base_commit else "",
        notes=(*snapshot.notes, *(Note(by=item.by, text=item.text) for item in chosen)),
        scope_items=tuple(
            item.model_copy(update=included) if item in chosen else item for item in snapshot.scope_items
        ),
        scope_decided=decided,
    )
    moves.show(f"spec:{spec.number}")
    _show(moves)
    specify(moves)
    return moves.decision()


def _close(moves: Moves, decided: Decided) -> None:
    """What was asked about the version before is asked no more."""
    escalation = moves.now.escalation
    if escalation is not None and escalation.decided is None:
        closed = escalation.model_copy(update={"decided": decided})
        moves.set(escalations=(*moves.now.escalations[:-1], closed))
        moves.show(f"escalation:{escalation.number}")


# ---------------------------------------------------------------- corrections


def _correct(snapshot: Snapshot, event: Chose, policy: Policy) -> Decision:
    """Somebody says what a message is: its author, the requester or an approver."""
    item = next((one for one in snapshot.scope_items if one.ts == event.item), None)
    taken = next((one for one in snapshot.taken if one.ts == event.item), None)
    if (item is None and taken is None) or (item is not None and not item.open):
        return only_you(snapshot, "This was decided already; your click changed nothing.")
    if event.choice is Choice.IS_SPEC and not may_approve(policy, snapshot, event.by):
        return only_you(snapshot, "Only an approver can say that it is part of the approved spec.")
    if taken is not None and taken.passed_on and not may_approve(policy, snapshot, event.by):
        return only_you(snapshot, "An approver passed these words on; only an approver takes that back.")
    said = item or taken
    assert said is not None  # noqa: S101 (one of them is there)
    if event.by != said.by and not _decides(snapshot, event.by, policy):
        return only_you(snapshot, NOT_YOURS_TO_CORRECT)
    moves = Moves(snapshot, event.at)
    moves.set(scope_items=tuple(one for one in snapshot.scope_items if one is not item))
    if event.choice is Choice.IS_SCOPE:
        moves.set(taken=tuple(one for one in snapshot.taken if one is not taken))
        title = item.title if item else ""
        keep_aside(moves, Heard(ts=said.ts, by=said.by, text=said.text), title)
    else:
        _take_for(moves, said, event)
    return moves.decision()


def _take_for(moves: Moves, said: ScopeItem | Taken, event: Chose) -> None:
    part = event.choice is Choice.IS_SPEC
    remember(
        moves,
        Taken(
            ts=said.ts,
            by=said.by,
            text=said.text,
            kind=MessageKind.WITHIN_SPEC if part else MessageKind.CHATTER,
            criteria=said.criteria if part and isinstance(said, Taken) else (),
            passed_on=part,
            corrected_by=event.by,
        ),
    )
    if part:
        _tell_who_is_told(moves)


def _tell_who_is_told(moves: Moves) -> None:
    """Where nobody is about to be handed anything, the approver learns what it takes."""
    delivered = moves.now.state is State.DELIVERED
    if delivered and moves.now.confirmed_by is None:
        moves.tell("Noted. “Not yet” on the delivery starts another round, which is told it.")
    elif delivered or moves.now.state in {State.REVIEWING, State.DELIVERING}:
        moves.tell("Noted. If another round comes, its hand-over holds these words.")


# ---------------------------------------------------------------- into requests of their own


def _settle(snapshot: Snapshot, event: Chose, policy: Policy) -> Decision:
    """Accept a wish as a request of its own, or drop it."""
    item = next((one for one in snapshot.scope_items if one.ts == event.item), None)
    if item is None or item.fate not in {WishFate.PROPOSED, WishFate.ACCEPTED}:
        return only_you(snapshot, "This was decided already; your click changed nothing.")
    if event.by != item.by and not _decides(snapshot, event.by, policy):
        return only_you(
            snapshot, "The requester, an approver or who asked for it decides. Your click changed nothing."
        )
    moves = Moves(snapshot, event.at)
    fate = WishFate.ACCEPTED if event.choice is Choice.START_WISH else WishFate.DROPPED
    _change(moves, item.ts, fate=fate, decided_by=event.by)
    if snapshot.state is State.DONE:
        start_accepted(moves)
    _show(moves)
    return moves.quiet_decision()


def start_accepted(moves: Moves) -> None:
    """The delivery is confirmed: each accepted wish becomes a request in its own thread."""
    for item in moves.now.scope_items:
        if item.fate is WishFate.ACCEPTED:
            _change(moves, item.ts, fate=WishFate.STARTED)
            moves.open_thread(item.ts)


def linked(snapshot: Snapshot, event: Linked) -> Decision:
    """A wish has its own thread now."""
    if not any(item.ts == event.wish for item in snapshot.scope_items):
        return unchanged(snapshot)
    moves = Moves(snapshot, event.at)
    _change(moves, event.wish, follow_up=event.follow_up)
    _show(moves)
    return moves.quiet_decision()


def _change(moves: Moves, ts: str, **changes: object) -> None:
    moves.set(
        scope_items=tuple(
            item.model_copy(update=changes) if item.ts == ts else item for item in moves.now.scope_items
        )
    )
