"""What must hold of every decision, whatever came before it: DESIGN's invariants as plain checks."""

from dataclasses import dataclass, field

from engine.cards import EscalationCard, ProgressCard, PushCard, QuestionsCard, SpecCard
from engine.decide import Decision
from engine.events import (
    Approved,
    AtTheForge,
    Choice,
    Chose,
    Due,
    Event,
    Ruled,
    RunFinished,
    Said,
    Stopped,
    Submitted,
)
from engine.people import Person
from engine.policy import pending_push
from engine.present import Shown, detail, render
from engine.request import (
    CancelRuns,
    GateVerdict,
    OpenThread,
    Policy,
    RunKind,
    ShowCard,
    Snapshot,
    SpecFate,
    StartRun,
    State,
    Status,
    TaskStatus,
    hash_of,
    is_look,
)
from engine.schemas import Fate, Severity
from tests.engine.strategies import BASE, may_approve

ASKS = {State.ESCALATED, State.BLOCKED, State.PAUSED}
BUSY = {State.ASSESSING, State.SPECIFYING, State.WORKING, State.REVIEWING, State.DELIVERING}


@dataclass
class Witness:
    """Keeps its own book of who approved and decided what, from the events alone."""

    clicks: dict[str, set[Person]] = field(default_factory=dict)
    approved: set[str] = field(default_factory=set)
    leave: dict[int, Person] = field(default_factory=dict)
    withdrawn: dict[int, set[str]] = field(default_factory=dict)
    pushes: dict[tuple[int, str], set[Person]] = field(default_factory=dict)
    rounds_alone: int = 0
    rounds_cap: int = 3

    def watch(self, before: Snapshot, event: Event, decision: Decision, policy: Policy) -> None:
        """Note what the event says, then hold the decision against it."""
        after = decision.snapshot
        assert after is not None
        changed = after != before
        if isinstance(event, Chose | Approved) and changed:
            self.rounds_alone = 0
        waited = before.state is State.AWAITING_APPROVAL and before.spec is not None
        if isinstance(event, Approved) and waited and may_approve(policy, event.by):
            self.clicks.setdefault(event.hash, set()).add(event.by)
        if isinstance(event, Chose) and event.choice is Choice.DELIVER_UNCHECKED and changed:
            assert may_approve(policy, event.by)
            self.leave[len(before.review_rounds)] = event.by
        self._note_push(before, event, policy, after)
        if isinstance(event, Chose) and event.choice is Choice.LET_THROUGH and changed:
            assert may_approve(policy, event.by)
            assert after.let_through[-1].commit == before.head
        self._note_withdrawal(before, event)
        self._only_clicks_approve(before, event, after)
        started = [effect for effect in decision.effects if isinstance(effect, StartRun)]
        if any(run.kind in {RunKind.REVIEW, RunKind.DELIVER} or _implements(run) for run in started):
            self._approved_by_enough(before, event, after, policy)
        if any(run.kind is RunKind.DELIVER for run in started):
            self._may_be_delivered(after, policy)
        self.rounds_alone += len(after.review_rounds) - len(before.review_rounds)
        assert self.rounds_alone <= self.rounds_cap

    def _note_push(self, before: Snapshot, event: Event, policy: Policy, after: Snapshot) -> None:
        """A push is approved by clicks of those who may, which name its commit on its own card."""
        known = {(push.number, a.by) for push in before.pushes for a in push.approvals}
        new = {(push.number, a.by) for push in after.pushes for a in push.approvals} - known
        if not new:
            return
        assert isinstance(event, Chose)
        assert event.choice is Choice.APPROVE_PUSH
        assert may_approve(policy, event.by)
        assert event.item == before.head
        assert event.card == f"push:{len(before.pushes)}"
        assert before.pushes[-1].held.whole
        assert new == {(len(before.pushes), event.by)}
        self.pushes.setdefault((len(before.pushes), before.head), set()).add(event.by)

    def _note_withdrawal(self, before: Snapshot, event: Event) -> None:
        """A withdrawal counts if it ends a live dispute, of the round's commit."""
        if not isinstance(event, RunFinished) or not isinstance(event.result, Ruled) or before.round is None:
            return
        about = {run.about for run in before.live if run.id == event.run}
        ruling = event.result.ruling
        valid = ruling is not None and not event.result.invalid and ruling.commit == before.round.commit
        if (
            valid
            and ruling
            and ruling.ruling is Fate.WITHDRAWN
            and about == {f"dispute:{event.result.finding}"}
        ):
            self.withdrawn.setdefault(before.round.number, set()).add(event.result.finding)

    def _only_clicks_approve(self, before: Snapshot, event: Event, after: Snapshot) -> None:
        approvals = {a.by for spec in after.every_version for a in spec.approvals}
        known = {a.by for spec in before.every_version for a in spec.approvals}
        assert approvals <= known or isinstance(event, Approved)
        for spec in after.every_version:
            assert {a.by for a in spec.approvals} <= self.clicks.get(spec.hash, set())
            assert spec.hash == hash_of(spec)

    def _approved_by_enough(self, before: Snapshot, event: Event, after: Snapshot, policy: Policy) -> None:
        spec = after.spec
        assert spec is not None
        assert spec.fate is SpecFate.APPROVED
        if before.state is State.AWAITING_APPROVAL:
            assert isinstance(event, Approved)
            entitled = {p for p in self.clicks.get(spec.hash, set()) if may_approve(policy, p)}
            assert len(entitled) >= policy.approvals
            self.approved.add(spec.hash)
        assert spec.hash in self.approved

    def _may_be_delivered(self, after: Snapshot, policy: Policy) -> None:
        current, spec = after.round, after.spec
        assert current is not None
        assert spec is not None
        assert current.commit == after.head != BASE
        if after.pushes and after.pushes[-1].held.commit == after.head:
            clicked = self.pushes.get((len(after.pushes), after.head), set())
            assert len({p for p in clicked if may_approve(policy, p)}) >= policy.approvals
        entitled = {p for p in self.clicks.get(spec.hash, set()) if may_approve(policy, p)}
        assert len(entitled) >= policy.approvals
        valid = [r for r in current.reviews if r.review and not r.invalid and r.review.commit == after.head]
        assert {r.reviewer for r in valid} >= {*policy.reviewers, *after.reviewers}
        found = [f for r in valid if r.review for f in r.review.findings if f.severity is not Severity.MINOR]
        assert len(found) <= len(self.withdrawn.get(current.number, set()))
        statuses = {s.status for s in current.settled}
        assert statuses
        assert not statuses & {Status.FAILED, Status.JUDGED_UNMET}
        if Status.NOT_CHECKED in statuses:
            assert after.unchecked_by is not None
            assert after.unchecked_by == self.leave.get(current.number)
        else:
            assert current.gate is GateVerdict.PASS


def _implements(run: StartRun) -> bool:
    return run.kind is RunKind.TASK and not is_look(run.about)


def lawful(before: Snapshot | None, event: Event, decision: Decision) -> None:
    """What holds of a decision by itself."""
    after = decision.snapshot
    if after is None:
        assert not decision.effects
        return
    if after is not before:
        assert Snapshot.model_validate_json(after.model_dump_json()) == after
    counted(before, decision)
    located(before, event, decision)
    if before is None:
        return
    if isinstance(event, Said | Due) and not isinstance(event, RunFinished):
        assert [s.fate for s in after.specs] == [s.fate for s in before.specs]
        assert [s.approvals for s in after.specs] == [s.approvals for s in before.specs]
    if isinstance(event, AtTheForge):
        nobody_of_the_chat(before, decision)
    by = getattr(event, "by", None)
    if by is not None and by.team != before.team:
        assert after == before
        assert not decision.effects
        assert decision.reply.text
    if before.state in {State.STOPPED, State.FAILED, State.EXPIRED}:
        assert after == before
        assert not decision.effects
    if isinstance(event, Stopped) and event.by.team == before.team and not before.state.ended:
        assert after.state is State.STOPPED
    if after.state is State.STOPPED and before.state is not State.STOPPED:
        assert after.epoch > before.epoch
        assert not after.live
        assert not any(isinstance(effect, StartRun) for effect in decision.effects)
    assert after.epoch >= before.epoch


def nobody_of_the_chat(before: Snapshot, decision: Decision) -> None:
    """Who did it is a login at the forge: no approval, no stop, no work comes of it (as people are asked)."""
    after = decision.snapshot
    assert after is not None
    assert after.specs == before.specs
    assert after.tasks == before.tasks
    assert (after.epoch, after.confirmed_by, after.scope_items) == (
        before.epoch,
        before.confirmed_by,
        before.scope_items,
    )
    assert after.taken == before.taken
    assert after.state is before.state or {before.state, after.state} <= {State.DELIVERED, State.ESCALATED}
    started = [effect for effect in decision.effects if isinstance(effect, StartRun)]
    assert all(run.kind is RunKind.TRIAGE and run.about.startswith("feedback:") for run in started)
    assert not any(isinstance(effect, CancelRuns | OpenThread) for effect in decision.effects)


def located(before: Snapshot | None, event: Event, decision: Decision) -> None:
    """Nothing runs before a repository is known; people alone choose it, and only before approval."""
    after = decision.snapshot
    assert after is not None
    if not after.repository:
        assert not after.live
        assert not any(isinstance(effect, StartRun) for effect in decision.effects)
        assert after.state is State.CLARIFYING or after.state.ended
    if before is None or before.repository == after.repository:
        return
    assert not before.states or not {State.WORKING, State.REVIEWING, State.DELIVERING} & set(before.states)
    assert not (before.head or before.heard)  # both come with the work, so that neither is left behind
    if after.repository:
        assert isinstance(event, Submitted)
        assert not before.repository
        assert before.rounds[-1].given[0] is not None
        assert before.rounds[-1].given[0].labels == (after.repository,)
        assert not (after.rounds or after.specs or after.tasks or after.assessment or after.base_commit)
    else:
        assert isinstance(event, Chose)
        assert event.choice is Choice.OTHER_REPOSITORY
        assert after.epoch > before.epoch


def counted(before: Snapshot | None, decision: Decision) -> None:
    """Effect i has the number `counter + i + 1`, and `live` is what was started and neither ended nor cut."""
    after = decision.snapshot
    assert after is not None
    first = before.counter if before else 0
    assert after.counter == first + len(decision.effects)
    cancelled = {r for e in decision.effects if isinstance(e, CancelRuns) for r in e.runs}
    started = {}
    for number, effect in enumerate(decision.effects, first + 1):
        if isinstance(effect, StartRun):
            started[f"{after.id}/{number}"] = (effect.kind, effect.about)
    old = {run.id: (run.kind, run.about) for run in before.live} if before else {}
    live = {run.id: (run.kind, run.about) for run in after.live}
    assert len(live) == len(after.live)
    assert live.items() <= (old | started).items()
    assert started.keys() - cancelled <= live.keys()
    assert not cancelled & live.keys()
    if before and after.epoch > before.epoch:
        assert not old.keys() & live.keys()  # runs of an older epoch would never be started


def clear(snapshot: Snapshot, policy: Policy | None) -> None:
    """Either something works, or people are waited for with an open card and a time: never a silent end."""
    working = [
        run
        for run in snapshot.live
        if run.kind is not RunKind.TRIAGE and not _early_look(snapshot, run.about)
    ]
    progress = render(snapshot, "progress", Shown(), policy)
    assert isinstance(progress, ProgressCard)
    assert progress.headline
    running = sorted(t.id for t in snapshot.tasks if t.status is TaskStatus.RUNNING)
    if not snapshot.state.ended:
        assert running == sorted(run.about for run in snapshot.live if run.kind is RunKind.TASK)
    if snapshot.state.ended:
        assert not working
        assert snapshot.due_at is None
        assert snapshot.ended_because
    elif snapshot.hold:
        assert snapshot.due_at is not None
        assert progress.paused_by == snapshot.hold.by
        assert progress.headline.startswith("Paused.")
    elif snapshot.state in BUSY:
        assert working
        assert snapshot.due_at is None
    elif snapshot.state is State.CLARIFYING and working:
        assert [run.kind for run in working] == [RunKind.ASK]
    else:
        assert not working
        assert (
            progress.waiting_for
            or "anyone here" in progress.headline
            or "whoever runs me" in progress.headline
        )
        _waits(snapshot, policy)


def _early_look(snapshot: Snapshot, about: str) -> bool:
    return about == snapshot.base_commit != "" or about == BASE


def _waits(snapshot: Snapshot, policy: Policy | None) -> None:
    if snapshot.state is State.DELIVERED:
        assert snapshot.delivery is not None
        assert snapshot.round is not None
        assert snapshot.delivery.commit == snapshot.round.commit
        return
    assert snapshot.due_at is not None
    if snapshot.state is State.CLARIFYING:
        card = render(snapshot, f"questions:{snapshot.asked}", Shown(), policy)
        assert isinstance(card, QuestionsCard)
        assert card.open
    elif pending_push(snapshot):
        card = render(snapshot, f"push:{len(snapshot.pushes)}", Shown(), policy)
        assert isinstance(card, PushCard)
        assert card.fate == "open"
        assert card.commit == snapshot.head
    elif snapshot.state is State.AWAITING_APPROVAL:
        assert snapshot.spec is not None
        assert snapshot.spec.fate is SpecFate.OPEN
        card = render(snapshot, f"spec:{len(snapshot.every_version)}", Shown(), policy)
        assert isinstance(card, SpecCard)
        assert card.fate == "open"
    else:
        assert snapshot.state in ASKS
        card = render(snapshot, f"escalation:{len(snapshot.escalations)}", Shown(), policy)
        assert isinstance(card, EscalationCard)
        assert card.open
        assert card.asked
        assert {o.choice for o in card.offers} > {Choice.STOP.value}


def nothing_beyond_scope(snapshot: Snapshot) -> None:
    """No wish that was kept aside stands where an agent is told what to do."""
    told = " ".join(
        part.model_dump_json()
        for part in (*snapshot.tasks, *snapshot.notes, *snapshot.specs, *snapshot.rounds)
    )
    for item in snapshot.scope_items:
        assert "<" not in item.text or item.text not in told
    for feedback in snapshot.feedback:
        assert not any("<" in one.remark.text and one.remark.text in told for one in feedback.remarks)


def every_key(snapshot: Snapshot) -> list[str]:
    """Keys of every card that there could be, and some that there cannot."""
    kinds = ("questions", "spec", "review", "escalation", "push", "delivery", "feedback", "note")
    counts = (
        snapshot.asked,
        len(snapshot.every_version),
        len(snapshot.review_rounds),
        len(snapshot.escalations),
        len(snapshot.pushes),
        snapshot.deliveries,
        len(snapshot.feedback),
        len(snapshot.posts),
    )
    numbered = [
        f"{kind}:{n}" for kind, count in zip(kinds, counts, strict=True) for n in {0, 1, count, count + 1}
    ]
    return ["progress", *numbered, "", "spec", "spec:", "spec:-1", "spec:x", "spec:" + "9" * 5000, "no:1"]


def shown(snapshot: Snapshot, decision: Decision, policy: Policy | None) -> None:
    """Every card renders, and every card that is to be shown exists."""
    for key in every_key(snapshot):
        card = render(snapshot, key, Shown(spent_usd=1.5, activity=("reading",)), policy)
        assert card is None or (card.key == key and card.request == snapshot.id)
        detail(snapshot, key)
    for effect in decision.effects:
        if isinstance(effect, ShowCard):
            assert render(snapshot, effect.card, Shown(), policy) is not None
