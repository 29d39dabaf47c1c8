"""Print the table as it is played: `python -m tests.security.identity`. Exit code 1: it is not as written."""

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bot.logs import configure
from tests.security.identity.play import Cell, play
from tests.security.identity.table import Who
from tests.security.identity.unowned import unowned

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
    wrong = [f"WRONG  {cell.row.name} by {cell.who.value}: {cell.wrong}" for cell in cells if cell.wrong]
    allowed = sum(cell.allowed for cell in cells)
    count = f"{len(rows)} actions x {len(people)} people = {len(cells)} cells"
    lines += ["", *wrong, f"{count}: {allowed} allowed, {len(cells) - allowed} refused, {len(wrong)} wrong"]
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
        others = await unowned(Path(directory, "unowned"))
    counts = Counter(one.kind for one in others)
    wrong = [one for one in others if one.wrong]
    sys.stdout.write(f"{printed(cells)}\n")
    sys.stdout.writelines(f"WRONG  {one}\n" for one in wrong)
    tried = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    sys.stdout.write(f"payloads of nobody's own: {len(others)} ({tried}): {len(wrong)} wrong\n")
    return 1 if wrong or any(cell.wrong for cell in cells) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
