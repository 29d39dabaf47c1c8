"""Relays on the loopback, between the bot and the servers outside: each request is told of before and after.

`before` means that the server has not seen it, `after` that the server has done it and the bot has no answer.
Whoever is told says what becomes of it.
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

from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse, WSMsgType, web

from tests.loopback import Loopback

MOST_BYTES = 1 << 28
LATE_S = 0.6
_NOT_PASSED_ON = {"host", "content-length", "transfer-encoding", "connection"}


class Side(StrEnum):
    """On which side of a request."""

    BEFORE = "before"
    AFTER = "after"


class Act(StrEnum):
    """What becomes of a request, an envelope or an ack."""

    GO_ON = "go on"
    KILL = "kill"  # the bot is killed, and nothing of it goes on
    TERM = "term"  # the bot is asked to end, and it goes on
    CUT = "cut"  # its connection ends without a word
    LIMIT = "limit"  # 429 with Retry-After
    ERROR = "error"  # 500
    PAGE = "page"  # a proxy's page with status 200
    HALF = "half"  # half of the answer, then the connection ends
    SHORT = "short"  # half of the answer, as if it were all
    LOSE = "lose"  # an envelope or ack goes nowhere
    TWICE = "twice"  # an envelope comes twice
    LATE = "late"  # an envelope comes after those that follow it
    REFRESH = "refresh"  # the notice that the connection will end comes with it


_ENDS = {Act.KILL, Act.CUT}


class Cut(Exception):
    """The connection ends here."""


class Watcher(Protocol):
    """Who is told of requests."""

    def saw(self, side: Side, what: str) -> Act:
        """What becomes of it; `what` names it the same way in every play."""
        ...


CAME = web.RequestKey("came", float)
Naming = Callable[[web.Request, bytes], str]
Answering = Callable[[web.Request, bytes, bytes], bytes]
"""What becomes of an answer, from the request (its time is request[CAME]), its body and the answer's."""


def as_it_is(_request: web.Request, _body: bytes, answer: bytes) -> bytes:
    """The answer of a server that nobody tampers with."""
    return answer


class Relay(Loopback):
    """A relay to one server; a context manager.

    Args:
        upstream: The server's address, without a path.
        naming: What a request is called, from the request and its body.
        answering: What becomes of an answer's body on its way.
    """

    most_bytes = MOST_BYTES

    def __init__(
        self, upstream: str, watcher: Watcher, naming: Naming, answering: Answering = as_it_is
    ) -> None:
        self._upstream = upstream
        self._watcher = watcher
        self._naming = naming
        self._answering = answering
        self._late: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> Self:
        self._session = ClientSession(auto_decompress=False, timeout=ClientTimeout(total=None))
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        await super().__aexit__(kind, error, trace)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
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
        refused = _instead(self._watcher.saw(Side.BEFORE, what))
        if refused is not None:
            return refused
        headers = {name: it for name, it in request.headers.items() if name.lower() not in _NOT_PASSED_ON}
        async with self._session.request(
            request.method, f"{self._upstream}{request.raw_path}", headers=headers, data=body
        ) as got:
            answer = self._answering(request, body, await got.read())
        # Addresses of the server's own in an answer lead past the relay.
        whole = answer.replace(_plain(self._upstream), _plain(self.url))
        kept = {name: it for name, it in got.headers.items() if name.lower() not in _NOT_PASSED_ON}
        act = self._watcher.saw(Side.AFTER, what)
        if act is Act.HALF:
            return await _half(request, got.status, kept, whole)
        shown = whole[: len(whole) // 2] if act is Act.SHORT else whole
        return _instead(act) or web.Response(status=got.status, headers=kept, body=shown)

    # ------------------------------------------------------------ Socket Mode

    async def _linked(self, request: web.Request) -> web.StreamResponse:
        refused = _instead(self._watcher.saw(Side.BEFORE, "socket link"))
        if refused is not None:
            return refused
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
                for way in [*ways, *self._late]:
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
                match self._watcher.saw(Side.BEFORE, what):
                    case Act.KILL | Act.CUT:
                        raise Cut
                    case Act.LOSE:
                        continue
                    case Act.LATE:
                        self._late.append(asyncio.ensure_future(_late(down, message.data)))
                        continue
                    case Act.TWICE:
                        await down.send_str(message.data)
                    case Act.REFRESH:
                        await down.send_json({"type": "disconnect", "reason": "refresh_requested"})
                await down.send_str(message.data)
                if self._watcher.saw(Side.AFTER, what) in _ENDS:
                    raise Cut

    async def _from_bot(
        self, up: ClientWebSocketResponse, down: web.WebSocketResponse, sent: Mapping[str, str]
    ) -> None:
        async for message in down:
            if message.type is WSMsgType.TEXT:
                what = f"{sent.get(json.loads(message.data).get('envelope_id', ''), 'socket')} ack"
                act = self._watcher.saw(Side.BEFORE, what)
                if act in _ENDS:
                    raise Cut
                if act is not Act.LOSE:
                    await up.send_str(message.data)
                if self._watcher.saw(Side.AFTER, what) in _ENDS:
                    raise Cut


def _instead(act: Act) -> web.StreamResponse | None:
    """The answer instead of the server's, if there is one."""
    match act:
        case Act.KILL | Act.CUT:
            raise Cut
        case Act.LIMIT:
            limited = {"ok": False, "error": "ratelimited"}
            return web.json_response(limited, status=429, headers={"Retry-After": "1"})
        case Act.ERROR:
            return web.Response(status=500, text="Internal Server Error")
        case Act.PAGE:
            return web.Response(text="<html>A proxy says hello</html>", content_type="text/html")
    return None


async def _half(
    request: web.Request, status: int, headers: Mapping[str, str], body: bytes
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers={**headers, "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    raise Cut


async def _late(down: web.WebSocketResponse, envelope: str) -> None:
    await asyncio.sleep(LATE_S)
    with contextlib.suppress(ConnectionError):
        await down.send_str(envelope)


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
