"""The Web API's methods for messages, conversations and people, with Slack's error codes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.playground.slack.inspection import Json, Violation
from bot.playground.slack.interactions import Interactions
from bot.playground.slack.limits import Surface, violations
from bot.playground.slack.payloads import message_json
from bot.playground.slack.state import (
    BOT_ID,
    BOT_NAME,
    BOT_USER,
    TEAM,
    Channel,
    Member,
    Message,
    Workspace,
    with_ids,
)

MAX_TEXT = 40_000
STATUS_SECONDS = 120.0


class ApiError(Exception):
    """An answer with ok false; `extra` goes into the JSON beside the code."""

    def __init__(self, code: str, extra: Json | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra or {}


def refusal(code: str, refused: Sequence[Violation]) -> ApiError:
    """Slack's form of "these blocks are wrong, and where"."""
    messages = [f"[ERROR] {violation}" for violation in refused]
    errors = [str(violation) for violation in refused]
    return ApiError(code, {"errors": errors, "response_metadata": {"messages": messages}})


def content(args: Mapping[str, Any]) -> tuple[str, list[Json]]:
    """Text and blocks of what is to be posted, checked.

    Raises:
        ApiError: no_text, msg_too_long, invalid_blocks, invalid_blocks_format, invalid_attachments.
    """
    text, blocks = args.get("text") or "", args.get("blocks") or []
    if args.get("attachments"):
        raise ApiError("invalid_attachments")
    if not text and not blocks:
        raise ApiError("no_text")
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise ApiError("msg_too_long")
    if not isinstance(blocks, list):
        raise ApiError("invalid_blocks_format")
    refused = violations(blocks, Surface.MESSAGE)
    if refused:
        raise refusal("invalid_blocks", refused)
    return text, with_ids(blocks)


def truth(value: object) -> bool:
    """A boolean argument, sent as JSON or as a form's text."""
    return value is True or str(value).lower() in {"1", "true"}


class Methods:
    """Methods by name in `table`; each takes the arguments and returns the answer without `ok`."""

    def __init__(self, workspace: Workspace, interactions: Interactions, base_url: Callable[[], str]) -> None:
        self._workspace = workspace
        self._interactions = interactions
        self._base_url = base_url
        self.table: dict[str, Callable[[Json], Json]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.getPermalink": self._permalink,
            "conversations.replies": self._replies,
            "conversations.history": self._history,
            "conversations.info": self._channel_info,
            "users.info": self._user_info,
            "reactions.add": self._react,
            "assistant.threads.setStatus": self._set_status,
        }

    def replace(self, message: Message, args: Json) -> None:
        """Edit a message: text and blocks as given; blocks and metadata that are not given stay."""
        before = message_json(message)
        keeps_blocks = "blocks" not in args and bool(message.blocks)
        text, blocks = content(args)
        message.text = text
        message.blocks = message.blocks if keeps_blocks else blocks
        if "metadata" in args:
            message.metadata = _metadata(args)
        message.edited_ts = self._workspace.next_ts()
        self._workspace.add(message)
        if message.visible_to is None:
            self._interactions.announce_change(message, before)

    def _auth_test(self, _: Json) -> Json:
        who = {"user": BOT_NAME.lower(), "user_id": BOT_USER, "bot_id": BOT_ID}
        return {
            "url": f"{self._base_url()}/",
            "team": "Local",
            "team_id": TEAM,
            **who,
            "is_enterprise_install": False,
        }

    def _post_message(self, args: Json) -> Json:
        channel, thread_ts = self._channel(args), self._thread_ts(args)
        text, blocks = content(args)
        message = Message(channel.id, self._workspace.next_ts(), BOT_USER, text, blocks, thread_ts)
        message.metadata = _metadata(args)
        self._workspace.add(message)
        self._interactions.announce(message)
        return {"channel": channel.id, "ts": message.ts, "message": _shown(message, with_metadata=True)}

    def _update(self, args: Json) -> Json:
        message = self._message(args, "ts")
        if not message.by_bot:
            raise ApiError("cant_update_message")
        self.replace(message, args)
        shown = _shown(message, with_metadata=True)
        return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": shown}

    def _delete(self, args: Json) -> Json:
        message = self._message(args, "ts")
        if not message.by_bot:
            raise ApiError("cant_delete_message")
        self._workspace.remove(message.ts)
        return {"channel": message.channel, "ts": message.ts}

    def _post_ephemeral(self, args: Json) -> Json:
        channel, thread_ts = self._channel(args), self._thread_ts(args)
        if args.get("user") not in self._workspace.members:
            raise ApiError("user_not_in_channel")
        text, blocks = content(args)
        message = Message(channel.id, self._workspace.next_ts(), BOT_USER, text, blocks, thread_ts)
        message.visible_to = args["user"]
        self._workspace.add(message)
        return {"message_ts": message.ts}

    def _permalink(self, args: Json) -> Json:
        message = self._message(args, "message_ts")
        link = f"{self._base_url()}/#{message.channel}/{message.thread_ts or message.ts}"
        return {"channel": message.channel, "permalink": link}

    def _replies(self, args: Json) -> Json:
        channel = self._channel(args)
        thread = self._workspace.thread(channel.id, str(args.get("ts")))
        if not thread:
            raise ApiError("thread_not_found")
        root, replies = thread[0], thread[1:]
        page, more = _page([m for m in replies if _within(m, args)], args, 1000)
        whole = _shown(root, truth(args.get("include_all_metadata")))
        if replies:
            whole |= {"thread_ts": root.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
        return {"messages": [whole, *page], **more}

    def _history(self, args: Json) -> Json:
        roots = self._workspace.history(self._channel(args).id)
        page, more = _page([m for m in roots if _within(m, args)], args, 100)
        return {"messages": page, **more}

    def _channel_info(self, args: Json) -> Json:
        return {"channel": _channel_json(self._channel(args))}

    def _user_info(self, args: Json) -> Json:
        if args.get("user") == BOT_USER:
            return {"user": _user_json(Member(BOT_USER, BOT_NAME, "app")) | {"is_bot": True}}
        member = self._workspace.members.get(str(args.get("user")))
        if member is None:
            raise ApiError("user_not_found")
        return {"user": _user_json(member)}

    def _react(self, args: Json) -> Json:
        message = self._message(args, "timestamp")
        name = str(args.get("name") or "").strip(":")
        if not name:
            raise ApiError("invalid_name")
        users = message.reactions.setdefault(name, [])
        if BOT_USER in users:
            raise ApiError("already_reacted")
        users.append(BOT_USER)
        self._workspace.add(message)
        return {}

    def _set_status(self, args: Json) -> Json:
        channel = self._channel(args, "channel_id")
        thread_ts, status = str(args.get("thread_ts") or ""), str(args.get("status") or "")
        if not self._workspace.thread(channel.id, thread_ts):
            raise ApiError("thread_not_found")
        self._workspace.set_status(channel.id, thread_ts, status)
        if status:
            loop = asyncio.get_running_loop()
            loop.call_later(STATUS_SECONDS, self._workspace.end_status, channel.id, thread_ts, status)
        return {}

    def _channel(self, args: Json, key: str = "channel") -> Channel:
        asked = str(args.get(key))
        channel = self._workspace.channels.get(asked)
        if channel is None and asked in self._workspace.members:
            return Channel(f"D{asked[1:]}", "direct message")
        if channel is None:
            raise ApiError("channel_not_found")
        return channel

    def _thread_ts(self, args: Json) -> str | None:
        thread_ts = args.get("thread_ts") or None
        if thread_ts is None:
            return None
        thread = self._workspace.thread(self._channel(args).id, str(thread_ts))
        if not thread:
            raise ApiError("thread_not_found")
        return thread[0].thread_ts or thread[0].ts

    def _message(self, args: Json, key: str) -> Message:
        channel = self._channel(args)
        message = self._workspace.messages.get(str(args.get(key)))
        if message is None or message.channel != channel.id or message.visible_to is not None:
            raise ApiError("message_not_found")
        return message


def _metadata(args: Json) -> Json | None:
    metadata = args.get("metadata") or None
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not metadata.get("event_type"):
        raise ApiError("invalid_metadata_format")
    if not isinstance(metadata.get("event_payload"), dict):
        raise ApiError("invalid_metadata_format")
    return metadata


def _shown(message: Message, with_metadata: bool) -> Json:
    shown = message_json(message)
    if with_metadata and message.metadata:
        shown["metadata"] = message.metadata
    return shown


def _within(message: Message, args: Json) -> bool:
    oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or "inf")
    at = float(message.ts)
    return oldest <= at <= latest if truth(args.get("inclusive")) else oldest < at < latest


def _page(messages: Sequence[Message], args: Json, default: int) -> tuple[list[Json], Json]:
    limit, start = int(args.get("limit") or default), int(args.get("cursor") or 0)
    if not 1 <= limit <= 1000:
        raise ApiError("invalid_limit")
    some = messages[start : start + limit]
    has_more = len(messages) > start + limit
    cursor = str(start + limit) if has_more else ""
    shown = [_shown(message, truth(args.get("include_all_metadata"))) for message in some]
    return shown, {"has_more": has_more, "response_metadata": {"next_cursor": cursor}}


def _channel_json(channel: Channel) -> Json:
    kinds = {"is_channel": True, "is_group": False, "is_im": False, "is_mpim": False, "is_private": False}
    shared = {
        "is_archived": False,
        "is_member": True,
        "is_ext_shared": channel.shared,
        "is_shared": channel.shared,
    }
    return {"id": channel.id, "name": channel.name, **kinds, **shared, "purpose": {"value": channel.purpose}}


def _user_json(member: Member) -> Json:
    return {
        "id": member.id,
        "team_id": member.team,
        "name": member.handle,
        "real_name": member.name,
        "deleted": False,
        "is_bot": False,
        "is_app_user": False,
        "is_restricted": member.guest,
        "is_ultra_restricted": False,
        "is_stranger": member.outside,
        "tz": "Etc/UTC",
        "profile": {"real_name": member.name, "display_name": member.name},
        **member.info,
    }
