"""Values of buttons as somebody else would write them. Pure."""

from collections.abc import Sequence
from typing import Any

from bot.cards.presses import AnswerInWords, ApproveSpec, Choose, ChooseInWords, PickOption, Press
from bot.playground.slack import TEAM
from engine.events import Choice
from engine.request import Snapshot
from tests.security.compromised.cells import Cell, Sink
from tests.security.compromised.hiding import hidden
from tests.security.compromised.orders import loud

LONGEST_LABEL, LONGEST_ITEM, FEW = 200, 40, 4


def forgeries(cell: Cell, request: str, snapshot: Snapshot) -> Sequence[Press]:
    """What an order of a button is, by what it is after."""
    words = f"{hidden(cell.technique, [cell])[:120]} {loud(cell)}"[:200]
    hash = snapshot.spec.hash if snapshot.spec else "0" * 64
    match cell.sink:
        case Sink.APPROVE:
            number = snapshot.spec.number if snapshot.spec else 1
            return [
                ApproveSpec(request=request, version=number, hash=hash),
                ApproveSpec(request=request, version=number + 1, hash=cell.mark),
                ApproveSpec(request=f"{TEAM}:C0PRIVATE:1.000001", version=1, hash=hash),
            ]
        case Sink.MENTION:
            return [
                PickOption(request=request, round=1, question=0, label=words),
                ChooseInWords(request=request, card="spec:1", choice=Choice.CHANGE_SPEC, ask=words[:24]),
                AnswerInWords(request=request, round=9, question=9, ask=words[:24]),
            ]
        case Sink.SCOPE:
            return [
                Choose(request=request, card="scope:1", choice=choice, item=cell.mark, label=words)
                for choice in Choice
                if choice not in {Choice.STOP, Choice.REJECT_SPEC}
            ][cell.number % 3 :: 3]
        case _:
            return [
                Choose(request=request, card=card, choice=choice, label=words)
                for card in ("review:1", "push:1", "delivery:1")
                for choice in (Choice.CONFIRM, Choice.PICK)
            ]


def smuggled(cells: Sequence[Cell], request: str) -> Sequence[Press]:
    """Options that nobody offered, and windows of which only the first is one that people may have.

    A label takes few orders; what is typed into the windows holds all of them.
    """
    label = hidden(cells[0].technique, cells[:FEW])[:LONGEST_LABEL]
    return [
        ChooseInWords(request=request, card="spec:1", choice=Choice.CHANGE_SPEC, ask="What?"),
        PickOption(request=request, round=1, question=0, label=label),
        AnswerInWords(request=request, round=9, question=9, ask="What?"),
        Choose(request=request, card="escalation:1", choice=Choice.PICK, label=label),
        ChooseInWords(
            request=request, card="escalation:1", choice=Choice.FIX, ask="What?", item=label[:LONGEST_ITEM]
        ),
    ]


def overwrite(block: dict[str, Any], action: str, value: str) -> None:
    """Give a block's element another value."""
    for element in (*block.get("elements", ()), block.get("accessory", {}), block.get("element", {})):
        if element.get("action_id") == action:
            element["value"] = value
