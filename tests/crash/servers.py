"""The servers outside of a play's bot, each behind a relay, and how they look at its end."""

import asyncio
import contextlib
import json
import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.playground.messages_api import MessagesApi
from bot.playground.people import People
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack import LocalSlack, SlackOptions
from tests.crash.names import of_forge, of_git, of_model, of_slack
from tests.crash.seen import Asked, Seen
from tests.crash.wire import CAME, Answering, Relay, Watcher
from tests.github.git_http import GitHttp, branch_head
from tests.github.local_github import TOKEN, LocalGitHub
from tests.journeys.bots import environment
from tests.journeys.reading import git
from tests.quick import CHECKS

FULL = "acme/data-platform"
RETRY_DELAYS = (0.2, 0.3, 0.5, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0, 16.0)
CONFIG = (
    """
state_dir = "{directory}/state"

[[repositories]]
name = "data-platform"
remote = "{git}/{full}.git"
channels = ["C0DATA"]
approvers = ["U0DANA"]

[repositories.github]
api = "{api}"
"""
    + CHECKS
    + "\n[web]\nenabled = {web}\n"
)


@dataclass
class World:
    """The servers of one play and the relays before them, and who acts there."""

    people: People
    slack: LocalSlack
    model: MessagesApi
    hub: LocalGitHub
    bare: Path
    config: Path
    env: dict[str, str]


@contextlib.asynccontextmanager
async def world(
    name: str, directory: Path, template: Path, watcher: Watcher, answering: Answering, seen: Seen
) -> AsyncIterator[World]:
    """Everything outside of the bot, started; `name` may have a variant: `escalation/all-fail`."""
    situation, _, variant = name.partition("/")
    people = People.load(SCENARIOS / situation / "people.yml", variant or None)
    bare = directory / "served" / f"{FULL}.git"
    await asyncio.to_thread(shutil.copytree, template, bare)
    scenario = Scenario.load(SCENARIOS / situation)
    if variant in scenario.variants:  # others are about what people do
        scenario = Scenario.load(SCENARIOS / situation, variant)
    model = MessagesApi([scenario], pace=0)
    await model.start()
    options = SlackOptions(paces={}, retry_delays=RETRY_DELAYS, ack_timeout=3.0)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(model.close)
        slack = await stack.enter_async_context(LocalSlack(options))
        served = await stack.enter_async_context(GitHttp(directory / "served", {TOKEN}))
        hub = await stack.enter_async_context(LocalGitHub(FULL, heads=lambda it: branch_head(bare, it)))
        origin = hub.api.removesuffix("/api/v3")
        relays = [
            Relay(slack.url, watcher, of_slack, answering),
            Relay(model.url, watcher, of_model, _keeping(seen)),
            Relay(origin, watcher, of_forge),
            Relay(served.url, watcher, of_git),
        ]
        to_slack, to_model, to_hub, to_git = [await stack.enter_async_context(one) for one in relays]
        config = directory / "greenlight.toml"
        config.write_text(
            CONFIG.format(
                directory=directory,
                git=to_git.url,
                api=f"{to_hub.url}/api/v3",
                full=FULL,
                web=str(scenario.web).lower(),
            )
        )
        env = {
            **environment_of_bot(),
            "SLACK_API_URL": f"{to_slack.url}/api/",
            "ANTHROPIC_BASE_URL": to_model.url,
        }
        yield World(people, slack, model, hub, bare, config, env)


def _keeping(seen: Seen) -> Answering:
    """Notes each call of the model once its answer is there."""

    def keep(request: web.Request, body: bytes, answer: bytes) -> bytes:
        asked = json.loads(body)
        said = tuple(json.dumps(it, sort_keys=True) for it in (asked.get("system"), *asked["messages"]))
        role = request.headers.get("X-Greenlight-Role", "")
        seen.asked.append(Asked(role, said, request[CAME]))
        return answer

    return keep


def environment_of_bot() -> dict[str, str]:
    """Tokens that are visibly fake."""
    return environment() | {
        "SLACK_BOT_TOKEN": "xoxb-fake-bot",
        "SLACK_APP_TOKEN": "xapp-fake-app",
        "ANTHROPIC_API_KEY": "sk-ant-fake-rehearsal",
        "GITHUB_TOKEN": TOKEN,
    }


# ---------------------------------------------------------------- what is seen


async def look(there: World, seen: Seen) -> None:
    """Bring what is seen up to date, from the servers alone."""
    seen.cards = Counter(_posted(there.slack))
    seen.words = dict(_words(there.slack))
    seen.told = [m.words for m in there.slack.workspace.messages.values() if m.visible_to is not None]
    seen.pulls = Counter(
        steady(call.body["head"]) for call in there.hub.asked("POST", "pulls") if call.status == 201
    )
    seen.record = sum(call.status == 201 for call in there.hub.asked("POST", r"issues/\d+/comments"))
    seen.heads = {pull["head"]["ref"]: pull["head"]["sha"] for pull in there.hub.pulls.values()}
    form = "--format=%(refname:short) %(objectname) %(tree)"
    refs = [line.split() for line in (await git(there.bare, "for-each-ref", form, "refs/heads")).splitlines()]
    seen.branch = {name: head for name, head, _ in refs if name.startswith("greenlight/")}
    seen.trees = {steady(name): tree for name, _, tree in refs if name in seen.branch}
    seen.others = {name: head for name, head, _ in refs if name not in seen.branch}


def _posted(slack: LocalSlack) -> list[str]:
    threads: dict[str, int] = {}
    keys: list[str] = []
    for call in slack.calls:
        metadata = call.args.get("metadata")
        if call.method != "chat.postMessage" or not (call.response or {}).get("ok") or not metadata:
            continue
        payload = metadata["event_payload"]
        request = payload.get("request", "")
        number = threads.setdefault(request, len(threads) + 1) if request else 0
        keys.append(f"{number}/{payload['key']}" if number else "0/thread")
    return keys


def _words(slack: LocalSlack) -> list[tuple[str, str]]:
    threads: dict[str, int] = {}
    found: list[tuple[str, str]] = []
    for message in slack.workspace.messages.values():
        if message.by_bot and message.metadata and message.visible_to is None:
            payload = message.metadata["event_payload"]
            request = payload.get("request", "")
            number = threads.setdefault(request, len(threads) + 1) if request else 0
            found.append((f"{number}/{payload['key']}" if number else "0/thread", steady(message.words)))
    return found


def steady(text: str) -> str:
    """Without ids, numbers and times, and whatever the order in which work that ran side by side ended."""
    text = "\n".join(sorted(text.splitlines()))
    text = re.sub(r"(greenlight/[\w-]+-)[0-9a-f]{6}\b", r"\1ID", text)
    text = re.sub(r"\d+\.\d+k\b", "0k", text)
    text = re.sub(r"\b(?:(?=[a-f]*\d)[0-9a-f]{6}|[0-9a-f]{7,40})\b", "ID", text)  # some have no digit
    return re.sub(r"\d+", "0", text)
