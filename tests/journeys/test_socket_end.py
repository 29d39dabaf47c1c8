"""SIGTERM ends the process soon, whatever Slack's side of Socket Mode hangs at, and its health says why."""

import asyncio
import os
import re
import signal
from pathlib import Path
from time import monotonic

import pytest
from aiohttp import ClientSession

from tests.bot.test_link import Door
from tests.journeys.bots import GREENLIGHT, START_S, forked
from tests.journeys.reading import until
from tests.journeys.test_kill import CONFIG
from tests.quick import quick_repository

END_S = 2.0
CHANNEL = "C1"
PORT = re.compile(r"Health is told at \S+:(\d+)")
CASES = [
    pytest.param(fault, at_start, marks=() if fault == "no hello" else pytest.mark.long)
    for fault in ("no hello", "the address is never given", "the handshake hangs")
    for at_start in (True, False)
]


async def ready(port: int) -> tuple[int, str]:
    address = f"http://127.0.0.1:{port}/readyz"
    async with ClientSession() as session, session.get(address) as response:
        return response.status, await response.text()


@pytest.mark.parametrize(("fault", "at_start"), CASES)
async def test_a_signal_ends_it_in_time(tmp_path: Path, fault: str, at_start: bool) -> None:
    await quick_repository(tmp_path / "remote.git")
    config, log = tmp_path / "greenlight.toml", tmp_path / "log"
    config.write_text(CONFIG.format(directory=tmp_path, channel=CHANNEL))
    log.touch()
    async with Door() as door:
        env = {"PATH": f"{GREENLIGHT.parent}{os.pathsep}{os.environ['PATH']}", "HOME": os.devnull}
        env |= {"SLACK_API_URL": f"{door.url}/api/", "ANTHROPIC_API_KEY": "sk-ant-fake"}
        env |= {"SLACK_BOT_TOKEN": "xoxb-fake-bot", "SLACK_APP_TOKEN": "xapp-fake-app"}
        door.fault = fault if at_start else "none"
        process = forked(("run", "--config", str(config), "--health-port", "0"), env, log, log)
        await asyncio.to_thread(process.start)
        try:
            if not at_start:
                found = await until(lambda: PORT.search(log.read_text()), START_S, "its health is told")
                port = int((found or [""])[1])
                await until(lambda: "Greenlight is connected" in log.read_text(), START_S, "it is connected")
                door.fault = fault
                assert (await ready(port))[0] == 200, "the control: it is ready"
                await door.drop()
            await until(lambda: door.hits or process.exitcode is not None, START_S, "it hangs")
            if not at_start:
                status, body = await ready(port)
                assert status == 503
                assert "There is no connection to Slack just now." in body
            assert process.exitcode is None, log.read_text()
            assert process.pid is not None
            began = monotonic()
            os.kill(process.pid, signal.SIGTERM)
            await asyncio.to_thread(process.join, START_S)
            assert monotonic() - began < END_S, log.read_text()
            assert process.exitcode == (-signal.SIGTERM if at_start else 0)
        finally:
            process.kill()
            await asyncio.to_thread(process.join)
