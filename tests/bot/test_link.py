"""A server that hangs at any step of Socket Mode is told of and outlasted, and never holds up the end."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from time import monotonic

import pytest
from aiohttp import WSMsgType, web
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bot.app import SlackApp
from bot.channel import Identity, web_client
from bot.link import NOT_OPEN, Patience
from engine.events import Opened
from tests.bot.conftest import APP_TOKEN, BOT_TOKEN, Recorder
from tests.journeys.reading import until
from tests.loopback import Loopback

QUICK = Patience(open_s=0.4, hello_s=0.3, ping_s=0.3, steady_s=5, pauses_s=(0.0, 0.05), parting_s=0.5)
END_S = 2.0
OPEN = "api/apps.connections.open"


@dataclass
class Door(Loopback):
    """The part of Slack that gives out addresses and connections, and does at each as `fault` names it."""

    cancels = True
    fault: str = "none"
    hits: int = 0
    opened: int = 0
    used_again: int = 0
    used: set[str] = field(default_factory=set)
    acks: set[str] = field(default_factory=set)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["path"] == "api/auth.test":
            return await self._who(request)
        if request.match_info["path"] != OPEN:
            return await self._link(request)
        match self.fault:
            case "the address is never given":
                await self._hang()
            case "the address is slow":
                self.hits += 1
                await asyncio.sleep(0.3)
            case "no address for now":
                return self._hit(web.json_response({"ok": False, "error": "internal_error"}))
            case "asked to slow down":
                limited = {"ok": False, "error": "ratelimited"}
                return self._hit(web.json_response(limited, status=429, headers={"Retry-After": "1"}))
            case "a page":
                return self._hit(web.Response(text="<html>upstream</html>", content_type="text/html"))
            case "an answer without an address":
                return self._hit(web.json_response({"ok": True}))
            case "half an answer":
                response = web.StreamResponse(headers={"Content-Length": "90"})
                await response.prepare(request)
                await response.write(b'{"ok": true, "url": "ws')
                return self._cut(request)
        self.opened += 1
        url = self.url.replace("http", "ws")
        return web.json_response({"ok": True, "url": f"{url}/link?ticket={self.opened}"})

    async def _who(self, request: web.Request) -> web.StreamResponse:
        match self.fault:
            case "it never says who we are":
                await self._hang()
            case "it does not take the token":
                return self._hit(web.json_response({"ok": False, "error": "invalid_auth"}))
            case "it ends before it says who we are":
                return self._cut(request)
            case "a page instead of who we are":
                return self._hit(web.Response(text="<html>upstream</html>", content_type="text/html"))
            case "it cannot say who we are":
                return self._hit(web.Response(status=503))
        return web.json_response({"ok": True, "team_id": "T1", "user_id": "UBOT", "bot_id": "B1"})

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query["ticket"]
        if ticket in self.used:
            self.used_again += 1
            return web.Response(status=403)
        self.used.add(ticket)
        match self.fault:
            case "it ends during the handshake":
                return self._cut(request)
            case "the handshake hangs":
                await self._hang()
            case "the handshake is refused":
                return self._hit(web.Response(status=408))
        socket = web.WebSocketResponse(autoping=self.fault != "half open")
        await socket.prepare(request)
        if self.fault in {"no hello", "something else than hello", "it ends before hello"}:
            return await self._unfriendly(socket)
        await socket.send_json({"type": "hello", "num_connections": 1})
        self.sockets.append(socket)
        if self.fault == "half open":
            await self._hang()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.acks.add(json.loads(message.data)["envelope_id"])
        return socket

    async def _unfriendly(self, socket: web.WebSocketResponse) -> web.StreamResponse:
        self.hits += 1
        if self.fault == "something else than hello":
            await socket.send_str("[1]")
        if self.fault == "it ends before hello":
            await socket.close()
        else:
            await socket.receive()
        return socket

    async def mention(self, number: int) -> None:
        """An envelope on the newest connection."""
        event = {"type": "app_mention", "user": "U1", "channel": "C1", "ts": f"{number}.000001"}
        body = {
            "type": "event_callback",
            "team_id": "T1",
            "event": {**event, "text": "<@UBOT> Do", "event_ts": f"{number}.000001"},
            "event_id": f"Ev{number}",
        }
        await self.sockets[-1].send_json(
            {
                "envelope_id": str(number),
                "type": "events_api",
                "payload": body,
                "accepts_response_payload": False,
            }
        )

    async def drop(self) -> None:
        """End every connection without a word."""
        for socket in self.sockets:
            if socket._req is not None and socket._req.transport is not None:
                socket._req.transport.abort()

    def _hit(self, response: web.StreamResponse) -> web.StreamResponse:
        self.hits += 1
        return response

    def _cut(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return self._hit(web.Response())

    async def _hang(self) -> None:
        self.hits += 1
        await asyncio.sleep(30)


FAULTS = (
    "the address is never given",
    "no address for now",
    "asked to slow down",
    "a page",
    "an answer without an address",
    "half an answer",
    "it ends during the handshake",
    "the handshake hangs",
    "the handshake is refused",
    "no hello",
    "something else than hello",
    "it ends before hello",
)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with Door() as made:
        yield made


def app_at(door: Door, engine: Recorder, patience: Patience = QUICK) -> SlackApp:
    client = web_client(BOT_TOKEN, door.url, 1)
    return SlackApp(engine, client, Identity(team="T1", user="UBOT", bot="B1"), APP_TOKEN, patience=patience)


async def becomes(holds: Callable[[], object], what: str) -> float:
    """Seconds until it holds."""
    began = monotonic()
    await until(holds, 8, what)
    return monotonic() - began


async def closed(app: SlackApp) -> float:
    began = monotonic()
    await app.close()
    return monotonic() - began


async def takes_in(door: Door, engine: Recorder, number: int) -> None:
    await door.mention(number)
    await until(lambda: str(number) in door.acks, 5, "it is acked")
    assert any(isinstance(event, Opened) and event.ts == f"{number}.000001" for event in engine.events)


def _down(logs: list[EventDict]) -> list[str]:
    return [line["why"] for line in logs if line["event"] == "socket.down"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_it_says_so_and_comes_back_and_ends_in_the_midst_of_it(door: Door, fault: str) -> None:
    engine = Recorder()
    app = app_at(door, engine)
    await app.connect()
    assert app.why_not == ""
    await takes_in(door, engine, 1)
    door.fault = fault
    with capture_logs() as logs:
        await door.drop()
        await becomes(lambda: _down(logs) and door.hits >= 2, "it tries again, at an address of its own")
    assert app.why_not.startswith("There is no connection to Slack just now.")
    assert {bool(why) and why in app.why_not for why in _down(logs)[-1:]} == {True}
    door.fault = "none"
    assert await becomes(lambda: app.why_not == "", "it is back") < 3
    await takes_in(door, engine, 2)
    door.fault, hits = fault, door.hits
    await door.drop()
    await becomes(lambda: door.hits > hits, "it hangs again")
    assert await closed(app) < END_S
    assert app.why_not


async def test_without_this_link_no_hello_is_missed_and_a_used_address_is_tried_again(door: Door) -> None:
    plain = SocketModeClient(APP_TOKEN, web_client=web_client(BOT_TOKEN, door.url, 1), ping_interval=0.05)
    door.fault = "no hello"
    await plain.connect()  # type: ignore[no-untyped-call]
    assert await plain.is_connected(), "it would be told as ready"
    await plain.close()  # type: ignore[no-untyped-call]
    await plain.aiohttp_client_session.close()
    plain = SocketModeClient(APP_TOKEN, web_client=web_client(BOT_TOKEN, door.url, 1), ping_interval=0.05)
    door.fault = "it ends during the handshake"
    connecting = asyncio.create_task(plain.connect())  # type: ignore[no-untyped-call]
    await becomes(lambda: door.used_again >= 2, "the same address again")
    assert door.opened == 2, "one a client"
    door.fault = "none"
    await asyncio.sleep(0.3)
    assert not door.sockets, "it does not come back"
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    await plain.close()  # type: ignore[no-untyped-call]
    await plain.aiohttp_client_session.close()


async def test_what_is_half_open_is_noticed_and_given_up(door: Door) -> None:
    engine = Recorder()
    app = app_at(door, engine)
    door.fault = "half open"
    await app.connect()
    assert app.why_not == "", "until a ping is not answered, it looks alive"
    assert await becomes(lambda: app.why_not or door.hits > 1, "it is noticed") < QUICK.ping_s * 1.5 + 1
    door.fault = "none"
    await becomes(lambda: len(door.sockets) > door.hits and not app.why_not, "it is back")
    await takes_in(door, engine, 1)
    door.fault = "half open"
    await door.drop()
    await becomes(lambda: not app.why_not, "half open again")
    assert await closed(app) < END_S, "nobody answers the close, and it is not waited for"


async def test_a_healthy_one_stays(door: Door) -> None:
    engine = Recorder()
    app = app_at(door, engine)
    await app.connect()
    await asyncio.sleep(QUICK.ping_s * 3)
    await takes_in(door, engine, 1)
    assert door.opened == 1
    await app.close()


async def comes_back(door: Door, app: SlackApp, engine: Recorder, number: int) -> None:
    """After its connection is dropped, and takes the event of that number in."""
    await door.drop()
    await becomes(lambda: len(door.sockets) == 2 and app.why_not == "", "it is opened again")
    await takes_in(door, engine, number)
    await app.close()


@pytest.mark.parametrize("payload", [None, [], 7])
async def test_an_envelope_around_nothing_ends_no_listening(door: Door, payload: object) -> None:
    engine = Recorder()
    app = app_at(door, engine)
    await app.connect()
    await door.sockets[-1].send_json({"envelope_id": "odd", "type": "events_api", "payload": payload})
    await takes_in(door, engine, 1)
    assert door.acks == {"1"}
    assert door.opened == 1
    await comes_back(door, app, engine, 2)


async def test_pings_of_one_that_is_gone_by_now_end_no_listening(door: Door) -> None:
    engine = Recorder()
    app = app_at(door, engine)
    await app.connect()
    for _ in range(9):
        await door.sockets[-1].ping()
    await comes_back(door, app, engine, 1)


async def test_slow_is_no_fault(door: Door) -> None:
    engine = Recorder()
    app = app_at(door, engine)
    door.fault = "the address is slow"
    await app.connect()
    assert door.hits == 1
    await takes_in(door, engine, 1)
    await app.close()


@pytest.mark.parametrize("fault", FAULTS[::3])
async def test_at_the_start_it_is_told_in_time_and_tried_again(door: Door, fault: str) -> None:
    engine = Recorder()
    app = app_at(door, engine)
    door.fault = fault
    began = monotonic()
    await app.connect()
    assert monotonic() - began < QUICK.open_s + QUICK.hello_s + 2
    assert app.why_not.startswith(NOT_OPEN)
    assert app.why_not.endswith("I try again.")
    door.fault = "none"
    await becomes(lambda: not app.why_not, "it is open")
    await takes_in(door, engine, 1)
    assert await closed(app) < END_S


async def test_at_the_start_its_end_is_not_held_up_by_the_trying(door: Door) -> None:
    app = app_at(door, Recorder())
    door.fault = "the handshake is refused"
    await app.connect()
    await becomes(lambda: door.hits > 2, "it is tried again")
    assert await closed(app) < END_S


async def test_an_announced_end_loses_nothing_of_either_connection(door: Door) -> None:
    engine = Recorder()
    app = app_at(door, engine)
    await app.connect()
    (old,) = door.sockets
    await old.send_json({"type": "disconnect", "reason": "refresh_requested"})
    await door.mention(1)  # still on the old one
    await becomes(lambda: len(door.sockets) == 2, "there is a new one")
    await takes_in(door, engine, 2)
    await until(lambda: "1" in door.acks, 5, "what came on the old one is acked there")
    assert await becomes(lambda: old.closed, "the old one is ended") < QUICK.parting_s + 1
    assert app.why_not == ""
    await app.close()


async def test_an_announced_end_without_another_connection_is_told(door: Door) -> None:
    app = app_at(door, Recorder(), replace(QUICK, open_s=3.0, parting_s=0.2))
    await app.connect()
    door.fault = "the address is never given"
    await door.sockets[-1].send_json({"type": "disconnect", "reason": "refresh_requested"})
    assert await becomes(lambda: app.why_not, "nothing is open, and nothing was refused") < 0.8
    await app.close()


async def test_what_was_read_before_the_end_is_done_and_acked(door: Door) -> None:
    engine = Recorder(slowness_s=0.3)
    app = app_at(door, engine)
    await app.connect()
    await door.mention(1)
    await asyncio.sleep(0.1)
    await app.close()
    assert door.acks == {"1"}
    assert len(engine.events) == 1


async def test_what_takes_too_long_at_the_end_is_left_to_be_sent_again(door: Door) -> None:
    engine = Recorder(slowness_s=30)
    app = app_at(door, engine)
    await app.connect()
    await door.mention(1)
    await asyncio.sleep(0.1)
    assert await closed(app) < END_S
    assert not door.acks


async def test_while_they_bring_something_the_next_is_not_long_in_coming(door: Door) -> None:
    engine = Recorder()
    app = app_at(door, engine, replace(QUICK, pauses_s=(0.0, 0.0, 0.05, 30.0)))
    await app.connect()
    for number in range(1, 7):
        await takes_in(door, engine, number)
        await door.drop()
        await becomes(lambda: len(door.sockets) == number + 1 and app.why_not == "", "it is back")  # noqa: B023
    await app.close()


async def test_where_nothing_comes_of_them_they_are_opened_less_and_less(door: Door) -> None:
    app = app_at(door, Recorder(), replace(QUICK, pauses_s=(0.0, 0.0, 0.05, 30.0)))
    await app.connect()
    for number in range(2, 5):
        await door.drop()
        await becomes(lambda: len(door.sockets) == number and app.why_not == "", "it is back")  # noqa: B023
    await door.drop()
    await asyncio.sleep(0.5)
    assert len(door.sockets) == 4
    assert await closed(app) < END_S
