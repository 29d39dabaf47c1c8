"""The process as an operator sees it: its log lines, its health, its figures."""

import json
import re
from pathlib import Path

from aiohttp import ClientSession

from bot.cards.presses import ApproveSpec
from bot.playground.messages_api import MessagesApi
from bot.playground.slack import Channel, LocalSlack, Message, SlackOptions
from tests.fake_secrets import FAKES
from tests.journeys.bad_input import DANA, RILEY, pressed, remote, small_repository
from tests.journeys.bots import bot_process, environment
from tests.journeys.mistaken import Mistaken
from tests.journeys.reading import cards

CHANNEL = "C0NOTES"
WORDS = "whatever Riley would never want in a log"
SECRETS = {"GITHUB_WEBHOOK_SECRET": "visibly-fake-webhook-secret", "SLACK_BOT_TOKEN": "xoxb-fake-bot"}
CONFIG = """
state_dir = "{directory}/state"
[[repositories]]
name = "notes"
remote = "{remote}"
channels = ["C0NOTES"]
approvers = ["U0DANA"]
[repositories.checks.green]
argv = ["true"]
about = "greeting files are green"
"""


async def test_it_tells_what_it_does_by_ids_and_figures_and_nobodys_words(tmp_path: Path) -> None:
    await small_repository(remote(tmp_path, "notes"))
    config, log = tmp_path / "greenlight.toml", tmp_path / "log"
    config.write_text(CONFIG.format(directory=tmp_path, remote=remote(tmp_path, "notes")))
    model = MessagesApi(responder=Mistaken())
    await model.start()
    options = SlackOptions(paces={}, channels=[Channel(CHANNEL, "notes")])
    arguments = ("run", "--config", str(config), "--webhook-port", "0", "--health-port", "0")
    async with LocalSlack(options) as slack:
        known = environment(slack, model) | SECRETS | {"GREENLIGHT_LOG_LEVEL": "debug"}
        async with bot_process(slack, known, log, *arguments) as bot:
            text = f"Add a greeting: {WORDS} {FAKES['AWS key']} {SECRETS['GITHUB_WEBHOOK_SECRET']}"
            thread = await slack.person(RILEY).mention(CHANNEL, text)

            def card(key: str) -> Message:
                return cards(slack, CHANNEL, thread)[key]

            await slack.wait_for(lambda slack: "spec:1" in cards(slack, CHANNEL, thread), 60)
            block, element, _ = pressed(card("spec:1"), ApproveSpec)
            await slack.person(DANA).click(
                card("spec:1").ts, action_id=element["action_id"], block_id=block["block_id"]
            )
            await slack.wait_for(lambda slack: "delivery:1" in cards(slack, CHANNEL, thread), 60)
            port = re.search(r"^Health is told at 127\.0\.0\.1:(\d+)\.$", log.read_text(), re.MULTILINE)
            assert port is not None
            told = {path: await get(int(port[1]), path) for path in ("/healthz", "/readyz", "/metrics")}
            assert await bot.stop() == 0
    await model.close()

    assert told["/healthz"] == (200, '{"alive": true}')
    assert told["/readyz"] == (200, '{"ready": true, "reasons": {}}')
    assert 'greenlight_requests{state="delivered"} 1.0' in told["/metrics"][1]
    assert 'greenlight_events_total{kind="approved"} 1.0' in told["/metrics"][1]

    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert all({"event", "level", "at"} <= set(line) for line in lines)
    by = {line["event"]: line for line in lines}
    request = f"T0LOCAL:{CHANNEL}:{thread}"
    assert {by[name]["request"] for name in ("request.opened", "run.started", "effect.done")} == {request}
    assert by["run.ended"]["run"].startswith(f"{request}/")
    assert by["effect.done"]["effect"].startswith(f"{request}/")
    assert by["request.approved"]["event_key"].startswith("T0LOCAL:")
    assert by["secret.withheld"]["of"] == ["AWS key", "secret of Greenlight's own"]
    assert "engine.closed" in by
    for never in (WORDS, FAKES["AWS key"], *SECRETS.values(), "sk-ant-fake-rehearsal", "greeting"):
        assert never not in log.read_text()


async def get(port: int, path: str) -> tuple[int, str]:
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()
