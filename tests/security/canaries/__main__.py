"""Print places and sinks with what came through, and how it was shown that something could have."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.security.canaries import at_github, play
from tests.security.canaries.forms import canaries
from tests.security.canaries.sinks import PLANTED
from tests.security.canaries.table import Counted, count, count_at_github


async def main() -> int:
    """Play everything; 0 if no canary came through and each sink and place was shown to be looked at."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        first = await count(Path(directory, "first"), wrong=True)
        second = await count_at_github(Path(directory, "second"))
    cells = _shown(first, play.places())
    _row(
        "environment", "1", str(first.own_marks), *("1" if sink in first.own else "0" for sink in first.seen)
    )
    _say("\nwith GitHub as the forge")
    cells += _shown(second, at_github.PLACES)
    places = len(play.places()) + len(at_github.PLACES)
    through = sum(len(forms) for one in (first, second) for forms in one.leaked.values())
    _say(f"\n{cells} cells of {places} places, {len(canaries(PLANTED))} forms and {len(first.seen)} sinks: "
         f"{through} came through; {first.marks + second.marks} marks stand instead")  # fmt: skip
    _say(f"{time.monotonic() - began:.0f} s")
    return 0 if first.fine and second.fine and first.own_marks else 1


def _shown(found: Counted, places: tuple[str, ...]) -> int:
    """Print a table; how many cells were looked at."""
    sinks, forms = list(found.seen), len(canaries(PLANTED))
    _row("place", "forms", "came", *sinks)
    for place in places:
        leaked = [str(len(found.leaked[place, sink])) for sink in sinks]
        _row(place, str(len(play.forms_of(place))), str(found.came[place]), *leaked)
    _row("planted there", str(forms), "-", *(str(found.seen[sink]) for sink in sinks))
    _told(found)
    return sum(len(play.forms_of(place)) for place in places) * len(sinks)


def _told(found: Counted) -> None:
    for sink in found.own:
        _say(f"CAME THROUGH: the process's own secret -> {sink}")
    for (place, sink), forms in found.leaked.items():
        if forms:
            _say(f"CAME THROUGH: {place} -> {sink}: {', '.join(forms)}")


def _row(first: str, *cells: str) -> None:
    _say(first.ljust(20) + "".join(cell.rjust(10) for cell in cells))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
