"""What is kept can be saved while the bot runs and put back; what is deleted is gone from the bytes."""

import asyncio
import sqlite3
import tarfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from engine.backup import MANIFEST, put_back, save
from engine.engine import FORGOTTEN, Engine
from engine.errors import AlreadyRunning, ConfigurationInvalid
from engine.forgetting import Forgetter, forget, going
from engine.request import State
from engine.settings import RetentionSettings
from engine.state_dir import DATABASE, checkouts_of
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


# ---------------------------------------------------------------- backup


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


@pytest.mark.parametrize("how", ["cut", "changed", "nothing", "escaping", "newer"])
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
    with pytest.raises(ConfigurationInvalid, match=r"no whole backup|newer Greenlight"):
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
