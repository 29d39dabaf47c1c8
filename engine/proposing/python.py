"""What pyproject.toml, requirements files and other files of Python projects offer."""

import re
import sys
import tomllib
from collections.abc import Mapping
from typing import Any

from engine.proposing.found import Files, Findings, ProposedPrepare, Purpose

_VENV = ".venv"
_REQUIREMENTS = re.compile(r"(requirements[\w.-]*|[\w-]*requirements)\.(txt|lock)")
_INCLUDED = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[ =]?\s*(\S+)", re.MULTILINE)
_OWN_CODE = re.compile(r"^\s*(?:-e|--editable)\b|^\s*\.{1,2}(?:[/\[]|$)", re.MULTILINE)
_SETUPS = ("pyproject.toml", "setup.py", "setup.cfg")


def python(files: Files) -> Findings:
    """Configured tools as checks, and what installs the dependencies."""
    found = Findings()
    project = _parsed(found, files)
    _dependencies(found, files, project)
    _version(found, project)
    if any(files.has(name) for name in (*_SETUPS, "pytest.ini", "tox.ini")) or found.prepare:
        _tests(found, files, project)
        _linters(found, files, project)
    for name, tool in (("tox.ini", "tox"), ("noxfile.py", "nox")):
        if files.has(name):
            found.note(
                f"{name}: {tool} makes environments with network, which checks have not; name what it runs "
                "as checks of their own."
            )
    return found


def _parsed(found: Findings, files: Files) -> Mapping[str, Any]:
    if not files.has("pyproject.toml"):
        return {}
    try:
        return tomllib.loads(files.text("pyproject.toml"))
    except (tomllib.TOMLDecodeError, RecursionError):
        found.note("pyproject.toml could not be read, so its tables were not looked at.")
        return {}


def _table(of: Mapping[str, Any], *keys: str) -> Mapping[str, Any] | None:
    """The table there, None if there is none."""
    for key in keys:
        value = of.get(key)
        if not isinstance(value, Mapping):
            return None
        of = value
    return of


def _version(found: Findings, project: Mapping[str, Any]) -> None:
    wanted = str((_table(project, "project") or {}).get("requires-python", ""))
    least = re.search(r">=\s*3\.(\d{1,3})", wanted)
    if least and int(least[1]) > sys.version_info.minor:
        found.note(
            f"pyproject.toml needs Python 3.{least[1]}, and Greenlight runs on 3.{sys.version_info.minor}: "
            f"name a newer one's directory in `toolchain`, and call python3.{least[1]} in `commands`."
        )


# ---------------------------------------------------------------- checks


def _tests(found: Findings, files: Files, project: Mapping[str, Any]) -> None:
    options = _table(project, "tool", "pytest", "ini_options")
    options = _table(project, "tool", "pytest") if options is None else options
    where = next((name for name in ("pytest.ini", ".pytest.ini") if files.has(name)), "")
    if options is not None:
        where = "pyproject.toml, [tool.pytest]"
    if not where and "[tool:pytest]" in files.text("setup.cfg"):
        where = "setup.cfg, [tool:pytest]"
    if not where and "[pytest]" in files.text("tox.ini"):
        where = "tox.ini, [pytest]"
    if not where and any(_is_test(path) for path in files.paths):
        where = "files named test_*.py"
    if not where:
        return
    source = any(path.startswith("src/") and path.endswith(".py") for path in files.paths)
    by_itself = "pythonpath" in (options or ()) or "pythonpath" in files.text("pytest.ini")
    more = ("-o", "pythonpath=src") if source and not by_itself else ()
    # `python -m` also finds packages that lie at the root.
    found.check(Purpose.TESTS, ("python", "-m", "pytest", *more), where)


def _is_test(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def _linters(found: Findings, files: Files, project: Mapping[str, Any]) -> None:
    ruff = next((name for name in ("ruff.toml", ".ruff.toml") if files.has(name)), "")
    if _table(project, "tool", "ruff") is not None:
        ruff = "pyproject.toml, [tool.ruff]"
    if ruff:
        found.check(Purpose.LINT, ("ruff", "check", "."), ruff)
        if _table(project, "tool", "ruff", "format") is not None:
            found.check(Purpose.FORMAT, ("ruff", "format", "--check", "."), f"{ruff}, its table format")
    elif files.has(".flake8") or "[flake8]" in files.text("setup.cfg") + files.text("tox.ini"):
        found.check(Purpose.LINT, ("flake8",), "the configuration of flake8")
    mypy = next((name for name in ("mypy.ini", ".mypy.ini") if files.has(name)), "")
    configured = _table(project, "tool", "mypy")
    if configured is not None:
        mypy = "pyproject.toml, [tool.mypy]"
    if mypy:
        given = not {"files", "packages"}.isdisjoint(configured or ()) or "files" in files.text("mypy.ini")
        found.check(Purpose.TYPES, ("mypy", *(() if given else (".",))), mypy)


# ---------------------------------------------------------------- dependencies


def _dependencies(found: Findings, files: Files, project: Mapping[str, Any]) -> None:
    if files.has("uv.lock"):
        found.prepare = ProposedPrepare(
            commands=(("uv", "sync", "--frozen", "--no-install-project", "--compile-bytecode"),),
            locks=tuple(name for name in ("pyproject.toml", "uv.lock", ".python-version") if files.has(name)),
            outputs=(_VENV,),
            env={"UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy"},
            where="uv.lock",
        )
    elif files.has("poetry.lock"):
        found.prepare = ProposedPrepare(
            commands=(("poetry", "install", "--no-root", "--no-interaction"),),
            locks=tuple(name for name in ("pyproject.toml", "poetry.lock", "poetry.toml") if files.has(name)),
            outputs=(_VENV,),
            env={"POETRY_VIRTUALENVS_IN_PROJECT": "true"},
            where="poetry.lock",
        )
    elif files.has("pdm.lock"):
        found.prepare = ProposedPrepare(
            commands=(("pdm", "sync", "--no-self"),),
            locks=("pyproject.toml", "pdm.lock"),
            outputs=(_VENV,),
            where="pdm.lock",
        )
    elif any(_REQUIREMENTS.fullmatch(path) for path in files.paths):
        _requirements(found, files)
    elif files.has("Pipfile.lock"):
        found.note("Pipfile.lock: I know no preparation for pipenv; export a requirements.txt, or write one.")
    elif (_table(project, "project") or {}).get("dependencies") or _table(
        project, "tool", "poetry", "dependencies"
    ):
        found.note(
            "pyproject.toml names dependencies, but there is no uv.lock, poetry.lock, pdm.lock or "
            "requirements.txt: commit one, so that they can be prepared."
        )


def _requirements(found: Findings, files: Files) -> None:
    names = sorted(path for path in files.paths if _REQUIREMENTS.fullmatch(path))
    included = {path for name in names for path in _INCLUDED.findall(files.text(name)) if files.has(path)}
    own = [name for name in names if _OWN_CODE.search(files.text(name))]
    for name in own:
        found.note(f"{name} installs code of the repository itself, which is not there yet: it was left out.")
    chosen = [name for name in names if name not in own and name not in included]
    if not chosen:
        return
    install = ("python", "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check")
    wanted = tuple(word for name in chosen for word in ("-r", name))
    found.prepare = ProposedPrepare(
        commands=(("python", "-m", "venv", _VENV), (f"{_VENV}/bin/python", *install[1:], *wanted)),
        locks=tuple(dict.fromkeys((*chosen, *sorted(included)))),
        outputs=(_VENV,),
        where=", ".join(chosen),
    )
    if not any("==" in files.text(name) for name in chosen):
        found.note(
            f"{', '.join(chosen)} pins no versions: what is prepared once is kept until the file changes."
        )
