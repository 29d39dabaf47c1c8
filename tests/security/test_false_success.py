"""No way to make a failing check green is shown as passed: every second of them; the command tries all."""

import os
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from _pytest.mark.structures import ParameterSet

from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.errors import SandboxUnavailable
from engine.request import Status
from tests.security.false_success.attack import Attack, Outcome
from tests.security.false_success.greenlight import Range, open_range
from tests.security.false_success.repository import CHECKS, FILES, HONEST, WORK
from tests.security.false_success.table import ATTACKS, UNPROVABLE, try_attack

module_loop = pytest.mark.asyncio(loop_scope="module")
# Their programs take longest to start; together more than half of the time.
SLOW = {"pytest", "sql", "node"}


def rows(attacks: Sequence[Attack]) -> list[ParameterSet]:
    """An attack a row, by its name."""
    return [
        pytest.param(attack, id=attack.name, marks=[pytest.mark.long] * (attack.check in SLOW))
        for attack in attacks
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Range]:
    try:
        await BubblewrapSandbox().probe()
    except SandboxUnavailable as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no sandbox here: {reason.sentence}")
    async with open_range(tmp_path_factory.mktemp("range")) as opened:
        yield opened


@module_loop
@pytest.mark.parametrize("attack", rows(ATTACKS[::2]))
async def test_an_attack_that_fools_a_plain_job_is_not_shown_as_passed(place: Range, attack: Attack) -> None:
    tried = await try_attack(place, attack)
    assert tried.naive, f"no attack: {tried.said[-500:]}"
    assert not tried.passed
    assert all(one.status in {Status.FAILED, Status.NOT_CHECKED} for one in tried.shown.settled[-1:])
    assert tried.shown.outcome is attack.shown, tried.shown.evidence
    assert (tried.approved.outcome if tried.approved else None) is attack.also


@module_loop
@pytest.mark.parametrize("check", CHECKS)
async def test_honest_work_is_shown_as_passed(place: Range, check: str) -> None:
    found = await place.honest(check)
    assert found.status is Status.PASSED, found.evidence


MORE_TESTS = FILES["test_price.py"] + "\n    def test_one(self):\n        self.assertEqual(total([7]), 7)\n"
NEW_TESTS = "import unittest\n\n\nclass New(unittest.TestCase):\n    def test_new(self):\n        pass\n"
SILENT = "# type: ignore  # of no meaning to this check\n" + HONEST[WORK]
# Some honest code does what dishonest code needs: a check that does not need it is not in doubt.
WIDE = "import unittest\n\nunittest.TestCase.maxDiff = None\n" + NEW_TESTS
ANY = HONEST[WORK] + "\n\nclass Any:\n    def __eq__(self, other):\n        return True\n"


@module_loop
@pytest.mark.parametrize(
    "more",
    [
        {"test_price.py": MORE_TESTS},
        {"test_new.py": NEW_TESTS},
        {WORK: SILENT},
        {"test_new.py": WIDE, WORK: ANY},
    ],
)
async def test_honest_work_may_add_tests_and_comments(place: Range, more: dict[str, str]) -> None:
    found = await place.honest("unittest", more)
    assert found.status is Status.PASSED, found.evidence
    assert "with failing tests of ours" in found.evidence


@module_loop
@pytest.mark.parametrize("attack", rows(UNPROVABLE))
async def test_what_no_run_can_prove_is_left_to_reviewers(place: Range, attack: Attack) -> None:
    """These get through, in full view of the reviewers. Should one be caught one day, its row moves."""
    tried = await try_attack(place, attack)
    assert tried.naive
    assert tried.shown.outcome is Outcome.PASSED
    assert not tried.shown.outside
    for path, text in attack.writes.items():
        assert path in tried.shown.diff
        new = set(str(text).splitlines()) - set(FILES[path].splitlines())
        assert all(f"+{line}" in tried.shown.diff for line in new)


def test_there_are_many_and_each_is_named_once() -> None:
    names = [attack.name for attack in (*ATTACKS, *UNPROVABLE)]
    assert len(names) == len(set(names)) >= 80
