"""Step 5: one hand-over to one agent, and the commit the host makes of its work."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine import scope
from engine.agents.loop import Assignment, work
from engine.agents.reading import lines_of
from engine.agents.repository_roster import roster_at
from engine.agents.roster import READING, WRITING, Agent, built_in
from engine.agents.toolboxes import reader, writer
from engine.agents.tools import Toolbox
from engine.errors import NeedsPerson
from engine.events import Mark, TaskEnded
from engine.findings import standing
from engine.leaks import cleaned
from engine.ports import Limits, Tier
from engine.prompts import render
from engine.request import Snapshot, Status, Task
from engine.runs.commits import checkout_of, commit_of
from engine.runs.context import Context
from engine.runs.leaking import in_work
from engine.runs.material import approved_spec, rounds_in_all, texts_at, told_in_thread, view
from engine.runs.preparing import prepared
from engine.runs.revert import revert, reverts
from engine.runs.search import search
from engine.schemas import PlannedTask, Report, Severity

FIX = "fix"
_OPEN = (Status.FAILED, Status.JUDGED_UNMET, Status.NOT_CHECKED)


@dataclass(frozen=True)
class Handover:
    """One task, its agent, and the plan's words on it if it is of the plan."""

    task: Task
    agent: Agent
    planned: PlannedTask | None

    @property
    def fixes(self) -> bool:
        """Whether it mends what a review round found."""
        return self.planned is None and self.task.id.startswith(FIX)


async def run(context: Context) -> TaskEnded:
    """Do the task that the run is about.

    An agent that writes works in a checkout of its own, from which the host makes the commit. The result's
    `commit` is empty for agents that only read: other work may have gone on beside them.

    Raises:
        NeedsPerson: see `engine.agents.loop.work`; or there is no such task or agent.
    """
    snapshot = context.snapshot
    task = next((task for task in snapshot.tasks if task.id == context.run.about), None)
    if task is None:
        raise NeedsPerson(f"There is no task {context.run.about} in this request. Start the request anew.")
    planned = next((one for one in _plan(snapshot) if one.id == task.id), None)
    if planned is None and reverts(task):
        return await revert(context, task)
    searcher = built_in().get(task.agent)
    if searcher is not None and searcher.searches_web:
        return await search(context, searcher)
    agent = (await roster_at(context.workspace, _base(snapshot))).agents.get(task.agent)
    if agent is None or agent.reviews:
        raise NeedsPerson(f"There is no agent {task.agent} that can be given a task. Change the spec's plan.")
    if task.looks:
        agent = agent.model_copy(update={"tools": tuple(t for t in agent.tools if t in READING)})
    handover = Handover(task=task, agent=agent, planned=planned)
    # An investigation is asked for before anything was approved: it reads, whoever makes it.
    if agent.writes and not task.looks:
        return await _write(context, handover)
    return await _read(context, handover)


async def _read(context: Context, handover: Handover) -> TaskEnded:
    snapshot = context.snapshot
    base = _base(snapshot)
    commit = snapshot.head or base
    toolbox = reader(handover.agent.tools, context.workspace, base, commit)
    report = cleaned(await work(context, await _assignment(context, handover, toolbox)))
    marks = await claims_of(context, report, commit)
    return TaskEnded(task=handover.task.id, report=report, marks=marks, commit="")


async def _write(context: Context, handover: Handover) -> TaskEnded:
    snapshot, spec = context.snapshot, approved_spec(context.snapshot)
    parent = snapshot.head or spec.base_commit
    root = checkout_of(context)

    async def check_out() -> None:
        await context.workspace.checkout(parent, root)

    await context.step("checkout", check_out)
    await prepared(context, spec.base_commit)
    toolbox = writer(
        handover.agent.tools,
        context.workspace,
        spec.base_commit,
        root,
        context.dependencies,
        # An agent tries what the checks will: with as much room as the largest of them has.
        max([Limits().memory_mb, *(check.memory_mb for check in context.repository.checks.values())]),
    )
    report = await work(context, await _assignment(context, handover, toolbox))
    commit, refused = await commit_of(context, root, parent, handover.task.id)
    leaks = await in_work(context.workspace, spec, commit)
    report = cleaned(report, leaks.values())
    changes = await context.workspace.changes(spec.base_commit, commit)
    return TaskEnded(
        task=handover.task.id,
        report=report,
        marks=await claims_of(context, report, commit),
        commit=commit,
        outside=scope.outside([change.path for change in changes], spec.draft, snapshot.kept_outside),
        refused=refused,
        leaks=tuple(leaks),
    )


# ---------------------------------------------------------------- what the agent is told


async def _assignment(context: Context, handover: Handover, toolbox: Toolbox) -> Assignment[Report]:
    agent = handover.agent
    return Assignment(
        role=f"task:{agent.name}",
        tier=handover.planned.tier if handover.planned else Tier.HAIKU if handover.task.looks else agent.tier,
        system=render("task.system", agent=agent),
        prompt=await _prompt(context, handover),
        schema=Report,
        toolbox=toolbox,
        turns=context.settings.caps.task_turns,
        max_tokens=16_000 if agent.writes else 8_000,
    )


async def _prompt(context: Context, handover: Handover) -> str:
    snapshot, task, planned = context.snapshot, handover.task, handover.planned
    looks = task.looks
    number = len(snapshot.review_rounds) + 1
    current = snapshot.round if handover.fixes else None
    steers, pointed_at = ([], []) if looks else told_in_thread(snapshot)
    return render(
        "task.user",
        snapshot=snapshot,
        agent=handover.agent,
        task=task,
        planned=planned,
        objective=_objective(handover),
        advice="" if looks else task.objective,
        round=number if handover.fixes else None,
        rounds=rounds_in_all(context, number),
        draft=None if looks else approved_spec(snapshot).draft,
        steers=steers,
        pointed_at=pointed_at,
        failures=[s for s in current.settled if s.status in _OPEN] if current else [],
        findings=[
            finding
            for reviewed in (standing(current) if current else ())
            if reviewed.review and not reviewed.invalid
            for finding in reviewed.review.findings
            if finding.severity is not Severity.MINOR
        ],
        trouble=task.trouble if handover.fixes else "",
        reports=_reports(snapshot, handover),
        checks=context.repository.checks,
        repository=await view(context.workspace, _base(snapshot)),
    )


def _objective(handover: Handover) -> str:
    if handover.planned:
        return handover.planned.objective
    return render("fix") if handover.fixes else handover.task.objective


def _reports(snapshot: Snapshot, handover: Handover) -> list[Task]:
    """Earlier reports: those the task builds on, and the investigation; all of them for a fix."""
    wanted = set(handover.planned.depends_on if handover.planned else ())
    return [
        task
        for task in snapshot.tasks
        if task.report and task.id != handover.task.id and (handover.fixes or task.looks or task.id in wanted)
    ]


def _plan(snapshot: Snapshot) -> Sequence[PlannedTask]:
    return snapshot.spec.plan.tasks if snapshot.spec else ()


def _base(snapshot: Snapshot) -> str:
    return snapshot.spec.base_commit if snapshot.spec else snapshot.base_commit


# ---------------------------------------------------------------- what the engine makes of the report


async def claims_of(context: Context, report: Report, commit: str) -> tuple[Mark, ...]:
    """The engine's own look at each claim, by this run's receipts and the files at the commit."""
    recorded = await context.store.receipts(context.run.id)
    changes = [n for n, receipt in enumerate(recorded) if receipt.tool in WRITING and not receipt.refused]
    receipts = {
        receipt.id: scope.ReceiptFacts(
            exit_code=receipt.exit_code,
            tool=receipt.tool,
            subject=receipt.subject,
            refused=receipt.refused,
            outdated=bool(changes) and number < changes[-1],
        )
        for number, receipt in enumerate(recorded)
    }
    cited = [cite.strip(" `").rpartition(":")[0] for finding in report.findings for cite in finding.cites]
    texts = await texts_at(context.workspace, commit, [path for path in cited if path])
    counts = {path: len(lines_of(text)) for path, text in texts.items()}
    return scope.marks(report, receipts, counts.get)
