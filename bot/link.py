"""The Socket Mode connection: opened, kept, opened again by itself.

The SDK's own client takes a connection for open before Slack said hello, tries an address that was used up
again and again, and waits minutes for a server that does not answer; hence this one. Every step here has a
bound, and every connection an address of its own.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic
from typing import Any

import structlog
from aiohttp import ClientSession, ClientWebSocketResponse, ClientWSTimeout, WSMsgType
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack_errors import part, slack_errors
from engine.errors import GreenlightError, RateLimited, Unreachable
from engine.trace import trace

log = structlog.get_logger(__name__)

Take = Callable[[SocketModeRequest], Awaitable[BoltResponse]]

NOT_OPEN = "There is no connection to Slack just now."
NO_HELLO = "Slack opened a connection and did not say hello. I try again."


@dataclass(frozen=True)
class Patience:
    """Seconds that things may take.

    Attributes:
        open_s: Asking for an address and connecting there.
        hello_s: Slack's hello after that.
        ping_s: Between pings; a connection is given up if half as long later nothing came back.
        steady_s: A connection that held as long was good: the next is opened at once.
        pauses_s: Before each further try, the last again and again.
        brought: Which of them is the longest while connections end early, but bring something first: there
            is somebody to be heard.
        parting_s: What was announced to end is still listened to.
        close_s: What is being taken in at the end.
    """

    open_s: float = 15.0
    hello_s: float = 10.0
    ping_s: float = 10.0
    steady_s: float = 10.0
    pauses_s: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
    brought: int = 2
    parting_s: float = 8.0
    close_s: float = 1.0


class Link:
    """One connection at a time, and for moments the one before it.

    Args:
        client: Asks for addresses.
        app_token: Begins with xapp-.
        take: Does what an envelope asks for. The ack goes out if its answer has status 200.
        patience: Bounds.
    """

    def __init__(
        self, client: AsyncWebClient, app_token: str, take: Take, patience: Patience | None = None
    ) -> None:
        self._client = client
        self._app_token = app_token
        self._take = take
        self._patience = patience or Patience()
        self._session: ClientSession | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._taking: set[asyncio.Task[None]] = set()
        self._parting: set[asyncio.Task[None]] = set()
        self._sockets: set[ClientWebSocketResponse] = set()
        self._why = NOT_OPEN

    @property
    def why_not(self) -> str:
        """A sentence on why nothing arrives here; empty while it is open."""
        return self._why

    async def open(self) -> None:
        """Open it for the first time, or where Slack does not answer begin to try again; then it is kept.

        Raises:
            ChatRefused: Slack does not take the app-level token.
        """
        self._session = ClientSession()
        try:
            first = await self._dial(self._session)
        except (Unreachable, RateLimited) as error:
            first = None
            self._tell(error, 1)
        self._keeping = asyncio.create_task(self._keep(self._session, first))

    async def close(self) -> None:
        """Read nothing more; what was read is done and acked, for a moment; then the connection ends."""
        reading = [task for task in (self._keeping, *self._parting) if task is not None]
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        self._why = NOT_OPEN
        if self._taking:
            _, late = await asyncio.wait(self._taking, timeout=self._patience.close_s)
            for task in late:
                log.warning("socket.left_unacked")
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await asyncio.gather(*(self._end(socket) for socket in tuple(self._sockets)))
        if self._session is not None:
            await self._session.close()

    # ------------------------------------------------------------ opening

    async def _dial(self, session: ClientSession) -> ClientWebSocketResponse:
        async with slack_errors("to open a Socket Mode connection"), asyncio.timeout(self._patience.open_s):
            answer = await self._client.apps_connections_open(app_token=self._app_token)
            socket = await session.ws_connect(
                part(answer, "url", str),
                heartbeat=self._patience.ping_s,
                timeout=ClientWSTimeout(ws_close=1.0),
                proxy=self._client.proxy,
                ssl=True if self._client.ssl is None else self._client.ssl,
            )
        self._sockets.add(socket)
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._end, socket)
            await self._hello(socket)
            undo.pop_all()
        self._why = ""
        log.info("socket.open")
        return socket

    async def _hello(self, socket: ClientWebSocketResponse) -> None:
        try:
            async with asyncio.timeout(self._patience.hello_s):
                said = _object(await socket.receive_str())
        except (TimeoutError, TypeError, ConnectionError) as error:  # TypeError: it was no text, or the end
            raise Unreachable(NO_HELLO) from error
        if said.get("type") != "hello":
            raise Unreachable(NO_HELLO)

    async def _keep(self, session: ClientSession, socket: ClientWebSocketResponse | None) -> None:
        failures = 0
        if socket is None:
            socket, failures = await self._again(session, 1)
        while True:
            since = monotonic()
            notice, brought = await self._read(socket)
            if monotonic() - since >= self._patience.steady_s:
                failures = 0
            else:
                failures = 1 + (min(failures, self._patience.brought) if brought else failures)
            if notice:
                self._later(self._parting, self._part(socket))
            else:
                self._why = NOT_OPEN
                await self._end(socket)
            log.info("socket.ended", announced=notice[:40], held_s=round(monotonic() - since, 1))
            socket, failures = await self._again(session, failures)

    async def _again(self, session: ClientSession, failures: int) -> tuple[ClientWebSocketResponse, int]:
        """The next connection, and how many tries in a row were short or in vain before it."""
        wait = 0.0
        while True:
            pauses = self._patience.pauses_s
            await asyncio.sleep(max(wait, pauses[min(max(failures - 1, 0), len(pauses) - 1)]))
            try:
                return await self._dial(session), failures
            except Exception as error:  # noqa: BLE001 (process edge: nothing may end the trying)
                failures += 1
                wait = (error.retry_after or 0.0) if isinstance(error, RateLimited) else 0.0
                self._tell(error, failures)

    def _tell(self, error: Exception, tries: int) -> None:
        sentence = error.sentence if isinstance(error, GreenlightError) else ""
        self._why = f"{NOT_OPEN} {sentence}".strip()
        told = {} if sentence else {"trace": trace(error)}
        log.warning("socket.down", why=sentence, error=type(error).__name__, tries=tries, **told)

    # ------------------------------------------------------------ reading

    async def _read(self, socket: ClientWebSocketResponse) -> tuple[str, bool]:
        """Take in what comes, until the end; Slack's reason for it, if it told one, and if anything came."""
        brought = False
        try:
            async for message in socket:
                said = _object(message.data) if message.type is WSMsgType.TEXT else {}
                if said.get("type") == "disconnect":
                    return str(said.get("reason") or "disconnect"), brought
                if (request := _request(said)) is not None:
                    brought = True
                    self._later(self._taking, self._acked(socket, request))
        except ConnectionError:
            log.info("socket.pong_lost")  # it ended before a ping of its could be answered
        except Exception as error:  # noqa: BLE001 (process edge: whatever ends it, the next one is opened)
            log.error("socket.broken", trace=trace(error))  # noqa: TRY400 (no foreign words in logs)
        return "", brought

    async def _part(self, socket: ClientWebSocketResponse) -> None:
        """The old connection may still bring something until Slack ends it."""
        try:
            async with asyncio.timeout(self._patience.parting_s):
                while (await self._read(socket))[0]:
                    pass
        except TimeoutError:
            pass  # Slack said that it would end it: now we do
        finally:
            await self._end(socket)

    async def _acked(self, socket: ClientWebSocketResponse, request: SocketModeRequest) -> None:
        try:
            answer = await self._take(request)
            if answer.status == 200:
                await socket.send_str(json.dumps(_ack(request, answer).to_dict()))
        except ConnectionError:
            log.warning("socket.ack_lost")  # Slack sends it again, and its key is the same
        except Exception as error:  # noqa: BLE001 (process edge: without an ack it comes again)
            log.error("socket.failed", trace=trace(error))  # noqa: TRY400 (no foreign words in logs)

    async def _end(self, socket: ClientWebSocketResponse) -> None:
        self._sockets.discard(socket)
        if not self._sockets:
            self._why = self._why or NOT_OPEN
        await socket.close()

    def _later(self, kept: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        kept.add(task)
        task.add_done_callback(kept.discard)


def _ack(request: SocketModeRequest, answer: BoltResponse) -> SocketModeResponse:
    if not answer.body:
        return SocketModeResponse(envelope_id=request.envelope_id)
    kind = answer.headers.get("content-type", [""])[0]
    payload = json.loads(answer.body) if kind.startswith("application/json") else {"text": answer.body}
    return SocketModeResponse(envelope_id=request.envelope_id, payload=payload)


def _request(said: dict[str, Any]) -> SocketModeRequest | None:
    """What an envelope holds; nothing if it is none. Other payloads are exceptions of the SDK's."""
    return SocketModeRequest.from_dict(said) if isinstance(said.get("payload"), dict | str) else None


def _object(text: str) -> dict[str, Any]:
    """A message's JSON; nothing if it is none."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        log.warning("socket.garbled")
        return {}
    return said if isinstance(said, dict) else {}
