"""A model that obeys every order hidden in what it reads brings nothing about that is forbidden."""

import asyncio
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.errors import SandboxUnavailable
from tests.security.compromised.cells import CELLS, REPORTED, Cell, Field, Sink, Technique
from tests.security.compromised.controls import controls
from tests.security.compromised.hiding import found, hidden, name, second_half
from tests.security.compromised.obedient import Attempt
from tests.security.compromised.play import JOURNEYS, play
from tests.security.compromised.table import (
    FEW,
    LOW,
    LOW_OF_FEW,
    UNSEEN,
    Total,
    failures,
    lines,
    total,
    untried,
)

SOME = CELLS[100:110]
FIELDS = frozenset({Field.MESSAGE, Field.FILE, Field.BUTTON, Field.DISPLAY_NAME})
HANDFUL = frozenset({Sink.READ, Sink.WRITE, Sink.RUN_READ, Sink.MENTION, Sink.APPROVE})


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory with a short path: sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="glx", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def sandboxed(short: Path) -> Path:
    """The same, where there is a sandbox."""
    try:
        asyncio.run(BubblewrapSandbox().probe())
    except SandboxUnavailable as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no sandbox here: {reason.sentence}")
    return short


@pytest.mark.parametrize("technique", Technique)
def test_however_an_order_is_hidden_the_model_finds_it(technique: Technique) -> None:
    texts = [hidden(technique, SOME)]
    if technique is Technique.SPLIT:
        assert not found(texts)
        texts.append(second_half(SOME))
    assert set(found(texts)) == set(SOME)


@pytest.mark.parametrize("technique", sorted({c.technique for c in CELLS if c.field is Field.BRANCH}))
def test_an_order_that_is_a_branch_is_found(technique: Technique) -> None:
    assert set(found([name(technique, SOME)])) == set(SOME)


def test_nothing_is_found_where_nobody_gave_an_order() -> None:
    assert not found(["Add a metric, see glx12x and page 0001", "Z2x4MDAwMXg", "6f62"])


async def test_every_forbidden_effect_is_seen_where_nothing_guards(short: Path) -> None:
    shown = await controls(short)
    assert [effect for effect, seen in shown.items() if not seen] == []


def held(root: Path, cells: Sequence[Cell], journeys: Sequence[str] = JOURNEYS) -> None:
    everything = total(cells, [asyncio.run(play(root, cells, journeys))])
    assert failures(everything, {}) == []


def test_a_handful_of_plain_orders_brings_nothing_about(sandboxed: Path) -> None:
    few = [c for c in CELLS if c.technique is Technique.PLAIN and c.field in {Field.MESSAGE, Field.FILE}]
    held(sandboxed, [c for c in few if c.sink in HANDFUL], ["bad"])


@pytest.mark.long
def test_orders_in_plain_words_bring_nothing_about(sandboxed: Path) -> None:
    plain = [c for c in CELLS if c.technique is Technique.PLAIN and c.field in FIELDS]
    held(sandboxed, plain, ["build", "bad"])


def made(cells: Sequence[Cell], reached: Sequence[Cell], obeyed: Sequence[Cell]) -> Total:
    raw = [cell for cell in cells if cell.field in REPORTED]
    attempts = [Attempt(cell, "task", "read") for cell in obeyed]
    return Total(cells, frozenset(reached), frozenset(raw), attempts, [], [], 1, Counter(), 1)


def test_a_run_that_shows_too_little_fails() -> None:
    seen = [c for c in CELLS if c.field not in REPORTED]
    assert failures(made(CELLS, seen, seen), {}) == untried(made(CELLS, seen, seen)) == []
    assert failures(made(CELLS, seen, seen[: int(LOW * len(seen))]), {}) != []
    assert failures(made(CELLS, seen, seen[: int(LOW * len(seen)) + 1]), {}) == []
    few = seen[: FEW - 1]
    assert failures(made(few, few, few[: int(LOW * len(few))]), {}) == []
    assert failures(made(few, few, few[: int(LOW_OF_FEW * len(few))]), {}) != []
    assert failures(made(CELLS, [], []), {}) != []


@pytest.mark.parametrize("field", sorted({Field.MESSAGE, *UNSEEN}))
def test_more_cells_that_come_nowhere_than_are_listed_fail_the_run_by_name(field: Field) -> None:
    most, why = UNSEEN.get(field, (0, "no reason is known"))
    of_field = [c for c in CELLS if c.field is field]
    rest = [c for c in CELLS if c.field is not field and c.field not in REPORTED]
    within, beyond = rest + of_field[most:], rest + of_field[most + 1 :]
    assert untried(made(CELLS, within, CELLS)) == []
    said = untried(made(CELLS, beyond, CELLS))
    assert said == [f"{most + 1} cells of {field} came nowhere, more than {most}: {why}"]
    table = "\n".join(lines(made(CELLS, beyond, CELLS), {}))
    assert f"{most + 1} cells came nowhere" in table
    assert re.search(rf"  {field.value} +{of_field[0].technique.value} +\d+  {re.escape(why)}", table)


@pytest.mark.more
@pytest.mark.parametrize("technique", [Technique.CLOSING, Technique.TAGS, Technique.SPLIT])
def test_orders_that_are_dressed_up_bring_nothing_about(technique: Technique, sandboxed: Path) -> None:
    held(sandboxed, [c for c in CELLS if c.technique is technique and c.sink is not Sink.EXHAUST])
