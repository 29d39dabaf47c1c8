"""What is looked up in git objects, and when the checks have to run at the base once more."""

from pathlib import Path

import pytest

from bot.playground.script import SCENARIOS, Scenario
from engine.events import CheckResult, Ran
from engine.files import MAX_READ_BYTES
from engine.runs.verify import base_is_known, command, look_up
from engine.settings import CheckSettings
from tests.engine.runs.world import world
from tests.engine.specs import CHECKS, CRITERIA, result
from tests.journeys.reading import git

WANTED = {name: CHECKS[name] for name in ("tests", "lint-sql")}
TESTS, LINT = result("tests", Ran.BASE, 2), result("lint-sql", Ran.BASE)


@pytest.mark.parametrize(
    ("results", "known"),
    [
        ((TESTS, LINT), True),
        ((TESTS,), False),
        ((result("tests", Ran.BASE, None, ended="timeout"), LINT), False),
        ((result("tests", Ran.BASE, None, ended="start"), LINT), False),
        ((result("tests", Ran.BASE, argv=("make", "old-test")), LINT), False),
        ((result("tests", Ran.BASE, prepared="other dependencies"), LINT), False),
    ],
)
def test_the_base_is_known_by_todays_commands_that_ended(
    results: tuple[CheckResult, ...], known: bool
) -> None:
    assert base_is_known(results, WANTED) is known


def test_a_check_gets_the_bounds_that_are_configured() -> None:
    limits = command(CheckSettings(argv=("true",), timeout_s=7, memory_mb=300), Path()).limits
    assert (limits.wall_s, limits.cpu_s, limits.memory_mb) == (7, 14, 300)


@pytest.mark.parametrize(("size", "at_commit", "unread"), [(10, True, False), (MAX_READ_BYTES, False, True)])
async def test_a_text_is_looked_for_only_in_files_that_can_be_read(
    tmp_path: Path, size: int, at_commit: bool, unread: bool
) -> None:
    async with world(tmp_path, [Scenario.load(SCENARIOS / "conversation-resolution-time")]) as w:
        base = (await git(w.remote, "rev-parse", "main")).strip()
        (tmp_path / "large").write_text(f"{' ' * size}{CRITERIA[1].literal}")
        index = {"GIT_INDEX_FILE": str(tmp_path / "index")}
        await git(w.remote, "read-tree", base, **index)
        blob = (await git(w.remote, "hash-object", "-w", str(tmp_path / "large"))).strip()
        entry = f"100644,{blob},{CRITERIA[1].path}"
        await git(w.remote, "update-index", "--add", "--cacheinfo", entry, **index)
        tree = (await git(w.remote, "write-tree", **index)).strip()
        nobody = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        commit = (await git(w.remote, "commit-tree", tree, "-p", base, "-m", "Large", **nobody)).strip()
        await git(w.remote, "update-ref", "refs/heads/main", commit)
        await w.context.workspace.refresh()
        fact = await look_up(w.context.workspace, CRITERIA[1], base, commit)
    assert (fact.at_base, fact.at_commit) == (False, at_commit)
    assert (str(MAX_READ_BYTES) in fact.unread) is unread
