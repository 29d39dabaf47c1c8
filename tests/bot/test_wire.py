"""Whatever Slack's side of the wire does, each call ends in time, and its error has a sentence."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic

import pytest

from bot.channel import Identity, SlackChat, identify, web_client
from bot.slack_errors import LONGEST_WAIT_S
from engine.cards import NoteCard
from engine.errors import ChatRefused, ChatShut, GreenlightError, RateLimited, Unreachable
from engine.people import Person
from engine.ports import Ref

TIMEOUT_S = 1
REQUEST = "T1:C1:1.000001"
RILEY = Person(team="T1", user="U1")
CARD = NoteCard(request=REQUEST, key="note:1", text="one")

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
CALLS: dict[str, Callable[[SlackChat], Awaitable[object]]] = {
    "chat.postMessage": lambda chat: chat.post(REQUEST, "note:1", CARD),
    "chat.postMessage to one": lambda chat: chat.tell(RILEY, CARD),
    "chat.update": lambda chat: chat.update(Ref(channel="C1", ts="2.000001"), CARD),
    "conversations.replies": lambda chat: chat.find(REQUEST, "note:1"),
    "conversations.history": lambda chat: chat.open_thread("C1", "wish:1", CARD),
    "users.info": lambda chat: chat.person_now(RILEY),
    "auth.test": lambda chat: identify(chat._client),
}


class Wire:
    """A server that reads a request and then does as told, byte by byte."""

    def __init__(self) -> None:
        self.answer: Answer = silent
        self.heads: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            lengths = [line.split(":")[1] for line in head.splitlines() if line.startswith("content-length")]
            await reader.readexactly(int(lengths[0]) if lengths else 0)
            self.heads.append(head)
            await self.answer(writer)
        writer.close()


def whole(status: str, body: str, kind: str = "application/json", **headers: str) -> Answer:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    text = "\r\n".join([*lines, "Connection: close", "", body])

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(text.encode())
        await writer.drain()

    return answer


async def silent(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def cut(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def half(writer: asyncio.StreamWriter) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
    writer.write(head + b'{"ok": true,')
    await writer.drain()


async def trickling(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n")
    for _ in range(300):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)


async def no_headers_end(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: applica")
    await writer.drain()
    await asyncio.sleep(30)


def refusal(code: str) -> Answer:
    return whole("200 OK", f'{{"ok": false, "error": "{code}"}}')


PAGE = "<html>upstream</html>"
AWAY: dict[str, Answer] = {
    "no answer": silent,
    "the connection ends": cut,
    "half an answer": half,
    "an answer that trickles": trickling,
    "headers without an end": no_headers_end,
    "500 with a page": whole("500 Internal Server Error", PAGE, "text/html"),
    "502 with a page": whole("502 Bad Gateway", PAGE, "text/html"),
    "503 with nothing": whole("503 Service Unavailable", "", "text/plain"),
    "500 with json": whole("500 Internal Server Error", '{"ok": false, "error": "oops"}'),
    "200 with a page": whole("200 OK", PAGE, "text/html"),
    "200 with nothing": whole("200 OK", "", "application/json"),
    "200 with half of a json": whole("200 OK", '{"ok": tr'),
    "200 with a list": whole("200 OK", "[]"),
    "200 with an empty object": whole("200 OK", "{}"),
    "no http": whole("HELLO", ""),
    "internal_error": refusal("internal_error"),
    "fatal_error": refusal("fatal_error"),
}
REFUSED: dict[str, tuple[Answer, type[GreenlightError]]] = {
    "an error of no name we know": (refusal("some_new_error"), ChatRefused),
    "restricted_action": (refusal("restricted_action"), ChatShut),
    "is_archived": (refusal("is_archived"), ChatShut),
    "msg_too_long": (refusal("msg_too_long"), ChatRefused),
    "account_inactive": (refusal("account_inactive"), ChatShut),
}


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    made = Wire()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
async def chat(wire: Wire) -> AsyncIterator[SlackChat]:
    client = web_client("xoxb-fake-bot", "http://slack.com", TIMEOUT_S)
    client.proxy = f"http://127.0.0.1:{wire.port}"
    made = SlackChat(client, Identity(team="T1", user="UBOT", bot="B1"))
    yield made
    await made.close()


async def ended(chat: SlackChat, method: str) -> tuple[GreenlightError | None, float]:
    began = monotonic()
    try:
        await CALLS[method](chat)
    except GreenlightError as error:
        return error, monotonic() - began
    return None, monotonic() - began


@pytest.mark.parametrize("fault", AWAY)
async def test_it_is_away_for_every_method(wire: Wire, chat: SlackChat, fault: str) -> None:
    wire.answer = AWAY[fault]
    results = await asyncio.gather(*(ended(chat, method) for method in CALLS))
    for method, (error, seconds) in zip(CALLS, results, strict=True):
        assert isinstance(error, Unreachable), (method, error)
        assert error.sentence.endswith("I try again.")
        assert seconds < TIMEOUT_S + 3, method
    assert len(wire.heads) >= len(CALLS)


@pytest.mark.parametrize("fault", REFUSED)
async def test_it_refuses_every_method(wire: Wire, chat: SlackChat, fault: str) -> None:
    wire.answer, kind = REFUSED[fault]
    for method in CALLS:
        error, _ = await ended(chat, method)
        if method == "users.info" and not issubclass(kind, ChatShut):
            assert error is None, "a profile that may do nothing"
            assert not (await chat.person_now(RILEY)).may_act
        else:
            assert isinstance(error, kind), (method, error)


def when(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("90", 90, 90),
        ("7.5", 7.5, 7.5),
        (120, 60, 120),
        ("86400", LONGEST_WAIT_S, LONGEST_WAIT_S),
        ("inf", LONGEST_WAIT_S, LONGEST_WAIT_S),
        (10**7, LONGEST_WAIT_S, LONGEST_WAIT_S),
    ],
)
async def test_a_long_wait_is_handed_on_and_bounded(
    wire: Wire, chat: SlackChat, header: str | int, least: float, most: float
) -> None:
    after = when(header) if isinstance(header, int) else header
    wire.answer = whole("429 Too Many", '{"ok": false, "error": "ratelimited"}', Retry_After=after)
    for method in CALLS:
        error, seconds = await ended(chat, method)
        assert isinstance(error, RateLimited), (method, error)
        assert error.retry_after is not None
        assert least <= error.retry_after <= most
        assert seconds < 2


@pytest.mark.parametrize("headers", [{}, *({"Retry_After": value} for value in ("0", "soon", "nan"))])
async def test_without_a_time_or_with_none_it_is_asked_again_a_few_times(
    wire: Wire, chat: SlackChat, headers: dict[str, str]
) -> None:
    wire.answer = whole("429 Too Many", PAGE, "text/html", **headers)
    error, seconds = await ended(chat, "chat.postMessage")
    assert isinstance(error, RateLimited)
    assert len(wire.heads) == 3
    assert seconds < 6


async def test_a_redirect_takes_no_token_elsewhere(wire: Wire) -> None:
    other = Wire()
    server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    elsewhere = f"http://localhost:{server.sockets[0].getsockname()[1]}/api/chat.postMessage"
    other.answer = whole("200 OK", '{"ok": true, "ts": "2.0"}')
    wire.answer = whole("307 Temporary Redirect", "", Location=elsewhere)
    client = web_client("xoxb-fake-bot", f"http://127.0.0.1:{wire.port}", TIMEOUT_S)
    await ended(SlackChat(client, Identity(team="T1", user="UBOT")), "chat.postMessage")
    server.close()
    assert "xoxb-fake-bot" in wire.heads[0]
    assert not any("xoxb-fake-bot" in head for head in other.heads)
