"""Messages of the local Slack that outlive their process."""

from pathlib import Path

import pytest

from bot.playground.slack import LocalSlack, SlackOptions
from bot.playground.slack.keeping import keep
from engine.errors import ConfigurationInvalid
from tests.bot.playground.local_slack_app import web_client

QUIET = SlackOptions(paces={})


async def test_another_process_goes_on_with_what_was_said(tmp_path: Path) -> None:
    file = tmp_path / "slack.jsonl"
    async with LocalSlack(QUIET) as slack:
        keep(slack.workspace, file)
        root = await slack.person("U0RILEY").say("C0DATA", None, "Hello 👋")
        client = web_client(slack)
        card = await client.chat_postMessage(channel="C0DATA", thread_ts=root, text="a")
        await client.chat_update(channel="C0DATA", ts=card["ts"], text="b")
        gone = await client.chat_postMessage(channel="C0DATA", thread_ts=root, text="gone")
        await client.chat_delete(channel="C0DATA", ts=gone["ts"])
        before = dict(slack.workspace.messages)
    with file.open("a") as torn:
        torn.write('{"channel": "C0DA')
    async with LocalSlack(QUIET) as slack:
        keep(slack.workspace, file)
        assert slack.workspace.messages == before
        assert [message.text for message in slack.thread("C0DATA", root)] == ["Hello 👋", "b"]
        later = await slack.person("U0DANA").say("C0DATA", root, "On we go")
        assert later > max(before)
    async with LocalSlack(QUIET) as slack:
        keep(slack.workspace, file)
        assert [message.text for message in slack.thread("C0DATA", root)] == ["Hello 👋", "b", "On we go"]


def test_a_file_that_is_something_else_is_named(tmp_path: Path) -> None:
    file = tmp_path / "slack.jsonl"
    file.write_text("notes\n")
    with pytest.raises(ConfigurationInvalid, match=r"slack\.jsonl"):
        keep(LocalSlack(QUIET).workspace, file)
    assert file.read_text() == "notes\n"
