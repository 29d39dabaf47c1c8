"""Whatever Slack's side of the wire does, each call ends in time, and its error has a sentence."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import unquote_plus

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs

import bot
from bot.cards.modals import CALLBACK
from bot.cards.presses import Choose, ShowHeard, ShowWhole, packed
from bot.channel import Identity, SlackChat, identify, web_client
from bot.decode import Place
from bot.link import Link, Patience
from bot.listeners import ONCE_MORE, WINDOW_SECONDS, Listeners
from bot.slack_errors import LONGEST_WAIT_S
from engine.cards import Card, Detail, NoteCard, ScopeCard
from engine.errors import ChatRefused, ChatShut, GreenlightError, RateLimited, Unreachable
from engine.events import Choice
from engine.people import Person
from engine.ports import Ref
from tests.bot.conftest import Recorder
from tests.journeys.reading import until

TIMEOUT_S = 1
REQUEST = "T1:C1:1.000001"
RILEY = Person(team="T1", user="U1")
CARD = NoteCard(request=REQUEST, key="note:1", text="one")

PATIENCE = Patience(open_s=TIMEOUT_S)
ME = Identity(team="T1", user="UBOT", bot="B1")
PLACE = Place(channel="C1", thread_ts="1.000001", user="U1")


async def never(_: object) -> Any:
    raise AssertionError


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
CALLS: dict[str, Callable[[SlackChat], Awaitable[object]]] = {
    "chat.postMessage": lambda chat: chat.post(REQUEST, "note:1", CARD),
    "chat.postMessage to one": lambda chat: chat.tell(RILEY, CARD),
    "chat.update": lambda chat: chat.update(Ref(channel="C1", ts="2.000001"), CARD),
    "conversations.replies": lambda chat: chat.find(REQUEST, "note:1"),
    "conversations.history": lambda chat: chat.open_thread("C1", "wish:1", CARD),
    "users.info": lambda chat: chat.person_now(RILEY),
    "auth.test": lambda chat: identify(chat._client),
    "apps.connections.open": lambda chat: dialled(chat),
}
TOLD = {"chat.postEphemeral", "views.open", "views.update", "conversations.info"}
"""Methods that listeners call: who clicked is told, or the log."""


async def dialled(chat: SlackChat) -> None:
    """One try, as `open` and all that follow it make."""
    async with ClientSession() as session:
        await Link(chat._client, "xapp-fake", never, PATIENCE)._dial(session)


class Wire:
    """A server that reads a request and then does as told, byte by byte."""

    def __init__(self) -> None:
        self.answer: Answer = silent
        self.answers: dict[str, Answer] = {}
        self.heads: list[str] = []
        self.bodies: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            lengths = [line.split(":")[1] for line in head.splitlines() if line.startswith("content-length")]
            body = await reader.readexactly(int(lengths[0]) if lengths else 0)
            self.heads.append(head)
            self.bodies.append(unquote_plus(body.decode()))
            method = head.split()[1].partition("/api/")[2]
            await self.answers.get(method, self.answer)(writer)
        writer.close()

    def asked(self, method: str) -> list[str]:
        """The bodies of calls of this method."""
        heads = zip(self.heads, self.bodies, strict=True)
        return [body for head, body in heads if head.split()[1].endswith(method.lower())]


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
    made = SlackChat(client, ME)
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


# ---------------------------------------------------------------- what listeners call

NOTHING_DONE = whole("200 OK", '{"ok": true}')


def test_every_method_that_the_bot_calls_has_a_row() -> None:
    sources = [path for part in (".", "cards", "decode") for path in Path(bot.__path__[0], part).glob("*.py")]
    called = {
        name.replace("_", ".")
        for source in sources
        for name in re.findall(r"client\.((?:[a-z]+_)+[a-zA-Z]+)\(", source.read_text())
    }
    called -= {"api.call"}
    assert len(called) >= 10, "the pattern finds them"
    assert called == {method.partition(" ")[0] for method in CALLS} | TOLD


class Everything(Recorder):
    """Has work in a channel, and something to show."""

    async def channels(self, team: str) -> list[str]:
        return ["C1"]

    async def detail(self, request: str, card: str) -> Detail | None:
        return Detail(title="All", text="Words")

    async def card(self, request: str, key: str) -> Card | None:
        return ScopeCard(request=request, key=key, title="All", files="", wishes=(), taken=(), offers=())


@pytest.fixture
async def listeners(wire: Wire, chat: SlackChat) -> AsyncIterator[Listeners]:
    made = Listeners(Everything(), chat._client, ME)
    yield made
    await made.close()


def click(of: ShowWhole | ShowHeard | Choose, *, in_view: bool) -> dict[str, Any]:
    act = {"type": "button", "action_id": "gl:x", "action_ts": "3.3", "block_id": "b", "value": packed(of)}
    where = {"channel_id": "C1", "message_ts": "2.2", "thread_ts": "1.000001", "type": "message"}
    leaf = '{"page": 1, "channel": "C1", "thread_ts": "1.000001"}'
    view = {"id": "V1", "callback_id": CALLBACK, "private_metadata": leaf}
    return {
        "type": "block_actions",
        "user": {"id": "U1", "team_id": "T1"},
        "team": {"id": "T1"},
        "trigger_id": "tr",
        "container": {"type": "view", "view_id": "V1"} if in_view else where,
        "actions": [act],
    } | ({"view": view} if in_view else {})


CLICKS = {
    "views.open": click(ShowWhole(request=REQUEST, card="spec:1"), in_view=False),
    "views.update": click(ShowHeard(request=REQUEST, page=1), in_view=True),
}


async def acked(*_: object, **__: object) -> None:
    return None


@pytest.mark.parametrize("method", CLICKS)
@pytest.mark.parametrize("fault", [*AWAY, *REFUSED, "none"])
async def test_who_clicked_is_told_that_no_window_came(
    wire: Wire, listeners: Listeners, method: str, fault: str
) -> None:
    faults = {**AWAY, "none": NOTHING_DONE, **{name: answer for name, (answer, _) in REFUSED.items()}}
    wire.answer = NOTHING_DONE
    wire.answers[method] = faults[fault]
    began = monotonic()
    await listeners.on_action(acked, CLICKS[method])  # type: ignore[arg-type]
    assert monotonic() - began < WINDOW_SECONDS + 0.4, "Slack waits three seconds for the ack"
    await listeners.close()
    assert wire.asked(method)
    told = wire.asked("chat.postEphemeral")
    assert len(told) == (fault != "none")
    assert all('"U1"' in body for body in told)
    assert all(ONCE_MORE in body or "(error " in body for body in told)
    assert fault not in AWAY or ONCE_MORE in told[0]


@pytest.mark.parametrize("fault", ["no answer", "half an answer", "502 with a page", "internal_error"])
async def test_what_one_person_is_told_is_tried_again_and_given_up_in_the_log(
    wire: Wire, listeners: Listeners, fault: str
) -> None:
    wire.answer = AWAY[fault]
    with capture_logs() as logs:
        telling = asyncio.create_task(listeners._post_ephemeral(PLACE, "Not you."))
        looking = asyncio.create_task(listeners._look_round())
        async with asyncio.timeout(TIMEOUT_S * 4):
            await looking
        await until(lambda: wire.asked("chat.postEphemeral"), 5, "it was tried")
        wire.answers["chat.postephemeral"] = NOTHING_DONE
        async with asyncio.timeout(TIMEOUT_S * 4):
            await telling
    assert len(wire.asked("chat.postEphemeral")) >= 2
    assert [line["event"] for line in logs if line["event"] in {"channel.untold", "reply.lost"}] == [
        "channel.untold"
    ]


@pytest.mark.parametrize("fault", REFUSED)
async def test_what_one_person_is_told_and_slack_refuses_stands_in_the_log(
    wire: Wire, listeners: Listeners, fault: str
) -> None:
    wire.answer, _ = REFUSED[fault]
    with capture_logs() as logs:
        await listeners._post_ephemeral(PLACE, "Not you.")
    assert [line["event"] for line in logs][-1] == "reply.lost"
    assert len(wire.asked("chat.postEphemeral")) == 1


async def test_a_window_is_waited_for_no_longer_than_a_click_may_take(wire: Wire) -> None:
    client = web_client("xoxb-fake-bot", f"http://127.0.0.1:{wire.port}")
    assert client.timeout > WINDOW_SECONDS * 4, "the client alone would wait"
    listeners = Listeners(Everything(), client, ME)
    wire.answer = NOTHING_DONE
    wire.answers["views.open"] = silent
    began = monotonic()
    await listeners.on_action(acked, CLICKS["views.open"])  # type: ignore[arg-type]
    assert WINDOW_SECONDS <= monotonic() - began < 3
    await listeners.close()
    assert ONCE_MORE in wire.asked("chat.postEphemeral")[0]


class SlowToTell(Everything):
    """Where it takes a while to find out who somebody is."""

    async def not_entitled(self, person: Person) -> str:
        await asyncio.sleep(1.5)
        return await super().not_entitled(person)


async def test_finding_out_who_clicked_is_part_of_what_a_click_may_take(wire: Wire) -> None:
    client = web_client("xoxb-fake-bot", f"http://127.0.0.1:{wire.port}")
    listeners = Listeners(SlowToTell(), client, ME)
    wire.answer = NOTHING_DONE
    wire.answers["views.open"] = silent
    began = monotonic()
    await listeners.on_action(acked, CLICKS["views.open"])  # type: ignore[arg-type]
    assert monotonic() - began < 3, "Slack waits three seconds for the ack"
    await listeners.close()
    assert wire.asked("views.open")
    assert ONCE_MORE in wire.asked("chat.postEphemeral")[0]


class Corrected(Everything):
    """Its page says how many corrections it holds."""

    async def card(self, request: str, key: str) -> Card | None:
        made = f"{len(self.events)} made"
        return ScopeCard(request=request, key=key, title="All", files=made, wishes=(), taken=(), offers=())


async def test_a_correction_is_acked_before_its_page_is_drawn_anew_and_the_page_ends_as_it_is(
    wire: Wire,
) -> None:
    shown: list[str] = []

    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.0 if len(wire.asked("views.update")) > 1 else 0.6)
        shown.append(wire.asked("views.update")[len(shown)])
        await NOTHING_DONE(writer)

    engine = Corrected()
    listeners = Listeners(engine, web_client("xoxb-fake-bot", f"http://127.0.0.1:{wire.port}"), ME)
    wire.answer, wire.answers["views.update"] = NOTHING_DONE, slow
    correction = Choose(request=REQUEST, card="scope:1", choice=Choice.IS_SPEC, item="1.000002")
    began = monotonic()
    for at in ("3.1", "3.2", "3.3"):
        body = click(correction, in_view=True)
        body["actions"][0]["action_ts"] = at
        await listeners.on_action(acked, body)  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
    assert monotonic() - began < 0.5, "the first page takes longer"
    assert len(engine.events) == 3
    await until(lambda: len(shown) == 2, 5, "the page was drawn, and once more for both corrections after it")
    await listeners.close()
    assert ["1 made" in shown[0], "3 made" in shown[1], len(shown)] == [True, True, 2]


async def test_a_page_that_slack_never_draws_ends_with_the_process(wire: Wire) -> None:
    listeners = Listeners(Corrected(), web_client("xoxb-fake-bot", f"http://127.0.0.1:{wire.port}"), ME)
    wire.answer, wire.answers["views.update"] = NOTHING_DONE, silent
    correction = Choose(request=REQUEST, card="scope:1", choice=Choice.IS_SPEC, item="1.000002")
    await listeners.on_action(acked, click(correction, in_view=True))  # type: ignore[arg-type]
    await until(lambda: wire.asked("views.update"), 5, "the page is drawn")
    began = monotonic()
    await listeners.close()
    assert monotonic() - began < 1.8
