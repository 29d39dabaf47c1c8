"""What events tell of channels and people: who else sees one, where the bot can write, who changed."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from bot.decode.heard import Frozen, time_of
from bot.payloads import ChangedUserBody, PlaceBody, SharingBody
from engine.events import Shared

_SHARED, _UNSHARED = "channel_shared", "channel_unshared"
_JOINED = "member_joined_channel"


class ToldShared(Frozen):
    """People of another workspace share a channel, or no longer. `what` is of every request there."""

    home: str
    channel: str
    what: Shared


def sharing(body: Mapping[str, Any]) -> ToldShared | None:
    """What an event tells of its channel: the two events of it, or the mark that each event carries."""
    try:
        told = SharingBody.model_validate(body)
        at = time_of(told.event.event_ts)
    except ValueError:
        return None
    event = told.event
    ends = event.type == _UNSHARED and event.is_ext_shared is False
    if not (ends or told.shared or event.type == _SHARED):
        return None
    team = event.connected_team_id[:20] if event.type == _SHARED else ""
    what = Shared(key=f"shared:{event.event_ts}", request="", at=at, shared=not ends, team=team)
    return ToldShared(home=told.home, channel=event.channel, what=what)


def reopened(body: Mapping[str, Any], bot_user: str) -> str:
    """The channel in which the bot can write again, as an event says; empty if it says no such thing."""
    try:
        about = PlaceBody.model_validate(body).event
    except ValidationError:
        return ""
    return "" if about.type == _JOINED and about.user != bot_user else about.channel


def shut(body: Mapping[str, Any]) -> str:
    """The channel that was deleted or archived, or that the bot was removed from; empty if none is named."""
    try:
        return PlaceBody.model_validate(body).event.channel
    except ValidationError:
        return ""


def changed_user(body: Mapping[str, Any]) -> str:
    """The id of the user of whom a `user_change` event tells; empty if it tells of none."""
    try:
        return ChangedUserBody.model_validate(body).event.user.id
    except ValidationError:
        return ""
