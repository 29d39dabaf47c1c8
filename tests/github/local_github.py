"""A GitHub REST API on the loopback interface, for one repository.

It keeps pull requests, comments, labels, reviewers and events; refuses calls that GitHub would refuse
(unsigned, without the headers it demands, with bodies of the wrong shape); answers 304 to a known ETag; and
plays faults on demand. Faults come in order, each for the next call that it is for.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from aiohttp import web

from tests.github.documents import Document
from tests.github.held_repository import HeldRepository, Refused, require
from tests.loopback import Loopback

TOKEN = "github_pat_fake_0000000000"  # noqa: S105 (visibly fake)
BASE = "/api/v3"
RESET, SILENT, LOST, STUCK = 0, -1, -2, -3


@dataclass
class Fault:
    """What the next call of this method and path gets instead of an answer.

    Attributes:
        status: One of HTTP, RESET, SILENT (nothing is answered), LOST (it is done, and the connection reset)
            or STUCK (it is done, and nothing is answered).
        body: A document, or text as it stands.
    """

    method: str
    path: str
    status: int
    body: Document | list[Document] | str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Call:
    """A call that was received."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    status: int = 0


class LocalGitHub(HeldRepository, Loopback):
    """The server; a context manager.

    Args:
        full: owner/name of its one repository.
        heads: See `HeldRepository`.

    Attributes:
        calls: Every call, oldest first.
        faults: Played in order.
        tokens: Those that are accepted; revoked ones are taken out.
        lifetime: Of the tokens that the App gets.
        app_key: The App's public key in PEM; without one there is no App.
        installation: Of the App on the repository; None: not installed.
    """

    cancels = True

    def __init__(self, full: str = "acme/data", heads: Callable[[str], str | None] | None = None) -> None:
        super().__init__(full, heads)
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.tokens = {TOKEN}
        self.lifetime = timedelta(hours=1)
        self.app_key = ""
        self.installation: Document | None = {"id": 77, "suspended_at": None}
        self.issued: list[Document] = []

    @property
    def api(self) -> str:
        """The API's base address."""
        return f"{self.url}{BASE}"

    def asked(self, method: str, path: str) -> list[Call]:
        """The calls of a method whose path beneath the repository's matches."""
        return [call for call in self.calls if call.method == method and re.fullmatch(path, call.path)]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        raw = await request.read()
        path = request.path.removeprefix(f"{BASE}/repos/{self.full}").removeprefix("/")
        call = Call(request.method, path, dict(request.headers), json.loads(raw) if raw else None)
        self.calls.append(call)
        fault = next(
            (one for one in self.faults if one.method == call.method and re.fullmatch(one.path, path)), None
        )
        if fault is not None:
            self.faults.remove(fault)
            if fault.status in {LOST, STUCK}:
                self._repository_answers(request, call)
            return await self._played(request, fault)
        try:
            response = self._signed_in(request, call) or self._repository_answers(request, call)
        except Refused as refused:
            response = web.json_response(refused.document, status=refused.status)
        if response.status == web.HTTPOk.status_code and request.method == "GET":
            response = _unless_known(request, response)
        call.status = response.status
        return response

    async def _played(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.status in {RESET, LOST}:
            assert request.transport is not None
            request.transport.abort()
        if fault.status <= 0:
            await asyncio.sleep(30)
        text = fault.body if isinstance(fault.body, str) else json.dumps(fault.body)
        kind = "text/html" if isinstance(fault.body, str) else "application/json"
        return web.Response(status=fault.status, text=text, content_type=kind, headers=dict(fault.headers))

    def _signed_in(self, request: web.Request, call: Call) -> web.Response | None:
        """Refuse what GitHub would; answer what only the App may ask."""
        if not request.headers.get("User-Agent"):
            raise Refused(403, "Request forbidden by administrative rules.")
        if "application/vnd.github" not in request.headers.get("Accept", ""):
            raise Refused(415, "Unsupported 'Accept' header.")
        kind, _, shown = request.headers.get("Authorization", "").partition(" ")
        if not shown:
            raise Refused(401, "Requires authentication")
        if call.path == "installation" or request.path.startswith(f"{BASE}/app/"):
            return self._as_app(request, call, shown)
        if kind.lower() not in {"bearer", "token"} or shown not in self.tokens:
            raise Refused(401, "Bad credentials")
        return None

    def _as_app(self, request: web.Request, call: Call, shown: str) -> web.Response:
        try:
            claims = jwt.decode(shown, self.app_key, algorithms=["RS256"])
        except jwt.InvalidTokenError:
            raise Refused(401, "A JSON web token could not be decoded") from None
        if claims["exp"] - claims["iat"] > 600:
            raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
        if self.installation is None:
            raise Refused(404, "Not Found")
        if request.method == "GET":
            return web.json_response(self.installation)
        if self.installation["suspended_at"]:
            raise Refused(403, "This installation has been suspended")
        if not request.path.endswith(f"/app/installations/{self.installation['id']}/access_tokens"):
            raise Refused(404, "Not Found")
        require(call.body, {"repositories": list, "permissions": dict})
        if call.body["repositories"] != [self.full.split("/")[1]]:
            raise Refused(422, "There is at least one repository that does not exist or is not accessible.")
        token = f"ghs_fake_{len(self.issued):010}"
        expires = datetime.now(UTC) + self.lifetime
        self.tokens.add(token)
        self.issued.append(
            {**call.body, "token": token, "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}
        )
        return web.json_response(self.issued[-1], status=201)

    def _repository_answers(self, request: web.Request, call: Call) -> web.Response:
        if not request.path.startswith(f"{BASE}/repos/{self.full}"):
            raise Refused(404, "Not Found")
        return self.answer(request, call.path, call.body)


def _unless_known(request: web.Request, response: web.Response) -> web.Response:
    assert isinstance(response.body, bytes)
    etag = f'W/"{hashlib.sha256(response.body).hexdigest()}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    return response
