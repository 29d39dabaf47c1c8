"""How a request stands, in a sentence or two, from its state alone: what questions about progress get."""

from engine.counting import count
from engine.request import RunKind, Snapshot, State, TaskStatus

_WAITS = {
    State.ESCALATED: "a choice on the card above",
    State.BLOCKED: "a choice on the card above; no pull request before that",
    State.PAUSED: "an approver's choice on the card above",
    State.DELIVERED: "somebody to confirm the delivery, or to say what is missing",
}


def how_it_stands(snapshot: Snapshot) -> str:
    """What goes on or is waited for, what is done, and where the whole of it stands."""
    parts = [*(["This is paused; nothing runs before somebody lets it go on."] if snapshot.hold else ())]
    if not snapshot.hold or snapshot.state in _WAITS:
        parts.append(_now(snapshot))
    tasks = [task for task in snapshot.tasks if not task.id.startswith("look")]
    done = sum(task.status is TaskStatus.DONE for task in tasks)
    if tasks:
        parts.append(f"{done} of {count(len(tasks), 'task')} done.")
    rounds = [r for r in snapshot.review_rounds if r.gate is not None]
    if rounds:
        parts.append(f"Review round {rounds[-1].number} ended with {rounds[-1].gate}.")
    parts.append("The first card of this thread shows each step.")
    return " ".join(parts)


def _now(snapshot: Snapshot) -> str:
    if snapshot.state in _WAITS:
        return f"I wait for {_WAITS[snapshot.state]}."
    running = [task.agent for task in snapshot.tasks if task.status is TaskStatus.RUNNING]
    if running:
        return f"At work now: {', '.join(dict.fromkeys(running))}."
    reviewing = [run.about for run in snapshot.live if run.kind is RunKind.REVIEW]
    if snapshot.state is State.REVIEWING:
        by = f", {', '.join(reviewing)} at work" if reviewing else ""
        return f"The checks run and the commit is reviewed{by}."
    return f"Now: {snapshot.state.value.replace('_', ' ')}."
