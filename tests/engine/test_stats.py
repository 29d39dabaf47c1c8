"""What `greenlight stats` counts, from journals alone."""

from datetime import timedelta

from bot.inspecting import counted
from engine.events import Closed, Event, Merged, Opened, Reopened, RunFinished, Undrafted
from engine.request import State
from engine.stats import Recorded, count
from tests.engine.stories import COMMIT, reached
from tests.engine.strategies import ASKER, REQUEST, START, delivered

HOUR = timedelta(hours=1)


def recorded(*after: Event, state: State = State.DELIVERED) -> Recorded:
    """A request that was asked at START and whose draft was opened two hours later."""
    opened = Opened(
        key="o", request=REQUEST, at=START, by=ASKER, text="t", channel="C1", ts="1.0", thread_ts="1.0"
    )
    draft = RunFinished(key="d", request=REQUEST, at=START + 2 * HOUR, run="r", result=delivered(COMMIT))
    events = (opened, draft, draft.model_copy(update={"at": START + 9 * HOUR}), *after)
    return Recorded(snapshot=reached(state).now, events=events, usd=0.5)


def at_the_forge(kind: type[Event], hours: float, **more: object) -> Event:
    common = {"key": kind.__name__, "request": REQUEST, "at": START + hours * HOUR, "number": 7}
    return kind.model_validate({**common, **more})


CLOSED = at_the_forge(Closed, 5, login="bob", words="We do it\u202e elsewhere")


def test_each_pull_request_counts_once_as_what_became_of_it() -> None:
    merged = at_the_forge(Merged, 30, login="bob", since=START + 6 * HOUR)
    unfinished = Recorded(snapshot=reached(State.AWAITING_APPROVAL).now, events=(), usd=0.25)

    stats = count(
        [
            recorded(at_the_forge(Undrafted, 4)),
            recorded(CLOSED, at_the_forge(Reopened, 6), merged),
            recorded(CLOSED),
            unfinished,
        ]
    )

    assert (stats.requests, stats.specs_approved, stats.drafts) == ({"T1": 4}, 3, 3)
    assert (stats.undrafted, stats.merged, stats.closed, stats.open) == (2, 1, 1, 1)
    assert (stats.hours_to_draft, stats.hours_to_merge, stats.cost_usd) == (2, 6, 1.75)


def test_the_table_names_what_was_closed_and_why_and_what_was_only_played() -> None:
    lines = counted(count([recorded(CLOSED)]), "T1").splitlines()

    assert lines[0].split(maxsplit=2) == [
        "Requests",
        "opened",
        "1  (1 of them played in the demo's local Slack)",
    ]
    assert "From mention to draft   2 h 00 min (median)" in lines
    assert "From mention to merge   -" in lines
    assert lines[-1] == f"  {REQUEST}  #7 by bob: We do it⟨U+202E⟩ elsewhere"


def test_nothing_is_counted_where_there_is_nothing() -> None:
    table = counted(count([]), "T1")
    assert table.startswith("Requests opened         0\n")
    assert "local Slack" not in table
