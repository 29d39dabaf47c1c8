"""An unmodified Bolt app over Socket Mode: events both ways, acks, retries, reconnects."""

from typing import Any

import aiohttp
import pytest

from bot.playground.slack import LocalSlack, NotAcked, SlackOptions
from tests.bot.playground.local_slack_app import QUIET, bolt_app, connected, web_client

Json = dict[str, Any]


def recording_app(slack: LocalSlack, seen: list[Json]) -> Any:
    app = bolt_app(slack)

    @app.event("app_mention")
    async def mentioned(body: Json) -> None:
        seen.append(body)

    @app.event("message")
    async def said(body: Json) -> None:
        seen.append(body)

    return app


async def test_a_mention_arrives_as_message_and_as_app_mention_of_one_ts() -> None:
    async with LocalSlack(QUIET) as slack:
        seen: list[Json] = []
        async with connected(slack, recording_app(slack, seen)):
            ts = await slack.person("U0RILEY").mention("C0DATA", "add a metric")
            ack = await slack.acked(ts)
    assert sorted(body["event"]["type"] for body in seen) == ["app_mention", "message"]
    assert {body["event"]["ts"] for body in seen} == {ts}
    assert {body["event"]["text"] for body in seen} == {"<@U0GREENLIGHT> add a metric"}
    assert len({body["event_id"] for body in seen}) == 2
    assert 0 < ack.seconds < 1


async def test_a_thread_reply_is_a_message_with_its_parent_and_no_mention() -> None:
    async with LocalSlack(QUIET) as slack:
        seen: list[Json] = []
        async with connected(slack, recording_app(slack, seen)):
            root = await slack.person("U0RILEY").say("C0DATA", None, "the dashboard is slow")
            reply = await slack.person("U0DANA").say("C0DATA", root, "which one?")
            await slack.acked(reply)
    event = seen[-1]["event"]
    assert (event["type"], event["thread_ts"], event["parent_user_id"]) == ("message", root, "U0RILEY")
    assert len(seen) == 2


async def test_the_bots_own_posts_and_edits_are_events_that_bolt_acks_and_drops() -> None:
    async with LocalSlack(QUIET) as slack:
        seen: list[Json] = []
        async with connected(slack, recording_app(slack, seen)):
            client = web_client(slack)
            posted = await client.chat_postMessage(channel="C0DATA", text="one")
            await client.chat_update(channel="C0DATA", ts=posted["ts"], text="two")
            await slack.wait_for(lambda s: all(d.settled.is_set() for d in s.deliveries), 5)
    new, changed = (delivery.payload["event"] for delivery in slack.deliveries)
    assert new["bot_id"] == "B0GREENLIGHT"
    assert (changed["subtype"], changed["previous_message"]["text"]) == ("message_changed", "one")
    assert changed["message"]["text"] == "two"
    assert all(delivery.ack for delivery in slack.deliveries)
    assert seen == []


async def test_events_wait_for_an_app_to_connect() -> None:
    async with LocalSlack(QUIET) as slack:
        ts = await slack.person("U0RILEY").mention("C0DATA", "early")
        seen: list[Json] = []
        async with connected(slack, recording_app(slack, seen)):
            await slack.acked(ts)
    assert len(seen) == 2


async def test_an_unacked_event_is_sent_again_with_the_same_event_id() -> None:
    options = SlackOptions(paces={}, ack_timeout=0.2, retry_delays=(0.0, 0.05, 0.05))
    async with LocalSlack(options) as slack:
        app, seen = bolt_app(slack), []

        @app.event("message")
        async def said(body: Json, request: Any) -> None:
            headers = (request.headers.get(f"x-slack-retry-{name}", [""])[0] for name in ("num", "reason"))
            seen.append((body["event_id"], *headers))
            if len(seen) < 3:
                raise RuntimeError("not stored")

        async with connected(slack, app):
            ts = await slack.person("U0RILEY").say("C0DATA", None, "hello")
            await slack.acked(ts)
    assert [(str(number), reason) for _, number, reason in seen[1:]] == [("1", "timeout"), ("2", "timeout")]
    assert len({event_id for event_id, *_ in seen}) == 1
    assert slack.deliveries[0].attempts == 3


async def test_an_event_nobody_acks_is_given_up_after_the_last_retry() -> None:
    options = SlackOptions(paces={}, ack_timeout=0.1, retry_delays=(0.0, 0.01))
    async with LocalSlack(options) as slack, connected(slack, bolt_app(slack)):
        ts = await slack.person("U0RILEY").say("C0DATA", None, "hello")
        with pytest.raises(NotAcked, match="3 tries"):
            await slack.acked(ts)


async def test_an_action_nobody_handles_is_not_acked() -> None:
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    options = SlackOptions(paces={}, ack_timeout=0.2)
    async with LocalSlack(options) as slack, connected(slack, bolt_app(slack)):
        blocks = [{"type": "actions", "elements": [button]}]
        posted = await web_client(slack).chat_postMessage(channel="C0DATA", text="t", blocks=blocks)
        with pytest.raises(NotAcked, match="did not answer"):
            await slack.person("U0RILEY").click(posted["ts"], action_id="go")


@pytest.mark.parametrize("how", ["asked", "dropped"])
async def test_the_app_reconnects_and_loses_nothing(how: str) -> None:
    async with LocalSlack(QUIET) as slack:
        seen: list[Json] = []
        async with connected(slack, recording_app(slack, seen)):
            opened = len([call for call in slack.calls if call.method == "apps.connections.open"])
            await (slack.ask_to_reconnect() if how == "asked" else slack.drop_connections())
            ts = await slack.person("U0RILEY").mention("C0DATA", "still there?")
            await slack.wait_for(
                lambda s: len([c for c in s.calls if c.method == "apps.connections.open"]) > opened, 10
            )
            await slack.acked(ts, 10)
    assert len({body["event_id"] for body in seen}) == 2


async def test_a_socket_ticket_serves_once() -> None:
    async with LocalSlack(QUIET) as slack:
        client = web_client(slack)
        opened = await client.apps_connections_open(app_token="xapp-fake-greenlight")  # noqa: S106
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(opened["url"]) as socket:
                assert (await socket.receive_json())["type"] == "hello"
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await session.ws_connect(opened["url"])
