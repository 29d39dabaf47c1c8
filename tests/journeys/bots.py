"""The bot as a process of its own, whose Slack and model live in the test's process."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.playground.messages_api import MessagesApi
from bot.playground.slack import LocalSlack
from tests.journeys.reading import until

GREENLIGHT = Path(sys.executable).with_name("greenlight")
START_S = 60.0


@dataclass
class Ended:
    """A process that ended by itself."""

    code: int
    out: str
    err: str


def environment(slack: LocalSlack | None = None, model: MessagesApi | None = None) -> dict[str, str]:
    """What a process gets to know: nothing but where things are, and tokens that are visibly fake."""
    known = {"PATH": f"{GREENLIGHT.parent}{os.pathsep}{os.environ['PATH']}", "HOME": os.devnull}
    if slack is not None:
        known |= {"SLACK_API_URL": slack.api_url}
        known |= {"SLACK_BOT_TOKEN": "xoxb-fake-bot", "SLACK_APP_TOKEN": "xapp-fake-app"}
    if model is not None:
        known |= {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "sk-ant-fake-rehearsal"}
    return known


async def ended(*arguments: str, env: Mapping[str, str]) -> Ended:
    """Run `greenlight` to its end."""
    process = await asyncio.create_subprocess_exec(
        str(GREENLIGHT),
        *arguments,
        env=dict(env),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ended(code=process.returncode or 0, out=out.decode(), err=err.decode())


class Bot:
    """`greenlight ARGUMENTS`, connected to a Slack of the test's."""

    def __init__(self, slack: LocalSlack, env: Mapping[str, str], log: Path, *arguments: str) -> None:
        self._slack = slack
        self._env = dict(env)
        self._arguments = arguments
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process and wait until it is connected."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(GREENLIGHT), *self._arguments, env=self._env, stdout=log, stderr=log
            )
        process = self._process
        await until(
            lambda: self._slack.connected or process.returncode is not None, START_S, "the bot is connected"
        )
        assert self._slack.connected, self._log.read_text()

    async def kill(self) -> None:
        """SIGKILL, which nothing can prepare for."""
        await self._end(signal.SIGKILL)
        await until(lambda: not self._slack.connected, 10, "the connection is gone")

    async def stop(self) -> int:
        """Ask it to end; its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(number)
        return await process.wait()

    async def abandon(self) -> None:
        """End it if it still runs, at the end of a test that failed."""
        await self._end(signal.SIGKILL)


@asynccontextmanager
async def bot_process(
    slack: LocalSlack, env: Mapping[str, str], log: Path, *arguments: str
) -> AsyncIterator[Bot]:
    """A started bot that does not outlive the test."""
    bot = Bot(slack, env, log, *arguments)
    try:
        await bot.start()
        yield bot
    finally:
        await bot.abandon()
