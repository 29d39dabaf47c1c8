"""Every cell of the table played over the wire, and what differs from what the table says."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.security.identity.table import ROWS, TURNED_AWAY, Row, Who
from tests.security.identity.unowned import APPROVE
from tests.security.identity.wire import Wire, wired


@dataclass
class Cell:
    """One person and one action."""

    row: Row
    who: Who
    allowed: bool
    told: str

    @property
    def wrong(self) -> str:
        """How it differs from the table; empty if it does not."""
        expected = self.row.refusal(self.who)
        if expected is None:
            return "" if self.allowed else f"refused: {self.told!r}"
        if self.allowed:
            return "allowed"
        if not expected:
            return f"told {self.told!r}" if self.told else ""
        return "" if expected in self.told else f"told {self.told!r}, not {expected!r}"


async def play(
    directory: Path, people: Iterable[Who] = Who, rows: Iterable[Row] = ROWS, *, guarded: bool = True
) -> list[Cell]:
    """All cells of these people and rows."""
    everyone, these = tuple(people), tuple(rows)
    cells = []
    async with wired(directory, len(everyone) * len(these), guarded=guarded) as wire:
        for row in these:
            cells += await _row(wire, row, everyone)
    return cells


CONTROL = tuple(who for who in TURNED_AWAY if who not in {Who.OUTSIDER, Who.NAMESAKE, Who.SLACKBOT})
"""Who is turned away for what Slack tells; of the others the payload itself tells."""


async def unguarded(directory: Path) -> list[Cell]:
    """The control: the same people approve where Slack tells nothing against them.

    If they may, what turns them away is what Slack tells, and nothing else of how they are played.
    """
    return await play(directory, CONTROL, [APPROVE], guarded=False)


async def _row(wire: Wire, row: Row, everyone: tuple[Who, ...]) -> list[Cell]:
    """All act at the same request as long as nothing comes of it."""
    cells: list[Cell] = []
    place, owner = None, False
    for who in everyone:
        if place is None or owner is not (who is Who.BOTH):
            place, owner = await wire.place(row.of, who), who is Who.BOTH
            await wire.shown(place, row)
        outcome = await wire.act(place, row, who)
        cells.append(Cell(row, who, outcome.changed, outcome.told))
        place = None if outcome.changed else place
    return cells
