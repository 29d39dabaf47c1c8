"""A copy of all that is kept, made while the bot runs, and put back where none runs.

The database is copied first, by SQLite's own means, as of one moment. What else is copied is that old or
newer: a store of git's only grows, and checkouts are only gone on with.
"""

import hashlib
import io
import os
import sqlite3
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.errors import ConfigurationInvalid, Transient
from engine.request import Snapshot
from engine.state_dir import DATABASE, hold
from engine.store.migrations import VERSION_TABLE, newest

MANIFEST = "manifest.json"
_MADE_ANEW = {"prepared", "lock", DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"}
_UNFINISHED = (".lock", ".tmp")
_CHUNK = 1 << 20


class Backup(BaseModel):
    """What an archive says of itself; `digests` are SHA-256 by path."""

    model_config = ConfigDict(frozen=True)

    schema_version: str
    made_at: datetime
    requests: int
    digests: dict[str, str]

    @property
    def files(self) -> int:
        """How many there are in it."""
        return len(self.digests)


def save(state_dir: Path, target: Path) -> Backup:
    """Save a state directory into a new file, which only its owner may read.

    Raises:
        ConfigurationInvalid: there is no state, it cannot be read, or the file is there or cannot be written.
        Transient: something changed while it was copied.
    """
    if not (state_dir / DATABASE).is_file():
        raise ConfigurationInvalid(f"There is no record in {state_dir}: no bot has kept its state there.")
    if target.exists():
        raise ConfigurationInvalid(f"{target} is there already. Name a file that is not.")
    try:
        with tempfile.TemporaryDirectory(prefix=".greenlight-backup-", dir=target.absolute().parent) as place:
            made = _archive(state_dir, Path(place), target)
    except sqlite3.Error as error:
        raise ConfigurationInvalid(f"The record in {state_dir} cannot be read: {error}.") from error
    except OSError as error:
        raise ConfigurationInvalid(f"{target} cannot be written: {error.strerror or error}.") from error
    return made


def _archive(state_dir: Path, place: Path, target: Path) -> Backup:
    database, part = place / DATABASE, place / "archive"
    with closing(_reading(state_dir / DATABASE)) as source, closing(sqlite3.connect(database)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        version, requests = _checked(copy)
    digests: dict[str, str] = {}
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            digests[DATABASE] = _add(archive, database, DATABASE)
            for path in _kept(state_dir):
                name = path.relative_to(state_dir).as_posix()
                if path.is_dir():
                    info = tarfile.TarInfo(name)
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(info)
                    continue
                try:
                    digests[name] = _add(archive, path, name)
                except FileNotFoundError:
                    if name.startswith("repositories/"):  # its packs were just made anew: others are needed
                        raise Transient(f"{name} went away while it was copied. Try again.") from None
            made = Backup(
                schema_version=version, made_at=datetime.now(UTC), requests=requests, digests=digests
            )
            content = made.model_dump_json().encode()
            info = tarfile.TarInfo(MANIFEST)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        file.flush()
        os.fsync(file.fileno())
    part.rename(target)
    return made


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=30)


def _checked(database: sqlite3.Connection) -> tuple[str, int]:
    """Version and number of requests of a whole database."""
    (sound,) = database.execute("PRAGMA integrity_check").fetchone()
    if sound != "ok":
        raise ConfigurationInvalid(f"The database is damaged: {sound}.")
    (version,) = database.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608
    (requests,) = database.execute("SELECT count(*) FROM gl_request").fetchone()
    return str(version), int(requests)


def _kept(state_dir: Path) -> Iterator[Path]:
    """Directories and regular files that cannot be made anew; nothing behind a link."""
    for above, directories, names in os.walk(state_dir):
        left_out = _MADE_ANEW if Path(above) == state_dir else set()
        directories[:] = sorted(name for name in directories if name not in left_out)
        yield from (path for name in directories if not (path := Path(above, name)).is_symlink())
        for name in sorted(names):
            path = Path(above, name)
            unfinished = name.startswith("tmp_") or name.endswith(_UNFINISHED)
            if name not in left_out and not unfinished and path.is_file() and not path.is_symlink():
                yield path


class _Counted(io.RawIOBase):
    """A file that is read once, and its digest."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def _add(archive: tarfile.TarFile, path: Path, name: str) -> str:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        there = os.fstat(file.fileno())
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = there.st_size, there.st_mtime, stat.S_IMODE(there.st_mode)
        counted = _Counted(file)
        try:
            archive.addfile(info, counted)
        except OSError as error:
            raise Transient(f"{name} changed while it was copied. Try again.") from error
    return counted.digest.hexdigest()


# ---------------------------------------------------------------- putting it back


def put_back(file: Path, state_dir: Path, *, replace: bool = False) -> tuple[Backup, Path | None]:
    """Put an archive in place of a state directory that no process holds.

    Returns:
        What it is, and where the state is now that was there before, if one was.

    Raises:
        ConfigurationInvalid: the file is no whole backup, or of a newer version; or there is a state
            already, and it is not to be replaced.
        AlreadyRunning: a bot runs there.
    """
    state_dir = state_dir.absolute()
    held = hold(state_dir)
    try:
        there = [path.name for path in state_dir.iterdir() if path.name != "lock"]
        if there and not replace:
            raise ConfigurationInvalid(
                f"There is a state in {state_dir} already. With --replace it is moved aside and kept."
            )
        with tempfile.TemporaryDirectory(
            prefix=f".{state_dir.name}-", dir=state_dir.parent, ignore_cleanup_errors=True
        ) as place:
            fresh = Path(place) / "state"
            fresh.mkdir(mode=0o700)
            made = _unpacked(file, fresh)
            _look_first(fresh / DATABASE)
            aside = state_dir.with_name(f"{state_dir.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
            state_dir.rename(aside)
            fresh.rename(state_dir)
    finally:
        held.release()
    if there:
        return made, aside
    (aside / "lock").unlink(missing_ok=True)
    aside.rmdir()
    return made, None


def _unpacked(file: Path, into: Path) -> Backup:
    found: dict[str, str] = {}
    told: Backup | None = None
    try:
        with tarfile.open(file, "r:gz") as archive:
            for member in archive:
                if not _plain(member.name) or not (member.isfile() or member.isdir()):
                    raise _spoilt(file, f"it holds {member.name[:80]!r}")
                content = archive.extractfile(member)
                if content is None:
                    (into / member.name).mkdir(parents=True, exist_ok=True)
                elif member.name == MANIFEST:
                    told = Backup.model_validate_json(content.read())
                else:
                    found[member.name] = _written(content, into / member.name, member.mode)
    except (OSError, EOFError, tarfile.TarError, ValidationError) as error:
        raise _spoilt(file, type(error).__name__) from error
    if told is None or told.digests != found or DATABASE not in found:
        raise _spoilt(file, "what it holds is not what it says")
    if told.schema_version > newest():
        raise ConfigurationInvalid(f"{file} was made by a newer Greenlight. Put it back with that version.")
    return told


def _plain(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _written(content: IO[bytes], path: Path, mode: int) -> str:
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        while data := content.read(_CHUNK):
            digest.update(data)
            target.write(data)
    path.chmod((mode | 0o600) & 0o755)
    return digest.hexdigest()


def _spoilt(file: Path, why: str) -> ConfigurationInvalid:
    return ConfigurationInvalid(f"{file} is no whole backup of Greenlight ({why}). Nothing was changed.")


def _look_first(database: Path) -> None:
    """Whatever was posted since the backup is looked for before it would be posted again."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT id, snapshot FROM gl_request").fetchall()
        for id, text in rows:
            snapshot = Snapshot.model_validate_json(text)
            if not snapshot.state.ended:
                restored = snapshot.model_copy(update={"restored": True})
                connection.execute(
                    "UPDATE gl_request SET snapshot = ? WHERE id = ?", (restored.model_dump_json(), id)
                )
        connection.commit()
