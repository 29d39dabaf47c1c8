"""The policy machine: which event may do what in which state. Pure and total.

`decide` takes the stored state (None: no such request), an event and the policy, and returns the new
state, the effects that follow, and what the one who caused the event is told. Every state times every
event has an answer; what may not happen changes nothing and says why to the one who tried. A run's end
counts only while the run is live: late and repeated ends fall through.

    opening.py     from the mention to what follows from its assessment
    locating.py    which repository it is about, where a channel has several
    clarifying.py  answers to questions, and further details
    investigating.py  looks before anything is approved
    speccing.py    from the spec to its approval
    working.py     the tasks of an approved spec
    reviewing.py   review rounds, fixes, and the way to delivery
    recording.py   the record on the pull request
    delivering.py  the delivery and its confirmation
    hearing.py     messages while work runs
    scoping.py     wishes beyond the approved spec: the ledger, A/B/C, follow-ups
    standing.py    how a request stands, in words
    branching.py   which branch and ticket, where the work exists already
    disputing.py   a finding that a person disputes
    confirming.py  the end: confirmed, and what only the world can tell said to hold
    following.py   the pull request after the draft: its fate, and what comes back from it
    feedback.py    remarks and failed checks: told apart, offered
    answering.py   fixes for them
    pushing.py     a push that needs an approval of its own
    leaking.py     what looks like a credential: gone, or let through by an approver
    choosing.py    choices on blocked, escalated and paused requests; stop; reminders and expiry
    failing.py     runs that gave up
    sharing.py     a channel that people of another workspace share
    vanishing.py   messages of the thread that were deleted
    pausing.py     pause and go on, by a person
    moves.py       how a decision is put together
"""

from engine.decide import (
    choosing,
    clarifying,
    delivering,
    disputing,
    failing,
    feedback,
    following,
    hearing,
    investigating,
    locating,
    opening,
    pausing,
    pushing,
    recording,
    reviewing,
    scoping,
    sharing,
    speccing,
    vanishing,
    working,
)
from engine.decide.moves import Decision, Moves, only_you, unchanged
from engine.events import (
    Answered,
    Approved,
    Asked,
    Assessed,
    AtTheForge,
    Cause,
    Choice,
    Chose,
    Deleted,
    Delivered,
    Due,
    Event,
    Failed,
    Held,
    Linked,
    Opened,
    Paused,
    Planned,
    Restarted,
    Result,
    Resumed,
    Reviewed,
    Ruled,
    RunFinished,
    Said,
    Shared,
    Specified,
    Stopped,
    Submitted,
    TaskEnded,
    Triaged,
    Verified,
)
from engine.people import ONLY_MEMBERS
from engine.request import Candidate, Live, Policy, RunKind, Snapshot, State, is_feedback, is_look

__all__ = ["Decision", "decide"]

ENDS: dict[RunKind, type[Result]] = {
    RunKind.ASSESS: Assessed,
    RunKind.ASK: Asked,
    RunKind.SPECIFY: Specified,
    RunKind.PLAN: Planned,
    RunKind.TASK: TaskEnded,
    RunKind.VERIFY: Verified,
    RunKind.REVIEW: Reviewed,
    RunKind.DELIVER: Delivered,
    RunKind.TRIAGE: Triaged,
}

# Where a run's end still means something; what tells messages apart or only informs may end anywhere.
AT_HOME = {
    RunKind.ASSESS: State.ASSESSING,
    RunKind.ASK: State.CLARIFYING,
    RunKind.SPECIFY: State.SPECIFYING,
    RunKind.PLAN: State.SPECIFYING,
    RunKind.TASK: State.WORKING,
    RunKind.REVIEW: State.REVIEWING,
    RunKind.DELIVER: State.DELIVERING,
}


def decide(
    snapshot: Snapshot | None,
    event: Event,
    policy: Policy | None,
    candidates: tuple[Candidate, ...] = (),
) -> Decision:
    """What this event does to this request.

    Args:
        snapshot: The stored state, None if the thread holds no request.
        event: What happened.
        policy: What configuration says of the request's repository, None if it is not (or no longer) known.
        candidates: The repositories that requests of this channel may be about.
    """
    decision = pausing.kept(snapshot, event, _decision(snapshot, event, policy, candidates))
    # A request that is just opened, or not located, has none of its own; minutes are bounded for all alike.
    bounds = policy or next((candidate.policy for candidate in candidates), None)
    decision = pausing.clocked(snapshot, event, decision, bounds)
    return recording.kept(snapshot, feedback.closed(snapshot, decision))


def _decision(  # noqa: C901, PLR0911 (a table)
    snapshot: Snapshot | None, event: Event, policy: Policy | None, candidates: tuple[Candidate, ...]
) -> Decision:
    if snapshot is None:
        if isinstance(event, Opened):
            return opening.open_request(event, policy, candidates)
        clicked = isinstance(event, Answered | Submitted | Approved | Chose | Paused)
        if clicked or (isinstance(event, Resumed) and (event.mentions_bot or not event.text)):
            return only_you(None, "I know no such request (any more). Your click changed nothing.")
        return unchanged(None)
    if isinstance(event, Resumed) and event.text and snapshot.hold is None:
        event = Said(**event.model_dump(include=set(Said.model_fields) - {"kind"}))
    if isinstance(event, RunFinished | Due | Restarted | Deleted | Shared | Linked | AtTheForge):
        return _by_nobody(snapshot, event, policy)
    if event.by.team != snapshot.team:
        return only_you(snapshot, ONLY_MEMBERS)
    if snapshot.state.ended:
        return _after_the_end(snapshot, event, policy)
    if isinstance(event, Stopped) or (isinstance(event, Chose) and event.choice is Choice.STOP):
        return choosing.stop(snapshot, event)
    if isinstance(event, Paused):
        return pausing.pause(snapshot, event)
    if isinstance(event, Resumed):
        return pausing.resume(snapshot, event)
    reachable = locating.within_reach(candidates, snapshot.requester, direct=snapshot.direct)
    if why := sharing.refusal(snapshot, event, policy, reachable):
        return only_you(snapshot, why)
    decision = _while_it_lives(snapshot, event, policy, reachable)
    assert decision.snapshot is not None  # noqa: S101 (there is a request)
    return sharing.answered(snapshot, event, decision, feedback.open_cards(decision.snapshot))


def _while_it_lives(
    snapshot: Snapshot,
    event: Opened | Answered | Submitted | Approved | Said | Chose,
    policy: Policy | None,
    candidates: tuple[Candidate, ...],
) -> Decision:
    if isinstance(event, Opened):
        event = Said(**event.model_dump(include=set(Said.model_fields) - {"kind"}), mentions_bot=True)
    if not snapshot.repository:
        return clarifying.before_repository(snapshot, event, candidates)
    if isinstance(event, Chose) and event.choice is Choice.OTHER_REPOSITORY:
        return locating.choose_another(snapshot, event, policy, candidates)
    if policy is None:
        return _without_policy(snapshot, event)
    return _by_person(snapshot, event, policy)


def _by_nobody(
    snapshot: Snapshot,
    event: RunFinished | Due | Restarted | Deleted | Shared | Linked | AtTheForge,
    policy: Policy | None,
) -> Decision:
    """What no person of the chat did: a run, the clock, the engine itself, or somebody at the forge."""
    match event:
        case RunFinished():
            return _finished(snapshot, event, policy)
        case Due() if snapshot.hold:
            return pausing.due(snapshot, event)
        case Due() if snapshot.over_at and event.at >= snapshot.over_at:
            return failing.out_of_time(snapshot, event)
        case Due():
            return choosing.due(snapshot, event, policy)
        case Restarted():
            return pausing.restarted(snapshot, event)
        case Deleted():
            return vanishing.deleted(snapshot, event)
        case Shared():
            return sharing.changed(snapshot, event)
        case Linked():
            return scoping.linked(snapshot, event)
        case _ if snapshot.repository:
            return following.happened(snapshot, event, policy)
    return unchanged(snapshot)


def _by_person(
    snapshot: Snapshot, event: Answered | Submitted | Approved | Said | Chose, policy: Policy
) -> Decision:
    match event:
        case Said():
            return _said(snapshot, event)
        case Answered():
            return clarifying.answer(snapshot, event)
        case Submitted():
            return clarifying.submit(snapshot, event)
        case Approved():
            return speccing.approve(snapshot, event, policy)
        case Chose():
            return _chose(snapshot, event, policy)


def _chose(snapshot: Snapshot, event: Chose, policy: Policy) -> Decision:
    kind = event.card.partition(":")[0]
    if kind == "spec":
        return speccing.choose(snapshot, event, policy)
    if kind == "push":
        return pushing.choose(snapshot, event, policy)
    if kind == "delivery":
        return delivering.choose(snapshot, event, policy)
    if kind == feedback.CARD:
        return feedback.choose(snapshot, event, policy)
    if kind in {"scope", "progress"}:
        return scoping.choose(snapshot, event, policy)
    return choosing.choose(snapshot, event, policy)


def _said(snapshot: Snapshot, event: Said) -> Decision:
    if hearing.hears(snapshot) and not speccing.assents(snapshot, event):
        return hearing.hear(snapshot, event)
    match snapshot.state:
        case State.CLARIFYING:
            return clarifying.say(snapshot, event)
        case State.ASSESSING:
            return clarifying.add_detail(snapshot, event)
        case State.SPECIFYING | State.AWAITING_APPROVAL:
            return speccing.say(snapshot, event)
        case _:
            return choosing.say(snapshot, event)


# ---------------------------------------------------------------- runs


def _finished(snapshot: Snapshot, event: RunFinished, policy: Policy | None) -> Decision:
    live = next((run for run in snapshot.live if run.id == event.run), None)
    if live is None:
        return unchanged(snapshot)
    moves = Moves(snapshot, event.at)
    moves.set(live=tuple(run for run in snapshot.live if run.id != event.run))
    if snapshot.state is not _home(snapshot, live) or not snapshot.repository:
        return moves.quiet_decision()
    result = _fitting(snapshot, live, event.result)
    if isinstance(result, Failed):
        failing.run_failed(moves, live, result)
    elif isinstance(result, Held):
        pushing.held(moves, result)
    elif isinstance(result, Delivered):
        delivering.delivered(moves, result)
    elif policy is None:
        failing.run_failed(moves, live, Failed(cause=Cause.REPOSITORY, sentence=_gone(snapshot)))
    else:
        _carry_on(moves, live, result, policy)
    return moves.decision()


def _home(snapshot: Snapshot, live: Live) -> State:
    if live.kind is RunKind.TASK and is_look(live.about):
        return State.ASSESSING
    return AT_HOME.get(live.kind, snapshot.state)


def _fitting(snapshot: Snapshot, live: Live, result: Result) -> Result:
    """The result, unless it cannot be this run's: then a failure like any other fault of ours."""
    fits = isinstance(result, Failed | (Ruled if disputing.is_dispute(live) else ENDS[live.kind]))
    if isinstance(result, Held):
        fits = live.kind is RunKind.DELIVER and result.commit == snapshot.head
    if isinstance(result, Planned):
        fits = fits and snapshot.draft is not None
    if isinstance(result, Delivered):
        fits = fits and result.commit == snapshot.head
    if fits:
        return result
    sentence = f"The step “{live.kind.value}” came back with something that does not belong to it."
    return Failed(cause=Cause.BUG, sentence=sentence)


def _carry_on(moves: Moves, live: Live, result: Result, policy: Policy) -> None:
    match result:
        case Assessed():
            opening.assessed(moves, result, policy)
        case Asked():
            opening.asked(moves, result)
        case Specified():
            speccing.specified(moves, result, policy)
        case Planned():
            speccing.planned(moves, result.plan, policy)
        case TaskEnded() if is_look(live.about):
            investigating.looked(moves, live, result)
        case TaskEnded():
            working.task_ended(moves, live, result, policy)
        case Verified() | Reviewed() | Ruled():
            _judge(moves, live, result, policy)
        case Triaged() if is_feedback(live.about):
            feedback.triaged(moves, live.about, result, policy)
        case Triaged():
            hearing.triaged(moves, live, result, policy)


def _judge(moves: Moves, live: Live, result: Verified | Reviewed | Ruled, policy: Policy) -> None:
    match result:
        case Verified():
            reviewing.verified(moves, live, result, policy)
        case Reviewed():
            reviewing.reviewed(moves, live, result, policy)
        case Ruled():
            disputing.ruled(moves, live, result, policy)


# ---------------------------------------------------------------- refusals


def _after_the_end(snapshot: Snapshot, event: Event, policy: Policy | None) -> Decision:
    if isinstance(event, Chose) and policy and scoping.settles(snapshot, event):
        return scoping.choose(snapshot, event, policy)
    if isinstance(event, Chose) and policy and feedback.settles(snapshot, event):
        return feedback.choose(snapshot, event, policy)
    if isinstance(event, Said) and not event.mentions_bot:
        return unchanged(snapshot)
    return only_you(
        snapshot,
        f"This request has ended ({snapshot.state.value}). Mention me in a new thread to start another.",
    )


def _without_policy(snapshot: Snapshot, event: Event) -> Decision:
    if isinstance(event, Said) and not event.mentions_bot:
        return unchanged(snapshot)
    return only_you(snapshot, f"{_gone(snapshot)} Until then this request stands still; anyone can say stop.")


def _gone(snapshot: Snapshot) -> str:
    return (
        f"The repository {snapshot.repository} is no longer configured. "
        "Whoever runs me can add it to the configuration again."
    )
