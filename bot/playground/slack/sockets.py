"""Socket Mode: connections, envelopes, acks, and sending again what was not acked."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_urlsafe
from time import perf_counter
from uuid import uuid4

from aiohttp import WSMsgType, web

from bot.playground.slack.inspection import Json
from bot.playground.slack.state import APP, Changed, Workspace


@dataclass(frozen=True)
class Ack:
    """The app's answer to an envelope: its payload, and the seconds from sending to answer."""

    payload: Json | None
    seconds: float


class NotAcked(Exception):
    """The app did not answer in time; the argument is a sentence."""


@dataclass(eq=False)
class _Connection:
    socket: web.WebSocketResponse
    transport: asyncio.Transport | None


@dataclass
class Delivery:
    """One event on its way. `key` groups the events of one message (its ts); `ack` is None until acked.

    `attempts` counts sendings. `settled` is set once it was acked, or given up after the last retry.
    """

    payload: Json
    key: str
    attempts: int = 0
    ack: Ack | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)


class SocketMode:
    """The server's side of Socket Mode.

    Args:
        workspace: Told when connections come and go.
        ack_timeout: Seconds an app has for an ack.
        retry_delays: Seconds to wait before each further try of an unacked event.
    """

    def __init__(self, workspace: Workspace, ack_timeout: float, retry_delays: Sequence[float]) -> None:
        self.deliveries: list[Delivery] = []
        self._workspace = workspace
        self._ack_timeout = ack_timeout
        self._retry_delays = tuple(retry_delays)
        self._tickets: set[str] = set()
        self._connections: list[_Connection] = []
        self._connected = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[Ack]] = {}
        self._sent_at: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        """Whether an app is connected now."""
        return self._connected.is_set()

    def ticket(self) -> str:
        """A one-time ticket for the WebSocket's address."""
        ticket = token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def link(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket endpoint."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="This ticket is unknown or was used before.")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self._connections) + 1,
                "debug_info": {"host": "local", "approximate_connection_time": 18060},
                "connection_info": {"app_id": APP},
            }
        )
        connection = _Connection(socket, request.transport)
        self._arrived(connection)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acked(message.json())
        finally:
            self._left(connection)
        return socket

    def send_event(self, payload: Json, key: str) -> Delivery:
        """Send an Events API payload in the background: queued until an app is there, then retried."""
        delivery = Delivery(payload, key)
        self.deliveries.append(delivery)
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return delivery

    async def interact(self, payload: Json) -> Ack:
        """Send an interaction once and wait for its ack. Slack does not repeat these.

        Raises:
            NotAcked: no app is connected, or it did not answer in time.
        """
        try:
            await asyncio.wait_for(self._connected.wait(), self._ack_timeout)
        except TimeoutError:
            raise NotAcked("Greenlight is not connected.") from None
        ack = await self._attempt("interactive", payload, {"accepts_response_payload": True})
        if ack is None:
            raise NotAcked(f"Greenlight did not answer within {self._ack_timeout:g} seconds.")
        return ack

    async def ask_to_reconnect(self) -> None:
        """Tell every connection that it will end soon, as Slack does every few hours."""
        notice = {"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "local"}}
        for connection in tuple(self._connections):
            await connection.socket.send_json(notice)

    async def drop(self) -> None:
        """Cut every connection without a word."""
        for connection in tuple(self._connections):
            if connection.transport is not None:
                connection.transport.abort()
            self._left(connection)

    async def close(self) -> None:
        """End all deliveries and connections."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in tuple(self._connections):
            await connection.socket.close()

    async def _deliver(self, delivery: Delivery) -> None:
        for attempt, delay in enumerate((0.0, *self._retry_delays)):
            await asyncio.sleep(delay)
            await self._connected.wait()
            delivery.attempts = attempt + 1
            retry = {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
            ack = await self._attempt(
                "events_api", delivery.payload, {"accepts_response_payload": False} | retry
            )
            if ack is not None:
                delivery.ack = ack
                break
        delivery.settled.set()
        self._workspace.changed(Changed.SETTLED, delivery.key)

    async def _attempt(self, kind: str, payload: Json, extra: Json) -> Ack | None:
        envelope_id = str(uuid4())
        answer: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = answer
        self._sent_at[envelope_id] = perf_counter()
        envelope = {"envelope_id": envelope_id, "type": kind, "payload": payload, **extra}
        try:
            await self._next_connection().send_json(envelope)
            return await asyncio.wait_for(answer, self._ack_timeout)
        except (TimeoutError, ConnectionError):
            return None
        finally:
            del self._waiting[envelope_id], self._sent_at[envelope_id]

    def _next_connection(self) -> web.WebSocketResponse:
        """The connections take turns, as several processes of one app do."""
        if not self._connections:
            raise ConnectionError("no app is connected")
        connection = self._connections.pop(0)
        self._connections.append(connection)
        return connection.socket

    def _acked(self, answer: Json) -> None:
        envelope_id = answer.get("envelope_id", "")
        waiting = self._waiting.get(envelope_id)
        if waiting is not None and not waiting.done():
            seconds = perf_counter() - self._sent_at[envelope_id]
            waiting.set_result(Ack(answer.get("payload"), seconds))

    def _arrived(self, connection: _Connection) -> None:
        self._connections.append(connection)
        self._connected.set()
        self._workspace.changed(Changed.CONNECTION, "")

    def _left(self, connection: _Connection) -> None:
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        if not self._connections:
            self._connected.clear()
        self._workspace.changed(Changed.CONNECTION, "")
