"""A small HTTP server of ours, started or refused in a sentence; and the secrets of those who call it."""

import errno
from collections.abc import Mapping

from aiohttp import web

from engine.errors import ConfigurationInvalid

SHORTEST_SECRET = 16


def secret_from(environment: Mapping[str, str], name: str, for_what: str) -> str:
    """A secret that others sign with.

    Raises:
        ConfigurationInvalid: it is not set, or short enough to be guessed.
    """
    secret = environment.get(name, "").strip()
    if len(secret) < SHORTEST_SECRET:
        raise ConfigurationInvalid(
            f"{name} has to hold the secret that {for_what}: {SHORTEST_SECRET} characters at least."
        )
    return secret


class Server:
    """Serves an application.

    Args:
        app: What it serves.
        what: Begins the sentence that tells that an address cannot be listened on.
        closing_s: Seconds that what is being answered has left once it closes.
    """

    def __init__(self, app: web.Application, what: str, closing_s: float = 5.0) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=closing_s)
        self._what = what
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one, and `port` tells which.

        Raises:
            ConfigurationInvalid: the address cannot be listened on.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            there = " something else listens there, maybe a Greenlight that runs already;"
            taken = there if error.errno == errno.EADDRINUSE else ""
            raise ConfigurationInvalid(
                f"{self._what} at {host}:{port}:{taken} choose another address or port."
            ) from error
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()
