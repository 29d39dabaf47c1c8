"""When the checks have to run at the base once more."""

import pytest

from engine.events import CheckResult, Ran
from engine.runs.verify import base_is_known
from tests.engine.specs import CHECKS, result

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
    ],
)
def test_the_base_is_known_by_todays_commands_that_ended(
    results: tuple[CheckResult, ...], known: bool
) -> None:
    assert base_is_known(results, WANTED) is known
