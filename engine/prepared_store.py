"""Where prepared dependencies are kept: a directory an entry, there as a whole or not at all.

Tasks and processes agree by locks of the kernel, which end with their holders: one of the directory for who
makes and removes entries, and a shared one of each entry for as long as a command sees it.
"""

import asyncio
import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

KEPT = 4
"""Entries of a repository; with another one those go that were not used for longest."""

_POLL_S = 0.1
_ROOM, _REMOVED, _LOCK = "room-", "removed-", "lock"


class PreparedStore:
    """The entries of one repository. Every method may raise OSError: the disk is full, or not ours.

    Args:
        directory: Made on first use.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def has(self, key: str) -> bool:
        """Whether there is such an entry."""
        return (self._directory / key).is_dir()

    @contextlib.contextmanager
    def leased(self, key: str) -> Iterator[Path | None]:
        """The entry, which stays while the block runs; None: there is none."""
        entry = self._directory / key
        held = _hold(entry, fcntl.LOCK_SH)
        try:
            if held is not None:
                os.utime(held)
            yield None if held is None else entry
        finally:
            if held is not None:
                os.close(held)

    @contextlib.asynccontextmanager
    async def making(self) -> AsyncIterator[None]:
        """Alone make entries while the block runs; waits for whoever does."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _locked(lock, fcntl.LOCK_EX):  # noqa: ASYNC110 - another process may hold it
                await asyncio.sleep(_POLL_S)
            yield
        finally:
            os.close(lock)

    @contextlib.asynccontextmanager
    async def room(self) -> AsyncIterator[Path]:
        """An empty directory to make an entry in, gone after the block. Only while `making`."""
        await asyncio.to_thread(self._clear)
        room = self._directory / f"{_ROOM}{secrets.token_hex(8)}"
        room.mkdir(mode=0o700)
        try:
            yield room
        finally:
            await asyncio.to_thread(_remove, room)

    async def keep(self, made: Path, key: str) -> None:
        """Make a directory of a room the entry. Only while `making`."""
        await asyncio.to_thread(self._keep, made, key)

    def _keep(self, made: Path, key: str) -> None:
        os.sync()  # what has the entry's name is whole, also after the power failed
        made.rename(self._directory / key)
        self._prune()

    def _clear(self) -> None:
        """Remove what processes left that died: nobody else is making anything."""
        for left in self._directory.iterdir():
            if left.name.startswith((_ROOM, _REMOVED)):
                _remove(left)

    def _prune(self) -> None:
        entries = [
            (entry.stat().st_mtime_ns, entry)
            for entry in self._directory.iterdir()
            if entry.is_dir() and not entry.name.startswith((_ROOM, _REMOVED))
        ]
        for _, entry in sorted(entries, reverse=True)[KEPT:]:
            held = _hold(entry, fcntl.LOCK_EX)
            if held is None:
                continue  # a command sees it
            try:
                removed = entry.with_name(f"{_REMOVED}{secrets.token_hex(8)}")
                entry.rename(removed)
                _remove(removed)
            finally:
                os.close(held)


def _hold(entry: Path, how: int) -> int | None:
    """A locked descriptor of the directory; None: it is not there, or locked against this."""
    try:
        held = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with contextlib.suppress(FileNotFoundError):
        # Renamed between opening and locking, it is about to be removed.
        if _locked(held, how) and os.path.samestat(os.fstat(held), entry.stat()):
            return held
    os.close(held)
    return None


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(directory: Path) -> None:
    """Remove it, also where commands took away the right to write; what cannot be is tried next time."""
    for _, _, _, here in os.fwalk(directory):
        with contextlib.suppress(OSError):
            os.fchmod(here, 0o700)
    shutil.rmtree(directory, ignore_errors=True)
