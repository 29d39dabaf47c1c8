"""The state directory: made private, and held by one process for its life."""

import fcntl
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import AlreadyRunning, ConfigurationInvalid

DATABASE = "greenlight.db"
_ALIVE = "alive"


@dataclass(frozen=True)
class StateDir:
    """A held state directory."""

    path: Path
    _lock: int

    @property
    def database(self) -> Path:
        """The one database file."""
        return self.path / DATABASE

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._lock)


def hold(path: Path) -> StateDir:
    """Create the directory if need be (only its owner may enter) and take its lock.

    Raises:
        AlreadyRunning: another process holds it; the sentence names directory and process.
        ConfigurationInvalid: it cannot be created or written.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(lock, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(lock)
        raise AlreadyRunning(
            f"Another Greenlight (process {owner}) is running on the state directory {path}. "
            "Stop it first, or set another state_dir."
        ) from error
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        os.close(lock)
        raise _unusable(path, error) from error
    return StateDir(path, lock)


def say_alive(path: Path, now: datetime) -> None:
    """Note that a process is at work here; lossy, as a full disk is told elsewhere."""
    with suppress(OSError):
        fresh = path / f"{_ALIVE}.tmp"
        fresh.write_text(now.isoformat(), "ascii")
        fresh.replace(path / _ALIVE)


def last_alive(path: Path) -> datetime | None:
    """When a process last was at work here, or in the directory whose backup this was; None: unknown."""
    try:
        return datetime.fromisoformat((path / _ALIVE).read_text("ascii")).astimezone(UTC)
    except (OSError, ValueError, OverflowError):
        return None


def checkouts_of(path: Path, request: str) -> Path:
    """Where a request's checkouts are: its id holds characters that paths should not."""
    return path / "checkouts" / hashlib.sha256(request.encode()).hexdigest()[:16]


def store_of(path: Path, repository: str) -> Path:
    """Where git keeps our copy of a repository, by its name."""
    return path / "repositories" / f"{repository}.git"


def _unusable(path: Path, error: OSError) -> ConfigurationInvalid:
    return ConfigurationInvalid(f"The state directory {path} cannot be used: {error.strerror}.")
