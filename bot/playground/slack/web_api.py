"""The HTTP edge of the Web API and of response URLs: arguments, tokens, faults, pace, the log of calls."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.playground.slack.faults import Fault, Faults, Pacer, Planned
from bot.playground.slack.inspection import Json
from bot.playground.slack.methods import ApiError, Methods, content, truth
from bot.playground.slack.state import BOT_USER, Changed, Message, Workspace
from bot.playground.slack.views import ResponseUrl, Views

BOT_TOKEN_PREFIX = "xoxb-fake-"  # noqa: S105 - any token that says it is fake will do
APP_TOKEN_PREFIX = "xapp-fake-"  # noqa: S105 - the same
_JSON_ARGUMENTS = ("blocks", "metadata", "attachments", "view")
_APP_METHODS = frozenset({"apps.connections.open"})
_HEADERS = {"x-oauth-scopes": "app_mentions:read,channels:history,chat:write,assistant:write,users:read"}


@dataclass
class Call:
    """One call of the Web API. `response` is None where the connection ended without one.

    `status` is the HTTP status, 0 where there was none; `at` is in seconds since the epoch.
    """

    method: str
    args: Json
    at: float
    status: int = 0
    response: Json | None = None


class WebApi:
    """Serves /api/METHOD and /response/ID.

    Args:
        table: Methods by name.
        methods: For answers that arrive at response URLs.
    """

    def __init__(
        self,
        workspace: Workspace,
        views: Views,
        table: Mapping[str, Callable[[Json], Json]],
        methods: Methods,
        pacer: Pacer,
    ) -> None:
        self.calls: list[Call] = []
        self.faults = Faults()
        self._workspace = workspace
        self._views = views
        self._table = table
        self._methods = methods
        self._pacer = pacer

    async def call(self, request: web.Request) -> web.StreamResponse:
        """One method call."""
        method = request.match_info["method"]
        call = Call(method, {}, self._workspace.clock())
        self.calls.append(call)
        try:
            call.args = await _arguments(request)
            return self._answer(request, call)
        except ApiError as error:
            return self._respond(call, {"ok": False, "error": error.code, **error.extra})
        finally:
            self._workspace.changed(Changed.CALL, method)

    async def response(self, request: web.Request) -> web.Response:
        """An answer to an interaction at its response URL."""
        entry = self._views.use_response_url(request.match_info["id"])
        if entry is None:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        try:
            self._respond_to(entry, await _arguments(request))
        except ApiError as error:
            return web.json_response({"ok": False, "error": error.code, **error.extra}, status=400)
        return web.json_response({"ok": True})

    def _answer(self, request: web.Request, call: Call) -> web.Response:
        fault = self.faults.take(call.method, str(call.args.get("channel") or ""))
        if fault is not None and fault.kind is not Fault.DROPPED_AFTER:
            return self._fail(request, call, fault)
        _authorize(call.method, _token(request, call.args))
        handler = self._table.get(call.method)
        if handler is None:
            raise ApiError("unknown_method")
        wait = self._pacer.wait(call.method, str(call.args.get("channel")))
        if wait:
            return self._too_fast(call, wait)
        answer = {"ok": True, **handler(call.args)}
        if fault is not None:
            return self._fail(request, call, fault)
        return self._respond(call, answer)

    def _fail(self, request: web.Request, call: Call, fault: Planned) -> web.Response:
        match fault.kind:
            case Fault.RATE_LIMITED:
                return self._too_fast(call, fault.retry_after)
            case Fault.SERVER_ERROR:
                call.status = 500
                return web.Response(status=500, text="Internal Server Error")
            case Fault.REFUSED:
                return self._respond(call, {"ok": False, "error": fault.code})
            case Fault.DROPPED | Fault.DROPPED_AFTER:
                if request.transport is not None:
                    request.transport.close()
                return web.Response()

    def _too_fast(self, call: Call, seconds: int) -> web.Response:
        headers = {"Retry-After": str(seconds)}
        return self._respond(call, {"ok": False, "error": "ratelimited"}, 429, headers)

    def _respond(
        self, call: Call, answer: Json, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        call.status, call.response = status, answer
        return web.json_response(answer, status=status, headers={**_HEADERS, **(headers or {})})

    def _respond_to(self, entry: ResponseUrl, args: Json) -> None:
        original = self._workspace.messages.get(entry.message_ts)
        if truth(args.get("delete_original")):
            if original is not None and original.by_bot:
                self._workspace.remove(original.ts)
            return
        if truth(args.get("replace_original")) and original is not None and original.by_bot:
            self._methods.replace(original, args)
            return
        text, blocks = content(args)
        thread_ts = args.get("thread_ts") or entry.thread_ts
        message = Message(entry.channel, self._workspace.next_ts(), BOT_USER, text, blocks, thread_ts)
        if args.get("response_type") != "in_channel":
            message.visible_to = entry.user
        self._workspace.add(message)


def _token(request: web.Request, args: Json) -> str:
    header = request.headers.get("Authorization", "")
    return header.removeprefix("Bearer ").strip() if header else str(args.pop("token", ""))


def _authorize(method: str, token: str) -> None:
    if not token:
        raise ApiError("not_authed")
    if not token.startswith((BOT_TOKEN_PREFIX, APP_TOKEN_PREFIX)):
        raise ApiError("invalid_auth")
    if token.startswith(APP_TOKEN_PREFIX) is not (method in _APP_METHODS):
        raise ApiError("not_allowed_token_type")


async def _arguments(request: web.Request) -> Json:
    """Arguments from JSON, a form or the query, those that Slack sends as JSON text decoded."""
    try:
        body: Any = (
            await request.json() if request.content_type == "application/json" else await request.post()
        )
        args: Json = {**request.query, **body}
        for key in _JSON_ARGUMENTS:
            if isinstance(args.get(key), str):
                args[key] = json.loads(args[key])
    except (ValueError, TypeError):
        raise ApiError("invalid_json") from None
    return args
