"""Points, what happens at them, and what a play looked like from outside."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.crash.wire import Act, Side


@dataclass(frozen=True)
class Point:
    """A request that a server outside sees: its name, and which one of that name it is."""

    what: str
    number: int

    def __str__(self) -> str:
        return f"{self.what} #{self.number}"


@dataclass(frozen=True)
class Target:
    """A side of a point, and what happens there."""

    point: Point
    side: Side
    act: Act = Act.KILL

    def __str__(self) -> str:
        return f'--at "{self.point}" --side {self.side} --act {self.act}'


@dataclass(frozen=True)
class Kills:
    """What happens at these targets; and moments when the bot is killed (seconds since its start)."""

    at: tuple[Target, ...] = ()
    moments: tuple[float, ...] = ()


NOTHING = Kills()
"""A play that is left alone."""


@dataclass(frozen=True)
class Asked:
    """A call of the model that was answered, and when it came; `said` is its whole conversation."""

    role: str
    said: tuple[str, ...]
    at: float


@dataclass
class Death:
    """When the bot was killed or asked to end, and when it was gone; by `time.monotonic`.

    `recorded` is how many answers of the model it had kept by then, by role.
    """

    at: float
    gone: float = math.inf
    recorded: Counter[str] = field(default_factory=Counter)


@dataclass
class Seen:
    """What one play looked like from outside.

    Attributes:
        points: Every request, in the order in which it came.
        deaths: When the bot was killed or asked to end.
        hit: Of the chosen targets those that came.
        cards: How often each card was posted; a thread of its own counts as the request it begins.
        words: What each card says at the end, without what differs between plays.
        told: What one person alone was told.
        pulls: How often a pull request was opened, by branch.
        record: How many comments were made on pull requests.
        heads: The commit of each pull request, by branch.
        branch: What the remote holds on our branches at the end.
        trees: What the files of our branches are, by branch without its id.
        others: All other branches of the remote.
        asked: Every answered call of the model.
        exits: How processes ended that nobody killed.
        problem: Why the play did not come to its end, if so.
    """

    situation: str
    points: list[Point] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    hit: list[Target] = field(default_factory=list)
    cards: Counter[str] = field(default_factory=Counter)
    words: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    pulls: Counter[str] = field(default_factory=Counter)
    record: int = 0
    heads: dict[str, str] = field(default_factory=dict)
    branch: dict[str, str] = field(default_factory=dict)
    trees: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    outcome: dict[str, Any] = field(default_factory=dict)
    exits: list[str] = field(default_factory=list)
    problem: str = ""
    seconds: float = 0.0
