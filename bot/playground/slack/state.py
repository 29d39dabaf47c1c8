"""The workspace as data: people, channels, messages. No I/O; every change is told to the observers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from secrets import token_hex
from typing import Any

from bot.playground.slack.inspection import Json

TEAM = "T0LOCAL"
TEAM_DOMAIN = "local"
OTHER_TEAM = "T0OUTSIDE"
APP = "A0GREENLIGHT"
BOT_USER = "U0GREENLIGHT"
BOT_ID = "B0GREENLIGHT"
BOT_NAME = "Greenlight"


@dataclass(frozen=True)
class Member:
    """Someone the page lets a newcomer act as. `role` is a label for the page, not a right.

    Attributes:
        outside: Of another workspace, which shares a channel with this one.
        info: What users.info says besides, or instead.
    """

    id: str
    name: str
    role: str
    guest: bool = False
    outside: bool = False
    info: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def team(self) -> str:
        """The workspace this person belongs to."""
        return OTHER_TEAM if self.outside else TEAM

    @property
    def handle(self) -> str:
        """The lower-case name Slack puts into payloads."""
        return self.name.lower().replace(" ", ".")


@dataclass(frozen=True)
class Channel:
    """A public channel the bot is a member of. `shared`: with people of another workspace."""

    id: str
    name: str
    purpose: str = ""
    shared: bool = False


MEMBERS = (
    Member("U0RILEY", "Riley Chen", "requester"),
    Member("U0DANA", "Dana Osei", "approver"),
    Member("U0SAM", "Sam Novak", "no say"),
)
CHANNELS = (
    Channel("C0DATA", "data-eng", "The pipelines' repository is configured here"),
    Channel("C0GENERAL", "general", "No repository is configured here"),
)


@dataclass
class Message:
    """A message, or an ephemeral one (`visible_to` names who sees it). `ts` is unique in the workspace."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    metadata: Json | None = None
    edited_ts: str | None = None
    visible_to: str | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    team: str = TEAM

    @property
    def by_bot(self) -> bool:
        """Whether the bot wrote it."""
        return self.user == BOT_USER

    @property
    def words(self) -> str:
        """Everything a reader sees: the texts of all blocks, or the plain text where there are none."""
        return "\n".join(_texts(self.blocks)) if self.blocks else self.text

    def element(self, action_id: str, block_id: str | None = None) -> tuple[Json, Json]:
        """The block and the interactive element with that action id.

        Raises:
            LookupError: there is none, or several and no block_id.
        """
        return find_element(self.blocks, action_id, block_id)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and key in {"text", "title"}:
                yield item
            elif key != "confirm":
                yield from _texts(item)


def elements_of(blocks: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
    """(block, element) for everything a person can operate, in order."""
    for block in blocks:
        match block.get("type"):
            case "actions":
                yield from ((block, element) for element in block["elements"])
            case "section" if "action_id" in block.get("accessory", {}):
                yield block, block["accessory"]
            case "input":
                yield block, block["element"]


def find_element(blocks: Sequence[Json], action_id: str, block_id: str | None = None) -> tuple[Json, Json]:
    """The one (block, element) with that action id.

    Raises:
        LookupError: there is none, or several and no block_id; says what there is.
    """
    everything = list(elements_of(blocks))
    hits = [
        (block, element)
        for block, element in everything
        if element["action_id"] == action_id and block_id in {None, block["block_id"]}
    ]
    if len(hits) == 1:
        return hits[0]
    there = ", ".join(f"{block['block_id']}/{element['action_id']}" for block, element in everything)
    problem = "several elements" if hits else "no element"
    raise LookupError(f"{problem} {block_id or '*'}/{action_id}; there are: {there or 'none'}")


def find_button_again(blocks: Sequence[Json], action_id: str, value: str) -> tuple[Json, Json] | None:
    """The one (block, button) that says the same as one whose block was drawn anew since it was seen."""
    hits = [
        (block, element)
        for block, element in elements_of(blocks)
        if (element["type"], element["action_id"], element.get("value")) == ("button", action_id, value)
    ]
    return hits[0] if len(hits) == 1 else None


def with_ids(blocks: Sequence[Json]) -> list[Json]:
    """A copy in which every block and element has an id, as Slack fills them in."""
    named = [{**block, "block_id": block.get("block_id") or token_hex(3)} for block in blocks]
    for block in named:
        match block["type"]:
            case "actions":
                block["elements"] = [_named(element) for element in block["elements"]]
            case "section" if block.get("accessory", {}).get("type", "image") != "image":
                block["accessory"] = _named(block["accessory"])
            case "input":
                block["element"] = _named(block["element"])
    return named


def _named(element: Json) -> Json:
    return {**element, "action_id": element.get("action_id") or token_hex(3)}


class Changed(StrEnum):
    """What a change was about; decides what the page redraws."""

    MESSAGE = "message"
    DELETED = "deleted"
    VIEWS = "views"
    STATUS = "status"
    CONNECTION = "connection"
    CALL = "call"
    SETTLED = "settled"


@dataclass(frozen=True)
class Change:
    """A change of the workspace; `key` is a ts, a user id, a method, or "channel:thread_ts" for a status."""

    about: Changed
    key: str


class Workspace:
    """People, channels and messages of one team.

    Args:
        clock: Seconds since the epoch.
    """

    def __init__(
        self, members: Sequence[Member], channels: Sequence[Channel], clock: Callable[[], float]
    ) -> None:
        self.members = {member.id: member for member in members}
        self.channels = {channel.id: channel for channel in channels}
        self.messages: dict[str, Message] = {}
        self.statuses: dict[str, str] = {}
        self.observers: list[Callable[[Change], None]] = []
        self.clock = clock
        self._last_ts = 0

    def changed(self, about: Changed, key: str) -> None:
        """Tell the observers."""
        for observe in tuple(self.observers):
            observe(Change(about, key))

    def next_ts(self) -> str:
        """A message ts: seconds and microseconds, strictly increasing."""
        self._last_ts = max(int(self.clock() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def add(self, message: Message) -> Message:
        """Put a message in, or tell of an edited one; the bot's reply ends its thread's status line."""
        is_new = message.ts not in self.messages
        self.messages[message.ts] = message
        if is_new and message.by_bot and message.visible_to is None:
            self.set_status(message.channel, message.thread_ts or message.ts, "")
        self.changed(Changed.MESSAGE, message.ts)
        return message

    def restore(self, messages: Sequence[Message]) -> None:
        """Put messages of an earlier process back; nobody is told."""
        self.messages.update({message.ts: message for message in messages})
        moments = (ts for m in messages for ts in (m.ts, m.edited_ts) if ts)
        self._last_ts = max((int(ts.replace(".", "")) for ts in moments), default=self._last_ts)

    def remove(self, ts: str) -> Message:
        """Take a message out.

        Raises:
            KeyError: there is none with this ts.
        """
        message = self.messages.pop(ts)
        self.changed(Changed.DELETED, ts)
        return message

    def set_status(self, channel: str, thread_ts: str, status: str) -> None:
        """Show a line such as "is thinking…" below a thread; empty takes it away."""
        key = f"{channel}:{thread_ts}"
        if self.statuses.get(key, "") == status:
            return
        self.statuses.pop(key, None)
        if status:
            self.statuses[key] = status
        self.changed(Changed.STATUS, key)

    def end_status(self, channel: str, thread_ts: str, status: str) -> None:
        """Take a status line away unless another one took its place."""
        if self.statuses.get(f"{channel}:{thread_ts}") == status:
            self.set_status(channel, thread_ts, "")

    def thread(self, channel: str, ts: str) -> list[Message]:
        """Root and replies, oldest first, without ephemerals; empty if there is no such root."""
        return [
            message
            for message in self.messages.values()
            if message.channel == channel
            and message.visible_to is None
            and ts in {message.ts, message.thread_ts}
        ]

    def history(self, channel: str) -> list[Message]:
        """The channel's own messages (roots), newest first."""
        roots = [
            message
            for message in self.messages.values()
            if message.channel == channel
            and message.visible_to is None
            and message.thread_ts in {None, message.ts}
        ]
        return roots[::-1]
