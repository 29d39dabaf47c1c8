"""What is told of the real bot over a socket: whether it lives, can be given work, and what it counts."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from bot.cards.presses import ApproveSpec
from bot.health import Health
from bot.playground.slack import Fault
from bot.playground.slack.state import MEMBERS
from engine.adapters.anthropic_model import AnthropicModel
from engine.errors import ConfigurationInvalid
from engine.metrics import MeasuredModel
from engine.request import State
from engine.settings import default_tiers
from engine.state_dir import DATABASE
from tests.journeys.bad_input import DANA, World, remote, repository, small_repository, world

LABELS = {"kind", "how", "state", "do", "status", "tier", "role", "outcome", "ended", "what", "method", "le"}


@dataclass
class Told:
    """The bot, and what its health server says."""

    bot: World
    health: Health

    async def get(self, path: str) -> tuple[int, str]:
        address = f"http://127.0.0.1:{self.health.port}{path}"
        async with ClientSession() as session, session.get(address) as response:
            return response.status, await response.text()

    async def reasons(self) -> dict[str, str]:
        address = f"http://127.0.0.1:{self.health.port}/readyz"
        async with ClientSession() as session, session.get(address) as response:
            body: dict[str, Any] = await response.json()
        assert (response.status == 200) is body["ready"] is (body["reasons"] == {})
        return dict(body["reasons"])

    async def samples(self) -> dict[tuple[str, frozenset[str]], float]:
        _, text = await self.get("/metrics")
        families = text_string_to_metric_families(text)
        return {
            (sample.name, frozenset(sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
        }


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    await small_repository(remote(tmp_path, "notes"))
    async with world(tmp_path, [repository(tmp_path, "notes", ["C0NOTES"])]) as bot:
        health = Health()
        health.watch(bot.running.engine, bot.running.app)
        await health.start("127.0.0.1", 0)
        yield Told(bot, health)
        await health.close()


async def test_it_tells_of_a_delivery_by_figures_alone(told: Told) -> None:
    assert await told.get("/healthz") == (200, '{"alive": true}')
    assert await told.reasons() == {}
    before = await told.samples()
    told.bot.slack.faults.add("chat.postMessage", Fault.RATE_LIMITED, times=1, retry_after=1)
    thread = await told.bot.ask("C0NOTES", "Add a greeting, said by nobody else")
    await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    await thread.card("delivery:1")
    await thread.becomes(State.DELIVERED)
    for _ in range(200):  # the run that delivered ends a moment after it has said so
        after = await told.samples()
        if after["greenlight_runs_live", frozenset()] == 0:
            break
        await asyncio.sleep(0.05)

    def more(name: str, *labels: str) -> float:
        return after.get((name, frozenset(labels)), 0.0) - before.get((name, frozenset(labels)), 0.0)

    assert more("greenlight_requests", "delivered") == 1
    assert more("greenlight_deliveries_total") == 1
    assert more("greenlight_events_total", "opened") == more("greenlight_events_total", "approved") == 1
    assert more("greenlight_events_total", "run_finished") >= 5
    assert more("greenlight_accept_seconds_count") >= 7
    assert more("greenlight_runs_ended_total", "deliver", "done") == 1
    assert more("greenlight_model_call_seconds_count", "sonnet", "assess", "answered") == 1
    assert more("greenlight_model_tokens_total", "sonnet", "output") > 0
    assert more("greenlight_model_usd_total", "opus", "specify") > 0
    assert more("greenlight_check_seconds_count", "exit") >= 2
    assert more("greenlight_sandbox_commands_total", "run", "exit") >= 2
    assert more("greenlight_slack_call_seconds_count", "chat.postMessage", "done") >= 3
    assert more("greenlight_slack_rate_limited_total") == 1
    assert more("greenlight_effects", "start_run", "done") >= 5
    assert after["greenlight_runs_waiting", frozenset()] == 0

    _, text = await told.get("/metrics")
    found = {name for f in text_string_to_metric_families(text) for s in f.samples for name in s.labels}
    assert found <= LABELS
    everything = (await told.get("/readyz"))[1] + text
    names = [
        *(member.id for member in MEMBERS),
        "C0NOTES",
        thread.ts,
        "greeting",
        "notes",
        "nobody else",
    ]
    assert [name for name in names if name in everything] == []


async def test_each_reason_not_to_give_it_work_is_named(told: Told) -> None:
    assert await told.reasons() == {}
    told.bot.slack.faults.add("apps.connections.open", Fault.SERVER_ERROR, 10_000)
    await told.bot.slack._socket.drop()
    for _ in range(100):
        if reasons := await told.reasons():
            break
        await asyncio.sleep(0.02)
    assert set(reasons) == {"socket"}
    assert reasons["socket"].startswith("There is no connection to Slack just now.")
    told.bot.slack.faults.clear()
    await told.bot.slack.wait_for(lambda slack: slack.connected, 30)
    for _ in range(100):
        if not await told.reasons():
            break
        await asyncio.sleep(0.1)
    assert await told.reasons() == {}
    with sqlite3.connect(told.bot.directory / "state" / DATABASE, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert set(await told.reasons()) == {"database"}
        assert (await told.get("/healthz"))[0] == 200
        other.execute("ROLLBACK")
    assert await told.reasons() == {}
    told.health.say("Greenlight is ending.")
    assert await told.reasons() == {"process": "Greenlight is ending."}
    assert [name for name, _ in await told.samples() if name == "greenlight_requests"] == []


async def test_a_missing_key_and_a_sweep_that_hangs_are_reasons(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = told.bot.running.engine
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    keyless = AnthropicModel(default_tiers(), 5)
    try:
        assert MeasuredModel(keyless).has_key is False
        object.__setattr__(engine._outside, "model", MeasuredModel(keyless))
        engine._sweeper.cancel()  # type: ignore[union-attr]  # it runs
        engine._swept_at = engine._swept_at.replace(year=2020)  # type: ignore[union-attr]  # it swept
        assert set(await told.reasons()) == {"model", "sweep"}
    finally:
        await keyless.close()


async def test_a_port_that_is_taken_is_told(told: Told) -> None:
    at = f"127.0.0.1:{told.health.port}"
    with pytest.raises(ConfigurationInvalid) as taken:
        await Health().start("127.0.0.1", told.health.port)
    assert taken.value.sentence == (
        f"Health cannot be told at {at}: something else listens there, maybe a Greenlight that runs already; "
        "choose another address or port."
    )


async def test_of_an_address_that_is_not_ours_nobody_is_suspected() -> None:
    with pytest.raises(ConfigurationInvalid) as foreign:
        await Health().start("192.0.2.1", 8091)
    assert foreign.value.sentence == (
        "Health cannot be told at 192.0.2.1:8091: choose another address or port."
    )


async def test_what_nobody_is_at_is_a_reason_and_a_damaged_row_is_none(told: Told) -> None:
    thread = await told.bot.ask("C0NOTES", "Add a greeting")
    await thread.card("spec:1")
    rows = (("left", '{"do": "show_card", "card": "progress"}'), ("damaged", "{}"))
    insert = (
        "insert into gl_effect"
        " (id, request, do, card, body, snapshot, epoch, status, attempt, holder, created_at, note)"
        " values (?, 'nobody', 'show_card', 'progress', ?, '', 0, 'pending', 0, '', ?, '')"
    )
    engine = told.bot.running.engine
    engine._sweeper.cancel()  # type: ignore[union-attr]  # or it would be at it

    def file(id: str, body: str) -> None:
        with sqlite3.connect(told.bot.directory / "state" / DATABASE, timeout=10) as other:
            other.execute(insert, (id, body, "2026-01-01 00:00:00.000000"))

    left, damaged = rows
    await asyncio.to_thread(file, *damaged)
    assert await told.reasons() == {}
    await asyncio.to_thread(file, *left)
    assert set(await told.reasons()) == {"queue"}
    oldest = (await told.samples())["greenlight_effect_unattended_seconds", frozenset()]
    assert oldest > 1000
