"""What people do in the client, as a real Bolt app gets it: clicks, menus, modals, ephemeral answers."""

import re
from typing import Any

import pytest

from bot.playground.slack import AnswerInvalid, FieldErrors, LocalSlack, NotPossible
from tests.bot.playground.local_slack_app import QUIET, bolt_app, connected, web_client

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def options(*values: str) -> list[Json]:
    return [{"text": plain(value.title()), "value": value} for value in values]


CARD: list[Json] = [
    {
        "type": "section",
        "block_id": "scope",
        "text": plain("Which?"),
        "accessory": {"type": "static_select", "action_id": "one", "options": options("a", "b")},
    },
    {
        "type": "actions",
        "block_id": "row",
        "elements": [
            {"type": "button", "action_id": "go", "text": plain("Go"), "value": "v1"},
            {
                "type": "multi_static_select",
                "action_id": "many",
                "options": options("x", "y", "z"),
                "max_selected_items": 2,
            },
            {"type": "overflow", "action_id": "more", "options": options("edit", "drop")},
            {"type": "radio_buttons", "action_id": "radio", "options": options("r1", "r2")},
            {"type": "checkboxes", "action_id": "boxes", "options": options("c1", "c2")},
        ],
    },
    {
        "type": "input",
        "block_id": "note",
        "label": plain("Note"),
        "dispatch_action": True,
        "element": {"type": "plain_text_input", "action_id": "typed"},
    },
]
MODAL: Json = {
    "type": "modal",
    "callback_id": "other",
    "private_metadata": "request-1",
    "notify_on_close": True,
    "title": plain("Other"),
    "submit": plain("Send"),
    "blocks": [
        {
            "type": "input",
            "block_id": "text",
            "label": plain("Your answer"),
            "element": {"type": "plain_text_input", "action_id": "typed", "min_length": 2},
        },
        {
            "type": "input",
            "block_id": "how",
            "optional": True,
            "label": plain("How"),
            "element": {"type": "radio_buttons", "action_id": "radio", "options": options("r1", "r2")},
        },
    ],
}


def app_that_records(slack: LocalSlack, seen: list[Json]) -> Any:
    app = bolt_app(slack)

    @app.action(re.compile(".*"))
    async def acted(ack: Any, body: Json) -> None:
        await ack()
        seen.append(body)

    return app


async def post_card(slack: LocalSlack) -> str:
    posted = await web_client(slack).chat_postMessage(channel="C0DATA", text="card", blocks=CARD)
    return str(posted["ts"])


async def test_a_click_carries_who_where_and_what() -> None:
    seen: list[Json] = []
    async with LocalSlack(QUIET) as slack, connected(slack, app_that_records(slack, seen)):
        ts = await post_card(slack)
        ack = await slack.person("U0DANA").click(ts, action_id="go", value="v1")
    body = seen[0]
    assert body["user"] == {
        "id": "U0DANA",
        "username": "dana.osei",
        "name": "dana.osei",
        "team_id": "T0LOCAL",
    }
    assert body["actions"][0].items() >= {"action_id": "go", "block_id": "row", "value": "v1"}.items()
    assert (
        body["container"].items() >= {"message_ts": ts, "channel_id": "C0DATA", "is_ephemeral": False}.items()
    )
    assert body["channel"] == {"id": "C0DATA", "name": "data-eng"}
    assert body["team"] == {"id": "T0LOCAL", "domain": "local"}
    assert body["message"]["blocks"][1]["block_id"] == "row"
    assert body["trigger_id"]
    assert body["response_url"].startswith(slack.url)
    assert 0 < ack.seconds < 1


async def test_choices_stay_in_state_values_for_the_next_click() -> None:
    seen: list[Json] = []
    async with LocalSlack(QUIET) as slack, connected(slack, app_that_records(slack, seen)):
        ts = await post_card(slack)
        riley = slack.person("U0RILEY")
        await riley.select(ts, "one", "b")
        await riley.select(ts, "many", ["x", "z"])
        await riley.select(ts, "radio", "r2")
        await riley.select(ts, "boxes", ["c1"])
        await riley.fill(ts, "typed", "hello")
        await riley.select(ts, "more", "drop")
        await riley.click(ts, action_id="go")
        await slack.person("U0DANA").click(ts, action_id="go")
    values = seen[-2]["state"]["values"]
    assert values["scope"]["one"]["selected_option"]["value"] == "b"
    assert [o["value"] for o in values["row"]["many"]["selected_options"]] == ["x", "z"]
    assert values["row"]["radio"]["selected_option"]["value"] == "r2"
    assert [o["value"] for o in values["row"]["boxes"]["selected_options"]] == ["c1"]
    assert values["note"]["typed"] == {"type": "plain_text_input", "value": "hello"}
    assert set(values["row"]) == {"many", "radio", "boxes"}
    assert seen[5]["actions"][0]["selected_option"]["value"] == "drop"
    assert seen[-1]["state"]["values"]["scope"]["one"]["selected_option"] is None


async def test_wrong_targets_say_what_is_wrong() -> None:
    async with LocalSlack(QUIET) as slack, connected(slack, app_that_records(slack, [])):
        ts = await post_card(slack)
        riley = slack.person("U0RILEY")
        with pytest.raises(NotPossible, match=r"no element .*row/go"):
            await riley.click(ts, action_id="stop")
        with pytest.raises(NotPossible, match="sees no message"):
            await riley.click("1.000001", action_id="go")
        with pytest.raises(NotPossible, match="value is 'v1'"):
            await riley.click(ts, action_id="go", value="v2")
        with pytest.raises(NotPossible, match="offers a, b"):
            await riley.select(ts, "one", "c")
        with pytest.raises(NotPossible, match="at most 2"):
            await riley.select(ts, "many", ["x", "y", "z"])
        with pytest.raises(NotPossible, match="no modal"):
            await riley.submit_view("V0NONE")
        with pytest.raises(NotPossible, match="no person"):
            slack.person("U0NOBODY")
        with pytest.raises(NotPossible, match="no channel"):
            await riley.mention("C0NONE", "hello")
        with pytest.raises(NotPossible, match="no thread"):
            await riley.say("C0DATA", "1.000001", "hello")
        with pytest.raises(NotPossible, match="1 to 40000"):
            await riley.say("C0DATA", None, "x" * 40_001)


async def test_a_button_that_was_drawn_anew_since_it_was_seen_is_that_button_while_it_says_the_same() -> None:
    seen: list[Json] = []
    async with LocalSlack(QUIET) as slack, connected(slack, app_that_records(slack, seen)):
        client, ts = web_client(slack), await post_card(slack)

        def card(block_id: str, value: str) -> list[Json]:
            button = {"type": "button", "action_id": "go", "text": plain("Go"), "value": value}
            return [{"type": "actions", "block_id": block_id, "elements": [button]}]

        riley = slack.person("U0RILEY")
        await client.chat_update(channel="C0DATA", ts=ts, text="later", blocks=card("later", "v1"))
        await riley.click(ts, action_id="go", value="v1", block_id="row")
        assert [one["block_id"] for one in seen[-1]["actions"]] == ["later"]
        await client.chat_update(channel="C0DATA", ts=ts, text="other", blocks=card("other", "v2"))
        with pytest.raises(NotPossible, match="no element row/go"):
            await riley.click(ts, action_id="go", value="v1", block_id="row")
    assert len(seen) == 1


def app_with_modal(slack: LocalSlack, answers: list[Json], seen: list[Json]) -> Any:
    app = bolt_app(slack)

    @app.action("go")
    async def opened(ack: Any, body: Json, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.view("other")
    async def submitted(ack: Any, body: Json) -> None:
        seen.append(body)
        await ack(**answers.pop(0))

    @app.view_closed("other")
    async def closed(ack: Any, body: Json) -> None:
        seen.append(body)
        await ack()

    return app


async def open_modal(slack: LocalSlack) -> str:
    ts = await post_card(slack)
    await slack.person("U0RILEY").click(ts, action_id="go")
    view = await slack.wait_for(lambda s: s.open_view("U0RILEY"), 5)
    assert view is not None
    return view.id


async def test_a_modal_is_submitted_sent_back_with_errors_and_closed() -> None:
    answers: list[Json] = [{"response_action": "errors", "errors": {"text": "Say more."}}, {}]
    seen: list[Json] = []
    async with LocalSlack(QUIET) as slack, connected(slack, app_with_modal(slack, answers, seen)):
        view_id = await open_modal(slack)
        riley = slack.person("U0RILEY")
        with pytest.raises(FieldErrors, match="required field") as required:
            await riley.submit_view(view_id)
        assert required.value.ack is None
        with pytest.raises(FieldErrors, match="at least 2"):
            await riley.submit_view(view_id, {"text": {"typed": "o"}})
        assert seen == []
        with pytest.raises(FieldErrors) as sent_back:
            await riley.submit_view(view_id, {"text": {"typed": "ok"}})
        assert sent_back.value.errors == {"text": "Say more."}
        assert slack.open_view("U0RILEY") is not None
        await riley.submit_view(view_id, {"text": {"typed": "ok then"}, "how": {"radio": "r1"}})
        assert slack.open_view("U0RILEY") is None
    view = seen[-1]["view"]
    assert seen[-1]["type"] == "view_submission"
    assert (view["callback_id"], view["private_metadata"]) == ("other", "request-1")
    assert view["state"]["values"]["text"]["typed"]["value"] == "ok then"
    assert view["state"]["values"]["how"]["radio"]["selected_option"]["value"] == "r1"


async def test_a_submitted_modal_may_be_updated_pushed_and_cleared() -> None:
    second = MODAL | {"title": plain("Second")}
    answers: list[Json] = [
        {"response_action": "update", "view": second},
        {"response_action": "push", "view": MODAL},
        {"response_action": "clear"},
    ]
    async with LocalSlack(QUIET) as slack, connected(slack, app_with_modal(slack, answers, [])):
        view_id = await open_modal(slack)
        riley, filled = slack.person("U0RILEY"), {"text": {"typed": "ok"}}
        await riley.submit_view(view_id, filled)
        updated = slack.open_view("U0RILEY")
        assert updated is not None
        assert (updated.id, updated.content["title"]["text"]) == (view_id, "Second")
        await riley.submit_view(view_id, filled)
        pushed = slack.open_view("U0RILEY")
        assert pushed is not None
        assert pushed.previous == view_id
        await riley.submit_view(pushed.id, filled)
        assert slack.open_view("U0RILEY") is None


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "update", "view": MODAL | {"title": plain("t" * 25)}},
        {"response_action": "shrug"},
    ],
)
async def test_an_answer_slack_does_not_take_is_an_error(answer: Json) -> None:
    async with LocalSlack(QUIET) as slack, connected(slack, app_with_modal(slack, [answer], [])):
        view_id = await open_modal(slack)
        with pytest.raises(AnswerInvalid):
            await slack.person("U0RILEY").submit_view(view_id, {"text": {"typed": "ok"}})


async def test_closing_a_modal_tells_the_app() -> None:
    seen: list[Json] = []
    async with LocalSlack(QUIET) as slack, connected(slack, app_with_modal(slack, [], seen)):
        view_id = await open_modal(slack)
        await slack.person("U0RILEY").close_view(view_id)
        assert slack.open_view("U0RILEY") is None
    assert (seen[0]["type"], seen[0]["view"]["callback_id"]) == ("view_closed", "other")


async def test_an_ephemeral_answer_is_seen_and_clicked_by_one_person_only() -> None:
    seen: list[Json] = []
    async with LocalSlack(QUIET) as slack, connected(slack, app_that_records(slack, seen)):
        client, ts = web_client(slack), await post_card(slack)
        blocks = CARD[1:2]
        said = await client.chat_postEphemeral(channel="C0DATA", user="U0SAM", text="no", blocks=blocks)
        mine = slack.ephemerals("U0SAM")
        assert [message.ts for message in mine] == [said["message_ts"]]
        assert slack.ephemerals("U0DANA") == []
        assert [message.ts for message in slack.thread("C0DATA", ts)] == [ts]
        with pytest.raises(NotPossible, match="sees no message"):
            await slack.person("U0DANA").click(mine[0].ts, action_id="go")
        await slack.person("U0SAM").click(mine[0].ts, action_id="go")
    assert seen[0]["container"]["is_ephemeral"] is True
    assert "message" not in seen[0]


async def test_respond_answers_at_the_response_url() -> None:
    async with LocalSlack(QUIET) as slack:
        app = bolt_app(slack)

        @app.action("go")
        async def acted(ack: Any, respond: Any) -> None:
            await ack()
            await respond("only for you")
            await respond("in place", replace_original=True)

        async with connected(slack, app):
            ts = await post_card(slack)
            await slack.person("U0SAM").click(ts, action_id="go")
            await slack.wait_for(lambda s: s.message(ts).text == "in place", 5)
            assert [message.text for message in slack.ephemerals("U0SAM")] == ["only for you"]
            assert slack.message(ts).edited_ts


async def test_wait_for_tells_what_was_said_when_it_waited_in_vain() -> None:
    async with LocalSlack(QUIET) as slack:
        await slack.person("U0RILEY").say("C0DATA", None, "just this")
        with pytest.raises(TimeoutError, match="just this"):
            await slack.wait_for(lambda s: s.open_view("U0RILEY"), 0.05)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("@Greenlight stop", "<@U0GREENLIGHT> stop"),
        ("ask @Dana Osei, @Greenlights", "ask <@U0DANA>, @Greenlights"),
        ("a < b && <script>", "a &lt; b &amp;&amp; &lt;script&gt;"),
        ("see https://example.com/a?b=1&c=2.", "see <https://example.com/a?b=1&amp;c=2>."),
        ("<@U0DANA>", "&lt;@U0DANA&gt;"),
    ],
)
async def test_typed_text_arrives_as_slack_sends_it(text: str, sent: str) -> None:
    async with LocalSlack(QUIET) as slack:
        ts = await slack.person("U0RILEY").say("C0DATA", None, text)
        assert slack.message(ts).text == sent


async def test_a_reply_to_a_reply_stands_in_the_same_thread() -> None:
    async with LocalSlack(QUIET) as slack:
        riley = slack.person("U0RILEY")
        root = await riley.say("C0DATA", None, "root")
        reply = await riley.say("C0DATA", root, "reply")
        await riley.say("C0DATA", reply, "to the reply")
        assert [message.text for message in slack.thread("C0DATA", root)] == ["root", "reply", "to the reply"]
