"""Checks with dependencies from outside: at the base, at the commit, and where a commit needs others."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.dependencies import Dependencies
from engine.errors import RepositoryUnusable
from engine.events import UNPREPARED, Ran, Verified
from engine.prepare_settings import PrepareSettings
from engine.request import RunKind, Snapshot, State
from engine.runs import RUNS
from engine.schemas import Criterion, SettledBy
from engine.settings import CheckSettings
from tests.engine.runs import states
from tests.engine.runs.world import World, world
from tests.journeys.reading import git

PREPARE = PrepareSettings(
    commands=(("sh", "-c", "mkdir deps && wc -c <README.md >deps/size"),),
    locks=("README.md",),
    outputs=("deps",),
)
CHECK = CheckSettings(argv=("sh", "-c", "cat deps/size && test ! -w deps/size"), about="tests")
CRITERION = Criterion(id="AC1", text="The tests pass", settled_by=SettledBy.CHECK, check="tests")


def configured(w: World, prepare: PrepareSettings = PREPARE) -> None:
    repository = w.context.repository.model_copy(update={"prepare": prepare, "checks": {"tests": CHECK}})
    kept = w.remote.parent / "prepared"
    dependencies = Dependencies("data-platform", prepare, w.context.workspace, w.context.sandbox, kept)
    w.context = replace(w.context, repository=repository, dependencies=dependencies)


async def commit_with(w: World, base: str, path: str) -> str:
    """A commit on the base that changes one file."""
    tree = w.remote.parent / "tree"
    await w.context.workspace.checkout(base, tree)
    (tree / path).write_text("changed\n")
    return (await w.context.workspace.commit(tree, base, "Change")).commit


def reviewing(base: str, commit: str) -> Snapshot:
    now = states.rich(str, base, commit)
    (spec,) = now.specs
    draft = spec.draft.model_copy(update={"criteria": (CRITERION,), "artifacts": ("Makefile",)})
    spec = spec.model_copy(update={"draft": draft})
    return now.model_copy(update={"specs": (spec,), "base_results": (), "state": State.REVIEWING})


async def verified(w: World, now: Snapshot, commit: str) -> Verified:
    ended = await RUNS[RunKind.VERIFY](w.run(RunKind.VERIFY, now, commit, number=6))
    assert isinstance(ended, Verified)
    return ended


async def test_checks_see_the_dependencies_of_the_base(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        configured(w)
        base = await w.context.workspace.refresh()
        commit = await commit_with(w, base, "Makefile")
        ended = await verified(w, reviewing(base, commit), commit)
        size = len((await git(w.remote, "show", f"{base}:README.md")).encode())
        key = await w.context.dependencies.key(base)
    assert [(r.where, r.exit_code, r.output_tail) for r in ended.results] == [
        (where, 0, f"{size}\n") for where in (Ran.BASE, Ran.COMMIT, Ran.ARTIFACTS)
    ]
    assert {r.prepared for r in ended.results} == {key}
    assert w.journal.names[0] == "prepare"
    assert w.told[0] == "Preparing dependencies…"


async def test_a_commit_that_changes_a_lock_file_is_not_checked(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        configured(w)
        base = await w.context.workspace.refresh()
        commit = await commit_with(w, base, "README.md")
        ended = await verified(w, reviewing(base, commit), commit)
    at_base, *others = ended.results
    assert at_base.green
    assert [(r.where, r.ended, r.green, r.tells) for r in others] == [
        (where, UNPREPARED, False, False) for where in (Ran.COMMIT, Ran.ARTIFACTS)
    ]
    assert all("README.md differs from the base" in r.output_tail for r in others)


async def test_what_cannot_be_prepared_ends_the_run_with_the_reason(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        configured(
            w, PREPARE.model_copy(update={"commands": (("sh", "-c", "echo no such package; exit 4"),)})
        )
        base = await w.context.workspace.refresh()
        with pytest.raises(RepositoryUnusable, match="no such package"):
            await verified(w, reviewing(base, base), base)
    assert w.journal.names == []
