"""Messages and mentions, their edits and deletions; and the words that stop, pause and resume."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from bot.decode.heard import Heard, Place, Tell, time_of
from bot.payloads import ChangeBody, DeletionBody, EventBody, Message
from engine.events import Deleted, Event, Opened, Paused, Resumed, Said, Stopped
from engine.people import Person

NO_REQUEST_HERE = (
    "To stop or pause a request, write “stop” or “pause” in its thread, "
    "or press the button on its progress card."
)
FORWARDED = "I do not read forwarded messages. Mention me in a new message and write out what it is about."
FORWARD_BESIDE = (
    "I read only your own words, not the message that is forwarded or linked with them. "
    "If it matters, tell me in your own words what it says."
)
QUOTED = "I do not act on quotations. Mention me in your own words."
EDITED = "I do not read edits. Mention me in a new message."
EDITED_SINCE = (
    "I do not read edits: I go by your message as it was first sent. "
    "If it says something else now, tell me in a new message."
)

_CHANGED = "message_changed"
_DELETED = "message_deleted"
_TOMBSTONE = "tombstone"
"""What stands in the place of a deleted message that has replies: Slack calls that a change."""
_SPOKEN = frozenset({None, "file_share", "thread_broadcast", "me_message"})
_STOP = re.compile(
    r"\W*((ok|okay|please|now)\W+)*(stop|halt|cancel|abort)"
    r"(\W+(it|this|that|now|please|everything|all|thanks|thank\W+you))*\W*",
    re.IGNORECASE,
)
_PAUSE = re.compile(
    r"\W*((ok|okay|please|now)\W+)*pause(\W+(it|this|that|now|please|everything|all|work|for\W+now))*\W*",
    re.IGNORECASE,
)
_RESUME = re.compile(
    r"\W*((ok|okay|please|now)\W+)*(resume|unpause|go\W+on|continue)"
    r"(\W+(it|this|that|now|please|everything|all|work))*\W*",
    re.IGNORECASE,
)
_QUOTATION = re.compile(r"^[^\S\n]*&gt;(&gt;&gt;[\s\S]*|[^\n]*)", re.MULTILINE)
_EMOJI = re.compile(r":[a-z0-9_+-]+:")
_TOKEN = re.compile(r"<([^<>\n]*)>")


def message(body: Mapping[str, Any], bot_user: str) -> Heard | None:
    """A `message` or `app_mention` event.

    A mention is always Opened: whether its thread holds a request already, only the engine knows.

    Args:
        body: The whole Events API payload.
        bot_user: The bot's own user id.
    """
    try:
        heard = EventBody.model_validate(body)
        at = time_of(heard.event.ts)
    except ValueError:
        return None
    said = heard.event
    if said.subtype == _CHANGED:
        return _buried(body, heard, at) or _edited(body, heard, bot_user)
    if said.subtype == _DELETED:
        return _deleted(body, heard, at)
    if said.user is None or said.user == bot_user or said.bot_id or said.edited:
        return None
    if said.subtype not in _SPOKEN:
        return None
    mentioned = _is_addressed(said, bot_user)
    within = said.thread_ts is not None and said.thread_ts != said.ts
    if not mentioned and not within and not _mentions(said.text, bot_user):
        return None
    place = Place(channel=said.channel, thread_ts=said.thread_ts, user=said.user)
    by = Person(team=said.user_team or said.team or heard.home, user=said.user)
    key = f"{heard.home}:{said.channel}:{said.ts}:msg"
    what: Event | Tell = Tell(sentence=QUOTED)
    if mentioned or within:
        what = _spoken(heard, key, at, by, bot_user, mentioned=mentioned)
    besides = FORWARD_BESIDE if said.forwards and isinstance(what, Opened) else ""
    return Heard(key=key, home=heard.home, by=by, place=place, what=what, besides=besides)


def _is_addressed(said: Message, bot_user: str) -> bool:
    """A mention outside of quotations; and a direct message, which says it by where it stands."""
    unseen = said.type == "app_mention" and not _mentions(said.text, bot_user)
    return said.direct or unseen or _mentions(_QUOTATION.sub("", said.text), bot_user)


def _mentions(text: str, bot_user: str) -> bool:
    return f"<@{bot_user}>" in text or f"<@{bot_user}|" in text


def _edited(body: Mapping[str, Any], heard: EventBody, bot_user: str) -> Heard | None:
    """A mention that an edit added, or whose words it changed: its author hears that the edit is not read."""
    try:
        change = ChangeBody.model_validate(body).event
    except ValidationError:
        return None
    after, before = change.message, change.previous_message
    if after.user is None or after.user == bot_user or after.bot_id or after.subtype not in _SPOKEN:
        return None
    if not _mentions(after.text, bot_user):
        return None
    mentioned = _mentions(before.text, bot_user)
    # Links that are shown later, for one, change a message and none of its words.
    if mentioned and plain_words(after.text, bot_user) == plain_words(before.text, bot_user):
        return None
    channel = heard.event.channel
    place = Place(channel=channel, thread_ts=after.thread_ts, user=after.user)
    return Heard(
        key=f"{heard.home}:{channel}:{after.ts}:edit",
        home=heard.home,
        by=Person(team=heard.home, user=after.user),
        place=place,
        what=Tell(sentence=EDITED_SINCE if mentioned else EDITED),
    )


def _buried(body: Mapping[str, Any], heard: EventBody, at: datetime) -> Heard | None:
    """A message with replies was deleted: a tombstone stands there."""
    try:
        after = ChangeBody.model_validate(body).event.message
    except ValidationError:
        return None
    return _gone(heard, at, after.ts, after.thread_ts) if after.subtype == _TOMBSTONE else None


def _deleted(body: Mapping[str, Any], heard: EventBody, at: datetime) -> Heard | None:
    try:
        deletion = DeletionBody.model_validate(body).event
    except ValidationError:
        return None
    return _gone(heard, at, deletion.deleted_ts, deletion.previous_message.thread_ts)


def _gone(heard: EventBody, at: datetime, ts: str, thread_ts: str | None) -> Heard:
    """Slack does not say who did it, so nobody is told anything."""
    home, channel = heard.home, heard.event.channel
    key, request = f"{home}:{channel}:{ts}:deleted", f"{home}:{channel}:{thread_ts or ts}"
    return Heard(
        key=key,
        home=home,
        by=Person(team=home, user=""),
        place=Place(channel=channel, thread_ts=thread_ts, user=""),
        what=Deleted(key=key, request=request, at=at, ts=ts),
    )


def _spoken(
    heard: EventBody, key: str, at: datetime, by: Person, bot_user: str, *, mentioned: bool
) -> Event | Tell:
    said = heard.event
    thread_ts = said.thread_ts or said.ts
    request = f"{heard.home}:{said.channel}:{thread_ts}"
    text = plain_words(said.text, bot_user)
    if _STOP.fullmatch(_EMOJI.sub(" ", text)):
        if said.thread_ts is None:
            return Tell(sentence=NO_REQUEST_HERE)
        return Stopped(key=key, request=request, at=at, by=by)
    if _PAUSE.fullmatch(_EMOJI.sub(" ", text)):
        if said.thread_ts is None:
            return Tell(sentence=NO_REQUEST_HERE)
        return Paused(key=key, request=request, at=at, by=by)
    if said.thread_ts is not None and _RESUME.fullmatch(_EMOJI.sub(" ", text)):
        return Resumed(key=key, request=request, at=at, by=by, text=text, ts=said.ts, mentions_bot=mentioned)
    if mentioned and not text and said.forwards:
        return Tell(sentence=FORWARDED)
    if mentioned:
        return Opened(
            key=key,
            request=request,
            at=at,
            by=by,
            text=text,
            channel=said.channel,
            ts=said.ts,
            thread_ts=thread_ts,
            direct=said.direct,
            shared=heard.shared,
        )
    return Said(key=key, request=request, at=at, by=by, text=text, ts=said.ts)


def plain_words(text: str, bot_user: str) -> str:
    """Slack's message markup as plain text, without mentions of the bot."""
    rest = re.sub(rf" *<@{re.escape(bot_user)}(\|[^>]*)?> *", " ", text)
    words = _TOKEN.sub(lambda found: _token(found.group(1)), rest)
    words = words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()
    return words.lstrip(" ,:;-") if rest != text else words


def _token(inside: str) -> str:
    target, _, label = inside.partition("|")
    if target.startswith(("@", "#")):
        return f"{target[0]}{label.lstrip('@#') or target[1:]}"
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    address = target.removeprefix("mailto:")
    return f"{label} ({address})" if label not in address else address
