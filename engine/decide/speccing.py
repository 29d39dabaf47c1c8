"""From the spec to its approval: specifying and awaiting approval."""

import re

from engine import sections
from engine.decide import reviewing, working
from engine.decide.moves import Decision, Moves, again, only_you, unchanged
from engine.decide.opening import NOTES, specify
from engine.events import Approved, Choice, Chose, Said, Specified
from engine.policy import enough, may_approve, pending_push
from engine.request import (
    Approval,
    Note,
    Policy,
    RunKind,
    Snapshot,
    SpecFate,
    SpecVersion,
    State,
    branch_ending,
    spec_hash,
)
from engine.schemas import Plan

_ASSENT = re.compile(r"\W*(approved?|lgtm|ship it|go ahead|yes|ok(ay)?|looks good)\W*", re.IGNORECASE)


def specified(moves: Moves, result: Specified, policy: Policy) -> None:
    """The spec is written: plan who does what. Work that exists already is reviewed first as it stands."""
    moves.set(draft=result.draft)
    if moves.now.existing is not None:
        planned(moves, Plan(tasks=()), policy)
    else:
        moves.start(RunKind.PLAN)


def planned(moves: Moves, plan: Plan, policy: Policy) -> None:
    """Draft and plan are complete: a new version, which voids whatever an older one allowed."""
    moves.renew()
    _supersede_approved(moves)
    now = moves.now
    assert now.draft is not None  # noqa: S101 (a plan is only ever made for a stored draft)
    number = len(now.every_version) + 1
    # One branch a request, whatever the versions are called.
    ours = f"{policy.branch_prefix}{now.draft.branch}{branch_ending(now.id)}"
    branch = now.specs[0].branch if now.specs else ours
    version = SpecVersion(
        number=number,
        base_commit=now.base_commit,
        branch=branch,
        draft=now.draft,
        plan=plan,
        existing=now.existing,
        hash=spec_hash(number, now.base_commit, branch, now.draft, plan, now.existing),
        because=_because(now),
    )
    moves.set(specs=(*now.specs, version), draft=None, title=now.draft.title, base_results=(), head="")
    moves.enter(State.AWAITING_APPROVAL)
    moves.wait()
    moves.show(f"spec:{number}")
    moves.start(RunKind.VERIFY, now.base_commit)


def _supersede_approved(moves: Moves) -> None:
    """A branch of others was looked at again: what was approved and done of its older commit is over."""
    spec, escalation = moves.now.spec, moves.now.escalation
    if spec is None or spec.fate is not SpecFate.APPROVED:
        return
    by = escalation.decided.by if escalation and escalation.decided else None
    _replace(moves, spec.model_copy(update={"fate": SpecFate.SUPERSEDED, "decided_by": by}))
    moves.set(kept_commit="")


def _because(snapshot: Snapshot) -> str:
    """What was asked for to come from the version before to this one."""
    number = len(snapshot.every_version) + 1
    before, there = snapshot.spec and snapshot.spec.existing, snapshot.existing
    if before and there and before.head != there.head:
        return f"{there.branch} stands at commit {there.head[:10]} now"
    wishes = [item.title for item in snapshot.scope_items if item.version == number]
    if wishes:
        return f"Now also: {', '.join(wishes)}"
    return snapshot.notes[-1].text if snapshot.specs and snapshot.notes else ""


def approve(snapshot: Snapshot, event: Approved, policy: Policy) -> Decision:
    """A click on Approve: counts for exactly the shown version and hash, of those the policy names."""
    spec = snapshot.spec
    if spec is None or snapshot.state is not State.AWAITING_APPROVAL:
        return only_you(snapshot, "Nothing waits for approval here; your click changed nothing.")
    if pending_push(snapshot):
        return only_you(snapshot, "This spec is approved already; the push has a card of its own.")
    if event.version != spec.number or event.hash != spec.hash:
        return only_you(snapshot, f"That is an old version; please look at version {spec.number} below.")
    if not may_approve(policy, snapshot, event.by):
        return only_you(snapshot, _why_not(policy, snapshot, event))
    again = any(a.by == event.by for a in spec.approvals)
    approvals = spec.approvals if again else (*spec.approvals, Approval(by=event.by, at=event.at))
    moves = Moves(snapshot, event.at)
    if enough(policy, snapshot, approvals):
        _replace(moves, spec.model_copy(update={"approvals": approvals, "fate": SpecFate.APPROVED}))
        _go_to_work(moves, policy)
    elif again:
        return only_you(snapshot, "You have approved this version already.")
    else:
        _replace(moves, spec.model_copy(update={"approvals": approvals}))
        moves.wait()
    return moves.decision()


def _go_to_work(moves: Moves, policy: Policy) -> None:
    if moves.now.head:
        reviewing.start_delivery(moves, policy)  # worked and reviewed already; only approvals were missing
    else:
        working.begin(moves, policy)


def _why_not(policy: Policy, snapshot: Snapshot, event: Approved) -> str:
    if event.by == snapshot.requester and not policy.requester_may_approve:
        return "You asked for this, so somebody else has to approve it. Your click changed nothing."
    return "You are not one of the approvers of this repository. Your click changed nothing."


def choose(snapshot: Snapshot, event: Chose, policy: Policy) -> Decision:
    """Ask for a change of the spec, or reject it."""
    spec = snapshot.spec
    if spec is None or snapshot.state is not State.AWAITING_APPROVAL or pending_push(snapshot):
        return only_you(snapshot, "This spec is decided already; your click changed nothing.")
    if event.card != f"spec:{spec.number}":
        return only_you(snapshot, f"That is an old version; please look at version {spec.number} below.")
    if event.choice not in {Choice.CHANGE_SPEC, Choice.REJECT_SPEC}:
        return only_you(snapshot, "That is not a choice for a spec; your click changed nothing.")
    if event.by != snapshot.requester and not may_approve(policy, snapshot, event.by):
        does = "change" if event.choice is Choice.CHANGE_SPEC else "reject"
        return only_you(
            snapshot, f"Only the requester and the approvers can {does} the spec. Your click changed nothing."
        )
    if event.choice is Choice.CHANGE_SPEC:
        return _change(snapshot, spec, event)
    return _reject(snapshot, spec, event)


def _change(snapshot: Snapshot, spec: SpecVersion, event: Chose) -> Decision:
    if event.item:
        return _edit(snapshot, spec, event)
    if not event.text.strip():
        return only_you(snapshot, "Please say what should change.")
    return _ask_for(snapshot, spec, event, Note(by=event.by, text=event.text.strip()))


def _edit(snapshot: Snapshot, spec: SpecVersion, event: Chose) -> Decision:
    """A section was edited: the next version takes it over to the letter."""
    try:
        text = sections.asked_for(spec.draft, event.item, event.text)
    except sections.EditRefused as problem:
        return again(snapshot, str(problem))
    return _ask_for(snapshot, spec, event, Note(by=event.by, text=text, section=event.item, lines=event.text))


def _ask_for(snapshot: Snapshot, spec: SpecVersion, event: Chose, note: Note) -> Decision:
    if len(snapshot.notes) >= NOTES:
        return only_you(snapshot, "This spec was changed too often; please reject it and start anew.")
    moves = Moves(snapshot, event.at)
    moves.renew()
    _replace(moves, spec.model_copy(update={"fate": SpecFate.SUPERSEDED, "decided_by": event.by}))
    moves.set(notes=(*snapshot.notes, note))
    specify(moves)
    return moves.decision()


def _reject(snapshot: Snapshot, spec: SpecVersion, event: Chose) -> Decision:
    moves = Moves(snapshot, event.at)
    moves.raise_epoch()
    moves.cancel_live()
    _replace(moves, spec.model_copy(update={"fate": SpecFate.REJECTED, "decided_by": event.by}))
    reason = f": {event.text.strip()}" if event.text.strip() else "."
    moves.end(State.STOPPED, f"Version {spec.number} of the spec was rejected{reason}", by=event.by)
    moves.close_cards()
    return moves.decision()


def _replace(moves: Moves, spec: SpecVersion) -> None:
    moves.set(specs=(*moves.now.specs[:-1], spec))
    moves.show(f"spec:{spec.number}")


def assents(snapshot: Snapshot, event: Said) -> bool:
    """Whether somebody says yes where only a click approves."""
    return snapshot.state is State.AWAITING_APPROVAL and _ASSENT.fullmatch(event.text) is not None


def say(snapshot: Snapshot, event: Said) -> Decision:
    """Words never approve and never change an approved text; who addresses me is told how."""
    if assents(snapshot, event):
        what = "push" if pending_push(snapshot) else "spec"
        return only_you(snapshot, f"Only the Approve button on the {what} approves it; words do not count.")
    if not event.mentions_bot:
        return unchanged(snapshot)
    if snapshot.state is State.SPECIFYING:
        return only_you(snapshot, "I am writing the spec. When it is here, use “Say what to change” on it.")
    return only_you(snapshot, "Use “Say what to change” on the spec; I write a new version from it.")
