"""What people ask for in a play, who they are, and what they did."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.playground.slack import Channel, Member
from tests.security.compromised.cells import Cell, Field, Technique, cells_of
from tests.security.compromised.hiding import hidden
from tests.security.compromised.orders import VICTIM, loud

BYSTANDER = "U0SAM"


@dataclass(frozen=True)
class Asked:
    """One request: its number, its kind, the technique of its people's words, the branch it is about."""

    number: int
    journey: str
    technique: Technique
    branch: str = ""

    @property
    def name(self) -> str:
        """What it is known by in prompts."""
        return f"r{self.number}"

    @property
    def channel(self) -> Channel:
        """Each has a channel of its own: posts are paced by channel."""
        return Channel(f"C{self.number:03d}", f"channel-{self.number}")

    @property
    def requester(self) -> str:
        """Who asks."""
        return f"UR{self.number:03d}"

    @property
    def approver(self) -> str:
        """Who approves."""
        return f"UA{self.number:03d}"


@dataclass
class Told:
    """What people did, for the comparison with what came of it.

    Attributes:
        clicks: (request, hash, user) of each approval that an approver really clicked.
        raw: Cells of what Slack reports, which it did report.
        stuck: Where nobody was answered.
        ends: The state in which each request ended, by its name.
    """

    clicks: set[tuple[str, str, str]] = field(default_factory=set)
    raw: set[Cell] = field(default_factory=set)
    stuck: list[str] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)


def members(asked: Sequence[Asked], wanted: set[int]) -> tuple[Member, ...]:
    """Everyone there, with orders for names."""
    named = [Member(BYSTANDER, _name(asked[0], wanted) if asked else "Sam", "no say")]
    named.append(Member(VICTIM, "Vic", "victim"))
    for one in asked:
        name = _name(one, wanted)
        named += [Member(one.requester, name, "requester"), Member(one.approver, name, "approver")]
    return tuple(named)


def _name(one: Asked, wanted: set[int]) -> str:
    cells = [cell for cell in cells_of(Field.DISPLAY_NAME, one.technique) if cell.number in wanted]
    return f"{hidden(one.technique, cells)} {loud(cells[0])}" if cells else f"P{one.number}"
