"""Messages while work runs, and what is still missing from a delivery: told apart, then acted on."""

from engine.decide import reviewing
from engine.decide.moves import Decision, Moves, only_you, unchanged
from engine.events import Said, Triaged
from engine.request import Heard, Live, Policy, RunKind, ScopeItem, Snapshot, State, TaskStatus
from engine.schemas import MessageKind

HEARD = 20
LONGEST_WISH = 1_000


def hear(snapshot: Snapshot, event: Said) -> Decision:
    """A message while work runs: told apart by triage, kept out of the work until then."""
    if not event.text.strip() or any(heard.ts == event.ts for heard in snapshot.heard):
        return unchanged(snapshot)
    if len(snapshot.heard) >= HEARD:
        return only_you(
            snapshot, "I am still reading earlier messages of this thread; please say it again in a minute."
        )
    moves = Moves(snapshot, event.at)
    hear_text(moves, Heard(ts=event.ts, by=event.by, text=event.text[:LONGEST_WISH]))
    return moves.quiet_decision()


def hear_text(moves: Moves, heard: Heard) -> None:
    """Keep a message aside and have it told apart."""
    moves.set(heard=(*moves.now.heard, heard))
    moves.start(RunKind.TRIAGE, heard.ts)


def triaged(moves: Moves, live: Live, result: Triaged, policy: Policy) -> None:
    """A message was told apart: answer it, fix what a delivery lacks, or keep a wish aside."""
    heard = _take(moves, live.about)
    if heard is None:
        return
    if heard.not_yet:
        _not_yet(moves, heard, result, policy)
    elif result.kind is MessageKind.QUESTION:
        moves.post(_how_it_stands(moves.now), to=heard.by)
    elif result.kind in {MessageKind.NEW_SCOPE, MessageKind.WITHIN_SPEC}:
        _keep_aside(moves, heard, result.title)


def not_told_apart(moves: Moves, ts: str) -> None:
    """Nobody could tell what a message is: it is kept aside rather than lost."""
    heard = _take(moves, ts)
    if heard is None:
        return
    _keep_aside(moves, heard, "")
    if heard.not_yet:
        moves.post(
            "I could not tell whether what you miss is part of the approved spec, so I changed nothing and "
            "keep it as a proposed follow-up. “Not yet” on the delivery tries again.",
            to=heard.by,
        )


def _take(moves: Moves, ts: str) -> Heard | None:
    heard = next((h for h in moves.now.heard if h.ts == ts), None)
    moves.set(heard=tuple(h for h in moves.now.heard if h.ts != ts))
    return heard


def _keep_aside(moves: Moves, heard: Heard, title: str) -> None:
    """A wish that the approved spec does not hold: listed, and nothing of it is worked on."""
    item = ScopeItem(by=heard.by, text=heard.text, title=title.strip() or heard.text[:60], ts=heard.ts)
    moves.set(scope_items=(*moves.now.scope_items, item))
    if moves.now.delivery:
        moves.show(f"delivery:{moves.now.deliveries}")


def _not_yet(moves: Moves, heard: Heard, result: Triaged, policy: Policy) -> None:
    beyond = result.kind not in {MessageKind.WITHIN_SPEC, MessageKind.QUESTION}
    if not beyond and moves.now.state is State.DELIVERED:
        reviewing.grant_round(moves, policy)
        reviewing.start_fix(moves, heard.text)
        moves.show(f"delivery:{moves.now.deliveries}")
        return
    _keep_aside(moves, heard, result.title)
    why = "What you miss goes beyond the approved spec" if beyond else "Meanwhile something else goes on here"
    moves.post(
        f"{why}: I keep it as a proposed follow-up and change nothing for it. "
        "Confirm the delivery if the rest is done; mention me in a new thread for the follow-up.",
        to=heard.by,
    )


def _how_it_stands(snapshot: Snapshot) -> str:
    running = [t.agent for t in snapshot.tasks if t.status is TaskStatus.RUNNING]
    work = f"{', '.join(running)} at work" if running else snapshot.state.value.replace("_", " ")
    done = sum(t.status is TaskStatus.DONE for t in snapshot.tasks)
    return (
        f"Now: {work}; {done} of {len(snapshot.tasks)} tasks done, "
        f"{len(snapshot.review_rounds)} review rounds so far. The first card of this thread shows each step."
    )
