"""Where what came in could go: each is read in full, from outside, and planted into to show that it is."""

import asyncio
import base64
import binascii
import contextlib
import io
import json
import pickle
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from aiohttp import ClientSession

from bot import inspecting
from bot.channel import web_client
from bot.playground.demo import BOT_TOKEN
from bot.playground.headless import as_line, outcome_of
from bot.playground.people import Ending
from engine import inspecting as records
from engine.request import State
from engine.state_dir import DATABASE
from tests.journeys.bad_input import World
from tests.journeys.reading import git

PLANTED = "planted"
ENDS = Ending(state=State.DELIVERED, gate="PASS", review_rounds=1, pull_request=True)


@dataclass(frozen=True)
class Sink:
    """One of them: how it is read, and planted into."""

    name: str
    read: Callable[[], Awaitable[bytes]]
    plant: Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Sinks:
    """Those of a running bot whose repository is `remote` and whose log lines go to `logs`.

    Each method reads all that a sink holds; its `into_` puts a text there past everything that guards it.
    """

    bot: World
    remote: Path
    logs: io.StringIO

    @property
    def database(self) -> Path:
        """The state's file."""
        return self.bot.directory / "state" / DATABASE

    async def log_lines(self) -> bytes:
        """What the process said on standard error."""
        return self.logs.getvalue().encode()

    async def into_log_lines(self, text: str) -> None:
        """Past structlog's processors."""
        structlog.PrintLogger(self.logs).info(text)

    async def slack(self) -> bytes:
        """What the bot sent to Slack."""
        return plain([call.args for call in self.bot.slack.calls])

    async def into_slack(self, text: str) -> None:
        """By the bot's own token."""
        await web_client(BOT_TOKEN, self.bot.slack.api_url).chat_postMessage(channel="C0NOTES", text=text)

    async def model(self) -> bytes:
        """What the model was sent, but for its own words."""
        return plain([_but_its_own(call.body) for call in self.bot.api.calls])

    async def into_model(self, text: str) -> None:
        """As one more call."""
        call = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": text}]}
        headers = {"x-api-key": "fake", "anthropic-version": "2023-06-01"}
        async with ClientSession() as session:
            await session.post(f"{self.bot.api.url}/v1/messages", json=call, headers=headers)

    async def forge(self) -> bytes:
        """Pull requests and comments."""
        files = sorted((self.bot.directory / "forge").glob("*.json"))
        return plain([json.loads(path.read_bytes()) for path in files])

    async def into_forge(self, text: str) -> None:
        """As one more record."""
        (self.bot.directory / "forge" / f"{PLANTED}.json").write_text(json.dumps(text))

    async def git(self) -> bytes:
        """Messages and changes of every commit that was pushed."""
        ours = ("--branches=greenlight/*", f"--branches={PLANTED}*")
        names = await git(self.remote, "for-each-ref", "--format=%(refname)", "refs/heads/greenlight")
        return f"{names}{await git(self.remote, 'log', '--patch', *ours, '--not', 'main')}".encode()

    async def into_git(self, text: str) -> None:
        """As one more branch."""
        work = self.bot.directory / PLANTED
        await git(self.bot.directory, "clone", "--quiet", str(self.remote), str(work))
        (work / "planted.txt").write_text(text)
        await git(work, "add", ".")
        who = ("-c", "user.name=P", "-c", "user.email=p@localhost")
        await git(work, *who, "commit", "--quiet", "--message", "Planted")
        await git(work, "push", "--quiet", "origin", f"HEAD:{PLANTED}")

    async def file(self) -> bytes:
        """The bytes of the database, its log and its index."""
        return b"".join(p.read_bytes() for p in sorted(self.database.parent.glob(f"{DATABASE}*")))

    async def durable(self) -> bytes:
        """What the durable engine's tables hold: it keeps what steps return as pickles in base64."""

        def read() -> bytes:
            with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as other:
                tables = [
                    name for (name,) in other.execute("select name from sqlite_master where type = 'table'")
                ]
                theirs = [name for name in tables if not name.startswith("gl_")]
                rows = [row for name in theirs for row in other.execute(f"select * from {name}")]  # noqa: S608
            return b"\n".join(_decoded(cell) for row in rows for cell in row if isinstance(cell, str | bytes))

        return await asyncio.to_thread(read)

    async def into_durable(self, text: str) -> None:
        """As what one more step returned."""
        told = base64.b64encode(pickle.dumps({"text": text})).decode()
        await self._into(
            "insert into operation_outputs (workflow_uuid, function_id, function_name, output)"
            " values ('planted', 1, 'planted', ?)",
            told,
        )

    async def into_file(self, text: str) -> None:
        """As the words of a request."""
        await self._into("update gl_event set body = json_set(body, '$.text', ?) where kind = 'opened'", text)

    async def _into(self, update: str, text: str) -> None:
        def write() -> None:
            with sqlite3.connect(self.database, timeout=30) as other:
                other.execute(update, [text])

        await asyncio.to_thread(write)  # the bot holds the lock now and then, in this very thread

    async def shown(self) -> bytes:
        """What `greenlight show` prints, as text and as JSON."""
        parts: list[str] = []
        for one in await records.requests(self.database.parent):
            story = await records.story(self.database.parent, one.id)
            parts += [one.model_dump_json(), story.model_dump_json(), inspecting.told(story)]
        return plain(parts)

    async def headless(self) -> bytes:
        """What the demo prints of a play."""
        found: list[object] = []
        for one in await records.requests(self.database.parent):
            snapshot = await self.bot.running.engine.snapshot(one.id)
            assert snapshot is not None
            found.append(json.loads(as_line(outcome_of("a play", snapshot, ENDS))))
        return plain(found)

    async def into_state(self, text: str) -> None:
        """As a question or an escalation of a request."""
        question, escalation = "$.rounds[0].questions[0].text", "$.escalations[0].situation"
        update = (
            f"update gl_request set snapshot = json_replace(snapshot, '{question}', ?1, '{escalation}', ?1)"  # noqa: S608
        )
        await self._into(update, text)

    def all(self) -> tuple[Sink, ...]:
        """In the order in which they are planted into: what gets into the file is what is shown."""
        return (
            Sink("logs", self.log_lines, self.into_log_lines),
            Sink("slack", self.slack, self.into_slack),
            Sink("model", self.model, self.into_model),
            Sink("forge", self.forge, self.into_forge),
            Sink("git", self.git, self.into_git),
            Sink("database", self.file, self.into_file),
            Sink("durable", self.durable, self.into_durable),
            Sink("show", self.shown, self.into_file),
            Sink("headless", self.headless, self.into_state),
        )


def _decoded(cell: str | bytes) -> bytes:
    """A cell as it is, and as what it stands for."""
    data = cell.encode() if isinstance(cell, str) else cell
    try:
        return data + b"\n" + base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return data


def _but_its_own(body: Any) -> Any:
    """A call without what the model itself had said: it stays as it was said."""
    messages = [one for one in body["messages"] if one["role"] != "assistant"]
    return {**body, "messages": messages}


def plain(parts: Any) -> bytes:
    """Every string in it, as it is and not as JSON escapes it."""
    found: list[str] = []

    def collect(part: Any) -> None:
        if isinstance(part, str):
            found.append(part)
            if part[:1] in "[{":
                try:
                    collect(json.loads(part))
                except ValueError:
                    return
        elif isinstance(part, list | tuple):
            for one in part:
                collect(one)
        elif isinstance(part, dict):
            for key, one in part.items():
                collect(key)
                collect(one)

    collect(parts)
    return "\n".join(found).encode()
