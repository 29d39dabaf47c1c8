"""An engine over an outside that survives its death: a log that is only ever appended to.

`main(STATE, LOG)` opens requests, answers for people, and returns when all is done.
"""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from engine.cards import Card, NoteCard
from engine.engine import Engine
from engine.errors import Transient
from engine.events import Event, Result
from engine.people import Person, Profile
from engine.ports import Ref, ThreadMessage
from engine.request import State
from engine.runs.context import Context
from engine.store.database import reading
from engine.store.tables import EffectRow, EffectStatus
from tests.engine.core.harness import ASKED, MemoryChat, opened, running, said, wish

REQUESTS = tuple(f"T1:C1:{n}.0" for n in range(6))
MODEL_CALLS = 3
OVER = {EffectStatus.DONE.value, EffectStatus.SKIPPED.value}


class Log:
    """One line an act, on disk before it counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, op: str, key: str, text: str = "") -> None:
        os.write(self._file, json.dumps({"op": op, "key": key, "text": text}).encode() + b"\n")

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._path.read_text().splitlines()]


class LoggedChat(MemoryChat):
    """Implements ports.Chat on the log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    async def post(self, request: str, key: str, card: Card) -> Ref:
        await asyncio.sleep(0.003)
        assert isinstance(card, NoteCard)
        self._log.write("post", f"{request} {key}", card.text)
        await asyncio.sleep(0.15)  # the moment that matters: posted, and nobody here knows yet
        return self._ref(request, key)

    async def find(self, request: str, key: str) -> Ref | None:
        posted = any(line["op"] == "post" and line["key"] == f"{request} {key}" for line in self._log.read())
        return self._ref(request, key) if posted else None

    async def update(self, ref: Ref, card: Card) -> None:
        await asyncio.sleep(0.003)
        assert isinstance(card, NoteCard)
        self._log.write("update", f"{card.request} {card.key}", card.text)

    async def history(self, request: str, limit: int = 50) -> Sequence[ThreadMessage]:
        return ()

    async def person(self, person: Person, max_age_s: float = 600.0) -> Profile:
        return Profile(person=person, name=person.user)

    async def person_now(self, person: Person) -> Profile:
        return await self.person(person)


async def work(state: Path, log: Log) -> None:
    async def run(context: Context) -> Result:
        for number in range(MODEL_CALLS):
            call = f"{context.run.id}.{number}"

            async def model(call: str = call) -> str:
                await asyncio.sleep(0.02)
                log.write("call", call)
                await asyncio.sleep(0.02)
                return call

            await context.step(f"model {number}", model)
            # The step has returned, so it is recorded: from here on this call must never be made again.
            log.write("recorded", call)
        return ASKED

    async with running(state, LoggedChat(log), run, caps={"concurrent_runs": 4}) as engine:
        for request in REQUESTS:
            await _send(engine, opened(request))
        while not await _over(engine):  # noqa: ASYNC110 (people look again and again)
            await asyncio.sleep(0.05)


async def _send(engine: Engine, event: Event) -> None:
    """Send again what was not acknowledged, as Slack does: on a busy machine the database may be locked."""
    while True:
        try:
            await engine.accept(event)
        except Transient:
            await asyncio.sleep(0.1)
        else:
            return


async def _over(engine: Engine) -> bool:
    """Click for people, twice as people do, and tell whether everything has come to its end."""
    snapshots = [await engine.snapshot(request) for request in REQUESTS]
    for snapshot in snapshots:
        if snapshot is not None and snapshot.state == State.CLARIFYING:
            for event in (wish("work", snapshot.id), said(1, snapshot.id)) * 2:
                await _send(engine, event)
    async with reading(engine._database.app) as c:
        statuses = set((await c.execute(sa.select(col(EffectRow.status)))).scalars())
    worked = all(s is not None and s.notes and not s.live and s.state == State.CLARIFYING for s in snapshots)
    return worked and statuses <= OVER


def main(state: Path, log: Path) -> None:
    """The process."""
    asyncio.run(work(state, Log(log)))
