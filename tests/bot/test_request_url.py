"""Slack's requests as they come over HTTP: only what Slack signed lately reaches anything at all."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession

from bot.app import SlackApp, Tokens
from bot.cards.presses import StopRequest, packed
from bot.channel import identify, web_client
from bot.playground.slack import BOT_USER, TEAM, LocalSlack
from bot.request_url import MOST_BYTES, PATH, SECRET, OverHttp, signing_secret
from engine.errors import ConfigurationInvalid
from engine.events import Opened, Reply, Sign, Stopped
from tests.bot.conftest import BOT_TOKEN, Recorder

SIGNING = "visibly-fake-signing-secret"
CHANNEL, TS = "C0DATA", "1764000000.000100"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"

MENTION = json.dumps(
    {
        "type": "event_callback",
        "team_id": TEAM,
        "event_id": "Ev0",
        "event": {
            "type": "app_mention",
            "channel": CHANNEL,
            "ts": TS,
            "user": "U0RILEY",
            "team": TEAM,
            "text": f"<@{BOT_USER}> add a metric",
        },
    }
).encode()


def click(user: str = "U0RILEY", thread: str = TS) -> bytes:
    """A click on Stop, as the form that Slack sends."""
    payload = {
        "type": "block_actions",
        "user": {"id": user, "team_id": TEAM},
        "team": {"id": TEAM},
        "trigger_id": "1.1",
        "container": {"type": "message", "channel_id": CHANNEL, "message_ts": "2.2", "thread_ts": thread},
        "actions": [
            {
                "type": "button",
                "action_id": "gl:stop",
                "block_id": "b",
                "action_ts": "3.3",
                "value": packed(StopRequest(request=f"{TEAM}:{CHANNEL}:{thread}")),
            }
        ],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def signed(body: bytes, at: float | str | None = None, secret: str = SIGNING) -> dict[str, str]:
    """The two headers, as Slack computes them."""
    sent = at if isinstance(at, str) else str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), b"v0:" + sent.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": sent, "X-Slack-Signature": f"v0={digest}"}


@dataclass
class Door:
    """A bot that takes requests over HTTP, and where its events end."""

    slack: LocalSlack
    engine: Recorder
    app: SlackApp

    async def send(
        self,
        body: bytes,
        headers: Mapping[str, str],
        kind: str = JSON,
        path: str = PATH,
        method: str = "POST",
    ) -> tuple[int, str]:
        address = f"http://127.0.0.1:{self.app.http_port}{path}"
        async with (
            ClientSession() as session,
            session.request(method, address, data=body, headers={"Content-Type": kind, **headers}) as answer,
        ):
            return answer.status, await answer.text()


@pytest.fixture
async def door(slack: LocalSlack) -> AsyncIterator[Door]:
    client = web_client(BOT_TOKEN, slack.api_url)
    engine = Recorder()
    app = SlackApp(engine, client, await identify(client), OverHttp(SIGNING, port=0))
    await app.connect()
    yield Door(slack, engine, app)
    await app.close()


async def test_a_signed_event_is_stored_before_it_is_answered(door: Door) -> None:
    assert (await door.send(MENTION, signed(MENTION)))[0] == 200
    (opened,) = door.engine.events
    assert isinstance(opened, Opened)
    assert (opened.request, opened.text) == (f"{TEAM}:{CHANNEL}:{TS}", "add a metric")


async def test_a_signed_click_is_a_form(door: Door) -> None:
    assert (await door.send(click(), signed(click()), FORM))[0] == 200
    (stopped,) = door.engine.events
    assert isinstance(stopped, Stopped)
    door.engine.reply = Reply(sign=Sign.ONLY_YOU, text="Not you.")
    body = click("U0SAM", await door.slack.person("U0RILEY").say(CHANNEL, None, "hello"))
    await door.send(body, signed(body), FORM)
    told = await door.slack.wait_for(lambda slack: slack.ephemerals("U0SAM"))
    assert told[0].text == "Not you."


async def test_what_comes_again_is_the_same_event(door: Door) -> None:
    """The engine knows an event by its key: sent again by Slack, or replayed by whoever saw it go by."""
    headers = signed(MENTION)
    again = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}
    for more in ({}, again, {}):
        assert (await door.send(MENTION, {**headers, **more}))[0] == 200
    first, *others = door.engine.events
    assert others == [first, first]
    for _ in range(2):
        await door.send(click(), signed(click()), FORM)
    assert door.engine.events[3].key == door.engine.events[4].key


async def test_an_event_that_could_not_be_stored_is_not_acknowledged(door: Door) -> None:
    door.engine.failures = [RuntimeError("secret detail")]
    status, text = await door.send(MENTION, signed(MENTION))
    assert status == 500
    assert "secret" not in text
    assert (await door.send(MENTION, signed(MENTION)))[0] == 200
    assert len(door.engine.events) == 1


async def test_slack_asks_whether_the_address_is_ours(door: Door) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c0ffee", "token": "fake"}).encode()
    status, text = await door.send(body, signed(body))
    assert (status, json.loads(text)) == (200, {"challenge": "c0ffee"})
    assert (await door.send(body, {}))[0] == 401


OTHER = MENTION.replace(b"add a metric", b"drop a table")


def forged() -> dict[str, dict[str, str]]:
    """Headers by what is wrong with them, as of now: a suite takes minutes."""
    return {
        "no headers at all": {},
        "no signature": {"X-Slack-Request-Timestamp": str(int(time.time()))},
        "no timestamp": {"X-Slack-Signature": signed(MENTION)["X-Slack-Signature"]},
        "an empty signature": {**signed(MENTION), "X-Slack-Signature": ""},
        "a wrong signature": {**signed(MENTION), "X-Slack-Signature": "v0=" + "0" * 64},
        "no version": {**signed(MENTION), "X-Slack-Signature": signed(MENTION)["X-Slack-Signature"][3:]},
        "an odd signature": {**signed(MENTION), "X-Slack-Signature": "v0=\u00e9"},
        "of another secret": signed(MENTION, secret="another-fake-signing-secret"),  # noqa: S106
        "of an empty secret": signed(MENTION, secret=""),
        "of another body": signed(OTHER),
        "of six minutes ago": signed(MENTION, time.time() - 360),
        "of in six minutes": signed(MENTION, time.time() + 360),
        "of no time": signed(MENTION, "soon"),
        "of a time before times": signed(MENTION, "-1"),
        "of an odd digit": signed(MENTION, "\u0661764000000"),
        "of an endless time": signed(MENTION, "9" * 400),
        "of another time than signed": {
            **signed(MENTION, time.time() - 60),
            "X-Slack-Request-Timestamp": str(int(time.time())),
        },
    }


@pytest.mark.parametrize("how", forged())
async def test_what_slack_did_not_sign_lately_reaches_nothing(door: Door, how: str) -> None:
    headers = forged()[how]
    for body, kind in ((MENTION, JSON), (click(), FORM), (b"ssl_check=1&" + click(), FORM), (b"{", JSON)):
        assert (await door.send(body, headers, kind))[0] == 401
    assert door.engine.events == []
    assert (await door.send(MENTION, signed(MENTION)))[0] == 200
    assert len(door.engine.events) == 1


async def test_odd_requests_reach_nothing(door: Door) -> None:
    async def status(body: bytes, kind: str = JSON, path: str = PATH, method: str = "POST") -> int:
        return (await door.send(body, signed(body), kind, path, method))[0]

    assert await status(MENTION, "text/plain") == 415
    assert await status(MENTION, "multipart/form-data; boundary=x") == 415
    assert await status(MENTION, path="/") == 404
    assert await status(MENTION, path="/slack/events/more") == 404
    assert await status(MENTION, method="GET") == 405
    assert await status(b"{") == 400
    assert await status(b"\xff\xfe") in {400, 401}
    assert await status(b" " * (MOST_BYTES + 1)) == 413
    assert await status(b"[]") in {200, 404, 500}
    assert await status(b"payload=%7B", FORM) in {200, 400, 404}
    assert door.engine.events == []
    assert await status(MENTION) == 200
    assert len(door.engine.events) == 1


async def test_only_signed_headers_mean_anything(door: Door) -> None:
    """Bolt takes orders from headers of its own, which nobody signs."""
    orders = {"X-Slack-Bolt-Lazy-Only": "1", "X-Slack-Bolt-Lazy-Function-Name": "on_message"}
    assert (await door.send(MENTION, {**signed(MENTION), **orders}))[0] == 200
    assert len(door.engine.events) == 1


async def test_a_body_that_never_ends_is_given_up(door: Door) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(3 * MOST_BYTES // 65_536):
            yield b" " * 65_536

    address = f"http://127.0.0.1:{door.app.http_port}{PATH}"
    async with ClientSession() as session, session.post(address, data=endless()) as answer:
        assert answer.status == 413


async def test_closing_lets_what_is_being_stored_be_answered(door: Door) -> None:
    door.engine.slowness_s = 0.3
    sending = asyncio.create_task(door.send(MENTION, signed(MENTION)))
    await asyncio.sleep(0.1)
    await door.app.close()
    assert (await sending)[0] == 200


def test_over_http_there_is_no_app_token_but_a_signing_secret() -> None:
    bot: dict[str, Any] = {"SLACK_BOT_TOKEN": BOT_TOKEN}
    assert Tokens.from_environment(bot, over_http=True).app.get_secret_value() == ""
    with pytest.raises(ConfigurationInvalid, match="SLACK_APP_TOKEN is not set"):
        Tokens.from_environment(bot)
    assert signing_secret({SECRET: f" {SIGNING} "}) == SIGNING
    for secret in ("", "   ", "short"):
        with pytest.raises(ConfigurationInvalid, match="Basic Information"):
            signing_secret({SECRET: secret})
    assert SIGNING not in repr(OverHttp(SIGNING))


async def test_an_address_that_is_taken_is_told(door: Door) -> None:
    client = web_client(BOT_TOKEN, door.slack.api_url)
    where = OverHttp(SIGNING, port=door.app.http_port)
    second = SlackApp(Recorder(), client, await identify(client), where)
    with pytest.raises(ConfigurationInvalid, match="choose another address or port"):
        await second.connect()
