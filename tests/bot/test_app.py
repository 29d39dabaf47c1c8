"""Putting it together: tokens, and what is said when Slack does not take them."""

import pytest

from bot.app import SlackApp, Tokens
from bot.channel import identify, web_client
from bot.playground.slack import Fault, LocalSlack
from engine.errors import ChatRefused, ConfigurationInvalid, Unreachable
from tests.bot.conftest import APP_TOKEN, BOT_TOKEN, Recorder

GOOD = {"SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN}


def test_tokens_come_from_the_environment() -> None:
    tokens = Tokens.from_environment(GOOD | {"SLACK_API_URL": "http://127.0.0.1:1/api/"})
    assert tokens.bot.get_secret_value() == BOT_TOKEN
    assert tokens.api_url == "http://127.0.0.1:1/api/"
    assert Tokens.from_environment(GOOD).api_url is None
    assert BOT_TOKEN not in repr(tokens)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_APP_TOKEN": " "}, "SLACK_APP_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": APP_TOKEN}, "should begin with xoxb-"),
        ({"SLACK_APP_TOKEN": BOT_TOKEN}, "should begin with xapp-"),
        ({"SLACK_API_URL": "127.0.0.1"}, "SLACK_API_URL"),
    ],
)
def test_a_missing_or_wrong_one_is_named(changes: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=named):
        Tokens.from_environment(GOOD | changes)


async def test_a_token_slack_does_not_take(slack: LocalSlack) -> None:
    with pytest.raises(ChatRefused) as raised:
        await identify(web_client("xoxb-wrong", slack.api_url))
    assert raised.value.code == "invalid_auth"


async def test_an_app_token_slack_does_not_take(slack: LocalSlack) -> None:
    client = web_client(BOT_TOKEN, slack.api_url)
    app = SlackApp(Recorder(), client, await identify(client), "xapp-wrong")
    with pytest.raises(ConfigurationInvalid, match="SLACK_APP_TOKEN"):
        await app.connect()
    await app.close()


async def test_slack_out_of_reach(slack: LocalSlack) -> None:
    slack.faults.add("auth.test", Fault.SERVER_ERROR)
    with pytest.raises(Unreachable):
        await identify(web_client(BOT_TOKEN, slack.api_url))
