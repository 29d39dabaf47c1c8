"""Print the table as it is played: `python -m tests.security.identity`. Exit code 1: it is not as written."""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bot.logs import configure
from tests.security.identity.play import CONTROL, Cell, play, unguarded
from tests.security.identity.sharing import SHARED, sharing
from tests.security.identity.table import ROWS, Who
from tests.security.identity.unowned import KINDS, Tried, unowned

KEY = "+ allowed, . refused with a sentence, - heard by nobody, X not as it should be"


def printed(cells: list[Cell]) -> str:
    """One line an action, one column a person; what they are told, what is wrong, and the count."""
    rows: dict[str, dict[Who, Cell]] = {}
    for cell in cells:
        rows.setdefault(cell.row.name, {})[cell.who] = cell
    people = [who for who in Who if any(who in row for row in rows.values())]
    width = max(map(len, rows))
    lines = [f"{number:3}  {who.value}" for number, who in enumerate(people, 1)]
    lines += ["", " " * width + "".join(f"{number:3}" for number, _ in enumerate(people, 1))]
    for name, row in rows.items():
        lines.append(f"{name:{width}}" + "".join(f"  {_mark(row[who])}" for who in people))
    lines += ["", KEY, ""]
    lines += [f"{who.value}: {sentence}" for who in people for sentence in _refusals(cells, who)]
    wrong = sum(bool(cell.wrong) for cell in cells)
    allowed = sum(cell.allowed for cell in cells)
    count = f"{len(rows)} actions x {len(people)} people = {len(cells)} cells"
    lines += ["", f"{count}: {allowed} allowed, {len(cells) - allowed} refused, {wrong} wrong"]
    return "\n".join(lines)


def _mark(cell: Cell) -> str:
    if cell.wrong:
        return "X"
    return "+" if cell.allowed else "." if cell.told else "-"


def _refusals(cells: list[Cell], who: Who) -> list[str]:
    told = (cell.told.partition("\nYou wrote")[0] for cell in cells if cell.who is who and not cell.allowed)
    return list(dict.fromkeys(sentence for sentence in told if sentence))


async def main() -> int:
    """Play and print."""
    configure("error")
    with tempfile.TemporaryDirectory() as directory:
        cells = await play(Path(directory, "table"))
        others = await unowned(Path(directory, "unowned")) + await sharing(Path(directory, "sharing"))
        control = await unguarded(Path(directory, "control"))
    sys.stdout.write(f"{printed(cells)}\n")
    for kind, count in Counter(one.kind for one in others).items():
        wrong = sum(one.kind == kind and bool(one.wrong) for one in others)
        sys.stdout.write(f"{kind}: {count} tried, {wrong} wrong\n")
    allowed = sum(cell.allowed for cell in control)
    sys.stdout.write(
        f"control: {allowed} of {len(CONTROL)} turned away approve where Slack tells nothing of them\n"
    )
    failed = failures(cells, others, control)
    sys.stdout.writelines(f"{one}\n" for one in [*failed, "FAILED" if failed else "held"])
    return 1 if failed else 0


def failures(cells: Sequence[Cell], others: Sequence[Tried], control: Sequence[Cell]) -> list[str]:
    """What is not as written, and what was not played: a table that lacks cells shows nothing of them."""
    wrong = [f"WRONG  {cell.row.name} by {cell.who.value}: {cell.wrong}" for cell in cells if cell.wrong]
    wrong += [f"WRONG  {one}" for one in others if one.wrong]
    played = {(cell.row.name, cell.who) for cell in cells}
    missing = [(row, who) for row in ROWS for who in Who if (row.name, who) not in played]
    wrong += [f"not played: {row.name} by {who.value}" for row, who in missing]
    kinds = {one.kind for one in others}
    wrong += [f"not played: {kind}" for kind in (*KINDS, SHARED) if kind not in kinds]
    allowed = {cell.who for cell in control if cell.allowed}
    wrong += [
        f"the control shows nothing: {who.value} may not approve though Slack tells nothing against them"
        for who in CONTROL
        if who not in allowed
    ]
    return wrong


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
