"""One play of a situation: the servers live here, the bot in processes of its own that are killed.

What is asserted is taken from the servers: the local Slack, the Messages API, GitHub's REST API and its git.
Our database is looked at only for what people wait for before they speak, for when all is over, and for which
answers of the model were kept when the bot died.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from bot.playground.headless import end_of, outcome_of
from bot.playground.people import Player
from engine.state_dir import DATABASE
from tests.crash.keeper import Bot, Records
from tests.crash.seen import NOTHING, Kills, Point, Seen, Target
from tests.crash.servers import World, look, world
from tests.crash.verdict import expected
from tests.crash.wire import Act, Answering, Side, as_it_is

LONGEST_PLAY_S = 600.0
LONGEST_REST_S = 90.0
"""Far more than it takes: machines are busy, and a lost click is one for good."""


class Killing:
    """Counts requests, and tells what becomes of them; it kills the bot at those that were chosen."""

    def __init__(self, at: Sequence[Target], seen: Seen) -> None:
        self._at = {(target.point, target.side): target for target in at}
        self._seen = seen
        self._counts: dict[Side, Counter[str]] = defaultdict(Counter)
        self.bot: Bot | None = None
        self.last = monotonic()

    def saw(self, side: Side, what: str) -> Act:
        """Implements wire.Watcher."""
        self.last = monotonic()
        self._counts[side][what] += 1
        point = Point(what, self._counts[side][what])
        if side is Side.BEFORE:
            self._seen.points.append(point)
        target = self._at.get((point, side))
        if target is None or self.bot is None or not self._done(target, self.bot):
            return Act.GO_ON
        self._seen.hit.append(target)
        return target.act

    def _done(self, target: Target, bot: Bot) -> bool:
        """Whether it can happen: the dead do not die."""
        if target.act is Act.KILL:
            return bot.kill()
        return bot.terminate() if target.act is Act.TERM else True


async def play(
    name: str,
    directory: Path,
    template: Path,
    kills: Kills = NOTHING,
    like: Seen | None = None,
    answering: Answering = as_it_is,
) -> Seen:
    """Play a situation, with kills or without.

    Args:
        name: The situation, or one with a variant: `escalation/all-fail`.
        directory: An empty one, for everything of this play.
        template: The bare repository to work on; it is copied.
        kills: When the bot is killed.
        like: A play without kills: the end is awaited until it looks the same.
        answering: What becomes of Slack's answers on their way.
    """
    seen, began = Seen(name), monotonic()
    watcher = Killing(kills.at, seen)
    async with world(name, directory, template, watcher, answering, seen) as there:
        records = Records(directory / "state" / DATABASE)
        bot = watcher.bot = Bot(there.config, there.env, records, seen)
        bot.start()
        moments = asyncio.create_task(at_moments(bot, kills.moments))
        try:
            await _played(name, records, there, watcher, seen, like)
        except (TimeoutError, AssertionError, LookupError) as error:
            seen.problem = f"{type(error).__name__}: {error}"
        finally:
            moments.cancel()
            await bot.stop()
        await look(there, seen)
    seen.seconds = monotonic() - began
    return seen


async def at_moments(bot: Bot, moments: Sequence[float]) -> None:
    """Kill it then; seconds from now on."""
    began = monotonic()
    for moment in moments:
        await asyncio.sleep(max(0.0, began + moment - monotonic()))
        bot.kill()


async def _played(
    name: str, records: Records, there: World, watcher: Killing, seen: Seen, like: Seen | None
) -> None:
    await there.slack.wait_for(lambda slack: slack.connected, LONGEST_REST_S)
    player = Player(there.people, there.slack, records.snapshot)
    request = await player.play(end_of(there.people, records.snapshot), LONGEST_PLAY_S)
    end = monotonic() + LONGEST_REST_S
    while monotonic() < end:
        await look(there, seen)
        calm = monotonic() - watcher.last > (0.3 if like else 1.5)
        if calm and there.slack.connected and records.all_done() and (not like or _alike(seen, like)):
            break
        await asyncio.sleep(0.1)
    snapshot = await records.snapshot(request)
    assert snapshot is not None
    seen.outcome = outcome_of(name, snapshot, there.people.ends)


def _alike(seen: Seen, like: Seen) -> bool:
    return expected(seen, seen) == expected(like, seen) and seen.pulls == like.pulls
