"""What the Messages API refuses, so that a rehearsal does not accept what the real one would not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.playground.conversation import blocks_of
from bot.playground.prompt_cache import BREAKPOINTS, prompt_blocks
from bot.playground.web_tools import uses_web, web_problems

_SAMPLING = ("temperature", "top_p", "top_k")
_UNSUPPORTED_KEYWORDS = ("minLength", "maxLength", "minimum", "maximum", "maxItems", "multipleOf", "oneOf")


def refusal(body: Mapping[str, Any]) -> str | None:
    """Why the API would refuse the call, or None."""
    missing = [key for key in ("model", "max_tokens", "messages") if not body.get(key)]
    if missing:
        return f"{missing[0]}: Field required"
    return next(_violations(body), None)


def _violations(body: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{key}: not supported by this model" for key in _SAMPLING if key in body)
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield "tool_choice: forced tool use is not supported by this model"
    marked = sum("cache_control" in block for _, block in prompt_blocks(body)) + ("cache_control" in body)
    if marked > BREAKPOINTS:
        yield f"A maximum of {BREAKPOINTS} blocks with cache_control may be provided. Found {marked}."
    yield from web_problems(body.get("tools") or ())
    yield from _conversation(body["messages"])
    output_format = (body.get("output_config") or {}).get("format")
    if output_format:
        yield from _schema(output_format.get("schema") or {}, "output_config.format.schema")


def _conversation(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if messages[0]["role"] != "user":
        yield 'messages: first message must use the "user" role'
    if messages[-1]["role"] != "user" and not uses_web(messages[-1]["content"]):
        yield "messages: this model does not support prefill; the conversation must end with a user message"
    expected: set[str] = set()
    for number, message in enumerate(messages):
        blocks = blocks_of(message["content"])
        if not blocks or any(block.get("type") == "text" and not block.get("text") for block in blocks):
            yield f"messages.{number}: text content blocks must be non-empty"
        answered = {block["tool_use_id"] for block in blocks if block.get("type") == "tool_result"}
        if expected - answered:
            yield f"messages.{number}: `tool_use` ids without `tool_result` blocks immediately after"
        if answered - expected:
            yield f"messages.{number}: unexpected `tool_use_id` found in `tool_result` blocks"
        expected = {block["id"] for block in blocks if block.get("type") == "tool_use"}


def _schema(schema: object, place: str) -> Iterator[str]:
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            yield from _schema(item, f"{place}.{number}")
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        yield f"{place}: For 'object' type, 'additionalProperties' must be explicitly set to false"
    yield from (f"{place}: '{key}' is not supported" for key in _UNSUPPORTED_KEYWORDS if key in schema)
    for key in ("items", "anyOf", "allOf"):
        yield from _schema(schema.get(key), f"{place}.{key}")
    for key in ("properties", "$defs"):
        for name, item in (schema.get(key) or {}).items():
            yield from _schema(item, f"{place}.{key}.{name}")
