"""What the tests do without a mutant: who runs which line, and where what a mutant changes is run."""

import ast
import pickle
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from coverage import Coverage

from tests.mutation.mutants import Mutant
from tests.mutation.swap import assigned
from tests.mutation.targets import ROOT


@dataclass(frozen=True)
class Known:
    """What the tests do without a mutant: how long each takes, and who runs which line of which file."""

    seconds: dict[str, float]
    lines: dict[str, dict[int, list[str]]]
    red: list[str]


def look(items: Sequence[pytest.Item], files: Sequence[Path]) -> bytes:
    watched = Coverage(
        data_file=None,
        include=[str(file) for file in files],
        concurrency=["thread", "greenlet"],
        config_file=False,
    )
    watched.set_option("run:disable_warnings", ["no-data-collected", "module-not-measured"])
    seconds, red = {}, []
    watched.start()
    for item in items:
        watched.switch_context(item.nodeid)
        started = time.monotonic()
        if not passes(item):
            red.append(item.nodeid)
        seconds[item.nodeid] = time.monotonic() - started
    watched.stop()
    data = watched.get_data()
    lines = {file: data.contexts_by_lineno(file) for file in data.measured_files()}
    named = {f: {n: [c for c in cs if c in seconds] for n, cs in by.items()} for f, by in lines.items()}
    return pickle.dumps(Known(seconds, named, red))


def passes(item: pytest.Item) -> bool:
    """Whether a test that was collected succeeds."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


class References:
    """Where what a mutant changes is run: its own lines, or wherever the name that it sets is used."""

    def __init__(self, trees: Mapping[Path, ast.Module]) -> None:
        self._trees = trees
        self._ours = dict(trees)
        names = {_module_name(path) for path in trees}
        for module in list(sys.modules.values()):
            file = Path(getattr(module, "__file__", None) or "/")
            if file.suffix == ".py" and file not in self._ours and _ours(file):
                tree = ast.parse(file.read_text("utf-8"))
                if any(isinstance(one, ast.ImportFrom) and one.module in names for one in ast.walk(tree)):
                    self._ours[file] = tree

    @property
    def files(self) -> list[Path]:
        """Those that can run what a mutant changes: the modules, and who imports from them."""
        return list(self._ours)

    def of(self, mutant: Mutant) -> Iterator[tuple[Path, int, int]]:
        """Files with first and last lines: its statement, or wherever the name that it sets is used."""
        top = next(one for one in self._trees[mutant.module].body if _holds(one, mutant.statement[0]))
        if isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef):
            if mutant.statement[0] == top.lineno or mutant.line < top.lineno:  # its arguments or decorators
                yield mutant.module, top.lineno, top.end_lineno or top.lineno
            else:
                yield mutant.module, *mutant.statement
        elif isinstance(top, ast.ClassDef):
            inner = [s for s in ast.walk(top) if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)
                     and s.lineno < mutant.statement[0] <= (s.end_lineno or 0)]  # fmt: skip
            yield (mutant.module, *mutant.statement) if inner else (mutant.module, 1, sys.maxsize)
        else:
            yield from self._uses(set(assigned(top)), mutant.module)

    def _uses(self, names: set[str], module: Path) -> Iterator[tuple[Path, int, int]]:
        wider = True
        while wider:  # what is made from it at the module's level too
            wider = False
            for statement in self._trees[module].body:
                if isinstance(statement, ast.Assign | ast.AnnAssign) and names & _named(statement):
                    more = set(assigned(statement)) - names
                    wider, names = wider or bool(more), names | more
        for file, tree in self._ours.items():
            for node in ast.walk(tree):
                name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)
                if isinstance(node, ast.Name | ast.Attribute) and name in names:
                    yield file, node.lineno, node.end_lineno or node.lineno


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _ours(file: Path) -> bool:
    return file.is_relative_to(ROOT) and file.relative_to(ROOT).parts[0] in {"bot", "engine"}


def _holds(statement: ast.stmt, line: int) -> bool:
    first = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", ()))])
    last: int = statement.end_lineno or first
    return bool(first <= line <= last)


def _named(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
