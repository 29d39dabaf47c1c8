"""The JSON Slack sends to an app: events and interactions. Pure functions."""

from secrets import token_hex

from bot.playground.slack.inspection import Json
from bot.playground.slack.state import (
    APP,
    BOT_ID,
    BOT_USER,
    OTHER_TEAM,
    TEAM,
    TEAM_DOMAIN,
    Member,
    Message,
    Workspace,
)


def message_json(message: Message) -> Json:
    """A message as the Web API and events show it, without its metadata."""
    shown: Json = {
        "type": "message",
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "team": message.team,
        "blocks": message.blocks or [_rich_text(message.text)],
    }
    if message.team != TEAM:
        shown["user_team"] = message.team
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    if message.by_bot:
        shown |= {"bot_id": BOT_ID, "app_id": APP}
    else:
        shown["client_msg_id"] = f"msg-{message.ts}"
    if message.edited_ts:
        shown["edited"] = {"user": message.user, "ts": message.edited_ts}
    if message.reactions:
        shown["reactions"] = [
            {"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()
        ]
    return shown


def _rich_text(text: str) -> Json:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "block_id": token_hex(3), "elements": [section]}


def event_callback(event: Json, workspace: Workspace) -> Json:
    """An Events API payload around one event, with an event_id of its own."""
    channel = workspace.channels.get(str(event.get("channel")))
    bot = {"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True}
    return {
        "token": "fake-verification-token",
        "team_id": TEAM,
        "context_team_id": TEAM,
        "context_enterprise_id": None,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{token_hex(6).upper()}",
        "event_time": int(workspace.clock()),
        "authorizations": [{**bot, "is_enterprise_install": False}],
        "is_ext_shared_channel": channel is not None and channel.shared,
        "event_context": f"4-{token_hex(8)}",
    }


def message_event(workspace: Workspace, message: Message) -> Json:
    """The `message` event of a new message."""
    event = message_json(message) | {
        "channel": message.channel,
        "channel_type": "channel",
        "event_ts": message.ts,
    }
    root = workspace.messages.get(message.thread_ts or "")
    if root is not None and root is not message:
        event["parent_user_id"] = root.user
    return event


def mention_event(workspace: Workspace, message: Message) -> Json:
    """The `app_mention` event of the same message."""
    event = message_event(workspace, message) | {"type": "app_mention"}
    del event["channel_type"]
    return event


def changed_event(message: Message, before: Json, event_ts: str) -> Json:
    """The `message_changed` event of an edited message."""
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "message": message_json(message),
        "previous_message": before,
        "channel": message.channel,
        "channel_type": "channel",
        "ts": event_ts,
        "event_ts": event_ts,
    }


def deleted_event(message: Message, event_ts: str, *, has_replies: bool) -> Json:
    """The event of a deleted message: one with replies becomes a tombstone, which is a change."""
    common = {"type": "message", "hidden": True, "channel": message.channel, "channel_type": "channel"}
    stamps = {"ts": event_ts, "event_ts": event_ts}
    before = message_json(message)
    if not has_replies:
        return (
            common
            | stamps
            | {
                "subtype": "message_deleted",
                "deleted_ts": message.ts,
                "previous_message": before,
            }
        )
    tombstone = {
        "type": "message",
        "subtype": "tombstone",
        "text": "This message was deleted.",
        "user": "USLACKBOT",
        "hidden": True,
        "ts": message.ts,
        "thread_ts": message.ts,
    }
    return (
        common
        | stamps
        | {
            "subtype": "message_changed",
            "message": tombstone,
            "previous_message": before | {"thread_ts": message.ts},
        }
    )


def sharing_event(channel: str, event_ts: str, *, shared: bool) -> Json:
    """The event of a channel that people of another workspace now share, or no longer."""
    if shared:
        return {
            "type": "channel_shared",
            "connected_team_id": OTHER_TEAM,
            "channel": channel,
            "event_ts": event_ts,
        }
    return {
        "type": "channel_unshared",
        "previously_connected_team_id": OTHER_TEAM,
        "channel": channel,
        "is_ext_shared": False,
        "event_ts": event_ts,
    }


def _interaction(kind: str, member: Member, trigger_id: str) -> Json:
    user = {"id": member.id, "username": member.handle, "name": member.handle, "team_id": member.team}
    return {
        "type": kind,
        "user": user,
        "team": {"id": TEAM, "domain": TEAM_DOMAIN},
        "api_app_id": APP,
        "token": "fake-verification-token",
        "trigger_id": trigger_id,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def message_action(member: Member, trigger_id: str, message: Message, action: Json) -> Json:
    """`block_actions` from a message, still without channel, response_url and state.

    An ephemeral message's payload comes without its `message`, as Slack has it.
    """
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.visible_to is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    payload = _interaction("block_actions", member, trigger_id) | {
        "container": container,
        "actions": [action],
    }
    if message.visible_to is None:
        payload["message"] = message_json(message)
    return payload


def view_action(member: Member, trigger_id: str, view: Json, action: Json) -> Json:
    """`block_actions` from a modal."""
    return _interaction("block_actions", member, trigger_id) | {
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
        "actions": [action],
    }


def view_submission(member: Member, trigger_id: str, view: Json) -> Json:
    """The submit button of a modal."""
    return _interaction("view_submission", member, trigger_id) | {"view": view, "response_urls": []}


def view_closed(member: Member, view: Json, *, all_of_them: bool) -> Json:
    """A modal closed by its person, for views with notify_on_close."""
    payload = _interaction("view_closed", member, "") | {"view": view, "is_cleared": all_of_them}
    del payload["trigger_id"]
    return payload
