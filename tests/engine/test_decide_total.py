"""Every state times every event has an answer, also with ends of runs that do not belong there."""

from collections.abc import Iterator

import pytest

from engine.decide import decide
from engine.events import (
    Answered,
    Approved,
    Choice,
    Chose,
    Deleted,
    Due,
    Event,
    Opened,
    Paused,
    Restarted,
    Resumed,
    RunFinished,
    Said,
    Shared,
    Sign,
    Stopped,
    Submitted,
)
from engine.people import Person
from engine.request import Candidate, Live, ReleaseRuns, RunKind, Snapshot, StartRun, State
from tests.engine.forge_side import every_sight
from tests.engine.laws import clear, lawful, nothing_beyond_scope, shown
from tests.engine.stories import COMMIT, Story, reached
from tests.engine.strategies import (
    ASKER,
    BYSTANDER,
    CANDIDATES,
    DANA,
    FOREIGN,
    POLICY,
    REQUEST,
    START,
    every_result,
)

PEOPLE = (ASKER, DANA, BYSTANDER, FOREIGN)
LATER = START.replace(year=2027)
SNAPSHOTS = {state: reached(state).now for state in State}


def paused() -> dict[State, Snapshot]:
    """The same, paused by a person."""
    event = Paused(key="p", request=REQUEST, at=START, by=BYSTANDER)
    held = {state: decide(now, event, POLICY).snapshot for state, now in SNAPSHOTS.items()}
    return {state: now for state, now in held.items() if now is not None and now.hold is not None}


PAUSED = paused()


def not_located() -> dict[str, Snapshot]:
    """Requests that wait for a choice of their repository, and what can become of them."""
    story = Story(candidates=CANDIDATES).opened()
    found = {"asked": story.now}
    story.answers(ASKER, 0, labels=("web",))
    found["answered"] = story.now
    story.waits()
    found["reminded"] = story.now
    story.waits()
    found["expired"] = story.now
    story = Story(candidates=CANDIDATES).opened()
    story.stops()
    found["stopped"] = story.now
    for state in (State.CLARIFYING, State.AWAITING_APPROVAL, State.PAUSED):
        story = reached(state)
        story.candidates = CANDIDATES
        story.chooses(ASKER, "progress", Choice.OTHER_REPOSITORY)
        found[f"asked again, {state.value}"] = story.now
    return found


NOT_LOCATED = not_located()


def by_people(snapshot: Snapshot, by: Person) -> Iterator[Event]:
    common = {"key": "k", "request": REQUEST, "at": LATER, "by": by}
    spec_hash = snapshot.spec.hash if snapshot.spec else "0" * 64
    bodies: list[tuple[type, dict[str, object]]] = [
        (Opened, {"text": "Add more", "channel": "C1", "ts": "2.0", "thread_ts": "1.0"}),
        (Answered, {"round": 1, "question": 0, "labels": ("All",)}),
        (Answered, {"round": 1, "question": 9, "text": "x" * 9000}),
        (Answered, {"round": snapshot.asked, "question": 0, "labels": ("web",)}),
        (Answered, {"round": snapshot.asked, "question": 0, "text": "web"}),
        (Answered, {"round": snapshot.asked, "question": 0, "you_decide": True}),
        (Submitted, {"round": 1}),
        (Submitted, {"round": snapshot.asked}),
        (Approved, {"version": 1, "hash": spec_hash}),
        (Approved, {"version": 1, "hash": "f" * 64}),
        (Said, {"text": "1. all\n2. you decide", "ts": "3.0"}),
        (Said, {"text": "", "ts": "3.0", "mentions_bot": True}),
        (Said, {"text": "approved", "ts": "3.0", "mentions_bot": True}),
        (Said, {"text": "in web", "ts": "3.0"}),
        (Stopped, {}),
        (Paused, {}),
        (Resumed, {}),
        (Resumed, {"text": "go on", "ts": "3.0"}),
    ]
    for card in ("spec:1", "escalation:1", "push:1", "delivery:1", "feedback:1", "progress", "", "spec:x"):
        for choice in Choice:
            bodies += [(Chose, {"card": card, "choice": choice, "text": text}) for text in ("", "typed")]
        bodies.append((Chose, {"card": card, "choice": Choice.LET_THROUGH, "item": "L1"}))
        bodies.append((Chose, {"card": card, "choice": Choice.APPROVE_PUSH, "item": snapshot.head}))
    for kind, body in bodies:
        yield kind.model_validate({**common, **body})  # type: ignore[attr-defined]


def every_event(snapshot: Snapshot) -> Iterator[Event]:
    for by in PEOPLE:
        yield from by_people(snapshot, by)
    yield from every_sight(snapshot, LATER)
    yield Due(key="d", request=REQUEST, at=LATER)
    yield Due(key="d", request=REQUEST, at=START)
    for since in (START, LATER):
        yield Restarted(key="u", request=REQUEST, at=LATER, since=since)
    for shared, team in ((True, "T9"), (True, ""), (False, "T9")):
        yield Shared(key="s", request=REQUEST, at=LATER, shared=shared, team=team)
    for ts in (snapshot.ts, "9.9"):
        for card in ("", "progress", *(("spec:1",) if snapshot.every_version else ())):
            yield Deleted(key="g", request=REQUEST, at=LATER, ts=ts, card=card)
    for live in snapshot.live:
        for result in every_result(snapshot.head or COMMIT):
            yield RunFinished(key="r", request=REQUEST, at=LATER, run=live.id, result=result)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("policy", [POLICY, None], ids=["configured", "not configured"])
def test_every_event_has_a_lawful_answer(state: State, policy: object) -> None:
    snapshot = SNAPSHOTS[state]
    its_policy = POLICY if policy else None
    for event in every_event(snapshot):
        decision = decide(snapshot, event, its_policy)
        lawful(snapshot, event, decision)
        assert decision.snapshot is not None
        if decision.snapshot == snapshot:
            assert decision.effects == ()
            continue
        clear(decision.snapshot, its_policy)
        nothing_beyond_scope(decision.snapshot)
        shown(decision.snapshot, decision, its_policy)


@pytest.mark.parametrize("state", PAUSED)
@pytest.mark.parametrize("policy", [POLICY, None], ids=["configured", "not configured"])
def test_paused_every_event_has_a_lawful_answer_and_it_stays_paused(state: State, policy: object) -> None:
    snapshot, its_policy = PAUSED[state], POLICY if policy else None
    for event in every_event(snapshot):
        decision = decide(snapshot, event, its_policy)
        lawful(snapshot, event, decision)
        after = decision.snapshot
        assert after is not None
        if after == snapshot:
            assert decision.effects == ()
            continue
        clear(after, its_policy)
        nothing_beyond_scope(after)
        shown(after, decision, its_policy)
        goes_on = isinstance(event, Resumed) and event.by.team == snapshot.team
        assert (after.hold is None) == (goes_on or after.state.ended)
        if goes_on:
            held = {run.id for run in snapshot.live if run.kind is not RunKind.TRIAGE}
            released = {run for e in decision.effects if isinstance(e, ReleaseRuns) for run in e.runs}
            assert released == held
            assert after.state is snapshot.state
            assert after.live == snapshot.live


@pytest.mark.parametrize("name", NOT_LOCATED)
@pytest.mark.parametrize("candidates", [CANDIDATES, CANDIDATES[:1], ()], ids=["two", "one", "none"])
def test_without_a_repository_every_event_has_a_lawful_answer(
    name: str, candidates: tuple[Candidate, ...]
) -> None:
    snapshot = NOT_LOCATED[name]
    for event in every_event(snapshot):
        decision = decide(snapshot, event, None, candidates)
        lawful(snapshot, event, decision)
        assert decision.snapshot is not None
        if decision.snapshot == snapshot:
            assert decision.effects == ()
            continue
        clear(decision.snapshot, None)
        shown(decision.snapshot, decision, None)
        # Whatever policy there is does not count before its repository is chosen.
        assert decide(snapshot, event, POLICY, candidates) == decision


@pytest.mark.parametrize("state", State)
def test_whatever_state_lost_its_repository_no_run_starts(state: State) -> None:
    snapshot = SNAPSHOTS[state].model_copy(update={"repository": ""})
    for event in every_event(snapshot):
        for candidates in (CANDIDATES, ()):
            decision = decide(snapshot, event, POLICY, candidates)
            assert not any(isinstance(effect, StartRun) for effect in decision.effects)


@pytest.mark.parametrize("state", State)
def test_another_repository_is_asked_for_lawfully_wherever_that_is_allowed(state: State) -> None:
    snapshot = SNAPSHOTS[state]
    for by in PEOPLE:
        event = Chose(
            key="k", request=REQUEST, at=LATER, by=by, card="progress", choice=Choice.OTHER_REPOSITORY
        )
        decision = decide(snapshot, event, POLICY, CANDIDATES)
        lawful(snapshot, event, decision)
        assert decision.snapshot is not None
        early = not {State.WORKING, State.REVIEWING} & set(snapshot.states) and not snapshot.state.ended
        moved = early and by in {ASKER, DANA}
        assert (decision.snapshot.repository == "") == moved
        if moved:
            clear(decision.snapshot, None)
            shown(decision.snapshot, decision, None)
        else:
            assert decision.snapshot == snapshot
            assert decision.reply.sign is Sign.ONLY_YOU


@pytest.mark.parametrize("state", State)
def test_an_end_of_any_kind_of_run_is_survived_anywhere(state: State) -> None:
    base = SNAPSHOTS[state]
    for kind in RunKind:
        for about in ("", "look1", "build", base.head or COMMIT):
            stray = Live(id="stray", kind=kind, about=about)
            snapshot = base.model_copy(update={"live": (*base.live, stray)})
            for result in every_result(base.head or COMMIT):
                event = RunFinished(key="r", request=REQUEST, at=LATER, run="stray", result=result)
                decision = decide(snapshot, event, POLICY)
                assert decision.snapshot is not None
                assert Snapshot.model_validate_json(decision.snapshot.model_dump_json()) == decision.snapshot
                assert all(run.id != "stray" for run in decision.snapshot.live)


@pytest.mark.parametrize("state", State)
def test_another_team_changes_nothing_and_is_told_so(state: State) -> None:
    snapshot = SNAPSHOTS[state]
    for event in by_people(snapshot, FOREIGN):
        decision = decide(snapshot, event, POLICY)
        assert decision.snapshot == snapshot
        assert decision.effects == ()
        assert decision.reply.sign is Sign.ONLY_YOU


@pytest.mark.parametrize("state", [state for state in State if not state.ended])
def test_stop_ends_everything_in_every_state(state: State) -> None:
    snapshot = SNAPSHOTS[state]
    stopped = decide(snapshot, Stopped(key="s", request=REQUEST, at=LATER, by=BYSTANDER), POLICY).snapshot
    assert stopped is not None
    assert stopped.state is State.STOPPED
    assert stopped.ended_by == BYSTANDER
    for event in (*every_event(snapshot), *every_event(stopped)):
        decision = decide(stopped, event, POLICY)
        assert decision.snapshot == stopped
        assert decision.effects == ()


def test_without_a_request_only_a_mention_does_anything() -> None:
    for event in every_event(SNAPSHOTS[State.WORKING]):
        decision = decide(None, event, POLICY)
        assert (decision.snapshot is not None) == (
            isinstance(event, Opened) and event.request.startswith(f"{event.by.team}:")
        )
