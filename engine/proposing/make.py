"""What a Makefile offers."""

import re

from engine.proposing.found import Files, Findings, Purpose

NAMES = ("GNUmakefile", "makefile", "Makefile")
_TARGET = re.compile(r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,38})[ \t]*::?(?!=)", re.MULTILINE)
_PURPOSES = (
    (re.compile(r"tests?|unit(-?tests?)?|pytest|check"), Purpose.TESTS),
    (re.compile(r"lint(ing)?|ruff|flake8|eslint|style"), Purpose.LINT),
    (re.compile(r"(check-?format|format-?check|fmt-?check|check-?fmt)"), Purpose.FORMAT),
    (re.compile(r"types?|type-?check|check-?types|mypy|pyright|tsc"), Purpose.TYPES),
)
_MORE = re.compile(r"(test|lint|check|validate)[-_][a-z0-9_-]+|[a-z0-9]+[-_](test|tests|lint|check)")
_CHANGES = re.compile(r"fix|format$|update|release|deploy|publish|clean|docker|integration|e2e|watch|ci$")


def makefile(files: Files) -> Findings:
    """Targets that sound like checks."""
    found = Findings()
    name = next((name for name in NAMES if files.has(name)), None)
    if name is None:
        return found
    targets = list(dict.fromkeys(_TARGET.findall(files.text(name))))
    left = []
    for target in targets:
        lowered = target.lower()
        purpose = next((purpose for form, purpose in _PURPOSES if form.fullmatch(lowered)), None)
        where = f"{name}, target {target}"
        if purpose is not None:
            found.check(purpose, ("make", target), where)
        elif _MORE.fullmatch(lowered) and not _CHANGES.search(lowered):
            found.check(
                Purpose.LINT, ("make", target), where, name=lowered, about=re.sub(r"[-_.]+", " ", lowered)
            )
        else:
            left.append(target)
    if left:
        found.note(f"{name} has other targets that I did not take for checks: {', '.join(left[:12])}.")
    return found
