"""What became of requests, counted from their journals. Pure.

A pull request counts once, however often it was updated. Times are those of the events: a merge's is the
forge's own, where it gave one.
"""

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from pydantic import BaseModel, ConfigDict

from engine.events import Closed, Delivered, Event, Merged, Opened, Reopened, RunFinished, Undrafted
from engine.request import Snapshot, SpecFate, State
from engine.story import visible


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Recorded(_Frozen):
    """A request as it was recorded: its newest state, its journal in order, and what it has cost."""

    snapshot: Snapshot
    events: tuple[Event, ...]
    usd: float


class ClosedPull(_Frozen):
    """A pull request that was closed without a merge; `reason`: the last words of who closed it, if any."""

    request: str
    number: int
    login: str
    reason: str


class Stats(_Frozen):
    """Counts of requests, and of their pull requests.

    Attributes:
        requests: By the team they came from.
        undrafted: Marked as ready for review, or merged.
        open: Neither merged nor closed, as far as anybody has looked.
        hours_to_draft, hours_to_merge: Medians from the mention on; None if there is none.
    """

    requests: dict[str, int]
    specs_approved: int
    drafts: int
    undrafted: int
    merged: int
    closed: int
    open: int
    hours_to_draft: float | None
    hours_to_merge: float | None
    cost_usd: float
    closed_pulls: tuple[ClosedPull, ...] = ()


class _Pull(_Frozen):
    """A pull request of a request, as its events tell it."""

    number: int
    opened_at: datetime
    undrafted: bool = False
    merged_at: datetime | None = None
    closed: Closed | None = None


def count(records: Sequence[Recorded]) -> Stats:
    """Count what became of these requests."""
    requests: dict[str, int] = {}
    to_draft: list[float] = []
    to_merge: list[float] = []
    every: list[_Pull] = []
    closed: list[ClosedPull] = []
    for record in records:
        now = record.snapshot
        requests[now.team] = requests.get(now.team, 0) + 1
        asked_at = next((e.at for e in record.events if isinstance(e, Opened)), now.opened_at)
        pulls = _pulls(record.events)
        every += pulls
        if pulls:
            to_draft.append(_hours(asked_at, pulls[0].opened_at))
        to_merge += [_hours(asked_at, pull.merged_at) for pull in pulls if pull.merged_at]
        closed += [_closed(now.id, pull.closed) for pull in pulls if pull.closed]
    return Stats(
        requests=requests,
        specs_approved=sum(_approved(record.snapshot) for record in records),
        drafts=len(every),
        undrafted=sum(pull.undrafted or pull.merged_at is not None for pull in every),
        merged=sum(pull.merged_at is not None for pull in every),
        closed=len(closed),
        open=sum(pull.merged_at is None and pull.closed is None for pull in every),
        hours_to_draft=median(to_draft) if to_draft else None,
        hours_to_merge=median(to_merge) if to_merge else None,
        cost_usd=sum(record.usd for record in records),
        closed_pulls=tuple(closed),
    )


def _pulls(events: Sequence[Event]) -> list[_Pull]:
    """Those of one request, in the order in which they were opened."""
    pulls: dict[int, _Pull] = {}
    for event in events:
        if isinstance(event, RunFinished) and isinstance(event.result, Delivered):
            number = event.result.number
            pulls.setdefault(number, _Pull(number=number, opened_at=event.at))
        elif isinstance(event, Undrafted | Merged | Closed | Reopened) and event.number in pulls:
            pulls[event.number] = pulls[event.number].model_copy(update=_change(event))
    return list(pulls.values())


def _change(event: Undrafted | Merged | Closed | Reopened) -> dict[str, object]:
    match event:
        case Undrafted():
            return {"undrafted": True}
        case Merged():
            return {"merged_at": event.since or event.at, "closed": None}
        case Closed():
            return {"closed": event}
        case Reopened():
            return {"closed": None}


def _closed(request: str, event: Closed) -> ClosedPull:
    return ClosedPull(
        request=request, number=event.number, login=visible(event.login, 80), reason=visible(event.words, 200)
    )


def _approved(snapshot: Snapshot) -> bool:
    """Whether a version was ever approved; one that work began on may be superseded by now."""
    return State.WORKING in snapshot.states or any(s.fate is SpecFate.APPROVED for s in snapshot.specs)


def _hours(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds() / 3600)
