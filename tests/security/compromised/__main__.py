"""uv run python -m tests.security.compromised [--field …] [--technique …] [--sink …] [--jobs N]."""

import argparse
import sys
import time

from tests.security.compromised.cells import CELLS, Field, Sink, Technique
from tests.security.compromised.running import run
from tests.security.compromised.table import failures, lines, total, untried


def main() -> int:
    """Play the chosen cells, print the table; 1 if anything got through or the run proves too little."""
    given = _parser().parse_args()
    cells = [
        cell
        for cell in CELLS
        if all(
            not wanted or value in wanted
            for wanted, value in (
                (given.field, cell.field),
                (given.technique, cell.technique),
                (given.sink, cell.sink),
            )
        )
    ]
    began = time.monotonic()
    outcomes, shown = run(cells, given.jobs)
    everything = total(cells, outcomes)
    wrong = [*failures(everything, shown), *untried(everything)]
    said = [*lines(everything, shown), f"{time.monotonic() - began:.0f} s", *wrong[:40]]
    sys.stdout.write("\n".join([*said, "FAILED" if wrong else "held", ""]))
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.security.compromised")
    for kind in (Field, Technique, Sink):
        parser.add_argument(f"--{kind.__name__.lower()}", type=kind, action="append", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    return parser


if __name__ == "__main__":
    sys.exit(main())
