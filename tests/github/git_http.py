"""Git over HTTP on the loopback interface: git's own http-backend behind a door that demands a credential."""

import asyncio
import base64
import os
import subprocess
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from aiohttp import web

from tests.loopback import Loopback


class Hangs(Enum):
    """Where a push hangs: before git takes it, before it is refused, or before what it took is told."""

    BEFORE = "before"
    TO_FAIL = "to fail"
    ONCE_TAKEN = "once taken"


class GitHttp(Loopback):
    """The server; a context manager.

    Args:
        directory: Bare repositories are beneath it, such as acme/data.git.
        tokens: Those that are accepted, as GitHub takes them.

    Attributes:
        asked: Method, path and Authorization header of each request.
        meanwhile: Called once, when commits arrive and before git takes them.
        answers: Status, headers and text for the next requests instead of git's answer.
        hangs: Where the next push hangs, once; `pushing` is set then, and it goes on once `let` is.
    """

    most_bytes = 1 << 28

    def __init__(self, directory: Path, tokens: set[str]) -> None:
        self._directory = directory
        self.tokens = tokens
        self.asked: list[tuple[str, str, str]] = []
        self.answers: list[tuple[int, dict[str, str], str]] = []
        self.meanwhile: Callable[[], object] | None = None
        self.hangs: Hangs | None = None
        self.pushing, self.let = asyncio.Event(), asyncio.Event()

    @property
    def pushes(self) -> int:
        """How often commits arrived."""
        return sum(method == "POST" and path.endswith("git-receive-pack") for method, path, _ in self.asked)

    async def serve(self, request: web.Request) -> web.Response:
        """Answer a request."""
        body = await request.read()
        shown = request.headers.get("Authorization", "")
        self.asked.append((request.method, request.path, shown))
        if self.answers:
            status, headers, text = self.answers.pop(0)
            return web.Response(status=status, headers=headers, text=text)
        if shown not in {_basic(token) for token in self.tokens}:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="GitHub"'})
        if self.meanwhile and request.method == "POST" and request.path.endswith("git-receive-pack"):
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        if self.hangs and request.method == "POST" and request.path.endswith("git-receive-pack"):
            return await self._hanging(request, body)
        return await self._backend(request, body)

    async def _hanging(self, request: web.Request, body: bytes) -> web.Response:
        where, self.hangs = self.hangs, None
        taken = await self._backend(request, body) if where is Hangs.ONCE_TAKEN else None
        self.pushing.set()
        await self.let.wait()
        if where is Hangs.TO_FAIL:
            return web.Response(status=500, text="It went away.")
        return taken or await self._backend(request, body)

    async def _backend(self, request: web.Request, body: bytes) -> web.Response:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_PROJECT_ROOT": str(self._directory),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": request.path,
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "x-access-token",
            "REMOTE_ADDR": "127.0.0.1",
        }
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await process.communicate(body)
        head, _, rest = output.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        return web.Response(status=int(headers.pop("Status", "200")[:3]), headers=headers, body=rest)


def _basic(token: str) -> str:
    return "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()


def branch_head(bare: Path, branch: str) -> str | None:
    """What the bare repository holds on a branch."""
    done = subprocess.run(
        ["git", "-C", str(bare), "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None
