"""What can be read out of a conversation as it stands in a call of the Messages API."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_REQUEST = re.compile(r"<request[^>]*>(.*?)</request>", re.DOTALL)
_RECEIPT = re.compile(r"^receipt: (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class ToolResult:
    """A tool's result. `receipt` is the id that its line `receipt: ID` names, or None."""

    tool: str
    text: str

    @property
    def receipt(self) -> str | None:
        """The id of the recorded tool call."""
        found = _RECEIPT.search(self.text)
        return found[1] if found else None


@dataclass(frozen=True)
class Conversation:
    """A conversation, read statelessly: equal messages give an equal conversation.

    Attributes:
        opening: Text of the first user message.
        turn: How many assistant messages there are already.
        results: Tool results in the order in which they came.
    """

    opening: str
    turn: int
    results: tuple[ToolResult, ...]

    @property
    def request(self) -> str:
        """What stands between `<request>` and `</request>` in the opening, empty if nothing does."""
        return "\n".join(_REQUEST.findall(self.opening))

    def results_of(self, tool: str) -> tuple[ToolResult, ...]:
        """The results of one tool, oldest first."""
        return tuple(result for result in self.results if result.tool == tool)


def read_conversation(messages: Sequence[Mapping[str, Any]]) -> Conversation:
    """Read the messages of a call."""
    openings = [text_of(message["content"]) for message in messages if message["role"] == "user"]
    return Conversation(
        opening=openings[0] if openings else "",
        turn=sum(message["role"] == "assistant" for message in messages),
        results=tuple(_results(messages)),
    )


def blocks_of(content: str | Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A message's content as blocks, also where it was given as a plain string."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def text_of(content: str | Sequence[Mapping[str, Any]]) -> str:
    """The text blocks of a content, one after another."""
    return "\n".join(block["text"] for block in blocks_of(content) if block.get("type") == "text")


def _results(messages: Sequence[Mapping[str, Any]]) -> list[ToolResult]:
    blocks = [block for message in messages for block in blocks_of(message["content"])]
    tools = {block["id"]: block["name"] for block in blocks if block.get("type") == "tool_use"}
    return [
        ToolResult(tools.get(block["tool_use_id"], ""), text_of(block.get("content") or ""))
        for block in blocks
        if block.get("type") == "tool_result"
    ]
