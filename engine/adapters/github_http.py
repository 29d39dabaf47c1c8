"""One call of GitHub's REST API: no retry, no cache, no redirect, within a time, errors mapped.

A wait is the engine's, durable; what is known is kept by the caller; and credentials go to one host.
Answers are read by small models of ours, which ask for no more than is used: so Enterprise Servers of
other ages can be read too.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import githubkit
from githubkit.auth import AppAuthStrategy, UnauthAuthStrategy
from githubkit.cache import MemCacheStrategy
from githubkit.exception import GitHubException
from pydantic import BaseModel, ConfigDict, TypeAdapter

from engine.adapters.github_secrets import AppKey
from engine.errors import GreenlightError, Unreachable
from engine.settings import LOOPBACK

T = TypeVar("T")
Mapper = Callable[[Exception], GreenlightError]
Hub = githubkit.GitHub[Any]

CALL_TIMEOUT_S = 30.0
API_VERSION = "2022-11-28"


class Wire(BaseModel):
    """Base of what is read of GitHub's answers; the rest of them is ignored."""

    model_config = ConfigDict(frozen=True)


def hub(api: str, key: AppKey | None = None) -> Hub:
    """A GitHub at this address; calls are signed with the App's key if one is given, else not at all."""
    auth = AppAuthStrategy(key.app, key.key.get_secret_value()) if key else UnauthAuthStrategy()
    return githubkit.GitHub(
        auth,
        base_url=api,
        user_agent="Greenlight",
        follow_redirects=False,
        http_cache=False,
        cache_strategy=MemCacheStrategy(),  # the usual one is shared by whatever uses githubkit here
        auto_retry=False,
        timeout=CALL_TIMEOUT_S,
        trust_env=urlsplit(api).hostname not in LOOPBACK,
    )


async def call(
    github: Hub,
    method: str,
    path: str,
    mapper: Mapper,
    *,
    timeout_s: float = CALL_TIMEOUT_S,
    query: Mapping[str, str | int] | None = None,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> "githubkit.Response[Any]":
    """Make one call.

    Args:
        github: Of `hub`.
        method: GET, POST, PATCH or PUT.
        path: Relative to the API's base.
        mapper: What an error means.
        timeout_s: Seconds until a call that is not over counts as unanswered.
        query: Parameters of the address.
        body: Sent as JSON.
        headers: Beyond the usual ones.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await github.arequest(
                method,
                path,
                params=dict(query) if query else None,
                json=body,
                headers={"X-GitHub-Api-Version": API_VERSION, **(headers or {})},
            )
    # ValueError: githubkit takes Retry-After for a number, whatever stands there.
    except (GitHubException, TimeoutError, ValueError) as error:
        raise mapper(error) from None


def read(response: "githubkit.Response[Any]", as_: type[T]) -> T:
    """What an answer says.

    Raises:
        Unreachable: it is not JSON, or not of this form.
    """
    try:
        return TypeAdapter(as_).validate_json(response.content)
    except ValueError:
        raise Unreachable("GitHub's answer is not one that its API gives.") from None
