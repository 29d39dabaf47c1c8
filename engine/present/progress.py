"""The progress card: where a request stands in the eight steps, and what it needs from whom."""

from pydantic import BaseModel, ConfigDict

from engine.cards import ProgressCard, Step, StepStatus
from engine.people import Person
from engine.policy import awaited
from engine.request import Policy, RunKind, Snapshot, SpecFate, State, Task, TaskStatus
from engine.schemas import Verdict


class Shown(BaseModel):
    """What a card shows beside the state: dollars spent, and the latest lines of activity."""

    model_config = ConfigDict(frozen=True)

    spent_usd: float = 0.0
    activity: tuple[str, ...] = ()


ACTIVE = StepStatus.ACTIVE
DONE = StepStatus.DONE
WAITING = StepStatus.WAITING
PENDING = StepStatus.PENDING


def progress_card(snapshot: Snapshot, shown: Shown, policy: Policy | None) -> ProgressCard:
    """The card as of this state."""
    steps = _steps(snapshot)
    if snapshot.state.ended and snapshot.state is not State.DONE:
        steps = tuple(_closed(step) for step in steps)
    return ProgressCard(
        request=snapshot.id,
        key="progress",
        title=snapshot.title,
        state=snapshot.state.value,
        headline=_headline(snapshot),
        steps=steps,
        activity=() if snapshot.state.ended else shown.activity,
        waiting_for=_waiting_for(snapshot, policy),
        kept=tuple(item.title for item in snapshot.scope_items),
        spent_usd=shown.spent_usd,
        cap_usd=snapshot.cap_usd,
        can_stop=not snapshot.state.ended,
        ended_by=snapshot.ended_by,
    )


def _closed(step: Step) -> Step:
    if step.status in {ACTIVE, WAITING}:
        return step.model_copy(update={"status": StepStatus.FAILED})
    return step.model_copy(update={"status": StepStatus.SKIPPED}) if step.status is PENDING else step


def _waiting_for(snapshot: Snapshot, policy: Policy | None) -> tuple[Person, ...]:
    match snapshot.state:
        case State.AWAITING_APPROVAL:
            return awaited(policy, snapshot) if policy else ()
        case State.CLARIFYING if not _running(snapshot, RunKind.ASK):
            return (snapshot.requester,)
        case State.ESCALATED | State.BLOCKED | State.DELIVERED:
            return (snapshot.requester,)
        case State.PAUSED:
            return policy.approvers if policy else ()
    return ()


def _running(snapshot: Snapshot, kind: RunKind) -> bool:
    return any(run.kind is kind for run in snapshot.live)


def _headline(snapshot: Snapshot) -> str:
    state = snapshot.state
    if state.ended:
        return snapshot.ended_because
    simple = {
        State.ESCALATED: "I need a decision to go on: please choose on the card below.",
        State.BLOCKED: "Blocked: no pull request before this is resolved. Please choose on the card below.",
        State.PAUSED: "Paused before the cost cap. An approver can raise it on the card below.",
        State.DELIVERED: "The draft pull request is open. Please confirm, or say what is missing.",
        State.DELIVERING: "Everything holds. Pushing the commit and opening the draft pull request.",
        State.REVIEWING: "Running the checks in fresh checkouts and reviewing the commit against the spec.",
        State.AWAITING_APPROVAL: "The spec is ready. Nothing is changed before it is approved.",
    }
    if state in simple:
        return simple[state]
    if state is State.ASSESSING:
        looking = _running(snapshot, RunKind.TASK)
        return (
            "Looking into the repository first; nothing is changed."
            if looking
            else "Reading your request and the repository."
        )
    if state is State.CLARIFYING:
        asking = _running(snapshot, RunKind.ASK)
        return "Working out what to ask." if asking else "I have questions before I write the spec."
    if state is State.SPECIFYING:
        planning = _running(snapshot, RunKind.PLAN)
        return "Planning who does what." if planning else "Writing the spec with checkable criteria."
    running = [_task_name(task) for task in snapshot.tasks if task.status is TaskStatus.RUNNING]
    return f"At work: {', '.join(running)}." if running else "Working."


def _task_name(task: Task) -> str:
    if task.id.startswith("fix"):
        return f"{task.agent} (fixing what the review found)"
    return task.agent


# ---------------------------------------------------------------- the eight steps


def _steps(snapshot: Snapshot) -> tuple[Step, ...]:
    return (
        _assess(snapshot),
        _ask(snapshot),
        _specify(snapshot),
        _delegate(snapshot),
        _work(snapshot),
        _review(snapshot),
        _deliver(snapshot),
        _confirm(snapshot),
    )


def _assess(snapshot: Snapshot) -> Step:
    name = "Assess the request"
    if snapshot.assessment is None:
        return Step(name=name, status=ACTIVE)
    verdicts = {
        Verdict.SPECIFIC: "specific enough to specify",
        Verdict.VAGUE: f"{len(snapshot.assessment.gaps)} open points",
        Verdict.INVESTIGATE: "needs a look into the repository",
    }
    status = ACTIVE if snapshot.state is State.ASSESSING else DONE
    return Step(name=name, status=status, detail=verdicts[snapshot.assessment.verdict])


def _ask(snapshot: Snapshot) -> Step:
    name = "Ask what is unclear"
    if snapshot.state is State.CLARIFYING:
        status = ACTIVE if _running(snapshot, RunKind.ASK) else WAITING
        return Step(name=name, status=status, detail=f"round {max(1, len(snapshot.rounds))}")
    if snapshot.rounds:
        asked = sum(len(r.questions) for r in snapshot.rounds)
        return Step(name=name, status=DONE, detail=f"{asked} questions answered")
    if snapshot.draft or snapshot.specs or snapshot.state is State.SPECIFYING:
        return Step(name=name, status=StepStatus.SKIPPED, detail="nothing to ask")
    return Step(name=name, status=PENDING)


def _specify(snapshot: Snapshot) -> Step:
    name = "Agree on the spec"
    spec = snapshot.spec
    if snapshot.state is State.SPECIFYING:
        return Step(name=name, status=ACTIVE, detail=f"version {len(snapshot.specs) + 1}")
    if spec is None:
        return Step(name=name, status=PENDING)
    if spec.fate is SpecFate.APPROVED:
        return Step(name=name, status=DONE, detail=f"version {spec.number} approved")
    return Step(name=name, status=WAITING, detail=f"version {spec.number} waits for approval")


def _approved(snapshot: Snapshot) -> bool:
    return snapshot.spec is not None and snapshot.spec.fate is SpecFate.APPROVED


def _delegate(snapshot: Snapshot) -> Step:
    name = "Hand over to agents"
    if not _approved(snapshot) or not snapshot.spec:
        return Step(name=name, status=PENDING)
    agents = " → ".join(dict.fromkeys(task.agent for task in snapshot.spec.plan.tasks))
    return Step(name=name, status=DONE, detail=f"{agents} → {', '.join(snapshot.reviewers)}")


def _work(snapshot: Snapshot) -> Step:
    name = "Do the work"
    tasks = [task for task in snapshot.tasks if task.id != "look"]
    if not _approved(snapshot) or not tasks:
        return Step(name=name, status=PENDING)
    over = sum(task.status not in {TaskStatus.PENDING, TaskStatus.RUNNING} for task in tasks)
    status = ACTIVE if snapshot.state is State.WORKING else DONE if over == len(tasks) else WAITING
    return Step(name=name, status=status, detail=f"{over} of {len(tasks)} tasks done")


def _review(snapshot: Snapshot) -> Step:
    name = "Check and review"
    current = snapshot.round
    if current is None:
        return Step(name=name, status=PENDING)
    detail = f"round {current.number}"
    if current.gate is None:
        return Step(name=name, status=ACTIVE, detail=detail)
    words = {
        "PASS": "everything holds",
        "FIX": "to be fixed",
        "BLOCKED": "blocked",
        "ESCALATE": "not settled",
    }
    passed = current.gate.value == "PASS" or snapshot.state in {State.DELIVERING, State.DELIVERED, State.DONE}
    return Step(
        name=name, status=DONE if passed else WAITING, detail=f"{detail}: {words[current.gate.value]}"
    )


def _deliver(snapshot: Snapshot) -> Step:
    name = "Deliver a draft pull request"
    if snapshot.state is State.DELIVERING:
        return Step(name=name, status=ACTIVE)
    if snapshot.delivery:
        return Step(name=name, status=DONE, detail=f"#{snapshot.delivery.number}")
    return Step(name=name, status=PENDING)


def _confirm(snapshot: Snapshot) -> Step:
    name = "Confirm completion"
    if snapshot.state is State.DONE:
        return Step(name=name, status=DONE)
    return Step(name=name, status=WAITING if snapshot.state is State.DELIVERED else PENDING)
