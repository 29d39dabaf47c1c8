"""Mutants tried in forks of one process that has collected the tests and imported all they need."""

import ast
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from tests.mutation.look import Known, References, look, passes
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.swap import Functions, NotSwapped, functions_of, swap
from tests.mutation.targets import ROOT

_GRACE_S = 10.0
_BEST = 5
"""So many tests are tried first as killed most so far."""


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"
    UNTOUCHED = "survived: no test runs this line"


ALIVE = {Fate.SURVIVED, Fate.UNTOUCHED}


@dataclass(frozen=True)
class Tried:
    """A mutant, what became of it, and the test that killed it."""

    mutant: Mutant
    fate: Fate
    by: str = ""

    @property
    def place(self) -> str:
        """Where it is, and what is changed."""
        mutant = self.mutant
        return (
            f"{mutant.module.relative_to(ROOT)}:{mutant.line}: {_short(mutant.old)}  ->  {_short(mutant.new)}"
        )


class Trial:
    """A pytest plugin that tries mutants instead of running the tests once.

    Args:
        modules: Files to be changed, under the root.
        wanted: Which of their mutants.
        jobs: How many at once.
        budget_s: Tests of a mutant beyond this many seconds are left out: it may survive by that, never die.
        say: Where progress goes.
    """

    def __init__(
        self,
        modules: Sequence[Path],
        wanted: Callable[[list[Mutant]], list[Mutant]],
        *,
        jobs: int,
        budget_s: float,
        say: Callable[[str], None],
    ) -> None:
        self.tried: list[Tried] = []
        self.red: list[str] = []
        self._kills = Counter[str]()
        self._modules = modules
        self._wanted = wanted
        self._jobs = jobs
        self._budget_s = budget_s
        self._say = say
        self._trees = {path: ast.parse(path.read_text("utf-8"), str(path)) for path in modules}

    def pytest_collection(self) -> None:
        """A failure need not be the smallest one."""
        from hypothesis import Phase, settings

        settings.register_profile(
            "mutation", settings(), phases=(Phase.explicit, Phase.generate), report_multiple_bugs=False
        )
        settings.load_profile("mutation")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Look once at what the tests do, then try each mutant."""
        if session.testsfailed:
            raise pytest.UsageError("the tests could not be collected")
        items = {item.nodeid: item for item in session.items}
        references = References(self._trees)
        looked = _forked(partial(look, session.items, references.files))
        known: Known = pickle.loads(looked)  # noqa: S301 - our own fork
        self.red = known.red
        functions = functions_of(self._modules)
        imported = {str(getattr(m, "__file__", "")): m for m in list(sys.modules.values())}
        every = []
        for path, tree in self._trees.items():
            every += self._wanted(list(mutants(path, tree, vars(imported[str(path)]))))
        self._say(f"{len(items)} tests take {sum(known.seconds.values()):.0f} s; {len(every)} mutants")
        running: dict[int, tuple[Mutant, int]] = {}
        for mutant in every:
            chosen = self._chosen(mutant, known, references)
            if not chosen:
                self._note(Tried(mutant, Fate.UNTOUCHED))
                continue
            if len(running) >= self._jobs:
                self._ended(running)
            limit = _GRACE_S + 4 * sum(known.seconds[one] for one in chosen)
            work = partial(
                self._try,
                mutant,
                imported[str(mutant.module)],
                functions,
                [items[one] for one in chosen],
                limit,
            )
            pid, pipe = _fork(work)
            running[pid] = (mutant, pipe)
        while running:
            self._ended(running)
        return True

    def _chosen(self, mutant: Mutant, known: Known, references: References) -> list[str]:
        found = {
            name
            for file, first, last in references.of(mutant)
            for line, names in known.lines.get(str(file), {}).items()
            if first <= line <= last
            for name in names
        }
        chosen: list[str] = []
        spent = 0.0
        quickest = sorted(found - set(known.red), key=lambda one: (known.seconds[one], one))
        best = [one for one, _ in self._kills.most_common(_BEST) if one in quickest]
        for name in dict.fromkeys((*best, *quickest)):
            spent += known.seconds[name]
            if chosen and spent > self._budget_s:
                break
            chosen.append(name)
        return chosen

    def _try(
        self,
        mutant: Mutant,
        module: ModuleType,
        functions: Functions,
        items: list[pytest.Item],
        limit_s: float,
    ) -> bytes:
        watch = threading.Timer(limit_s, os._exit, (_TIMED_OUT,))
        watch.daemon = True
        watch.start()
        tree = self._trees[mutant.module]
        try:
            swap(mutant, tree, module, functions)
        except NotSwapped:
            return _anew(mutant, tree, [item.nodeid for item in items], limit_s).encode()
        except Exception as error:  # noqa: BLE001 - a mutant that cannot even be made
            return f"{type(error).__name__} when it is made".encode()
        return next((item.nodeid for item in items if not passes(item)), "").encode()

    def _ended(self, running: dict[int, tuple[Mutant, int]]) -> None:
        pid, status = os.wait()
        if pid not in running:
            return
        mutant, pipe = running.pop(pid)
        with os.fdopen(pipe, "rb") as stream:
            by = stream.read().decode()
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(status)
        if code == _TIMED_OUT:
            self._note(Tried(mutant, Fate.TIMED_OUT))
        elif code == 0:
            self._note(Tried(mutant, Fate.KILLED if by else Fate.SURVIVED, by))
        else:
            self._note(Tried(mutant, Fate.KILLED, f"its process ended with {code}"))

    def _note(self, tried: Tried) -> None:
        self.tried.append(tried)
        self._kills[tried.by] += tried.fate is Fate.KILLED
        if tried.fate in ALIVE:
            no_test = "  (no test runs it)" if tried.fate is Fate.UNTOUCHED else ""
            self._say(f"SURVIVED {tried.place}{no_test}")
        if len(self.tried) % 100 == 0:
            alive = sum(one.fate in ALIVE for one in self.tried)
            self._say(f"… {len(self.tried)} tried, {alive} survived")


_TIMED_OUT = 70


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 110 else f"{line[:109]}…"


def _anew(mutant: Mutant, tree: ast.Module, tests: list[str], limit_s: float) -> str:
    """The test that kills it in a process that imports the module with it; empty if none does."""
    environment = {**os.environ, "GREENLIGHT_MUTANT": f"{mutant.module}\n{ast.unparse(tree)}"}
    words = ["-n", "0", "-x", "-q", "-p", "tests.mutation.anew", "-p", "no:cacheprovider", "-m", ""]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words, *tests],
            cwd=ROOT, env=environment, capture_output=True, timeout=limit_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        os._exit(_TIMED_OUT)
    if done.returncode == 0:
        return ""
    last = done.stdout.decode("utf-8", "replace").strip().splitlines()
    failed = [line for line in last if line.startswith(("FAILED", "ERROR"))]
    return (failed or ["its import"])[0].removeprefix("FAILED ").partition(" - ")[0]


def _fork(work: Callable[[], bytes]) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    code = 71
    try:
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.close(reading)
        with os.fdopen(writing, "wb") as stream:
            stream.write(work())
        code = 0
    finally:
        os._exit(code)


def _forked(work: Callable[[], bytes]) -> bytes:
    pid, pipe = _fork(work)
    with os.fdopen(pipe, "rb") as stream:
        answer = stream.read()
    os.waitpid(pid, 0)
    return answer
