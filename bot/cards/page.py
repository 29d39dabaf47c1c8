"""Puts blocks together within Slack's limits of a message. Pure apart from its own state."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from bot.cards.presses import ACTION, Press, ShowWhole, packed
from bot.cards.text import Render, fit, line, mrkdwn, plain, size

Block = dict[str, Any]

MAX_BLOCKS = 50
MAX_CHARACTERS = 12_500
"""A little under Slack's 13,200, which it does not document precisely."""

HEADER = 150
MOST_BULLETS = 8
BUTTON = 75


@dataclass(frozen=True)
class Message:
    """What is sent: blocks, and the text of notifications and of clients without blocks."""

    text: str
    blocks: list[Block]


class Rank(IntEnum):
    """What stays when not everything fits: MUST always, then MAIN, then EXTRA."""

    MUST = 0
    MAIN = 1
    EXTRA = 2


@dataclass(frozen=True)
class _Group:
    blocks: tuple[Block, ...]
    rank: Rank

    @property
    def characters(self) -> int:
        return sum(characters(block) for block in self.blocks)


class Page:
    """A card's blocks in reading order. Whatever is left out brings the button "Show all".

    Args:
        request: The request's id.
        key: The card's key; both go into the button.
    """

    def __init__(self, request: str, key: str) -> None:
        self.request = request
        self.key = key
        self.cut = False
        self._whole = ""
        self._groups: list[_Group] = []

    def words(self, raw: str, limit: int, render: Render = mrkdwn) -> str:
        """Untrusted text, rendered into at most `limit` units."""
        fitted = fit(raw, limit, render)
        self.cut = self.cut or fitted.cut
        return fitted.text

    def add(self, *blocks: Block, rank: Rank = Rank.MAIN) -> None:
        """Add blocks that stay or go together."""
        self._groups.append(_Group(blocks, rank))

    def bullets(self, heading: str, entries: tuple[str, ...], rank: Rank = Rank.MAIN) -> None:
        """A headed list of untrusted entries, if there are any."""
        if not entries:
            return
        lines = [f"• {self.words(entry, 330, line)}" for entry in entries[:MOST_BULLETS]]
        self.cut = self.cut or len(entries) > len(lines)
        self.add(section("\n".join([f"*{heading}*", *lines])), rank=rank)

    def header(self, raw: str) -> None:
        """The card's heading."""
        self.add(
            {"type": "header", "text": plain_text(self.words(raw, HEADER, plain))},
            rank=Rank.MUST,
        )

    def buttons(self, *elements: Block) -> None:
        """A row of buttons that always stays."""
        if elements:
            self.add(actions(*elements), rank=Rank.MUST)

    def blocks(self) -> list[Block]:
        """Everything that fits, in order."""
        kept = self._kept()
        shown = [block for index, group in enumerate(self._groups) if index in kept for block in group.blocks]
        if self._whole or self.cut or len(kept) < len(self._groups):
            whole = ShowWhole(request=self.request, card=self.key)
            shown.append(actions(button("show", self._whole or "Show all", whole)))
        return shown

    def offer_whole(self, label: str) -> None:
        """Show the button under this label even if nothing is left out."""
        self._whole = label

    def _kept(self) -> set[int]:
        room, slots = MAX_CHARACTERS - size("Show all"), MAX_BLOCKS - 1
        kept: set[int] = set()
        for rank in Rank:
            for index, group in enumerate(self._groups):
                if group.rank is not rank:
                    continue
                if rank is not Rank.MUST and (group.characters > room or len(group.blocks) > slots):
                    break  # a gap in the middle would read as if nothing were missing
                kept.add(index)
                room -= group.characters
                slots -= len(group.blocks)
        return kept


def characters(value: Any) -> int:
    """Units of all texts in a piece of Block Kit."""
    if isinstance(value, list):
        return sum(characters(item) for item in value)
    if isinstance(value, dict):
        own = sum(
            size(item) for key, item in value.items() if key in {"text", "title"} and isinstance(item, str)
        )
        return own + sum(characters(item) for item in value.values())
    return 0


def plain_text(text: str) -> Block:
    """A plain_text object; `text` is already fit to be shown."""
    return {"type": "plain_text", "text": text, "emoji": False}


def marked(text: str) -> Block:
    """A mrkdwn object in which Slack finds no links or names by itself."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def section(text: str, accessory: Block | None = None) -> Block:
    """A paragraph of rendered mrkdwn, with an element at its right."""
    block: Block = {"type": "section", "text": marked(text)}
    return block | {"accessory": accessory} if accessory else block


def context(*texts: str) -> Block:
    """Small print; at most ten texts."""
    return {"type": "context", "elements": [marked(text) for text in texts[:10]]}


def actions(*elements: Block, block_id: str | None = None) -> Block:
    """A row of elements."""
    block: Block = {"type": "actions", "elements": list(elements)}
    return block | {"block_id": block_id} if block_id else block


def divider() -> Block:
    """A line."""
    return {"type": "divider"}


def button(name: str, label: str, press: Press, style: str = "", confirm: Block | None = None) -> Block:
    """A button; `name` makes its action id unique within the message, `label` may be untrusted."""
    element: Block = {
        "type": "button",
        "action_id": f"{ACTION}{name}",
        "text": plain_text(fit(label, BUTTON, plain).text),
        "value": packed(press),
    }
    if style:
        element["style"] = style
    return element | {"confirm": confirm} if confirm else element


def confirm(title: str, text: str, yes: str, no: str = "Not yet") -> Block:
    """The question before something that is hard to take back."""
    return {
        "title": plain_text(fit(title, 100, plain).text),
        "text": plain_text(fit(text, 300, plain).text),
        "confirm": plain_text(yes[:30]),
        "deny": plain_text(no[:30]),
    }
