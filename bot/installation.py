"""Whether Slack still takes this app's tokens.

They are revoked, the app is removed from the workspace, the account behind it is switched off: then no call
will ever be taken again, and a process that goes on would look alive while nobody can reach it. It ends
instead, in order, and one with new tokens goes on where it stood.
"""

import asyncio

import structlog

from bot.slack_calls import MeasuredClient
from bot.slack_errors import slack_errors
from engine.errors import ChatLost, ConfigurationInvalid, GreenlightError

OPEN = "apps.connections.open"
PAUSE_S = 3.0
REFUSALS = 3
"""One alone is not believed: it would end all work."""

log = structlog.get_logger(__name__)


class Installation:
    """Asks again whenever Slack refused a token or said that it took it away.

    Args:
        client: Its calls are listened to.
        app_token: Of Socket Mode; empty without it.
        pause_s: Seconds between two questions.
    """

    def __init__(self, client: MeasuredClient, app_token: str, pause_s: float = PAUSE_S) -> None:
        self._client = client
        self._app_token = app_token
        self._pause_s = pause_s
        self._asking: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        client.refused_token = self.doubt

    def doubt(self, method: str) -> None:
        """A token was refused by this method, or is said to be good for nothing any more."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(method))

    async def lost(self) -> None:
        """Return once Slack takes a token no more."""
        await self._gone.wait()

    async def close(self) -> None:
        """Ask no more."""
        self._client.refused_token = None
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self, method: str) -> None:
        refusals = 0
        while refusals < REFUSALS:
            try:
                async with slack_errors():
                    await self._call(method)
            except ChatLost:
                refusals += 1
            except GreenlightError as error:
                log.warning("installation.unknown", error=type(error).__name__)
            else:
                return
            await asyncio.sleep(self._pause_s)
        log.error("installation.lost", method=method)
        self._gone.set()

    async def _call(self, method: str) -> None:
        if method == OPEN and self._app_token:
            await self._client.apps_connections_open(app_token=self._app_token)
        else:
            await self._client.auth_test()


def lost() -> ConfigurationInvalid:
    """What ends the process."""
    return ConfigurationInvalid(
        "Slack takes my tokens no more: they were revoked, or the app was removed from the workspace. "
        "Nothing is lost. Install the app again, give me the new SLACK_BOT_TOKEN and SLACK_APP_TOKEN, "
        "and start me: I go on where I stopped."
    )
