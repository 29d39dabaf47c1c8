"""Killed at the moments that matter, the bot loses nothing and does nothing twice."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.playground.messages_api import MessagesApi
from bot.playground.people import People, Player
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack import LocalSlack, SlackOptions
from engine.adapters.local_forge import read_records
from tests.journeys.bots import bot_process, environment
from tests.journeys.reading import SITUATION, can_stop, cards, git, posted, until
from tests.quick import CHECKS, quick_repository

CHANNEL = "C0DATA"
SEED = 20261124
CARDS = {"progress", "questions:1", "spec:1", "review:1", "review:2", "delivery:1"}
CONFIG = (
    """
state_dir = "{directory}/state"

[[repositories]]
name = "data-platform"
remote = "{directory}/remote.git"
channels = ["{channel}"]
approvers = ["U0DANA"]
"""
    + CHECKS
)


class Moments:
    """What can be seen from outside of how far the request has come."""

    def __init__(self, slack: LocalSlack, model: MessagesApi, remote: Path) -> None:
        self._slack = slack
        self._model = model
        self._remote = remote

    def all(self) -> dict[str, Callable[[], object]]:
        """Every moment to kill at, in the order in which they come."""
        return {
            "mentioned": lambda: any(d.attempts for d in self._slack.deliveries),
            "to be approved": lambda: posted(self._slack)["spec:1"],
            "at work": lambda: self._called("task:databricks-genius") >= 1,
            "in review": lambda: self._called("review:production-code-reviewer") >= 2,
            "fixing": lambda: posted(self._slack)["review:1"],
            "delivering": lambda: any((self._remote / "refs/heads/greenlight").glob("*")),
        }

    def _called(self, role: str) -> int:
        return sum(call.role == role for call in self._model.calls)


@pytest.mark.long
async def test_kills_at_six_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    await quick_repository(remote)
    main = await git(remote, "rev-parse", "main")
    config = tmp_path / "greenlight.toml"
    config.write_text(CONFIG.format(directory=tmp_path, channel=CHANNEL))
    seeded = random.Random(SEED)  # noqa: S311 (moments, not secrets)
    model = MessagesApi([Scenario.load(SCENARIOS / SITUATION)], pace=0.1)
    await model.start()
    options = SlackOptions(paces={}, retry_delays=(0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0))
    async with LocalSlack(options) as slack:
        arguments = ("run", "--config", str(config))
        async with bot_process(slack, environment(slack, model), tmp_path / "log", *arguments) as bot:
            player = Player(People.load(SCENARIOS / SITUATION / "people.yml"), slack)
            playing = asyncio.create_task(player.play(lambda _: _over(slack), 110))
            for moment, come in Moments(slack, model, remote).all().items():
                await until(come, 60, moment)
                await asyncio.sleep(seeded.uniform(0, 0.15))
                await bot.kill()
                await bot.start()
            await playing
            assert await bot.stop() == 0
        assert posted(slack) == dict.fromkeys(CARDS, 1)
        thread = next(iter(slack.workspace.messages))
        assert len(slack.thread(CHANNEL, thread)) == 1 + len(CARDS)
        assert "confirmed that it is done" in cards(slack, CHANNEL, thread)["delivery:1"].words
    await model.close()
    (record,) = read_records(tmp_path / "state" / "forge" / "data-platform")
    assert record.draft is True
    branch = await git(remote, "rev-parse", record.content.branch)
    assert branch.strip() == record.content.commit
    assert len((await git(remote, "for-each-ref", "refs/heads/greenlight")).splitlines()) == 1
    assert await git(remote, "rev-parse", "main") == main
    _assert_answers_are_kept(model, kills=6)


async def _over(slack: LocalSlack) -> bool:
    """Both cards say that the request has ended."""
    thread = next(iter(slack.workspace.messages))
    shown = cards(slack, CHANNEL, thread)
    if not {"progress", "delivery:1"} <= shown.keys():
        return False
    return not can_stop(shown["progress"]) and "confirmed that it is done" in shown["delivery:1"].words


def _assert_answers_are_kept(model: MessagesApi, kills: int) -> None:
    """Only calls that were in flight are made again."""
    made = Counter(repr((call.role, call.body["messages"])) for call in model.calls)
    assert sum(count - 1 for count in made.values()) <= kills
