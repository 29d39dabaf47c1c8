"""How fast we talk to Slack: posts a channel, and updates a message of which only the newest counts."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

MANY = 2000
"""From how many keys on idle ones are forgotten."""


class Turns:
    """Lets one call per `interval` seconds and key through, and `burst` at once after a pause."""

    def __init__(self, interval: float, burst: int) -> None:
        self._interval = interval
        self._allowance = (burst - 1) * interval
        self._due: dict[str, float] = {}

    async def wait(self, key: str) -> None:
        """Return when it is this caller's turn; callers come in order."""
        now = monotonic()
        due = max(self._due.get(key, 0.0), now)
        self._due[key] = due + self._interval
        await asyncio.sleep(max(0.0, due - self._allowance - now))


@dataclass
class _Slot(Generic[Value]):
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_at: float = 0.0
    newest: Value | None = None
    sending: asyncio.Task[None] | None = None


class NewestWins(Generic[Key, Value]):
    """Sends values of a key at most once per `interval` seconds, in order, skipping outdated ones.

    Args:
        interval: Seconds between two sends of one key.
        send: Does it; its errors reach every caller whose value it stood for.
    """

    def __init__(self, interval: float, send: Callable[[Key, Value], Awaitable[None]]) -> None:
        self._interval = interval
        self._send = send
        self._slots: dict[Key, _Slot[Value]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(self, key: Key, value: Value) -> None:
        """Return once this value or a newer one was sent."""
        self._forget_idle()
        slot = self._slots.setdefault(key, _Slot())
        slot.newest = value
        if slot.sending is None:
            slot.sending = asyncio.create_task(self._send_newest(key, slot))
            self._tasks.add(slot.sending)
            slot.sending.add_done_callback(self._ended)
        await asyncio.shield(slot.sending)

    async def put_now(self, key: Key, value: Value) -> None:
        """As `put`, without a pause after the last send; behind one that waits already."""
        self._slots.setdefault(key, _Slot()).next_at = 0.0
        await self.put(key, value)

    async def close(self) -> None:
        """Let what waits for its turn go out, and drop what takes longer."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._interval + 1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _send_newest(self, key: Key, slot: _Slot[Value]) -> None:
        async with slot.lock:
            await asyncio.sleep(max(0.0, slot.next_at - monotonic()))
            value, slot.newest, slot.sending = slot.newest, None, None
            slot.next_at = monotonic() + self._interval
            if value is not None:
                await self._send(key, value)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # its callers got it; without callers there is nobody to tell

    def _forget_idle(self) -> None:
        if len(self._slots) > MANY:
            now = monotonic()
            busy = {k: s for k, s in self._slots.items() if s.sending or s.lock.locked() or s.next_at > now}
            self._slots = busy
