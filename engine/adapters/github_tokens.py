"""The token that calls and git show: the operator's own, or one after another of an App's installation."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from pydantic import SecretStr

from engine.adapters.github_errors import not_signed_in
from engine.adapters.github_http import Wire, call, hub, read
from engine.adapters.github_place import Place
from engine.adapters.github_secrets import APP_ID, APP_KEY, TOKEN, AppKey, Secrets
from engine.errors import NeedsPerson

PERMISSIONS: Mapping[str, str] = {
    "contents": "write",
    "pull_requests": "write",
    "checks": "read",
    "statuses": "read",
    "metadata": "read",
}
"""Of each token that an App is asked for: never more, whatever the App was granted."""

_EARLY = timedelta(minutes=5)


class Tokens(Protocol):
    """Where tokens come from."""

    whose: str
    """The variables that hold the credentials."""

    async def token(self) -> str:
        """One that holds for some minutes at least.

        Raises:
            NeedsPerson: GitHub gives none.
            Transient: GitHub did not answer, or asks to wait.
        """
        ...

    def refused(self, token: str) -> bool:
        """GitHub did not take this one: whether asking for another may help."""
        ...


def tokens_for(place: Place, secrets: Secrets) -> Tokens:
    """Tokens for one repository."""
    return _Installed(place, secrets) if isinstance(secrets, AppKey) else _Given(secrets)


class _Given:
    def __init__(self, token: SecretStr) -> None:
        self.whose = TOKEN
        self._token = token

    async def token(self) -> str:
        return self._token.get_secret_value()

    def refused(self, token: str) -> bool:
        return False


class _Installation(Wire):
    id: int
    suspended_at: datetime | None = None


class _Issued(Wire):
    token: SecretStr
    expires_at: datetime


class _Installed:
    """Each for an hour at most, for one repository only; a new one is asked for before the old one ends."""

    def __init__(
        self, place: Place, key: AppKey, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.whose = f"{APP_ID} and {APP_KEY}"
        self._place = place
        self._app = hub(place.api, key)
        self._now = now
        self._held: _Issued | None = None
        self._asking = asyncio.Lock()

    async def token(self) -> str:
        async with self._asking:
            if self._held is None or self._held.expires_at - self._now() < _EARLY:
                self._held = await self._issued()
            return self._held.token.get_secret_value()

    def refused(self, token: str) -> bool:
        if self._held is not None and self._held.token.get_secret_value() == token:
            self._held = None
        return True

    async def _issued(self) -> _Issued:
        installation = read(await self._call("GET", f"repos/{self._place.full}/installation"), _Installation)
        if installation.suspended_at is not None:
            raise NeedsPerson(
                f"The GitHub App's installation on {self._place.full} is suspended: an owner has to "
                "unsuspend it."
            )
        wanted = {"repositories": [self._place.name], "permissions": PERMISSIONS}
        path = f"app/installations/{installation.id}/access_tokens"
        return read(await self._call("POST", path, wanted), _Issued)

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return await call(
            self._app, method, path, lambda error: not_signed_in(error, self._place, self.whose), body=body
        )
