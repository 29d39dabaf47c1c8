"""What a call of the Messages API costs, in US dollars, by a tier's prices."""

import json
from typing import NamedTuple

from engine.ports import ModelCall, Usage
from engine.settings import TierSettings

BYTES_PER_TOKEN = 2  # fewer than any text has, so that counting bytes gives an upper bound
MILLION = 1_000_000


class _Prices(NamedTuple):
    """US dollars per million tokens."""

    input: float
    output: float
    cache_read: float
    cache_write: float


def priced(usage: Usage, tier: TierSettings) -> Usage:
    """The same tokens with their cost."""
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    prices = _prices(tier, prompt)
    cost = (
        usage.input_tokens * prices.input
        + usage.output_tokens * prices.output
        + usage.cache_read_tokens * prices.cache_read
        + usage.cache_write_tokens * prices.cache_write
    )
    searches = usage.web_searches * tier.web_search_usd
    return usage.model_copy(update={"cost_usd": cost / MILLION + searches})


def worst_case_usd(call: ModelCall, tier: TierSettings) -> float:
    """All of max_tokens out; one token per two bytes in, at the dearer of input and cache write.

    The provider reads the prompt again after each use of its own tools, with what all of them found so far.
    """
    prompt = prompt_bytes(call) / BYTES_PER_TOKEN
    uses = sum(tool.max_uses for tool in call.web)
    page = max((tool.page_tokens for tool in call.web), default=0)
    read = prompt * (uses + 1) + page * uses * (uses + 1) / 2
    prices = _prices(tier, prompt + page * uses)
    searches = sum(tool.max_uses for tool in call.web if tool.name == "web_search") * tier.web_search_usd
    tokens = read * max(prices.input, prices.cache_write) + call.max_tokens * prices.output
    return tokens / MILLION + searches


def prompt_bytes(call: ModelCall) -> int:
    """Size of everything in a call that the model reads, as UTF-8 JSON."""
    parts = (call.system, call.messages, [tool.model_dump() for tool in call.tools], call.schema_)
    return sum(len(json.dumps(part, ensure_ascii=False).encode(errors="surrogatepass")) for part in parts)


def _prices(tier: TierSettings, prompt_tokens: float) -> _Prices:
    """Above the threshold caching costs rise as the input's price does."""
    short = _Prices(tier.input_usd, tier.output_usd, tier.cache_read_usd, tier.cache_write_usd)
    if tier.long_context_tokens is None or prompt_tokens <= tier.long_context_tokens:
        return short
    long_input = short.input if tier.long_input_usd is None else tier.long_input_usd
    long_output = short.output if tier.long_output_usd is None else tier.long_output_usd
    factor = long_input / short.input if short.input else 1.0
    return _Prices(long_input, long_output, short.cache_read * factor, short.cache_write * factor)
