"""A story that writes down each event and all that is decided of it, a line a change."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Self

from pydantic import BaseModel

from engine.decide import Decision, hearing
from engine.decide import feedback as feedback_module
from engine.events import AtTheForge, Choice, Due, Event, Result, RunFinished, Sign, ToldApart, Triaged
from engine.people import Person
from engine.request import (
    CancelRuns,
    Effect,
    HoldRuns,
    Live,
    Policy,
    ReleaseRuns,
    RunKind,
    ShowCard,
    Snapshot,
    StartRun,
    State,
)
from engine.schemas import MessageKind
from tests.engine.stories import LEADS, Story
from tests.engine.strategies import ASKER, DRAFT, PLANS, POLICY, QUESTIONS, START

NAMES = {"U1": "Asker", "U2": "Dana", "U3": "Erin", "U4": "Bystander"}
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_LONG_ID = re.compile(r"\b([0-9a-f])\1{39}\b")
_RUN_OF_ONE = re.compile(r"(\D)\1{49,}")
_SPEC_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_LONGEST_TITLE = 150
_UNTOLD = {"counter", "live", "states"}  # told by the effects, by their own line, by `state`


def _plain(value: BaseModel) -> Any:
    return value.model_dump(mode="json", exclude_defaults=True)


_KNOWN = [
    (_plain(DRAFT), "the draft"),
    *((_plain(plan), f"plan {number}") for number, plan in enumerate(PLANS, 1)),
    ([_plain(one) for one in QUESTIONS.questions], "the questions"),
]


class Written(Story):
    """A story; `lines` is what happened, for people to read."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.lines: list[str] = []
        self._only_tried = False

    def quietly(self) -> Self:
        """What came so far is told elsewhere."""
        self.lines.clear()
        return self

    def tries(self, act: Callable[[], object]) -> None:
        """What would come of it; it is as if it had not happened."""
        stored, at, nested = self.stored, self.at, self._only_tried
        self._only_tried = True
        act()
        self.stored, self.at, self._only_tried = stored, at, nested

    def tries_all(self, *people: Person, text: str = "Advice") -> None:
        """What would come of each option of the card that asks, by each of these people."""
        asked = self.now.escalation
        assert asked is not None
        card = f"escalation:{asked.number}"
        for offer in asked.offers:
            if offer.choice is Choice.STOP:
                continue  # told once
            words = offer.label if offer.choice is Choice.PICK else text if offer.asks else ""
            for by in people:
                self.tries(partial(self.chooses, by, card, offer.choice, words, offer.item))
            if offer.asks:
                self.tries(partial(self.chooses, ASKER, card, offer.choice))

    def seen(self, event: type[AtTheForge], **more: object) -> None:
        """A look at the pull request brings this."""
        self.happens(event.model_validate({**self.common(), "number": 7, **more}))

    def told_apart(self, *kinds: MessageKind, **more: object) -> None:
        """The messages or remarks that the call under way reads, in their order."""
        live = next(run for run in self.now.live if run.kind is RunKind.TRIAGE)
        feedback = feedback_module.to_tell_apart(self.now, live.about)
        waiting = [one.remark.id for one in feedback] or [one.ts for one in hearing.batch(self.now)]
        first, *others = [
            ToldApart.model_validate({"message": name, "kind": kind, "title": f"Title of {kind}", **more})
            for name, kind in zip(waiting, kinds, strict=False)
        ]
        self.ends(live.kind, Triaged(**first.model_dump(), others=tuple(others)), live.about)

    def happens(self, event: Event) -> Decision:
        before = self.stored
        decision = super().happens(event)
        runs = {run.id: run for one in (before, decision.snapshot) if one for run in one.live}
        title = f"{'If ' if self._only_tried else ''}{_said(event, runs)}"
        shown = title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"
        self.lines += ["", f"## {shown}", *_decided(before, decision, runs)]
        return decision


def at(state: State, policy: Policy = POLICY) -> Written:
    """A request in this state; how it came there is told elsewhere."""
    story = Written(policy)
    story.opened()
    if led := LEADS.get(state):
        led(story)
    else:
        story.goes_on(until=state)
    assert story.now.state is state
    return story.quietly()


def _said(event: Event, runs: Mapping[str, Live]) -> str:
    """The event in a line."""
    if isinstance(event, RunFinished):
        live = runs.get(event.run)
        return f"{_run(live) if live else event.run} ends: {_result(event.result)}"
    if isinstance(event, Due):
        return f"it is {_text(event.at)}"
    body = _plain(event)
    by = _text(body.pop("by")) if "by" in body else "at the forge" if "number" in body else "the chat"
    for name in ("key", "request", "at", "kind", "channel", "thread_ts", "number"):
        body.pop(name, None)
    if "hash" in body:
        body["hash"] = "…"
    return f"{by}: {event.kind} {_text(body)}"


def _result(result: Result) -> str:
    return f"{type(result).__name__.lower()} {_text(_plain(result))}"


def _decided(before: Snapshot | None, decision: Decision, runs: Mapping[str, Live]) -> Iterator[str]:
    after = decision.snapshot
    if after is None:
        yield "no request"
    elif after == before:
        yield "nothing changes"
    else:
        yield from _changes("", _state(before), _state(after))
        entered = after.states[len(before.states) if before else 0 :]
        if len(entered) > 1 or (entered and entered[-1] is not after.state):
            yield f"by way of: {', '.join(entered)}"
        yield from _live(before, after)
    for effect in decision.effects:
        yield f"=> {_effect(effect, runs)}"
    if decision.reply.sign is not Sign.NOTHING:
        yield f"({decision.reply.sign.value}: {decision.reply.text})"


def _state(snapshot: Snapshot | None) -> dict[str, Any]:
    if snapshot is None:
        return {}
    return {name: value for name, value in _plain(snapshot).items() if name not in _UNTOLD}


def _live(before: Snapshot | None, after: Snapshot) -> Iterator[str]:
    old, new = (set(one.live) if one else set() for one in (before, after))
    gone, come = sorted(map(_run, old - new)), sorted(map(_run, new - old))
    if gone or come:
        yield "runs: " + ", ".join([*(f"-{one}" for one in gone), *(f"+{one}" for one in come)])


def _run(live: Live) -> str:
    return f"{live.kind.value} {_text(live.about)}".strip()


def _effect(effect: Effect, runs: Mapping[str, Live]) -> str:
    match effect:
        case ShowCard():
            return f"show {effect.card}"
        case StartRun():
            return f"start {effect.kind.value} {_text(effect.about)}".rstrip()
        case CancelRuns() | HoldRuns() | ReleaseRuns():
            named = ", ".join(_run(runs[one]) if one in runs else "?" for one in effect.runs)
            return f"{effect.do.partition('_')[0]} {named}"
        case _:
            return _text(effect.model_dump(mode="json"))


def _changes(path: str, before: Any, after: Any) -> Iterator[str]:
    """A line for each thing that differs."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict) and not _is_person(before):
        for name in sorted(before.keys() | after.keys()):
            yield from _changes(f"{path}.{name}".lstrip("."), before.get(name), after.get(name))
    elif isinstance(after, list | None) and isinstance(before, list | None) and (before or after):
        yield from _list_changes(path, before or [], after or [])
    elif before is None:
        yield f"{path}: {_text(after)}"
    else:
        yield f"{path}: {_text(before)} -> {_text(after)}"


def _list_changes(path: str, old: list[Any], new: list[Any]) -> Iterator[str]:
    if len(new) < len(old):
        rest = [one for one in old if one in new]
        if new[: len(rest)] != rest:
            yield f"{path}: {_text(old)} -> {_text(new)}"
            return
        yield from (f"{path}: -{_text(one)}" for one in old if one not in new)
        yield from (f"{path}: +{_text(one)}" for one in new[len(rest) :])
        return
    for index, one in enumerate(new):
        yield from _changes(f"{path}[{index + 1}]", old[index] if index < len(old) else None, one)


def _is_person(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"team", "user"}


def _text(value: Any) -> str:
    for known, name in _KNOWN:
        if value == known:
            return f"<{name}>"
    if isinstance(value, datetime):
        return _since(value)
    if _is_person(value):
        return NAMES[value["user"]] if value["team"] == "T1" else f"{value['user']} of {value['team']}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_text(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    if not isinstance(value, str):
        return "nothing" if value is None else str(value)
    value = _RUN_OF_ONE.sub(lambda found: f"{found[1]}*{len(found[0])}", value)
    short = _LONG_ID.sub(lambda found: f"{found[1]}…", value)
    short = _SPEC_HASH.sub("…", short).replace("\n", " / ")
    return _TIME.sub(lambda found: _since(datetime.fromisoformat(found[0])), short)


def _since(at: datetime) -> str:
    """A time, as days and minutes since the beginning."""
    minutes = (at - START).total_seconds() / 60
    days, rest = divmod(minutes, 1440)
    return f"day {days:.0f} {rest:g} min"
