"""What a person may put into an element, and the JSON Slack makes of it. Pure."""

from collections.abc import Mapping, Sequence

from bot.playground.slack.element_limits import INPUT_LENGTH, options_of
from bot.playground.slack.inspection import Json


class NotPossible(Exception):
    """Slack's client would not let this person do that; the argument is a sentence."""


def value_of(element: Json, raw: str | Sequence[str] | None) -> Json:
    """The element's value, as `state.values` and `actions` hold it.

    `raw` is nothing (a button; or an emptied menu), text or an option's value, or several values.

    Raises:
        NotPossible: no such option, too many, too long, or another button value than the button has.
    """
    kind = element["type"]
    match kind:
        case "button":
            return _button(element, raw)
        case "multi_static_select" | "checkboxes":
            return {"type": kind, "selected_options": _several(element, raw)}
        case "plain_text_input":
            return {"type": kind, "value": _typed(element, raw)}
        case "overflow" if raw is None:
            raise NotPossible("An entry of the menu has to be named.")
        case _:
            return {"type": kind, "selected_option": None if raw is None else _one(element, raw)}


def _button(element: Json, raw: str | Sequence[str] | None) -> Json:
    if raw is not None and raw != element.get("value"):
        raise NotPossible(f"The button's value is {element.get('value')!r}, not {raw!r}.")
    return {key: element[key] for key in ("type", "text", "value", "style") if key in element}


def _one(element: Json, raw: str | Sequence[str]) -> Json:
    by_value = {option["value"]: option for option in options_of(element)}
    wanted = raw if isinstance(raw, str) else "" if len(raw) != 1 else raw[0]
    if wanted not in by_value:
        raise NotPossible(f"{element['action_id']} offers {', '.join(by_value)}, not {raw!r}.")
    return by_value[wanted]


def _several(element: Json, raw: str | Sequence[str] | None) -> list[Json]:
    wanted = [raw] if isinstance(raw, str) else list(raw or [])
    most = element.get("max_selected_items", len(wanted))
    if len(wanted) > most:
        raise NotPossible(f"{element['action_id']} takes at most {most} choices.")
    return [_one(element, value) for value in wanted]


def _typed(element: Json, raw: str | Sequence[str] | None) -> str | None:
    if raw is not None and not isinstance(raw, str):
        raise NotPossible(f"{element['action_id']} takes text.")
    if raw and len(raw) > element.get("max_length", INPUT_LENGTH):
        raise NotPossible(
            f"{element['action_id']} takes at most {element.get('max_length', INPUT_LENGTH)} characters."
        )
    return raw or None


def missing_inputs(blocks: Sequence[Json], values: Mapping[str, Mapping[str, Json]]) -> dict[str, str]:
    """What Slack's client complains about before it submits: {block_id: sentence}."""
    missing: dict[str, str] = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        value = values[block["block_id"]][element["action_id"]]
        filled = value.get("value") or value.get("selected_option") or value.get("selected_options")
        least = element.get("min_length", 0)
        if not filled and not block.get("optional"):
            missing[block["block_id"]] = "Please complete this required field."
        elif isinstance(filled, str) and len(filled) < least:
            missing[block["block_id"]] = f"Please enter at least {least} characters."
    return missing
