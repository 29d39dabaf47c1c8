"""The runner finds what no test sees, and what guards has no such thing; a few mutants of it each time."""

import ast
import subprocess
import sys
from enum import Enum
from pathlib import Path

import pytest

from tests.mutation.mutants import mutants
from tests.mutation.targets import ROOT


class Colour(Enum):
    RED = 1
    BLUE = 2


def tried(*arguments: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutation", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a <= b", {"a < b", "a > b"}),
        ("x = a and not b", {"a or not b", "a", "not b", "b"}),
        ("x = a in b", {"a not in b"}),
        ("x = 3", {"4", "2"}),
        ("x = ('--no-tags', b)", {"''", "(deleted)"}),
        ("x = 'words for people'", set()),
        ("x = f'{a}:{b}'", {"without {a}", "without :", "without {b}"}),
        ("x = Colour.RED", {"Colour.BLUE"}),
        ("x = {'a': b}", {"(deleted)", "''"}),
        ("x = [a for a in b if a]", {"(deleted)"}),
        ("x = a(b, c=d)", {"(deleted)"}),
        ("if a:\n    b()", {"True", "False", "(deleted)"}),
        ("def f() -> bool:\n    return a", {"True", "False"}),
        ("def f() -> str | None:\n    return a", {"None"}),
        ("def f(x: int = 0): ...", {"1"}),
        ("try:\n    pass\nexcept (A, B):\n    pass", {"raise", "(deleted)"}),
        ("match a:\n    case B() if c:\n        d = e\n    case F():\n        pass", {"(deleted)", "True"}),
        ("assert a\nx: Literal['a']\n'''text'''", set()),
    ],
)
def test_what_is_changed(source: str, expected: set[str]) -> None:
    found = mutants(Path("m.py"), ast.parse(source), {"Colour": Colour})
    assert {one.new for one in found} == expected


def test_what_no_test_sees_is_reported() -> None:
    code, said = tried("--module", "tests/mutation/control.py", "--tests", "tests/mutation/control_tests.py")
    survivors = [line for line in said if line.startswith("SURVIVED")]
    lines = (ROOT / "tests" / "mutation" / "control.py").read_text("utf-8").splitlines()
    places = {lines[int(line.split(":")[1]) - 1].strip() for line in survivors}
    assert code == 1
    assert places == {"OTHER_LIMIT = 3", "return number <= OTHER_LIMIT", "return number + 1"}
    assert [line for line in survivors if "no test runs it" in line and "number + 1" in line]
    assert "tests/mutation/control.py | 21 | 13 | 0 | 0 | 8" in said


CONTROL = ("--module", "tests/mutation/control.py", "--tests", "tests/mutation/control_tests.py")
SEEN = ("--match", r"^9: number <=")  # of `guarded`, whose tests see everything


def test_a_test_that_fails_anyway_is_no_proof(tmp_path: Path) -> None:
    red = tmp_path / "test_red.py"
    red.write_text("from tests.mutation.control import guarded\n\n\ndef test_red():\n    assert guarded(9)\n")
    assert tried(*CONTROL, *SEEN)[0] == 0
    code, said = tried(*CONTROL, *SEEN, "--tests", str(red))
    assert code == 1
    assert [line for line in said if line.startswith("LEFT OUT") and "test_red" in line]
    assert "FAILED: 1 of the tests fail without a mutant; mend them and try again." in said
    assert not [line for line in said if line.startswith("SURVIVED")]


@pytest.mark.parametrize("narrow", [("--match", "no such mutant"), ("--since", "HEAD")])
def test_nothing_tried_is_no_proof(narrow: tuple[str, str]) -> None:
    """The control is as it is committed, so nothing of it changed since."""
    code, said = tried(*CONTROL, *narrow)
    assert code == 1
    assert [line for line in said if line.startswith("FAILED: no mutant was tried")]


def test_no_mutant_lives_of_those_who_may_do_what_and_of_the_scope() -> None:
    code, said = tried("--module", "engine/policy.py", "--module", "engine/scope.py", "--sample", "8")
    assert code == 0, "\n".join(said)
    assert next(line for line in said if line.startswith("all | ")).endswith(" | 0 | 0 | 0")
