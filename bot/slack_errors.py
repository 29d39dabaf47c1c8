"""The one place where errors of Slack's SDK become errors of the engine.

Another server may stand where Slack stands, and know less: `lacks_method` tells by the error when it
does not know what it was asked at all. Whose server it is tells `is_slack`.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isnan
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from engine.errors import (
    CardMissing,
    ChatLost,
    ChatRefused,
    ChatShut,
    GreenlightError,
    RateLimited,
    ThreadMissing,
    Unreachable,
)
from engine.leaks import redacted_words
from engine.metrics import CHAT_LIMITED

Kind = TypeVar("Kind")

log = structlog.get_logger(__name__)

SHORT_WAIT_S = 5.0
LONGEST_WAIT_S = 15 * 60.0
"""However long Slack asks to wait: then it is asked again."""

FIXED = frozenset({"cant_update_message", "edit_window_closed"})
"""The message cannot be changed any more, and that is all right."""

UNKNOWN_METHOD = frozenset({"unknown_method", "method_not_found", "not_implemented"})
"""How servers that are not Slack say that they do not have a method."""

_NO_PAGE = frozenset({404, 405, 501})
_SLACK = (".slack.com", ".slack-gov.com")
_BUSY = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
_SENTENCES = {
    "channel_not_found": "Slack does not show me this channel any more. Invite me again with /invite.",
    "not_in_channel": "I am not a member of this channel. Invite me with /invite.",
    "is_archived": "This channel is archived.",
    "thread_not_found": "The thread's first message is gone.",
    "message_not_found": "This message was deleted.",
    "restricted_action": "The workspace does not let me post here.",
    "msg_too_long": "A message became too long for Slack.",
    "invalid_blocks": "Slack did not take the form of a message.",
    "missing_scope": "I lack a permission in Slack. Reinstall the app with its current manifest.",
    "expired_trigger_id": "That took too long for Slack to open a window. Please press the button again.",
}
TOKENS = frozenset({"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"})
_KINDS: Mapping[str, type[ChatRefused]] = {
    "thread_not_found": ThreadMissing,
    "message_not_found": CardMissing,
    "message_deleted": CardMissing,
}
_SHUT = frozenset(
    {
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "restricted_action",
        "missing_scope",
        "access_denied",
    }
)


class NoApiAnswer(Unreachable):
    """An answer as no method of Slack's gives it: a page, a missing page, or a part of it is not there."""


@asynccontextmanager
async def slack_errors(asked: str = "a message") -> AsyncIterator[None]:
    """Translate what calls of the SDK raise inside.

    Args:
        asked: Ends the sentence “Slack refused …”.

    Raises:
        RateLimited: with Slack's Retry-After.
        NoApiAnswer: an Unreachable; see there.
        Unreachable: no answer, half an answer, or Slack's own failure.
        ChatShut: Slack takes nothing there until people change that; ChatLost: nothing anywhere.
        CardMissing, ThreadMissing: it was deleted.
        ChatRefused: Slack will never take this call as it is; `code` is Slack's error code.
    """
    try:
        yield
    except SlackClientError as error:
        raise _mapped(error, asked) from error
    except AttributeError as error:  # the SDK takes for granted that an answer is a JSON object
        raise _no_api_answer() from error
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Unreachable("Slack did not answer. I try again.") from error


def part(answer: AsyncSlackResponse, name: str, kind: type[Kind]) -> Kind:
    """A part that is in every answer of Slack's.

    Raises:
        NoApiAnswer: it is missing, or of another kind.
    """
    found = answer.get(name)
    if not isinstance(found, kind):
        raise _no_api_answer()
    return found


def lacks_method(error: GreenlightError) -> bool:
    """Whether a server that is not Slack says so that it does not know what it was asked."""
    return isinstance(error, NoApiAnswer) or (isinstance(error, ChatRefused) and error.code in UNKNOWN_METHOD)


def is_slack(base_url: str) -> bool:
    """Whether a Web API is Slack's own, and so knows all of its methods."""
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    return f".{host}".endswith(_SLACK)


def shut_by(code: str) -> ChatShut:
    """What a refusal with this code of Slack's would have been."""
    return ChatShut(_SENTENCES[code], code)


def _no_api_answer() -> NoApiAnswer:
    return NoApiAnswer("Slack did not answer as it should. I try again.")


def _mapped(error: SlackClientError, asked: str) -> GreenlightError:
    response = getattr(error, "response", None)
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
    data = getattr(response, "data", None)
    code = redacted_words(str(data.get("error") or "")) if isinstance(data, Mapping) else ""
    if status == 429 or code in {"ratelimited", "rate_limited"}:
        return RateLimited("Slack asks me to slow down.", _retry_after(getattr(response, "headers", {})))
    if status in {200, *_NO_PAGE} and not (isinstance(data, Mapping) and "ok" in data):
        return _no_api_answer()
    if status >= 500 or code in _BUSY or not code:
        return Unreachable("Slack did not answer as it should. I try again.")
    log.warning("slack.refused", code=code, where=_where(data))
    if code in TOKENS:
        return ChatLost("Slack does not accept my token any more. Reinstall the app, then restart me.", code)
    kind = ChatShut if code in _SHUT else _KINDS.get(code, ChatRefused)
    return kind(_SENTENCES.get(code, f"Slack refused {asked} ({code[:60]})."), code)


def _where(data: Any) -> list[str]:
    """The pointers Slack gives for refused blocks; they hold no texts."""
    meta = data.get("response_metadata") if isinstance(data, Mapping) else None
    messages = meta.get("messages") if isinstance(meta, Mapping) else None
    return [str(message)[:200] for message in messages[:5]] if isinstance(messages, list) else []


def _retry_after(headers: Mapping[str, Any]) -> float | None:
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), None)
    first = value[0] if isinstance(value, list) and value else value
    seconds = _seconds(str(first)) if first is not None else None
    if seconds is not None and seconds > LONGEST_WAIT_S:
        log.warning("slack.long_wait", asked_s=min(seconds, 1e9), waits_s=LONGEST_WAIT_S)
    return None if seconds is None else min(max(0.0, seconds), LONGEST_WAIT_S)


def _seconds(value: str) -> float | None:
    """A number of seconds or a date, as HTTP has it; None for anything else."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    return None if isnan(seconds) else seconds


class ShortWaits(AsyncRateLimitErrorRetryHandler):
    """Waits out short rate limits inside the call; longer ones surface and are waited for durably."""

    async def can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        """As the SDK's; each rate limit is counted."""
        if response is not None and response.status_code == 429:
            CHAT_LIMITED.inc()
        return await super().can_retry_async(state=state, request=request, response=response, error=error)

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if response is None or response.status_code != 429:
            return False
        return _short_wait(response) <= SHORT_WAIT_S

    async def prepare_for_next_attempt_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> None:
        """As the SDK's, which takes whole numbers of seconds alone."""
        state.next_attempt_requested = True
        await asyncio.sleep(_short_wait(response) + random.random() / 2)  # noqa: S311 (a pause, no secret)
        state.increment_current_attempt()


def _short_wait(response: HttpResponse | None) -> float:
    wait = _retry_after(response.headers) if response is not None else None
    return 1.0 if wait is None else wait
