"""A push that needs an approval of its own, as a card and as text."""

from engine.cards import ApprovalWait, PushCard
from engine.policy import awaited, pending_push
from engine.request import Policy, Push, PushFate, Snapshot


def push_card(snapshot: Snapshot, index: int, policy: Policy | None) -> PushCard:
    """The card of push `index + 1`."""
    push = snapshot.pushes[index]
    open_now = pending_push(snapshot) is push
    fate = "closed" if push.fate is PushFate.OPEN and not open_now else push.fate.value
    return PushCard(
        request=snapshot.id,
        key=f"push:{push.number}",
        title=snapshot.title,
        commit=push.commit,
        branch=push.branch,
        guarded=tuple(f"{one.path}: {one.what}" for one in push.guarded),
        workflows=_workflows(push),
        diff=push.diff,
        whole=push.whole,
        text=push_text(push),
        wait=ApprovalWait(
            named=(awaited(policy, snapshot) or policy.approvers) if policy and open_now else (),
            have=tuple(approval.by for approval in push.approvals),
            need=policy.approvals if policy else 1,
        ),
        fate=fate,
        decided_by=push.decided_by,
    )


def _workflows(push: Push) -> tuple[str, ...]:
    return tuple(
        one.path + (f" (on {', '.join(one.on)})" if one.on else "") + f": {'; '.join(one.why)}"
        for one in push.workflows
    )


def push_text(push: Push) -> str:
    """All of it as plain text."""
    parts = [f"Commit {push.commit}\nto branch {push.branch}"]
    if push.guarded:
        parts.append(
            "Protected files that change\n" + "\n".join(f"- {one.path}: {one.what}" for one in push.guarded)
        )
    if push.workflows:
        parts.append("What would run\n" + "\n".join(f"- {line}" for line in _workflows(push)))
    return "\n\n".join([*parts, *([f"Diff\n{push.diff}"] if push.diff else [])])
