"""The composition root: settings and tokens in, a running app out."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import structlog
from pydantic import BaseModel, ConfigDict, SecretStr
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.channel import Identity, NotSlack, SlackChat, identify, web_client
from bot.installation import Installation
from bot.link import Link, Patience
from bot.listeners import Acceptor, Listeners
from bot.request_url import OverHttp, RequestUrl, signing_secret
from bot.slack_calls import MeasuredClient
from engine.bootstrap import Parts, start
from engine.engine import Engine
from engine.errors import ChatRefused, ConfigurationInvalid, RateLimited, Unreachable
from engine.settings import Settings

log = structlog.get_logger(__name__)

PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Before Slack is asked again who we are, the last again and again."""
TRIES_OF_OTHERS = 5
"""Until what answers, and not as Slack does, counts as another server."""


class Tokens(BaseModel):
    """What Slack gave the operator, and where Slack is (None: Slack itself)."""

    model_config = ConfigDict(frozen=True)

    bot: SecretStr
    app: SecretStr = SecretStr("")
    api_url: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, over_http: bool = False) -> Self:
        """Read SLACK_BOT_TOKEN, SLACK_APP_TOKEN (which HTTP does without) and, if there, SLACK_API_URL.

        Raises:
            ConfigurationInvalid: one is missing or of the wrong kind; says which and where to get it.
        """
        app = "" if over_http else _token(environment, "SLACK_APP_TOKEN", "xapp-", "Basic Information")
        return cls(
            bot=SecretStr(_token(environment, "SLACK_BOT_TOKEN", "xoxb-", "OAuth & Permissions")),
            app=SecretStr(app),
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
    """Bolt, its listeners and the way to Slack, over an engine that is already there.

    Args:
        way: The app-level token, which opens a Socket Mode connection; or where requests are taken.
        changed: Called with the id of a user of whom Slack says that something changed.
        patience: Other bounds of Socket Mode than the usual ones.
    """

    def __init__(
        self,
        engine: Acceptor,
        client: MeasuredClient,
        me: Identity,
        way: str | OverHttp,
        changed: Callable[[str], None] = lambda _: None,
        patience: Patience | None = None,
    ) -> None:
        # process_before_response: see bot.listeners.
        app_token = way if isinstance(way, str) else ""
        secret = way.signing_secret if isinstance(way, OverHttp) else None
        tokenless = copy(client)  # Bolt warns of a token that it does not use: `authorize` gives it
        tokenless.token = None
        self._bolt = AsyncApp(
            client=tokenless,
            authorize=_known(me, client.token or ""),
            signing_secret=secret,
            process_before_response=True,
        )
        self._installation = Installation(client, app_token)
        self._listeners = Listeners(engine, client, me, self._installation.doubt, changed)
        self._listeners.register(self._bolt)
        self._door = (
            RequestUrl(self._bolt, way)
            if isinstance(way, OverHttp)
            else Link(client, way, self._take, patience)
        )

    @property
    def http_port(self) -> int:
        """Where requests are taken; 0 in Socket Mode."""
        return self._door.port if isinstance(self._door, RequestUrl) else 0

    async def connect(self) -> None:
        """Open the Socket Mode connection, which reopens by itself later; or listen.

        While Slack does not answer, `why_not` tells so.

        Raises:
            ConfigurationInvalid: Slack does not take the app-level token, or the port is taken.
        """
        if isinstance(self._door, RequestUrl):
            await self._door.start()
        else:
            await self._open(self._door)
        self._listeners.look_round()

    async def _open(self, link: Link) -> None:
        try:
            await link.open()
        except ChatRefused as refused:
            raise ConfigurationInvalid(
                f"Slack did not open a Socket Mode connection ({refused.code}). "
                "Check SLACK_APP_TOKEN, its scope connections:write, and that Socket Mode is on."
            ) from refused

    async def _take(self, request: SocketModeRequest) -> BoltResponse:
        answer: BoltResponse = await run_async_bolt_app(self._bolt, request)
        return answer

    @property
    def why_not(self) -> str:
        """A sentence on why what people do does not arrive here; empty if it does, or requests are taken."""
        return "" if isinstance(self._door, RequestUrl) else self._door.why_not

    async def lost(self) -> None:
        """Return once Slack takes this app's tokens no more."""
        await self._installation.lost()

    async def close(self) -> None:
        """Take nothing more in, then let the last replies go out."""
        await self._door.close()
        await self._listeners.close()
        await self._installation.close()


def _known(me: Identity, token: str) -> Callable[..., Awaitable[AuthorizeResult]]:
    """Who the bot is was asked at the start; Bolt would ask with the first event, and lose that."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None, team_id=me.team, bot_user_id=me.user, bot_id=me.bot, bot_token=token
        )

    return authorize


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
    app_token: str = "",
    http: OverHttp | None = None,
    slack_url: str | None = None,
    parts: Parts | None = None,
    waits: Callable[[str], None] = lambda _: None,
) -> Running:
    """Start the engine and connect it to Slack.

    Args:
        settings: Everything but secrets.
        bot_token: Begins with xoxb-.
        app_token: Begins with xapp-; opens the Socket Mode connection.
        http: Takes the place of Socket Mode; then no app-level token is needed.
        slack_url: Base of another server's Web API, with or without /api/; None: Slack.
        parts: What takes the place of the engine's own adapters, if anything.
        waits: Called with a sentence on what the start waits for, again whenever that changes.

    Raises:
        ConfigurationInvalid: Slack does not take a token, or the settings cannot be used.
        Fatal: the engine refuses to start.
    """
    client = web_client(bot_token, slack_url)
    me = await _identify(client, waits)
    waits("Slack has answered. Earlier work is taken up first.")
    chat = SlackChat(client, me)
    async with AsyncExitStack() as undo:
        undo.push_async_callback(chat.close)
        engine = await start(settings, chat, parts=parts)
        undo.push_async_callback(engine.close)
        app = SlackApp(engine, client, me, http or app_token, chat.forget)
        undo.push_async_callback(app.close)
        await app.connect()
        undo.pop_all()
    log.info("app.connected", team=me.team)
    return Running(engine, app, chat, me)


async def connect_from_environment(
    settings: Settings, http: tuple[str, int] | None, waits: Callable[[str], None]
) -> Running:
    """`connect` with the secrets of this process's environment, in Socket Mode or over HTTP at host and port.

    Raises:
        ConfigurationInvalid: a token or the signing secret is missing as well.
    """
    tokens = Tokens.from_environment(os.environ, over_http=http is not None)
    over_http = OverHttp(signing_secret(os.environ), *http) if http else None
    return await connect(
        settings,
        bot_token=tokens.bot.get_secret_value(),
        app_token=tokens.app.get_secret_value(),
        http=over_http,
        slack_url=tokens.api_url,
        waits=waits,
    )


async def _identify(client: AsyncWebClient, waits: Callable[[str], None]) -> Identity:
    """Who we are; while Slack does not answer, as after a reboot without a network yet, it is asked again."""
    began, tries, why = _clock(), 0, ""
    while True:
        tries += 1
        waits(f"{why} I have asked Slack who I am since {began}; try {tries} began at {_clock()}.".lstrip())
        wait = PAUSES_S[min(tries, len(PAUSES_S)) - 1]
        try:
            return await identify(client)
        except ChatRefused as refused:
            raise ConfigurationInvalid(
                f"Slack does not take SLACK_BOT_TOKEN ({refused.code}). "
                "Reinstall the app and copy the new token."
            ) from refused
        except NotSlack as error:  # what stands before it may be out of order, or the address may be wrong
            if tries == TRIES_OF_OTHERS:
                raise
            why = error.sentence
        except (RateLimited, Unreachable) as error:
            wait = max(wait, error.retry_after or 0.0)
            why = error.sentence
        log.warning("slack.awaited", why=why, tries=tries)
        waits(f"{why} I have asked Slack who I am since {began}; try {tries + 1} is at {_clock(wait)}.")
        await asyncio.sleep(wait)


def _clock(ahead_s: float = 0.0) -> str:
    return f"{datetime.now(UTC) + timedelta(seconds=ahead_s):%Y-%m-%d %H:%M:%S UTC}"
