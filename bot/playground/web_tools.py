"""The provider's own tools in a rehearsal: web_search and web_fetch, with scripted pages.

What the real API does by itself happens here as well: only allowed domains are found or read, and a call
gets no more uses than it asked for.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from bot.playground.conversation import blocks_of
from bot.playground.script import WebUse

_VERSIONS = {"web_search": ("web_search_20250305",), "web_fetch": ("web_fetch_20250910",)}
_RESULTS = {"web_search": "web_search_tool_result", "web_fetch": "web_fetch_tool_result"}


def web_blocks(uses: Sequence[WebUse], body: Mapping[str, Any], seed: str) -> list[dict[str, Any]]:
    """Each use as the API puts it into an answer: the call, then what it found."""
    offered = {tool["name"]: tool for tool in body.get("tools") or () if "type" in tool}
    left = {name: int(tool.get("max_uses") or 99) for name, tool in offered.items()}
    blocks: list[dict[str, Any]] = []
    for number, use in enumerate(uses):
        name = "web_search" if use.search is not None else "web_fetch"
        digest = hashlib.sha256(f"{number} {seed}".encode()).hexdigest()
        id = f"srvtoolu_{digest[:24]}"
        given = {"query": use.search} if use.search is not None else {"url": use.fetch}
        blocks.append({"type": "server_tool_use", "id": id, "name": name, "input": given})
        left[name] = left.get(name, 0) - 1
        domains = offered.get(name, {}).get("allowed_domains")
        found = _found(use, domains) if left[name] >= 0 else _error(name, "max_uses_exceeded")
        blocks.append({"type": _RESULTS[name], "tool_use_id": id, "content": found})
    return blocks


def _found(use: WebUse, domains: Sequence[str] | None) -> Any:
    if use.search is not None:
        return [
            {
                "type": "web_search_result",
                "url": page.url,
                "title": page.title,
                "encrypted_content": hashlib.sha256(page.url.encode()).hexdigest(),
                "page_age": None,
            }
            for page in use.results
            if _allowed(page.url, domains)
        ]
    address = use.fetch or ""
    if not _allowed(address, domains):
        return _error("web_fetch", "url_not_allowed")
    source = {"type": "text", "media_type": "text/plain", "data": use.text}
    return {
        "type": "web_fetch_result",
        "url": address,
        "content": {"type": "document", "source": source, "title": None},
        "retrieved_at": None,
    }


def _error(name: str, code: str) -> dict[str, str]:
    return {"type": f"{name}_tool_result_error", "error_code": code}


def _allowed(address: str, domains: Sequence[str] | None) -> bool:
    host = urlsplit(address).hostname or ""
    return domains is None or any(host == domain or host.endswith(f".{domain}") for domain in domains)


def web_usage(content: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How often the tools were used, as the API counts it; nothing if they were not."""
    names = [block["name"] for block in content if block["type"] == "server_tool_use"]
    if not names:
        return {}
    return {
        "server_tool_use": {
            "web_search_requests": names.count("web_search"),
            "web_fetch_requests": names.count("web_fetch"),
        }
    }


def uses_web(content: str | Sequence[Mapping[str, Any]]) -> bool:
    """Whether a message is an answer with the provider's own tools: a paused one may come back."""
    return any(block.get("type") == "server_tool_use" for block in blocks_of(content))


def web_problems(tools: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Why the API would refuse these definitions of its own tools."""
    for number, tool in enumerate(tools):
        if "type" not in tool or tool["type"] == "custom":
            continue
        if tool["type"] not in _VERSIONS.get(tool.get("name", ""), ()):
            yield f"tools.{number}: unknown tool type {tool['type']}"
        if tool.get("allowed_domains") and tool.get("blocked_domains"):
            yield f"tools.{number}: allowed_domains and blocked_domains exclude each other"
