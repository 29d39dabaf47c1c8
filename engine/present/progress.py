"""The progress card: where a request stands in the eight steps, and what it needs from whom."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from engine.attesting import asked_of, attested_criteria, unconfirmed
from engine.cards import ProgressCard, Step, StepStatus, TakenLine
from engine.counting import count
from engine.decide.answering import pull_of
from engine.events import Cause, Choice
from engine.findings import DISPUTE
from engine.people import Person
from engine.policy import awaited, can_suffice, entitled, may_approve, movable, pending_push
from engine.ports import Fate
from engine.present.scope import taken_lines
from engine.request import (
    GateVerdict,
    Located,
    Offer,
    Policy,
    RunKind,
    Snapshot,
    SpecFate,
    State,
    Task,
    TaskStatus,
)
from engine.schemas import SettledBy, Verdict


class Shown(BaseModel):
    """What a card shows beside the state: what is spent by now, and the latest lines of activity."""

    model_config = ConfigDict(frozen=True)

    spent_usd: float = 0.0
    spent_tokens: int = 0
    at: datetime | None = None
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
        repository=where(snapshot),
        movable=snapshot.located is not Located.ONLY and movable(snapshot),
        state=snapshot.state.value,
        headline=_headline(snapshot, policy),
        steps=steps,
        activity=() if snapshot.state.ended or snapshot.hold else shown.activity,
        waiting_for=_waiting_for(snapshot, policy),
        kept=tuple(item.title for item in snapshot.scope_items if item.kept),
        spent_usd=shown.spent_usd,
        cap_usd=snapshot.cap_usd,
        spent_tokens=shown.spent_tokens,
        cap_tokens=_cap_tokens(snapshot, policy),
        worked_minutes=snapshot.worked(shown.at) / 60,
        cap_minutes=_cap_minutes(snapshot, policy),
        can_stop=not snapshot.state.ended,
        ended_by=snapshot.ended_by,
        paused_by=snapshot.hold.by if snapshot.hold else None,
        talk=_talk(snapshot),
    )


def _cap_tokens(snapshot: Snapshot, policy: Policy | None) -> int | None:
    return policy.cap_tokens + snapshot.more_tokens if policy and policy.cap_tokens is not None else None


def _cap_minutes(snapshot: Snapshot, policy: Policy | None) -> float | None:
    return policy.cap_minutes + snapshot.more_minutes if policy and policy.cap_minutes is not None else None


def _talk(snapshot: Snapshot) -> tuple[TakenLine, ...]:
    """The messages that are no wishes, while no card of wishes lists them."""
    return () if snapshot.scope_shown or snapshot.state.ended else taken_lines(snapshot)


_HOW = {
    Located.NAMED: "named in the request",
    Located.CHOSEN: "chosen here",
    Located.FOLLOWED: "as the request it follows",
}


def where(snapshot: Snapshot) -> str:
    """The repository and how it came to be this one, where there are others; else empty."""
    how = _HOW.get(snapshot.located, "")
    return f"{snapshot.repository} ({how})" if snapshot.repository and how else ""


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
        case State.ESCALATED | State.BLOCKED | State.PAUSED:
            return asked(snapshot, policy, snapshot.escalation.offers) if snapshot.escalation else ()
        case State.DELIVERED if snapshot.confirmed_by is not None:
            named = [asked_of(criterion, snapshot.team) for criterion in unconfirmed(snapshot)]
            return tuple(dict.fromkeys(person for person in named if person)) or (snapshot.requester,)
        case State.DELIVERED:
            return (snapshot.requester,)
    return ()


def asked(snapshot: Snapshot, policy: Policy | None, offers: tuple[Offer, ...]) -> tuple[Person, ...]:
    """Who is asked to choose: the requester where they may, and approvers where only they may."""
    deciders = [offer for offer in offers if offer.choice is not Choice.STOP]
    for_approvers = policy is not None and any(offer.approvers_only for offer in deciders)
    approvers = _entitled(policy, snapshot) if policy and for_approvers else ()
    for_requester = any(not offer.approvers_only for offer in deciders) or not approvers
    return tuple(dict.fromkeys((*approvers, *((snapshot.requester,) if for_requester else ()))))


def _entitled(policy: Policy, snapshot: Snapshot) -> tuple[Person, ...]:
    return tuple(person for person in policy.approvers if may_approve(policy, snapshot, person))


def _running(snapshot: Snapshot, kind: RunKind) -> bool:
    return any(run.kind is kind for run in snapshot.live)


def _headline(snapshot: Snapshot, policy: Policy | None) -> str:
    state = snapshot.state
    if state.ended:
        return snapshot.ended_because
    if snapshot.hold:
        pushes = " A push that had begun is brought to its end." if snapshot.state is State.DELIVERING else ""
        return (
            "Paused. Nothing runs or starts before somebody lets it go on; what was done so far is kept."
            f"{pushes} Before that: {_as_if_not_paused(snapshot, policy)}"
        )
    return _as_if_not_paused(snapshot, policy)


def _as_if_not_paused(snapshot: Snapshot, policy: Policy | None) -> str:
    state = snapshot.state
    simple = {
        State.ESCALATED: "I need a decision to go on: please choose on the card below.",
        State.BLOCKED: "Blocked: no pull request before this is resolved. Please choose on the card below.",
        State.PAUSED: _at_rest(snapshot),
        State.DELIVERED: _delivered(snapshot),
        State.REVIEWING: _reviewing(snapshot),
    }
    if state in simple:
        return simple[state]
    if state is State.AWAITING_APPROVAL:
        return _approval(snapshot, policy)
    return _under_way(snapshot)


def _at_rest(snapshot: Snapshot) -> str:
    asked = snapshot.escalation
    if asked is not None and asked.cause is not Cause.CAP:
        return "Paused: an approver decides on the card below whether it goes on."
    if asked is not None and asked.cap is not None and asked.cap.until is not None:
        return (
            "Paused before a cap of the day. It goes on by itself when the day is over, or earlier if an "
            "approver says so on the card below."
        )
    return "Paused before a cap. An approver can raise it on the card below."


def _delivered(snapshot: Snapshot) -> str:
    left = [criterion.id for criterion in unconfirmed(snapshot)]
    after = f" Then somebody has to say whether {', '.join(left)} held." if left else ""
    if snapshot.confirmed_by is None:
        return f"{_pull(snapshot)} Please confirm, or say what is missing.{after}"
    anyone = any(asked_of(criterion, snapshot.team) is None for criterion in unconfirmed(snapshot))
    who = " (anyone here can)" if anyone else ""
    return f"Delivered and confirmed. Please say on the delivery{who} whether {', '.join(left)} held."


def _pull(snapshot: Snapshot) -> str:
    pull = pull_of(snapshot)
    if pull.fate is not Fate.OPEN:
        return f"The pull request was {pull.fate.value}."
    return f"The {'draft ' if pull.draft else ''}pull request is open."


def _reviewing(snapshot: Snapshot) -> str:
    if any(run.about.startswith(DISPUTE) for run in snapshot.live):
        return "A fresh reviewer looks at the disputed finding. Until it is withdrawn, it stands."
    return "Running the checks in fresh checkouts and reviewing the commit against the spec."


def _under_way(snapshot: Snapshot) -> str:
    now, then = {
        State.ASSESSING: (
            (RunKind.TASK, _looking(snapshot)),
            "Reading your request and the repository.",
        ),
        State.CLARIFYING: (
            (RunKind.ASK, "Working out what to ask."),
            "I have questions before I write the spec."
            if snapshot.repository
            else "Which repository is this about? Please choose on its card; I read nothing before.",
        ),
        State.SPECIFYING: (
            (RunKind.PLAN, "Planning who does what."),
            "Writing the spec with checkable criteria.",
        ),
        State.DELIVERING: ((RunKind.DELIVER, _delivering(snapshot)), _delivering(snapshot)),
    }.get(snapshot.state, ((RunKind.TASK, _working(snapshot)), "Working."))
    kind, sentence = now
    return sentence if _running(snapshot, kind) else then


def _looking(snapshot: Snapshot) -> str:
    """Who looks, and whose report is in."""
    current = snapshot.investigations[-1].looks if snapshot.investigations else ()
    looks = [task for task in snapshot.tasks if task.id in current]
    words = {TaskStatus.DONE: "report in", TaskStatus.FAILED: "gave up"}
    each = "; ".join(f"{task.agent}: {words.get(task.status, 'at work')}" for task in looks)
    there = sum(task.status is TaskStatus.DONE for task in looks)
    reports = count(len(looks), "report is", "reports are")
    return f"Finding out first; nothing is changed. {there} of {reports} in ({each})."


def _delivering(snapshot: Snapshot) -> str:
    if snapshot.unchecked_by:
        return "Opening the draft pull request; what could not be checked stays “not checked” in it."
    holds = "What can be settled before holds" if attested_criteria(snapshot) else "Everything holds"
    return f"{holds}. Pushing the commit and opening the draft pull request."


def _working(snapshot: Snapshot) -> str:
    running = [_task_name(task) for task in snapshot.tasks if task.status is TaskStatus.RUNNING]
    return f"At work: {', '.join(running)}." if running else "Working."


def _approval(snapshot: Snapshot, policy: Policy | None) -> str:
    push = pending_push(snapshot)
    ready = (
        "The work is reviewed. Pushing it does more than open a pull request: see the card below."
        if push
        else "The work is reviewed, but the spec needs approval again before anything is delivered."
        if snapshot.head
        else "The spec is ready. Nothing is changed before it is approved."
    )
    if policy is None:
        return f"{ready} The repository is not configured any more: whoever runs me has to put it back."
    if not can_suffice(policy, snapshot):
        return f"{ready} Too few people may approve it: whoever runs me has to name more approvers."
    asked_about = push or snapshot.spec
    have = len(entitled(policy, snapshot, asked_about.approvals)) if asked_about else 0
    count = f"{have} of {policy.approvals}"
    if policy.approvers:
        return f"{ready} Approved by {count}."
    anyone = "anyone here" if policy.requester_may_approve else "anyone here but the requester"
    return f"{ready} Approved by {count}; {anyone} can approve."


def _task_name(task: Task) -> str:
    if task.id.startswith("fix"):
        return f"{task.agent} (fixing)"
    if task.id.startswith("revert") and task.agent == "greenlight":
        return "putting back what the spec does not name"
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
        return Step(name=name, status=ACTIVE if snapshot.repository else PENDING)
    verdicts = {
        Verdict.SPECIFIC: "specific enough to specify",
        Verdict.VAGUE: count(len(snapshot.assessment.gaps), "open point"),
        Verdict.INVESTIGATE: "needs an investigation first",
        Verdict.ESCALATE: "needs a person's decision",
    }
    status = ACTIVE if snapshot.state is State.ASSESSING else DONE
    detail = "; ".join((verdicts[snapshot.assessment.verdict], *snapshot.left_out[:2]))
    return Step(name=name, status=status, detail=detail)


def _ask(snapshot: Snapshot) -> Step:
    name = "Ask what is unclear"
    if snapshot.state is State.CLARIFYING:
        status = ACTIVE if _running(snapshot, RunKind.ASK) else WAITING
        return Step(name=name, status=status, detail=_what_is_asked(snapshot))
    if snapshot.rounds:
        answered = sum(given is not None for r in snapshot.rounds for given in r.given)
        over = snapshot.rounds[-1].submitted_by is not None
        return Step(
            name=name, status=DONE if over else WAITING, detail=f"{count(answered, 'question')} answered"
        )
    if snapshot.draft or snapshot.specs or snapshot.state is State.SPECIFYING:
        return Step(name=name, status=StepStatus.SKIPPED, detail="nothing to ask")
    return Step(name=name, status=PENDING)


def _what_is_asked(snapshot: Snapshot) -> str:
    about = snapshot.rounds[-1].about if snapshot.rounds else ""
    counted = sum(not one.about for one in snapshot.rounds)
    return f"which {about}" if about and not _running(snapshot, RunKind.ASK) else f"round {max(1, counted)}"


def _specify(snapshot: Snapshot) -> Step:
    name = "Agree on the spec"
    spec = snapshot.spec
    if snapshot.state is State.SPECIFYING:
        return Step(name=name, status=ACTIVE, detail=f"version {len(snapshot.every_version) + 1}")
    if spec is None:
        return Step(name=name, status=PENDING)
    if spec.fate is SpecFate.APPROVED:
        return Step(name=name, status=DONE, detail=f"version {spec.number} approved")
    fates = {
        SpecFate.OPEN: "waits for approval",
        SpecFate.REJECTED: "rejected",
        SpecFate.SUPERSEDED: "is to be changed",
    }
    return Step(name=name, status=WAITING, detail=f"version {spec.number} {fates[spec.fate]}")


def _approved(snapshot: Snapshot) -> bool:
    return snapshot.spec is not None and snapshot.spec.fate is SpecFate.APPROVED


def _delegate(snapshot: Snapshot) -> Step:
    name = "Hand over to agents"
    if not _approved(snapshot) or not snapshot.spec:
        return Step(name=name, status=PENDING)
    agents = " → ".join(dict.fromkeys(task.agent for task in snapshot.spec.plan.tasks))
    criteria = snapshot.spec.draft.criteria
    judges = (c.reviewer for c in criteria if c.settled_by is SettledBy.JUDGED and c.reviewer)
    reviewers = ", ".join(dict.fromkeys((*snapshot.reviewers, *judges)))
    return Step(name=name, status=DONE, detail=f"{agents} → {reviewers}" if agents else reviewers)


def _work(snapshot: Snapshot) -> Step:
    name = "Do the work"
    tasks = [task for task in snapshot.tasks if not task.looks]
    if _approved(snapshot) and snapshot.existing and not tasks:
        return Step(name=name, status=StepStatus.SKIPPED, detail=f"it stands on {snapshot.existing.branch}")
    if not _approved(snapshot) or not tasks:
        return Step(name=name, status=PENDING)
    over = sum(task.status not in {TaskStatus.PENDING, TaskStatus.RUNNING} for task in tasks)
    status = ACTIVE if snapshot.state is State.WORKING else DONE if over == len(tasks) else WAITING
    return Step(name=name, status=status, detail=f"{over} of {count(len(tasks), 'task')} done")


def _review(snapshot: Snapshot) -> Step:
    name = "Check and review"
    current = snapshot.round
    if current is None:
        return Step(name=name, status=PENDING)
    detail = f"round {current.number}"
    if current.gate is None:
        return Step(name=name, status=ACTIVE if snapshot.state is State.REVIEWING else WAITING, detail=detail)
    later = [criterion.id for criterion in unconfirmed(snapshot)]
    words = {
        "PASS": f"holds so far; {', '.join(later)} asked after delivery" if later else "everything holds",
        "FIX": "to be fixed",
        "BLOCKED": "blocked",
        "ESCALATE": "not settled",
    }
    # What comes next is not what was reviewed: nothing is claimed of it yet.
    anew = _at(snapshot) in _BEFORE_REVIEW or (
        snapshot.state is State.AWAITING_APPROVAL and not snapshot.head
    )
    if current.gate is GateVerdict.PASS and anew:
        return Step(name=name, status=PENDING, detail=f"again, after {detail}")
    passed = current.gate.value == "PASS" or snapshot.state in {State.DELIVERING, State.DELIVERED, State.DONE}
    return Step(
        name=name, status=DONE if passed else WAITING, detail=f"{detail}: {words[current.gate.value]}"
    )


def _deliver(snapshot: Snapshot) -> Step:
    name = "Deliver a draft pull request"
    if snapshot.state is State.DELIVERING:
        return Step(name=name, status=ACTIVE)
    if pending_push(snapshot):
        return Step(name=name, status=WAITING, detail="the push needs an approval of its own")
    if snapshot.delivery:
        number = f"#{snapshot.delivery.number}"
        if _at(snapshot) in {*_BEFORE_REVIEW, State.AWAITING_APPROVAL, State.REVIEWING}:
            return Step(name=name, status=PENDING, detail=f"again, after {number}")
        return Step(name=name, status=DONE, detail=number)
    return Step(name=name, status=PENDING)


_BEFORE_REVIEW = {State.ASSESSING, State.CLARIFYING, State.SPECIFYING, State.WORKING}


def _at(snapshot: Snapshot) -> State:
    """The state, or the one that a choice goes back to."""
    asks = snapshot.state in {State.ESCALATED, State.BLOCKED, State.PAUSED}
    return snapshot.escalation.resume if asks and snapshot.escalation else snapshot.state


def _confirm(snapshot: Snapshot) -> Step:
    name = "Confirm completion"
    if snapshot.state is State.DONE:
        return Step(name=name, status=DONE)
    return Step(name=name, status=WAITING if snapshot.state is State.DELIVERED else PENDING)
