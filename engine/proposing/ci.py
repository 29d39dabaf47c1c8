"""What continuous integration runs: a hint, and never more than that."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from engine.proposing.found import Files, Findings, Purpose

_WORKFLOW = re.compile(r"\.github/workflows/[^/]+\.ya?ml")
GITLAB = ".gitlab-ci.yml"
_PLAIN = re.compile(r"[A-Za-z0-9_./:=@,+-]+(?: [A-Za-z0-9_./:=@,+-]+){0,20}")
_PURPOSES = (
    (re.compile(r"(make|npm|npm run|pnpm|yarn) test"), Purpose.TESTS),
    (re.compile(r"(python -m )?pytest\b.*|(go|cargo) test\b.*"), Purpose.TESTS),
    (re.compile(r"(make|npm run|pnpm|yarn) lint|ruff check\b.*|flake8\b.*|eslint\b.*"), Purpose.LINT),
    (re.compile(r"ruff format\b.*--check.*|black\b.*--check.*|prettier\b.*--check.*"), Purpose.FORMAT),
    (re.compile(r"mypy\b.*|pyright\b.*|tsc\b.*"), Purpose.TYPES),
)
_WRAPPERS = re.compile(r"^(?:uv run|poetry run|pdm run|hatch run|npx|pipenv run) ")
_MOST = 200


def is_ci(path: str) -> bool:
    """Whether this file says what continuous integration runs."""
    return path == GITLAB or _WORKFLOW.fullmatch(path) is not None


def ci(files: Files) -> Findings:
    """Lines that are one plain command of a known kind."""
    found = Findings()
    for path in sorted(path for path in files.paths if is_ci(path)):
        try:
            read = yaml.safe_load(files.text(path))
        except (yaml.YAMLError, RecursionError, ValueError):
            found.note(f"{path} could not be read.")
            continue
        for line in list(_lines(read))[:_MOST]:
            command = _WRAPPERS.sub("", " ".join(line.split()))
            purpose = next((purpose for form, purpose in _PURPOSES if form.fullmatch(command)), None)
            if purpose is not None and _PLAIN.fullmatch(command):
                found.check(purpose, tuple(command.split(" ")), f"{path}, which runs “{line.strip()[:80]}”")
    return found


def _lines(read: Any) -> Iterator[str]:
    """The command lines of GitHub's steps and GitLab's scripts."""
    jobs = _values(read.get("jobs")) if isinstance(read, dict) else []
    for job in jobs[:_MOST]:
        for step in _items(job.get("steps"))[:_MOST] if isinstance(job, dict) else ():
            if isinstance(step, dict) and isinstance(step.get("run"), str):
                yield from step["run"].splitlines()[:_MOST]
    for job in _values(read)[:_MOST]:
        for line in _items(job.get("script"))[:_MOST] if isinstance(job, dict) else ():
            if isinstance(line, str):
                yield from line.splitlines()[:_MOST]


def _values(of: Any) -> list[Any]:
    return list(of.values()) if isinstance(of, dict) else []


def _items(of: Any) -> list[Any]:
    return of if isinstance(of, list) else []
