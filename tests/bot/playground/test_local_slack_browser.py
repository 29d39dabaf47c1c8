"""The page in a real browser: a newcomer writes, clicks, fills in a modal and switches people."""

import os
from pathlib import Path
from typing import Any

import pytest

from bot.playground.slack import Front, LocalSlack, SlackOptions, Suggestion
from tests.bot.playground.chromium import PROGRAM, chromium
from tests.bot.playground.local_slack_app import bolt_app, connected, web_client

Json = dict[str, Any]
pytestmark = [
    pytest.mark.skipif(
        PROGRAM is None and not os.environ.get("GREENLIGHT_REQUIRE_ALL"),
        reason="no Chromium is installed (Debian: apt-get install chromium)",
    ),
    pytest.mark.xdist_group("browser"),
]
FRONT = Front(
    banner="rehearsal", suggestions=(Suggestion("Example 1", "C0DATA", "@Greenlight add a metric"),)
)
OPTIONS = SlackOptions(paces={}, front=FRONT)


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def button(action_id: str, text: str) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain(text)}


CARD: list[Json] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Scope* <@U0DANA> <https://example.com|docs>"}},
    {
        "type": "actions",
        "block_id": "row",
        "elements": [button("approve", "Approve"), button("other", "Other…")],
    },
]
MODAL: Json = {
    "type": "modal",
    "callback_id": "other",
    "title": plain("Other"),
    "submit": plain("Send"),
    "blocks": [
        {
            "type": "input",
            "block_id": "text",
            "label": plain("Your answer"),
            "element": {"type": "plain_text_input", "action_id": "typed"},
        }
    ],
}


def answering_app(slack: LocalSlack, submitted: list[str]) -> Any:
    app = bolt_app(slack)

    @app.event("app_mention")
    async def mentioned(event: Json, client: Any) -> None:
        await client.chat_postMessage(channel=event["channel"], thread_ts=event["ts"], text="c", blocks=CARD)

    @app.event("message")
    async def said() -> None: ...

    @app.action("approve")
    async def approved(ack: Any, body: Json, client: Any) -> None:
        await ack()
        where = {"channel": body["channel"]["id"], "thread_ts": body["container"]["thread_ts"]}
        if body["user"]["id"] == "U0DANA":
            done = [{"type": "section", "text": plain("Dana approved")}]
            await client.chat_update(
                channel=where["channel"], ts=body["message"]["ts"], text="a", blocks=done
            )
        else:
            await client.chat_postEphemeral(**where, user=body["user"]["id"], text="Only Dana may approve.")

    @app.action("other")
    async def other(ack: Any, body: Json, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.view("other")
    async def sent(ack: Any, body: Json) -> None:
        typed = body["view"]["state"]["values"]["text"]["typed"]["value"]
        submitted.append(typed)
        if typed == "better":
            await ack(response_action="errors", errors={"text": "Better by how much?"})
        else:
            await ack()

    return app


async def test_a_newcomer_plays_it_with_the_keyboard(tmp_path: Path) -> None:
    submitted: list[str] = []
    async with (
        LocalSlack(OPTIONS) as slack,
        connected(slack, answering_app(slack, submitted)),
        chromium(tmp_path) as tab,
    ):
        await tab.go(slack.page_url)
        await tab.until("document.querySelector('.suggestion')")
        assert await tab.js("location.search") == ""
        assert await tab.js("document.querySelector('#banner').textContent") == "rehearsal"
        assert "Riley Chen" in await tab.js("document.querySelector('[aria-pressed=true]').textContent")
        await tab.js("document.querySelector('.suggestion').focus()")
        await tab.press("Enter")
        await tab.press("Enter")
        await tab.until("document.querySelector('#replies .b-actions')")

        await tab.js("document.querySelector('#replies [data-key=\"row/approve\"]').focus()")
        await tab.press("Enter")
        note = "document.querySelector('#replies .only-you').textContent"
        assert "Only visible to you" in await tab.until(note)
        await tab.press("2", modifiers=1, code="Digit2")
        await tab.until("!document.querySelector('#replies .only-you')")

        await tab.js("document.querySelector('#replies [data-key=\"row/other\"]').focus()")
        await tab.press("Enter")
        await tab.until("document.activeElement.closest('#modal')")
        await tab.press("Enter")
        assert "required" in await tab.until("document.querySelector('#modal .b-input .problem').textContent")
        await tab.type("better")
        await tab.press("Enter")
        await tab.until("document.querySelector('#modal .b-input .problem').textContent.includes('how much')")
        assert await tab.js("document.querySelector('#modal input').value") == "better"
        await tab.type(" by 10 %")
        await tab.press("Enter")
        await tab.until("!document.querySelector('#modal').open")
        assert submitted == ["better", "better by 10 %"]

        await tab.js("document.querySelector('#replies [data-key=\"row/approve\"]').focus()")
        await tab.press("Enter")
        await tab.until("document.querySelector('#replies').textContent.includes('Dana approved(edited)')")
        await tab.press("Escape")
        await tab.until("document.querySelector('#thread').hidden")
        assert [error for error in tab.errors if "422" not in error] == []


async def test_texts_never_become_markup(tmp_path: Path) -> None:
    evil = "<img src=x onerror=window.hit=1><script>window.hit=1</script><javascript:window.hit=1|x>"
    blocks: list[Json] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": evil}},
        {"type": "markdown", "text": f"{evil} [x](javascript:window.hit=1) <b onclick=1>b</b>"},
        {"type": "actions", "elements": [button("a", evil[:75])]},
    ]
    async with LocalSlack(OPTIONS) as slack, chromium(tmp_path) as tab:
        client = web_client(slack)
        await client.chat_postMessage(channel="C0DATA", text=evil)
        await client.chat_postMessage(channel="C0DATA", text="t", blocks=blocks)
        await slack.person("U0SAM").say("C0DATA", None, evil)
        await tab.go(slack.page_url)
        await tab.until("document.querySelectorAll('#messages .message').length === 3")
        markup = "#messages :is(img, script, b, [onclick], a[href^=javascript])"
        assert await tab.js(f"document.querySelectorAll('{markup}').length") == 0
        assert await tab.js("window.hit === undefined")
        assert "<img src=x" in await tab.js("document.querySelector('#messages').textContent")
