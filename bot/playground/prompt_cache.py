"""Counts tokens as a prompt cache would: longest live prefix read, the rest of it written.

Modelled on the documented behaviour: the prompt in the order tools, system, messages; breakpoints where
`cache_control` stands, at most four; a look-back of twenty blocks; prefixes under 1024 tokens never
cached. A token here is four bytes of JSON.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.playground.conversation import blocks_of

MINIMUM_TOKENS = 1024
BREAKPOINTS = 4
LOOK_BACK = 20
LIFETIME_S = {"5m": 300.0, "1h": 3600.0}


@dataclass(frozen=True)
class Counted:
    """Tokens of a prompt: not cached, read from the cache, written to it."""

    input: int
    read: int
    written: int

    def usage(self) -> dict[str, int]:
        """As the API reports it."""
        return {
            "input_tokens": self.input,
            "cache_read_input_tokens": self.read,
            "cache_creation_input_tokens": self.written,
        }


@dataclass(frozen=True)
class _Prefix:
    """A prompt up to and including one block; `lifetime` is set where a breakpoint stands."""

    digest: str
    tokens: int
    lifetime: str | None


@dataclass
class PromptCache:
    """The cache of one server; entries are apart by key (tenant) and model."""

    _expiry: dict[tuple[str, str], float] = field(default_factory=dict)

    def count(self, tenant: str, body: Mapping[str, Any]) -> Counted:
        """Count a call's prompt, and cache what its breakpoints ask for."""
        prefixes = _prefixes(body)
        marked = [number for number, prefix in enumerate(prefixes) if prefix.lifetime]
        read = max((self._longest(tenant, prefixes, number) for number in marked), default=0)
        written = 0
        for number in marked:
            prefix = prefixes[number]
            if prefix.tokens >= MINIMUM_TOKENS:
                self._expiry[tenant, prefix.digest] = time.monotonic() + LIFETIME_S[prefix.lifetime or "5m"]
                written = max(written, prefix.tokens - read)
        return Counted(prefixes[-1].tokens - read - written, read, written)

    def _longest(self, tenant: str, prefixes: list[_Prefix], end: int) -> int:
        for prefix in reversed(prefixes[max(0, end - LOOK_BACK + 1) : end + 1]):
            if self._expiry.get((tenant, prefix.digest), 0.0) > time.monotonic():
                return prefix.tokens
        return 0


def tokens_of(value: object) -> int:
    """The tokens of a block or of a whole prompt."""
    return max(1, len(json.dumps(value, sort_keys=True, ensure_ascii=False).encode(errors="replace")) // 4)


def prompt_tokens(body: Mapping[str, Any]) -> int:
    """The tokens of a call's whole prompt."""
    return sum(tokens_of(block) for _, block in prompt_blocks(body))


def prompt_blocks(body: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The prompt's blocks in cache order, each with what it belongs to."""
    blocks = [("tool", tool) for tool in body.get("tools") or ()]
    blocks += [("system", block) for block in blocks_of(body.get("system") or ())]
    for message in body["messages"]:
        blocks += [(message["role"], block) for block in blocks_of(message["content"])]
    return blocks


def _prefixes(body: Mapping[str, Any]) -> list[_Prefix]:
    blocks = prompt_blocks(body)
    digest = hashlib.sha256(json.dumps([body["model"], body.get("thinking")]).encode())
    tokens = 0
    prefixes = []
    for number, (owner, block) in enumerate(blocks):
        bare = {key: value for key, value in block.items() if key != "cache_control"}
        control = block.get("cache_control") or (
            body.get("cache_control") if number == len(blocks) - 1 else None
        )
        digest.update(json.dumps([owner, bare], sort_keys=True).encode())
        tokens += tokens_of(bare)
        prefixes.append(_Prefix(digest.hexdigest(), tokens, control and control.get("ttl", "5m")))
    return prefixes
