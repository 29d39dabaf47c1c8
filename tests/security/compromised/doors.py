"""Doors that nobody has any business at: whoever knocks is written down."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

Met = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Doors(asyncio.DatagramProtocol):
    """A TCP port and a UDP port on the loopback, and a socket as an SSH agent has one; a context manager.

    Attributes:
        knocks: What came, a line each.
    """

    def __init__(self, agent: Path) -> None:
        self.knocks: list[str] = []
        self.agent = str(agent)
        self.tcp = self.udp = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._came("tcp"), "127.0.0.1", 0)
        self.tcp = self._server.sockets[0].getsockname()[1]
        self._local = await asyncio.start_unix_server(self._came("agent"), self.agent)
        self._datagrams, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.udp = self._datagrams.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._datagrams.close()
        for server in (self._server, self._local):
            server.close()

    def datagram_received(self, data: bytes, addr: object) -> None:
        """As `asyncio.DatagramProtocol`."""
        self.knocks.append(f"udp: {data[:80]!r}")

    def _came(self, door: str) -> Met:
        async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            said = b""
            with contextlib.suppress(TimeoutError, ConnectionError):
                said = await asyncio.wait_for(reader.read(200), 1)
            self.knocks.append(f"{door}: {said[:80]!r}")
            writer.close()

        return met
