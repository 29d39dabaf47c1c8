"""The Web API through the real SDK: answers, Slack's errors, faults and the pace."""

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.slack import Fault, LocalSlack, Pace, SlackOptions
from tests.bot.playground.local_slack_app import QUIET, web_client

Json = dict[str, Any]
SECTION: Json = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
MODAL: Json = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": [SECTION]}


async def code_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as error:
        await call
    return str(error.value.response["error"])


async def test_who_am_i() -> None:
    async with LocalSlack(QUIET) as slack:
        who = await web_client(slack).auth_test()
        assert (who["team_id"], who["user_id"]) == ("T0LOCAL", "U0GREENLIGHT")


@pytest.mark.parametrize(
    ("token", "code"),
    [("", "not_authed"), ("xoxb-1-real", "invalid_auth"), ("xapp-fake-1", "not_allowed_token_type")],
)
async def test_tokens_are_checked(token: str, code: str) -> None:
    async with LocalSlack(QUIET) as slack:
        client = AsyncWebClient(token=token, base_url=slack.api_url)
        assert await code_of(client.auth_test()) == code


async def test_errors_are_slacks() -> None:
    async with LocalSlack(QUIET) as slack:
        client = web_client(slack)
        theirs = await slack.person("U0RILEY").say("C0DATA", None, "hi")
        post, update = client.chat_postMessage, client.chat_update
        assert await code_of(client.api_call("chat.shout")) == "unknown_method"
        assert await code_of(post(channel="C0NONE", text="x")) == "channel_not_found"
        assert await code_of(client.api_call("chat.postMessage", json={"channel": "C0DATA"})) == "no_text"
        assert await code_of(post(channel="C0DATA", text="x" * 40_001)) == "msg_too_long"
        assert await code_of(post(channel="C0DATA", text="x", thread_ts="1.000001")) == "thread_not_found"
        assert await code_of(update(channel="C0DATA", ts="1.000001", text="x")) == "message_not_found"
        assert await code_of(update(channel="C0DATA", ts=theirs, text="x")) == "cant_update_message"
        assert await code_of(client.chat_delete(channel="C0DATA", ts=theirs)) == "cant_delete_message"
        assert await code_of(client.conversations_replies(channel="C0DATA", ts="1.1")) == "thread_not_found"
        assert await code_of(client.users_info(user="U0NOBODY")) == "user_not_found"
        await client.reactions_add(channel="C0DATA", timestamp=theirs, name="eyes")
        again = client.reactions_add(channel="C0DATA", timestamp=theirs, name="eyes")
        assert await code_of(again) == "already_reacted"


async def test_invalid_blocks_are_refused_with_a_pointer_and_nothing_is_posted() -> None:
    async with LocalSlack(QUIET) as slack:
        long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
        with pytest.raises(SlackApiError) as error:
            await web_client(slack).chat_postMessage(channel="C0DATA", text="t", blocks=[SECTION, long])
        answer = error.value.response
        assert answer["error"] == "invalid_blocks"
        assert answer["errors"] == ["must be less than 3001 characters [json-pointer:/blocks/1/text/text]"]
        assert answer["response_metadata"]["messages"] == [f"[ERROR] {answer['errors'][0]}"]
        assert slack.workspace.messages == {}


async def test_an_edit_keeps_what_it_does_not_name() -> None:
    async with LocalSlack(QUIET) as slack:
        client = web_client(slack)
        mark = {"event_type": "card", "event_payload": {"key": "k1"}}
        posted = await client.chat_postMessage(channel="C0DATA", text="a", blocks=[SECTION], metadata=mark)
        await client.chat_update(channel="C0DATA", ts=posted["ts"], text="b")
        message = slack.message(posted["ts"])
        assert (message.text, message.words, message.metadata) == ("b", "hello", mark)
        assert message.edited_ts
        await client.chat_update(channel="C0DATA", ts=posted["ts"], text="c", blocks=[])
        assert slack.message(posted["ts"]).words == "c"


async def test_replies_come_in_pages_with_metadata_on_request() -> None:
    async with LocalSlack(QUIET) as slack:
        client = web_client(slack)
        root = await slack.person("U0RILEY").mention("C0DATA", "go")
        for number in range(5):
            mark = {"event_type": "card", "event_payload": {"key": f"k{number}"}}
            await client.chat_postMessage(channel="C0DATA", text=str(number), thread_ts=root, metadata=mark)
        first = await client.conversations_replies(
            channel="C0DATA", ts=root, limit=3, include_all_metadata=True
        )
        assert [m["text"] for m in first["messages"]] == ["<@U0GREENLIGHT> go", "0", "1", "2"]
        assert first["messages"][0]["reply_count"] == 5
        assert first["messages"][1]["metadata"]["event_payload"] == {"key": "k0"}
        cursor = first["response_metadata"]["next_cursor"]
        rest = await client.conversations_replies(channel="C0DATA", ts=root, limit=3, cursor=cursor)
        assert [m["text"] for m in rest["messages"][1:]] == ["3", "4"]
        assert "metadata" not in rest["messages"][1]
        assert rest["has_more"] is False
        history = await client.conversations_history(channel="C0DATA")
        assert [m["ts"] for m in history["messages"]] == [root]


async def test_small_lookups() -> None:
    async with LocalSlack(QUIET) as slack:
        client = web_client(slack)
        root = await slack.person("U0RILEY").say("C0DATA", None, "hi")
        link = await client.chat_getPermalink(channel="C0DATA", message_ts=root)
        assert link["permalink"] == f"{slack.url}/#C0DATA/{root}"
        assert (await client.conversations_info(channel="C0GENERAL"))["channel"]["name"] == "general"
        assert (await client.users_info(user="U0DANA"))["user"]["real_name"] == "Dana Osei"
        await client.assistant_threads_setStatus(channel_id="C0DATA", thread_ts=root, status="is thinking…")
        assert slack.workspace.statuses == {f"C0DATA:{root}": "is thinking…"}
        await client.chat_postMessage(channel="C0DATA", text="done", thread_ts=root)
        assert slack.workspace.statuses == {}


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_a_trigger_opens_one_view_within_three_seconds() -> None:
    clock = Clock()
    async with LocalSlack(SlackOptions(paces={}, clock=clock)) as slack:
        client = web_client(slack)
        trigger = slack.views.trigger("U0RILEY")
        opened = await client.views_open(trigger_id=trigger, view=MODAL)
        assert slack.open_view("U0RILEY") is not None
        assert await code_of(client.views_open(trigger_id=trigger, view=MODAL)) == "exchanged_trigger_id"
        assert await code_of(client.views_open(trigger_id="1.2.3", view=MODAL)) == "invalid_trigger_id"
        late = slack.views.trigger("U0RILEY")
        clock.now += 3.1
        assert await code_of(client.views_open(trigger_id=late, view=MODAL)) == "expired_trigger_id"
        stale = client.views_update(view_id=opened["view"]["id"], view=MODAL, hash="1.x")
        assert await code_of(stale) == "hash_conflict"
        assert await code_of(client.views_update(view_id="V0NONE", view=MODAL)) == "not_found"
        bad = client.views_open(trigger_id=slack.views.trigger("U0SAM"), view={**MODAL, "blocks": []})
        assert await code_of(bad) == "invalid_arguments"
        for _ in range(2):
            await client.views_push(trigger_id=slack.views.trigger("U0RILEY"), view=MODAL)
        fourth = client.views_push(trigger_id=slack.views.trigger("U0RILEY"), view=MODAL)
        assert await code_of(fourth) == "push_limit_reached"


async def test_a_planned_rate_limit_is_survived_by_the_sdks_own_handler() -> None:
    async with LocalSlack(QUIET) as slack:
        client = web_client(slack)
        client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
        slack.faults.add("chat.postMessage", Fault.RATE_LIMITED, times=1, retry_after=1)
        started = asyncio.get_running_loop().time()
        await client.chat_postMessage(channel="C0DATA", text="x")
        assert asyncio.get_running_loop().time() - started >= 1
        assert [call.status for call in slack.calls] == [429, 200]
        assert len(slack.workspace.messages) == 1


async def test_a_server_error_is_raised_and_nothing_was_done() -> None:
    async with LocalSlack(QUIET) as slack:
        slack.faults.add("chat.postMessage", Fault.SERVER_ERROR)
        with pytest.raises(SlackApiError):
            await web_client(slack).chat_postMessage(channel="C0DATA", text="x")
        assert slack.workspace.messages == {}


@pytest.mark.parametrize(("fault", "posted"), [(Fault.DROPPED, 0), (Fault.DROPPED_AFTER, 1)])
async def test_a_dropped_connection_leaves_what_was_done(fault: Fault, posted: int) -> None:
    async with LocalSlack(QUIET) as slack:
        client = AsyncWebClient(token="xoxb-fake-1", base_url=slack.api_url, retry_handlers=[])  # noqa: S106
        slack.faults.add("*", fault)
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel="C0DATA", text="x")
        assert len(slack.workspace.messages) == posted


async def test_more_than_a_burst_in_one_channel_is_too_fast() -> None:
    options = SlackOptions(paces={"chat.postMessage": Pace(per_second=0.5, burst=3)})
    async with LocalSlack(options) as slack:
        client = web_client(slack)
        for _ in range(3):
            await client.chat_postMessage(channel="C0DATA", text="x")
        with pytest.raises(SlackApiError) as error:
            await client.chat_postMessage(channel="C0DATA", text="x")
        assert error.value.response.status_code == 429
        assert error.value.response.headers["Retry-After"] == "2"
        await client.chat_postMessage(channel="C0GENERAL", text="another channel has its own pace")


async def test_calls_are_logged_with_arguments_and_answers() -> None:
    async with LocalSlack(QUIET) as slack:
        await web_client(slack).chat_postMessage(channel="C0DATA", text="x", unfurl_links=False)
        call = slack.calls[0]
        assert (call.method, call.args["text"], call.args["unfurl_links"]) == ("chat.postMessage", "x", False)
        assert call.response is not None
        assert call.response["ok"] is True
        assert "token" not in call.args
