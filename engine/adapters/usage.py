"""How much a command has written to the disk, looked at while it runs: bind mounts have no quota."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

_LOOK_S = 1.0
_PAUSE = 4
"""Of a large directory: pauses are this many times as long as looking took."""

_SPARE_BYTES = 256 << 20
_BLOCK = 512
_LEAST = 4096


class Watched(Protocol):
    """What is looked at."""

    def look(self) -> bool:
        """Look now. True: there is too much. Called in a thread."""
        ...


class Usage:
    """What stands beneath a directory, against a bound.

    Args:
        directory: Looked through without following links.
        most_mb: The bound, in megabytes; every file and directory counts for at least 4 kilobytes.

    Attributes:
        over: Whether the bound was exceeded.
        disk_full: Whether the disk had less than 256 megabytes left.
    """

    def __init__(self, directory: Path, most_mb: int) -> None:
        self._directory = directory
        self._most = most_mb << 20
        self.over = False
        self.disk_full = False

    def look(self) -> bool:
        """Look now. True: there is too much."""
        disk = os.statvfs(self._directory)
        self.disk_full = self.disk_full or disk.f_bavail * disk.f_frsize < _SPARE_BYTES
        self.over = self.over or self._exceeds()
        return self.over or self.disk_full

    def _exceeds(self) -> bool:
        used = 0
        for _, directories, files, here in os.fwalk(self._directory):
            for name in (*directories, *files):
                with contextlib.suppress(OSError):
                    blocks = os.stat(name, dir_fd=here, follow_symlinks=False).st_blocks
                    used += max(blocks * _BLOCK, _LEAST)
            if used > self._most:
                return True
        return False


@contextlib.asynccontextmanager
async def watched(usage: Watched, stop: Callable[[], None]) -> AsyncIterator[None]:
    """Look again and again while the block runs, and once when it is over; `stop` what takes too much."""
    watching = asyncio.ensure_future(_watch(usage, stop))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    await asyncio.to_thread(usage.look)


async def _watch(usage: Watched, stop: Callable[[], None]) -> None:
    pause = _LOOK_S
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        if await asyncio.to_thread(usage.look):
            stop()
            return
        pause = max(_LOOK_S, _PAUSE * (time.monotonic() - began))
