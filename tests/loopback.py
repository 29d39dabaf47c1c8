"""A server on a port of its own, for as long as a test needs it."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import ClassVar, Self

from aiohttp import web


class Loopback(ABC):
    """Answers every request by `serve`; `url` is where, once it is entered.

    Attributes:
        most_bytes: Of a request's body.
        cancels: Whether an answer is given up once its client is gone.
    """

    most_bytes: ClassVar[int] = 1 << 20
    cancels: ClassVar[bool] = False
    url = ""
    _runner: web.AppRunner

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=self.most_bytes)
        app.router.add_route("*", "/{path:.*}", self.serve)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=self.cancels, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @abstractmethod
    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
