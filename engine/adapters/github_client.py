"""GitHub's REST API for one repository: signed calls, pages, and answers only if they changed."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import githubkit

from engine.adapters import github_http
from engine.adapters.github_errors import Doing, NotThere, TokenRefused, mapped, moved
from engine.adapters.github_http import CALL_TIMEOUT_S, hub, read
from engine.adapters.github_place import Place
from engine.adapters.github_secrets import Secrets
from engine.adapters.github_tokens import tokens_for
from engine.adapters.github_wire import HeldBranch
from engine.errors import NeedsPerson

T = TypeVar("T")
Query = Mapping[str, str | int]

PAGE = 100

_ASKING = Doing("read branches", "Contents: read and write")


class Got(NamedTuple, Generic[T]):
    """An answer and its ETag; `value` is None if nothing changed since the ETag that was sent."""

    value: T | None
    etag: str


class GitHubClient:
    """Calls beneath one repository's path. Every method raises what `get` raises.

    Args:
        place: The repository.
        secrets: What the bot shows GitHub.
        timeout_s: Seconds until a call that is not over counts as unanswered.

    Attributes:
        opening: Held while a pull request is looked for and opened: GitHub has no such lock.
    """

    def __init__(self, place: Place, secrets: Secrets, timeout_s: float = CALL_TIMEOUT_S) -> None:
        self.place = place
        self.opening = asyncio.Lock()
        self._timeout_s = timeout_s
        self._tokens = tokens_for(place, secrets)
        self._github = hub(place.api)

    async def token(self) -> str:
        """For git; it holds for some minutes at least."""
        return await self._tokens.token()

    def refused(self, token: str) -> bool:
        """Git's host did not take this one: whether asking for another may help."""
        return self._tokens.refused(token)

    async def protected(self, branch: str) -> bool:
        """Whether a rule protects this branch, as far as GitHub tells.

        Of a branch that is not there yet it tells nothing: then the push says what its rules are.
        """
        try:
            held = await self.get(f"branches/{quote(branch, safe='')}", HeldBranch, _ASKING)
        except TokenRefused:
            raise
        except NeedsPerson:
            return False
        return held.protected

    def session(self) -> AbstractAsyncContextManager[object]:
        """Calls within share their connections. Not to be nested."""
        return self._github

    async def get(self, path: str, as_: type[T], doing: Doing, *, query: Query | None = None) -> T:
        """GET a path beneath the repository's.

        Args:
            path: Such as "pulls"; empty for the repository itself.
            as_: What the answer has to be.
            doing: What it is for, should it fail.
            query: Parameters of the address.

        Raises:
            NeedsPerson: GitHub refused; with what to do.
            Transient: GitHub did not answer properly, or asks to wait.
        """
        return read(await self._call("GET", path, doing, query=query), as_)

    async def found(self, path: str, as_: type[T], doing: Doing, *, query: Query | None = None) -> T | None:
        """`get`, or None if there is no such thing."""
        try:
            return await self.get(path, as_, doing, query=query)
        except NotThere:
            return None

    async def changed(
        self, path: str, as_: type[T], doing: Doing, *, query: Query | None = None, etag: str = ""
    ) -> Got[T]:
        """`get`, unless the answer is still the one with this ETag; that costs nothing of the rate limit."""
        headers = {"If-None-Match": etag} if etag else {}
        response = await self._call("GET", path, doing, query=query, headers=headers)
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            return Got(None, etag)
        return Got(read(response, as_), response.headers.get("etag", ""))

    async def pages(
        self, path: str, as_: type[T], doing: Doing, *, most: int, query: Query | None = None
    ) -> Sequence[T]:
        """All items of a list: of `most` pages of 100, no more."""
        found: list[T] = []
        for page in range(1, most + 1):
            here = {**(query or {}), "per_page": PAGE, "page": page}
            items: list[T] = await self.get(path, list[as_], doing, query=here)  # type: ignore[valid-type]
            found += items
            if len(items) < PAGE:
                break
        return found

    async def send(self, method: str, path: str, body: Mapping[str, Any], as_: type[T], doing: Doing) -> T:
        """POST, PATCH or PUT a JSON body."""
        return read(await self._call(method, path, doing, body=body), as_)

    async def _call(
        self,
        method: str,
        path: str,
        doing: Doing,
        *,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "githubkit.Response[Any]":
        async def once(token: str) -> "githubkit.Response[Any]":
            return await github_http.call(
                self._github,
                method,
                f"repos/{self.place.full}/{path}".rstrip("/"),
                lambda error: mapped(error, self.place, doing, self._tokens.whose),
                timeout_s=self._timeout_s,
                query=query,
                body=body,
                headers={**(headers or {}), "Authorization": f"Bearer {token}"},
            )

        token = await self._tokens.token()
        try:
            response = await once(token)
        except TokenRefused:
            if not self._tokens.refused(token):
                raise
            response = await once(await self._tokens.token())
        if response.raw_response.has_redirect_location:
            raise moved(self.place)
        return response
