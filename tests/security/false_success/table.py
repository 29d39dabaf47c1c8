"""All attacks, and both ways to try one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.security.false_success import inside, leftovers, outside
from tests.security.false_success.attack import Attack, Outcome
from tests.security.false_success.greenlight import Range, Shown
from tests.security.false_success.naive import believes
from tests.security.false_success.repository import HONEST

ATTACKS: Sequence[Attack] = (*outside.ALL, *leftovers.ALL, *inside.ALL)
UNPROVABLE: Sequence[Attack] = inside.UNPROVABLE


@dataclass(frozen=True)
class Tried:
    """What became of one attack.

    Attributes:
        naive: Whether the plain job believed it.
        said: The plain job's output.
        shown: What people are shown.
        approved: What they are shown if every file of the attack is an approved artifact; None: not tried.
    """

    attack: Attack
    naive: bool
    said: str
    shown: Shown
    approved: Shown | None

    @property
    def passed(self) -> bool:
        """Whether it was shown as passed anywhere."""
        return Outcome.PASSED in {self.shown.outcome, self.approved.outcome if self.approved else None}

    @property
    def as_expected(self) -> bool:
        """Whether the guard off and on did what the row says."""
        approved = self.approved.outcome if self.approved else None
        return self.naive and (self.shown.outcome, approved) == (self.attack.shown, self.attack.also)


async def try_attack(place: Range, attack: Attack) -> Tried:
    """The attack with the guard off, on, and on with all its files approved where the row asks for that."""
    naive, said = await asyncio.to_thread(believes, attack, place.clone, place.directory("naive"))
    artifacts = attack.artifacts or tuple(HONEST)
    shown = await place.try_out(attack, artifacts)
    approved = None
    if attack.also is not None:
        every = tuple(dict.fromkeys([*artifacts, *shown.outside, *shown.refused]))
        approved = await place.try_out(attack, every)
    return Tried(attack, naive, said, shown, approved)
