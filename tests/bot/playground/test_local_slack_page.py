"""The page's server side: who gets in, what it shows, what it lets people do."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.playground.slack import Front, Link, LocalSlack, SlackOptions, Suggestion
from tests.bot.playground.local_slack_app import QUIET, bolt_app, connected, web_client

Json = dict[str, Any]


async def status_of(session: aiohttp.ClientSession, method: str, url: str, **more: Any) -> int:
    async with session.request(method, url, **more) as response:
        return response.status


async def test_it_listens_on_loopback_only() -> None:
    async with LocalSlack(QUIET) as slack:
        assert slack.url.startswith("http://127.0.0.1:")
        assert slack.page_url.startswith(f"{slack.url}/?token=")
        port = int(slack.url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match=r"."):
            await asyncio.open_connection("127.0.0.2", port)


@pytest.mark.parametrize("path", ["/", "/page/events", "/page/app.js", "/page/act", "/forge/", "/nothing"])
async def test_without_the_token_nobody_gets_in(path: str) -> None:
    async with (
        LocalSlack(SlackOptions(mounts={"/forge": forge()})) as slack,
        aiohttp.ClientSession() as session,
    ):
        method = "POST" if path == "/page/act" else "GET"
        assert await status_of(session, method, slack.url + path) == 401
        assert await status_of(session, method, f"{slack.url}{path}?token=wrong") == 401


async def test_a_token_in_the_address_does_not_let_forms_in() -> None:
    async with LocalSlack(QUIET) as slack, aiohttp.ClientSession() as session:
        url = f"{slack.url}/page/act?token={slack.options.token}"
        assert await status_of(session, "POST", url, json={}) == 401


@pytest.mark.parametrize("path", ["/", "/api/auth.test", "/link", "/response/x"])
async def test_foreign_hosts_and_origins_are_refused(path: str) -> None:
    async with LocalSlack(QUIET) as slack, aiohttp.ClientSession() as session:
        url = f"{slack.url}{path}?token={slack.options.token}"
        port = slack.url.rsplit(":", 1)[1]
        for headers in (
            {"Host": "evil.example"},
            {"Host": "127.0.0.1:1"},
            {"Host": f"evil.example:{port}"},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": f"http://localhost:{port}"},
        ):
            assert await status_of(session, "GET", url, headers=headers) == 403, headers


async def test_the_token_is_exchanged_for_a_strict_cookie_and_a_policy() -> None:
    async with (
        LocalSlack(QUIET) as slack,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        async with session.get(slack.page_url) as response:
            assert response.status == 200
            cookie = response.headers["Set-Cookie"]
            policy = response.headers["Content-Security-Policy"]
        assert "SameSite=Strict" in cookie
        assert "HttpOnly" in cookie
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for name in ("app.js", "style.css"):
            assert await status_of(session, "GET", f"{slack.url}/page/{name}") == 200
        assert await status_of(session, "GET", f"{slack.url}/page/..%2Fserver.py") == 404


def forge() -> web.Application:
    async def pull_requests(_: web.Request) -> web.Response:
        return web.Response(text="pull requests")

    app = web.Application()
    app.add_routes([web.get("/", pull_requests)])
    return app


async def test_a_mounted_application_stands_behind_the_same_token() -> None:
    async with (
        LocalSlack(SlackOptions(mounts={"/forge": forge()})) as slack,
        aiohttp.ClientSession() as session,
    ):
        known = {"X-Playground-Token": slack.options.token}
        async with session.get(f"{slack.url}/forge/", headers=known) as response:
            assert (response.status, await response.text()) == (200, "pull requests")
            assert "Content-Security-Policy" in response.headers


async def next_update(response: aiohttp.ClientResponse) -> Json:
    async with asyncio.timeout(5):
        while True:
            line = (await response.content.readline()).decode()
            if line.startswith("data: "):
                update: Json = json.loads(line.removeprefix("data: "))
                return update


async def test_the_stream_starts_with_everything_and_goes_on_with_changes() -> None:
    front = Front(
        banner="rehearsal",
        suggestions=(Suggestion("Example", "C0DATA", "@Greenlight add a metric"),),
        links=(Link("Pull requests", "/forge/"),),
    )
    async with LocalSlack(SlackOptions(paces={}, front=front)) as slack, aiohttp.ClientSession() as session:
        known = {"X-Playground-Token": slack.options.token}
        before = await slack.person("U0RILEY").say("C0DATA", None, "before")
        async with session.get(f"{slack.url}/page/events", headers=known) as stream:
            snapshot = await next_update(stream)
            assert snapshot["about"] == "snapshot"
            assert [message["ts"] for message in snapshot["messages"]] == [before]
            assert [member["role"] for member in snapshot["members"]] == ["requester", "approver", "no say"]
            assert snapshot["front"]["banner"] == "rehearsal"
            assert snapshot["front"]["suggestions"][0]["channel"] == "C0DATA"
            assert snapshot["front"]["links"][0]["href"] == "/forge/"
            posted = await web_client(slack).chat_postMessage(channel="C0DATA", text="<b>hi</b>")
            update = await next_update(stream)
            assert (update["about"], update["message"]["ts"]) == ("message", posted["ts"])
            assert update["message"]["text"] == "<b>hi</b>"
            await web_client(slack).chat_delete(channel="C0DATA", ts=posted["ts"])
            assert (await next_update(stream))["about"] == "deleted"


async def test_people_act_through_the_page_and_are_told_what_went_wrong() -> None:
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "block_id": "row", "elements": [button]}]
    async with LocalSlack(QUIET) as slack, aiohttp.ClientSession() as session:
        app, seen = bolt_app(slack), []

        @app.action("go")
        async def acted(ack: Any, body: Json) -> None:
            await ack()
            seen.append(body["user"]["id"])

        async def act(**deed: Any) -> tuple[int, Json]:
            known = {"X-Playground-Token": slack.options.token}
            async with session.post(f"{slack.url}/page/act", json=deed, headers=known) as response:
                answer: Json = await response.json()
                return response.status, answer

        async with connected(slack, app):
            ts = (await web_client(slack).chat_postMessage(channel="C0DATA", text="t", blocks=blocks))["ts"]
            click = {"kind": "act", "person": "U0DANA", "container": ts, "block_id": "row", "action_id": "go"}
            assert await act(**click) == (200, {})
            assert seen == ["U0DANA"]
            status, answer = await act(**{**click, "action_id": "stop"})
            assert status == 409
            assert "no element" in answer["error"]
        status, answer = await act(kind="write", person="U0SAM", channel="C0DATA", text="@Greenlight hi")
        assert status == 200
        assert slack.message(answer["ts"]).text == "<@U0GREENLIGHT> hi"
        assert (await act(kind="dance", person="U0SAM"))[0] == 400
        status, answer = await act(**click)
        assert (status, answer["error"]) == (502, "Greenlight is not connected.")
