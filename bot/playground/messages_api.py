"""A Messages API on the loopback interface: whatever speaks to the real one can speak to this.

Streams or not; tool use, structured answers, prompt-cache accounting, counting of tokens, and faults on
demand. What it says comes from scenarios, or from any other responder.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from bot.playground.call_rules import refusal
from bot.playground.message_wire import FAILED_STATUS, STOPPED, Message, error_body, events, retry_after
from bot.playground.prompt_cache import PromptCache, prompt_tokens, tokens_of
from bot.playground.rehearsal import ReceivedCall, Rehearsal, Reply, Responder, ScriptRanOut
from bot.playground.script import Fault, Scenario
from bot.playground.web_tools import web_usage

LONGEST_BODY = 32 * 1024 * 1024
SCRIPT_ENDED = "rehearsal_script_ended"
_CUTS = {Fault.STALL, Fault.CUT_DIRTY, Fault.CUT_CLEAN, Fault.STREAM_ERROR, Fault.BAD_EVENT}
_ON_THE_WAY = _CUTS | set(STOPPED)  # faults of an answer; all others come instead of one


class _Refused(Exception):
    """The call gets an error of the API instead of a message."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


class MessagesApi:
    """The server.

    Args:
        scenarios: What it plays.
        pace: Factor on the scripted delays; 0 answers at once.
        responder: Answers instead of the scenarios.

    Attributes:
        calls: Every call of /v1/messages that was understood, oldest first, for tests.
        abandoned: The calls whose client went away before the answer was over.
        faults: Faults of the next calls, one each, before any the script asks for.
    """

    def __init__(
        self, scenarios: Sequence[Scenario] = (), *, pace: float = 1.0, responder: Responder | None = None
    ) -> None:
        self.calls: list[ReceivedCall] = []
        self.abandoned: list[ReceivedCall] = []
        self.faults: deque[Fault] = deque()
        self._responder = responder or Rehearsal(scenarios, pace)
        self._cache = PromptCache()
        self._runner: web.AppRunner | None = None
        self._url = ""

    async def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1 (port 0: a free one) and return the address."""
        app = web.Application(client_max_size=LONGEST_BODY)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/messages/count_tokens", self._count_tokens)
        # With cancellation a handler learns at once that its client is gone.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        host, bound = self._runner.addresses[0][:2]
        self._url = f"http://{host}:{bound}"
        return self._url

    @property
    def url(self) -> str:
        """The address, to be used as ANTHROPIC_BASE_URL."""
        return self._url

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _count_tokens(self, request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response({"input_tokens": prompt_tokens(await _body(request))})
        except _Refused as error:
            return _failed(error)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        try:
            call = ReceivedCall(
                role=request.headers.get("X-Greenlight-Role", ""),
                body=await _body(request),
                at=time.monotonic(),
            )
            self.calls.append(call)
            return await self._answer(request, call)
        except _Refused as error:
            return _failed(error)

    async def _answer(self, request: web.Request, call: ReceivedCall) -> web.StreamResponse:
        try:
            fault = self.faults.popleft() if self.faults else None
            if fault is not None and fault not in _ON_THE_WAY:
                return await self._fail(request, fault)
            reply = self._reply(call)
            await asyncio.sleep(reply.delay_s)
            fault = fault or reply.fault
            if fault is not None and fault not in _ON_THE_WAY:
                return await self._fail(request, fault)
            message = self._message(request, call, reply, fault)
            if not call.body.get("stream"):
                return web.json_response(message.whole(), headers={"request-id": message.request_id})
            return await _stream(request, message, fault)
        except (asyncio.CancelledError, ConnectionResetError):
            self.abandoned.append(call)
            raise

    def _reply(self, call: ReceivedCall) -> Reply:
        reason = refusal(call.body)
        if reason is not None:
            raise _Refused(400, "invalid_request_error", reason)
        try:
            return self._responder.reply(call)
        except ScriptRanOut as error:
            raise _Refused(400, SCRIPT_ENDED, str(error)) from None

    def _message(
        self, request: web.Request, call: ReceivedCall, reply: Reply, fault: Fault | None
    ) -> Message:
        tenant = request.headers.get("x-api-key") or request.headers["authorization"]
        counted = self._cache.count(tenant, call.body)
        number = f"{len(self.calls):06d}"
        return Message(
            id=f"msg_rehearsal{number}",
            request_id=f"req_rehearsal{number}",
            model=call.model,
            content=reply.content,
            stop_reason=STOPPED.get(fault, reply.stop_reason) if fault else reply.stop_reason,
            usage={
                **counted.usage(),
                "output_tokens": sum(map(tokens_of, reply.content)),
                **web_usage(reply.content),
            },
        )

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault in FAILED_STATUS:
            status, kind, message = FAILED_STATUS[fault]
            return web.json_response(error_body(kind, message), status=status, headers=retry_after(fault))
        if fault is Fault.BAD_JSON:
            return web.Response(text='{"id": "msg_1", "type": "mess', content_type="application/json")
        if fault is Fault.HTML:
            return web.Response(text="<html><body>A proxy says hello</body></html>", content_type="text/html")
        if fault is Fault.HANG:
            await asyncio.Event().wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


async def _body(request: web.Request) -> dict[str, Any]:
    if not (request.headers.get("x-api-key") or request.headers.get("authorization")):
        raise _Refused(401, "authentication_error", "x-api-key header is required")
    try:
        body = await request.json()
    except json.JSONDecodeError:
        raise _Refused(400, "invalid_request_error", "The request body is not valid JSON") from None
    messages = body.get("messages") if isinstance(body, dict) else None
    if not messages or not all(isinstance(it, dict) and {"role", "content"} <= it.keys() for it in messages):
        raise _Refused(
            400, "invalid_request_error", "messages: a list of messages with role and content required"
        )
    return dict(body)


def _failed(error: _Refused) -> web.Response:
    return web.json_response(error_body(error.kind, error.message), status=error.status)


async def _stream(request: web.Request, message: Message, fault: Fault | None) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={
            "content-type": "text/event-stream",
            "cache-control": "no-cache",
            "request-id": message.request_id,
        }
    )
    await response.prepare(request)
    deltas = 0
    for event in events(message):
        await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        deltas += event["type"] == "content_block_delta"
        if fault in _CUTS and deltas:
            await _cut(request, response, fault)
            return response
    await response.write_eof()
    return response


async def _cut(request: web.Request, response: web.StreamResponse, fault: Fault | None) -> None:
    """End a stream in the middle of an answer, or let it stand there."""
    if fault is Fault.STALL:
        await asyncio.Event().wait()
    if fault is Fault.STREAM_ERROR:
        error = json.dumps(error_body("overloaded_error", "Overloaded"))
        await response.write(f"event: error\ndata: {error}\n\n".encode())
    if fault is Fault.BAD_EVENT:
        await response.write(b'event: content_block_delta\ndata: {"type": "conte\n\n')
    if fault is Fault.CUT_DIRTY:
        await asyncio.sleep(0.02)  # lets what was written leave before the reset
        if request.transport is not None:
            request.transport.abort()
        return
    await response.write_eof()
