"""Slack's requests over HTTP: what Socket Mode brings over its connection comes to a public address instead.

Nothing of a request is read before its signature fits: Slack's, of the last five minutes, over the very bytes
that came. What comes again within them is recognised by the event's key, like anything that Slack repeats.
The answer waits until the engine has stored what came, as the ack over the socket does.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import time

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from bot.serving import Server, secret_from

PATH = "/slack/events"
SECRET = "SLACK_SIGNING_SECRET"  # noqa: S105 (the name of a variable)
MOST_BYTES = 1_000_000
CLOSE_SECONDS = 5.0
_LATE_S = 5 * 60
_SECONDS = re.compile(r"[0-9]{1,12}")
_READ = ("Content-Type", "X-Slack-Request-Timestamp", "X-Slack-Signature")
"""No other header means anything: they are not signed, and Bolt takes orders from some."""
_TYPES = frozenset({"application/json", "application/x-www-form-urlencoded"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OverHttp:
    """Where Slack's requests are taken, and what Slack signs them with. Port 0 takes a free one."""

    signing_secret: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 3000


class RequestUrl:
    """A small server that takes them.

    Args:
        bolt: Made with the same signing secret; it looks at the signature once more.
        where: The address.
    """

    def __init__(self, bolt: AsyncApp, where: OverHttp) -> None:
        self._bolt = bolt
        self._where = where
        self._verifier = SignatureVerifier(where.signing_secret)
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_post(PATH, self._take)
        self._server = Server(app, "Slack's requests cannot be taken", CLOSE_SECONDS)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationInvalid: the address cannot be listened on.
        """
        await self._server.start(self._where.host, self._where.port)

    async def close(self) -> None:
        """Listen no more, once what is being answered is answered."""
        await self._server.close()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()  # of more than MOST_BYTES, 413
        if not self._signed(body, request.headers):
            log.warning("slack.unsigned", bytes=len(body))
            return web.Response(status=401, text="The signature does not fit.")
        if request.content_type not in _TYPES:
            return web.Response(status=415, text="Slack sends JSON or a form.")
        try:
            asked = AsyncBoltRequest(
                body=body.decode(), headers={name: request.headers.get(name, "") for name in _READ}
            )
        except ValueError:
            return web.Response(status=400, text="That is no JSON.")
        return await to_aiohttp_response(await self._bolt.async_dispatch(asked))

    def _signed(self, body: bytes, headers: Mapping[str, str]) -> bool:
        sent_at = headers.get("X-Slack-Request-Timestamp", "")
        if not _SECONDS.fullmatch(sent_at) or abs(time() - int(sent_at)) > _LATE_S:
            return False
        try:
            fits = self._verifier.generate_signature(timestamp=sent_at, body=body) or ""
        except UnicodeDecodeError:
            return False
        return hmac.compare_digest(
            fits.encode(), headers.get("X-Slack-Signature", "").encode("utf-8", "replace")
        )


def signing_secret(environment: Mapping[str, str]) -> str:
    """SLACK_SIGNING_SECRET.

    Raises:
        ConfigurationInvalid: it is not set, or short enough to be guessed.
    """
    where = "; Slack shows it on the app's page “Basic Information”"
    return secret_from(environment, SECRET, f"Slack signs its requests with{where}")
