"""The page's server side: its files, a stream of what changes, and what its person does."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from bot.playground.slack.choices import NotPossible
from bot.playground.slack.inspection import Json
from bot.playground.slack.interactions import AnswerInvalid, FieldErrors, Interactions
from bot.playground.slack.payloads import message_json
from bot.playground.slack.sockets import NotAcked, SocketMode
from bot.playground.slack.state import BOT_NAME, BOT_USER, Change, Changed, Message, Workspace
from bot.playground.slack.views import Views, view_json

_FILES = Path(__file__).parent / "page"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
_KEEP_ALIVE_SECONDS = 15.0


@dataclass(frozen=True)
class Suggestion:
    """Something to try: choosing it prefills the composer of a channel."""

    title: str
    channel: str
    text: str


@dataclass(frozen=True)
class Link:
    """A further page, shown beside the channels."""

    title: str
    href: str


@dataclass(frozen=True)
class Front:
    """What the demo puts on the page: a banner line, things to try, links."""

    banner: str = ""
    suggestions: Sequence[Suggestion] = ()
    links: Sequence[Link] = ()


class _Write(BaseModel):
    kind: Literal["write"]
    person: str
    channel: str
    text: str
    thread_ts: str | None = None


class _Act(BaseModel):
    kind: Literal["act"]
    person: str
    container: str
    block_id: str
    action_id: str
    value: str | list[str] | None = None


class _Submit(BaseModel):
    kind: Literal["submit"]
    person: str
    view_id: str
    values: dict[str, dict[str, str | list[str] | None]]


class _Close(BaseModel):
    kind: Literal["close"]
    person: str
    view_id: str


_Deed = Annotated[_Write | _Act | _Submit | _Close, Field(discriminator="kind")]
_DEEDS: TypeAdapter[_Write | _Act | _Submit | _Close] = TypeAdapter(_Deed)


class Page:
    """Serves the page to any number of browser tabs."""

    def __init__(
        self,
        workspace: Workspace,
        views: Views,
        socket: SocketMode,
        interactions: Interactions,
        front: Front,
    ) -> None:
        self._workspace = workspace
        self._views = views
        self._socket = socket
        self._interactions = interactions
        self._front = front
        self._tabs: set[asyncio.Queue[Json | None]] = set()
        workspace.observers.append(self._changed)

    def routes(self) -> list[web.RouteDef]:
        """The page's routes."""
        return [
            web.get("/", self._index),
            web.get("/favicon.ico", self._no_icon),
            web.get("/page/events", self._events),
            web.post("/page/act", self._act),
            web.get("/page/{name}", self._file),
        ]

    def close(self) -> None:
        """End every tab's stream."""
        for tab in self._tabs:
            tab.put_nowait(None)

    async def _index(self, _: web.Request) -> web.Response:
        return _asset("index.html")

    async def _no_icon(self, _: web.Request) -> web.Response:
        """What browsers ask for beside answers that are no pages."""
        return web.Response(status=204)

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in {path.name for path in _FILES.iterdir()}:
            raise web.HTTPNotFound
        return _asset(name)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"},
        )
        await response.prepare(request)
        tab: asyncio.Queue[Json | None] = asyncio.Queue()
        tab.put_nowait(self._snapshot())
        self._tabs.add(tab)
        try:
            await _stream(response, tab)
        except ConnectionError:
            pass  # the tab was closed
        finally:
            self._tabs.discard(tab)
        return response

    async def _act(self, request: web.Request) -> web.Response:
        try:
            deed = _DEEDS.validate_json(await request.read())
            return web.json_response(await self._do(deed))
        except ValidationError as error:
            return web.json_response({"error": f"Not understood: {error.error_count()} fields."}, status=400)
        except NotPossible as error:
            return web.json_response({"error": str(error)}, status=409)
        except FieldErrors as error:
            return web.json_response({"errors": error.errors}, status=422)
        except (NotAcked, AnswerInvalid) as error:
            return web.json_response({"error": str(error)}, status=502)

    async def _do(self, deed: _Write | _Act | _Submit | _Close) -> Json:
        do = self._interactions
        match deed:
            case _Write():
                return {"ts": do.write(deed.person, deed.channel, deed.text, deed.thread_ts)}
            case _Act():
                await do.act(deed.person, deed.container, deed.action_id, deed.value, deed.block_id)
            case _Submit():
                await do.submit(deed.person, deed.view_id, deed.values)
            case _Close():
                await do.close(deed.person, deed.view_id)
        return {}

    def _changed(self, change: Change) -> None:
        if not self._tabs or change.about in {Changed.CALL, Changed.SETTLED}:
            return
        update = self._update(change)
        for tab in self._tabs:
            tab.put_nowait(update)

    def _update(self, change: Change) -> Json:
        update: Json = {"about": change.about.value, "key": change.key}
        match change.about:
            case Changed.MESSAGE:
                update["message"] = self._message(self._workspace.messages[change.key])
            case Changed.VIEWS:
                update["view"] = self._view(change.key)
            case Changed.STATUS:
                update["status"] = self._workspace.statuses.get(change.key, "")
            case Changed.CONNECTION:
                update["connected"] = self._socket.connected
        return update

    def _snapshot(self) -> Json:
        workspace = self._workspace
        return {
            "about": "snapshot",
            "bot": {"id": BOT_USER, "name": BOT_NAME},
            "members": [asdict(member) for member in workspace.members.values()],
            "channels": [asdict(channel) for channel in workspace.channels.values()],
            "front": asdict(self._front),
            "messages": [self._message(message) for message in workspace.messages.values()],
            "views": {user: self._view(user) for user in workspace.members},
            "statuses": dict(workspace.statuses),
            "connected": self._socket.connected,
        }

    def _message(self, message: Message) -> Json:
        return message_json(message) | {
            "blocks": message.blocks,
            "channel": message.channel,
            "by_bot": message.by_bot,
            "visible_to": message.visible_to,
            "picked": self._views.picked(message.ts),
        }

    def _view(self, user: str) -> Json | None:
        view = self._views.top(user)
        if view is None:
            return None
        return view_json(view, self._views.values(user, view.id, view.blocks))


def _asset(name: str) -> web.Response:
    path = _FILES / name
    headers: Mapping[str, str] = {"Content-Type": f"{_TYPES[path.suffix]}; charset=utf-8"}
    return web.Response(body=path.read_bytes(), headers=headers)


async def _stream(response: web.StreamResponse, tab: asyncio.Queue[Json | None]) -> None:
    while True:
        try:
            update = await asyncio.wait_for(tab.get(), _KEEP_ALIVE_SECONDS)
        except TimeoutError:
            await response.write(b": still here\n\n")
            continue
        if update is None:
            return
        await response.write(f"data: {json.dumps(update)}\n\n".encode())
