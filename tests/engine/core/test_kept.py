"""What is kept can be saved while the bot runs and put back; what is deleted is gone from the bytes."""

import asyncio
import sqlite3
import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest

from bot.keeping import named
from engine.backup import MANIFEST, save
from engine.engine import FORGOTTEN, Engine
from engine.errors import AlreadyRunning, ConfigurationInvalid
from engine.forgetting import Forgetter, forget, going
from engine.request import State
from engine.restoring import put_back
from engine.settings import RetentionSettings
from engine.state_dir import DATABASE, checkouts_of
from engine.store import forgotten
from engine.store.database import open_database
from tests.engine.core.harness import REQUEST, MemoryChat, opened, running, said, settings, stopped, until

CANARY = "a-wish-that-nobody-may-read"
OTHER = "T1:C1:2.0"


def everywhere(directory: Path, what: str) -> list[str]:
    """The files that hold these bytes."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return sorted(path.name for path in files if what.encode() in path.read_bytes())


async def clarifying(engine: Engine, request: str = REQUEST, text: str = CANARY) -> None:
    await engine.accept(opened(request, text))

    async def waits() -> bool:
        snapshot = await engine.snapshot(request)
        return snapshot is not None and snapshot.state is State.CLARIFYING and not snapshot.live

    await until(waits)


async def test_a_request_is_deleted_by_the_bot_that_runs_to_the_last_byte(tmp_path: Path) -> None:
    chat, configured = MemoryChat(), settings(tmp_path)
    async with running(tmp_path, chat) as engine:
        await clarifying(engine)
        await clarifying(engine, OTHER, "another wish")
        checkout = checkouts_of(tmp_path, REQUEST) / "work.txt"
        checkout.parent.mkdir(parents=True)
        checkout.write_text(CANARY)
        await engine.accept(stopped())
        await until(lambda: "stop" in chat.shown("progress") or bool(chat.posts))
        assert {"work.txt"} < set(everywhere(tmp_path, CANARY)), "or there is nothing to delete"
        what = await going(configured, REQUEST)
        assert what.state == "stopped"
        assert what.checkout_bytes == len(CANARY)
        assert what.rows["gl_event"] >= 2
        asked = asyncio.create_task(forget(configured, REQUEST, "operator:test"))
        await asyncio.sleep(0.1)
        await engine.sweep(datetime.now(UTC))
        assert await asked
        assert everywhere(tmp_path, CANARY) == []
        assert await engine.snapshot(REQUEST) is None
        assert await engine.snapshot(OTHER) is not None
        assert (await engine.accept(opened(REQUEST, CANARY))).text == FORGOTTEN
        assert (await engine.accept(said(1))).text == ""
        assert everywhere(tmp_path, CANARY) == []
    with sqlite3.connect(tmp_path / DATABASE) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608
        (row,) = database.execute("SELECT request, by, done_at IS NOT NULL FROM gl_forgotten")
    assert [name for name in names if REQUEST in str(rows[name])] == ["gl_forgotten"]
    assert row == (REQUEST, "operator:test", 1)


async def test_only_what_has_ended_is_deleted(tmp_path: Path) -> None:
    async with running(tmp_path, MemoryChat()) as engine:
        await clarifying(engine)
        with pytest.raises(ConfigurationInvalid, match=r"has not ended \(clarifying\).*Say stop"):
            await going(settings(tmp_path), REQUEST)
        with pytest.raises(ConfigurationInvalid, match="no request that begins with T9"):
            await going(settings(tmp_path), "T9")
    assert not await forget(settings(tmp_path), REQUEST, "operator:test")
    assert everywhere(tmp_path, CANARY)


async def test_where_no_bot_runs_the_command_deletes_by_itself(tmp_path: Path) -> None:
    async with running(tmp_path, MemoryChat()) as engine:
        await clarifying(engine)
        await engine.accept(stopped())
    assert everywhere(tmp_path, CANARY)
    assert await forget(settings(tmp_path), REQUEST, "operator:test")
    assert everywhere(tmp_path, CANARY) == []


async def test_the_retention_deletes_what_ended_long_enough_ago(tmp_path: Path) -> None:
    async with running(tmp_path, MemoryChat()) as engine:
        await clarifying(engine)
        await clarifying(engine, OTHER, "another wish")
        await engine.accept(stopped())
    configured = settings(tmp_path).model_copy(update={"retention": RetentionSettings(days=7)})
    database = open_database(tmp_path / DATABASE)
    now, left = datetime.now(UTC), []
    for days in (6, 8):
        forgetter = Forgetter(configured, database, lambda repository: pytest.fail(repository.name))
        await forgetter.sweep(now + timedelta(days=days))
        left.append(everywhere(tmp_path, CANARY) != [])
    await database.close()
    assert left == [True, False]
    assert everywhere(tmp_path, "another wish")


async def test_what_cannot_be_deleted_is_tried_later_and_later_until_it_is_asked_for_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path, MemoryChat()) as engine:
        await clarifying(engine)
    database, tries = open_database(tmp_path / DATABASE), []
    forgetter = Forgetter(settings(tmp_path), database, lambda repository: pytest.fail(repository.name))
    now = datetime.now(UTC)

    async def ask(by: str, at: datetime) -> None:
        async with database.app.begin() as c:
            await forgotten.ask(c, REQUEST, by, at)

    await ask(forgotten.BY_RETENTION, now)
    for second in range(0, 3600, 5):  # as often as the bot sweeps
        await forgetter.sweep(now + timedelta(seconds=second))
        if "request.not_forgotten" in capsys.readouterr().out:
            tries.append(second)
    await ask(forgotten.BY_RETENTION, now + timedelta(hours=1))
    await forgetter.sweep(now + timedelta(hours=1))
    assert "not_forgotten" not in capsys.readouterr().out
    await ask("operator:test", now + timedelta(hours=1))
    await forgetter.sweep(now + timedelta(hours=1))
    assert "not_forgotten" in capsys.readouterr().out
    await database.close()
    assert tries == [0, 60, 180, 420, 900, 1860]


async def test_commits_too_young_to_go_are_looked_for_once_more(tmp_path: Path) -> None:
    async with running(tmp_path, MemoryChat()) as engine:
        await clarifying(engine)
        await engine.accept(stopped())
    assert await forget(settings(tmp_path), REQUEST, "operator:test")
    database, looks, now = open_database(tmp_path / DATABASE), 0, datetime.now(UTC)

    class Workspace:
        async def forget(self, commits: Sequence[str]) -> None:
            nonlocal looks
            looks += 1
            assert not commits

    its = cast("Any", Workspace())
    forgetter, seen = Forgetter(settings(tmp_path), database, lambda _: its), []
    for minutes in (1, 2, 59, 62, 63, 200):
        await forgetter.sweep(now + timedelta(minutes=minutes))
        seen.append(looks)
    await database.close()
    assert seen == [1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("link", "named_by_it"),
    [
        ("https://acme.slack.com/archives/C0DATA/p1700000000000100", "C0DATA:1700000000.000100"),
        (
            "https://acme.slack.com/archives/C0DATA/p1700000009000200?thread_ts=1700000000.000100&cid=C0DATA",
            "C0DATA:1700000000.000100",
        ),
        ("T1:C1:1.0", "T1:C1:1.0"),
        ("http://acme.slack.com/archives/C0DATA/p1700000000000100", None),
        ("https://acme.slack.com/archives/C0DATA/", None),
    ],
)
def test_a_link_to_a_message_names_its_request(link: str, named_by_it: str | None) -> None:
    assert named(link) == (named_by_it or link)


async def test_a_request_is_found_by_channel_and_thread(tmp_path: Path) -> None:
    async with running(tmp_path, MemoryChat()) as engine:
        await clarifying(engine)
        await engine.accept(stopped())
        channel_and_thread = REQUEST.partition(":")[2]
        assert (await going(settings(tmp_path), channel_and_thread)).request == REQUEST
        with pytest.raises(ConfigurationInvalid, match="no request"):
            await going(settings(tmp_path), f"C9:{REQUEST.rpartition(':')[2]}")


# ---------------------------------------------------------------- backup


async def test_a_card_that_people_dealt_with_since_gets_its_buttons_again(tmp_path: Path) -> None:
    chat, first, second = MemoryChat(), tmp_path / "first", tmp_path / "second"
    async with running(first, chat) as engine:
        await clarifying(engine)
        await until(lambda: (REQUEST, "note:2") in chat.posts)
        shown = len(chat.cards[REQUEST, "note:2"])
        await asyncio.to_thread(save, first, tmp_path / "saved")
    put_back(tmp_path / "saved", second)
    async with running(second, chat):
        await until(lambda: len(chat.cards[REQUEST, "note:2"]) > shown)
    assert chat.posts.count((REQUEST, "note:2")) == 1


async def test_a_backup_of_a_running_bot_goes_on_elsewhere_and_doubles_no_card(tmp_path: Path) -> None:
    chat, first, second = MemoryChat(), tmp_path / "first", tmp_path / "second"
    async with running(first, chat) as engine:
        await clarifying(engine)
        (first / "repositories" / "sample.git" / "refs").mkdir(parents=True)
        (first / "repositories" / "sample.git" / "HEAD").write_text("ref: refs/heads/none\n")
        made = await asyncio.to_thread(save, first, tmp_path / "saved")
        await engine.accept(said(1))
        await until(lambda: (REQUEST, "note:2") in chat.posts)
    assert (tmp_path / "saved").stat().st_mode & 0o777 == 0o600
    assert made.requests == 1
    assert made.program == metadata.version("greenlight")
    assert made.digests[DATABASE]
    put_back(tmp_path / "saved", second)
    assert (second / "repositories" / "sample.git" / "refs").is_dir()
    async with running(second, chat) as engine:
        snapshot = await engine.snapshot(REQUEST)
        assert snapshot is not None
        assert snapshot.state is State.CLARIFYING
        assert not snapshot.notes, "the backup is older"
        updates = len(chat.cards[REQUEST, "note:2"])
        await engine.accept(said(1))
        await until(lambda: len(chat.cards[REQUEST, "note:2"]) > updates)
    assert chat.posts.count((REQUEST, "note:2")) == 1


async def test_nothing_is_put_over_a_state_that_is_there_or_held(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    async with running(first, MemoryChat()) as engine:
        await clarifying(engine)
        save(first, tmp_path / "saved")
        with pytest.raises(ConfigurationInvalid, match="is there already"):
            save(first, tmp_path / "saved")
        with pytest.raises(AlreadyRunning):
            put_back(tmp_path / "saved", first, replace=True)
    put_back(tmp_path / "saved", second)
    with pytest.raises(ConfigurationInvalid, match="--replace"):
        put_back(tmp_path / "saved", second)
    (second / "mine").write_text("x")
    _, aside = put_back(tmp_path / "saved", second, replace=True)
    assert aside is not None
    assert (aside / "mine").read_text() == "x"
    assert not (second / "mine").exists()


SPOILT = {
    "cut": "no whole backup of Greenlight.*Nothing was changed",
    "changed": f"no whole backup of Greenlight .'{DATABASE}' is not what was saved",
    "nothing": "no whole backup of Greenlight",
    "escaping": "no whole backup of Greenlight .it holds '../escaped'",
    "newer": "made by a newer Greenlight .'0.1.0', records of version '9.*Put it back with that version",
}


@pytest.mark.parametrize("how", SPOILT)
async def test_a_spoilt_archive_is_refused_and_changes_nothing(tmp_path: Path, how: str) -> None:
    async with running(tmp_path / "first", MemoryChat()) as engine:
        await clarifying(engine)
        save(tmp_path / "first", tmp_path / "saved")
    whole = (tmp_path / "saved").read_bytes()
    spoilt = tmp_path / "spoilt"
    if how == "cut":
        spoilt.write_bytes(whole[: len(whole) // 2])
    elif how == "nothing":
        spoilt.write_bytes(b"not an archive")
    else:
        _again(tmp_path / "saved", spoilt, how)
    with pytest.raises(ConfigurationInvalid, match=SPOILT[how]):
        put_back(spoilt, tmp_path / "second")
    assert [path.name for path in (tmp_path / "second").iterdir()] == ["lock"]
    assert not list(tmp_path.glob("second.*"))
    assert not (tmp_path / "escaped").exists()
    put_back(tmp_path / "saved", tmp_path / "second")


def _again(whole: Path, spoilt: Path, how: str) -> None:
    """The same archive with one thing changed."""
    with tarfile.open(whole) as old, tarfile.open(spoilt, "w:gz") as new:
        for member in old:
            content = old.extractfile(member)
            data = content.read() if content else b""
            if how == "changed" and member.name == DATABASE:
                data = data[:-1] + bytes([data[-1] ^ 1])
            if how == "newer" and member.name == MANIFEST:
                data = data.replace(b'"schema_version":"', b'"schema_version":"9')
            if how == "escaping" and member.name == DATABASE:
                member.name = "../escaped"
            member.size = len(data)
            new.addfile(member, BytesIO(data))
