"""How a decision is put together: a snapshot that is changed step by step, effects in order."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from engine.events import Cause, Choice, Reply, Sign
from engine.people import Person
from engine.request import (
    CancelRuns,
    Effect,
    Escalation,
    HoldRuns,
    Live,
    Offer,
    OpenThread,
    Post,
    PushFate,
    ReleaseRuns,
    RunKind,
    ShowCard,
    Snapshot,
    SpecFate,
    StartRun,
    State,
    TaskStatus,
    WriteRecord,
)

STOP = Offer(
    choice=Choice.STOP, label="Stop here", tradeoff="Nothing more happens; this thread keeps the record."
)


_OF_FINDINGS = {Cause.CRITICAL, Cause.ROUNDS}


class Decision(BaseModel):
    """What an event does.

    Attributes:
        snapshot: The state from now on; None: the event concerns no request and is not stored.
        effects: In order; effect i has the id `REQUEST/(counter before + i + 1)` and the new epoch.
        reply: What the one who caused the event is told.
    """

    model_config = ConfigDict(frozen=True)

    snapshot: Snapshot | None
    effects: tuple[Effect, ...] = ()
    reply: Reply = Reply()


def unchanged(snapshot: Snapshot | None) -> Decision:
    """Nothing happens; the event stays in the journal."""
    return Decision(snapshot=snapshot)


def only_you(snapshot: Snapshot | None, text: str) -> Decision:
    """Nothing changes, and the one who tried is told why."""
    return Decision(snapshot=snapshot, reply=Reply(sign=Sign.ONLY_YOU, text=text))


def again(snapshot: Snapshot, text: str) -> Decision:
    """What was typed cannot be taken: said in its form, which stays open. It is as if nothing had come."""
    return Decision(snapshot=snapshot, reply=Reply(sign=Sign.AGAIN, text=text))


class Moves:
    """Collects the changes and effects of one decision."""

    def __init__(self, snapshot: Snapshot, at: datetime) -> None:
        self.now = snapshot
        self.at = at
        self._effects: list[Effect] = []
        self._reply = Reply()

    def set(self, **changes: Any) -> None:
        """Change fields of the snapshot."""
        self.now = self.now.model_copy(update=changes)

    def enter(self, state: State) -> None:
        """Go to a state; whatever was waited for is no longer."""
        changes = state is not self.now.state
        if changes:
            self.set(states=(*self.now.states, state))
        self.set(state=state, due_at=None, reminded=False)
        if changes and self.now.scope_shown:
            self.show("scope:1")  # what can be chosen about wishes depends on the state

    def wait(self) -> None:
        """Wait for people: a reminder first, then expiry."""
        self.set(due_at=self.at + timedelta(seconds=self.now.remind_after_s), reminded=False)

    def end(self, state: State, because: str, by: Person | None = None) -> None:
        """Go to a final state."""
        self.enter(state)
        self.set(ended_because=because, ended_by=by, hold=None)

    def show(self, card: str) -> None:
        """Post or update a card."""
        self._add(ShowCard(card=card))

    def start(self, kind: RunKind, about: str = "") -> None:
        """Start a run and count it as live."""
        self._add(StartRun(kind=kind, about=about))
        run = Live(id=f"{self.now.id}/{self.now.counter}", kind=kind, about=about)
        self.set(live=(*self.now.live, run))

    def open_thread(self, wish: str) -> None:
        """Begin a thread for a wish."""
        self._add(OpenThread(wish=wish))

    def record(self) -> None:
        """Bring the record on the pull request up to date."""
        self._add(WriteRecord())

    def restart(self, runs: tuple[Live, ...]) -> None:
        """Start runs of the same kind and subject again."""
        for run in runs:
            self.start(run.kind, run.about)

    def cancel_live(self) -> None:
        """Cancel every live run; their ends no longer count, and their tasks wait again."""
        self._cancel(self.now.live)

    def cancel_work(self) -> None:
        """Cancel every live run but those that tell messages apart: no word of the thread is lost."""
        self._cancel(tuple(run for run in self.now.live if run.kind is not RunKind.TRIAGE))

    def _cancel(self, runs: tuple[Live, ...]) -> None:
        if not runs:
            return
        self._add(CancelRuns(runs=tuple(run.id for run in runs)))
        cut = {run.about for run in runs if run.kind is RunKind.TASK}
        tasks = tuple(
            task.model_copy(update={"status": TaskStatus.PENDING}) if task.id in cut else task
            for task in self.now.tasks
        )
        self.set(live=tuple(run for run in self.now.live if run not in runs), tasks=tasks)

    def hold_live(self) -> None:
        """Interrupt every live run but those that tell messages apart; they stay live."""
        if runs := self._works():
            self._add(HoldRuns(runs=runs))

    def release_live(self) -> None:
        """Let the live runs go on that were held, or were not started because of it."""
        if runs := self._works():
            self._add(ReleaseRuns(runs=runs))

    def _works(self) -> tuple[str, ...]:
        return tuple(run.id for run in self.now.live if run.kind is not RunKind.TRIAGE)

    def renew(self) -> None:
        """Begin a new epoch: nothing of the old one goes on, but its messages are still told apart."""
        self.raise_epoch()
        self.cancel_live()
        if self.now.heard:
            self.start(RunKind.TRIAGE, self.now.heard[0].ts)
        for feedback in self.now.feedback:
            if feedback.untold:
                self.start(RunKind.TRIAGE, f"feedback:{feedback.number}")

    def raise_epoch(self) -> None:
        """Effects and runs of the old epoch that have not happened will not."""
        self.set(epoch=self.now.epoch + 1)

    def post(self, text: str, to: Person | None = None, also: Sequence[Person] = ()) -> None:
        """Post a plain message, to one person, to several, or to everybody here."""
        self.set(posts=(*self.now.posts, Post(text=text, to=to, also=tuple(also))))
        self.show(f"note:{len(self.now.posts)}")

    def escalate(
        self,
        state: State,
        cause: Cause,
        situation: str,
        offers: tuple[Offer, ...],
        *,
        attempts: tuple[str, ...] = (),
        recommendation: str = "",
        resume: State | None = None,
        resume_runs: tuple[Live, ...] = (),
        paths: tuple[str, ...] = (),
    ) -> None:
        """Stop here and ask a person. Work under way is cancelled; `resume_runs` start again on request."""
        before = self.now.state
        self.cancel_work()
        self.enter(state)
        number = len(self.now.escalations) + 1
        escalation = Escalation(
            number=number,
            cause=cause,
            situation=situation,
            attempts=attempts,
            offers=offers,
            recommendation=recommendation or offers[0].label,
            resume=resume or before,
            resume_runs=resume_runs,
            paths=paths,
            round=len(self.now.review_rounds) if cause in _OF_FINDINGS else 0,
        )
        self.set(escalations=(*self.now.escalations, escalation))
        self.wait()
        self.show(f"escalation:{number}")

    def close_cards(self) -> None:
        """Show open cards as closed: their buttons do nothing any more."""
        snapshot = self.now
        if snapshot.rounds and snapshot.rounds[-1].submitted_by is None:
            self.show(f"questions:{snapshot.asked}")
        if snapshot.spec and snapshot.spec.fate is SpecFate.OPEN:
            self.show(f"spec:{snapshot.spec.number}")
        if snapshot.escalation and snapshot.escalation.decided is None:
            self.show(f"escalation:{snapshot.escalation.number}")
        if snapshot.pushes and snapshot.pushes[-1].fate is PushFate.OPEN:
            self.show(f"push:{len(snapshot.pushes)}")
        if snapshot.delivery:
            self.show(f"delivery:{snapshot.deliveries}")

    def tell(self, text: str) -> None:
        """Say something to the one who caused the event, and only to them."""
        self._reply = Reply(sign=Sign.ONLY_YOU, text=text)

    def decision(self) -> Decision:
        """The decision, with the progress card brought up to date."""
        self.show("progress")
        return self.quiet_decision()

    def quiet_decision(self) -> Decision:
        """The decision, where the progress card has nothing new to say."""
        return Decision(snapshot=self.now, effects=tuple(self._effects), reply=self._reply)

    def _add(self, effect: Effect) -> None:
        self._effects.append(effect)
        self.set(counter=self.now.counter + 1)
