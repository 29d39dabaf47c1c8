"""A Slack that hangs is told of and waited for, from the first call on; and SIGTERM ends the process soon."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from time import monotonic

import pytest
from aiohttp import ClientConnectorError, ClientSession

from bot.app import TRIES_OF_OTHERS
from tests.bot.test_link import Door
from tests.journeys.bots import GREENLIGHT, START_S, forked
from tests.journeys.reading import until
from tests.journeys.test_kill import CONFIG
from tests.quick import quick_repository

END_S = 2.0
CHANNEL = "C1"
CONNECTED = "Greenlight is connected"
TAKEN_UP = '{"process": "Slack has answered. Earlier work is taken up first."}'
PORT = re.compile(r"Health is told at \S+:(\d+)")
AT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
ASKED = rf"I have asked Slack who I am since {AT}; try \d"
TOLD = re.compile(rf"\. {ASKED} (is|began) at {AT}\.")
CASES = [
    pytest.param(fault, at_start, marks=() if fault == "no hello" else pytest.mark.long)
    for fault in ("no hello", "the address is never given", "the handshake hangs")
    for at_start in (True, False)
]


async def ready(port: int, path: str = "readyz") -> tuple[int, str]:
    address = f"http://127.0.0.1:{port}/{path}"
    async with ClientSession() as session, session.get(address) as response:
        return response.status, await response.text()


async def health_port(log: Path) -> int:
    found = await until(lambda: PORT.search(log.read_text()), START_S, "its health is told")
    return int((found or [""])[1])


@asynccontextmanager
async def run_at_a_door(directory: Path, fault: str) -> AsyncIterator[tuple[Door, ForkServerProcess, Path]]:
    """`greenlight run` at a Slack with a fault; the door, the process and its log."""
    await quick_repository(directory / "remote.git")
    config, log = directory / "greenlight.toml", directory / "log"
    config.write_text(CONFIG.format(directory=directory, channel=CHANNEL))
    log.touch()
    async with Door() as door:
        env = {"PATH": f"{GREENLIGHT.parent}{os.pathsep}{os.environ['PATH']}", "HOME": os.devnull}
        env |= {"SLACK_API_URL": f"{door.url}/api/", "ANTHROPIC_API_KEY": "sk-ant-fake"}
        env |= {"SLACK_BOT_TOKEN": "xoxb-fake-bot", "SLACK_APP_TOKEN": "xapp-fake-app"}
        door.fault = fault
        process = forked(("run", "--config", str(config), "--health-port", "0"), env, log, log)
        await asyncio.to_thread(process.start)
        try:
            yield door, process, log
        finally:
            process.kill()
            await asyncio.to_thread(process.join)


@pytest.mark.parametrize(("fault", "at_start"), CASES)
async def test_a_signal_ends_it_in_time(tmp_path: Path, fault: str, at_start: bool) -> None:
    async with run_at_a_door(tmp_path, fault if at_start else "none") as (door, process, log):
        port = await health_port(log)
        if not at_start:
            await until(lambda: CONNECTED in log.read_text(), START_S, "it is connected")
            door.fault = fault
            assert (await ready(port))[0] == 200, "the control: it is ready"
            await door.drop()
        await until(lambda: door.hits or process.exitcode is not None, START_S, "it hangs")
        status, body = await ready(port)
        assert status == 503
        assert (TAKEN_UP if at_start else "There is no connection to Slack just now.") in body
        assert process.exitcode is None, log.read_text()
        assert await terminated(process) < END_S, log.read_text()
        assert process.exitcode == (-signal.SIGTERM if at_start else 0)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("it ends before it says who we are", marks=pytest.mark.long),
        "a page instead of who we are",
        pytest.param("it cannot say who we are", marks=pytest.mark.long),
    ],
)
async def test_slack_is_waited_for_at_the_start(tmp_path: Path, fault: str) -> None:
    async with run_at_a_door(tmp_path, fault) as (door, process, log):
        await until(lambda: "slack.awaited" in log.read_text() or process.exitcode, START_S, "it is told")
        port = await health_port(log)
        status, body = await ready(port)
        assert status == 503
        assert TOLD.search(body), body
        assert [(await ready(port, path))[0] for path in ("healthz", "metrics")] == [200, 200]
        door.fault = "none"
        await until(lambda: CONNECTED in log.read_text() or process.exitcode, START_S, "it is connected")
        assert await ready(port) == (200, '{"ready": true, "reasons": {}}')
        assert await terminated(process) < END_S
        assert process.exitcode == 0, log.read_text()


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ("a page instead of who we are", r"it is not a Slack Web API\. Check SLACK_API_URL\. "),
        pytest.param("it never says who we are", "", marks=pytest.mark.long),
    ],
)
async def test_a_slack_that_says_nothing_is_told_and_a_signal_frees_the_port(
    tmp_path: Path, first: str, why: str
) -> None:
    async with run_at_a_door(tmp_path, first) as (door, process, log):
        port = await health_port(log)
        await until(lambda: door.hits, START_S, "it is asked")
        door.fault = "it never says who we are"
        asked = door.hits + bool(why)
        await until(lambda: door.hits == asked, START_S, "it hangs")
        assert (await ready(port, "healthz"))[0] == 200
        status, body = await ready(port)
        assert status == 503
        began = why or r'"process": "'
        assert re.search(rf"{began}{ASKED} began at {AT}\.", body), body
        assert await terminated(process) < END_S
        assert process.exitcode == -signal.SIGTERM, log.read_text()
        with pytest.raises(ClientConnectorError):
            await ready(port)


@pytest.mark.long
async def test_a_token_that_is_refused_in_the_end_is_named(tmp_path: Path) -> None:
    async with run_at_a_door(tmp_path, "a page instead of who we are") as (door, process, log):
        await until(lambda: "slack.awaited" in log.read_text(), START_S, "it is told")
        port = await health_port(log)
        door.fault = "it does not take the token"
        await asyncio.to_thread(process.join, START_S)
        assert process.exitcode == 2
        assert "Slack does not take SLACK_BOT_TOKEN (invalid_auth)." in log.read_text().splitlines()[-1]
        with pytest.raises(ClientConnectorError):
            await ready(port)


async def test_no_connection_yet_is_told_and_made_later(tmp_path: Path) -> None:
    async with run_at_a_door(tmp_path, "no address for now") as (door, process, log):
        later = "Greenlight connects as soon as Slack answers."
        await until(lambda: later in log.read_text() or process.exitcode, START_S, "it is told")
        port = int((PORT.search(log.read_text()) or [""])[1])
        assert (await ready(port))[0] == 503
        door.fault = "none"
        await until(lambda: bool(door.sockets) or process.exitcode, START_S, "it is connected")
        assert (await ready(port))[0] == 200
        assert await terminated(process) < END_S
        assert process.exitcode == 0, log.read_text()


@pytest.mark.long
async def test_what_is_no_slack_is_named_in_the_end(tmp_path: Path) -> None:
    async with run_at_a_door(tmp_path, "a page instead of who we are") as (door, process, log):
        await asyncio.to_thread(process.join, START_S)
        assert (process.exitcode, door.hits) == (2, TRIES_OF_OTHERS)
        assert "it is not a Slack Web API. Check SLACK_API_URL." in log.read_text().splitlines()[-1]


async def terminated(process: ForkServerProcess) -> float:
    """Ask it to end; seconds until it did."""
    assert process.pid is not None
    began = monotonic()
    os.kill(process.pid, signal.SIGTERM)
    await asyncio.to_thread(process.join, START_S)
    return monotonic() - began
