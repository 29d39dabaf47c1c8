"""Step 6, by the machine: the checks, run by us, and what git objects say of files and texts."""

import asyncio
import hashlib
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.agents.parallel import together
from engine.errors import Rejected
from engine.events import UNPREPARED, CheckResult, Fact, Ran, Verified
from engine.leaks import redacted_words
from engine.metrics import CHECKS
from engine.ports import Command, Ended, Execution, Limits, Workspace
from engine.request import SpecVersion, State
from engine.runs import trials
from engine.runs.context import Context
from engine.runs.material import approved_spec, whole_text_at
from engine.runs.preparing import prepared
from engine.schemas import Criterion, SettledBy
from engine.settings import CheckSettings
from engine.store import Receipt

AT_ONCE = 2
TAIL = 4_000
LONGEST_OUTPUT = 20_000

WHERE = {
    Ran.BASE: "at the base",
    Ran.COMMIT: "at the commit",
    Ran.ARTIFACTS: "with only the artifacts",
    Ran.OLD_TESTS: "with the tests of before",
    Ran.UNSILENCED: "without comments that silence it",
    Ran.UNBENT: "without what bends how tests compare and count",
    Ran.CONTROL: "with failing tests beside its own",
    Ran.BASE_CONTROL: "at the base, with failing tests beside its own",
}


@dataclass(frozen=True)
class Job:
    """One execution of one check, in a checkout of its own."""

    name: str
    check: CheckSettings
    where: Ran
    commit: str


async def run(context: Context) -> Verified:
    """Run the checks the spec's criteria name, and look its files and texts up.

    At the base commit they run there alone, before the work; at any other commit they run at it, with
    nothing but the artifacts laid over the base, and at the base where that has not been done. Those that are
    green then are doubted: see `engine.runs.trials`.
    """
    spec = approved_spec(context.snapshot)
    commit = context.run.about or context.snapshot.head or spec.base_commit
    slots = asyncio.Semaphore(AT_ONCE)
    checks = _checks(context, spec)
    dependencies = await prepared(context, spec.base_commit) if checks else ""
    jobs = [
        Job(name=name, check=check, where=where, commit=commit)
        for where in _places(context, spec, commit, dependencies)
        for name, check in checks.items()
    ]
    results = await together([_result(context, job, slots) for job in jobs])
    results += await _doubted(context, spec, commit, results, slots)
    facts = [
        await look_up(context.workspace, criterion, spec.base_commit, commit)
        for criterion in spec.draft.criteria
        if criterion.settled_by in {SettledBy.FILE, SettledBy.TEXT} and criterion.path
    ]
    return Verified(commit=commit, results=tuple(results), facts=tuple(facts))


async def _doubted(
    context: Context, spec: SpecVersion, commit: str, results: Sequence[CheckResult], slots: asyncio.Semaphore
) -> list[CheckResult]:
    """The trials of the checks that are green at a commit, and what their controls are compared with."""
    checks = _checks(context, spec)
    known = (*context.snapshot.base_results, *results)
    wanted = await trials.trials(context.workspace, spec, commit, known)
    jobs = [
        Job(name=name, check=checks[name], where=where, commit=commit)
        for name, places in wanted.items()
        for where in places
        if name in checks
    ]
    tried = await together([_result(context, job, slots) for job in jobs])
    compared = [
        Job(name=one.check, check=checks[one.check], where=Ran.BASE_CONTROL, commit=spec.base_commit)
        for one in tried
        if one.where is Ran.CONTROL and trials.to_compare(one)
    ]
    return [*tried, *await together([_result(context, job, slots) for job in compared])]


def _places(context: Context, spec: SpecVersion, commit: str, dependencies: str) -> list[Ran]:
    snapshot = context.snapshot
    # The work may have come to nothing: then the commit under review is the base, and counts as a commit.
    reviewed = snapshot.state is State.REVIEWING and snapshot.round and snapshot.round.commit == commit
    if commit == spec.base_commit and not reviewed:
        return [Ran.BASE]
    known = base_is_known(snapshot.base_results, _checks(context, spec), dependencies)
    return [*([] if known else [Ran.BASE]), Ran.COMMIT, Ran.ARTIFACTS]


def base_is_known(
    results: Sequence[CheckResult], checks: Mapping[str, CheckSettings], dependencies: str = ""
) -> bool:
    """Whether each check came to an end by itself at the base, with today's command and dependencies.

    Args:
        results: Of the checks at the base.
        checks: The checks, by name.
        dependencies: What identifies today's.
    """
    known = {(one.check, one.argv, one.prepared) for one in results if one.ended == Ended.EXIT}
    return known >= {(name, check.argv, dependencies) for name, check in checks.items()}


def _checks(context: Context, spec: SpecVersion) -> Mapping[str, CheckSettings]:
    """The checks that criteria name and that are still configured, each once."""
    configured = context.repository.checks
    named = dict.fromkeys(c.check for c in spec.draft.criteria if c.settled_by is SettledBy.CHECK)
    return {name: configured[name] for name in named if name in configured}


# ---------------------------------------------------------------- checks


async def _result(context: Context, job: Job, slots: asyncio.Semaphore) -> CheckResult:
    async def once() -> dict[str, Any]:
        async with slots:
            context.tell(f"Running check {job.name} {WHERE[job.where]}")
            return (await _execute(context, job)).model_dump(mode="json")

    return CheckResult.model_validate(await context.step(f"check {job.name} {job.where}", once))


async def _execute(context: Context, job: Job) -> CheckResult:
    spec = approved_spec(context.snapshot)
    id = f"{context.run.id}/{job.name}/{job.where}"
    tree = context.checkouts / hashlib.sha256(id.encode()).hexdigest()[:16]
    commit = spec.base_commit if job.where is Ran.BASE else job.commit
    if misfit := await context.dependencies.misfit(spec.base_commit, commit):
        return _not_run(job, commit, misfit)
    try:
        if job.where in {Ran.BASE, Ran.COMMIT}:
            await context.workspace.checkout(commit, tree)
            laid = trials.Laid()
        else:
            laid = await trials.lay(context.workspace, spec, commit, job.where, tree)
        done = await context.dependencies.sandbox(spec.base_commit).run(command(job.check, tree))
        CHECKS.labels(done.ended.value).observe(done.duration_s)
        clean = await asyncio.to_thread(
            redacted_words, done.output
        )  # before it is cut, which might halve a secret
        done = done.model_copy(update={"output": clean})
    finally:
        await asyncio.to_thread(shutil.rmtree, tree, ignore_errors=True)
    await context.store.keep_receipt(_receipt(context, id, job, done))
    return CheckResult(
        check=job.name,
        where=job.where,
        commit=commit,
        argv=done.argv,
        exit_code=done.exit_code,
        ended=done.ended,
        output_tail=done.output[-TAIL:],
        digest=done.digest,
        duration_s=round(done.duration_s, 2),
        prepared=await context.dependencies.key(spec.base_commit),
        about=laid.about,
        unseen=laid.unseen(done.output),
    )


def _not_run(job: Job, commit: str, why: str) -> CheckResult:
    return CheckResult(
        check=job.name,
        where=job.where,
        commit=commit,
        argv=job.check.argv,
        exit_code=None,
        ended=UNPREPARED,
        output_tail=why,
        digest=hashlib.sha256(b"").hexdigest(),
        duration_s=0,
    )


def command(check: CheckSettings, tree: Path) -> Command:
    """A check over a tree."""
    # A check may use both of the machine's cores: its processor time is bounded by more than its wall clock.
    limits = Limits(
        wall_s=check.timeout_s,
        cpu_s=math.ceil(2 * check.timeout_s),
        memory_mb=check.memory_mb,
        total_mb=max(check.memory_mb, Limits().total_mb),
    )
    return Command(argv=check.argv, tree=tree, limits=limits)


def _receipt(context: Context, id: str, job: Job, done: Execution) -> Receipt:
    return Receipt(
        id=id,
        request=context.snapshot.id,
        run=context.run.id,
        tool="check",
        subject=f"{job.name} {WHERE[job.where]}: {' '.join(done.argv)}",
        exit_code=done.exit_code,
        output=done.output[-LONGEST_OUTPUT:],
        digest=done.digest,
    )


# ---------------------------------------------------------------- files and texts


async def look_up(workspace: Workspace, criterion: Criterion, base: str, commit: str) -> Fact:
    """What git objects say of a file or text criterion at two commits."""
    try:
        at_base, _ = await _holds(workspace, criterion, base)
        at_commit, line = await _holds(workspace, criterion, commit)
    except Rejected as unread:
        return Fact(criterion=criterion.id, at_base=False, at_commit=False, unread=unread.sentence)
    return Fact(criterion=criterion.id, at_base=at_base, at_commit=at_commit, line=line)


async def _holds(workspace: Workspace, criterion: Criterion, commit: str) -> tuple[bool, int | None]:
    """Whether a file exists, or holds the literal and on which line, by git objects.

    Raises:
        Rejected: the file is too large to look into.
    """
    path = criterion.path or ""
    if criterion.settled_by is SettledBy.FILE:
        entries = await workspace.files(commit)
        return any(entry.path == path and entry.mode.startswith("100") for entry in entries), None
    text = await whole_text_at(workspace, commit, path)
    literal = criterion.literal or ""
    at = text.find(literal) if text is not None and literal else -1
    return (True, text.count("\n", 0, at) + 1) if text is not None and at >= 0 else (False, None)
