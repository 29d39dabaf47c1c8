"""State that released versions wrote is read, shown, and gone on with by this one.

`released/NNNN.sql.gz` is the database of a version whose newest migration was NNNN, written by that version
playing two situations; `NNNN.slack.jsonl.gz` is what its local Slack kept (0001 kept nothing).
`NNNN.open.tar.xz` is all that `greenlight demo --keep` of that version kept, the database as SQL, of requests
in five open states; the process died while it delivered one. `NNNN.asked.tar.xz` holds the same of delivered
requests with wishes beyond the spec and with remarks that nobody has answered yet, and of one that is paused.
"""

import base64
import gzip
import json
import pickle
import sqlite3
import tarfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.cards.modals import BLOCK, FIELD
from bot.playground.demo import Demo, DemoOptions
from bot.playground.people import People, Player
from bot.playground.script import SCENARIOS
from engine import inspecting
from engine.diagnoses import Level
from engine.errors import ConfigurationInvalid
from engine.events import Choice
from engine.forgetting import forget
from engine.old_secrets import kept_secrets, records
from engine.request import Snapshot, State
from engine.settings import Settings
from engine.state_dir import DATABASE
from engine.store.database import open_database
from engine.store.migrations import migrate, newest
from tests.fake_secrets import FAKES
from tests.journeys.reading import cards, key_of, presses, until, until_true

RELEASED = Path(__file__).parent / "released"
VERSIONS = {
    "0001": ["escalated", "delivered"],
    "0002": ["escalated", "done"],
    "0003": ["escalated", "done"],
}
OPEN = ("0002", "0003", "0004", "0005", "0006")
STATES = ["awaiting_approval", "blocked", "clarifying", "delivered", "delivering"]


def unpacked(version: str, into: Path) -> Path:
    into.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(into / DATABASE) as connection:
        connection.executescript(gzip.decompress((RELEASED / f"{version}.sql.gz").read_bytes()).decode())
    return into


def not_due(state: Path) -> None:
    """People waited for since then would be reminded by now, and their requests expire."""
    with sqlite3.connect(state / DATABASE) as connection:
        connection.execute(
            "UPDATE gl_request SET due_at = '2999-01-01 00:00:00.000000',"
            " snapshot = json_set(snapshot, '$.due_at', '2999-01-01T00:00:00Z') WHERE due_at IS NOT NULL"
        )


def dump(state: Path) -> list[str]:
    with sqlite3.connect(state / DATABASE) as connection:
        return list(connection.iterdump())


async def migrated(state: Path) -> None:
    database = open_database(state / DATABASE)
    try:
        migrate(database.durable)
    finally:
        await database.close()


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_request_of_a_released_version_is_shown(tmp_path: Path, version: str) -> None:
    state = unpacked(version, tmp_path)
    with pytest.raises(ConfigurationInvalid, match="older Greenlight"):
        await inspecting.requests(state)
    await migrated(state)
    listed = await inspecting.requests(state)
    assert [one.state for one in listed] == VERSIONS[version]
    for one in listed:
        story = await inspecting.story(state, one.id)
        assert len(story.lines) > 5
    counted = await inspecting.stats(state)
    assert sum(counted.requests.values()) == len(listed)


async def test_a_secret_that_an_older_version_kept_is_told_of_and_goes(
    tmp_path: Path,
) -> None:
    state, canary = unpacked("0003", tmp_path), FAKES["GitHub token"]
    assert kept_secrets(state) == {}, "or everything is told of"
    pickled = base64.b64encode(pickle.dumps({"answer": f"the token is {canary}"})).decode()
    with sqlite3.connect(state / DATABASE) as connection:
        (done,) = connection.execute("SELECT id FROM gl_request WHERE state = 'done'").fetchone()
        (open_,) = connection.execute("SELECT id FROM gl_request WHERE state != 'done'").fetchone()
        first = connection.execute("SELECT body FROM gl_event WHERE request = ? AND seq = 1", (done,))
        (body,) = first.fetchone()
        pasted = json.dumps(json.loads(body) | {"text": f"Use\n{canary}"})
        connection.execute("UPDATE gl_event SET body = ? WHERE request = ? AND seq = 1", (pasted, done))
        connection.execute(
            "UPDATE operation_outputs SET output = ? WHERE workflow_uuid = (SELECT max(workflow_uuid)"
            " FROM operation_outputs WHERE workflow_uuid LIKE ?)",
            (pickled, f"{open_}/%"),
        )
    assert kept_secrets(state) == dict.fromkeys(sorted((done, open_)), ("GitHub token",))
    told = records(state)
    assert told.level is Level.WARN
    assert done in told.text
    assert canary not in told.text
    await migrated(state)
    assert await forget(Settings(state_dir=state), done, "operator:test")
    assert list(kept_secrets(state)) == [open_]
    held = [path.read_bytes() for path in state.iterdir()]
    assert not any(f"Use\\n{canary}".encode() in data for data in held)
    assert any(pickled.encode() in data for data in held)


def test_each_migration_has_a_released_state() -> None:
    """Who adds a migration keeps what the version before it writes, in every open state."""
    assert newest() == max(OPEN)
    assert [int(version) for version in sorted({*VERSIONS, *OPEN})] == list(range(1, int(newest()) + 1))


@pytest.mark.parametrize("version", ["9999", "0006x"])
async def test_a_newer_state_is_refused_in_a_sentence(tmp_path: Path, version: str) -> None:
    state = unpacked("0003", tmp_path)
    with sqlite3.connect(state / DATABASE) as connection:
        connection.execute("UPDATE gl_alembic_version SET version_num = ?", (version,))
    before = dump(state)
    with pytest.raises(ConfigurationInvalid, match="newer Greenlight"):
        await migrated(state)
    assert dump(state) == before


@pytest.mark.long
@pytest.mark.parametrize("version", ["0002", "0003"])
async def test_an_open_request_of_a_released_version_goes_on(tmp_path: Path, version: str) -> None:
    not_due(unpacked(version, tmp_path / "state"))
    kept = gzip.decompress((RELEASED / f"{version}.slack.jsonl.gz").read_bytes())
    (tmp_path / "slack.jsonl").write_bytes(kept)
    demo = Demo(DemoOptions(keep=tmp_path, headless=True))
    try:
        await demo.start()
        listed = await inspecting.requests(tmp_path / "state")
        (request,) = [one.id for one in listed if one.state == State.ESCALATED]
        _, channel, thread = request.split(":")
        card = cards(demo.slack, channel, thread)["escalation:1"]
        action = next(
            element["action_id"]
            for _, element, press in presses(card)
            if getattr(press, "choice", None) is Choice.TELL_MORE
        )
        dana = demo.slack.person("U0DANA")
        await dana.click(card.ts, action_id=action)
        await until(lambda: demo.slack.open_view("U0DANA"), 10, "the window for words")
        view = demo.slack.open_view("U0DANA")
        assert view is not None
        words = "Table lineage is enough, to see what a change of the event table affects."
        await dana.submit_view(view.id, {BLOCK: {FIELD: words}})

        async def waits_for_approval() -> bool:
            snapshot = await demo.running.engine.snapshot(request)
            return snapshot is not None and snapshot.state is State.AWAITING_APPROVAL

        await until_true(waits_for_approval, 60, "the spec")
        await until(lambda: "spec:1" in cards(demo.slack, channel, thread), 10, "the spec's card")
    finally:
        await demo.close()


# ---------------------------------------------------------------- open, in every state


def kept(name: str, into: Path) -> Path:
    with tarfile.open(RELEASED / f"{name}.tar.xz") as archive:
        archive.extractall(into, filter="data")
    written = into / "state" / "greenlight.sql"
    with sqlite3.connect(into / "state" / DATABASE) as connection:
        connection.executescript(written.read_text())
    written.unlink()
    not_due(into / "state")
    return into


def people_of(text: str) -> People:
    """Who asked that, and what they do next; what is blocked they stop."""
    found = [People.load(path) for path in SCENARIOS.glob("*/people.yml")]
    (people,) = [one for one in found if one.text in text]
    return people.model_copy(update={"choices": (*people.choices, Choice.STOP), "says": (), "accepts": ()})


@pytest.mark.parametrize("version", OPEN)
async def test_requests_in_every_open_state_are_shown(tmp_path: Path, version: str) -> None:
    state = kept(f"{version}.open", tmp_path) / "state"
    await migrated(state)
    listed = await inspecting.requests(state)
    assert sorted(one.state for one in listed) == STATES
    for one in listed:
        assert len((await inspecting.story(state, one.id)).lines) >= 3


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", OPEN)
async def test_requests_in_every_open_state_go_on_to_their_end(tmp_path: Path, version: str) -> None:
    async with gone_on(kept(f"{version}.open", tmp_path)) as (demo, before):
        ends = {one.state: (await now(demo, one)).state for one in before}
        delivered = {one.id for one in before if one.state != "blocked"}
    assert ends == dict.fromkeys(map(State, STATES), State.DONE) | {State.BLOCKED: State.STOPPED}
    check_once(demo, delivered)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", ["0004", "0005"])
async def test_wishes_remarks_and_pauses_of_a_released_version_go_on(tmp_path: Path, version: str) -> None:
    async with gone_on(kept(f"{version}.asked", tmp_path)) as (demo, before):
        after = [await now(demo, one) for one in before]
    assert [len(one.scope_items) for one in before][:2] == [3, 0]
    assert [len(one.feedback) for one in before][:2] == [0, 1]
    assert [one.hold is not None for one in before] == [False, False, True][: len(before)]
    assert [one.state for one in after] == [State.DONE] * len(before)
    assert [item.title for item in after[0].scope_items] == [item.title for item in before[0].scope_items]
    check_once(demo, {one.id for one in before})


@asynccontextmanager
async def gone_on(directory: Path) -> AsyncIterator[tuple[Demo, list[Snapshot]]]:
    """The demo after people brought what was open to its end, and how that stood before."""
    demo = Demo(DemoOptions(keep=directory, headless=True, pace=0))
    try:
        await demo.start()
        engine = demo.running.engine
        listed = await inspecting.requests(directory / "state")
        before = [it for one in listed if (it := await engine.snapshot(one.id))]
        assert len(before) == len(listed)

        async def over(request: str) -> bool:
            snapshot = await engine.snapshot(request)
            return snapshot is not None and snapshot.state.ended

        for one in before:
            if one.hold:
                await demo.slack.person("U0RILEY").say(one.channel, one.thread_ts, "go on")
            await Player(people_of(one.text), demo.slack, engine.snapshot).go_on(one.id, over, 90)
        yield demo, before
    finally:
        await demo.close()


async def now(demo: Demo, before: Snapshot) -> Snapshot:
    """How it stands by now."""
    after = await demo.running.engine.snapshot(before.id)
    assert after is not None
    return after


def check_once(demo: Demo, delivered: set[str]) -> None:
    """No card is there twice, and each of these requests has its one draft, and no other."""
    posted = Counter(
        (message.metadata["event_payload"]["request"], key_of(message.metadata))
        for message in demo.slack.workspace.messages.values()
        if message.metadata and message.visible_to is None
    )
    assert {card: count for card, count in posted.items() if count > 1} == {}
    assert {request for request, key in posted if key == "delivery:1"} == delivered
    drafts = [json.loads(path.read_text())["content"] for path in demo.forge.glob("*.json")]
    assert len({draft["branch"] for draft in drafts}) == len(drafts) == len(delivered)
