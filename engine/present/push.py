"""A push that needs an approval of its own, as a card and as text."""

from engine.cards import ApprovalWait, PushCard
from engine.events import Held
from engine.policy import awaited, pending_push
from engine.request import Policy, PushFate, Snapshot


def push_card(snapshot: Snapshot, index: int, policy: Policy | None) -> PushCard:
    """The card of push `index + 1`."""
    push = snapshot.pushes[index]
    open_now = pending_push(snapshot) is push
    fate = "closed" if push.fate is PushFate.OPEN and not open_now else push.fate.value
    return PushCard(
        request=snapshot.id,
        key=f"push:{push.number}",
        title=snapshot.title,
        commit=push.held.commit,
        branch=push.held.branch,
        guarded=tuple(f"{one.path}: {one.what}" for one in push.held.guarded),
        workflows=_workflows(push.held),
        diff=push.held.diff,
        whole=push.held.whole,
        text=push_text(push.held),
        wait=ApprovalWait(
            named=(awaited(policy, snapshot) or policy.approvers) if policy and open_now else (),
            have=tuple(approval.by for approval in push.approvals),
            need=policy.approvals if policy else 1,
        ),
        fate=fate,
        decided_by=push.decided_by,
    )


def _workflows(held: Held) -> tuple[str, ...]:
    return tuple(
        one.path + (f" (on {', '.join(one.on)})" if one.on else "") + f": {'; '.join(one.why)}"
        for one in held.workflows
    )


def push_text(held: Held) -> str:
    """All of it as plain text."""
    parts = [f"Commit {held.commit}\nto branch {held.branch}"]
    if held.guarded:
        parts.append(
            "Protected files that change\n" + "\n".join(f"- {one.path}: {one.what}" for one in held.guarded)
        )
    if held.workflows:
        parts.append("What would run\n" + "\n".join(f"- {line}" for line in _workflows(held)))
    return "\n\n".join([*parts, *([f"Diff\n{held.diff}"] if held.diff else [])])
