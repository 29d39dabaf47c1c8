"""The real bot in this process, between a local Slack, a Messages API and quick checks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bot.app import Running, connect
from bot.playground.demo import APP_TOKEN, BOT_TOKEN, CHECKS, Demo, DemoOptions
from bot.playground.messages_api import MessagesApi
from bot.playground.rehearsal import Responder
from bot.playground.slack import CHANNELS, MEMBERS, TEAM, Channel, LocalSlack, Member, SlackOptions
from engine.adapters.anthropic_model import AnthropicModel
from engine.adapters.local_forge import LocalForge
from engine.bootstrap import Parts
from engine.engine import Engine
from engine.performing import PAUSES, Pauses
from engine.request import Snapshot
from engine.settings import Caps, RepositorySettings, Settings, default_tiers
from tests.crash.names import of_slack
from tests.crash.wire import Relay, Watcher
from tests.quick import quick_repository

QUICK_RETRIES = (0.0, 0.2, 0.5, 1.0, 1.0, 2.0, 2.0, 4.0)
PACE = 0.1
"""Of rehearsals: work takes a moment, so that people can speak while it runs."""


@dataclass
class Stage:
    """Everything a test acts on."""

    slack: LocalSlack
    model: MessagesApi
    running: Running
    directory: Path
    connect: Callable[[], Awaitable[Running]]

    async def start_again(self) -> None:
        """The bot, ended by `running.close()`, in another process's place."""
        self.running = await self.connect()

    @property
    def engine(self) -> Engine:
        """The bot's engine."""
        return self.running.engine

    @property
    def forge(self) -> Path:
        """The local forge's records."""
        return self.directory / "forge"

    async def snapshot(self, channel: str, thread: str) -> Snapshot | None:
        """The stored state of a thread's request."""
        return await self.engine.snapshot(f"{TEAM}:{channel}:{thread}")


def headless_demo(directory: Path, variant: str | None = None, *, real_checks: bool = False) -> Demo:
    """The demo without a page, with the sample's own checks or with quick ones."""
    if not real_checks:
        asyncio.run(quick_repository(directory / "remote" / "data-platform.git"))
    return Demo(DemoOptions(headless=True, pace=PACE, variant=variant, keep=directory))


@asynccontextmanager
async def staged(
    directory: Path,
    responder: Responder,
    *,
    members: Sequence[Member] = MEMBERS,
    channels: Sequence[Channel] = CHANNELS,
    approvers: Sequence[str] = ("U0DANA",),
    approvals: int = 1,
    more: Sequence[RepositorySettings] = (),
    caps: Caps | None = None,
    pauses: Pauses = PAUSES,
    wire: Watcher | None = None,
) -> AsyncIterator[Stage]:
    """Everything started, the bot last, and ended the other way round; every channel has the repository.

    Args:
        directory: Holds everything.
        responder: Answers for the model.
        members: People of the workspace.
        channels: Channels of the workspace.
        approvers: Who may approve.
        approvals: How many of them it takes.
        more: Further repositories.
        caps: Other than the usual ones.
        pauses: Between tries of what Slack does not take.
        wire: Says what becomes of requests and envelopes between Slack and the bot; Slack is quick to send
            again then.
    """
    remote = directory / "remote.git"
    await quick_repository(remote)
    model = MessagesApi(responder=responder)
    await model.start()
    repository = quick_settings(remote, approvers=tuple(approvers)).model_copy(
        update={"approvals": approvals}
    )
    settings = Settings(state_dir=directory / "state", repositories=(repository, *more), caps=caps or Caps())
    adapter = AnthropicModel(default_tiers(), 60, "sk-ant-fake-rehearsal", model.url)
    parts = Parts(
        model=adapter,
        forge=lambda _: LocalForge(directory / "forge", "http://127.0.0.1/forge"),
        pauses=pauses,
    )
    options = SlackOptions(paces={}, members=members, channels=channels)
    if wire is not None:
        options = replace(options, ack_timeout=1.0, retry_delays=QUICK_RETRIES)
    try:
        async with LocalSlack(options) as slack, AsyncExitStack() as between:
            url = slack.api_url
            if wire is not None:
                url = f"{(await between.enter_async_context(Relay(slack.url, wire, of_slack))).url}/api/"

            async def start() -> Running:
                return await connect(
                    settings, bot_token=BOT_TOKEN, app_token=APP_TOKEN, slack_url=url, parts=parts
                )

            stage = Stage(slack, model, await start(), directory, start)
            try:
                yield stage
            finally:
                await stage.running.close()
    finally:
        await adapter.close()
        await model.close()


def quick_settings(remote: Path, *, approvers: tuple[str, ...]) -> RepositorySettings:
    """Configuration of the quick repository, for every channel."""
    return RepositorySettings(
        name="data-platform", remote=str(remote), channels=("*",), approvers=approvers, checks=CHECKS
    )
