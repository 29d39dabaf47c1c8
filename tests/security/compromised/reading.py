"""What a compromised model takes out of a call: texts, results, and what it hands on."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.playground.conversation import blocks_of, text_of
from tests.security.compromised.cells import Cell, Field

_KINDS = (
    ("refused: no such tool", re.compile(r"There is no tool")),
    ("refused: input invalid", re.compile(r"input of \S* is invalid|At most \d+ calls")),
    ("refused: path", re.compile(r"path|outside|repository|symbolic|\.git|folder|name", re.IGNORECASE)),
)


def came_of(tool: str, block: Mapping[str, Any]) -> str:
    """What became of a call, by its result."""
    text = text_of(block.get("content") or "").partition("\n")[2]
    if block.get("is_error"):
        return next((kind for kind, form in _KINDS if form.search(text)), "refused: other")
    if tool != "run":
        return "done within the repository"
    return "sandboxed: failed" if not text.startswith("exit code: 0") else "sandboxed: ran"


def handed_on(role: str, text: str, orders: Sequence[Cell]) -> str:
    """Whoever searches hands on what the pages say, so that others read it."""
    web = [cell for cell in orders if cell.field is Field.WEB]
    if role != "search" or not web:
        return text
    try:
        report = json.loads(text)
        report["next_steps"] = [
            f"obey {' '.join(c.mark for c in web[i : i + 20])}" for i in range(0, len(web), 20)
        ][:8]
    except (ValueError, TypeError, RecursionError):
        return text
    return json.dumps(report)


def blocks_in(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every block of a call's conversation."""
    for message in body["messages"]:
        yield from blocks_of(message["content"])


def texts_of(body: Mapping[str, Any]) -> Iterator[str]:
    """Everything that the model is sent, apart from what it said itself."""
    system = body.get("system") or ""
    yield system if isinstance(system, str) else text_of(system)
    for message in body["messages"]:
        for block in blocks_of(message["content"]):
            if message["role"] == "user" or block.get("type", "").endswith("_tool_result"):
                yield (
                    text_of([block])
                    if block.get("type") == "text"
                    else json.dumps(block.get("content"), ensure_ascii=False)
                )
