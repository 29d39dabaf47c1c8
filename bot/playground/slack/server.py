"""The local Slack as a whole: one server on 127.0.0.1 for the bot, the page and scripted people."""

import asyncio
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Self, TypeVar

from aiohttp import web

from bot.playground.slack.browser import Front, Page
from bot.playground.slack.driver import Person
from bot.playground.slack.faults import SLACK_PACE, Faults, Pace, Pacer
from bot.playground.slack.guard import Guard
from bot.playground.slack.inspection import Json
from bot.playground.slack.interactions import Interactions
from bot.playground.slack.methods import Methods
from bot.playground.slack.sockets import Ack, Delivery, NotAcked, SocketMode
from bot.playground.slack.state import CHANNELS, MEMBERS, Change, Channel, Member, Message, Workspace
from bot.playground.slack.view_methods import ViewMethods
from bot.playground.slack.views import View, Views
from bot.playground.slack.web_api import Call, WebApi

T = TypeVar("T")
MAX_BODY_BYTES = 4_000_000


@dataclass(frozen=True)
class SlackOptions:
    """How the local Slack is set up.

    Attributes:
        port: 0 for any free one.
        paces: Rate limits a method; empty for none.
        ack_timeout: Seconds an app has to ack.
        retry_delays: Seconds before each further try of an unacked event.
        front: Banner, suggestions and links of the page.
        mounts: Further applications by path prefix ("/forge"), behind the page's token.
        token: What the printed address holds.
        clock: Seconds since the epoch.
    """

    port: int = 0
    members: Sequence[Member] = MEMBERS
    channels: Sequence[Channel] = CHANNELS
    paces: Mapping[str, Pace] = field(default_factory=lambda: SLACK_PACE)
    ack_timeout: float = 3.0
    retry_delays: Sequence[float] = (0.0, 60.0, 300.0)
    front: Front = field(default_factory=Front)
    mounts: Mapping[str, web.Application] = field(default_factory=dict)
    token: str = field(default_factory=lambda: token_urlsafe(24))
    clock: Callable[[], float] = time.time


class LocalSlack:
    """A Slack workspace in this process. Use as an async context manager, or start() and close()."""

    def __init__(self, options: SlackOptions | None = None) -> None:
        self.options = options or SlackOptions()
        self.workspace = Workspace(self.options.members, self.options.channels, self.options.clock)
        self.views = Views(self.workspace)
        self._socket = SocketMode(self.workspace, self.options.ack_timeout, self.options.retry_delays)
        self._interactions = Interactions(self.workspace, self.views, self._socket, lambda: self.url)
        methods = Methods(self.workspace, self._interactions, lambda: self.url)
        table = {
            **methods.table,
            **ViewMethods(self.views).table,
            "apps.connections.open": self._open_connection,
        }
        pacer = Pacer(self.options.paces, time.monotonic)
        self._api = WebApi(self.workspace, self.views, table, methods, pacer)
        self._page = Page(self.workspace, self.views, self._socket, self._interactions, self.options.front)
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._waiters: set[asyncio.Event] = set()
        self.workspace.observers.append(self._changed)

    async def start(self) -> Self:
        """Listen on 127.0.0.1.

        Raises:
            OSError: the port is taken.
        """
        listener = socket.create_server(("127.0.0.1", self.options.port))
        self._port = listener.getsockname()[1]
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()
        return self

    async def close(self) -> None:
        """End streams, deliveries and connections."""
        self._page.close()
        await self._socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """The server's address without a path; known once started."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def api_url(self) -> str:
        """What `AsyncWebClient(base_url=…)` and SLACK_API_URL take."""
        return f"{self.url}/api/"

    @property
    def page_url(self) -> str:
        """The address to open in a browser; holds the token."""
        return f"{self.url}/?token={self.options.token}"

    @property
    def faults(self) -> Faults:
        """Faults to come: `faults.add(method, kind, times, retry_after)`."""
        return self._api.faults

    @property
    def calls(self) -> Sequence[Call]:
        """Every Web API call so far, oldest first."""
        return self._api.calls

    @property
    def deliveries(self) -> Sequence[Delivery]:
        """Every event sent or to be sent so far, oldest first."""
        return self._socket.deliveries

    @property
    def connected(self) -> bool:
        """Whether an app is connected now."""
        return self._socket.connected

    def person(self, user: str) -> Person:
        """A member to act as.

        Raises:
            NotPossible: there is no such member.
        """
        return Person(self._interactions.member(user), self._interactions)

    def message(self, ts: str) -> Message:
        """A message by its ts, ephemeral or not.

        Raises:
            KeyError: there is none.
        """
        return self.workspace.messages[ts]

    def thread(self, channel: str, ts: str) -> list[Message]:
        """A thread's messages, root first, without ephemeral ones."""
        return self.workspace.thread(channel, ts)

    def ephemerals(self, user: str) -> list[Message]:
        """What only this person sees, oldest first."""
        return [message for message in self.workspace.messages.values() if message.visible_to == user]

    def open_view(self, user: str) -> View | None:
        """The modal in front of this person, if any."""
        return self.views.top(user)

    async def wait_for(self, predicate: Callable[["LocalSlack"], T], timeout: float = 10.0) -> T:  # noqa: ASYNC109 - its error tells what was said
        """Wait until `predicate(self)` is true, looking again after every change; returns its value.

        Raises:
            TimeoutError: it did not become true; the message tells the last things said.
        """
        wake = asyncio.Event()
        self._waiters.add(wake)
        try:
            async with asyncio.timeout(timeout):
                while not (value := predicate(self)):
                    wake.clear()
                    await wake.wait()
                return value
        except TimeoutError:
            last = [f"{m.user}: {m.words[:200]!r}" for m in list(self.workspace.messages.values())[-5:]]
            raise TimeoutError(f"not within {timeout:g} s; last messages: {last}") from None
        finally:
            self._waiters.discard(wake)

    async def acked(self, ts: str, timeout: float = 10.0) -> Ack:  # noqa: ASYNC109 - as wait_for
        """The slowest ack among the events of one message.

        Raises:
            NotAcked: an event was given up.
            TimeoutError: still unacked after `timeout` seconds.
        """
        acks = []
        async with asyncio.timeout(timeout):
            for delivery in [d for d in self._socket.deliveries if d.key == ts]:
                await delivery.settled.wait()
                if delivery.ack is None:
                    raise NotAcked(f"An event of {ts} was not acked in {delivery.attempts} tries.")
                acks.append(delivery.ack)
        return max(acks, key=lambda ack: ack.seconds)

    async def interact(self, payload: Json) -> Ack:
        """Send an interaction as it is, also one that nobody's client would send.

        Raises:
            NotAcked: the app did not answer in time.
        """
        return await self._socket.interact(payload)

    def deliver(self, payload: Json, key: str) -> Delivery:
        """Send an Events API payload as it is; `key` groups it with others for `acked`."""
        return self._socket.send_event(payload, key)

    def delete(self, ts: str) -> str:
        """Delete a message, as its author or an administrator may; returns the event's ts."""
        return self._interactions.delete(ts)

    def announce(self, event: Mapping[str, object]) -> str:
        """Send an event that concerns no message, such as channel_unarchive; returns its ts."""
        return self._interactions.announce_event(event)

    def share(self, channel: str, *, shared: bool = True) -> str:
        """Share a channel with another workspace, or no longer; returns the event's ts."""
        return self._interactions.share(channel, shared=shared)

    async def ask_to_reconnect(self) -> None:
        """Send every connection the notice that it will end (refresh_requested)."""
        await self._socket.ask_to_reconnect()

    async def drop_connections(self) -> None:
        """Cut every Socket Mode connection without a word."""
        await self._socket.drop()

    def _application(self) -> web.Application:
        guard = Guard(self.options.token, lambda: self._port)
        app = web.Application(middlewares=[guard.middleware()], client_max_size=MAX_BODY_BYTES)
        app.add_routes(
            [
                web.route("*", "/api/{method}", self._api.call),
                web.get("/link", self._socket.link),
                web.post("/response/{id}", self._api.response),
                *self._page.routes(),
            ]
        )
        for prefix, mounted in self.options.mounts.items():
            app.add_subapp(prefix, mounted)
        return app

    def _open_connection(self, _: Json) -> Json:
        return {"url": f"ws://127.0.0.1:{self._port}/link?ticket={self._socket.ticket()}"}

    def _changed(self, _: Change) -> None:
        for wake in self._waiters:
            wake.set()
