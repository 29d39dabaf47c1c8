"""A request led along the good way, step by step, for tests that begin somewhere in the middle."""

from collections.abc import Callable
from datetime import datetime, timedelta

from engine.decide import Decision, decide
from engine.events import (
    Answered,
    Approved,
    Cause,
    Choice,
    Chose,
    Due,
    Event,
    Failed,
    Opened,
    Result,
    RunFinished,
    Said,
    Stopped,
    Submitted,
)
from engine.people import Person
from engine.request import Candidate, Policy, RunKind, Snapshot, State
from engine.schemas import Plan, Severity
from tests.engine.laws import lawful
from tests.engine.strategies import (
    ASKER,
    DANA,
    PLAN,
    POLICY,
    REQUEST,
    START,
    good_end,
    reviewed,
    verified,
)

COMMIT = "c" * 40


class Story:
    """One thread: `now` is its state, `last` the latest decision.

    Attributes:
        candidates: The channel's repositories with their policies; `policy` holds where there are none.
    """

    def __init__(
        self, policy: Policy = POLICY, plan: Plan = PLAN, candidates: tuple[Candidate, ...] = ()
    ) -> None:
        self.policy: Policy | None = policy
        self.candidates = candidates
        self.plan = plan
        self.at: datetime = START
        self.last = Decision(snapshot=None)
        self.stored: Snapshot | None = None

    @property
    def now(self) -> Snapshot:
        assert self.stored is not None
        return self.stored

    @property
    def told(self) -> str:
        """What the last one who acted was told."""
        return self.last.reply.text

    def happens(self, event: Event) -> Decision:
        self.last = decide(self.stored, event, self._its_policy(event), self.candidates)
        lawful(self.stored, event, self.last)
        self.stored = self.last.snapshot
        return self.last

    def _its_policy(self, event: Event) -> Policy | None:
        """As the engine finds it: by the stored repository's name, or the one that a follow-up comes with."""
        name = self.stored.repository if self.stored else getattr(event, "repository", "")
        known = {one.policy.repository: one.policy for one in self.candidates}
        return known.get(name) if self.candidates else self.policy

    def common(self) -> dict[str, object]:
        self.at += timedelta(minutes=1)
        return {"key": str(self.at), "request": REQUEST, "at": self.at}

    # ------------------------------------------------------------ people

    def opened(self, text: str = "Add a metric", by: Person = ASKER, **more: object) -> "Story":
        event = {**self.common(), "by": by, "text": text, "channel": "C1", "ts": "1.0", "thread_ts": "1.0"}
        self.happens(Opened.model_validate(event | more))
        return self

    def answers(self, by: Person, index: int, number: int = 1, **given: object) -> None:
        event = {**self.common(), "by": by, "round": number, "question": index, **given}
        self.happens(Answered.model_validate(event))

    def submits(self, by: Person = ASKER, number: int = 1) -> None:
        self.happens(Submitted.model_validate({**self.common(), "by": by, "round": number}))

    def approves(self, by: Person = DANA, **other: object) -> None:
        spec = self.now.spec
        assert spec is not None
        event = {**self.common(), "by": by, "version": spec.number, "hash": spec.hash, **other}
        self.happens(Approved.model_validate(event))

    def chooses(self, by: Person, card: str, choice: Choice, text: str = "", item: str = "") -> None:
        event = {**self.common(), "by": by, "card": card, "choice": choice, "text": text, "item": item}
        self.happens(Chose.model_validate(event))

    def says(self, text: str, by: Person = ASKER, *, mentions: bool = False) -> None:
        event = {**self.common(), "by": by, "text": text, "mentions_bot": mentions}
        self.happens(Said.model_validate({**event, "ts": event["key"]}))

    def stops(self, by: Person = ASKER) -> None:
        self.happens(Stopped.model_validate({**self.common(), "by": by}))

    def waits(self) -> None:
        """Until the alarm."""
        due_at = self.now.due_at
        assert due_at is not None
        self.at = due_at
        self.happens(Due(key=f"due:{due_at}", request=REQUEST, at=due_at))

    # ------------------------------------------------------------ runs

    def ends(self, kind: RunKind, result: Result, about: str | None = None) -> None:
        """The live run of this kind comes back."""
        live = next(run for run in self.now.live if run.kind is kind and about in {None, run.about})
        self.happens(RunFinished.model_validate({**self.common(), "run": live.id, "result": result}))

    def goes_on(self, *, until: State) -> "Story":
        """Every run comes back well, questions are answered and the spec approved, up to a state."""
        for _ in range(60):
            if self.now.state is until:
                return self
            self._step()
        raise AssertionError(f"{self.now.state} is where it stays")

    def _step(self) -> None:
        if self.now.state is State.AWAITING_APPROVAL:
            self.approves()
        elif self.now.state is State.CLARIFYING and not self.now.live:
            for index, question in enumerate(self.now.rounds[-1].questions):
                self.answers(ASKER, index, self.now.asked, labels=(question.options[0].label,))
            self.submits(number=self.now.asked)
        else:
            live = self.now.live[0]
            new = f"{len(self.now.tasks):x}" * 40 if self.now.review_rounds else COMMIT
            self.ends(live.kind, good_end(live, self.now, self.plan, new), live.about)

    def review_ends(self, *severities: Severity, exit_code: int = 0, of: str = "") -> None:
        """The round's checks and reviews come back; checks `of` another commit settle nothing."""
        head = self.now.head
        self.ends(RunKind.VERIFY, verified(of or head, exit_code=exit_code), head)
        for live in [run for run in self.now.live if run.kind is RunKind.REVIEW]:
            self.ends(RunKind.REVIEW, reviewed(head, *severities, by=live.about), live.about)


def reached(state: State) -> Story:
    """A request in this state."""
    story = Story().opened()
    led = LEADS.get(state)
    if led is None:
        return story.goes_on(until=state)
    led(story)
    assert story.now.state is state
    return story


def _clarifying(story: Story) -> None:
    story.goes_on(until=State.CLARIFYING)
    story._step()


def _escalated(story: Story) -> None:
    story.goes_on(until=State.REVIEWING).review_ends(of="d" * 40)


def _done(story: Story) -> None:
    story.goes_on(until=State.DELIVERED).chooses(ASKER, "delivery:1", Choice.CONFIRM)


def _expired(story: Story) -> None:
    story.goes_on(until=State.AWAITING_APPROVAL).waits()
    story.waits()


def _fails(cause: Cause) -> Callable[[Story], None]:
    return lambda story: story.ends(RunKind.ASSESS, Failed(cause=cause, sentence="It broke."))


LEADS: dict[State, Callable[[Story], None]] = {
    State.CLARIFYING: _clarifying,
    State.BLOCKED: lambda story: story.goes_on(until=State.REVIEWING).review_ends(Severity.CRITICAL),
    State.ESCALATED: _escalated,
    State.PAUSED: _fails(Cause.CAP),
    State.FAILED: _fails(Cause.SCRIPT),
    State.DONE: _done,
    State.STOPPED: lambda story: story.stops(),
    State.EXPIRED: _expired,
}
