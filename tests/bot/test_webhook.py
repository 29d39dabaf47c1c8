"""GitHub's webhooks as they come in over a socket: only signed ones count, and only their number does."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import ClientSession

from bot.webhook import MOST_BYTES, Webhook, numbers_of, secret_of
from engine.errors import ConfigurationInvalid

SECRET = "visibly-fake-secret"  # noqa: S105
COMMENT = {"action": "created", "issue": {"number": 7, "pull_request": {}}, "comment": {"body": "approve"}}


@dataclass
class Hook:
    """A running webhook, and the numbers that it had looked at."""

    webhook: Webhook
    looked: list[int] = field(default_factory=list)

    async def post(self, body: bytes, signature: str | None = None, path: str = "/github") -> int:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-GitHub-Event": "issue_comment", "Content-Type": "application/json"}
        if signature != "":
            headers["X-Hub-Signature-256"] = signature or f"sha256={digest}"
        address = f"http://127.0.0.1:{self.webhook.port}{path}"
        async with (
            ClientSession() as session,
            session.post(address, data=body, headers=headers) as response,
        ):
            return response.status


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    looked: list[int] = []

    async def look(number: int) -> None:
        looked.append(number)

    webhook = Webhook(SECRET, look)
    await webhook.start("127.0.0.1", 0)
    yield Hook(webhook, looked)
    await webhook.close()


async def test_a_signed_webhook_makes_a_look_however_often_it_comes(hook: Hook) -> None:
    body = json.dumps(COMMENT).encode()
    assert [await hook.post(body), await hook.post(body)] == [202, 202]
    assert hook.looked == [7, 7]


@pytest.mark.parametrize(
    "signature", ["", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "0" * 64, "\u00e9"]
)
async def test_what_is_not_signed_is_refused(hook: Hook, signature: str) -> None:
    assert await hook.post(json.dumps(COMMENT).encode(), signature) == 401
    assert hook.looked == []


async def test_what_is_signed_but_makes_no_sense_changes_nothing(hook: Hook) -> None:
    assert await hook.post(b"payload=%7B%7D") == 400
    assert await hook.post(b"[1]") == 202
    assert await hook.post(b"x" * (MOST_BYTES + 1)) == 413
    assert await hook.post(b"{}", path="/other") == 404
    assert hook.looked == []


def test_the_numbers_that_a_webhook_names() -> None:
    check = {"check_run": {"pull_requests": [{"number": 3}, {"number": 4}, "x"]}}
    assert list(numbers_of(check)) == [3, 4]
    assert list(numbers_of({"pull_request": {"number": 5}, "number": 9})) == [5]
    odd: list[object] = [{}, None, {"issue": 7}, {"issue": {"number": "7"}}, {"check_run": []}]
    assert [list(numbers_of(one)) for one in odd] == [[]] * len(odd)


@pytest.mark.parametrize("environment", [{}, {"GITHUB_WEBHOOK_SECRET": "short"}])
def test_a_secret_has_to_be_there(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationInvalid, match="GITHUB_WEBHOOK_SECRET"):
        secret_of(environment)


async def test_an_address_that_is_taken_is_told(hook: Hook) -> None:
    other = Webhook(SECRET, hook.webhook._look)
    with pytest.raises(ConfigurationInvalid, match="choose another"):
        await other.start("127.0.0.1", hook.webhook.port)
