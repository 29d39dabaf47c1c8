"""A project in a bare repository, and the bot over a configuration file that `init` wrote."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import yaml

from bot.app import Running, connect
from bot.cards.presses import ApproveSpec
from bot.playground.demo import APP_TOKEN, BOT_TOKEN, FAKE_KEY
from bot.playground.messages_api import MessagesApi
from bot.playground.script import Scenario
from bot.playground.slack import LocalSlack, Message, SlackOptions
from engine.adapters.anthropic_model import AnthropicModel
from engine.adapters.local_forge import LocalForge
from engine.bootstrap import Parts
from engine.request import Snapshot
from engine.settings import Settings
from tests.journeys.reading import cards, git, presses, until
from tests.journeys.stage import Stage

HERE = Path(__file__).parent
RILEY, DANA, CHANNEL = "U0RILEY", "U0DANA", "C0DATA"


async def project(directory: Path, kind: str, **more: str) -> Path:
    """A bare repository with the project's files on main.

    Args:
        directory: Where it is made.
        kind: python or javascript.
        more: Further files.
    """
    files: Mapping[str, str] = yaml.safe_load((HERE / kind / "files.yml").read_text())
    work, remote = directory / f"{kind}-work", directory / f"{kind}.git"
    for name, text in {**files, **more}.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{pytest}", version("pytest")))
    who = ("-c", "user.name=First", "-c", "user.email=first@localhost")
    await git(work, "init", "--quiet", "--initial-branch=main")
    await git(work, "add", "--all")
    await git(work, *who, "commit", "--quiet", "--message", "First")
    await git(work, "clone", "--quiet", "--bare", str(work), str(remote))
    return remote


@asynccontextmanager
async def staged(config: Path, kind: str) -> AsyncIterator[Stage]:
    """The real bot over this configuration, a local Slack, and the project's script."""
    settings = Settings.load(config)
    model = MessagesApi([Scenario.load(HERE / kind / "scenario.yml")], pace=0)
    adapter = AnthropicModel(settings.tiers, 60, FAKE_KEY, await model.start())
    forge = config.parent / "forge"
    parts = Parts(model=adapter, forge=lambda _: LocalForge(forge, "http://127.0.0.1/forge"))
    try:
        async with LocalSlack(SlackOptions(paces={})) as slack:
            url = slack.api_url

            async def start() -> Running:
                return await connect(
                    settings, bot_token=BOT_TOKEN, app_token=APP_TOKEN, slack_url=url, parts=parts
                )

            stage = Stage(slack, model, await start(), config.parent, start)
            try:
                yield stage
            finally:
                await stage.running.close()
    finally:
        await adapter.close()
        await model.close()


async def delivered(stage: Stage, words: str, seconds: float = 90) -> tuple[str, Snapshot]:
    """From the mention, by way of an approval, to the draft pull request: the thread and the request."""
    thread = await stage.slack.person(RILEY).mention(CHANNEL, words)
    spec = await _card(stage, thread, "spec:1", seconds)
    for block, element, press in list(presses(spec)):
        if isinstance(press, ApproveSpec):
            await stage.slack.person(DANA).click(
                spec.ts, action_id=element["action_id"], block_id=block["block_id"]
            )
    await _card(stage, thread, "delivery:1", seconds)
    snapshot = await stage.snapshot(CHANNEL, thread)
    assert snapshot is not None
    return thread, snapshot


async def _card(stage: Stage, thread: str, key: str, seconds: float) -> Message:
    def look() -> Message | None:
        found = cards(stage.slack, CHANNEL, thread)
        assert key in found or not any(name.startswith("escalation") for name in found), {
            name: card.words for name, card in found.items()
        }
        return found.get(key)

    found = await until(look, seconds, f"there is a card {key}")
    assert found is not None
    return found
