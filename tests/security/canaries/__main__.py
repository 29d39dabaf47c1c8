"""Print places and sinks with what came through, and how it was shown that something could have."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.security.canaries import play
from tests.security.canaries.forms import canaries
from tests.security.canaries.sinks import PLANTED
from tests.security.canaries.table import Counted, count


async def main() -> int:
    """Play everything; 0 if no canary came through and each sink and place was shown to be looked at."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        found = await count(Path(directory), wrong=True)
    sinks = list(found.seen)
    _row("place", "forms", "came", *sinks)
    for place in play.places():
        leaked = [found.leaked[place, sink] for sink in sinks]
        _row(
            place, str(len(play.forms_of(place))), str(found.came[place]), *(str(len(one)) for one in leaked)
        )
    _row("environment", "1", str(found.own_marks), *("1" if sink in found.own else "0" for sink in sinks))
    forms = len(canaries(PLANTED))
    _row("planted there", str(forms), "-", *(str(found.seen[sink]) for sink in sinks))
    _told(found)
    cells = sum(len(play.forms_of(place)) for place in play.places()) * len(sinks)
    through = sum(map(len, found.leaked.values()))
    _say(f"{cells} cells of {len(play.places())} places, {forms} forms and {len(sinks)} sinks: "
         f"{through} came through; {found.marks} marks stand instead")  # fmt: skip
    _say(f"{time.monotonic() - began:.0f} s")
    return 0 if found.fine else 1


def _told(found: Counted) -> None:
    for (place, sink), forms in found.leaked.items():
        if forms:
            _say(f"CAME THROUGH: {place} -> {sink}: {', '.join(forms)}")


def _row(first: str, *cells: str) -> None:
    _say(first.ljust(20) + "".join(cell.rjust(10) for cell in cells))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
