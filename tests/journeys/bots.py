"""The bot as a process of its own, whose Slack and model live in the test's process."""

import asyncio
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from bot.playground.messages_api import MessagesApi
from bot.playground.slack import LocalSlack
from tests.journeys import served
from tests.journeys.reading import until

GREENLIGHT = Path(sys.executable).with_name("greenlight")
START_S = 60.0
ENDED_S = 90.0
FORK_SERVER = multiprocessing.get_context("forkserver")


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
    """Run `greenlight` to its end, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = forked(arguments, env, out, err)
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(process.join, ENDED_S)
        if process.exitcode is None:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGUSR1)
            await asyncio.to_thread(process.join, 2)
            process.kill()
            await asyncio.to_thread(process.join)
        return Ended(code=process.exitcode or 0, out=out.read_text(), err=err.read_text())


async def executed(*arguments: str, env: Mapping[str, str]) -> Ended:
    """`ended` by the installed command itself, which takes seconds to start."""
    process = await asyncio.create_subprocess_exec(
        str(GREENLIGHT),
        *arguments,
        env=dict(env),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ended(code=process.returncode or 0, out=out.decode(), err=err.decode())


def forked(arguments: Sequence[str], env: Mapping[str, str], out: Path, err: Path) -> ForkServerProcess:
    """A process of `greenlight ARGUMENTS`, to be started."""
    # What takes seconds to import is imported once for all of them.
    FORK_SERVER.set_forkserver_preload([served.__name__])
    return FORK_SERVER.Process(target=served.main, args=(arguments, dict(env), out, err))


class Bot:
    """`greenlight ARGUMENTS` as a process of its own, connected to a Slack of the test's."""

    def __init__(self, slack: LocalSlack, env: Mapping[str, str], log: Path, *arguments: str) -> None:
        self._slack = slack
        self._given = (arguments, env, log, log)
        self._log = log
        self._process: ForkServerProcess | None = None

    async def start(self) -> None:
        """Start the process and wait until it is connected."""
        process = self._process = forked(*self._given)
        await asyncio.to_thread(process.start)
        await until(
            lambda: self._slack.connected or process.exitcode is not None, START_S, "the bot is connected"
        )
        assert self._slack.connected, self._log.read_text()

    async def kill(self) -> None:
        """SIGKILL, which nothing can prepare for."""
        assert self._process is not None
        self._process.kill()
        await self._joined()
        await until(lambda: not self._slack.connected, 10, "the connection is gone")

    async def stop(self) -> int | None:
        """Ask it to end; its exit code."""
        assert self._process is not None
        self._process.terminate()
        return await self._joined()

    async def ended(self) -> int | None:
        """Wait until it has ended by itself; its exit code."""
        return await self._joined()

    async def abandon(self) -> None:
        """End it if it still runs, at the end of a test that failed."""
        if self._process is not None:
            self._process.kill()
            await self._joined()

    async def _joined(self) -> int | None:
        process, self._process = self._process, None
        assert process is not None
        await asyncio.to_thread(process.join, START_S)
        return process.exitcode


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
