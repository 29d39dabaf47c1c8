"""Print every mutant that no test kills, and the figures a module; exit code 1 if one is left unlisted.

So it is if a test had to be left out because it fails anyway, and if nothing was tried at all.

A runner of our own, since none that is well kept changes what is to be proved here: mutmut 3 changes bodies
of functions only, so that no option of git's (a module's tuple), no default and no decorator is ever
touched, nor removes a guard, a case or an element; cosmic-ray writes into the checkout that others use, and
starts a process with all imports for each mutant. What both leave to others is taken from others: pytest
collects and runs, coverage.py tells which test runs which line.

The checkout is never changed: a mutant lives in the memory of a fork. Its tests are those that run its
line, first a few that killed most so far, then the quickest, up to the first that fails. What
equivalent.toml lists is not tried: it changes nothing that anybody could see, for the reason that stands
there.
"""

import argparse
import ast
import os
import re
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.mutation.mutants import Mutant
from tests.mutation.run import ALIVE, Fate, Trial, Tried
from tests.mutation.targets import ROOT, TARGETS, in_target, tests_of

Say = Callable[[str], None]
Listed = Mapping[str, str]

_LIST = Path(__file__).parent / "equivalent.toml"
_COLUMNS = ("mutants", "killed", "timed out", "equivalent, listed", "survived")
_PYTEST = ("-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", "-q", "-m", "not long and not more")


def main() -> int:
    """Try them; 0 if all that survive are listed, 1 if not or if that is no proof, 2 if no test could run."""
    asked, say, started = _arguments(), _speaker(), time.monotonic()
    modules = [ROOT / name for name in asked.module or TARGETS]
    choice = _Choice(asked, modules)
    trial = Trial(modules, choice, jobs=asked.jobs, budget_s=asked.budget, say=say)
    tests = asked.tests or tests_of([str(path.relative_to(ROOT)) for path in modules])
    code = pytest.main([*_PYTEST, *tests], plugins=[trial])
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        say(f"pytest ended with {code}")
        return 2
    for name in trial.red:
        say(f"LEFT OUT, as it fails without a mutant: {name}")
    if asked.verbose:
        for one in trial.tried:
            say(f"{one.fate}: {one.place}  by {one.by or '-'}")
    survivors = [one for one in trial.tried if one.fate in ALIVE]
    for entry in choice.stale:
        say(f"LISTED, BUT NO MUTANT: {entry['module']}: {entry['old']} -> {entry['new']}")
    _figures(modules, trial.tried, choice.equivalent, say)
    if trial.red:
        say(f"FAILED: {len(trial.red)} of the tests fail without a mutant; mend them and try again.")
    if not trial.tried:
        say("FAILED: no mutant was tried; choose other modules, or others with --match, --since or --sample.")
    say(f"{time.monotonic() - started:.0f} s")
    return int(bool(survivors or choice.stale or trial.red or not trial.tried))


class _Choice:
    """Which mutants are tried: those that are asked for and not listed."""

    def __init__(self, asked: argparse.Namespace, modules: Sequence[Path]) -> None:
        self.equivalent: list[Mutant] = []
        self._asked = asked
        self._listed = [one for one in _read() if ROOT / one["module"] in modules]
        self._used: set[int] = set()
        self._trees = {path: ast.parse(path.read_text("utf-8")) for path in modules}
        self._sources = {path: path.read_text("utf-8").splitlines() for path in modules}

    def __call__(self, mutants: list[Mutant]) -> list[Mutant]:
        if self._asked.since and mutants:
            lines = _changed_since(self._asked.since, mutants[0].module)
            mutants = [one for one in mutants if lines & set(range(one.statement[0], one.statement[1] + 1))]
        mutants = [one for one in mutants if self._is_of_target(one)]
        chosen = [one for one in mutants if not self._is_listed(one) and self._matches(one)]
        step = max(1, len(chosen) // self._asked.sample) if self._asked.sample else 1
        return chosen[::step]

    @property
    def stale(self) -> list[Listed]:
        """What is listed, though there is no such mutant any more."""
        if self._asked.since:
            return []
        return [one for number, one in enumerate(self._listed) if number not in self._used]

    def _is_of_target(self, mutant: Mutant) -> bool:
        name = str(mutant.module.relative_to(ROOT))
        return in_target(name, self._trees[mutant.module], mutant.statement[0])

    def _is_listed(self, mutant: Mutant) -> bool:
        line = self._sources[mutant.module][mutant.line - 1].strip()
        same = [
            number
            for number, one in enumerate(self._listed)
            if ROOT / one["module"] == mutant.module
            and (one["line"].strip(), one["old"], one["new"]) == (line, mutant.old, mutant.new)
        ]
        self._used.update(same)
        self.equivalent += [mutant] * bool(same)
        return bool(same)

    def _matches(self, mutant: Mutant) -> bool:
        text = f"{mutant.line}: {mutant.old} -> {mutant.new}"
        return not self._asked.match or bool(re.search(self._asked.match, text))


def _figures(modules: Sequence[Path], tried: Sequence[Tried], equivalent: Sequence[Mutant], say: Say) -> None:
    say(" | ".join(("module", *_COLUMNS)))
    total: Counter[str] = Counter()
    for path in modules:
        fates = Counter(one.fate for one in tried if one.mutant.module == path)
        same = sum(one.module == path for one in equivalent)
        alive = sum(fates[one] for one in ALIVE)
        numbers = (fates.total() + same, fates[Fate.KILLED], fates[Fate.TIMED_OUT], same, alive)
        total.update(dict(zip(_COLUMNS, numbers, strict=True)))
        say(" | ".join((str(path.relative_to(ROOT)), *map(str, numbers))))
    say(" | ".join(("all", *(str(total[name]) for name in _COLUMNS))))


def _read() -> list[Listed]:
    listed: list[Listed] = tomllib.loads(_LIST.read_text("utf-8")).get("mutant", [])
    return listed


def _changed_since(revision: str, path: Path) -> set[int]:
    words = ["git", "diff", "-U0", revision, "--", str(path)]
    diff = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found: set[int] = set()
    for first, count in re.findall(r"^@@ \S+ \+(\d+)(?:,(\d+))? @@", diff, re.MULTILINE):
        found |= set(range(int(first), int(first) + int(count or 1)))
    return found


def _speaker() -> Say:
    out = os.fdopen(os.dup(1), "w")  # pytest takes the other one

    def say(text: str) -> None:
        out.write(f"{text}\n")
        out.flush()

    return say


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Try mutants.")
    add = parser.add_argument
    add("--module", action="append", help="a file, such as engine/gate.py; without it, all that are named")
    add("--tests", action="append", help="test files instead of those of the module")
    add("--jobs", type=int, default=1, help="how many mutants at once")
    add("--since", metavar="REV", help="only what changed since this commit")
    add("--sample", type=int, default=0, help="about so many mutants a module, evenly spread")
    add("--match", help="only mutants for whose 'line: old -> new' this expression is found")
    add("--budget", type=float, default=30.0, help="seconds of tests a mutant")
    add("--verbose", action="store_true", help="each mutant, and the test that killed it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
