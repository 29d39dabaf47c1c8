"""Putting back what was changed beyond the approved artifacts, by the host, because a person decided so."""

from engine import scope
from engine.counting import count
from engine.events import TaskEnded
from engine.request import Task
from engine.runs.commits import checkout_of, commit_of
from engine.runs.context import Context
from engine.runs.leaking import in_work
from engine.runs.material import approved_spec
from engine.schemas import Outcome, Report

REVERT = "revert"


def reverts(task: Task) -> bool:
    """Whether a task that is not of the plan is one of these."""
    return task.id.startswith(REVERT)


async def revert(context: Context, task: Task) -> TaskEnded:
    """Commit a tree that differs from the base in the artifacts, and in what people keep, alone."""
    snapshot, spec = context.snapshot, approved_spec(context.snapshot)
    head = snapshot.head or spec.base_commit
    root = checkout_of(context)
    staying = (*spec.draft.artifacts, *snapshot.kept_outside)

    async def check_out() -> None:
        await context.workspace.overlay(spec.base_commit, head, staying, root)

    await context.step("checkout", check_out)
    commit, refused = await commit_of(context, root, head, task.id)
    put_back = await context.workspace.changes(head, commit)
    changes = await context.workspace.changes(spec.base_commit, commit)
    return TaskEnded(
        task=task.id,
        report=Report(
            outcome=Outcome.DONE,
            summary=f"Put back {count(len(put_back), 'file')} as of the base commit.",
            findings=(),
            verification=(),
            next_steps=(),
        ),
        marks=(),
        commit=commit,
        outside=scope.outside([change.path for change in changes], spec.draft, snapshot.kept_outside),
        refused=refused,
        leaks=tuple(await in_work(context.workspace, spec, commit)),
    )
