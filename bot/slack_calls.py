"""Slack's client, whose calls are counted and timed."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack_errors import TOKENS
from engine.metrics import CHAT_CALLS

_METHODS = frozenset(
    {
        "apps.connections.open",
        "auth.test",
        "chat.postEphemeral",
        "chat.postMessage",
        "chat.update",
        "conversations.history",
        "conversations.replies",
        "users.info",
        "views.open",
        "views.update",
    }
)


class MeasuredClient(AsyncWebClient):
    """An AsyncWebClient that tells `engine.metrics` of each call, and whoever asks of each refused token."""

    refused_token: Callable[[str], None] | None = None

    async def api_call(self, api_method: str, **rest: Any) -> AsyncSlackResponse:
        """As AsyncWebClient's."""
        begun, outcome = monotonic(), "failed"
        try:
            answer = await super().api_call(api_method, **rest)
        except SlackApiError as error:
            limited = getattr(error.response, "status_code", 0) == 429
            outcome = "rate_limited" if limited else "refused"
            if self.refused_token is not None and _code(error) in TOKENS:
                self.refused_token(api_method)
            raise
        else:
            outcome = "done"
            return answer
        finally:
            method = api_method if api_method in _METHODS else "other"
            CHAT_CALLS.labels(method, outcome).observe(monotonic() - begun)


def _code(error: SlackApiError) -> object:
    data = getattr(error.response, "data", None)
    return data.get("error") if isinstance(data, dict) else None
