"""The policy machine: which event may do what in which state. Pure and total.

`decide` takes the stored state (None: no such request), an event and the policy, and returns the new
state, the effects that follow, and what the one who caused the event is told. Every state times every
event has an answer; what may not happen changes nothing and says why to the one who tried. A run's end
counts only while the run is live: late and repeated ends fall through.

    opening.py   from the mention to answered questions
    speccing.py  from the spec to its approval
    working.py   tasks, review rounds, delivery
    choosing.py  choices on blocked, escalated, paused and delivered requests
    moves.py     how a decision is put together
"""

from engine.decide import choosing, opening, speccing, working
from engine.decide.moves import Decision, Moves, only_you, unchanged
from engine.events import (
    Answered,
    Approved,
    Choice,
    Chose,
    Due,
    Event,
    Failed,
    Opened,
    RunFinished,
    Said,
    Stopped,
    Submitted,
)
from engine.request import Policy, Snapshot, State

__all__ = ["Decision", "decide"]


def decide(snapshot: Snapshot | None, event: Event, policy: Policy | None) -> Decision:
    """What this event does to this request.

    Args:
        snapshot: The stored state, None if the thread holds no request.
        event: What happened.
        policy: What configuration says, None if the channel has no repository (any more).
    """
    if snapshot is None:
        if isinstance(event, Opened):
            return opening.open_request(event, policy)
        return unchanged(None)
    if policy is None:
        return _without_policy(snapshot, event)
    if isinstance(event, RunFinished):
        return _finished(snapshot, event, policy)
    if isinstance(event, Due):
        return choosing.due(snapshot, event)
    if event.by.team != snapshot.team:
        return only_you(snapshot, "Only members of this workspace can act on this request.")
    if snapshot.state.ended:
        return _after_the_end(snapshot, event)
    return _by_person(snapshot, event, policy)


def _by_person(
    snapshot: Snapshot,
    event: Opened | Answered | Submitted | Approved | Said | Chose | Stopped,
    policy: Policy,
) -> Decision:
    match event:
        case Stopped():
            return stop(snapshot, event)
        case Opened():
            said = Said(
                key=event.key,
                request=event.request,
                at=event.at,
                by=event.by,
                text=event.text,
                ts=event.ts,
                mentions_bot=True,
            )
            return _said(snapshot, said)
        case Said():
            return _said(snapshot, event)
        case Answered():
            return opening.answer(snapshot, event)
        case Submitted():
            return opening.submit(snapshot, event)
        case Approved():
            return speccing.approve(snapshot, event, policy)
        case Chose():
            if event.choice is Choice.STOP:
                return stop(snapshot, Stopped(key=event.key, request=event.request, at=event.at, by=event.by))
            if event.card.startswith("spec:"):
                return speccing.choose(snapshot, event, policy)
            return choosing.choose(snapshot, event, policy)


def stop(snapshot: Snapshot, event: Stopped) -> Decision:
    """End everything now: no run goes on, no effect of the old epoch starts."""
    moves = Moves(snapshot, event.at)
    moves.raise_epoch()
    moves.cancel_live()
    moves.end(State.STOPPED, f"Stopped while {snapshot.state.value.replace('_', ' ')}.", by=event.by)
    moves.close_cards()
    return moves.decision()


def _said(snapshot: Snapshot, event: Said) -> Decision:
    match snapshot.state:
        case State.CLARIFYING:
            return opening.say(snapshot, event)
        case State.ASSESSING:
            return opening.add_detail(snapshot, event)
        case State.SPECIFYING | State.AWAITING_APPROVAL:
            return speccing.say(snapshot, event)
        case State.WORKING | State.REVIEWING | State.DELIVERING:
            return working.hear(snapshot, event)
        case _:
            return choosing.say(snapshot, event)


def _finished(snapshot: Snapshot, event: RunFinished, policy: Policy) -> Decision:
    live = next((run for run in snapshot.live if run.id == event.run), None)
    if live is None:
        return unchanged(snapshot)
    moves = Moves(snapshot, event.at)
    moves.set(live=tuple(run for run in snapshot.live if run.id != event.run))
    if isinstance(event.result, Failed):
        return choosing.run_failed(moves, live, event.result)
    for family in (opening, speccing, working):
        decision = family.finished(moves, live, event.result, policy)
        if decision is not None:
            return decision
    return moves.decision()


def _after_the_end(snapshot: Snapshot, event: Event) -> Decision:
    if isinstance(event, Said) and not event.mentions_bot:
        return unchanged(snapshot)
    return only_you(
        snapshot,
        f"This request has ended ({snapshot.state.value}). Mention me in a new thread to start another.",
    )


def _without_policy(snapshot: Snapshot, event: Event) -> Decision:
    if isinstance(event, Stopped) and not snapshot.state.ended and event.by.team == snapshot.team:
        return stop(snapshot, event)
    if isinstance(event, RunFinished | Due):
        return unchanged(snapshot)
    if isinstance(event, Said) and not event.mentions_bot:
        return unchanged(snapshot)
    return only_you(
        snapshot,
        f"The repository {snapshot.repository} is no longer configured, so this request stands still. "
        "Whoever runs me can add it to the configuration again; anyone here can say stop.",
    )
