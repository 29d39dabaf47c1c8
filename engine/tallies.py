"""What test runners say at their end about how many tests they ran. Pure.

Output can be forged by whatever runs in the process, so a tally never makes a check green. It only raises
doubt: exit code 0 with a summary that is missing, counts failures, or counts fewer tests than before.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Tally:
    """Tests that were run to an end, those of them that failed, and those that were left out on purpose."""

    ran: int = 0
    failed: int = 0
    left_out: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.ran + other.ran, self.failed + other.failed, self.left_out + other.left_out)


# Where a runner begins to sum up, and the words after its numbers: passed, failed, left out.
_UNITTEST = re.compile(
    r"^Ran (\d+) tests? in .*\n(?:\n(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?)?", re.MULTILINE
)
_PYTEST = re.compile(r"^(?:=+ )?((?:\d+ [a-z]+(?:, )?)+|no tests ran) in \d[\d.]*s\b.*$", re.MULTILINE)
_CARGO = re.compile(r"^test result: \S+ (.*?);? finished in", re.MULTILINE)
_JEST = re.compile(r"^\s*Tests:?  +((?:\d+ [a-z]+(?:, | \| )?)+)", re.MULTILINE)
_NODE = re.compile(r"^(?:#|\u2139) (pass|fail|cancelled|skipped|todo) (\d+)$", re.MULTILINE)
_COUNT = re.compile(r"(\d+) ([a-z]+)")
_NAMED_COUNT = re.compile(r"([a-z ]+)=(\d+)")

_PASSED = frozenset({"passed", "pass", "xpassed"})
_FAILED = frozenset({"failed", "fail", "failures", "cancelled"})
_BROKEN = frozenset({"error", "errors"})  # not a test, or not only
_LEFT_OUT = frozenset(
    {"skipped", "xfailed", "deselected", "ignored", "todo", "filtered", "expected failures"}
)


def tallies(output: str) -> Mapping[str, Tally]:
    """The sums of each runner whose summary stands in the output, by the runner's name."""
    found: dict[str, Tally] = {}
    for match in _UNITTEST.finditer(output):
        _add(found, "unittest", _of_unittest(int(match[1]), match[2] or ""))
    for name, form in (("pytest", _PYTEST), ("cargo", _CARGO), ("jest", _JEST)):
        for match in form.finditer(output):
            _add(found, name, _counted([(word, int(n)) for n, word in _COUNT.findall(match[1])]))
    node = [(word, int(number)) for word, number in _NODE.findall(output)]
    if node:
        _add(found, "node", _counted(node))
    return found


def doubt(before: str, after: str) -> str:
    """Why exit code 0 does not mean that the tests of before passed, to follow “although”; or nothing.

    Args:
        before: Output from before the work.
        after: Output that ended with exit code 0.
    """
    then, now = tallies(before), tallies(after)
    sentences = (_doubt(name, then.get(name), now.get(name)) for name in sorted({*then, *now}))
    return next((sentence for sentence in sentences if sentence), "")


def _doubt(name: str, then: Tally | None, now: Tally | None) -> str:
    if now is None:
        return f"the summary that {name} ends with is missing"
    if now.failed:
        return f"{name}'s own summary counts {now.failed} failed"
    if then is None:
        return ""
    if now.ran < then.ran:
        return f"{name} ran fewer tests than before the work ({now.ran} instead of {then.ran})"
    if now.left_out > then.left_out:
        return f"{name} left out more tests than before the work ({now.left_out} instead of {then.left_out})"
    return ""


def _add(found: dict[str, Tally], name: str, tally: Tally) -> None:
    found[name] = found.get(name, Tally()) + tally


def _of_unittest(ran: int, words: str) -> Tally:
    counts = {name.strip(): int(number) for name, number in _NAMED_COUNT.findall(words)}
    left_out = sum(number for name, number in counts.items() if name in _LEFT_OUT)
    failed = sum(number for name, number in counts.items() if name in _FAILED | _BROKEN)
    return Tally(ran=max(0, ran - left_out), failed=failed, left_out=left_out)


def _counted(counts: list[tuple[str, int]]) -> Tally:
    def of(names: frozenset[str]) -> int:
        return sum(number for name, number in counts if name in names)

    return Tally(ran=of(_PASSED) + of(_FAILED), failed=of(_FAILED) + of(_BROKEN), left_out=of(_LEFT_OUT))
