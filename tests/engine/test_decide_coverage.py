"""Which states meet which events, counted and printed; and what a second click of the same kind does."""

import sys
from collections.abc import Iterator
from typing import get_args

import pytest

from engine.decide import decide
from engine.events import Approved, Choice, Chose, Event, Linked, Result, RunFinished, Stopped, Submitted
from engine.request import Live, RunKind, Snapshot, StartRun, State
from tests.engine.stories import COMMIT
from tests.engine.strategies import DANA, POLICY, REQUEST, every_result
from tests.engine.test_decide_total import LATER, SNAPSHOTS, every_event

CLICKS = (Approved, Chose, Stopped, Submitted)


def kinds(union: object) -> set[str]:
    """The names of a union's members, as their discriminator has them."""
    members = get_args(get_args(union)[0]) or get_args(union)
    field = "kind" if union is Event else "of"
    return {member.model_fields[field].default for member in members}


def all_events(snapshot: Snapshot) -> Iterator[tuple[Snapshot, Event]]:
    """Every kind of event at a request, with what a run of every kind can end as."""
    for event in every_event(snapshot):
        yield snapshot, event
    yield snapshot, Linked(key="l", request=REQUEST, at=LATER, wish="9.0", follow_up="T1:C1:9.0")
    for kind in RunKind:
        ending = snapshot.model_copy(update={"live": (*snapshot.live, Live(id="stray", kind=kind, about=""))})
        for result in every_result(snapshot.head or COMMIT):
            yield ending, RunFinished(key="r", request=REQUEST, at=LATER, run="stray", result=result)


def test_every_state_meets_every_event_every_choice_and_every_end_of_a_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cells: set[tuple[State, str]] = set()
    chosen: set[tuple[State, Choice]] = set()
    ended: set[tuple[State, RunKind, str]] = set()
    count = changed = 0
    for state, reached in SNAPSHOTS.items():
        for snapshot, event in all_events(reached):
            decision = decide(snapshot, event, POLICY)
            assert decision.snapshot is not None  # that it is lawful is proved in test_decide_total
            count, changed = count + 1, changed + (decision.snapshot != snapshot)
            cells.add((state, event.kind))
            if isinstance(event, Chose):
                chosen.add((state, event.choice))
            if isinstance(event, RunFinished):
                run = next(live for live in snapshot.live if live.id == event.run)
                ended.add((state, run.kind, event.result.of))
    every_cell = {(state, kind) for state in State for kind in kinds(Event)}
    every_choice = {(state, choice) for state in State for choice in Choice}
    every_end = {(state, kind, of) for state in State for kind in RunKind for of in kinds(Result)}
    with capsys.disabled():
        sys.stdout.write(
            f"\ndecide: {count} decisions ({changed} changed something); "
            f"states x events {len(cells)}/{len(every_cell)}, "
            f"states x choices {len(chosen)}/{len(every_choice)}, "
            f"states x runs x ends {len(ended)}/{len(every_end)}\n"
        )
    assert every_cell - cells == set()
    assert every_choice - chosen == set()
    assert every_end - ended == set()


@pytest.mark.parametrize("state", State)
def test_the_same_click_once_more_starts_no_run_again(state: State) -> None:
    snapshot = SNAPSHOTS[state]
    for event in every_event(snapshot):
        if isinstance(event, CLICKS) and event.by == DANA:
            first = decide(snapshot, event, POLICY)
            assert first.snapshot is not None
            second = decide(first.snapshot, event.model_copy(update={"key": "again"}), POLICY)
            assert starts(first.effects) & starts(second.effects) == set(), event


def starts(effects: tuple[object, ...]) -> set[tuple[RunKind, str]]:
    return {(effect.kind, effect.about) for effect in effects if isinstance(effect, StartRun)}
