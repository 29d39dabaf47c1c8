"""Print every attack with what a plain job believes and what people are shown, and the figures."""

import asyncio
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from engine.request import Status
from tests.security.false_success.attack import Attack
from tests.security.false_success.greenlight import Range, open_range
from tests.security.false_success.repository import CHECKS
from tests.security.false_success.table import ATTACKS, UNPROVABLE, Tried, try_attack

_AT_ONCE = 2


async def main() -> int:
    """Try everything; 0 if nothing that counts was shown as passed, and every attack worked naively."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        async with open_range(Path(directory)) as place:
            honest = [await place.honest(check) for check in CHECKS]
            tried = await _all(place, ATTACKS)
            unprovable = await _all(place, UNPROVABLE)
    _print("attack", "check", "plain job", "shown", "shown, its files approved")
    for one in (*tried, *unprovable):
        _row(one)
    passed = [one for one in tried if one.passed]
    odd = [one for one in (*tried, *unprovable) if not one.as_expected]
    outcomes = Counter(one.shown.outcome.value for one in tried)
    outcomes.update(f"{one.approved.outcome.value} (files approved)" for one in tried if one.approved)
    _say(f"\nattacks: {len({one.attack.name for one in tried})}, of which the plain job believed "
          f"{sum(one.naive for one in tried)}; shown as passed: {len(passed)}")  # fmt: skip
    _say(f"tries: {len(tried) + sum(one.approved is not None for one in tried)}: "
          + ", ".join(f"{number} {name}" for name, number in outcomes.most_common()))  # fmt: skip
    green = sum(one.status == Status.PASSED for one in honest)
    _say(f"honest work shown as passed: {green} of {len(honest)} checks")
    _say(f"unprovable, shown as passed, for reviewers to see: {len(unprovable)}")
    used = [sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    _say(f"{time.monotonic() - started:.0f} s, {sum(used):.0f} s of processor time")
    for one in odd:
        _say(f"NOT AS EXPECTED: {one.attack.name}: {one.shown.evidence} {one.said[-300:]}")
    return int(bool(odd or passed) or any(one.status != Status.PASSED for one in honest))


async def _all(place: Range, attacks: Sequence[Attack]) -> list[Tried]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(attack: Attack) -> Tried:
        async with slots:
            return await try_attack(place, attack)

    return list(await asyncio.gather(*(one(attack) for attack in attacks)))


def _row(one: Tried) -> None:
    approved = one.approved.outcome.value if one.approved else "-"
    naive = f"green ({one.attack.naive.value})" if one.naive else "RED"
    _print(one.attack.name, one.attack.check, naive, one.shown.outcome.value, approved)


def _print(*cells: str) -> None:
    _say(" | ".join(cells))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
