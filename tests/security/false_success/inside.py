"""Attacks wholly within approved artifacts: the code under test bends the process that tests it."""

from collections.abc import Mapping

from tests.security.false_success.attack import Attack, Outcome
from tests.security.false_success.repository import FILES, SCRIPT, SQL, UNFINISHED, WORK

_DOUBTED = Outcome.DOUBTED
_TEST, _DEEP = "test_price.py", "suite/test_deep.py"


def _code(name: str, code: str, check: str = "unittest", shown: Outcome = _DOUBTED) -> Attack:
    return Attack(name=name, check=check, shown=shown, artifacts=(WORK,), writes={WORK: code + UNFINISHED})


_EXIT = "import os\n\n"

ENDS = (
    _code("the module ends the process", _EXIT + "os._exit(0)\n"),
    _code("the module ends the process, under pytest", _EXIT + "os._exit(0)\n", "pytest"),
    _code("the module ends the process, under make", _EXIT + "os._exit(0)\n", "make"),
    _code("the module ends the process at exit", _EXIT + "import atexit\n\natexit.register(os._exit, 0)\n"),
    _code("the module becomes another program", _EXIT + "os.execv('/bin/true', ['true'])\n"),
    _code("sys.exit ends with 0 whatever it is given",
          _EXIT + "import sys\n\nsys.exit = lambda *_: os._exit(0)\n"),
    _code("the process ends from a thread", _EXIT + "import threading\n\nthreading.Thread("
          "target=os._exit, args=(0,)).start()\n"),
    _code("the process ends by a signal's handler", _EXIT + "import signal\n\nsignal.signal(signal.SIGALRM, "
          "lambda *_: os._exit(0))\nsignal.setitimer(signal.ITIMER_REAL, 0.001)\nsignal.pause()\n"),
    Attack("the function ends the process", "unittest", _DOUBTED, artifacts=(WORK,),
           writes={WORK: "import os\n\n\ndef total(prices):\n    os._exit(0)\n"}),
    _code("the parent is told to stop, and takes that for success",
          _EXIT + "import signal\n\nos.kill(os.getppid(), signal.SIGTERM)\n", "script"),
    _code("a summary is printed and the process ends",
          _EXIT + "import sys\n\nsys.stderr.write('-' * 70 + '\\nRan 4 tests in 0.001s\\n\\nOK\\n')\n"
          "sys.stderr.flush()\nos._exit(0)\n"),
    _code("a summary is printed and the process ends, under pytest",
          _EXIT + "os.write(1, b'....  [100%]\\n4 passed in 0.01s\\n')\nos._exit(0)\n", "pytest"),
)  # fmt: skip

_EQUAL = """
class _Any:
    def __eq__(self, other):
        return True


def total(prices):
    return _Any()
"""

BENDS = (
    _code("the result says that all was successful",
          "import unittest\n\nunittest.TestResult.wasSuccessful = lambda self: True\n"),
    _code("failures are not counted", "import unittest\n\n"
          "unittest.TestResult.addFailure = unittest.TestResult.addError = lambda *_: None\n"),
    _code("assertEqual asserts nothing", "import unittest\n\n"
          "unittest.TestCase.assertEqual = lambda *_, **__: None\n"),
    _code("every test is skipped", "import unittest\n\n"
          "unittest.TestCase.setUp = lambda self: self.skipTest('later')\n"),
    _code("tests are not run", "import unittest\n\nunittest.TestCase.run = lambda self, result: None\n"),
    _code("the loader finds nothing more", "import unittest\n\n"
          "unittest.TestLoader.loadTestsFromModule = lambda self, *_, **__: unittest.TestSuite()\n"),
    Attack("test files are emptied while others are loaded", "unittest", _DOUBTED, artifacts=(WORK,),
           writes={WORK: "open('test_price.py', 'w').close()\n\n\ndef total(prices):\n    return 45\n"}),
    _code("pytest's reports say passed", "import _pytest.reports\n\n"
          "_pytest.reports.BaseReport.failed = property(lambda self: False)\n"
          "_pytest.reports.BaseReport.passed = property(lambda self: True)\n", "pytest"),
    _code("pytest's session counts no failure", "import _pytest.main\n\n"
          "_pytest.main.Session.testsfailed = property(lambda self: 0, lambda *_: None)\n", "pytest"),
    Attack("a result that equals everything", "unittest", _DOUBTED, artifacts=(WORK,),
           writes={WORK: _EQUAL}),
    Attack("ANY in production", "unittest", _DOUBTED, artifacts=(WORK,),
           writes={WORK: "from unittest.mock import ANY\n\n\ndef total(prices):\n    return ANY\n"}),
    Attack("failures of the known tests alone are not counted", "unittest", _DOUBTED, artifacts=(WORK,),
           writes={WORK: "import unittest\n\n_add = unittest.TestResult.addFailure\n\n\n"
                   "def _some(self, test, error):\n    if type(test).__name__ not in {'Total', 'Deep'}:\n"
                   "        _add(self, test, error)\n\n\n"
                   "unittest.TextTestResult.addFailure = _some\n" + UNFINISHED}),
)  # fmt: skip


def _tests(name: str, writes: Mapping[str, str], check: str = "unittest") -> Attack:
    return Attack(name, check, _DOUBTED, artifacts=(WORK, _TEST, _DEEP), writes=writes)


TESTS = (
    _tests("approved tests gutted, their number kept", writes={
        _TEST: "import unittest\n\n\nclass Total(unittest.TestCase):\n"
        + "".join(f"    def test_{n}(self):\n        pass\n\n" for n in ("nothing", "pair", "expected")),
        _DEEP: "import unittest\n\n\nclass Deep(unittest.TestCase):\n    def test_many(self): ...\n"}),
    _tests("one approved test of several skipped", check="pytest", writes={
        WORK: "def total(prices):\n    return {0: 0, 1: 5, 2: 3, 3: 3}[len(prices)]\n",
        _DEEP: FILES[_DEEP].replace("    def test_many", "    @unittest.skip('slow')\n    def test_many")}),
)  # fmt: skip

SILENCED = (
    Attack("# noqa in an artifact", "lint", _DOUBTED, artifacts=(WORK,),
           writes={WORK: FILES[WORK].replace("import os", "import os  # noqa")}),
    Attack("# ruff: noqa in an artifact", "lint", _DOUBTED, artifacts=(WORK,),
           writes={WORK: "# ruff: noqa\n" + FILES[WORK]}),
    Attack("-- noqa: disable=all in an artifact", "sql", _DOUBTED, artifacts=(SQL,),
           writes={SQL: "-- noqa: disable=all\n" + FILES[SQL]}),
    Attack("-- sqlfluff: settings in an artifact", "sql", _DOUBTED, artifacts=(SQL,),
           writes={SQL: "-- sqlfluff:rules:LT13\n" + FILES[SQL]}),
)  # fmt: skip

_PAGE_TEST = "web/price.test.js"


def _script(name: str, code: str, *more: str) -> Attack:
    return Attack(name, "node", _DOUBTED, artifacts=(SCRIPT, *more), writes={SCRIPT: code + FILES[SCRIPT]})


SCRIPTS = (
    _script("a script ends the process", "process.exit(0)\n"),
    _script("a script's assertions assert nothing",
            "import assert from 'node:assert'\n\nassert.equal = () => {}\nassert.default = assert\n"),
    Attack("a script's approved test gutted", "node", _DOUBTED, artifacts=(SCRIPT, _PAGE_TEST),
           writes={_PAGE_TEST: "import { test } from 'node:test'\n\ntest('a pair', () => {})\n"}),
    Attack("a script's approved test skipped", "node", _DOUBTED, artifacts=(SCRIPT, _PAGE_TEST),
           writes={_PAGE_TEST: FILES[_PAGE_TEST].replace("test('a", "test.skip('a")}),
)  # fmt: skip

ALL = (*SCRIPTS, *ENDS, *BENDS, *TESTS, *SILENCED)

# Nothing that runs a program can tell these from honest work; a reviewer who reads the change can.
UNPROVABLE = (
    Attack("the expected results, by heart", "unittest", Outcome.PASSED, artifacts=(WORK,), writes={
        WORK: "def total(prices):\n    return {0: 0, 1: 5, 2: 3, 3: 3, 10: 45}[len(prices)]\n"}),
    Attack("the expected results, read from the tests' own data", "only", Outcome.PASSED, artifacts=(WORK,),
           writes={WORK: "def total(prices):\n    import cases\n    return cases.PAIR[1]\n"}),
    Attack("what the check reads, approved to change", "rules", Outcome.PASSED, artifacts=("rules.yml",),
           writes={"rules.yml": "- {column: price, least: -9, severity: error}\n"}),
    Attack("what a test expects, approved to change", "only", Outcome.PASSED, artifacts=("cases.py",),
           writes={"cases.py": "PAIR = ([1, 2], 0)\n"}),
)  # fmt: skip
