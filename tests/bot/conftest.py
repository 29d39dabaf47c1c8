"""The real Bolt app over a real socket, on the local Slack."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from bot.app import SlackApp
from bot.channel import SlackChat, identify, web_client
from bot.playground.slack import LocalSlack, SlackOptions
from engine.cards import Card, Detail
from engine.errors import ChatShut
from engine.events import Event, Reply, Shared
from engine.people import Person

BOT_TOKEN = "xoxb-fake-bot"  # noqa: S105
APP_TOKEN = "xapp-fake-app"  # noqa: S105


@dataclass
class Recorder:
    """Stands where the engine stands: keeps events, answers as told, or fails as told."""

    events: list[Event] = field(default_factory=list)
    reply: Reply = field(default_factory=Reply)
    failures: list[Exception] = field(default_factory=list)
    details: dict[tuple[str, str], Detail] = field(default_factory=dict)
    refusal: str = ""
    slowness_s: float = 0.0
    cards: dict[tuple[str, str], Card] = field(default_factory=dict)
    again: list[tuple[str, str]] = field(default_factory=list)
    shut_away: list[tuple[str, str, str]] = field(default_factory=list)

    async def accept(self, event: Event) -> Reply:
        if self.failures:
            raise self.failures.pop(0)
        await asyncio.sleep(self.slowness_s)
        self.events.append(event)
        return self.reply

    async def not_entitled(self, person: Person) -> str:
        return self.refusal

    async def channels(self, team: str) -> list[str]:
        return []

    async def shared(self, team: str, channel: str, told: Shared) -> None:
        self.events.append(told.model_copy(update={"request": f"{team}:{channel}"}))

    async def detail(self, request: str, card: str) -> Detail | None:
        return self.details.get((request, card))

    async def card(self, request: str, key: str) -> Card | None:
        return self.cards.get((request, key))

    async def shut(self, team: str, channel: str, error: ChatShut) -> None:
        self.shut_away.append((team, channel, error.code))

    async def reopened(self, team: str, channel: str) -> None:
        self.again.append((team, channel))


@dataclass
class Stage:
    """Everything a test of the front end acts on."""

    slack: LocalSlack
    engine: Recorder
    chat: SlackChat
    app: SlackApp


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack(SlackOptions(retry_delays=(0.05, 0.2, 0.4))) as running:
        yield running


@pytest.fixture
async def stage(slack: LocalSlack) -> AsyncIterator[Stage]:
    client = web_client(BOT_TOKEN, slack.api_url)
    me = await identify(client)
    chat, engine = SlackChat(client, me), Recorder()
    app = SlackApp(engine, client, me, APP_TOKEN)
    await app.connect()
    yield Stage(slack, engine, chat, app)
    await app.close()
    await chat.close()
