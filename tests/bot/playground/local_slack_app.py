"""A real Bolt app on the local Slack: what the tests point at it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.slack import LocalSlack, SlackOptions

QUIET = SlackOptions(paces={}, ack_timeout=1.0, retry_delays=(0.0, 0.05, 0.05))
"""No rate limits, and retries a test can wait for."""


def web_client(slack: LocalSlack) -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-fake-greenlight", base_url=slack.api_url)  # noqa: S106 - says it is fake


def bolt_app(slack: LocalSlack) -> AsyncApp:
    return AsyncApp(client=web_client(slack), process_before_response=True)


@asynccontextmanager
async def connected(slack: LocalSlack, app: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    handler = AsyncSocketModeHandler(app, "xapp-fake-greenlight", ping_interval=1.0)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    try:
        await slack.wait_for(lambda s: s.connected, 5)
        yield handler
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]
