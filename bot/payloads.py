"""The parts of Slack's payloads that are read; everything else in them is ignored."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Authorization(_Frozen):
    """For whom an event was sent."""

    team_id: str | None = None


class Written(_Frozen):
    """What was written, by whom; as it stands, or stood, within a `message_changed` event."""

    ts: str
    user: str | None = None
    text: str = ""
    thread_ts: str | None = None
    subtype: str | None = None
    bot_id: str | None = None


class Message(Written):
    """A `message` or `app_mention` event."""

    type: str
    channel: str
    channel_type: str | None = None
    team: str | None = None
    user_team: str | None = None
    edited: Mapping[str, Any] | None = None
    attachments: object = None

    @property
    def direct(self) -> bool:
        """Whether it stands where only its author and the bot are; the ids of such channels begin so."""
        return self.channel_type == "im" or self.channel.startswith("D")

    @property
    def forwards(self) -> bool:
        """Whether another message was forwarded with this one, or is shown below a link to it.

        Attachments have many shapes; one that is not known must not hide the message.
        """
        parts = self.attachments if isinstance(self.attachments, list) else []
        marks = ("is_share", "is_msg_unfurl")
        return any(isinstance(part, dict) and any(part.get(mark) is True for mark in marks) for part in parts)


class _Outer(_Frozen):
    """What every Events API payload says around its event."""

    team_id: str
    context_team_id: str | None = None
    authorizations: tuple[Authorization, ...] = ()
    is_ext_shared_channel: object = None

    @property
    def home(self) -> str:
        """The team the bot is installed in; in shared channels `team_id` may be another's."""
        installed = self.authorizations[0].team_id if self.authorizations else None
        return installed or self.context_team_id or self.team_id

    @property
    def shared(self) -> bool:
        """Whether people of another workspace see the channel it comes from."""
        return self.is_ext_shared_channel is True


class EventBody(_Outer):
    """An Events API payload around a message."""

    event: Message


class Sharing(_Frozen):
    """An event of a channel: `channel_shared`, `channel_unshared`, or any other."""

    type: str
    channel: str
    event_ts: str
    connected_team_id: str = ""
    is_ext_shared: object = None


class SharingBody(_Outer):
    """An Events API payload that tells whether others share the channel."""

    event: Sharing


class Change(_Frozen):
    """A `message_changed` event."""

    message: Written
    previous_message: Written


class ChangeBody(_Frozen):
    """An Events API payload around a changed message."""

    event: Change


class Gone(_Frozen):
    """What is known of a message that was deleted."""

    thread_ts: str | None = None


class Deletion(_Frozen):
    """A `message_deleted` event."""

    deleted_ts: str
    previous_message: Gone = Gone()


class DeletionBody(_Frozen):
    """An Events API payload around a deleted message."""

    event: Deletion


class Place(_Frozen):
    """An event about a channel."""

    type: str
    channel: str
    user: str | None = None


class PlaceBody(_Frozen):
    """An Events API payload around an event about a channel."""

    event: Place


class User(_Frozen):
    """Who acted; `team_id` is their own team."""

    id: str
    team_id: str | None = None


class ChangedUser(_Frozen):
    """A `user_change` event."""

    user: User


class ChangedUserBody(_Frozen):
    """An Events API payload around it."""

    event: ChangedUser


class Team(_Frozen):
    """A team."""

    id: str


class Container(_Frozen):
    """The message that holds what was pressed."""

    channel_id: str
    message_ts: str
    thread_ts: str | None = None


class InModal(_Frozen):
    """The modal that holds what was pressed."""

    view_id: str


class Shown(_Frozen):
    """What a modal remembers."""

    private_metadata: str = ""


class Option(_Frozen):
    """A chosen option of a menu."""

    value: str


class Action(_Frozen):
    """What was pressed."""

    action_id: str
    action_ts: str
    block_id: str = ""
    type: str
    value: str = ""
    selected_option: Option | None = None
    selected_options: tuple[Option, ...] = ()


class ActionBody(_Frozen):
    """A `block_actions` payload from a message, or from a modal."""

    user: User
    team: Team | None = None
    container: Container | InModal
    view: Shown | None = None
    trigger_id: str = ""
    actions: tuple[Action, ...]


class Field(_Frozen):
    """What stands in an input: text, or what was chosen."""

    value: str | None = None
    selected_option: Option | None = None
    selected_options: tuple[Option, ...] = ()


class ViewState(_Frozen):
    """What was typed, by block and action id."""

    values: Mapping[str, Mapping[str, Field]]


class View(_Frozen):
    """A modal that was sent."""

    id: str
    hash: str
    private_metadata: str
    state: ViewState


class SubmissionBody(_Frozen):
    """A `view_submission` payload."""

    user: User
    team: Team | None = None
    view: View
