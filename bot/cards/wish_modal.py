"""The modal in which wishes are ticked, or put in order. Pure."""

from collections.abc import Mapping
from typing import Any

from bot.cards.modals import BLOCK, CALLBACK, FIELD
from bot.cards.page import plain_text
from bot.cards.presses import ChooseWishes, InWords, Wish
from bot.cards.text import fit, plain
from bot.payloads import Field
from engine.events import Choice

TWICE = "Each place takes another task."
NONE = "Tick at least one."


def wish_modal(asked: InWords, press: ChooseWishes) -> dict[str, Any]:
    """A list of wishes to tick for a new version of the spec, or a menu for each place of their order."""
    orders = press.choice is Choice.PRIORITISE
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": asked.model_dump_json(),
        "title": plain_text("What comes first?" if orders else "Redefine the scope"),
        "submit": plain_text("Put in order" if orders else "Pause and redefine"),
        "close": plain_text("Cancel"),
        "blocks": _places(press) if orders else [_ticks(press)],
    }


def _ticks(press: ChooseWishes) -> dict[str, Any]:
    options = [_option(wish) for wish in press.wishes]
    field = {"type": "checkboxes", "action_id": FIELD, "options": options, "initial_options": options}
    return {
        "type": "input",
        "block_id": BLOCK,
        "label": plain_text("The next version of the spec also holds"),
        "element": field,
    }


def _places(press: ChooseWishes) -> list[dict[str, Any]]:
    options = [_option(wish) for wish in press.wishes]
    return [
        {
            "type": "input",
            "block_id": _block(place),
            "label": plain_text(f"Place {place + 1}"),
            "element": {
                "type": "static_select",
                "action_id": FIELD,
                "options": options,
                "initial_option": options[place],
            },
        }
        for place in range(len(options))
    ]


def _option(wish: Wish) -> dict[str, Any]:
    return {"text": plain_text(fit(wish.title, 75, plain).text), "value": wish.ts}


def _block(place: int) -> str:
    """The first block is named as in every modal of ours: that is where refusals are shown."""
    return BLOCK if place == 0 else f"{BLOCK}:{place}"


def picked(press: ChooseWishes, values: Mapping[str, Mapping[str, Field]]) -> tuple[str, ...]:
    """The ts of the wishes that were ticked, or of all in order; what was not offered is left out."""
    offered = {wish.ts for wish in press.wishes}
    if press.choice is Choice.PRIORITISE:
        fields = [values.get(_block(place), {}).get(FIELD, Field()) for place in range(len(press.wishes))]
        chosen = [field.selected_option.value for field in fields if field.selected_option]
    else:
        chosen = [option.value for option in values.get(BLOCK, {}).get(FIELD, Field()).selected_options]
    return tuple(ts for ts in chosen if ts in offered)
