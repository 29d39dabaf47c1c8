"""The Messages API on the wire: a message whole or as events, and its errors."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from bot.playground.script import Fault

PIECE = 400  # characters a delta

FAILED_STATUS: Mapping[Fault, tuple[int, str, str]] = {
    Fault.RATE_LIMIT: (429, "rate_limit_error", "This request would exceed your rate limit"),
    Fault.RATE_LIMIT_LONG: (429, "rate_limit_error", "This request would exceed your rate limit"),
    Fault.RATE_LIMIT_DATE: (429, "rate_limit_error", "This request would exceed your rate limit"),
    Fault.OVERLOADED: (529, "overloaded_error", "Overloaded"),
    Fault.SERVER_ERROR: (500, "api_error", "Internal server error"),
    Fault.BAD_GATEWAY: (502, "api_error", "Bad gateway"),
    Fault.UNAVAILABLE: (503, "api_error", "Service unavailable"),
    Fault.REQUEST_TIMEOUT: (408, "timeout_error", "Request timed out"),
    Fault.INVALID: (400, "invalid_request_error", "messages.0.content: Field required"),
    Fault.TOO_LONG: (400, "invalid_request_error", "prompt is too long: 1204001 tokens > 1000000 maximum"),
    Fault.NO_CREDIT: (400, "invalid_request_error", "Your credit balance is too low to access the API."),
    Fault.BAD_KEY: (401, "authentication_error", "invalid x-api-key"),
    Fault.BILLING: (402, "billing_error", "There is an issue with your billing"),
    Fault.FORBIDDEN: (403, "permission_error", "Your API key may not use this resource"),
    Fault.UNKNOWN_MODEL: (404, "not_found_error", "model: claude-unknown"),
    Fault.TOO_LARGE: (413, "request_too_large", "Request exceeds the maximum size"),
}

STOPPED: Mapping[Fault, str] = {
    fault: fault.value
    for fault in (Fault.REFUSAL, Fault.MAX_TOKENS, Fault.PAUSE_TURN, Fault.CONTEXT_EXCEEDED)
}
_HALVED = {Fault.MAX_TOKENS.value, Fault.CONTEXT_EXCEEDED.value}


@dataclass(frozen=True)
class Message:
    """An answer. One stopped by max_tokens or by the context window is cut within its first block."""

    id: str
    request_id: str
    model: str
    content: Sequence[Mapping[str, Any]]
    stop_reason: str
    usage: Mapping[str, int]

    def whole(self) -> dict[str, Any]:
        """The message as one JSON object."""
        content = list(self.content)
        if self.stop_reason in _HALVED and content:
            block = content[0]
            text = self.payloads()[0]
            content = [{**block, "text": text} if block["type"] == "text" else {**block, "input": {}}]
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": self.stop_reason,
            "stop_sequence": None,
            "usage": dict(self.usage),
        }

    def payloads(self) -> list[str]:
        """What each block streams: its text, or its input as JSON."""
        whole = [_payload(block) for block in self.content]
        return [whole[0][: len(whole[0]) // 2]] if self.stop_reason in _HALVED and whole else whole


def events(message: Message) -> Iterator[dict[str, Any]]:
    """The message as the events of a stream."""
    usage = {**message.usage, "output_tokens": 1}
    yield {
        "type": "message_start",
        "message": {**message.whole(), "content": [], "stop_reason": None, "usage": usage},
    }
    yield {"type": "ping"}
    for index, payload in enumerate(message.payloads()):
        block = message.content[index]
        is_text = block["type"] == "text"
        yield {"type": "content_block_start", "index": index, "content_block": _start(block)}
        for piece in _pieces(payload):
            delta = (
                {"type": "text_delta", "text": piece}
                if is_text
                else {"type": "input_json_delta", "partial_json": piece}
            )
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": message.stop_reason, "stop_sequence": None},
        "usage": {"output_tokens": message.usage["output_tokens"]},
    }
    yield {"type": "message_stop"}


def error_body(kind: str, message: str) -> dict[str, Any]:
    """An error as the API words it."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_rehearsal"}


def retry_after(fault: Fault) -> dict[str, str]:
    """The header that goes with a rate limit: a second, an hour, or a date in an hour."""
    if fault is Fault.RATE_LIMIT:
        return {"retry-after": "1"}
    if fault is Fault.RATE_LIMIT_LONG:
        return {"retry-after": "3600"}
    if fault is Fault.RATE_LIMIT_DATE:
        return {"retry-after": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)}
    return {}


def _start(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """A block as its stream begins: text and inputs follow in pieces, results come whole."""
    if block["type"] == "text":
        return {**block, "text": ""}
    return {**block, "input": {}} if "input" in block else block


def _payload(block: Mapping[str, Any]) -> str:
    if block["type"] == "text":
        return str(block["text"])
    return json.dumps(block["input"]) if "input" in block else ""


def _pieces(payload: str) -> Iterator[str]:
    """At least two pieces where there is something to cut, so that cuts fall inside an answer."""
    size = min(PIECE, max(1, len(payload) // 2))
    for start in range(0, len(payload), size):
        yield payload[start : start + size]
