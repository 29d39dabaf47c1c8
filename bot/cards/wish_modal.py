"""The modal in which wishes are picked, or put in order. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.cards.modals import BLOCK, CALLBACK, FIELD
from bot.cards.page import context, plain_text
from bot.cards.presses import ChooseWishes, InWords
from bot.cards.text import fit, plain
from bot.payloads import Field
from engine.cards import WishLine
from engine.counting import count
from engine.events import Choice

TWICE = "Each place takes another task."
NONE = "Pick at least one."

OPTIONS = 100
"""Options of one menu."""
PLACES = 10
MANY_PLACES = 5
"""Places where there are more wishes than PLACES: each repeats all options, and a modal holds 250 kB."""


def wish_modal(asked: InWords, press: ChooseWishes, wishes: Sequence[WishLine]) -> dict[str, Any]:
    """A menu of open wishes for a new version of the spec, or one for each place of their order."""
    orders = press.choice is Choice.PRIORITISE
    options = [_option(wish) for wish in wishes[:OPTIONS]]
    blocks = _places(options) if orders else [_several(options)]
    if len(wishes) > len(options):
        left = count(len(wishes) - OPTIONS, "more stands", "more stand")
        blocks.append(context(f"{left} under “Show all”, to move up as these are settled."))
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": asked.model_dump_json(),
        "title": plain_text("What comes first?" if orders else "Redefine the scope"),
        "submit": plain_text("Put in order" if orders else "Pause and redefine"),
        "close": plain_text("Cancel"),
        "blocks": blocks,
    }


def _several(options: list[dict[str, Any]]) -> dict[str, Any]:
    """A menu of several; a few are all picked at first."""
    menu = {"type": "multi_static_select", "action_id": FIELD, "options": options}
    if len(options) <= PLACES:
        menu["initial_options"] = options
    label = plain_text("The next version of the spec also holds")
    return {"type": "input", "block_id": BLOCK, "label": label, "element": menu}


def _places(options: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The places that are put in order; what takes none of them follows in the order it has."""
    places = len(options) if len(options) <= PLACES else MANY_PLACES
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
        for place in range(places)
    ]


def _option(wish: WishLine) -> dict[str, Any]:
    return {"text": plain_text(fit(f"{wish.number}. {wish.title}", 60, plain).text), "value": wish.ts}


def _block(place: int) -> str:
    """The first block is named as in every modal of ours: that is where refusals are shown."""
    return BLOCK if place == 0 else f"{BLOCK}:{place}"


def picked(press: ChooseWishes, values: Mapping[str, Mapping[str, Field]]) -> tuple[str, ...]:
    """The ts of the wishes that were picked, or of those put in order, the first place first."""
    if press.choice is not Choice.PRIORITISE:
        several = values.get(BLOCK, {}).get(FIELD, Field()).selected_options
        return tuple(option.value for option in several)
    fields = [values.get(_block(place), {}).get(FIELD, Field()) for place in range(PLACES)]
    return tuple(field.selected_option.value for field in fields if field.selected_option)
