"""What Slack refuses in blocks and views: pure functions over their JSON.

Covers the blocks and elements this project posts; any other type is refused as unsupported.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from bot.playground.slack.element_limits import ID_LENGTH, inspect_element
from bot.playground.slack.inspection import ANY_TEXT, Inspection, Json, Violation

MAX_MESSAGE_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
MAX_MARKDOWN = 12_000
MAX_MESSAGE_CHARACTERS = 13_200
MAX_TASK_TEXT = 256

_ACCESSORIES = frozenset(
    {"button", "static_select", "multi_static_select", "overflow", "radio_buttons", "checkboxes", "image"}
)
_ACTIONS = _ACCESSORIES - {"image"}
_INPUTS = frozenset(
    {"plain_text_input", "static_select", "multi_static_select", "radio_buttons", "checkboxes"}
)
_TASK_STATES = ("pending", "in_progress", "complete", "error")


class Surface(StrEnum):
    """Where blocks are shown."""

    MESSAGE = "message"
    MODAL = "modal"


def violations(blocks: object, surface: Surface, root: str = "/blocks") -> list[Violation]:
    """Everything Slack would refuse in `blocks`, in document order; empty if it would take them.

    Args:
        blocks: The value of a message's or view's `blocks`.
        surface: Decides which blocks are known and how many there may be.
        root: Pointer of `blocks` in the whole argument.
    """
    found = Inspection()
    if not isinstance(blocks, list):
        found.refuse(root, "must be an array")
        return found.found
    most = MAX_MESSAGE_BLOCKS if surface is Surface.MESSAGE else MAX_VIEW_BLOCKS
    if len(blocks) > most:
        found.refuse(root, f"no more than {most} items allowed")
    seen: set[str] = set()
    for index, value in enumerate(blocks):
        pointer = f"{root}/{index}"
        block = found.mapping(value, pointer)
        if block is None:
            continue
        _block(found, block, pointer, surface)
        found.unique(seen, block.get("block_id"), f"{pointer}/block_id", "block_id")
    if surface is Surface.MESSAGE:
        _totals(found, blocks, root)
    return found.found


def view_violations(view: object) -> list[Violation]:
    """Everything Slack would refuse in a modal, pointers starting at /view."""
    found = Inspection()
    modal = found.mapping(view, "/view")
    if modal is None:
        return found.found
    if modal.get("type") != "modal":
        found.refuse("/view/type", "must be one of: modal")
    allowed = {"title", "submit", "close", "blocks", "private_metadata", "callback_id"}
    found.keys(
        modal, "/view", allowed | {"clear_on_close", "notify_on_close", "external_id", "submit_disabled"}
    )
    found.required(modal, "/view", "title", "blocks")
    for key in ("title", "submit", "close"):
        found.text(modal, key, "/view", 24)
    found.string(modal, "private_metadata", "/view", 3000, least=0)
    found.string(modal, "callback_id", "/view", ID_LENGTH, least=0)
    found.string(modal, "external_id", "/view", ID_LENGTH, least=0)
    blocks = modal.get("blocks", [])
    if blocks == []:
        found.refuse("/view/blocks", "no fewer than 1 items allowed")
    found.found += violations(blocks, Surface.MODAL, "/view/blocks")
    if _has_input(blocks) and modal.get("submit") is None:
        found.refuse("/view/submit", "missing required field: submit (the view has an input block)")
    return found.found


def characters(value: Any) -> int:
    """How many characters of text blocks hold, over all their text objects and strings named text."""
    if isinstance(value, list):
        return sum(characters(item) for item in value)
    if not isinstance(value, dict):
        return 0
    own = sum(len(item) for key, item in value.items() if key in {"text", "title"} and isinstance(item, str))
    return own + sum(characters(item) for item in value.values())


def _has_input(blocks: object) -> bool:
    return isinstance(blocks, list) and any(isinstance(b, dict) and b.get("type") == "input" for b in blocks)


def _block(found: Inspection, block: Json, pointer: str, surface: Surface) -> None:
    kind = block.get("type")
    rule = _RULES.get(kind) if isinstance(kind, str) else None
    if rule is None or (surface is Surface.MODAL and kind in _MESSAGE_ONLY):
        found.refuse(f"{pointer}/type", f"unsupported type: {kind}")
        return
    found.string(block, "block_id", pointer, ID_LENGTH)
    rule(found, block, pointer)


def _totals(found: Inspection, blocks: list[Any], root: str) -> None:
    texts = [b.get("text") for b in blocks if isinstance(b, dict) and b.get("type") == "markdown"]
    if sum(len(text) for text in texts if isinstance(text, str)) > MAX_MARKDOWN:
        found.refuse(root, f"markdown blocks must hold less than {MAX_MARKDOWN + 1} characters together")
    if characters(blocks) > MAX_MESSAGE_CHARACTERS:
        found.refuse(root, f"must hold less than {MAX_MESSAGE_CHARACTERS + 1} characters of text in all")


def _section(found: Inspection, block: Json, pointer: str) -> None:
    found.keys(block, pointer, {"block_id", "text", "fields", "accessory", "expand"})
    if block.get("text") is None and block.get("fields") is None:
        found.refuse(pointer, "missing required field: text or fields")
    found.text(block, "text", pointer, 3000, ANY_TEXT)
    for field, where in found.items(block, "fields", pointer, 10):
        found.text_object(field, where, 2000, ANY_TEXT)
    if "accessory" in block:
        inspect_element(found, block["accessory"], f"{pointer}/accessory", _ACCESSORIES)


def _header(found: Inspection, block: Json, pointer: str) -> None:
    found.keys(block, pointer, {"block_id", "text"})
    found.required(block, pointer, "text")
    found.text(block, "text", pointer, 150)


def _divider(found: Inspection, block: Json, pointer: str) -> None:
    found.keys(block, pointer, {"block_id"})


def _context(found: Inspection, block: Json, pointer: str) -> None:
    found.keys(block, pointer, {"block_id", "elements"})
    found.required(block, pointer, "elements")
    for element, where in found.items(block, "elements", pointer, 10):
        if isinstance(element, dict) and element.get("type") == "image":
            inspect_element(found, element, where, frozenset({"image"}))
        else:
            found.text_object(element, where, 3000, ANY_TEXT)


def _actions(found: Inspection, block: Json, pointer: str) -> None:
    found.keys(block, pointer, {"block_id", "elements"})
    found.required(block, pointer, "elements")
    seen: set[str] = set()
    for element, where in found.items(block, "elements", pointer, 25):
        inspect_element(found, element, where, _ACTIONS)
        if isinstance(element, dict):
            found.unique(seen, element.get("action_id"), f"{where}/action_id", "action_id")


def _input(found: Inspection, block: Json, pointer: str) -> None:
    found.keys(block, pointer, {"block_id", "label", "element", "hint", "optional", "dispatch_action"})
    found.required(block, pointer, "label", "element")
    found.text(block, "label", pointer, 2000)
    found.text(block, "hint", pointer, 2000)
    if "element" in block:
        inspect_element(found, block["element"], f"{pointer}/element", _INPUTS)


def _image(found: Inspection, block: Json, pointer: str) -> None:
    found.keys(block, pointer, {"block_id", "image_url", "alt_text", "title"})
    found.required(block, pointer, "image_url", "alt_text")
    found.string(block, "image_url", pointer, 3000)
    found.string(block, "alt_text", pointer, 2000)
    found.text(block, "title", pointer, 2000)


def _markdown(found: Inspection, block: Json, pointer: str) -> None:
    found.keys(block, pointer, {"block_id", "text"})
    found.required(block, pointer, "text")
    found.string(block, "text", pointer, MAX_MARKDOWN)


def _rich_text(found: Inspection, block: Json, pointer: str) -> None:
    found.keys(block, pointer, {"block_id", "elements"})
    found.required(block, pointer, "elements")
    kinds = {"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}
    for value, where in found.items(block, "elements", pointer, 1000):
        element = found.mapping(value, where)
        if element is None:
            continue
        if element.get("type") not in kinds:
            found.refuse(f"{where}/type", f"unsupported type: {element.get('type')}")
        found.required(element, where, "elements")


def _task_card(found: Inspection, block: Json, pointer: str) -> None:
    found.keys(block, pointer, {"block_id", "task_id", "title", "details", "output", "sources", "status"})
    found.required(block, pointer, "task_id", "title", "status")
    found.string(block, "task_id", pointer, ID_LENGTH)
    found.string(block, "title", pointer, MAX_TASK_TEXT)
    if block.get("status", "pending") not in _TASK_STATES:
        found.refuse(f"{pointer}/status", f"must be one of: {', '.join(_TASK_STATES)}")
    for key in ("details", "output"):
        rich = found.mapping(block[key], f"{pointer}/{key}") if key in block else None
        if rich is None:
            continue
        if rich.get("type") != "rich_text":
            found.refuse(f"{pointer}/{key}/type", "must be one of: rich_text")
        else:
            _rich_text(found, rich, f"{pointer}/{key}")
        if characters(rich) > MAX_TASK_TEXT:
            found.refuse(f"{pointer}/{key}", f"must be less than {MAX_TASK_TEXT + 1} characters")


def _plan(found: Inspection, block: Json, pointer: str) -> None:
    found.keys(block, pointer, {"block_id", "title", "tasks"})
    found.required(block, pointer, "title")
    found.string(block, "title", pointer, MAX_TASK_TEXT)
    seen: set[str] = set()
    for value, where in found.items(block, "tasks", pointer, 50, least=0):
        task = found.mapping(value, where)
        if task is None:
            continue
        if task.get("type") != "task_card":
            found.refuse(f"{where}/type", "must be one of: task_card")
        _task_card(found, task, where)
        found.unique(seen, task.get("task_id"), f"{where}/task_id", "task_id")


_MESSAGE_ONLY = frozenset({"markdown", "plan", "task_card"})
_RULES: dict[str, Callable[[Inspection, Json, str], None]] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "image": _image,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "task_card": _task_card,
    "plan": _plan,
}
