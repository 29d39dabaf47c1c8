"""Why exit code 0 may not mean that the work was done: summaries, changed tests, silenced checkers."""

import pytest

from engine.events import CheckResult, Fact, Ran
from engine.gate import settle
from engine.request import Settled, Status
from engine.runs.trials import is_test
from engine.silencers import silencers, without_silencers
from engine.tallies import Tally, doubt, tallies
from tests.engine.specs import COMMIT, DRAFT, result


def unittest(ran: int, **words: int) -> str:
    counts = ", ".join(f"{name.replace('_', ' ')}={number}" for name, number in words.items())
    verdict = "FAILED" if {"failures", "errors"} & words.keys() else "OK"
    end = f"{verdict} ({counts})" if counts else verdict
    return f"...\n{'-' * 70}\nRan {ran} test{'s' * (ran != 1)} in 0.1s\n\n{end}\n"


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (unittest(4), {"unittest": Tally(4)}),
        (unittest(4, failures=2, errors=1), {"unittest": Tally(4, 3)}),
        (unittest(4, skipped=1, expected_failures=1), {"unittest": Tally(2, 0, 2)}),
        (unittest(4) + unittest(2, failures=1), {"unittest": Tally(6, 1)}),
        ("Ran 0 tests in 0.0s\n\nNO TESTS RAN\n", {"unittest": Tally(0)}),
        ("=== 3 failed, 1 passed in 0.98s ===\n", {"pytest": Tally(4, 3)}),
        ("3 passed, 2 skipped, 1 xfailed, 4 deselected in 61.2s (0:01:01)\n", {"pytest": Tally(3, 0, 7)}),
        ("1 passed, 1 error in 0.9s\n", {"pytest": Tally(1, 1)}),
        ("no tests ran in 0.01s\n", {"pytest": Tally(0)}),
        ("4 tests collected in 0.01s\n", {}),
        ("# tests 3\n# pass 1\n# fail 1\n# skipped 1\n# todo 0\n", {"node": Tally(2, 1, 1)}),
        ("\u2139 pass 3\n\u2139 fail 0\n", {"node": Tally(3)}),
        ("Tests:       1 failed, 1 skipped, 2 passed, 4 total\n", {"jest": Tally(3, 1, 1)}),
        (" Tests  2 failed | 3 passed (5)\n", {"jest": Tally(5, 2)}),
        (
            "test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured; 1 filtered out; finished in 0.1s\n",
            {"cargo": Tally(3, 0, 3)},
        ),
        ("0 violations\n", {}),
    ],
)
def test_summaries_of_runners_are_read(output: str, found: dict[str, Tally]) -> None:
    assert tallies(output) == found


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (unittest(4, failures=3), unittest(4), ""),
        (unittest(1, errors=1), unittest(9, skipped=0), ""),
        ("", "", ""),
        ("", unittest(3), ""),
        (unittest(4, failures=3), "", "summary that unittest ends with is missing"),
        (unittest(4, failures=3), unittest(4, failures=3), "counts 3 failed"),
        ("", unittest(4, failures=1), "counts 1 failed"),
        (unittest(4, failures=3), unittest(3), "fewer tests than before the work (3 instead of 4)"),
        (unittest(4, failures=1), unittest(5, skipped=1), "left out more tests"),
        (unittest(4, failures=1), "4 passed in 0.1s\n", "summary that unittest ends with is missing"),
    ],
)
def test_exit_code_0_is_doubted_by_the_runners_own_words(before: str, after: str, says: str) -> None:
    found = doubt(before, after)
    assert says in found
    assert bool(says) == bool(found)


def shown(*trials: CheckResult, before: str = "", after: str = "") -> Settled:
    """How the criterion that `tests` settles stands, with these trials besides."""
    base = result("tests", Ran.BASE, 2, output_tail=before)
    green = [result("tests", where, output_tail=after) for where in (Ran.COMMIT, Ran.ARTIFACTS)]
    facts = [Fact(criterion="AC1", at_base=False, at_commit=True)]
    return next(
        s for s in settle(DRAFT, [base], [*green, *trials], facts, [], commit=COMMIT) if s.id == "AC5"
    )


def test_red_with_the_tests_of_before_is_not_checked() -> None:
    red = result("tests", Ran.OLD_TESTS, 1, about=("test/test_a.py",))
    assert shown(red).status is Status.NOT_CHECKED
    assert "red with test/test_a.py as before the work" in shown(red).evidence
    assert shown(result("tests", Ran.OLD_TESTS)).status is Status.PASSED
    assert shown(result("lint-sql", Ran.OLD_TESTS, 1)).status is Status.PASSED


def test_red_without_comments_that_silence_is_not_checked() -> None:
    red = result("tests", Ran.UNSILENCED, 1, about=("a.py:1 (noqa)", "b", "c", "d"))
    assert shown(red).status is Status.NOT_CHECKED
    assert "a.py:1 (noqa), b, c and 1 more" in shown(red).evidence
    assert shown(result("tests", Ran.UNSILENCED)).status is Status.PASSED


def test_red_without_what_bends_tests_is_not_checked() -> None:
    red = result("tests", Ran.UNBENT, 1, about=("a.py:3 (unittest.TestCase.run)",))
    assert shown(red).status is Status.NOT_CHECKED
    assert "bends how tests compare and count: a.py:3 (unittest.TestCase.run)" in shown(red).evidence
    assert shown(result("tests", Ran.UNBENT)).status is Status.PASSED


OURS = ("test_*.py", "web/a.test.js")
RED, GREEN = unittest(4, failures=3), unittest(4)


def control(where: Ran, exit_code: int, output: str, *unseen: str) -> CheckResult:
    """A run with failing tests planted beside OURS."""
    return result("tests", where, exit_code, output_tail=output, about=OURS, unseen=unseen)


def controlled(exit_code: int, output: str, *unseen: str, at_base: tuple[str, ...] = ()) -> Settled:
    base = control(Ran.BASE_CONTROL, 1, unittest(8, failures=7), *at_base)
    return shown(control(Ran.CONTROL, exit_code, output, *unseen), base, before=RED, after=GREEN)


def test_a_check_that_does_not_fail_beside_failing_tests_is_not_checked() -> None:
    for found, says in (
        (controlled(0, unittest(8)), "it stays so"),
        (controlled(1, unittest(8, failures=3)), "of 4 failing tests of ours beside its own it counts 3"),
        (controlled(1, unittest(8, failures=4), "web/a.test.js"), "beside web/a.test.js do not show"),
    ):
        assert found.status is Status.NOT_CHECKED
        assert says in found.evidence


def test_a_check_that_fails_beside_failing_tests_can_fail() -> None:
    passed = controlled(1, unittest(8, failures=4))
    assert (passed.status, "with failing tests of ours" in passed.evidence) == (Status.PASSED, True)
    assert shown(control(Ran.CONTROL, 1, unittest(8, failures=4)), after=GREEN).status is Status.PASSED


def test_failing_tests_that_are_not_collected_at_the_base_prove_nothing() -> None:
    assert controlled(0, GREEN, *OURS, at_base=OURS).status is Status.PASSED
    assert controlled(1, unittest(8, failures=4), OURS[1], at_base=(OURS[1],)).status is Status.PASSED
    stops_at_the_first = control(Ran.BASE_CONTROL, 1, unittest(1, failures=1))
    one = control(Ran.CONTROL, 1, unittest(1, failures=1))
    found = shown(one, stops_at_the_first, before=unittest(1, failures=1), after=unittest(4))
    assert found.status is Status.PASSED


def test_comments_that_silence_are_found_and_misspelt() -> None:
    before = "import os  # noqa\n"
    after = "import re  # noqa: F401\n# type: ignore[x]\nSELECT 1 -- sqlfluff:off\n// @ts-ignore\n"
    after += "noquarter\nmypy: {a: noqa}\n"
    text = before + after
    assert silencers(text, before) == (
        (2, "noqa"),
        (3, "type: ignore"),
        (4, "sqlfluff:"),
        (5, "@ts-ignore"),
    )
    without = without_silencers(text, before)
    assert without.startswith(f"{before}import re  # xxxx: F401\n# xxxx: xxxxxx[x]\n")
    assert (len(without), silencers(without, before)) == (len(text), ())


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("test/data/plans.csv", True),
        ("test_price.py", True),
        ("src/price_test.go", True),
        ("src/price.test.js", True),
        ("src/tests.py", True),
        ("src/price.py", False),
        ("src/latest_prices.py", False),
        ("docs/contest.md", False),
    ],
)
def test_tests_are_told_by_their_names(path: str, test: bool) -> None:
    assert is_test(path) is test
