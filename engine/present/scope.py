"""Wishes beyond the approved spec as a card, and what other messages were taken for."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from engine import existing
from engine.cards import FollowUpCard, OfferLine, ScopeCard, TakenFor, TakenLine, WishLine
from engine.events import CURRENT, Choice
from engine.request import Decided, ScopeItem, Snapshot, SpecFate, State, Taken, WishFate
from engine.schemas import MessageKind

_KINDS = {".sql": "SQL file", ".yml": "YAML file", ".yaml": "YAML file", ".py": "Python file", ".md": "doc"}
_WORKS = {
    State.WORKING,
    State.REVIEWING,
    State.DELIVERING,
    State.BLOCKED,
    State.ESCALATED,
    State.PAUSED,
    State.DELIVERED,
}


def scope_card(snapshot: Snapshot) -> ScopeCard:
    """The one card of wishes of a request."""
    spec = snapshot.spec
    decided = snapshot.scope_decided
    return ScopeCard(
        request=snapshot.id,
        key="scope:1",
        title=snapshot.title,
        files=in_words(spec.draft.artifacts) if spec else "",
        wishes=tuple(_wish(snapshot, item, n) for n, item in enumerate(snapshot.scope_items, 2)),
        taken=taken_lines(snapshot),
        offers=_offers(snapshot),
        startable=snapshot.state in {State.DELIVERED, State.DONE},
        open=not snapshot.state.ended,
        decided_by=decided.by if decided else None,
        decision=_decision(decided) if decided else "",
    )


def in_words(paths: Sequence[str]) -> str:
    """How many files of which kind: 2 SQL files, 1 doc."""
    kinds = Counter(_KINDS.get(PurePosixPath(path).suffix, "other file") for path in paths)
    return ", ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in kinds.items())


# ---------------------------------------------------------------- wishes


def _wish(snapshot: Snapshot, item: ScopeItem, number: int) -> WishLine:
    return WishLine(
        number=number,
        ts=item.ts,
        title=item.title,
        text=item.text,
        by=item.by,
        scope="; ".join(("to be decided, needs requirements gathering", *item.needs)),
        after=", ".join(_names(snapshot, item)),
        fate=item.fate.value,
        outcome=_outcome(item),
        decided_by=item.decided_by,
        fixed=not item.open or snapshot.state.ended,
    )


def _names(snapshot: Snapshot, item: ScopeItem) -> list[str]:
    numbers = {one.ts: (n, one.title) for n, one in enumerate(snapshot.scope_items, 2)}
    numbers[CURRENT] = (1, snapshot.title)
    known = [numbers[ts] for ts in item.after if ts in numbers]
    return [f"{title} (task {number})" for number, title in sorted(known)]


def _outcome(item: ScopeItem) -> str:
    match item.fate:
        case WishFate.INCLUDED:
            return f"taken into version {item.version} of the spec"
        case WishFate.ACCEPTED:
            return "starts in its own thread once the delivery is confirmed"
        case WishFate.STARTED:
            return (
                "started in its own thread in this channel" if item.follow_up else "starts in its own thread"
            )
        case WishFate.DROPPED:
            return "dropped"
    return ""


def _offers(snapshot: Snapshot) -> tuple[OfferLine, ...]:
    """What can still be chosen: A only while there is something to finish."""
    works = snapshot.state in _WORKS and snapshot.spec is not None
    wishes = [item for item in snapshot.scope_items if item.open]
    if not works or not wishes or (snapshot.spec and snapshot.spec.fate is not SpecFate.APPROVED):
        return ()
    finish = OfferLine(
        choice=Choice.FINISH_FIRST.value,
        label="A) Finish first, then discuss",
        tradeoff=f"{snapshot.title} goes on as approved; nothing stops meanwhile. This happens without a "
        "choice too.",
        recommended=True,
    )
    halts = (
        "The delivered commit is kept"
        if snapshot.state is State.DELIVERED
        else "Work halts at once and keeps its commit"
    )
    redefine = OfferLine(
        choice=Choice.REDEFINE.value,
        label="B) Pause and redefine the scope",
        tradeoff=f"{halts}; a new version of the spec, with the wishes you choose, needs approval again.",
    )
    order = OfferLine(
        choice=Choice.PRIORITISE.value,
        label="C) Prioritise",
        tradeoff="You say which of them matters most; nothing stops meanwhile.",
    )
    done = snapshot.state is State.DELIVERED or snapshot.scope_decided is not None
    fixed = existing.holds_the_scope(snapshot)
    return (
        *(() if done else (finish,)),
        *(() if fixed else (redefine,)),
        *((order,) if len(wishes) > 1 else ()),
    )


def _decision(decided: Decided) -> str:
    words = {
        Choice.FINISH_FIRST: "finish first, then discuss the rest",
        Choice.REDEFINE: f"pause and redefine the scope with {decided.text}",
        Choice.PRIORITISE: f"this order: {decided.text}",
    }
    return words.get(decided.choice, decided.choice.value)


# ---------------------------------------------------------------- what is no wish


def taken_lines(snapshot: Snapshot) -> tuple[TakenLine, ...]:
    """The messages that are no wishes and what was made of each, newest first."""
    return tuple(_taken_line(snapshot, taken) for taken in reversed(snapshot.taken))


def _taken_line(snapshot: Snapshot, taken: Taken) -> TakenLine:
    return TakenLine(
        ts=taken.ts,
        by=taken.by,
        text=taken.text,
        kind=TakenFor(taken.kind.value) if taken.kind else TakenFor.UNTOLD,
        outcome=_made_of(snapshot, taken),
        confirmed=taken.passed_on or taken.corrected_by is not None,
    )


def _made_of(snapshot: Snapshot, taken: Taken) -> str:
    match taken.kind:
        case MessageKind.WITHIN_SPEC:
            about = f" ({', '.join(taken.criteria)})" if taken.criteria else ""
            return f"part of the spec{about}: {_handed_on(snapshot, taken)}"
        case MessageKind.QUESTION:
            return "a question about the work"
        case MessageKind.ANSWER:
            return "an answer to what I asked"
        case None:
            return "a message that could not be told apart"
    return "just talk"


def _handed_on(snapshot: Snapshot, taken: Taken) -> str:
    """Which hand-over tells of it, as far as one is still to come: none is promised that may not."""
    does, did = (
        ("holds these words", "held these words") if taken.passed_on else ("points at it", "pointed at it")
    )
    if snapshot.state.ended:
        return f"hand-overs that came after it, if any, {did}"
    passes = "" if taken.passed_on else "; an approver passes the words on"
    return f"{_next_hand_over(snapshot)} {does}{passes}"


def _next_hand_over(snapshot: Snapshot) -> str:
    match snapshot.state:
        case State.DELIVERED if snapshot.confirmed_by is None:
            return "“Not yet” on the delivery starts another round, whose hand-over"
        case State.REVIEWING | State.DELIVERING | State.DELIVERED:
            return "if another round comes, its hand-over"
        case State.ESCALATED | State.BLOCKED | State.PAUSED:
            return "if work is handed over again, that hand-over"
    return "the next hand-over"


def follow_up_card(snapshot: Snapshot, wish: str) -> FollowUpCard | None:
    """The first message of a wish's own thread; None if there is no such wish."""
    item = next((one for one in snapshot.scope_items if one.ts == wish), None)
    if item is None:
        return None
    return FollowUpCard(
        request=snapshot.id, key="follow_up", text=item.text, follows=snapshot.title, asked_by=item.by
    )
