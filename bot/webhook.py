"""GitHub's webhooks: signed word that something happened to a pull request, and that it is time to look.

Nothing of what they say is used but the number: a look asks GitHub itself. So one that comes twice, late
or out of order changes nothing, and one that gets lost is made up for by the next look.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import structlog
from aiohttp import web

from bot.serving import Server, secret_from

PATH = "/github"
SECRET = "GITHUB_WEBHOOK_SECRET"  # noqa: S105 (the name of a variable)
MOST_BYTES = 2_000_000
_MOST_NUMBERS = 20
_OF_CHECKS = ("check_run", "check_suite", "workflow_run")

log = structlog.get_logger(__name__)

Look = Callable[[int], Awaitable[None]]


class Webhook(Server):
    """A small server that takes them.

    Args:
        secret: What GitHub signs with.
        look: Looks at the pull requests of a number soon.
    """

    def __init__(self, secret: str, look: Look) -> None:
        self._secret = secret.encode()
        self._look = look
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_post(PATH, self._take)
        super().__init__(app, "Webhooks cannot be taken")

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not self._signed(body, request.headers.get("X-Hub-Signature-256", "")):
            log.warning("webhook.refused")
            return web.Response(status=401, text="The signature does not fit.")
        try:
            payload = json.loads(body)
        except ValueError:
            return web.Response(status=400, text="Set the webhook's content type to application/json.")
        numbers = list(dict.fromkeys(numbers_of(payload)))[:_MOST_NUMBERS]
        for number in numbers:
            await self._look(number)
        log.info("webhook.taken", numbers=len(numbers))
        return web.Response(status=202)

    def _signed(self, body: bytes, signature: str) -> bool:
        expected = f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}"
        return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


def numbers_of(payload: object) -> Iterator[int]:
    """Numbers of the pull requests that a webhook is about; none where it names none."""
    if not isinstance(payload, dict):
        return
    about: list[Any] = [payload.get("pull_request"), payload.get("issue")]
    for name in _OF_CHECKS:
        checked = payload.get(name)
        pulls = checked.get("pull_requests") if isinstance(checked, dict) else None
        about += pulls if isinstance(pulls, list) else []
    for one in about:
        number = one.get("number") if isinstance(one, dict) else None
        if isinstance(number, int) and 0 < number < 2**31:
            yield number


def secret_of(environment: Mapping[str, str] = os.environ) -> str:
    """GITHUB_WEBHOOK_SECRET.

    Raises:
        ConfigurationInvalid: it is not set, or short enough to be guessed.
    """
    return secret_from(environment, SECRET, "GitHub signs webhooks with")
