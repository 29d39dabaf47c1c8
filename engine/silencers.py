"""Comments that tell a checker to look away, and how a text reads without them. Pure."""

import re

# Comments only: to change what a language itself reads would change what the code does.
_MARKS = re.compile(
    r"\b(?:noqa|nolint|nosec|nosemgrep|NOLINT\w*|type:\s*ignore|pylint:|flake8:|ruff:|mypy:|pyright:|pyre-\w+"
    r"|isort:|fmt:\s*(?:off|skip)|yapf:|bandit:|pragma:\s*no\s*(?:cover|branch)|sqlfluff:|yamllint\s+disable"
    r"|shellcheck\s+disable|hadolint\s+ignore|tflint-ignore|checkov:skip|markdownlint-\w+|prettier-ignore"
    r"|(?:es|ts|js|style)lint-disable\w*|biome-ignore|deno-lint-ignore|(?:c8|v8|istanbul)\s+ignore"
    r"|rubocop:|phpcs:|phpstan-ignore|clang-format\s+off|codespell:ignore|pyproject-fmt:|ktlint-disable)"
    r"|@ts-(?:ignore|nocheck|expect-error)",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"#|//|--|/\*|<!--|^\s*[*;%]")


def silencers(text: str, before: str = "") -> tuple[tuple[int, str], ...]:
    """Line number, from 1, and wording of each such comment that did not stand in the text before."""
    known = set(before.splitlines())
    return tuple(
        (number, match[0])
        for number, line in enumerate(text.splitlines(), start=1)
        if line not in known
        for match in _MARKS.finditer(line, _comment_in(line))
    )


def without_silencers(text: str, before: str = "") -> str:
    """The text with each of them misspelt, so that nobody obeys it; as long as it was."""
    known = set(before.splitlines())
    return "".join(
        line if line.rstrip("\r\n") in known else _without(line) for line in text.splitlines(keepends=True)
    )


def _comment_in(line: str) -> int:
    """Where the first comment of a line may begin, by the marks of many languages."""
    found = _COMMENT.search(line)
    return found.start() if found else len(line)


def _without(line: str) -> str:
    at = _comment_in(line)
    return line[:at] + _MARKS.sub(_misspelt, line[at:])


def _misspelt(match: re.Match[str]) -> str:
    return re.sub(r"\w", "x", match[0])
