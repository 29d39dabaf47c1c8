"""Slack's client, whose calls are counted and timed."""

from time import monotonic
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

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
    """An AsyncWebClient that tells `engine.metrics` of each call."""

    async def api_call(self, api_method: str, **rest: Any) -> AsyncSlackResponse:
        """As AsyncWebClient's."""
        begun, outcome = monotonic(), "failed"
        try:
            answer = await super().api_call(api_method, **rest)
        except SlackApiError as error:
            limited = getattr(error.response, "status_code", 0) == 429
            outcome = "rate_limited" if limited else "refused"
            raise
        else:
            outcome = "done"
            return answer
        finally:
            method = api_method if api_method in _METHODS else "other"
            CHAT_CALLS.labels(method, outcome).observe(monotonic() - begun)
