"""The chat port on a server that only stands for Slack: `{"ok": true}` to all it does not know, thin bodies.

The same server also stands for Slack itself, as a proxy of http://slack.com: there, nothing thin is believed.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.channel import LOOK_UP_SECONDS, UNTOLD, Identity, SlackChat, identify, web_client
from bot.listeners import Listeners
from bot.slack_errors import NoApiAnswer, is_slack, slack_errors
from engine.cards import NoteCard
from engine.errors import ChatRefused, ConfigurationInvalid, GreenlightError, Unreachable
from engine.people import Person
from engine.ports import Ref
from tests.bot.conftest import BOT_TOKEN, Recorder

Json = dict[str, Any]
Answer = Json | list[Json] | web.Response

CHANNEL, ROOT = "C1", "1.000001"
REQUEST = f"T1:{CHANNEL}:{ROOT}"
RILEY = Person(team="T1", user="U1")
CARD = NoteCard(request=REQUEST, key="note:1", text="one")
MARK = {"event_type": "greenlight_card", "event_payload": {"request": REQUEST, "key": "note:1"}}

OK: Json = {"ok": True}
ME: Json = {"ok": True, "team_id": "T1", "user_id": "UBOT"}
UNKNOWN_METHODS = ("unknown_method", "method_not_found", "not_implemented")


def refused(code: str) -> Json:
    return {"ok": False, "error": code}


class ThinSlack:
    """Answers each method as told, and `{"ok": true}` where nothing was told."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {"auth.test": ME}
        self.calls: list[tuple[str, Json]] = []
        self.silent = False
        self._runner = web.AppRunner(self._app(), shutdown_timeout=0.1)
        self.url = ""

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._answer)
        return app

    async def __aenter__(self) -> "ThinSlack":
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self.calls.append((method, await _arguments(request)))
        if self.silent:
            await asyncio.sleep(60)
        answer = self.answers.get(method, OK)
        if isinstance(answer, web.Response):
            return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)
        return web.json_response(answer)

    def sent(self, method: str) -> list[Json]:
        return [arguments for called, arguments in self.calls if called == method]


async def _arguments(request: web.Request) -> Json:
    if request.content_type == "application/json":
        return dict(json.loads(await request.text()))
    return {**request.query, **await request.post()}


@pytest.fixture
async def server() -> AsyncIterator[ThinSlack]:
    async with ThinSlack() as running:
        yield running


@pytest.fixture
async def chat(server: ThinSlack) -> AsyncIterator[SlackChat]:
    client = web_client(BOT_TOKEN, server.url)
    made = SlackChat(client, await identify(client))
    yield made
    await made.close()


@pytest.fixture
async def real(server: ThinSlack) -> AsyncIterator[SlackChat]:
    """On the same server, which the client takes for Slack's own."""
    client = web_client(BOT_TOKEN, "http://slack.com")
    client.proxy = server.url
    made = SlackChat(client, await identify(client))
    yield made
    await made.close()


def page(text: str, status: int = 404, kind: str = "text/html") -> web.Response:
    return web.Response(text=text, status=status, content_type=kind)


NOT_THERE = [
    *(pytest.param(refused(code), id=code) for code in UNKNOWN_METHODS),
    pytest.param(page("<h1>no</h1>"), id="page not found"),
    pytest.param(page("404: Not Found", kind="text/plain"), id="text not found"),
    pytest.param(page('{"detail": "Not Found"}', kind="application/json"), id="json not found"),
    pytest.param(page('{"error": "Not Found"}', kind="application/json"), id="error without ok"),
    pytest.param(page("no", status=405, kind="text/plain"), id="not allowed"),
    pytest.param(page("no", status=501, kind="text/plain"), id="not implemented"),
    pytest.param(page("<h1>hello</h1>", status=200), id="a page"),
    pytest.param(page("ok", status=200, kind="text/plain"), id="a text"),
    pytest.param(page("{", status=200, kind="application/json"), id="broken json"),
    pytest.param([OK], id="a list"),
    pytest.param({}, id="an empty object"),
    pytest.param(OK, id="only ok"),
]
"""What servers say when they do not have a method."""

NO_USER: list[Json] = [
    {"ok": True, "user": None},
    {"ok": True, "user": "U1"},
    {"ok": True, "user": [{"id": "U1"}]},
]
NO_MESSAGES: list[Json] = [{"ok": True, "messages": None}, {"ok": True, "messages": {}}]


# ------------------------------------------------------------ people


@pytest.mark.parametrize("answer", [*NOT_THERE, *NO_USER])
async def test_where_nobody_can_be_looked_up_ids_are_enough(
    server: ThinSlack, chat: SlackChat, answer: Answer
) -> None:
    server.answers["users.info"] = answer
    profile = await chat.person(RILEY)
    assert profile.may_act
    assert (profile.name, profile.why) == ("U1", "")


@pytest.mark.parametrize("answer", [*NOT_THERE, *NO_USER])
async def test_slack_itself_has_to_tell_who_someone_is(
    server: ThinSlack, real: SlackChat, answer: Answer
) -> None:
    server.answers["users.info"] = answer
    profile = await real.person(RILEY)
    assert not profile.may_act
    assert profile.why


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (refused("user_not_found"), "Slack refused to tell me who this is (user_not_found)."),
        (page(json.dumps(refused("user_not_found")), kind="application/json"), "user_not_found"),
        (refused("missing_scope"), "I lack a permission"),
        (refused("internal_error"), "try again in a moment"),
        (page("no", status=503), "try again in a moment"),
        ({"ok": False}, "try again in a moment"),
        ({"ok": True, "user": {"deleted": True}}, "deactivated"),
    ],
)
async def test_who_is_not_known_and_why(
    server: ThinSlack, chat: SlackChat, answer: Json | web.Response, why: str
) -> None:
    server.answers["users.info"] = answer
    profile = await chat.person(RILEY)
    assert not profile.may_act
    assert why in profile.why


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({}, "U1"),
        ({"id": "U1", "name": "riley"}, "riley"),
        ({"id": "U1", "profile": "Riley"}, "U1"),
        ({"id": "U1", "profile": ["Riley"], "real_name": "Riley Chen"}, "Riley Chen"),
        ({"id": "U1", "team_id": "", "profile": {"display_name": None}}, "U1"),
    ],
)
async def test_a_thin_user_is_a_user(server: ThinSlack, chat: SlackChat, user: Json, name: str) -> None:
    server.answers["users.info"] = {"ok": True, "user": user}
    profile = await chat.person(RILEY)
    assert (profile.may_act, profile.name) == (True, name)


@pytest.mark.parametrize("team", ["T2", ["T1"], {"id": "T1"}, 1])
async def test_another_or_an_odd_team_is_outside(server: ThinSlack, chat: SlackChat, team: object) -> None:
    server.answers["users.info"] = {"ok": True, "user": {"id": "U1", "team_id": team}}
    assert not (await chat.person(RILEY)).may_act


async def test_slack_itself_has_to_tell_of_which_workspace_someone_is(
    server: ThinSlack, real: SlackChat
) -> None:
    server.answers["users.info"] = {"ok": True, "user": {"id": "U1"}}
    assert not (await real.person(RILEY)).may_act
    server.answers["users.info"] = {"ok": True, "user": {"id": "U1", "team_id": "T1"}}
    assert (await real.person_now(RILEY)).may_act


async def test_who_is_asked_for_now_is_looked_up_anew_or_not_told(server: ThinSlack, chat: SlackChat) -> None:
    server.answers["users.info"] = {"ok": True, "user": {"id": "U1", "team_id": "T1"}}
    assert (await chat.person(RILEY)).may_act
    server.answers["users.info"] = {"ok": True, "user": {"id": "U1", "team_id": "T1", "deleted": True}}
    assert (await chat.person(RILEY)).may_act, "kept for a while"
    assert not (await chat.person_now(RILEY)).may_act
    server.answers["users.info"] = page("no", status=503)
    with pytest.raises(Unreachable):
        await chat.person_now(RILEY)
    server.answers["users.info"] = refused("missing_scope")
    with pytest.raises(ChatRefused):
        await chat.person_now(RILEY)
    server.answers["users.info"] = refused("user_not_found")
    assert not (await chat.person_now(RILEY)).may_act


@pytest.mark.long
async def test_slack_that_does_not_answer_keeps_nobody_waiting(server: ThinSlack, chat: SlackChat) -> None:
    server.silent = True
    async with asyncio.timeout(LOOK_UP_SECONDS + 2):
        profile = await chat.person(RILEY)
    assert (profile.may_act, profile.why) == (False, UNTOLD)


# ------------------------------------------------------------ posts


@pytest.mark.parametrize(
    "answer",
    [
        {"ok": True, "ts": "2.000001"},
        {"ok": True, "channel": None, "ts": "2.000001"},
        {"ok": True, "channel": {"id": "C1"}, "ts": "2.000001"},
        {"ok": True, "message": {"ts": "2.000001"}},
    ],
)
async def test_a_thin_answer_to_a_post_still_says_where_it_is(
    server: ThinSlack, chat: SlackChat, answer: Json
) -> None:
    server.answers["chat.postMessage"] = answer
    ref = await chat.post(REQUEST, "note:1", CARD)
    assert ref == Ref(channel=CHANNEL, ts="2.000001")
    await chat.update(ref, CARD)
    (sent,) = server.sent("chat.update")
    assert (sent["channel"], sent["ts"]) == (CHANNEL, "2.000001")


@pytest.mark.parametrize("message", [None, {}, "2.000001"])
async def test_a_post_without_its_place_is_not_repeated_elsewhere_and_looked_for_on_slack(
    server: ThinSlack, chat: SlackChat, real: SlackChat, message: object
) -> None:
    server.answers["chat.postMessage"] = {"ok": True, "message": message}
    with pytest.raises(ChatRefused):
        await chat.post(REQUEST, "note:1", CARD)
    with pytest.raises(Unreachable):
        await real.post(REQUEST, "note:1", CARD)


@pytest.mark.parametrize(
    "answer",
    [page("no"), page("ok", status=200, kind="text/plain"), page("{", status=200, kind="application/json")],
)
async def test_a_page_is_not_an_answer_to_a_post(
    server: ThinSlack, chat: SlackChat, answer: web.Response
) -> None:
    server.answers |= {"chat.postMessage": answer, "chat.update": answer}
    with pytest.raises(Unreachable):
        await chat.post(REQUEST, "note:1", CARD)
    with pytest.raises(Unreachable):
        await chat.update(Ref(channel=CHANNEL, ts="2.000001"), CARD)


async def test_a_thread_is_begun_where_the_channel_cannot_be_read(server: ThinSlack, chat: SlackChat) -> None:
    server.answers["chat.postMessage"] = {"ok": True, "ts": "2.000001"}
    assert await chat.open_thread(CHANNEL, "wish:1", CARD) == Ref(channel=CHANNEL, ts="2.000001")
    (sent,) = server.sent("chat.postMessage")
    assert "thread_ts" not in sent


async def test_a_thread_is_not_begun_on_slack_without_looking(server: ThinSlack, real: SlackChat) -> None:
    server.answers["chat.postMessage"] = {"ok": True, "ts": "2.000001"}
    with pytest.raises(Unreachable):
        await real.open_thread(CHANNEL, "wish:1", CARD)
    assert not server.sent("chat.postMessage")


@pytest.mark.parametrize("answer", NOT_THERE)
async def test_words_to_one_person_are_lost_without_an_error(server: ThinSlack, answer: Answer) -> None:
    server.answers["chat.postEphemeral"] = answer
    listeners = Listeners(Recorder(), web_client(BOT_TOKEN, server.url), Identity(team="T1", user="UBOT"))
    event = {"type": "app_mention", "user": "U1", "channel": CHANNEL, "ts": ROOT, "text": "<@UBOT> go"}
    body = {"type": "event_callback", "event_id": "E1", "team_id": "T1", "event": event}
    with capture_logs() as logs:
        await listeners.on_error(RuntimeError("a bug"), body)
        await listeners.close()
    (sent,) = server.sent("chat.postEphemeral")
    assert (sent["channel"], sent["user"]) == (CHANNEL, "U1")
    assert any(line["event"] == "reply.lost" for line in logs) is (answer != OK)


# ------------------------------------------------------------ reads


@pytest.mark.parametrize("answer", [*NOT_THERE, *NO_MESSAGES])
async def test_a_thread_that_cannot_be_read_is_empty(
    server: ThinSlack, chat: SlackChat, answer: Answer
) -> None:
    server.answers["conversations.replies"] = answer
    assert await chat.history(REQUEST) == []
    assert await chat.find(REQUEST, "note:1") is None


@pytest.mark.parametrize("answer", [*NOT_THERE, *NO_MESSAGES])
async def test_on_slack_no_card_is_missed_in_an_answer_without_messages(
    server: ThinSlack, real: SlackChat, answer: Answer
) -> None:
    server.answers["conversations.replies"] = answer
    with pytest.raises(GreenlightError):
        await real.find(REQUEST, "note:1")
    with pytest.raises(GreenlightError):
        await real.history(REQUEST)


async def test_entries_without_ts_are_left_out_and_thin_ones_heard(
    server: ThinSlack, chat: SlackChat
) -> None:
    server.answers["conversations.replies"] = {
        "ok": True,
        "messages": [
            {"ts": ROOT, "user": "U1", "text": "root"},
            {"user": "U1", "text": "no ts"},
            "odd",
            None,
            {"ts": "1.000002"},
            {"ts": "1.000003", "user": "UBOT", "text": None},
            {"ts": "1.000004", "user": "UBOT", "metadata": MARK},
        ],
        "response_metadata": [],
    }
    heard = await chat.history(REQUEST)
    assert [message.ts for message in heard] == [ROOT, "1.000002", "1.000003", "1.000004"]
    assert [message.author for message in heard[:2]] == [RILEY, None]
    assert [message.by_bot for message in heard] == [False, False, True, True]
    assert await chat.find(REQUEST, "note:1") == Ref(channel=CHANNEL, ts="1.000004")


async def test_without_a_bot_id_nobody_else_is_taken_for_the_bot(server: ThinSlack, chat: SlackChat) -> None:
    server.answers["conversations.replies"] = {
        "ok": True,
        "messages": [
            {"ts": "1.000002", "user": "U1", "metadata": MARK},
            {"ts": "1.000003", "bot_id": None, "metadata": MARK},
            {"ts": "1.000004", "bot_id": "None", "metadata": MARK},
        ],
    }
    assert await chat.find(REQUEST, "note:1") is None


async def test_a_refused_read_is_not_told_as_a_refused_message(server: ThinSlack, chat: SlackChat) -> None:
    server.answers["conversations.replies"] = refused("some_error")
    for read in (chat.history(REQUEST), chat.find(REQUEST, "note:1")):
        with pytest.raises(ChatRefused) as raised:
            await read
        assert raised.value.sentence == "Slack refused to show me messages (some_error)."


# ------------------------------------------------------------ who the bot is


async def test_the_bot_needs_no_bot_id(server: ThinSlack) -> None:
    me = await identify(web_client(BOT_TOKEN, server.url))
    assert (me.team, me.user, me.bot) == ("T1", "UBOT", None)
    server.answers["auth.test"] = ME | {"bot_id": "B1"}
    assert (await identify(web_client(BOT_TOKEN, server.url))).bot == "B1"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (OK, "team_id and user_id"),
        ({"ok": True, "team_id": "T1"}, "does not say user_id"),
        ({"ok": True, "team_id": None, "user_id": "UBOT"}, "does not say team_id"),
    ],
)
async def test_who_the_bot_is_has_to_be_told(server: ThinSlack, answer: Json, named: str) -> None:
    server.answers["auth.test"] = answer
    with pytest.raises(ConfigurationInvalid, match=named):
        await identify(web_client(BOT_TOKEN, server.url))


@pytest.mark.parametrize("answer", NOT_THERE[:-1])  # the last one is Slack's form, and says too little
async def test_a_server_that_is_no_slack_is_named(server: ThinSlack, answer: Answer) -> None:
    server.answers["auth.test"] = answer
    with pytest.raises(ConfigurationInvalid) as raised:
        await identify(web_client(BOT_TOKEN, server.url))
    told = f"{server.url}/api/ answered, but it is not a Slack Web API. Check SLACK_API_URL."
    assert raised.value.sentence == told


async def test_an_installation_for_a_whole_organization_is_refused(server: ThinSlack) -> None:
    server.answers["auth.test"] = {**ME, "is_enterprise_install": True}
    with pytest.raises(ConfigurationInvalid, match="whole organization"):
        await identify(web_client(BOT_TOKEN, server.url))
    server.answers["auth.test"] = {**ME, "is_enterprise_install": False}
    assert (await identify(web_client(BOT_TOKEN, server.url))).team == "T1"


async def test_a_page_instead_of_slacks_own_answer_passes(server: ThinSlack) -> None:
    server.answers["auth.test"] = page("<h1>Bad gateway</h1>", status=200)
    client = web_client(BOT_TOKEN, "http://slack.com")
    client.proxy = server.url
    with pytest.raises(NoApiAnswer):
        await identify(client)


# ------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://slack.com/api/", True),
        ("https://SLACK.com./api/", True),
        ("https://www.slack.com/api/", True),
        ("https://slack-gov.com/api/", True),
        ("http://127.0.0.1:8080/api/", False),
        ("https://notslack.com/api/", False),
        ("https://slack.com.example/api/", False),
        ("https://example/slack.com/api/", False),
    ],
)
def test_whose_web_api_it_is(url: str, *, own: bool) -> None:
    assert is_slack(url) is own


async def test_what_is_asked_ends_the_sentence(server: ThinSlack) -> None:
    server.answers |= {"views.open": refused("odd"), "views.update": page("no")}
    client = web_client(BOT_TOKEN, server.url)
    with pytest.raises(ChatRefused, match=r"Slack refused a message \(odd\)"):
        async with slack_errors():
            await client.api_call("views.open")
    with pytest.raises(NoApiAnswer):
        async with slack_errors():
            await client.api_call("views.update")
