"""Kills the bot with SIGKILL at every request that the servers outside see, and at random times.

    uv run python -m tests.crash.sweep                      all situations, every point, both sides
    uv run python -m tests.crash.sweep --situation escalation --points 40:60 --side after --jobs 1
    uv run python -m tests.crash.sweep --situation escalation/all-fail --every 5
    uv run python -m tests.crash.sweep --situation escalation --at "forge POST pulls #1" --side after

A situation is played once without kills: that tells the points (every request of the bot to the local
Slack, the Messages API, GitHub and its git, every envelope of Socket Mode and every ack) and how all has to
end. Then it is played with kills before (the server has not seen it) and after (the server has done it, the
answer is lost) each point, `--kills` of them a play and far apart, and at random moments. The servers' logs
tell whether a card or pull request is doubled or missing, a click lost, a recorded model call made again, or
the branch wrong; `--kills 1` gives each kill a play of its own. All six situations have some 1700 targets;
all of them took half an hour on two cores (`--jobs 3`), and `--every 5` takes a sample. The variants of the
situations, in which other things happen, are swept if they are named: `--situation variants` names them all.

`--act` has other things happen there: the bot is asked to end, calls are refused or answers cut in half,
events lost, doubled, late, connections dropped (tests.crash.wire.Act).

A play that went wrong is played again with each of its kills alone; what reproduces it is printed. A sweep
fails too that hit nothing, or that did not come to more than one target in twenty.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from bot.playground.headless import situations
from bot.playground.people import People
from bot.playground.script import SCENARIOS
from tests.crash.play import play
from tests.crash.seen import NOTHING, Kills, Point, Seen, Target
from tests.crash.verdict import wrong
from tests.crash.wire import Act, Answering, Side, as_it_is
from tests.quick import quick_repository

SEED = 20261125
KILLS_A_PLAY = 8
RANDOM_PLAYS = 6
MOST_RANDOM_KILLS = 4
PROGRESS = 10
NOT_REACHED = 0.05
"""The most of the targets that may not come: after a kill some requests are not made again."""
VARIANTS = "variants"
SIDES = (Side.BEFORE, Side.AFTER)
_BEFORE = {Act.CUT, Act.LIMIT, Act.ERROR, Act.PAGE}
_AFTER = {Act.CUT, Act.HALF, Act.SHORT}
_OF_ENVELOPES = {Act.CUT, Act.LOSE, Act.TWICE, Act.LATE, Act.REFRESH}
_OF_ACKS = {Act.CUT, Act.LOSE}


@dataclass(frozen=True)
class Choice:
    """What of a situation is swept.

    Attributes:
        first, last: Points from the first on up to the last, as a slice.
        every, start: Only each so-many-th target, the first of them this one.
        at: This point alone, whatever the play without kills shows.
        acts: What happens there, each of them in plays of its own.
        kills: Targets a play, at most.
        randomly: Plays with kills at random moments.
    """

    first: int | None = None
    last: int | None = None
    every: int = 1
    start: int = 0
    at: Point | None = None
    sides: tuple[Side, ...] = SIDES
    acts: tuple[Act, ...] = (Act.KILL,)
    kills: int = KILLS_A_PLAY
    randomly: int = RANDOM_PLAYS
    seed: int = SEED


@dataclass
class Found:
    """What a sweep of one situation came to. `failures` are sentences, with what reproduces each."""

    situation: str
    points: int = 0
    plays: int = 0
    kills: int = 0
    targets: int = 0
    hit: int = 0
    failures: list[str] = field(default_factory=list)
    not_reached: list[Target] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        failed = f"{len(self.failures)} FAILED" if self.failures else "all passed"
        return (
            f"{self.situation}: {self.points} points, {self.targets} targets, {self.hit} hit, "
            f"{len(self.not_reached)} not reached; {self.plays} plays with {self.kills} kills: {failed}; "
            f"{self.seconds:.0f} s"
        )


class Sweep:
    """Sweeps one situation.

    Args:
        directory: Where plays have their directories.
        jobs: Plays at once.
        answering: What becomes of Slack's answers on their way.
    """

    def __init__(
        self,
        situation: str,
        directory: Path,
        jobs: asyncio.Semaphore,
        answering: Answering = as_it_is,
        say: Callable[[str], object] = print,
    ) -> None:
        self._directory = directory
        self._jobs = jobs
        self._answering = answering
        self._say = say
        self._template = directory / "template.git"
        self._like = Seen(situation)
        self._number = 0
        self.found = Found(situation)

    async def run(self, choice: Choice) -> Found:
        """Play without kills, then with all that were chosen."""
        began = monotonic()
        await quick_repository(self._template)
        self._like = await self._play(NOTHING, None)
        if trouble := wrong(self._like, self._like):
            return self._failed(f"without a kill: {'; '.join(trouble)}")
        self.found.points = len(self._like.points)
        groups = [group for act in choice.acts for group in _groups(self._like.points, choice, act)]
        self.found.targets = sum(len(group.at) for group in groups)
        seeded = random.Random(choice.seed)  # noqa: S311 (moments, not secrets)
        await asyncio.gather(
            *(self._group(group) for group in groups),
            *(self._killed(_moments(seeded, self._like.seconds)) for _ in range(choice.randomly)),
        )
        self.found.seconds = monotonic() - began
        return self.found

    async def _group(self, kills: Kills) -> None:
        """Several kills in a play; those that did not come there, and those of a failure, alone."""
        seen, trouble = await self._killed(kills)
        self.found.hit += len(seen.hit)
        alone = [target for target in kills.at if target not in seen.hit]
        again = list(kills.at) if trouble and len(kills.at) > 1 else []
        if len(kills.at) == 1:
            self.found.not_reached += alone
            return
        for target in dict.fromkeys([*again, *alone]):
            seen, _ = await self._killed(Kills(at=(target,)))
            if target in alone:
                self.found.hit += len(seen.hit)
                self.found.not_reached += [] if seen.hit else [target]

    async def _killed(self, kills: Kills) -> tuple[Seen, list[str]]:
        async with self._jobs:
            seen = await self._play(kills, self._like)
        trouble = wrong(seen, self._like)
        self.found.plays += 1
        self.found.kills += len(seen.deaths)
        if self.found.plays % PROGRESS == 0:
            self._say(f"{self.found.situation}: {self.found.plays} plays, {self.found.kills} kills so far")
        if trouble:
            how = ", ".join(f"[{target}]" for target in kills.at) or f"moments {kills.moments}"
            self._failed(f"{how}: {'; '.join(trouble)}")
        return seen, trouble

    def _failed(self, sentence: str) -> Found:
        self.found.failures.append(sentence)
        self._say(f"FAILED {self.found.situation} {sentence}")
        return self.found

    async def _play(self, kills: Kills, like: Seen | None) -> Seen:
        self._number += 1
        place = self._directory / f"{self._number}"
        await asyncio.to_thread(place.mkdir)
        return await play(self.found.situation, place, self._template, kills, like, self._answering)


def _groups(points: Sequence[Point], choice: Choice, act: Act) -> list[Kills]:
    """What happens in each play: targets that are far apart."""
    chosen = [choice.at] if choice.at else points[choice.first : choice.last]
    every = [Target(point, side, act) for point in chosen for side in choice.sides if fits(act, point, side)]
    targets = every[choice.start :: choice.every]
    plays = -(-len(targets) // choice.kills)
    return [Kills(at=tuple(targets[n::plays])) for n in range(plays)]


def fits(act: Act, point: Point, side: Side) -> bool:
    """Whether that can happen there, and nobody but the bot has to do with it."""
    server = point.what.partition(" ")[0]
    if act in {Act.KILL, Act.TERM}:
        return True
    if server == "slack":
        decides = point.what == "slack users.info"  # who decides is told to try again
        return not decides and act in (_BEFORE if side is Side.BEFORE else _AFTER)
    if server != "socket" or side is Side.AFTER or point.what in {"socket link", "socket hello"}:
        return False
    return act in (_OF_ACKS if point.what.endswith(" ack") else _OF_ENVELOPES)


def _moments(seeded: random.Random, seconds: float) -> Kills:
    count = seeded.randint(1, MOST_RANDOM_KILLS)
    return Kills(moments=tuple(sorted(seeded.uniform(0, seconds) for _ in range(count))))


async def sweep(names: Sequence[str], choice: Choice, jobs: int) -> list[Found]:
    """Sweep these situations, one after the other."""
    found = []
    slots = asyncio.Semaphore(jobs)
    for name in names:
        with tempfile.TemporaryDirectory(prefix="greenlight-sweep-", ignore_cleanup_errors=True) as directory:
            found.append(await Sweep(name, Path(directory), slots, say=_say).run(choice))
        _say(str(found[-1]))
    return found


def variants() -> tuple[str, ...]:
    """Every situation with each of its variants."""
    return tuple(
        f"{name}/{variant}"
        for name in situations()
        for variant in People.load(SCENARIOS / name / "people.yml").variants
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--situation",
        action="append",
        choices=[*situations(), *variants(), VARIANTS],
        metavar="NAME",
        help="all, if none is named; " + ", ".join((*situations(), *variants())),
    )
    parser.add_argument("--points", default=":", metavar="A:B", help="a slice of the points")
    parser.add_argument(
        "--every", default="1", metavar="K[:S]", help="only each K-th target, from the S-th on"
    )
    parser.add_argument("--at", metavar='"REQUEST #N"', help="one point alone, by its name")
    parser.add_argument("--side", choices=SIDES, help="both, if none is named")
    parser.add_argument("--act", action="append", choices=[*Act][1:], help="kill, if none is named")
    parser.add_argument("--kills", type=int, default=KILLS_A_PLAY, metavar="N", help="a play, at most")
    parser.add_argument(
        "--random", type=int, default=RANDOM_PLAYS, metavar="N", help="plays at random moments"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of the random moments")
    parser.add_argument("--jobs", type=int, default=2, help="plays at once")
    return parser.parse_args()


def main() -> int:
    """The command; 1 if anything failed."""
    given = _arguments()
    for asked_to_end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked_to_end, signal.default_int_handler)  # so that no bot outlives the sweep
    first, _, last = given.points.partition(":")
    every, _, start = given.every.partition(":")
    what, _, number = (given.at or "").rpartition(" #")
    choice = Choice(
        first=int(first) if first else None,
        last=int(last) if last else None,
        every=int(every),
        start=int(start or 0),
        at=Point(what, int(number)) if given.at else None,
        sides=(Side(given.side),) if given.side else SIDES,
        acts=tuple(Act(act) for act in given.act or [Act.KILL]),
        kills=given.kills,
        randomly=0 if given.at else given.random,
        seed=given.seed,
    )
    names = given.situation or situations()
    found = asyncio.run(sweep(variants() if VARIANTS in names else names, choice, given.jobs))
    return judged(found)


def judged(found: Sequence[Found]) -> int:
    """Print the sum; 1 if anything failed, or too little was tried for it to mean anything."""
    failures = sum(len(one.failures) for one in found)
    plays, kills = sum(one.plays for one in found), sum(one.kills for one in found)
    points, hit = sum(one.points for one in found), sum(one.hit for one in found)
    missed = [f"{one.situation} [{target}]" for one in found for target in one.not_reached]
    for target in missed:
        _say(f"not reached: {target}")
    _say(
        f"{points} points, {hit} targets hit, {len(missed)} not reached, {kills} kills in {plays} plays, "
        f"{plays - failures} passed, {failures} failed"
    )
    if not hit:
        _say("Nothing was hit: that proves nothing.")
    if len(missed) > NOT_REACHED * (hit + len(missed)):
        _say(f"More than {NOT_REACHED:.0%} of the targets did not come: too many for a proof.")
    return int(bool(failures) or not hit or len(missed) > NOT_REACHED * (hit + len(missed)))


if __name__ == "__main__":
    sys.exit(main())
