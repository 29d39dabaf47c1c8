"""The guard on: the same attack through checkout, the host's commit, verify in the sandbox, and settle."""

import asyncio
import importlib.metadata
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from engine import scope
from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.adapters.git_workspace import GitWorkspace
from engine.dependencies import Dependencies
from engine.events import CheckResult
from engine.gate import settle
from engine.paths import artifact_problems
from engine.request import Live, ReviewRound, RunKind, Settled, SpecVersion, State, Status
from engine.runs import verify
from engine.runs.context import Context
from engine.schemas import Criterion, SettledBy, SpecDraft
from engine.settings import RepositorySettings
from tests.engine.runs.states import version
from tests.engine.runs.world import snapshot, world
from tests.engine.specs import DRAFT
from tests.security.false_success.attack import Attack, Outcome
from tests.security.false_success.repository import CHECKS, FILES, HONEST, make_repository, make_tools

T = TypeVar("T")


@dataclass(frozen=True)
class Shown:
    """What people would be shown of one attack.

    Attributes:
        outcome: In a word.
        evidence: The sentence beside the criterion.
        settled: Every criterion.
        refused: Files left out of the commit.
        outside: Changed files that nobody approved.
        diff: What reviewers are shown.
    """

    outcome: Outcome
    evidence: str
    settled: tuple[Settled, ...] = ()
    refused: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    diff: str = ""


@dataclass
class Range:
    """Where attacks are tried: a repository, the real adapters, and the base's results."""

    context: Context
    clone: Path
    base: str
    scratch: Path
    _at_base: dict[str, asyncio.Task[CheckResult]] = field(default_factory=dict)
    _number: int = 0

    def directory(self, name: str) -> Path:
        """A fresh directory's path; there is nothing yet."""
        self._number += 1
        return self.scratch / f"{self._number}-{name}"

    async def at_base(self, check: str) -> CheckResult:
        """The check's result before any work; once."""
        if check not in self._at_base:
            self._at_base[check] = asyncio.ensure_future(self._run_at_base(check))
        return await asyncio.shield(self._at_base[check])

    async def honest(self, check: str, more: Mapping[str, str] = {}) -> Settled:
        """How honest work is settled, with more files changed as approved."""
        writes = {**HONEST, **more}
        work = Attack(name=f"honest-{check}", check=check, shown=Outcome.PASSED, writes=writes)
        return (await self.try_out(work, tuple(writes))).settled[-1]

    async def try_out(self, attack: Attack, artifacts: Sequence[str]) -> Shown:
        """The attack against a spec that holds these artifacts."""
        problems = artifact_problems(
            artifacts, tuple(FILES), [check.argv for check in CHECKS.values()], _installed()
        )
        if problems:
            return Shown(Outcome.REFUSED_SPEC, problems[0])
        tree = self.directory("checkout")
        await self.context.workspace.checkout(self.base, tree)
        attack.plant(tree)
        made = await self.context.workspace.commit(tree, self.base, "Work")
        await asyncio.to_thread(shutil.rmtree, tree)
        names = [name for name in (attack.after, attack.check) if name]
        draft = _draft(names, artifacts)
        before = tuple([await self.at_base(name) for name in names])
        verified = await verify.run(self._context(draft, made.commit, before))
        settled = settle(draft, before, verified.results, verified.facts, (), commit=made.commit)
        changed = [change.path for change in made.changes]
        return Shown(
            outcome=_outcome(settled[-1], bool(made.refused)),
            evidence=settled[-1].evidence,
            settled=settled,
            refused=tuple(path for path, _ in made.refused),
            outside=scope.outside(changed, draft, ()),
            diff=await self.context.workspace.diff(self.base, made.commit),
        )

    async def _run_at_base(self, check: str) -> CheckResult:
        context = self._context(_draft([check], tuple(HONEST)), self.base, (), working=True)
        verified = await verify.run(context)
        return verified.results[0]

    def _context(
        self, draft: SpecDraft, commit: str, before: tuple[CheckResult, ...], *, working: bool = False
    ) -> Context:
        self._number += 1
        spec = _version(draft, self.base)
        state = snapshot(
            state=State.WORKING if working else State.REVIEWING,
            base_commit=self.base,
            draft=draft,
            specs=(spec,),
            head=commit,
            base_results=before,
            review_rounds=() if working else (ReviewRound(number=1, commit=commit),),
        )
        live = Live(id=f"{state.id}/{self._number}", kind=RunKind.VERIFY, about=commit)
        return replace(self.context, run=live, snapshot=state)


def _outcome(settled: Settled, refused: bool) -> Outcome:
    match settled.status:
        case Status.FAILED | Status.NOT_CHECKED if refused:
            return Outcome.REFUSED_FILE
        case Status.FAILED:
            return Outcome.FAILED
        case Status.NOT_CHECKED if "outside the approved artifacts" in settled.evidence:
            return Outcome.OUTSIDE
        case Status.NOT_CHECKED:
            return Outcome.DOUBTED
        case _:
            return Outcome.PASSED


def _draft(checks: Sequence[str], artifacts: Sequence[str]) -> SpecDraft:
    criteria = tuple(
        Criterion(id=f"AC{number}", text=f"{name} passes", settled_by=SettledBy.CHECK, check=name)
        for number, name in enumerate(checks, start=1)
    )
    return DRAFT.model_copy(update={"criteria": criteria, "artifacts": tuple(artifacts)})


def _version(draft: SpecDraft, base: str) -> SpecVersion:
    return version(str, base).model_copy(update={"draft": draft})


@cache
def _installed() -> frozenset[str]:
    found = importlib.metadata.packages_distributions()
    return frozenset(name for name, owners in found.items() if set(owners) != {"greenlight"})


@asynccontextmanager
async def open_range(directory: Path) -> AsyncIterator[Range]:
    """Everything an attack is tried on, in an empty directory.

    Raises:
        SandboxUnavailable: there is no sandbox here.
    """
    clone = make_repository(directory / "base")
    sandbox = BubblewrapSandbox([make_tools(directory / "tools"), Path(sys.prefix), Path(sys.base_prefix)])
    await sandbox.probe()
    workspace = GitWorkspace(str(clone), "main", directory / "tiny.git")
    repository = RepositorySettings(
        name="tiny", remote=str(clone), channels=("C1",), approvers=("UDANA",), checks=dict(CHECKS)
    )
    (directory / "scratch").mkdir()
    async with world(directory) as w:
        context = replace(
            w.context,
            repository=repository,
            sandbox=sandbox,
            workspace=workspace,
            dependencies=Dependencies(repository.name, None, workspace, sandbox, directory / "prepared"),
            step=_step,
        )
        yield Range(context, clone, await workspace.refresh(), directory / "scratch")


async def _step(name: str, work: Callable[[], Awaitable[T]]) -> T:
    return await work()
