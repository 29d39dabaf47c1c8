"""One play of a situation: the servers live here, the bot in processes of its own that are killed.

What is asserted is taken from the servers: the local Slack, the Messages API, GitHub's REST API and its git.
Our database is looked at only for what people wait for before they speak, and for when all is over.
"""

import asyncio
import contextlib
import json
import math
import os
import re
import shutil
import signal
import sqlite3
import subprocess
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from time import monotonic
from typing import Any

from aiohttp import web

from bot.playground.headless import end_of, outcome_of
from bot.playground.messages_api import MessagesApi
from bot.playground.people import People, Player
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack import LocalSlack, SlackOptions
from engine.request import Snapshot
from engine.state_dir import DATABASE
from tests.crash.wire import CAME, Act, Answering, Relay, Side, as_it_is, of_forge, of_git, of_model, of_slack
from tests.github.git_http import GitHttp
from tests.github.local_github import TOKEN, LocalGitHub
from tests.journeys.bots import environment, forked
from tests.journeys.reading import git

FULL = "acme/data-platform"
LONGEST_PLAY_S = 600.0
LONGEST_REST_S = 90.0
"""Far more than it takes: machines are busy, and a lost click is one for good."""
RETRY_DELAYS = (0.2, 0.3, 0.5, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0, 16.0)
CONFIG = """
state_dir = "{directory}/state"

[[repositories]]
name = "data-platform"
remote = "{git}/{full}.git"
channels = ["C0DATA"]
approvers = ["U0DANA"]

[repositories.github]
api = "{api}"

[repositories.checks.tests]
argv = ["make", "test"]
about = "unit tests of the models on small data"

[repositories.checks.lint-sql]
argv = ["make", "lint-sql"]
about = "style of the SQL files, linting, sqlfluff"

[repositories.checks.check-quality]
argv = ["make", "check-quality"]
about = "data-quality rules executed on small data"

[web]
enabled = {web}
"""


@dataclass(frozen=True)
class Point:
    """A request that a server outside sees: its name, and which one of that name it is."""

    what: str
    number: int

    def __str__(self) -> str:
        return f"{self.what} #{self.number}"


@dataclass(frozen=True)
class Target:
    """A side of a point, and what happens there."""

    point: Point
    side: Side
    act: Act = Act.KILL

    def __str__(self) -> str:
        return f'--at "{self.point}" --side {self.side} --act {self.act}'


@dataclass(frozen=True)
class Kills:
    """What happens at these targets; and moments when the bot is killed (seconds since its start)."""

    at: tuple[Target, ...] = ()
    moments: tuple[float, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A call of the model that was answered, and when it came; `said` is its whole conversation."""

    role: str
    said: tuple[str, ...]
    at: float


@dataclass
class Death:
    """When the bot was killed or asked to end, and when it was gone; by `time.monotonic`.

    `recorded` is how many answers of the model it had kept by then, by role.
    """

    at: float
    gone: float = math.inf
    recorded: Counter[str] = field(default_factory=Counter)


@dataclass
class Seen:
    """What one play looked like from outside.

    Attributes:
        points: Every request, in the order in which it came.
        deaths: When the bot was killed or asked to end.
        hit: Of the chosen targets those that came.
        cards: How often each card was posted; a thread of its own counts as the request it begins.
        words: What each card says at the end, without what differs between plays.
        pulls: How often a pull request was opened, by branch.
        record: How many comments were made on pull requests.
        heads: The commit of each pull request, by branch.
        branch: What the remote holds on our branches at the end.
        trees: What the files of our branches are, by branch without its id.
        others: All other branches of the remote.
        asked: Every answered call of the model.
        exits: How processes ended that nobody killed.
        problem: Why the play did not come to its end, if so.
    """

    situation: str
    points: list[Point] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    hit: list[Target] = field(default_factory=list)
    cards: Counter[str] = field(default_factory=Counter)
    words: dict[str, str] = field(default_factory=dict)
    pulls: Counter[str] = field(default_factory=Counter)
    record: int = 0
    heads: dict[str, str] = field(default_factory=dict)
    branch: dict[str, str] = field(default_factory=dict)
    trees: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    outcome: dict[str, Any] = field(default_factory=dict)
    exits: list[str] = field(default_factory=list)
    problem: str = ""
    seconds: float = 0.0


class Bot:
    """`greenlight run`, started again whenever it is gone, until the play is over."""

    def __init__(self, config: Path, env: dict[str, str], records: "Records", seen: Seen) -> None:
        log = self._log = config.with_name("log")
        self._given = (("run", "--config", str(config)), env, log, log)
        self._records = records
        self._seen = seen
        self._process: ForkServerProcess | None = None
        self._killed = False
        self._keeping: asyncio.Task[None] | None = None

    def kill(self) -> bool:
        """SIGKILL, which nothing can prepare for; False if it is dead or dying already."""
        return self._end(signal.SIGKILL)

    def terminate(self) -> bool:
        """Ask it to end; False if it is dead or dying already."""
        return self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> bool:
        process = self._process
        if process is None or process.pid is None or self._killed or process.exitcode is not None:
            return False
        self._killed = True
        os.kill(process.pid, by)
        self._seen.deaths.append(Death(monotonic()))
        return True

    def start(self) -> None:
        """Begin to keep it running."""
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Ask it to end, and leave nothing behind."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        process = self._process
        if process is None or not process.is_alive():
            return
        process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_gone(process), 20)
        if process.is_alive():
            self._seen.exits.append("it did not end when it was asked to")
            process.kill()
            await _gone(process)
        elif process.exitcode:
            self._seen.exits.append(f"asked to end it returned {process.exitcode}")

    async def _keep(self) -> None:
        while True:
            process = self._process = forked(*self._given)
            self._killed = False
            await asyncio.to_thread(process.start)
            await _gone(process)
            if self._killed:
                death = self._seen.deaths[-1]
                death.gone, death.recorded = monotonic(), self._records.answers()
            if not self._killed or process.exitcode not in _ENDED:
                tail = self._log.read_text()[-2000:] if self._log.exists() else ""
                self._seen.exits.append(f"it ended by itself with {process.exitcode}: {tail}")
                await asyncio.sleep(1)


_ENDED = {0, -signal.SIGKILL, -signal.SIGTERM}


async def _gone(process: ForkServerProcess) -> None:
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(process.sentinel, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(process.sentinel)
    process.join()


class Killing:
    """Counts requests, and tells what becomes of them; it kills the bot at those that were chosen."""

    def __init__(self, at: Sequence[Target], seen: Seen) -> None:
        self._at = {(target.point, target.side): target for target in at}
        self._seen = seen
        self._counts: dict[Side, Counter[str]] = defaultdict(Counter)
        self.bot: Bot | None = None
        self.last = monotonic()

    def saw(self, side: Side, what: str) -> Act:
        """Implements wire.Watcher."""
        self.last = monotonic()
        self._counts[side][what] += 1
        point = Point(what, self._counts[side][what])
        if side is Side.BEFORE:
            self._seen.points.append(point)
        target = self._at.get((point, side))
        if target is None or self.bot is None or not self._done(target, self.bot):
            return Act.GO_ON
        self._seen.hit.append(target)
        return target.act

    def _done(self, target: Target, bot: Bot) -> bool:
        """Whether it can happen: the dead do not die."""
        if target.act is Act.KILL:
            return bot.kill()
        return bot.terminate() if target.act is Act.TERM else True


@dataclass
class World:
    """The servers of one play and the relays before them."""

    slack: LocalSlack
    model: MessagesApi
    hub: LocalGitHub
    bare: Path
    config: Path
    env: dict[str, str]


@contextlib.asynccontextmanager
async def world(
    name: str, directory: Path, template: Path, watcher: Killing, answering: Answering, seen: Seen
) -> AsyncIterator[World]:
    """Everything outside of the bot, started."""
    bare = directory / "served" / f"{FULL}.git"
    await asyncio.to_thread(shutil.copytree, template, bare)
    scenario = Scenario.load(SCENARIOS / name)
    model = MessagesApi([scenario], pace=0)
    await model.start()
    options = SlackOptions(paces={}, retry_delays=RETRY_DELAYS, ack_timeout=3.0)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(model.close)
        slack = await stack.enter_async_context(LocalSlack(options))
        served = await stack.enter_async_context(GitHttp(directory / "served", {TOKEN}))
        hub = await stack.enter_async_context(LocalGitHub(FULL, heads=lambda it: _head(bare, it)))
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
            **_environment(),
            "SLACK_API_URL": f"{to_slack.url}/api/",
            "ANTHROPIC_BASE_URL": to_model.url,
        }
        yield World(slack, model, hub, bare, config, env)


def _keeping(seen: Seen) -> Answering:
    """Notes each call of the model once its answer is there."""

    def keep(request: web.Request, body: bytes, answer: bytes) -> bytes:
        asked = json.loads(body)
        said = tuple(json.dumps(it, sort_keys=True) for it in (asked.get("system"), *asked["messages"]))
        role = request.headers.get("X-Greenlight-Role", "")
        seen.asked.append(Asked(role, said, request[CAME]))
        return answer

    return keep


def _environment() -> dict[str, str]:
    return environment() | {
        "SLACK_BOT_TOKEN": "xoxb-fake-bot",
        "SLACK_APP_TOKEN": "xapp-fake-app",
        "ANTHROPIC_API_KEY": "sk-ant-fake-rehearsal",
        "GITHUB_TOKEN": TOKEN,
    }


async def play(
    name: str,
    directory: Path,
    template: Path,
    kills: Kills = Kills(),
    like: Seen | None = None,
    answering: Answering = as_it_is,
) -> Seen:
    """Play a situation, with kills or without.

    Args:
        name: The situation.
        directory: An empty one, for everything of this play.
        template: The bare repository to work on; it is copied.
        kills: When the bot is killed.
        like: A play without kills: the end is awaited until it looks the same.
        answering: What becomes of Slack's answers on their way.
    """
    seen, began = Seen(name), monotonic()
    watcher = Killing(kills.at, seen)
    async with world(name, directory, template, watcher, answering, seen) as there:
        records = Records(directory / "state" / DATABASE)
        bot = watcher.bot = Bot(there.config, there.env, records, seen)
        bot.start()
        moments = asyncio.create_task(_at_moments(bot, kills.moments))
        try:
            await _played(name, records, there, watcher, seen, like)
        except (TimeoutError, AssertionError, LookupError) as error:
            seen.problem = f"{type(error).__name__}: {error}"
        finally:
            moments.cancel()
            await bot.stop()
        await _look(there, seen)
    seen.seconds = monotonic() - began
    return seen


async def _at_moments(bot: Bot, moments: Sequence[float]) -> None:
    began = monotonic()
    for moment in moments:
        await asyncio.sleep(max(0.0, began + moment - monotonic()))
        bot.kill()


async def _played(
    name: str, records: "Records", there: World, watcher: Killing, seen: Seen, like: Seen | None
) -> None:
    people = People.load(SCENARIOS / name / "people.yml")
    await there.slack.wait_for(lambda slack: slack.connected, LONGEST_REST_S)
    player = Player(people, there.slack, records.snapshot)
    request = await player.play(end_of(people, records.snapshot), LONGEST_PLAY_S)
    end = monotonic() + LONGEST_REST_S
    while monotonic() < end:
        await _look(there, seen)
        calm = monotonic() - watcher.last > (0.3 if like else 1.5)
        if calm and there.slack.connected and records.all_done() and (not like or _alike(seen, like)):
            break
        await asyncio.sleep(0.1)
    snapshot = await records.snapshot(request)
    assert snapshot is not None
    seen.outcome = outcome_of(name, snapshot, people.ends)


def _alike(seen: Seen, like: Seen) -> bool:
    return seen.words == like.words and seen.pulls == like.pulls


class Records:
    """Our database, read only: when people of the play speak, when it is over, which answers were kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def snapshot(self, request: str) -> Snapshot | None:
        """Where a request stands."""
        rows = self._rows("SELECT snapshot FROM gl_request WHERE id = ?", request)
        return Snapshot.model_validate_json(rows[0][0]) if rows else None

    def all_done(self) -> bool:
        """Whether no effect is left to be done."""
        return not self._rows("SELECT id FROM gl_effect WHERE status IN ('pending', 'claimed')")

    def answers(self) -> Counter[str]:
        """How many answers of the model are kept, by role."""
        return Counter(
            dict(
                self._rows(
                    "SELECT role, count(*) FROM gl_answer JOIN gl_call USING (id) GROUP BY gl_call.role"
                )
            )
        )

    def _rows(self, query: str, *values: str) -> list[Any]:
        if not self._path.exists():
            return []
        with contextlib.closing(
            sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=5)
        ) as connection:
            try:
                return connection.execute(query, values).fetchall()
            except sqlite3.OperationalError:
                return []  # not there yet, or being recovered


# ---------------------------------------------------------------- what is seen


async def _look(there: World, seen: Seen) -> None:
    """Bring what is seen up to date, from the servers alone."""
    seen.cards = Counter(_posted(there.slack))
    seen.words = dict(_words(there.slack))
    seen.pulls = Counter(
        _steady(call.body["head"]) for call in there.hub.asked("POST", "pulls") if call.status == 201
    )
    seen.record = sum(call.status == 201 for call in there.hub.asked("POST", r"issues/\d+/comments"))
    seen.heads = {pull["head"]["ref"]: pull["head"]["sha"] for pull in there.hub.pulls.values()}
    form = "--format=%(refname:short) %(objectname) %(tree)"
    refs = [line.split() for line in (await git(there.bare, "for-each-ref", form, "refs/heads")).splitlines()]
    seen.branch = {name: head for name, head, _ in refs if name.startswith("greenlight/")}
    seen.trees = {_steady(name): tree for name, _, tree in refs if name in seen.branch}
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
            found.append((f"{number}/{payload['key']}" if number else "0/thread", _steady(message.words)))
    return found


def _steady(text: str) -> str:
    """Without ids, numbers and times, and whatever the order in which work that ran side by side ended."""
    text = "\n".join(sorted(text.splitlines()))
    text = re.sub(r"(greenlight/[\w-]+-)[0-9a-f]{6}\b", r"\1ID", text)
    return re.sub(r"\d+", "0", re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{6,40}\b", "ID", text))


def _head(bare: Path, branch: str) -> str | None:
    done = subprocess.run(
        ["git", "-C", str(bare), "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None
