"""The manifest asks for what the code uses, no more and no less."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

ROOT = Path(__file__).parents[2]
FRONT_END = [path for part in (".", "cards", "decode") for path in (ROOT / "bot" / part).glob("*.py")]

SCOPES_OF_METHODS: dict[str, set[str]] = {
    "apps_connections_open": set(),  # the app-level token's connections:write
    "auth_test": set(),
    "chat_postMessage": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "chat_update": {"chat:write"},
    "conversations_history": {"channels:history", "groups:history"},
    "conversations_info": {"channels:read", "groups:read"},
    "conversations_replies": {"channels:history", "groups:history"},
    "users_info": {"users:read"},
    "views_open": set(),
    "views_update": set(),
}
SCOPES_OF_EVENTS = {
    "app_mention": {"app_mentions:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "channel_unarchive": {"channels:read"},
    **{f"channel_{what}": {"channels:read"} for what in ("left", "archive", "deleted")},
    **{f"group_{what}": {"groups:read"} for what in ("left", "archive", "deleted")},
    "channel_shared": {"channels:read", "groups:read"},
    "channel_unshared": {"channels:read", "groups:read"},
    "group_unarchive": {"groups:read"},
    "tokens_revoked": set(),
    "app_uninstalled": set(),
}
SCOPES_OF_FEATURES = {"agent_view": {"assistant:write"}}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text("utf-8"))
    return loaded


def methods_called() -> set[str]:
    names = {
        node.attr
        for path in FRONT_END
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
    }
    api = {name for name in dir(AsyncWebClient) if "_" in name and not name.startswith("_")}
    return (names & api) - {"api_call"}


def test_every_method_the_bot_calls_is_known_here() -> None:
    assert methods_called() == set(SCOPES_OF_METHODS)


def test_scopes_are_exactly_those_that_are_used(manifest: dict[str, Any]) -> None:
    used = set[str]()
    for method in methods_called():
        used |= SCOPES_OF_METHODS[method]
    for event in manifest["settings"]["event_subscriptions"]["bot_events"]:
        used |= SCOPES_OF_EVENTS[event]
    for feature, scopes in SCOPES_OF_FEATURES.items():
        used |= scopes if feature in manifest["features"] else set()
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == used
    assert "user" not in manifest["oauth_config"]["scopes"]


def test_every_scope_says_why() -> None:
    lines = (ROOT / "manifest.yml").read_text("utf-8").splitlines()
    asked = [line for line in lines if line.strip().startswith("- ") and ":" in line.split("#")[0]]
    assert asked
    assert all(" # " in line for line in asked)


def test_it_keeps_to_slacks_form(manifest: dict[str, Any]) -> None:
    assert set(manifest) == {"_metadata", "display_information", "features", "oauth_config", "settings"}
    shown = manifest["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 174 <= len(shown["long_description"]) <= 4000
    features = manifest["features"]
    assert "assistant_view" not in features
    assert 0 < len(features["agent_view"]["agent_description"]) <= 300
    assert len(features["bot_user"]["display_name"]) <= 80
    settings = manifest["settings"]
    assert settings["socket_mode_enabled"] is True
    assert settings["interactivity"]["is_enabled"] is True
    assert "request_url" not in settings["event_subscriptions"]
