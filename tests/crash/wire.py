"""Relays on the loopback, between the bot and the servers outside: each request is told of before and after.

`before` means that the server has not seen it, `after` that the server has done it and the bot has no answer.
Whoever is told may raise `Cut`: then it is not passed on, and its connection ends without a word.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from time import monotonic
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import parse_qs

from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse, WSMsgType, web

from tests.journeys.reading import key_of

MOST_BYTES = 1 << 28
_NOT_PASSED_ON = {"host", "content-length", "transfer-encoding", "connection"}


class Side(StrEnum):
    """On which side of a request."""

    BEFORE = "before"
    AFTER = "after"


class Cut(Exception):
    """This request is not passed on any further."""


class Watcher(Protocol):
    """Who is told of requests."""

    async def saw(self, side: Side, what: str) -> None:
        """`what` names the request, the same way in every play."""
        ...


CAME = web.RequestKey("came", float)
Naming = Callable[[web.Request, bytes], str]
Answering = Callable[[web.Request, bytes, bytes], bytes]
"""What becomes of an answer, from the request (its time is request[CAME]), its body and the answer's."""


def as_it_is(_request: web.Request, _body: bytes, answer: bytes) -> bytes:
    """The answer of a server that nobody tampers with."""
    return answer


class Relay:
    """A relay to one server; a context manager.

    Args:
        upstream: The server's address, without a path.
        naming: What a request is called, from the request and its body.
        answering: What becomes of an answer's body on its way.
    """

    def __init__(
        self, upstream: str, watcher: Watcher, naming: Naming, answering: Answering = as_it_is
    ) -> None:
        self._upstream = upstream
        self._watcher = watcher
        self._naming = naming
        self._answering = answering
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._session = ClientSession(auto_decompress=False, timeout=ClientTimeout(total=None))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._linked(request)
            return await self._passed_on(request)
        except (Cut, ClientError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
            return web.Response()

    async def _passed_on(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        request[CAME] = monotonic()
        what = self._naming(request, body)
        await self._watcher.saw(Side.BEFORE, what)
        headers = {name: it for name, it in request.headers.items() if name.lower() not in _NOT_PASSED_ON}
        async with self._session.request(
            request.method, f"{self._upstream}{request.raw_path}", headers=headers, data=body
        ) as got:
            answer = self._answering(request, body, await got.read())
        await self._watcher.saw(Side.AFTER, what)
        kept = {name: it for name, it in got.headers.items() if name.lower() not in _NOT_PASSED_ON}
        # Addresses of the server's own in an answer lead past the relay.
        whole = answer.replace(_plain(self._upstream), _plain(self.url))
        return web.Response(status=got.status, headers=kept, body=whole)

    # ------------------------------------------------------------ Socket Mode

    async def _linked(self, request: web.Request) -> web.StreamResponse:
        await self._watcher.saw(Side.BEFORE, "socket link")
        async with self._session.ws_connect(f"{self._upstream}{request.raw_path}", max_msg_size=0) as up:
            down = web.WebSocketResponse(max_msg_size=0)
            await down.prepare(request)
            sent: dict[str, str] = {}
            ways = [
                asyncio.ensure_future(self._to_bot(up, down, sent)),
                asyncio.ensure_future(self._from_bot(up, down, sent)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                if request.transport is not None:
                    request.transport.abort()
        return down

    async def _to_bot(
        self, up: ClientWebSocketResponse, down: web.WebSocketResponse, sent: dict[str, str]
    ) -> None:
        async for message in up:
            if message.type is WSMsgType.TEXT:
                envelope = json.loads(message.data)
                what = f"socket {_carried(envelope)}"
                sent[envelope.get("envelope_id", "")] = what
                await self._watcher.saw(Side.BEFORE, what)
                await down.send_str(message.data)
                await self._watcher.saw(Side.AFTER, what)

    async def _from_bot(
        self, up: ClientWebSocketResponse, down: web.WebSocketResponse, sent: Mapping[str, str]
    ) -> None:
        async for message in down:
            if message.type is WSMsgType.TEXT:
                what = f"{sent.get(json.loads(message.data).get('envelope_id', ''), 'socket')} ack"
                await self._watcher.saw(Side.BEFORE, what)
                await up.send_str(message.data)
                await self._watcher.saw(Side.AFTER, what)


def _plain(url: str) -> bytes:
    return url.partition("://")[2].encode()


def _carried(envelope: Mapping[str, Any]) -> str:
    """What an envelope is about, without what differs between plays."""
    payload = envelope.get("payload", {})
    if "event" in payload:
        by = "bot" if payload["event"].get("bot_id") else "person"
        return f"{payload['event']['type']} by {by}"
    if payload.get("actions"):
        return f"click {re.sub(r'[^a-z_]+', ' ', payload['actions'][0]['action_id']).strip()}"
    return str(payload.get("type") or envelope.get("type"))


# ---------------------------------------------------------------- names of requests


def of_slack(request: web.Request, body: bytes) -> str:
    """The method, and of a card its key."""
    key = ""
    with contextlib.suppress(ValueError):
        args = json.loads(body) if request.content_type == "application/json" else parse_qs(body.decode())
        metadata = args.get("metadata")
        key = key_of(metadata[0] if isinstance(metadata, list) else metadata)
    return f"slack {request.path.rpartition('/')[2]} {key}".strip()


def of_model(request: web.Request, _body: bytes) -> str:
    """Who asks."""
    return f"model {request.headers.get('X-Greenlight-Role', request.path)}"


def of_forge(request: web.Request, _body: bytes) -> str:
    """Method and path beneath the repository's."""
    path = re.sub(r"^/api/v3/repos/[^/]+/[^/]+/?", "", request.path)
    return f"forge {request.method} {re.sub('[0-9a-f]{40}', 'COMMIT', path)}"


def of_git(request: web.Request, _body: bytes) -> str:
    """What git does there."""
    service = request.query.get("service") or request.path.rpartition("/")[2]
    return f"git {request.method} {service}"
