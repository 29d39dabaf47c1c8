"""The real bot on small repositories, with a model that says what a test wants it to say wrongly."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.app import Running, connect
from bot.cards.presses import Press
from bot.playground.demo import APP_TOKEN, BOT_TOKEN, FAKE_KEY
from bot.playground.messages_api import MessagesApi
from bot.playground.slack import TEAM, Channel, LocalSlack, Message, Person, SlackOptions, payloads
from bot.playground.slack.sockets import Ack
from bot.playground.slack.state import MEMBERS
from engine.adapters.anthropic_model import AnthropicModel
from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.adapters.local_forge import LocalForge, read_records
from engine.bootstrap import Parts
from engine.request import Snapshot, State
from engine.settings import Caps, CheckSettings, FollowSettings, RepositorySettings, Settings
from tests.journeys.mistaken import Mistaken
from tests.journeys.reading import cards, git, presses

RILEY, DANA, SAM = "U0RILEY", "U0DANA", "U0SAM"
GREEN = {"green": CheckSettings(argv=("true",), about="greeting files are green")}


@dataclass
class World:
    """The bot, the Slack it is in, and the model it asks."""

    slack: LocalSlack
    api: MessagesApi
    model: Mistaken
    running: Running
    directory: Path

    def remote(self, name: str) -> Path:
        """The bare repository of a name."""
        return remote(self.directory, name)

    @property
    def pull_requests(self) -> int:
        """How many were opened."""
        return len(read_records(self.directory / "forge"))

    async def ask(self, channel: str, text: str, by: str = RILEY) -> "Thread":
        """Mention the bot in a channel; once that is stored."""
        ts = await self.slack.person(by).mention(channel, text)
        await self.slack.acked(ts, 30)
        return Thread(self, channel, ts)

    async def told(self, user: str, *words: str, count: int = 1) -> Message:
        """The newest thing that only this person was told, once there are `count` with these words."""

        def heard(slack: LocalSlack) -> list[Message]:
            found = [m for m in slack.ephemerals(user) if all(word in m.text for word in words)]
            return found if len(found) >= count else []

        return (await self.slack.wait_for(heard, 30))[-1]

    async def forge(
        self, user: str, message: Message, value: str, *, team: str = TEAM, action: str = "gl:x"
    ) -> Ack:
        """A click as only a tampered or outdated client sends it: whatever value, from whatever team."""
        member = next(it for it in MEMBERS if it.id == user)
        pressed = {
            "type": "button",
            "action_id": action,
            "block_id": "forged",
            "action_ts": self.slack.workspace.next_ts(),
            "value": value,
        }
        payload = payloads.message_action(member, "trigger", message, pressed)
        payload["user"]["team_id"] = team
        payload["channel"] = {"id": message.channel, "name": "channel"}
        return await self.slack._socket.interact(payload)


@dataclass
class Thread:
    """A request's thread."""

    world: World
    channel: str
    ts: str

    @property
    def request(self) -> str:
        """The request's id."""
        return f"{TEAM}:{self.channel}:{self.ts}"

    async def card(self, key: str, *words: str, timeout: float = 40) -> Message:  # noqa: ASYNC109 - as wait_for
        """The card of this key, once it holds these words."""

        def look(slack: LocalSlack) -> Message | None:
            found = cards(slack, self.channel, self.ts).get(key)
            return found if found and all(word in found.words for word in words) else None

        try:
            found = await self.world.slack.wait_for(look, timeout)
        except TimeoutError as error:
            there = {key: m.words for key, m in cards(self.world.slack, self.channel, self.ts).items()}
            raise AssertionError(f"no card {key} with {words}; there are {there}") from error
        assert found is not None
        return found

    async def snapshot(self) -> Snapshot:
        """The stored state."""
        found = await self.world.running.engine.snapshot(self.request)
        assert found is not None
        return found

    async def becomes(self, state: State) -> Snapshot:
        """The stored state, once it is this one. Nearly every step changes the workspace."""
        await self.card("progress")
        for _ in range(2000):
            now = await self.snapshot()
            if now.state is state:
                return now
            await asyncio.sleep(0.02)
        raise AssertionError(f"{now.state} instead of {state}: {now.escalation}")

    async def press(self, user: str, card: Message, kind: type[Press], **wanted: Any) -> Ack:
        """Press the button of a card that carries this."""
        block, element, _ = pressed(card, kind, **wanted)
        person: Person = self.world.slack.person(user)
        return await person.click(card.ts, action_id=element["action_id"], block_id=block["block_id"])


def pressed(card: Message, kind: type[Press], **wanted: Any) -> tuple[dict[str, Any], dict[str, Any], Press]:
    """Block, element and what it carries, of the first button of this kind."""
    for block, element, press in presses(card):
        if isinstance(press, kind) and all(getattr(press, name) == it for name, it in wanted.items()):
            return block, element, press
    raise AssertionError(f"no {kind.__name__} {wanted} on the card: {card.words}")


def remote(directory: Path, name: str) -> Path:
    """Where the bare repository of a name stands."""
    return directory / "remotes" / f"{name}.git"


async def small_repository(bare: Path, branch: str = "main") -> None:
    """A bare repository with one commit on a branch."""
    work = bare.parent / f"{bare.stem}-first"
    work.mkdir(parents=True)
    await git(work, "init", "--quiet", f"--initial-branch={branch}")
    (work / "README.md").write_text("A small repository.\n")
    await git(work, "add", "README.md")
    who = ("-c", "user.name=First", "-c", "user.email=first@localhost")
    await git(work, *who, "commit", "--quiet", "--message", "First")
    await git(work, "clone", "--quiet", "--bare", str(work), str(bare))


def repository(directory: Path, name: str, channels: Sequence[str], **more: Any) -> RepositorySettings:
    """The configuration of a small repository: Dana approves."""
    usual = {"checks": GREEN, "approvers": (DANA,), "remote": str(remote(directory, name))}
    return RepositorySettings(name=name, channels=tuple(channels), **(usual | more))


@asynccontextmanager
async def world(
    directory: Path,
    repositories: Sequence[RepositorySettings],
    *,
    caps: Caps | None = None,
    options: SlackOptions | None = None,
    model: Mistaken | None = None,
    follow: FollowSettings | None = None,
) -> AsyncIterator[World]:
    """The bot over these repositories, which the caller has made."""
    channels = [Channel(id, id.lower()) for it in repositories for id in it.channels]
    chosen = options or SlackOptions(
        paces={}, channels=[*channels, Channel("C0NOWHERE", "nowhere")], retry_delays=(0.1, 0.5, 2.0, 5.0)
    )
    settings = Settings(
        state_dir=directory / "state",
        repositories=tuple(repositories),
        caps=caps or Caps(),
        follow=follow or FollowSettings(),
    )
    mistaken = model or Mistaken()
    local = LocalForge(directory / "forge", "http://127.0.0.1:1/forge")
    async with LocalSlack(chosen) as slack:
        api = MessagesApi(responder=mistaken)
        adapter = AnthropicModel(settings.tiers, 30, FAKE_KEY, await api.start())
        parts = Parts(
            model=adapter,
            sandbox=BubblewrapSandbox(),
            forge=None if any(it.github for it in repositories) else lambda _: local,
        )
        try:
            running = await connect(
                settings, bot_token=BOT_TOKEN, app_token=APP_TOKEN, slack_url=slack.api_url, parts=parts
            )
            try:
                yield World(slack, api, mistaken, running, directory)
            finally:
                await running.close()
        finally:
            await adapter.close()
            await api.close()
