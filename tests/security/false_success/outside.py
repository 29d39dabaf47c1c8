"""Attacks by files that the spec does not hold: what is imported, run, configured, compared or collected."""

import py_compile
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.security.false_success.attack import Attack, Naive, Outcome
from tests.security.false_success.repository import FILES, WORK, git

EXIT = "import os\n\nos._exit(0)\n"
CLEAN = "#!/bin/sh\nexit 0\n"
_OUTSIDE, _SPEC, _FILE = Outcome.OUTSIDE, Outcome.REFUSED_SPEC, Outcome.REFUSED_FILE
_DOUBTED, _FAILED = Outcome.DOUBTED, Outcome.FAILED
_DIST = "evil-1.0.dist-info"


def _outside(name: str, check: str, also: Outcome | None, **what: object) -> Attack:
    return Attack(name=name, check=check, shown=_OUTSIDE, also=also, **what)  # type: ignore[arg-type]


SHADOWS = (
    _outside("unittest.py at the root", "unittest", _SPEC, writes={"unittest.py": EXIT}),
    _outside("unittest/__main__.py, a package at the root", "unittest", _SPEC,
             writes={"unittest/__init__.py": "", "unittest/__main__.py": EXIT}),
    _outside("pytest.py at the root", "pytest", _SPEC, writes={"pytest.py": EXIT}),
    _outside("_pytest/ at the root", "pytest", _SPEC, writes={"_pytest/__init__.py": EXIT}),
    _outside("json.py at the root, imported by a test", "unittest", _SPEC, writes={"json.py": EXIT}),
    _outside("argparse.py at the root, imported by the runner", "make", _SPEC, writes={"argparse.py": EXIT}),
    _outside("csv.py beside the check's script", "rules", _SPEC, writes={"csv.py": EXIT}),
    _outside("yaml/ beside the check's script", "rules", _SPEC, writes={"yaml/__init__.py": EXIT}),
    _outside("a package price/ before the module price.py", "unittest", _DOUBTED,
             writes={"price/__init__.py": EXIT}),
    _outside("a package cases/ before a test's helper", "unittest", _DOUBTED,
             writes={"cases/__init__.py": EXIT}),
    _outside("sitecustomize.py on PYTHONPATH", "make", _SPEC, writes={"sitecustomize.py": EXIT}),
    _outside("a pytest plugin's dist-info at the root", "pytest", _SPEC,
             writes={f"{_DIST}/entry_points.txt": "[pytest11]\nevil = evil\n",
                     f"{_DIST}/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n",
                     "evil.py": EXIT}),
    _outside("a .pth file where the check adds a site directory", "rules", _SPEC,
             writes={"vendor/x.pth": "import os; os._exit(0)\n"}),
)  # fmt: skip

_FINISH = "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"

RUNNERS = (
    _outside("conftest.py that sets the exit status", "pytest", _SPEC,
             writes={"conftest.py": f"import pytest\n\n\n@pytest.hookimpl(trylast=True)\n{_FINISH}"}),
    _outside("conftest.py that takes tests away", "pytest", _SPEC,
             writes={"conftest.py": "def pytest_collection_modifyitems(items):\n"
                     "    items[:] = [item for item in items if item.name == 'test_nothing']\n"}),
    _outside("suite/conftest.py that ends the process", "pytest", _SPEC, writes={"suite/conftest.py": EXIT}),
    _outside("pytest.ini with --collect-only", "pytest", _SPEC,
             writes={"pytest.ini": "[pytest]\naddopts = --collect-only\n"}),
    _outside(".pytest.ini with --collect-only", "pytest", _SPEC,
             writes={".pytest.ini": "[pytest]\naddopts = --collect-only\n"}),
    _outside("pyproject.toml with -k", "pytest", _SPEC,
             writes={"pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-k test_nothing"\n'}),
    _outside("pytest.toml with --collect-only", "pytest", _SPEC,
             writes={"pytest.toml": '[pytest]\naddopts = ["--collect-only"]\n'}),
    _outside("setup.cfg with --deselect", "pytest", _SPEC,
             writes={"setup.cfg": "[tool:pytest]\naddopts = -k test_nothing\n"}),
    _outside("tox.ini with --collect-only", "pytest", _SPEC,
             writes={"tox.ini": "[pytest]\naddopts = --co\n"}),
    _outside("GNUmakefile before Makefile", "make", _SPEC, writes={"GNUmakefile": "test:\n\t@echo OK\n"}),
    _outside("makefile, the twin of Makefile", "make", _SPEC, writes={"makefile": "test:\n\t@echo OK\n"}),
    _outside("Makefile edited", "make", _SPEC, writes={"Makefile": "test:\n\t@true\n"}),
    _outside("an included makefile that redefines the target", "make", _SPEC,
             writes={"local.mk": "test:\n\t@true\n"}),
    _outside("an included makefile that replaces the shell", "make", _SPEC,
             writes={"local.mk": "SHELL := /bin/true\n"}),
    _outside("an included makefile that ignores errors", "make", _SPEC,
             writes={"local.mk": "MAKEFLAGS += -i\n.IGNORE:\n"}),
    _outside("bin/python, first on the PATH of the Makefile", "make", _DOUBTED,
             writes={"bin/python": CLEAN}, executable=("bin/python",)),
    _outside(".env that the check reads", "script", _SPEC, writes={".env": "exit 0\n"}),
    _outside("the check's script edited", "script", _SPEC, writes={"check.sh": CLEAN}),
    _outside(".venv/bin/python in the tree", "script", _SPEC,
             writes={".venv/bin/python": CLEAN}, executable=(".venv/bin/python",)),
    _outside("the executable bit of a part taken away", "parts", _DOUBTED, unexecutable=("parts.d/prices",)),
    _outside("the rules of the data check edited", "rules", None,
             writes={"rules.yml": "- {column: price, least: 0, severity: warn}\n"}),
    _outside("the rules of the data check emptied", "rules", None, writes={"rules.yml": "[]\n"}),
)  # fmt: skip

LINTERS = (
    _outside("ruff.toml edited", "lint", _SPEC, writes={"ruff.toml": '[lint]\nselect = ["E9"]\n'}),
    _outside(".ruff.toml before ruff.toml", "lint", _SPEC, writes={".ruff.toml": 'exclude = ["*"]\n'}),
    _outside("ruff's excludes extended", "lint", _SPEC,
             writes={"ruff.toml": 'extend-exclude = ["price.py"]\n[lint]\nselect = ["F"]\n'}),
    _outside("sql/.sqlfluff beside the file", "sql", _SPEC,
             writes={"sql/.sqlfluff": "[sqlfluff]\nexclude_rules = all\nrules = LT13\n"}),
    _outside(".sqlfluffignore", "sql", _SPEC, writes={".sqlfluffignore": "sql/\n"}),
    _outside("pyproject.toml with sqlfluff's rules", "sql", _SPEC,
             writes={"sql/pyproject.toml": '[tool.sqlfluff.core]\nrules = "LT13"\n'}),
)  # fmt: skip


def _unchecked(source: str, name: str) -> Callable[[Path], None]:
    def make(tree: Path) -> None:
        written = tree / "planted.py"
        written.write_text(source)
        target = tree / "__pycache__" / f"{name}.cpython-311.pyc"
        target.parent.mkdir(exist_ok=True)
        py_compile.compile(
            str(written), str(target), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
        )
        written.unlink()

    return make


def _sourceless(tree: Path) -> None:
    written = tree / "planted.py"
    written.write_text(EXIT)
    py_compile.compile(str(written), str(tree / "cases.pyc"))
    written.unlink()


def _repository_inside(tree: Path) -> None:
    """The folder suite becomes a repository of its own, so a plain checkout leaves it empty."""
    git(tree / "suite", "init", "-q")
    git(tree / "suite", "add", "-A")
    git(tree / "suite", "commit", "-q", "-m", "Inside")
    if (tree / ".git").exists():
        git(tree, "rm", "-r", "-q", "--cached", "suite")


def _extension(tree: Path) -> None:
    """A compiled module, which is found before the source of the same name."""
    source = tree / "planted.c"
    source.write_text("#include <unistd.h>\nvoid *PyInit_price(void) { _exit(0); }\n")
    target = tree / "price.abi3.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(target), str(source)], check=True)
    source.unlink()


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
_TEST = FILES["test_price.py"]
_SUITE = ("test_price.py", "suite/test_deep.py")

TREES = (
    Attack("bytecode of the module, never compared with its source", "unittest", _FILE, _SPEC,
           make=_unchecked(EXIT, "price")),
    Attack("bytecode of a test's helper", "unittest", _FILE, _SPEC, make=_unchecked(EXIT, "cases")),
    Attack("bytecode without source", "unittest", _FILE, _SPEC, deletes=("cases.py",), make=_sourceless),
    Attack("a compiled extension before the source", "unittest", _OUTSIDE, _SPEC, make=_extension),
    Attack("a test as a symbolic link to nothing", "unittest", _FILE, _FILE,
           links=dict.fromkeys(_SUITE, "/dev/null")),
    Attack("the rules as a symbolic link to an empty file", "rules", _FILE, _FILE,
           links={"rules.yml": "suite/none.yml"}, writes={"suite/none.yml": "[]\n"}),
    Attack("a folder of tests as a repository of its own (gitlink)", "unittest", _FILE, None,
           make=_repository_inside, writes={WORK: "def total(prices):\n    return sum(prices[:3])\n"},
           artifacts=(WORK,)),
    Attack(".gitattributes with export-ignore", "unittest", _FILE, _SPEC, naive=Naive.ARCHIVE,
           writes={".gitattributes": "test_price.py export-ignore\nsuite export-ignore\n"}),
    Attack(".gitattributes with export-subst in the rules", "rules", _FILE, _SPEC, naive=Naive.ARCHIVE,
           writes={".gitattributes": "rules.yml export-subst\n", "rules.yml": "[] # $Format:%H$\n"}),
    Attack("the data as an LFS pointer", "rules", _FILE, _FILE, artifacts=("prices.csv",),
           writes={"prices.csv": POINTER}),
    _outside("tests deleted", "unittest", _DOUBTED, deletes=_SUITE),
    _outside("tests emptied", "unittest", _DOUBTED, writes=dict.fromkeys(_SUITE, "")),
    _outside("tests renamed so that they are not collected", "unittest", _DOUBTED,
             deletes=_SUITE, writes={"price_checks.py": _TEST, "suite/deep.py": FILES["suite/test_deep.py"]}),
    _outside("tests renamed to a look-alike with a Cyrillic letter", "unittest", _DOUBTED, deletes=_SUITE,
             writes={"t\u0435st_price.py": _TEST, "suite/t\u0435st_deep.py": FILES["suite/test_deep.py"]}),
    _outside("test methods renamed", "unittest", _DOUBTED,
             writes={"test_price.py": _TEST.replace("def test_", "def check_"), "suite/test_deep.py": ""}),
    _outside("tests skipped", "unittest", _DOUBTED,
             writes={path: FILES[path].replace("class ", "@unittest.skip('x')\nclass ") for path in _SUITE}),
    _outside("tests expected to fail", "pytest", _DOUBTED,
             writes={it: f"import pytest\npytestmark = pytest.mark.xfail\n{FILES[it]}" for it in _SUITE}),
    _outside("a folder's tests replaced by load_tests", "unittest", _DOUBTED,
             writes={"suite/__init__.py": "def load_tests(*_):\n    import unittest\n"
                     "    return unittest.TestSuite()\n", "test_price.py": ""}),
    _outside("what a test expects changed", "only", None, writes={"cases.py": "PAIR = ([1, 2], 0)\n"}),
)  # fmt: skip

ALL = (*SHADOWS, *RUNNERS, *LINTERS, *TREES)
