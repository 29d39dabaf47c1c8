"""The demo between a Slack and a Messages API that are not its own."""

import asyncio
import json
from pathlib import Path

import pytest

from bot.playground.messages_api import MessagesApi
from bot.playground.people import People, Player
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack import Channel, LocalSlack, Member, SlackOptions
from engine.adapters.local_forge import read_records
from tests.journeys.bots import bot_process, ended, environment
from tests.journeys.reading import SITUATION, can_stop, cards, git, posted
from tests.quick import quick_repository

CHANNEL = Channel("C9ELSEWHERE", "elsewhere")
ANN = Member("U9ANN", "Ann Ito", "requester")
BEN = Member("U9BEN", "Ben Roy", "somebody else")


@pytest.mark.long
async def test_the_demo_works_end_to_end_in_any_channel_of_another_slack(tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    await quick_repository(keep / "remote" / "data-platform.git")
    model = MessagesApi([Scenario.load(SCENARIOS / SITUATION, "added-at-once")], pace=0)
    await model.start()
    async with LocalSlack(SlackOptions(paces={}, members=(ANN, BEN), channels=(CHANNEL,))) as slack:
        people = People.load(SCENARIOS / SITUATION / "people.yml").model_copy(
            update={"requester": ANN.id, "approver": BEN.id, "channel": CHANNEL.id}
        )
        async with bot_process(
            slack, environment(slack, model), tmp_path / "log", "demo", "--keep", str(keep)
        ) as bot:
            await Player(people, slack).play(lambda _: _over(slack), 110)
            thread = next(iter(slack.workspace.messages))
            confirmed = f"<@{ANN.id}> confirmed"
            await slack.wait_for(lambda it: confirmed in cards(it, CHANNEL.id, thread)["delivery:1"].words)
            assert await bot.stop() == 0
        assert posted(slack) == dict.fromkeys(
            ("progress", "questions:1", "spec:1", "review:1", "delivery:1"), 1
        )
        assert f"<@{BEN.id}>" in cards(slack, CHANNEL.id, thread)["spec:1"].words
    await model.close()
    roles = {call.role for call in model.calls}
    assert roles == {
        *("assess", "ask", "specify", "plan"),
        *("task:codebase-analyzer", "task:databricks-genius", "review:production-code-reviewer"),
    }
    (record,) = read_records(keep / "forge")
    head = await git(keep / "remote" / "data-platform.git", "rev-parse", record.content.branch)
    assert head.strip() == record.content.commit


async def _over(slack: LocalSlack) -> bool:
    thread = next(iter(slack.workspace.messages))
    progress = cards(slack, CHANNEL.id, thread).get("progress")
    return progress is not None and not can_stop(progress)


async def test_a_play_that_ends_otherwise_than_it_should_exits_1(tmp_path: Path) -> None:
    model = MessagesApi()  # it knows no situation at all
    await model.start()
    known = {k: v for k, v in environment(model=model).items() if k != "ANTHROPIC_API_KEY"}
    play = await ended("demo", "--headless", SITUATION, "--json", "--keep", str(tmp_path), env=known)
    await model.close()
    assert play.code == 1
    outcome = json.loads(play.out)
    assert (outcome["ok"], outcome["states"][-1], outcome["pull_request"]) == (False, "failed", None)
    assert "Traceback" not in play.err
    assert [call.role for call in model.calls][:1] == ["assess"]


async def test_scripted_people_do_not_act_in_another_slack(tmp_path: Path) -> None:
    async with LocalSlack() as slack:
        env = environment(slack) | {"TMPDIR": str(tmp_path)}
        play = await asyncio.wait_for(ended("demo", "--headless", SITUATION, "--json", env=env), 60)
        assert not slack.calls
    assert (play.code, play.out) == (2, "")
    assert "SLACK_API_URL" in play.err
    assert not [*tmp_path.glob("greenlight-*")], "what was made for it is gone"
