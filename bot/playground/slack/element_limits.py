"""Slack's limits of interactive elements and of the objects inside them. Numbers: Slack's reference."""

from collections.abc import Callable, Sequence
from typing import Any

from bot.playground.slack.inspection import ANY_TEXT, PLAIN, Inspection, Json

ID_LENGTH = 255
OPTION_TEXT = 75
OPTION_VALUE = 150
MAX_SELECT_OPTIONS = 100
MAX_GROUP_LABEL = 75
MAX_CHOICES = 10
MAX_OVERFLOW = 5
PLACEHOLDER = 150
INPUT_LENGTH = 3000
URL_LENGTH = 3000


def inspect_element(found: Inspection, value: object, pointer: str, allowed: frozenset[str]) -> None:
    """Check one element; `allowed` are the types its block may hold."""
    element = found.mapping(value, pointer)
    if element is None:
        return
    kind = element.get("type")
    if kind not in allowed:
        found.refuse(f"{pointer}/type", f"unsupported type: {kind}")
        return
    found.string(element, "action_id", pointer, ID_LENGTH)
    if "confirm" in element:
        _confirm(found, element["confirm"], f"{pointer}/confirm")
    found.text(element, "placeholder", pointer, PLACEHOLDER)
    _RULES[str(kind)](found, element, pointer)


def _confirm(found: Inspection, value: object, pointer: str) -> None:
    confirm = found.mapping(value, pointer)
    if confirm is None:
        return
    found.keys(confirm, pointer, {"title", "text", "confirm", "deny", "style"})
    found.required(confirm, pointer, "title", "text", "confirm", "deny")
    found.text(confirm, "title", pointer, 100)
    found.text(confirm, "text", pointer, 300, ANY_TEXT)
    found.text(confirm, "confirm", pointer, 30)
    found.text(confirm, "deny", pointer, 30)
    _style(found, confirm, pointer)


def _style(found: Inspection, obj: Json, pointer: str) -> None:
    if "style" in obj and obj["style"] not in {"primary", "danger"}:
        found.refuse(f"{pointer}/style", "must be one of: danger, primary")


def _button(found: Inspection, element: Json, pointer: str) -> None:
    allowed = {"action_id", "text", "value", "url", "style", "confirm", "accessibility_label"}
    found.keys(element, pointer, allowed)
    found.required(element, pointer, "text")
    found.text(element, "text", pointer, 75)
    found.string(element, "value", pointer, 2000)
    found.string(element, "url", pointer, URL_LENGTH)
    found.string(element, "accessibility_label", pointer, 75)
    _style(found, element, pointer)


def _option(found: Inspection, value: object, pointer: str, kinds: frozenset[str]) -> None:
    option = found.mapping(value, pointer)
    if option is None:
        return
    found.keys(option, pointer, {"text", "value", "description", "url"})
    found.required(option, pointer, "text", "value")
    found.text(option, "text", pointer, OPTION_TEXT, kinds)
    found.string(option, "value", pointer, OPTION_VALUE)
    found.text(option, "description", pointer, OPTION_TEXT, kinds)


def _options(
    found: Inspection, element: Json, pointer: str, most: int, kinds: frozenset[str] = PLAIN
) -> None:
    for option, where in found.items(element, "options", pointer, most):
        _option(found, option, where, kinds)


def _option_groups(found: Inspection, element: Json, pointer: str) -> None:
    for value, where in found.items(element, "option_groups", pointer, MAX_SELECT_OPTIONS):
        group = found.mapping(value, where)
        if group is None:
            continue
        found.keys(group, where, {"label", "options"})
        found.required(group, where, "label", "options")
        found.text(group, "label", where, MAX_GROUP_LABEL)
        _options(found, group, where, MAX_SELECT_OPTIONS)


def options_of(element: Json) -> list[Json]:
    """Every option an element offers, from groups too; malformed parts are left out."""
    groups = element.get("option_groups")
    holders: Sequence[Any] = groups if isinstance(groups, list) else [element]
    return [
        option
        for holder in holders
        if isinstance(holder, dict) and isinstance(holder.get("options"), list)
        for option in holder["options"]
        if isinstance(option, dict)
    ]


def _initial(found: Inspection, element: Json, pointer: str, key: str) -> None:
    if key not in element:
        return
    chosen = element[key] if isinstance(element[key], list) else [element[key]]
    if not chosen:
        found.refuse(f"{pointer}/{key}", "no fewer than 1 items allowed")
    if any(option not in options_of(element) for option in chosen):
        found.refuse(f"{pointer}/{key}", "must exactly match one of the options")


def _select(found: Inspection, element: Json, pointer: str, allowed: set[str], initial: str) -> None:
    common = {"action_id", "options", "option_groups", "placeholder", "confirm", "focus_on_load"}
    found.keys(element, pointer, common | allowed)
    if ("options" in element) == ("option_groups" in element):
        found.refuse(pointer, "exactly one of options and option_groups is required")
    _options(found, element, pointer, MAX_SELECT_OPTIONS)
    _option_groups(found, element, pointer)
    _initial(found, element, pointer, initial)


def _static_select(found: Inspection, element: Json, pointer: str) -> None:
    _select(found, element, pointer, {"initial_option"}, "initial_option")


def _multi_static_select(found: Inspection, element: Json, pointer: str) -> None:
    _select(found, element, pointer, {"initial_options", "max_selected_items"}, "initial_options")
    most = element.get("max_selected_items", 1)
    if not isinstance(most, int) or most < 1:
        found.refuse(f"{pointer}/max_selected_items", "must be at least 1")


def _overflow(found: Inspection, element: Json, pointer: str) -> None:
    found.keys(element, pointer, {"action_id", "options", "confirm"})
    found.required(element, pointer, "options")
    _options(found, element, pointer, MAX_OVERFLOW)


def _radio_buttons(found: Inspection, element: Json, pointer: str) -> None:
    found.keys(element, pointer, {"action_id", "options", "initial_option", "confirm", "focus_on_load"})
    found.required(element, pointer, "options")
    _options(found, element, pointer, MAX_CHOICES, ANY_TEXT)
    _initial(found, element, pointer, "initial_option")


def _checkboxes(found: Inspection, element: Json, pointer: str) -> None:
    found.keys(element, pointer, {"action_id", "options", "initial_options", "confirm", "focus_on_load"})
    found.required(element, pointer, "options")
    _options(found, element, pointer, MAX_CHOICES, ANY_TEXT)
    _initial(found, element, pointer, "initial_options")


def _plain_text_input(found: Inspection, element: Json, pointer: str) -> None:
    allowed = {"action_id", "initial_value", "multiline", "min_length", "max_length", "placeholder"}
    found.keys(element, pointer, allowed | {"focus_on_load", "dispatch_action_config"})
    found.string(element, "initial_value", pointer, INPUT_LENGTH, least=0)
    for key, least in (("min_length", 0), ("max_length", 1)):
        bound = element.get(key, least)
        if not isinstance(bound, int) or not least <= bound <= INPUT_LENGTH:
            found.refuse(f"{pointer}/{key}", f"must be between {least} and {INPUT_LENGTH}")


def _image(found: Inspection, element: Json, pointer: str) -> None:
    found.keys(element, pointer, {"image_url", "alt_text"})
    found.required(element, pointer, "image_url", "alt_text")
    found.string(element, "image_url", pointer, URL_LENGTH)
    found.string(element, "alt_text", pointer, 2000)


_RULES: dict[str, Callable[[Inspection, Json, str], None]] = {
    "button": _button,
    "static_select": _static_select,
    "multi_static_select": _multi_static_select,
    "overflow": _overflow,
    "radio_buttons": _radio_buttons,
    "checkboxes": _checkboxes,
    "plain_text_input": _plain_text_input,
    "image": _image,
}
