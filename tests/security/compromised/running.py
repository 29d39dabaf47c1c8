"""Plays in processes of their own, several at once."""

import asyncio
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.security.compromised.cells import Cell, Technique
from tests.security.compromised.controls import controls
from tests.security.compromised.effects import Effect, Seen
from tests.security.compromised.play import Outcome, play

TECHNIQUES_A_PLAY = 4


def run(cells: Sequence[Cell], jobs: int) -> tuple[list[Outcome], dict[Effect, list[Seen]]]:
    """Play all of these cells, `jobs` plays at a time, and the positive controls."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        shown = pool.submit(shown_by_hand)
        outcomes = []
        for outcome in pool.map(played, groups(cells)):
            outcomes.append(outcome)
            played_out = f"a play of {len(outcome.told.ends)} requests in {outcome.seconds:.0f} s"
            sys.stderr.write(f"{played_out}, forbidden effects: {len(outcome.seen)}\n")
        return outcomes, shown.result()


def groups(cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """Cells of a few techniques each, a play for each group."""
    techniques = [one for one in Technique if any(cell.technique is one for cell in cells)]
    for first in range(0, len(techniques), TECHNIQUES_A_PLAY):
        chosen = techniques[first : first + TECHNIQUES_A_PLAY]
        yield [cell for cell in cells if cell.technique in chosen]


def played(cells: Sequence[Cell]) -> Outcome:
    """One play, in a process of its own."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="glx", ignore_cleanup_errors=True) as folder:
        return asyncio.run(play(Path(folder), cells))


def shown_by_hand() -> dict[Effect, list[Seen]]:
    """The positive controls."""
    with tempfile.TemporaryDirectory(prefix="glx", ignore_cleanup_errors=True) as folder:
        return asyncio.run(controls(Path(folder)))
