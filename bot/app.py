"""The composition root: settings and tokens in, a running app out."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

import structlog
from pydantic import BaseModel, ConfigDict, SecretStr
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.channel import Identity, SlackChat, identify, web_client
from bot.listeners import Acceptor, Listeners
from bot.slack_errors import slack_errors
from engine.bootstrap import Parts, start
from engine.engine import Engine
from engine.errors import ChatRefused, ConfigurationInvalid
from engine.settings import Settings

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 30.0


class Tokens(BaseModel):
    """What Slack gave the operator, and where Slack is (None: Slack itself)."""

    model_config = ConfigDict(frozen=True)

    bot: SecretStr
    app: SecretStr
    api_url: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read SLACK_BOT_TOKEN, SLACK_APP_TOKEN and, if there, SLACK_API_URL.

        Raises:
            ConfigurationInvalid: one is missing or of the wrong kind; says which and where to get it.
        """
        return cls(
            bot=SecretStr(_token(environment, "SLACK_BOT_TOKEN", "xoxb-", "OAuth & Permissions")),
            app=SecretStr(_token(environment, "SLACK_APP_TOKEN", "xapp-", "Basic Information")),
            api_url=_api_url(environment.get("SLACK_API_URL", "").strip()),
        )


def _token(environment: Mapping[str, str], name: str, begins: str, page: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise ConfigurationInvalid(f"{name} is not set. Slack shows it on the app's page “{page}”.")
    if not value.startswith(begins):
        raise ConfigurationInvalid(f"{name} should begin with {begins}; Slack shows it on “{page}”.")
    return value


def _api_url(value: str) -> str | None:
    if value and not value.startswith(("http://", "https://")):
        raise ConfigurationInvalid("SLACK_API_URL should be an address like http://127.0.0.1:1234/api/.")
    return value or None


class SlackApp:
    """Bolt, its listeners and its Socket Mode connection, over an engine that is already there."""

    def __init__(self, engine: Acceptor, client: AsyncWebClient, me: Identity, app_token: str) -> None:
        # process_before_response: see bot.listeners.
        self._client = client
        self._app_token = app_token
        self._bolt = AsyncApp(client=client, process_before_response=True)
        self._listeners = Listeners(engine, client, me)
        self._listeners.register(self._bolt)
        self._socket = AsyncSocketModeHandler(self._bolt, app_token)

    async def connect(self) -> None:
        """Open the Socket Mode connection; it reopens by itself later.

        Raises:
            Unreachable: Slack did not answer.
            ConfigurationInvalid: Slack does not take the app-level token.
        """
        try:
            async with slack_errors(), asyncio.timeout(CONNECT_SECONDS):
                # The SDK's connect tries for ever: ask for the address here, so that a wrong token is told.
                answer = await self._client.apps_connections_open(app_token=self._app_token)
                self._socket.client.wss_uri = str(answer["url"])
                await self._socket.connect_async()  # type: ignore[no-untyped-call]  # Bolt left it bare
        except ChatRefused as refused:
            raise ConfigurationInvalid(
                f"Slack did not open a Socket Mode connection ({refused.code}). "
                "Check SLACK_APP_TOKEN, its scope connections:write, and that Socket Mode is on."
            ) from refused

    async def close(self) -> None:
        """Take nothing more in, then let the last replies go out."""
        await self._socket.close_async()  # type: ignore[no-untyped-call]  # Bolt left it bare
        await self._listeners.close()


@dataclass(frozen=True)
class Running:
    """Everything that runs. Close it once."""

    engine: Engine
    app: SlackApp
    chat: SlackChat
    me: Identity

    async def close(self) -> None:
        """First what comes in, then the work, then what goes out."""
        await self.app.close()
        await self.engine.close()
        await self.chat.close()
        log.info("app.closed")


async def connect(
    settings: Settings,
    *,
    bot_token: str,
    app_token: str,
    slack_url: str | None = None,
    parts: Parts | None = None,
) -> Running:
    """Start the engine and connect it to Slack.

    Args:
        settings: Everything but secrets.
        bot_token: Begins with xoxb-.
        app_token: Begins with xapp-; opens the Socket Mode connection.
        slack_url: Base of another server's Web API, with or without /api/; None: Slack.
        parts: What takes the place of the engine's own adapters, if anything.

    Raises:
        ConfigurationInvalid: Slack does not take a token, or the settings cannot be used.
        Fatal: the engine refuses to start.
        Unreachable: Slack did not answer.
    """
    client = web_client(bot_token, slack_url)
    me = await _identify(client)
    chat = SlackChat(client, me)
    async with AsyncExitStack() as undo:
        undo.push_async_callback(chat.close)
        engine = await start(settings, chat, parts=parts)
        undo.push_async_callback(engine.close)
        app = SlackApp(engine, client, me, app_token)
        undo.push_async_callback(app.close)
        await app.connect()
        undo.pop_all()
    log.info("app.connected", team=me.team)
    return Running(engine, app, chat, me)


async def connect_from_environment(settings: Settings) -> Running:
    """`connect` with the tokens of this process's environment.

    Raises:
        ConfigurationInvalid: a token is missing as well.
    """
    tokens = Tokens.from_environment(os.environ)
    return await connect(
        settings,
        bot_token=tokens.bot.get_secret_value(),
        app_token=tokens.app.get_secret_value(),
        slack_url=tokens.api_url,
    )


async def _identify(client: AsyncWebClient) -> Identity:
    try:
        return await identify(client)
    except ChatRefused as refused:
        raise ConfigurationInvalid(
            f"Slack does not take SLACK_BOT_TOKEN ({refused.code}). Reinstall the app and copy the new token."
        ) from refused
