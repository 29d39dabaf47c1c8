"""What `init` proposes, from files alone."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.prepare_settings import PrepareSettings
from engine.proposing import Files, Proposal, propose, wanted


def proposed(files: Mapping[str, str]) -> Proposal:
    return propose(Files(paths=frozenset(files), texts={p: text for p, text in files.items() if wanted(p)}))


def argvs(files: Mapping[str, str]) -> dict[str, str]:
    return {check.name: " ".join(check.argv) for check in proposed(files).checks}


def prepare(files: Mapping[str, str]) -> PrepareSettings:
    found = proposed(files).prepare
    assert found is not None
    return PrepareSettings.model_validate(found.model_dump(exclude={"where"}))


PYPROJECT = '[project]\nname = "x"\ndependencies = ["idna"]\n'
PYTEST, RUFF, MYPY = "[tool.pytest.ini_options]\n", "[tool.ruff]\n", "[tool.mypy]\n"


# ---------------------------------------------------------------- checks


def test_targets_of_a_makefile_come_first() -> None:
    makefile = "X := 1\n.PHONY: test\ntest: build\n\tpytest\nlint-sql:\n\tx\nbuild:\n\tx\nformat:\n\tx\n"
    files = {"Makefile": makefile, "pyproject.toml": PYTEST + RUFF, "src/x.py": ""}
    assert argvs(files) == {"tests": "make test", "lint-sql": "make lint-sql", "lint": "ruff check ."}
    notes = " ".join(proposed(files).notes)
    assert "build, format" in notes
    assert "“python -m pytest -o pythonpath=src” would be tests too; I took Makefile, target test" in notes


@pytest.mark.parametrize(
    ("files", "tests"),
    [
        ({"pyproject.toml": PYTEST, "x.py": ""}, "python -m pytest"),
        ({"pyproject.toml": PYTEST, "src/x/__init__.py": ""}, "python -m pytest -o pythonpath=src"),
        ({"pyproject.toml": f'{PYTEST}pythonpath = ["src"]\n', "src/x/__init__.py": ""}, "python -m pytest"),
        ({"pyproject.toml": PYPROJECT, "tests/test_x.py": ""}, "python -m pytest"),
        ({"setup.py": "", "setup.cfg": "[tool:pytest]\n"}, "python -m pytest"),
        ({"tox.ini": "[pytest]\n"}, "python -m pytest"),
        ({"package.json": '{"scripts": {"test": "node --test"}}'}, "npm run test"),
        ({"package.json": '{"scripts": {"test": "jest"}}', "yarn.lock": ""}, "yarn run test"),
        ({"package.json": '{"scripts": {"test": "jest"}}', "pnpm-lock.yaml": ""}, "pnpm run test"),
        ({"GNUmakefile": "check::\n\tx\n"}, "make check"),
        ({".gitlab-ci.yml": "unit:\n  script: [uv run pytest -q tests]\n"}, "pytest -q tests"),
        (
            {".github/workflows/ci.yml": "jobs: {a: {steps: [{run: npm ci}, {run: npm test}]}}"},
            "npm test",
        ),
    ],
)
def test_how_tests_are_run(files: dict[str, str], tests: str) -> None:
    assert argvs(files)["tests"] == tests


def test_linters_and_types_by_their_configuration() -> None:
    files = {"pyproject.toml": RUFF + "[tool.ruff.format]\n" + MYPY, "x.py": ""}
    assert argvs(files) == {"lint": "ruff check .", "format": "ruff format --check .", "types": "mypy ."}
    assert argvs({"setup.cfg": "[flake8]\n", "mypy.ini": "[mypy]\nfiles = x\n", "setup.py": ""}) == {
        "lint": "flake8",
        "types": "mypy",
    }


def test_a_placeholder_is_no_test_and_other_scripts_are_told() -> None:
    scripts = {"test": 'echo "Error: no test specified" && exit 1', "build": "tsc", "type-check": "tsc"}
    found = proposed({"package.json": json.dumps({"scripts": scripts})})
    assert [(check.name, check.argv) for check in found.checks] == [("types", ("npm", "run", "type-check"))]
    assert any("placeholder" in note for note in found.notes)
    assert any("build" in note for note in found.notes)


@pytest.mark.parametrize(
    "line", ["pytest; rm -rf /", "pytest $(id)", "pytest 'a b'", "pytest | tee x", "curl x"]
)
def test_a_line_for_a_shell_is_never_proposed(line: str) -> None:
    assert argvs({".gitlab-ci.yml": f"unit:\n  script:\n    - {json.dumps(line)}\n"}) == {}


# ---------------------------------------------------------------- preparation


@pytest.mark.parametrize(
    ("files", "command", "locks", "output"),
    [
        ({"pyproject.toml": PYPROJECT, "uv.lock": ""}, "uv sync", ("pyproject.toml", "uv.lock"), ".venv"),
        ({"pyproject.toml": "", "poetry.lock": ""}, "poetry", ("pyproject.toml", "poetry.lock"), ".venv"),
        ({"pyproject.toml": "", "pdm.lock": ""}, "pdm sync", ("pyproject.toml", "pdm.lock"), ".venv"),
        ({"requirements.txt": "idna==3.10\n"}, "python -m venv", ("requirements.txt",), ".venv"),
        (
            {"package.json": '{"dependencies": {"a": "1"}}', "package-lock.json": "{}", ".npmrc": ""},
            "npm ci --ignore-scripts",
            ("package.json", "package-lock.json", ".npmrc"),
            "node_modules",
        ),
        (
            {"package.json": '{"devDependencies": {"a": "1"}}', "pnpm-lock.yaml": ""},
            "pnpm install --frozen-lockfile",
            ("package.json", "pnpm-lock.yaml"),
            "node_modules",
        ),
    ],
)
def test_what_installs_the_dependencies(
    files: dict[str, str], command: str, locks: tuple[str, ...], output: str
) -> None:
    found = prepare(files)
    assert " ".join(found.commands[0]).startswith(command)
    assert (found.locks, found.outputs) == (locks, (output,))


def test_included_requirements_are_locks_and_own_code_is_not_installed() -> None:
    files = {
        "requirements.txt": "idna==3.10\n",
        "requirements-dev.txt": "-r requirements.txt\n-c constraints.txt\npytest==9\n",
        "constraints.txt": "",
        "requirements-local.txt": "-e .\n",
    }
    found = prepare(files)
    assert found.locks == ("requirements-dev.txt", "constraints.txt", "requirements.txt")
    assert found.commands[1][-2:] == ("-r", "requirements-dev.txt")
    assert any("requirements-local.txt" in note for note in proposed(files).notes)


def test_workspaces_bring_their_package_json() -> None:
    files = {
        "package.json": '{"workspaces": ["packages/*"]}',
        "package-lock.json": "{}",
        "packages/a/package.json": "{}",
        "packages/b/package.json": "{}",
        "other/package.json": "{}",
    }
    assert prepare(files).locks[2:] == ("packages/a/package.json", "packages/b/package.json")


def test_python_and_javascript_are_prepared_together() -> None:
    files = {
        "requirements.txt": "idna==3.10\n",
        "package.json": '{"dependencies": {"a": "1"}}',
        "package-lock.json": "{}",
    }
    assert set(prepare(files).outputs) == {".venv", "node_modules"}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"package.json": '{"dependencies": {"a": "1"}}'}, "no package-lock.json"),
        ({"pyproject.toml": PYPROJECT}, "no uv.lock"),
        ({"Pipfile.lock": "{}"}, "Pipfile.lock"),
        ({"go.mod": ""}, "Go"),
        ({"tox.ini": ""}, "tox"),
        ({"README.md": ""}, "no checks"),
        ({"apps/web/package.json": "{}", "libs/x/go.mod": ""}, "apps/web, libs/x"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.99"\n'}, "needs Python 3.99"),
        ({"package.json": "{"}, "could not be read"),
        ({"package.json": "[]"}, "could not be read"),
        ({"pyproject.toml": "["}, "could not be read"),
        ({".gitlab-ci.yml": "a: [b"}, "could not be read"),
    ],
)
def test_what_cannot_be_told_is_said(files: dict[str, str], told: str) -> None:
    found = proposed(files)
    assert found.prepare is None
    assert any(told in note for note in found.notes)


# ---------------------------------------------------------------- untrusted

NAMES = st.sampled_from(
    ["Makefile", "package.json", "pyproject.toml", "setup.cfg", "tox.ini", "requirements.txt", "uv.lock",
     "package-lock.json", ".gitlab-ci.yml", ".github/workflows/a.yml", "src/x.py", "go.mod"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["scripts", "dependencies", "workspaces", "jobs", "tool", "project"])
TEXTS = st.text(max_size=80) | st.dictionaries(KEYS, JSON, max_size=4).map(json.dumps)


@given(st.dictionaries(NAMES, TEXTS, max_size=6))
def test_whatever_files_hold_what_is_proposed_can_be_configured(files: dict[str, str]) -> None:
    found = proposed(files)
    if found.prepare is not None:
        PrepareSettings.model_validate(found.prepare.model_dump(exclude={"where"}))
        assert set(found.prepare.locks) <= set(files)
    for check in found.checks:
        assert check.argv
        assert all(word and word.isprintable() for word in check.argv)
