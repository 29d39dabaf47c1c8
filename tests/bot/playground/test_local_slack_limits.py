"""Every limit: taken at the limit, refused one over, with the pointer of the spot."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.playground.slack import Surface, view_violations, violations

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(**more: Any) -> Json:
    return {"type": "section", "text": mrkdwn("t")} | more


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain("Go")} | more


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def option(value: str = "v", **more: Any) -> Json:
    return {"text": plain("Option"), "value": value} | more


def select(**more: Any) -> Json:
    return {"type": "static_select", "options": [option()]} | more


def choices(kind: str, n: int) -> Json:
    return {"type": kind, "options": [option(str(i)) for i in range(n)]}


def rich(text: str) -> Json:
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}],
    }


def task(task_id: str = "t", **more: Any) -> Json:
    return {"type": "task_card", "task_id": task_id, "title": "T", "status": "pending"} | more


def confirm(**more: Any) -> Json:
    return {
        "title": plain("Sure?"),
        "text": plain("Really"),
        "confirm": plain("Yes"),
        "deny": plain("No"),
    } | more


def text_input(**more: Any) -> Json:
    return {"type": "plain_text_input"} | more


def modal_input(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain("L"), "element": element} | more


def group(n: int, label: int = 5) -> Json:
    return {"label": plain("l" * label), "options": [option(str(i)) for i in range(n)]}


X = "x"
LIMITS: dict[str, tuple[int, str, Callable[[int], list[Json]]]] = {
    "blocks of a message": (50, "/blocks", lambda n: [{"type": "divider"}] * n),
    "section text": (3000, "/blocks/0/text/text", lambda n: [section(text=mrkdwn(X * n))]),
    "section fields": (10, "/blocks/0/fields", lambda n: [section(fields=[mrkdwn("f")] * n)]),
    "field text": (2000, "/blocks/0/fields/0/text", lambda n: [section(fields=[mrkdwn(X * n)])]),
    "header": (150, "/blocks/0/text/text", lambda n: [{"type": "header", "text": plain(X * n)}]),
    "context": (10, "/blocks/0/elements", lambda n: [{"type": "context", "elements": [mrkdwn("c")] * n}]),
    "actions": (25, "/blocks/0/elements", lambda n: [actions(*[button()] * n)]),
    "button text": (75, "/blocks/0/elements/0/text/text", lambda n: [actions(button(text=plain(X * n)))]),
    "button value": (2000, "/blocks/0/elements/0/value", lambda n: [actions(button(value=X * n))]),
    "button url": (3000, "/blocks/0/elements/0/url", lambda n: [actions(button(url=X * n))]),
    "action_id": (255, "/blocks/0/elements/0/action_id", lambda n: [actions(button(action_id=X * n))]),
    "block_id": (255, "/blocks/0/block_id", lambda n: [section(block_id=X * n)]),
    "option text": (
        75,
        "/blocks/0/elements/0/options/0/text/text",
        lambda n: [actions(select(options=[option(text=plain(X * n))]))],
    ),
    "option value": (
        150,
        "/blocks/0/elements/0/options/0/value",
        lambda n: [actions(select(options=[option(X * n)]))],
    ),
    "option description": (
        75,
        "/blocks/0/elements/0/options/0/description/text",
        lambda n: [actions(select(options=[option(description=plain(X * n))]))],
    ),
    "select": (100, "/blocks/0/elements/0/options", lambda n: [actions(choices("static_select", n))]),
    "multi-select": (
        100,
        "/blocks/0/accessory/options",
        lambda n: [section(accessory=choices("multi_static_select", n))],
    ),
    "overflow": (5, "/blocks/0/accessory/options", lambda n: [section(accessory=choices("overflow", n))]),
    "radio buttons": (10, "/blocks/0/elements/0/options", lambda n: [actions(choices("radio_buttons", n))]),
    "checkboxes": (10, "/blocks/0/elements/0/options", lambda n: [actions(choices("checkboxes", n))]),
    "option groups": (
        100,
        "/blocks/0/elements/0/option_groups",
        lambda n: [actions({"type": "static_select", "option_groups": [group(1)] * n})],
    ),
    "options of a group": (
        100,
        "/blocks/0/elements/0/option_groups/0/options",
        lambda n: [actions({"type": "static_select", "option_groups": [group(n)]})],
    ),
    "group label": (
        75,
        "/blocks/0/elements/0/option_groups/0/label/text",
        lambda n: [actions({"type": "static_select", "option_groups": [group(1, n)]})],
    ),
    "placeholder": (
        150,
        "/blocks/0/elements/0/placeholder/text",
        lambda n: [actions(select(placeholder=plain(X * n)))],
    ),
    "confirm title": (
        100,
        "/blocks/0/elements/0/confirm/title/text",
        lambda n: [actions(button(confirm=confirm(title=plain(X * n))))],
    ),
    "confirm text": (
        300,
        "/blocks/0/elements/0/confirm/text/text",
        lambda n: [actions(button(confirm=confirm(text=plain(X * n))))],
    ),
    "confirm button": (
        30,
        "/blocks/0/elements/0/confirm/confirm/text",
        lambda n: [actions(button(confirm=confirm(confirm=plain(X * n))))],
    ),
    "markdown": (12_000, "/blocks/0/text", lambda n: [{"type": "markdown", "text": X * n}]),
    "markdown together": (
        12_000,
        "/blocks",
        lambda n: [{"type": "markdown", "text": X * 6000}, {"type": "markdown", "text": X * (n - 6000)}],
    ),
    "all text of a message": (
        13_200,
        "/blocks",
        lambda n: (
            [section(text=mrkdwn(X * 3000)) for _ in range(4)] + [section(text=mrkdwn(X * (n - 12_000)))]
        ),
    ),
    "tasks of a plan": (
        50,
        "/blocks/0/tasks",
        lambda n: [{"type": "plan", "title": "P", "tasks": [task(str(i)) for i in range(n)]}],
    ),
    "task details": (256, "/blocks/0/details", lambda n: [task(details=rich(X * n))]),
    "task output": (256, "/blocks/0/output", lambda n: [task(output=rich(X * n))]),
    "input label": (2000, "/blocks/0/label/text", lambda n: [modal_input(text_input(), label=plain(X * n))]),
    "initial value": (
        3000,
        "/blocks/0/element/initial_value",
        lambda n: [modal_input(text_input(initial_value=X * n))],
    ),
    "max_length": (3000, "/blocks/0/element/max_length", lambda n: [modal_input(text_input(max_length=n))]),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_message_at_the_limit_is_taken_and_one_over_is_refused(name: str) -> None:
    limit, pointer, build = LIMITS[name]
    assert violations(build(limit), Surface.MESSAGE) == []
    assert pointer in {violation.pointer for violation in violations(build(limit + 1), Surface.MESSAGE)}


def modal(**more: Any) -> Json:
    return {"type": "modal", "title": plain("T"), "blocks": [section()]} | more


VIEW_LIMITS: dict[str, tuple[int, str, Callable[[int], Json]]] = {
    "blocks": (100, "/view/blocks", lambda n: modal(blocks=[{"type": "divider"}] * n)),
    "title": (24, "/view/title/text", lambda n: modal(title=plain(X * n))),
    "submit": (24, "/view/submit/text", lambda n: modal(submit=plain(X * n))),
    "close": (24, "/view/close/text", lambda n: modal(close=plain(X * n))),
    "private_metadata": (3000, "/view/private_metadata", lambda n: modal(private_metadata=X * n)),
    "callback_id": (255, "/view/callback_id", lambda n: modal(callback_id=X * n)),
    "section text": (3000, "/view/blocks/0/text/text", lambda n: modal(blocks=[section(text=mrkdwn(X * n))])),
}


@pytest.mark.parametrize("name", VIEW_LIMITS)
def test_a_view_at_the_limit_is_taken_and_one_over_is_refused(name: str) -> None:
    limit, pointer, build = VIEW_LIMITS[name]
    assert view_violations(build(limit)) == []
    assert pointer in {violation.pointer for violation in view_violations(build(limit + 1))}


def test_a_view_may_hold_more_text_than_a_message() -> None:
    assert view_violations(modal(blocks=[section(text=mrkdwn(X * 3000)) for _ in range(20)])) == []


REFUSED: dict[str, tuple[str, list[Any]]] = {
    "empty text": ("/blocks/0/text/text", [section(text=mrkdwn(""))]),
    "empty button text": ("/blocks/0/elements/0/text/text", [actions(button(text=plain("")))]),
    "no type": ("/blocks/0/type", [{"text": plain("x")}]),
    "unknown block": ("/blocks/0/type", [{"type": "heading", "text": plain("x")}]),
    "unknown element": ("/blocks/0/elements/0/type", [actions({"type": "knob"})]),
    "image among actions": (
        "/blocks/0/elements/0/type",
        [actions({"type": "image", "image_url": "u", "alt_text": "a"})],
    ),
    "not an object": ("/blocks/0", ["text"]),
    "section without text and fields": ("/blocks/0", [{"type": "section"}]),
    "header in mrkdwn": ("/blocks/0/text/type", [{"type": "header", "text": mrkdwn("x")}]),
    "button without text": ("/blocks/0/elements/0", [actions({"type": "button", "action_id": "a"})]),
    "empty actions": ("/blocks/0/elements", [actions()]),
    "select without options": ("/blocks/0/elements/0", [actions({"type": "static_select"})]),
    "options and groups": ("/blocks/0/elements/0", [actions(select(option_groups=[group(1)]))]),
    "unknown property": ("/blocks/0/colour", [section(colour="red")]),
    "unknown style": ("/blocks/0/elements/0/style", [actions(button(style="green"))]),
    "same action_id in a block": (
        "/blocks/0/elements/1/action_id",
        [actions(button(action_id="a"), button(action_id="a"))],
    ),
    "same block_id in a message": ("/blocks/1/block_id", [section(block_id="b"), section(block_id="b")]),
    "initial option that is no option": (
        "/blocks/0/elements/0/initial_option",
        [actions(select(initial_option=option("other")))],
    ),
    "confirm without deny": (
        "/blocks/0/elements/0/confirm",
        [actions(button(confirm={"title": plain("t"), "text": plain("t"), "confirm": plain("c")}))],
    ),
    "text that is no text object": ("/blocks/0/text", [section(text="plain")]),
    "task status": ("/blocks/0/status", [task(status="completed")]),
    "input without label": ("/blocks/0", [{"type": "input", "element": text_input()}]),
    "blocks that are no list": ("/blocks", {"type": "section"}),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_slack_refuses_is_refused_where_it_stands(name: str) -> None:
    pointer, blocks = REFUSED[name]
    assert pointer in {violation.pointer for violation in violations(blocks, Surface.MESSAGE)}


def test_the_same_action_id_in_two_blocks_is_taken() -> None:
    blocks = [actions(button(action_id="a")), actions(button(action_id="a"))]
    assert violations(blocks, Surface.MESSAGE) == []


@pytest.mark.parametrize("block", [{"type": "markdown", "text": "x"}, {"type": "plan", "title": "P"}, task()])
def test_blocks_of_messages_only_are_refused_in_a_modal(block: Json) -> None:
    assert violations([block], Surface.MESSAGE) == []
    assert [v.pointer for v in view_violations(modal(blocks=[block]))] == ["/view/blocks/0/type"]


def test_a_modal_with_an_input_needs_a_submit_button() -> None:
    view = modal(blocks=[modal_input(text_input())])
    assert [v.pointer for v in view_violations(view)] == ["/view/submit"]
    assert view_violations(view | {"submit": plain("Send")}) == []
