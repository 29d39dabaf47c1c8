"""`ports.Model` on the Messages API, by the vendor's SDK; the only importer of it.

One call, one request: the SDK's own retries are off, since they would sleep as long as a rate limit
says. Answers are streamed and collected, so that a call that is cancelled stops being produced.
"""

import asyncio
import hashlib
import logging
import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import anthropic
import httpx2
from anthropic.types import Message
from anthropic.types import Usage as VendorUsage

from engine.adapters import prices
from engine.errors import (
    ConfigurationInvalid,
    GreenlightError,
    ModelRefused,
    RateLimited,
    ScriptEnded,
    Transient,
    Unreachable,
)
from engine.ports import ModelAnswer, ModelCall, Tier, ToolUse, Usage, WebTool
from engine.settings import TierSettings

CONNECT_TIMEOUT_S = 10.0
MOST_BYTES = 8_000_000
"""Of one answer on the wire: several times what the most tokens of a call make as events."""
PACKED = 32
"""An answer that comes compressed, which is not asked for, may have that part of it."""
SCRIPT_ENDED = "rehearsal_script_ended"
LONGEST_SENTENCE = 1_000
WEB_VERSIONS = {"web_search": "web_search_20250305", "web_fetch": "web_fetch_20250910"}
WEB_RESULTS = frozenset({"web_search_tool_result", "web_fetch_tool_result"})

# Whatever the SDK, its transport and its parsing of a broken stream have been seen to raise. Only reading
# the answer stands under this net, so that it cannot hide mistakes of our own.
_FAULTS = (
    anthropic.AnthropicError,
    httpx2.HTTPError,
    httpx2.StreamError,
    aiohttp.ClientError,
    OSError,
    ValueError,
    RuntimeError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
)


class AnthropicModel:
    """A model behind the Messages API, at ANTHROPIC_BASE_URL if that is set.

    Args:
        tiers: Model and prices of each tier.
        timeout_s: Seconds until a call that is not over counts as failed.
        api_key: Instead of the environment's ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN.
        base_url: Instead of the environment's ANTHROPIC_BASE_URL.

    Raises:
        ConfigurationInvalid: the environment names a profile of credentials that cannot be read.
    """

    def __init__(
        self,
        tiers: Mapping[Tier, TierSettings],
        timeout_s: float,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> None:
        # The SDK logs whole requests at DEBUG, and prompts may never be logged.
        logging.getLogger("anthropic").setLevel(logging.INFO)
        self._tiers = tiers
        self._timeout_s = timeout_s
        try:
            self._client = anthropic.AsyncAnthropic(
                api_key=api_key,
                base_url=base_url,
                max_retries=0,
                timeout=httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)),
                http_client=anthropic.DefaultAioHttpClient(
                    headers={"Accept-Encoding": "identity"}, event_hooks={"response": [_bound]}
                ),
            )
        except anthropic.CredentialsError:
            raise ConfigurationInvalid(
                "The profile with the model provider's credentials cannot be used. Set ANTHROPIC_API_KEY."
            ) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    @property
    def has_key(self) -> bool:
        """Whether there is something to show the provider; whether it is accepted, only a call tells."""
        return bool(self._client.api_key or self._client.auth_token or self._client.credentials)

    def worst_case_usd(self, call: ModelCall) -> float:
        """Upper bound of the call's cost: all of max_tokens out, one token per two bytes in."""
        return prices.worst_case_usd(call, self._tiers[call.tier])

    async def answer(self, call: ModelCall) -> ModelAnswer:
        """Make one call.

        Raises:
            RateLimited: 429 and 529, with the seconds the provider asks to wait.
            Unreachable: its other failures, the network's, and answers that are cut off or not messages;
                with what one that had begun costs.
            ModelRefused: the provider will not take this call, or there is no key.
            ScriptEnded: a rehearsal's script holds no answer.
        """
        tier = self._tiers[call.tier]
        self._require_credentials()
        arguments = _arguments(call, tier.model)
        seen = _Seen()
        try:
            await self._collect(arguments, seen)
            if seen.message is not None and seen.message.stop_reason is not None:
                return _model_answer(seen.message, tier)
            error: GreenlightError = Unreachable("The model's answer was cut off on the way.")
        except _FAULTS as fault:
            error = _translate(fault, call.tier, tier.model)
        if seen.begun and isinstance(error, Transient):
            error.usage = _lost(seen.message, call, tier)
        # Raised here, not where it was caught: a foreign exception in the context may quote the conversation.
        raise error

    def _require_credentials(self) -> None:
        if not self.has_key:
            raise ModelRefused(
                "There is no key for the model's provider. Set ANTHROPIC_API_KEY and start Greenlight again."
            )

    async def _collect(self, arguments: Mapping[str, Any], seen: "_Seen") -> None:
        """Read the whole message, noting what has come so far."""
        async with asyncio.timeout(self._timeout_s), self._client.messages.stream(**arguments) as stream:
            kind = stream.response.headers.get("content-type", "")
            seen.begun = kind.startswith(("text/event-stream", "application/json"))
            if kind.startswith("application/json"):
                seen.message = Message.model_validate_json(await stream.response.aread())
                return
            async for event in stream:
                if seen.message is not None or event.type == "message_start":
                    seen.message = stream.current_message_snapshot


class _TooLong(ValueError):
    """An answer does not end within its bound."""


class _Bounded(httpx2.AsyncByteStream):
    """A body of which no more is read than a bound."""

    def __init__(self, body: httpx2.AsyncByteStream, most: int) -> None:
        self._body = body
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        came = 0
        async for chunk in self._body:
            came += len(chunk)
            if came > self._most:
                raise _TooLong
            yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()


async def _bound(response: httpx2.Response) -> None:
    """Read no more of any answer than its bound: whoever stands for the provider may send without end."""
    body = response.stream
    assert isinstance(body, httpx2.AsyncByteStream)  # noqa: S101 (the client is an asynchronous one)
    packed = response.headers.get("content-encoding", "identity") != "identity"
    response.stream = _Bounded(body, MOST_BYTES // PACKED if packed else MOST_BYTES)


@dataclass
class _Seen:
    """How far an answer came: whether the provider took the call, and the message up to here."""

    begun: bool = False
    message: Message | None = None


def _arguments(call: ModelCall, model: str) -> dict[str, Any]:
    """The call in the API's form, its bytes stable up to the newest message (they are cached)."""
    arguments: dict[str, Any] = {
        "model": model,
        "max_tokens": call.max_tokens,
        # Marked by itself, so that conversations that open alike share it, and that a long exchange of
        # tools, longer than the cache looks back, still finds it.
        "system": [{"type": "text", "text": call.system, "cache_control": {"type": "ephemeral"}}],
        "messages": list(call.messages),
        "cache_control": {"type": "ephemeral"},
        "metadata": {"user_id": hashlib.sha256(call.request.encode()).hexdigest()[:32]},
        "extra_headers": {"X-Greenlight-Role": call.role},
    }
    if call.tools or call.web:
        arguments["tools"] = [*(tool.model_dump() for tool in call.tools), *map(_web_tool, call.web)]
    if call.schema_ is not None:
        schema = anthropic.transform_schema(dict(call.schema_))
        arguments["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return arguments


def _web_tool(tool: WebTool) -> dict[str, Any]:
    """The provider's tool in a version that needs no other one, such as running code over results."""
    definition: dict[str, Any] = {
        "type": WEB_VERSIONS[tool.name],
        "name": tool.name,
        "max_uses": tool.max_uses,
        "allowed_domains": list(tool.allowed_domains),
    }
    if tool.name == "web_fetch":
        definition["max_content_tokens"] = tool.page_tokens
    return definition


def _model_answer(message: Message, tier: TierSettings) -> ModelAnswer:
    # An empty text block may come but not be sent back.
    blocks = [block for block in message.content if block.type != "text" or block.text]
    found = [place for place, block in enumerate(blocks, 1) if block.type in WEB_RESULTS]
    said = blocks[found[-1] :] if found else blocks
    return ModelAnswer(
        model=message.model,
        content=tuple(block.to_dict(mode="json") for block in blocks),
        text="".join(block.text for block in said if block.type == "text"),
        tool_uses=tuple(
            ToolUse(id=block.id, name=block.name, input=block.input if isinstance(block.input, dict) else {})
            for block in blocks
            if block.type == "tool_use"
        ),
        stop_reason=str(message.stop_reason),
        usage=prices.priced(_usage(message.usage), tier),
    )


def _lost(message: Message | None, call: ModelCall, tier: TierSettings) -> Usage:
    """What an answer that broke off costs: its input and what came of it, or all it could have cost."""
    try:
        if message is not None:
            usage = _usage(message.usage)
            # The count of the output comes last, so until then what came is weighed.
            came = sum(len(block.to_json().encode(errors="replace")) for block in message.content)
            output = max(usage.output_tokens, min(came // prices.BYTES_PER_TOKEN, call.max_tokens))
            return prices.priced(usage.model_copy(update={"output_tokens": output}), tier)
    except _FAULTS:
        pass
    return Usage(cost_usd=prices.worst_case_usd(call, tier))


def _usage(usage: VendorUsage) -> Usage:
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_input_tokens or 0,
        cache_write_tokens=usage.cache_creation_input_tokens or 0,
        web_searches=usage.server_tool_use.web_search_requests if usage.server_tool_use else 0,
    )


def _translate(fault: Exception, tier: Tier, model: str) -> GreenlightError:
    """The one mapper from the vendor's exceptions to ours. Nothing of their text is kept."""
    if isinstance(fault, anthropic.CredentialsError):
        return ModelRefused(
            "The key for the model's provider cannot be read. Set ANTHROPIC_API_KEY and start again."
        )
    if isinstance(fault, _TooLong):
        return Unreachable("The model's answer was longer than any can be, so I stopped reading it.")
    if isinstance(fault, anthropic.APIStatusError):
        return _of_status(fault, tier, model)
    if isinstance(fault, TimeoutError | anthropic.APITimeoutError | httpx2.TimeoutException):
        return Unreachable("The model did not answer in time.")
    if isinstance(fault, anthropic.APIConnectionError):
        return Unreachable("The model's provider cannot be reached.")
    return Unreachable("The model's answer was cut off on the way or cannot be read.")


def _of_status(fault: anthropic.APIStatusError, tier: Tier, model: str) -> GreenlightError:
    status = fault.status_code
    if fault.type == SCRIPT_ENDED and 400 <= status < 500:
        return ScriptEnded((fault.api_message or "The rehearsal's script ends here.")[:LONGEST_SENTENCE])
    if 400 <= status < 500 and _is_about_money(fault):
        return ModelRefused(
            "The model's provider wants to be paid first. Check plan, credit and spend limit of the account."
        )
    if status in (429, 529):
        return RateLimited("The model's provider asks to slow down.", _retry_after(fault.response.headers))
    if status < 400 or status >= 500 or status in (408, 409):
        return Unreachable("The model's provider failed to answer.", _retry_after(fault.response.headers))
    return ModelRefused(_refusal(fault, tier, model))


def _is_about_money(fault: anthropic.APIStatusError) -> bool:
    code = fault.error_code or ""
    return (
        fault.status_code == 402
        or fault.type == "billing_error"
        or code.endswith(("spend_limit_reached", "billing_unavailable"))
        # An empty account has no type or code of its own.
        or "credit balance" in (fault.api_message or "")
    )


def _refusal(fault: anthropic.APIStatusError, tier: Tier, model: str) -> str:
    """Cause and next step of a refusal, in plain words."""
    status = fault.status_code
    if status == 401:
        return "The model's provider does not accept the key. Check ANTHROPIC_API_KEY and start again."
    if status == 403:
        return f"The key for the model's provider may not use {model}. Set another key or tiers.{tier}.model."
    if status == 404:
        return (
            f"The model's provider knows no model {model}. Set tiers.{tier}.model in the configuration file."
        )
    if status == 413 or "prompt is too long" in (fault.api_message or ""):
        return "The conversation with the model has become too long. Split the request into smaller ones."
    number = f", number {fault.request_id}" if fault.request_id else ""
    return f"The model's provider refused the call as invalid (status {status}{number}). Please report this."


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, given in seconds or as a date; None if there is no sense in it."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            until = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
