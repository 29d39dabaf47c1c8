"""A copy of all that is kept, made while the bot runs; `restoring` puts it back.

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
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from engine.errors import ConfigurationInvalid, Transient
from engine.state_dir import DATABASE
from engine.store.migrations import VERSION_TABLE

MANIFEST = "manifest.json"
_MADE_ANEW = {"prepared", "lock", DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"}
_UNFINISHED = (".lock", ".tmp")
_CHUNK = 1 << 20


class Backup(BaseModel):
    """What an archive says of itself; `digests` are SHA-256 by path, `program` the version that made it."""

    model_config = ConfigDict(frozen=True)

    schema_version: str
    program: str = "unknown"
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
                schema_version=version,
                program=metadata.version("greenlight"),
                made_at=datetime.now(UTC),
                requests=requests,
                digests=digests,
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
