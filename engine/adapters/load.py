"""How much a command's processes hold together, looked at while they run: the kernel bounds each alone."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.ports import Limits

_PROC = Path("/proc")
_KILOBYTE, _MEGABYTE = 1 << 10, 1 << 20
_PARENT, _RESIDENT = 1, 21
"""Fields of /proc/PID/stat, counted after the program's name."""


class Load:
    """The memory of all processes of a sandbox, and the files in its memory, against their bounds.

    Args:
        first: The process id of the sandbox's first process, None before it is known.
        places: Where the sandbox has file systems of its own.
        limits: The bounds.

    Attributes:
        over: Whether a bound was exceeded.
    """

    def __init__(self, first: Callable[[], int | None], places: tuple[str, ...], limits: Limits) -> None:
        self._first = first
        self._places = places
        self._most_memory = limits.total_mb * _MEGABYTE
        self._most_entries = limits.entries
        self.over = False

    def look(self) -> bool:
        """Look now. True: there is too much."""
        first = self._first()
        if first is not None:
            self.over = self.over or self._entries(first) > self._most_entries or self._held(first)
        return self.over

    def _held(self, first: int) -> bool:
        resident = dict(_resident(first))
        if sum(resident.values()) <= self._most_memory:
            return False
        # Pages that several share were counted once for each: the exact share takes longer to find out.
        return sum(map(_share, resident)) > self._most_memory

    def _entries(self, first: int) -> int:
        used = 0
        for place in self._places:
            with contextlib.suppress(OSError):
                state = os.statvfs(f"/proc/{first}/root{place}")
                used += state.f_files - state.f_ffree
        return used


def _resident(first: int) -> Iterator[tuple[int, int]]:
    """Process id and bytes in memory of a process and all its descendants."""
    children: dict[int, list[int]] = {}
    bytes_of: dict[int, int] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                children.setdefault(int(fields[_PARENT]), []).append(int(entry.name))
                bytes_of[int(entry.name)] = int(fields[_RESIDENT]) * os.sysconf("SC_PAGE_SIZE")
    pending = [first]
    while pending:
        pid = pending.pop()
        pending += children.get(pid, ())
        yield pid, bytes_of.get(pid, 0)


def _share(pid: int) -> int:
    """What a process holds, of shared pages its share; 0 if it is gone."""
    with contextlib.suppress(OSError):
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * _KILOBYTE
    return 0
