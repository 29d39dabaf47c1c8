"""What package.json and the lock files beside it offer."""

import fnmatch
import json
import re
from typing import Any

from engine.proposing.found import Files, Findings, ProposedPrepare, Purpose

_PURPOSES = (
    (re.compile(r"test|test:unit|unit"), Purpose.TESTS),
    (re.compile(r"lint|eslint|lint:check"), Purpose.LINT),
    (re.compile(r"format:check|check:format|check-format|prettier:check"), Purpose.FORMAT),
    (re.compile(r"types?|type-?check|check-?types|check:types|types:check|tsc"), Purpose.TYPES),
)
_PLACEHOLDER = "no test specified"
_MOST_WORKSPACES = 40
_MEMORY_MB = 16384  # of address space: node reserves 10 gigabytes for a WebAssembly module, which fetch is

_MANAGERS = {
    "package-lock.json": ("npm", ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")),
    "npm-shrinkwrap.json": ("npm", ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")),
    "pnpm-lock.yaml": ("pnpm", ("pnpm", "install", "--frozen-lockfile", "--ignore-scripts")),
    "yarn.lock": ("yarn", ("yarn", "install", "--frozen-lockfile", "--ignore-scripts")),
}
_BESIDE = (".npmrc", ".yarnrc", "pnpm-workspace.yaml")


def package_json(files: Files) -> Findings:
    """Scripts that sound like checks, and what installs the dependencies."""
    found = Findings()
    if not files.has("package.json"):
        return found
    package = _parsed(files.text("package.json"))
    if package is None:
        found.note("package.json could not be read, so nothing was proposed from it.")
        return found
    lock = next((name for name in _MANAGERS if files.has(name)), None)
    manager = _MANAGERS[lock][0] if lock else "npm"
    _scripts(found, package, manager)
    _dependencies(found, files, package, lock)
    return found


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        package = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return package if isinstance(package, dict) else None


def _table(package: dict[str, Any], key: str) -> dict[str, Any]:
    value = package.get(key)
    return value if isinstance(value, dict) else {}


def _scripts(found: Findings, package: dict[str, Any], manager: str) -> None:
    left = []
    for name, script in _table(package, "scripts").items():
        purpose = next((purpose for form, purpose in _PURPOSES if form.fullmatch(name)), None)
        if purpose is None:
            left.append(name)
        elif _PLACEHOLDER in str(script):
            found.note("package.json's script test is npm's placeholder, which always fails: left out.")
        else:
            where = f"package.json, script {name}"
            found.check(purpose, (manager, "run", name), where, memory_mb=_MEMORY_MB)
    if left:
        found.note(f"package.json has other scripts that I did not take for checks: {', '.join(left[:12])}.")


def _dependencies(found: Findings, files: Files, package: dict[str, Any], lock: str | None) -> None:
    needed = any(_table(package, key) for key in ("dependencies", "devDependencies", "optionalDependencies"))
    if not needed and "workspaces" not in package:
        return
    if lock is None:
        found.note(
            "package.json names dependencies, but there is no package-lock.json, pnpm-lock.yaml or "
            "yarn.lock: commit one, so that they can be prepared."
        )
        return
    manager, command = _MANAGERS[lock]
    if manager == "yarn" and files.has(".yarnrc.yml"):
        found.note("Yarn 2 and newer may not make node_modules: I propose no preparation for it.")
        return
    more = [name for name in _BESIDE if files.has(name)]
    found.prepare = ProposedPrepare(
        commands=(command,),
        locks=("package.json", lock, *more, *_workspaces(files, package)),
        outputs=("node_modules",),
        where=lock,
    )
    found.note(
        "Scripts that packages run when they are installed are switched off (--ignore-scripts): take that "
        "out if one needs it."
    )


def _workspaces(files: Files, package: dict[str, Any]) -> list[str]:
    """The package.json files of the workspaces, which the manager reads too."""
    given = package.get("workspaces")
    patterns = given.get("packages") if isinstance(given, dict) else given
    if not isinstance(patterns, list):
        return []
    wanted = [f"{pattern.strip('/')}/package.json" for pattern in patterns if isinstance(pattern, str)]
    found = {
        path
        for path in files.paths
        if path.endswith("/package.json") and any(fnmatch.fnmatchcase(path, pattern) for pattern in wanted)
    }
    return sorted(found)[:_MOST_WORKSPACES]
