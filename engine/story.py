"""The journal of a request as a story: who did what when, what came of it, and what it cost. Pure.

Everything told is in the stored events, or in the state that follows from them: no prompt, no model's
conversation. Texts of people and models are cut and made visible; who shows them escapes them.
"""

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from engine import story_forge, story_runs
from engine.counting import count
from engine.events import (
    Answered,
    Approved,
    AtTheForge,
    Cause,
    CheckFailed,
    Choice,
    Chose,
    Closed,
    Deleted,
    Due,
    Event,
    Linked,
    Opened,
    Paused,
    Restarted,
    Resumed,
    RunFinished,
    Said,
    Shared,
    Stopped,
    Submitted,
    Triaged,
    Verified,
)
from engine.people import Person
from engine.request import Escalation, ReviewRound, Snapshot, SpecFate

LONGEST = 400
NOT_COUNTED = "; that did not count"


_OF_MESSAGES = {
    Choice.FINISH_FIRST: "chose to finish first, then to discuss what else was asked for",
    Choice.REDEFINE: "chose to pause and redefine the scope",
    Choice.PRIORITISE: "put the proposed tasks in order",
    Choice.IS_SCOPE: "said that a message is a new wish",
    Choice.IS_SPEC: "said that a message is part of the spec",
    Choice.IS_TALK: "said that a message is just talk",
    Choice.START_WISH: "accepted a proposed task as a request of its own",
    Choice.DROP_WISH: "dropped a proposed task",
}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Line(_Frozen):
    """One thing that happened. `who` is a person's name, an agent's, or "greenlight"."""

    at: datetime
    who: str
    what: str
    details: tuple[str, ...] = ()


class Story(_Frozen):
    """A request's record. `ended` is a sentence once it has ended, else says where it stands."""

    request: str
    title: str
    state: str
    repository: str
    lines: tuple[Line, ...]
    criteria: tuple[str, ...] = ()
    ended: str = ""
    cost_usd: float = 0.0
    tokens: int = 0


def tell(
    snapshot: Snapshot,
    events: Sequence[Event],
    names: Mapping[str, str] | None = None,
    usd: float = 0.0,
    in_vain: Collection[str] = (),
    tokens: int = 0,
) -> Story:
    """The story of a request.

    Args:
        snapshot: The newest state.
        events: The journal, in the order in which it was decided.
        names: What people are called, by user id; others stand by their id.
        usd: What the request has cost so far, in US dollars.
        in_vain: Keys of the events that changed nothing: nobody is told to have done what was refused.
        tokens: What it has read and written so far.
    """
    lines = tuple(_shown(line) for line in _Teller(snapshot, events, names or {}, in_vain).lines())
    current = snapshot.round
    return Story(
        request=snapshot.id,
        title=visible(snapshot.title),
        state=snapshot.state.value,
        repository=snapshot.repository,
        lines=lines,
        criteria=tuple(
            visible(f"{one.id} {one.status.value}: {one.text} ({one.evidence})")
            for one in (current.settled if current else ())
        ),
        ended=visible(snapshot.ended_because),
        cost_usd=usd,
        tokens=tokens,
    )


def visible(text: str, longest: int = LONGEST) -> str:
    """A text on one line, cut, with every invisible or direction-changing character as its number."""
    words = " ".join(text.split())
    words = words if len(words) <= longest else f"{words[: longest - 1]}…"
    return "".join(f"⟨U+{ord(sign):04X}⟩" if unicodedata.category(sign)[0] == "C" else sign for sign in words)


def _shown(line: Line) -> Line:
    return line.model_copy(
        update={
            "who": visible(line.who, 80),
            "what": visible(line.what),
            "details": tuple(visible(detail) for detail in line.details),
        }
    )


class _Teller:
    """Goes through the events once; rounds and escalations are told where they came about."""

    def __init__(
        self,
        snapshot: Snapshot,
        events: Sequence[Event],
        names: Mapping[str, str],
        in_vain: Collection[str],
    ) -> None:
        self._now = snapshot
        self._events = events
        self._names = names
        self._in_vain = in_vain
        self._versions = 0
        self._rounds = iter(snapshot.review_rounds)
        self._round: ReviewRound | None = next(self._rounds, None)
        self._reviews = 0
        self._checked = False

    def lines(self) -> Iterator[Line]:
        raised = _raised(self._now.escalations, self._events)
        for index, event in enumerate(self._events):
            yield from self._of(event)
            for escalation in raised.get(index, ()):
                yield self._escalated(escalation, event.at)

    def _name(self, person: Person) -> str:
        return self._names.get(person.user) or person.user

    def _of(self, event: Event) -> Iterator[Line]:
        if isinstance(event, RunFinished):
            yield from self._run(event)
            return
        if isinstance(event, Due):
            yield Line(at=event.at, who="greenlight", what="noticed that a time had passed")
            return
        if isinstance(event, Restarted):
            return  # what worked goes on as if nothing had been
        if isinstance(event, Shared):
            others = f"another workspace {event.team}".strip()
            what = f"{'shares' if event.shared else 'no longer shares'} the channel"
            yield Line(at=event.at, who=others, what=what)
            return
        if isinstance(event, Deleted):
            yield Line(at=event.at, who="somebody", what=self._deleted(event))
            return
        if isinstance(event, Linked):
            yield Line(at=event.at, who="greenlight", what=f"opened a follow-up: {event.follow_up}")
            return
        if isinstance(event, AtTheForge):
            who, what, details = story_forge.told(event, self._now)
            yield Line(at=event.at, who=who, what=what, details=details)
            return
        what, details = self._deed(event)
        refused = event.key in self._in_vain and not isinstance(event, Said | Opened)
        if refused and NOT_COUNTED not in what:
            what = visible(what, LONGEST - len(NOT_COUNTED)) + NOT_COUNTED
        if what:
            yield Line(at=event.at, who=self._name(event.by), what=what, details=details)

    def _deleted(self, event: Deleted) -> str:
        """The chat does not say who did it."""
        if event.ts == self._now.ts:
            return "deleted the message that asked for it"
        if not event.card:
            return "deleted a message of the thread; what was heard stays"
        counted = event.key not in self._in_vain
        return f"deleted the card {event.card}" + ("; it was posted again" if counted else NOT_COUNTED)

    # ------------------------------------------------------------ people

    def _deed(self, event: Event) -> tuple[str, tuple[str, ...]]:
        match event:
            case Opened():
                first = event.ts == self._now.ts
                return f"{'asked' if first else 'said to Greenlight'}: {event.text}", ()
            case Answered():
                return self._answered(event), ()
            case Submitted():
                return f"submitted the answers of round {event.round}", ()
            case Approved():
                return self._approved(event), ()
            case Said():
                return f"said: {event.text}", ()
            case Chose():
                about = self._about(event.item, *event.picks)
                return self._chose(event), (*about, *((event.text,) if event.text.strip() else ()))
            case Stopped():
                return "stopped it", ()
            case Paused():
                return f"paused it{self._in_vain_of(event)}", ()
            case Resumed():
                return self._resumed(event), ()
        return "", ()

    def _in_vain_of(self, event: Event) -> str:
        return NOT_COUNTED if event.key in self._in_vain else ""

    def _resumed(self, event: Resumed) -> str:
        if event.key in self._in_vain:
            return f"said: {event.text}" if event.text else f"let it go on{NOT_COUNTED}"
        return "let it go on"

    def _answered(self, event: Answered) -> str:
        rounds = self._now.every_round
        known = 0 < event.round <= len(rounds) and 0 <= event.question < len(
            rounds[event.round - 1].questions
        )
        header = rounds[event.round - 1].questions[event.question].header if known else "a question"
        answer = ", ".join(event.labels) or event.text or ("“You decide”" if event.you_decide else "nothing")
        return f"answered {header}: {answer}"

    def _approved(self, event: Approved) -> str:
        what = f"approved version {event.version} of the spec, hash {event.hash[:12]}"
        spec = next((spec for spec in self._now.every_version if spec.number == event.version), None)
        if spec is None or spec.hash != event.hash or event.by not in {a.by for a in spec.approvals}:
            return f"{what}{NOT_COUNTED}"
        return what

    def _approved_push(self, event: Chose) -> str:
        what = f"approved the push of commit {event.item[:10]}"
        push = next((push for push in self._now.pushes if f"push:{push.number}" == event.card), None)
        counted = push and push.held.commit == event.item and event.by in {one.by for one in push.approvals}
        return what if counted else f"{what}{NOT_COUNTED}"

    def _about(self, *messages: str) -> tuple[str, ...]:
        """The words of the messages in the thread that a choice is about."""
        said = {taken.ts: taken.text for taken in self._now.taken}
        said |= {wish.ts: wish.text for wish in self._now.scope_items}
        return tuple(said[ts] for ts in messages if ts in said)

    def _chose(self, event: Chose) -> str:
        kind, _, number = event.card.partition(":")
        if event.choice in _OF_MESSAGES:
            return _OF_MESSAGES[event.choice]
        match event.choice:
            case Choice.CHANGE_SPEC:
                return f"asked for a change of version {number} of the spec"
            case Choice.REJECT_SPEC:
                return f"rejected version {number} of the spec"
            case Choice.APPROVE_PUSH:
                return self._approved_push(event)
            case Choice.CONFIRM:
                return "confirmed that it is done" if self._now.confirmed_by else "confirmed"
            case Choice.NOT_YET:
                return "said that something is missing"
            case Choice.OTHER_REPOSITORY:
                return "pressed “Other repository…”"
        escalation = next((e for e in self._now.escalations if f"escalation:{e.number}" == event.card), None)
        offers = escalation.offers if escalation else ()
        labels = (o.label for o in offers if o.choice is event.choice and o.item in {"", event.item})
        label = next(labels, event.choice.value.replace("_", " "))
        counted = escalation is None or (escalation.decided is not None and escalation.decided.by == event.by)
        return f"chose on {kind} {number}: {label}" + ("" if counted else NOT_COUNTED)

    # ------------------------------------------------------------ runs

    def _run(self, event: RunFinished) -> Iterator[Line]:
        for who, what, details in story_runs.told(event.result, self._now):
            yield Line(at=event.at, who=who, what=what, details=details)
        if event.result.of == "planned":
            yield from self._version(event.at)
        if event.result.of == "reviewed":
            self._reviews += 1
        if isinstance(event.result, Verified) and self._round and event.result.commit == self._round.commit:
            self._checked = True
        yield from self._gate(event.at)

    def _version(self, at: datetime) -> Iterator[Line]:
        self._versions += 1
        spec = next((spec for spec in self._now.every_version if spec.number == self._versions), None)
        if spec is None:
            return
        details = [f"Because: {spec.because}"] if spec.because else []
        plan = ", then ".join(f"{task.id} by {task.agent}" for task in spec.plan.tasks)
        criteria = count(len(spec.draft.criteria), "criterion", "criteria")
        details.append(f"{criteria}, {count(len(spec.draft.artifacts), 'file')}; {plan}")
        if spec.fate is not SpecFate.OPEN:
            by = f" by {self._name(spec.decided_by)}" if spec.decided_by else ""
            details.append(f"It was {spec.fate.value}{by}.")
        what = f"wrote version {spec.number} of the spec, hash {spec.hash[:12]}: {spec.draft.title}"
        yield Line(at=at, who="greenlight", what=what, details=tuple(details))

    def _gate(self, at: datetime) -> Iterator[Line]:
        """The gate's word, once all that the round waited for has come."""
        current = self._round
        if current is None or current.gate is None or not self._checked:
            return
        if self._reviews < len(current.reviews):
            return
        what = f"review round {current.number} of commit {current.commit[:10]}: {current.gate.value}"
        yield Line(at=at, who="greenlight", what=what, details=current.reasons)
        self._round, self._reviews, self._checked = next(self._rounds, None), 0, False

    def _escalated(self, escalation: Escalation, at: datetime) -> Line:
        offers = "; ".join(f"{offer.label} ({offer.tradeoff})" for offer in escalation.offers)
        decided = escalation.decided
        chosen = f"{self._name(decided.by)} decided." if decided else "Nobody has decided yet."
        return Line(
            at=at,
            who="greenlight",
            what=f"asked for a decision ({escalation.cause.value}): {escalation.situation}",
            details=(
                *escalation.attempts,
                f"Options: {offers}",
                f"Advised: {escalation.recommendation}",
                chosen,
            ),
        )


def _raised(escalations: Sequence[Escalation], events: Sequence[Event]) -> dict[int, list[Escalation]]:
    """By index of the event that raised them: the last that can have, before the choice if any was made."""
    raised: dict[int, list[Escalation]] = {}
    for escalation in escalations:
        card = f"escalation:{escalation.number}"
        chosen = [i for i, e in enumerate(events) if isinstance(e, Chose) and e.card == card]
        before = events[: chosen[0]] if chosen else events
        ends = [i for i, e in enumerate(before) if _raises(e, escalation.cause)]
        raised.setdefault(ends[-1] if ends else max(len(before) - 1, 0), []).append(escalation)
    return raised


def _raises(event: Event, cause: Cause) -> bool:
    """Whether such an event asks people this."""
    match cause:
        case Cause.CLOSED:
            return isinstance(event, Closed)
        case Cause.SHARED:
            return isinstance(event, Shared | Opened)
        case Cause.FOLLOWED:
            return isinstance(event, CheckFailed) or (isinstance(event, Chose) and event.choice is Choice.FIX)
        case _:
            return isinstance(event, RunFinished) and not isinstance(event.result, Triaged)
