import asyncio
import copy
import gzip
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.playground.messages_api import MessagesApi
from bot.playground.rehearsal import ReceivedCall, Reply, ScriptRanOut
from bot.playground.script import Fault
from engine.adapters.anthropic_model import MOST_BYTES, PACKED, AnthropicModel
from engine.errors import (
    ConfigurationInvalid,
    GreenlightError,
    ModelRefused,
    RateLimited,
    ScriptEnded,
    Transient,
    Unreachable,
)
from engine.ports import ModelCall, Tier, ToolSpec
from engine.settings import TierSettings, default_tiers

PRIVATE = "the-secret-of-the-thread"
KEY = "sk-ant-fake-rehearsal"
WRITE = ToolSpec(name="write", description="Write a file", input_schema={"type": "object"})


class Repeats:
    """Answers every call with the same blocks."""

    def __init__(self) -> None:
        self.content: Sequence[dict[str, Any]] = [
            {"type": "text", "text": f"Here is {PRIVATE}, as you wished."}
        ]
        self.delay_s = 0.0
        self.ends_with: str | None = None

    def reply(self, call: ReceivedCall) -> Reply:
        if self.ends_with is not None:
            raise ScriptRanOut(self.ends_with)
        return Reply(self.content, self.delay_s)


@pytest.fixture
def responder() -> Repeats:
    return Repeats()


@pytest.fixture
async def api(responder: Repeats) -> AsyncIterator[MessagesApi]:
    server = MessagesApi(responder=responder)
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def model(api: MessagesApi) -> AsyncIterator[AnthropicModel]:
    adapter = AnthropicModel(default_tiers(), timeout_s=5, api_key=KEY, base_url=api.url)
    yield adapter
    await adapter.close()


def call(**changes: Any) -> ModelCall:
    values: dict[str, Any] = {
        "role": "task:writer",
        "request": "T1:C1:1.0",
        "tier": Tier.SONNET,
        "system": "You write.",
        "messages": ({"role": "user", "content": f"Write. {PRIVATE}"},),
    }
    return ModelCall(**{**values, **changes})


async def failure(model: AnthropicModel, of: ModelCall | None = None) -> GreenlightError:
    with pytest.raises(GreenlightError) as failed:
        await model.answer(of or call())
    shown = "".join(traceback.format_exception(failed.value))
    assert PRIVATE not in shown
    assert failed.value.__context__ is None
    return failed.value


async def test_returns_text_tools_and_usage(
    model: AnthropicModel, api: MessagesApi, responder: Repeats
) -> None:
    tool = {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "write",
        "input": {"path": "a", "content": "é" * 2000},
    }
    responder.content = [{"type": "text", "text": "I write."}, {"type": "text", "text": ""}, tool]
    answer = await model.answer(call(tools=(WRITE,)))
    assert (answer.text, answer.stop_reason, answer.model) == ("I write.", "tool_use", "claude-sonnet-5-5")
    assert [(use.id, use.name, use.input) for use in answer.tool_uses] == [
        ("toolu_1", "write", tool["input"])
    ]
    assert answer.content == ({"type": "text", "text": "I write."}, tool), "can be sent back as it is"
    usage = answer.usage
    assert usage.output_tokens > 100
    assert usage.cost_usd == pytest.approx((usage.input_tokens * 2 + usage.output_tokens * 10) / 1e6)


async def test_sends_role_hashed_request_stable_prefix_and_nothing_forbidden(
    model: AnthropicModel, api: MessagesApi
) -> None:
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string", "maxLength": 5, "description": "Short"}},
        "required": ["title"],
    }
    await model.answer(call(tools=(WRITE,), schema_=schema, max_tokens=123))
    received = api.calls[0]
    body = received.body
    assert received.role == "task:writer"
    assert body["metadata"]["user_id"].isalnum()
    assert "T1" not in str(body["metadata"])
    assert body["system"][0]["cache_control"] == body["cache_control"] == {"type": "ephemeral"}
    assert (body["max_tokens"], body["stream"], body["tools"][0]["name"]) == (123, True, "write")
    assert not {"temperature", "top_p", "top_k", "tool_choice", "thinking"} & set(body)
    title = body["output_config"]["format"]["schema"]["properties"]["title"]
    assert title == {"type": "string", "description": "Short\n\n{maxLength: 5}"}


async def test_a_growing_conversation_reads_its_beginning_from_the_cache(model: AnthropicModel) -> None:
    first_call = call(system="s" * 8000, messages=({"role": "user", "content": "x" * 8000},))
    first = await model.answer(first_call)
    grown = (
        *first_call.messages,
        {"role": "assistant", "content": list(first.content)},
        {"role": "user", "content": "y" * 8000},
    )
    second = await model.answer(first_call.model_copy(update={"messages": grown}))
    assert first.usage.cache_read_tokens == 0
    assert second.usage.cache_read_tokens == first.usage.cache_write_tokens > 4000
    assert 2000 < second.usage.cache_write_tokens < 2100
    expected = (
        second.usage.input_tokens * 2
        + second.usage.output_tokens * 10
        + second.usage.cache_read_tokens * 0.2
        + second.usage.cache_write_tokens * 2.5
    )
    assert second.usage.cost_usd == pytest.approx(expected / 1e6)


@pytest.mark.parametrize(
    ("fault", "kind", "retry_after"),
    [
        (Fault.RATE_LIMIT, RateLimited, 1.0),
        (Fault.RATE_LIMIT_LONG, RateLimited, 3600.0),
        (Fault.OVERLOADED, RateLimited, None),
        (Fault.SERVER_ERROR, Unreachable, None),
        (Fault.BAD_GATEWAY, Unreachable, None),
        (Fault.UNAVAILABLE, Unreachable, None),
        (Fault.REQUEST_TIMEOUT, Unreachable, None),
        (Fault.BAD_JSON, Unreachable, None),
        (Fault.BAD_EVENT, Unreachable, None),
        (Fault.HTML, Unreachable, None),
        (Fault.DROP, Unreachable, None),
        (Fault.CUT_DIRTY, Unreachable, None),
        (Fault.CUT_CLEAN, Unreachable, None),
        (Fault.STREAM_ERROR, Unreachable, None),
    ],
)
async def test_passing_faults_are_transient_and_the_next_call_works(
    model: AnthropicModel, api: MessagesApi, fault: Fault, kind: type, retry_after: float | None
) -> None:
    api.faults.append(fault)
    error = await failure(model)
    assert type(error) is kind
    assert getattr(error, "retry_after") == retry_after  # noqa: B009 - the parametrised kind is not known to mypy
    assert len(api.calls) == 1, "no retries of its own"
    assert PRIVATE in (await model.answer(call())).text


@pytest.mark.parametrize(
    ("fault", "costs"),
    [
        (Fault.SERVER_ERROR, False),
        (Fault.RATE_LIMIT, False),
        (Fault.HTML, False),
        (Fault.CUT_DIRTY, True),
        (Fault.CUT_CLEAN, True),
        (Fault.STREAM_ERROR, True),
        (Fault.BAD_EVENT, True),
    ],
)
async def test_an_answer_that_had_begun_costs_what_came_of_it(
    model: AnthropicModel, api: MessagesApi, fault: Fault, costs: bool
) -> None:
    api.faults.append(fault)
    error = await failure(model)
    assert isinstance(error, Transient)
    assert (error.usage is not None) is costs
    if error.usage is not None:
        assert 0 < error.usage.cost_usd <= model.worst_case_usd(call())
        again = copy.copy(error)
        assert (again.sentence, again.retry_after, again.usage) == (error.sentence, None, error.usage)


async def test_a_date_to_retry_at_becomes_seconds(model: AnthropicModel, api: MessagesApi) -> None:
    api.faults.append(Fault.RATE_LIMIT_DATE)
    error = await failure(model)
    assert isinstance(error, RateLimited)
    assert error.retry_after is not None
    assert 3500 < error.retry_after <= 3600


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.INVALID, "status 400"),
        (Fault.TOO_LONG, "too long"),
        (Fault.TOO_LARGE, "too long"),
        (Fault.NO_CREDIT, "paid"),
        (Fault.BILLING, "paid"),
        (Fault.BAD_KEY, "ANTHROPIC_API_KEY"),
        (Fault.FORBIDDEN, "tiers.sonnet.model"),
        (Fault.UNKNOWN_MODEL, "claude-sonnet-5-5"),
    ],
)
async def test_refusals_name_the_cause_and_the_next_step(
    model: AnthropicModel, api: MessagesApi, fault: Fault, words: str
) -> None:
    api.faults.append(fault)
    error = await failure(model)
    assert type(error) is ModelRefused
    assert words in error.sentence


@pytest.mark.parametrize("fault", [Fault.REFUSAL, Fault.MAX_TOKENS, Fault.PAUSE_TURN, Fault.CONTEXT_EXCEEDED])
async def test_other_ways_to_stop_are_returned(model: AnthropicModel, api: MessagesApi, fault: Fault) -> None:
    api.faults.append(fault)
    assert (await model.answer(call())).stop_reason == fault.value


async def test_a_tool_call_cut_by_max_tokens_is_returned_as_far_as_it_came(
    model: AnthropicModel, api: MessagesApi, responder: Repeats
) -> None:
    responder.content = [{"type": "tool_use", "id": "toolu_1", "name": "write", "input": {"path": "a" * 50}}]
    api.faults.append(Fault.MAX_TOKENS)
    answer = await model.answer(call(tools=(WRITE,)))
    assert answer.stop_reason == "max_tokens"
    assert answer.tool_uses[0].name == "write"


async def test_the_end_of_a_script_is_told_in_its_own_words(
    model: AnthropicModel, responder: Repeats
) -> None:
    responder.ends_with = "This rehearsal knows only: «nothing»."
    error = await failure(model)
    assert type(error) is ScriptEnded
    assert error.sentence == "This rehearsal knows only: «nothing»."


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.STALL])
async def test_a_hanging_provider_is_given_up(api: MessagesApi, fault: Fault) -> None:
    model = AnthropicModel(default_tiers(), timeout_s=0.2, api_key=KEY, base_url=api.url)
    api.faults.append(fault)
    assert type(await failure(model)) is Unreachable
    await model.close()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("86400", 86400.0), ("0.5", 0.5), ("-5", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
    + [(nonsense, None) for nonsense in ("soon", "nan", "inf", "")],
)
async def test_any_retry_after_becomes_seconds_or_nothing(header: str, seconds: float | None) -> None:
    async def slow_down(_: web.Request) -> web.Response:
        return web.Response(status=429, text="slow down", headers={"retry-after": header})

    app = web.Application()
    app.router.add_post("/v1/messages", slow_down)
    async with TestServer(app) as server:
        model = AnthropicModel(default_tiers(), timeout_s=5, api_key=KEY, base_url=str(server.make_url("")))
        error = await failure(model)
        await model.close()
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


async def test_a_server_that_does_not_stream_serves_as_well() -> None:
    async def whole(_: web.Request) -> web.Response:
        usage = {"input_tokens": 3, "output_tokens": 4}
        content = [{"type": "text", "text": "Hello"}]
        return web.json_response(
            {"id": "msg_1", "type": "message", "role": "assistant", "model": "other", "content": content}
            | {"stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
        )

    app = web.Application()
    app.router.add_post("/v1/messages", whole)
    async with TestServer(app) as server:
        model = AnthropicModel(default_tiers(), timeout_s=5, api_key=KEY, base_url=str(server.make_url("")))
        answer = await model.answer(call())
        await model.close()
    assert (answer.text, answer.model, answer.usage.output_tokens) == ("Hello", "other", 4)


@dataclass
class Endless:
    """A provider whose answer begins well and does not end; `sent` counts what of it went out."""

    kind: str
    begin: bytes
    more: bytes
    status: int = 200
    encoding: str = "identity"
    sent: int = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/messages", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": self.kind, "Content-Encoding": self.encoding}
        response = web.StreamResponse(status=self.status, headers=headers)
        await response.prepare(request)
        with suppress(ConnectionError):
            await response.write(self.begin)
            while True:
                await response.write(self.more)
                self.sent += len(self.more)
        return response


START = (
    b'event: message_start\ndata: {"type": "message_start", "message": {"id": "msg_1", "type": "message", '
    b'"role": "assistant", "model": "m", "content": [], "stop_reason": null, "stop_sequence": null, '
    b'"usage": {"input_tokens": 1, "output_tokens": 1}}}\n\n'
)
PING = b'event: ping\ndata: {"type": "ping"}\n\n' * 2_000
LETTERS = b"x" * 65_536
PACKED_LETTERS = gzip.compress(b"x" * 50_000_000)
STREAM, JSON = "text/event-stream", "application/json"
ON_THE_WAY = 12_000_000
"""What the buffers of both sides take of an answer that is not read."""


@pytest.mark.parametrize(
    ("provider", "most"),
    [
        pytest.param(Endless(STREAM, START, PING), MOST_BYTES, id="events"),
        pytest.param(Endless(STREAM, START + b"data: ", LETTERS), MOST_BYTES, id="one event"),
        pytest.param(Endless(JSON, b'{"id": "', LETTERS), MOST_BYTES, id="one message"),
        pytest.param(Endless(JSON, b'{"error": "', LETTERS, status=400), MOST_BYTES, id="an error"),
        pytest.param(
            Endless(JSON, b"", PACKED_LETTERS, encoding="gzip"), MOST_BYTES // PACKED, id="compressed"
        ),
    ],
)
async def test_an_answer_without_end_is_not_read_to_the_end(provider: Endless, most: int) -> None:
    async with TestServer(provider.app()) as server:
        model = AnthropicModel(default_tiers(), timeout_s=30, api_key=KEY, base_url=str(server.make_url("")))
        error = await failure(model)
        await model.close()
    assert type(error) is Unreachable
    assert error.sentence == "The model's answer was longer than any can be, so I stopped reading it."
    assert most - len(provider.more) < provider.sent < most + ON_THE_WAY


async def test_an_answer_within_the_bound_is_read(model: AnthropicModel, responder: Repeats) -> None:
    responder.content = [{"type": "text", "text": "word " * 200_000}]
    assert len((await model.answer(call())).text) == 1_000_000


async def test_nobody_listening_is_unreachable(api: MessagesApi, model: AnthropicModel) -> None:
    await api.close()
    assert type(await failure(model)) is Unreachable


def without_credentials(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))


async def test_without_a_key_nothing_is_sent(
    api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_credentials(monkeypatch, tmp_path)
    model = AnthropicModel(default_tiers(), timeout_s=5, base_url=api.url)
    error = await failure(model)
    assert type(error) is ModelRefused
    assert "ANTHROPIC_API_KEY" in error.sentence
    assert not api.calls
    await model.close()


def test_a_broken_profile_is_a_mistake_of_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_credentials(monkeypatch, tmp_path)
    monkeypatch.setenv("ANTHROPIC_PROFILE", "gone")
    with pytest.raises(ConfigurationInvalid, match="ANTHROPIC_API_KEY"):
        AnthropicModel(default_tiers(), timeout_s=5)


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
async def test_the_environment_names_server_and_key(
    api: MessagesApi, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", api.url)
    monkeypatch.setenv(name, KEY)
    model = AnthropicModel(default_tiers(), timeout_s=5)
    assert (await model.answer(call())).stop_reason == "end_turn"
    await model.close()


async def becomes_true(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("not within a second")


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.STALL, None])
async def test_a_cancelled_call_closes_its_connection_at_once(
    model: AnthropicModel, api: MessagesApi, responder: Repeats, fault: Fault | None
) -> None:
    if fault:
        api.faults.append(fault)
    else:
        responder.delay_s = 30
    running = asyncio.create_task(model.answer(call()))
    await becomes_true(lambda: bool(api.calls))
    await asyncio.sleep(0.05)  # far enough into the answer for it to have begun, where it does
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await becomes_true(lambda: bool(api.abandoned))


async def test_long_contexts_cost_more_where_settings_say_so(model: AnthropicModel) -> None:
    answer = await model.answer(call(tier=Tier.HAIKU, messages=({"role": "user", "content": "x" * 480_000},)))
    usage = answer.usage
    prompt = usage.input_tokens + usage.cache_write_tokens
    assert prompt > 100_000
    expected = usage.input_tokens * 0.5 + usage.cache_write_tokens * 0.625 + usage.output_tokens * 2.5
    assert usage.cost_usd == pytest.approx(expected / 1e6)


async def test_the_worst_case_is_never_below_the_cost(model: AnthropicModel, responder: Repeats) -> None:
    for size in (10, 10_000, 500_000):
        for tier in Tier:
            made = call(
                tier=tier, messages=({"role": "user", "content": "é" * size},), tools=(WRITE,), max_tokens=500
            )
            assert model.worst_case_usd(made) >= (await model.answer(made)).usage.cost_usd


def test_the_worst_case_counts_all_output_and_half_the_bytes() -> None:
    tier = TierSettings(model="m", input_usd=1, output_usd=10, cache_read_usd=0.1, cache_write_usd=2)
    model = AnthropicModel({Tier.SONNET: tier}, timeout_s=5, api_key=KEY)
    empty = model.worst_case_usd(call(messages=(), system="", max_tokens=1000))
    assert empty == pytest.approx(10 * 1000 / 1e6, rel=0.01)
    bigger = model.worst_case_usd(call(messages=(), system="x" * 2_000_000, max_tokens=1000))
    assert bigger - empty == pytest.approx(2.0)
