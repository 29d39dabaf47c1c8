"""A state that was lost goes on from a backup to one draft, whatever Slack and forge hold by then."""

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.playground.headless import end_of
from bot.playground.people import People, Player
from bot.playground.script import SCENARIOS
from engine.inspecting import requests
from engine.request import Snapshot, State
from engine.state_dir import DATABASE
from tests.crash.keeper import Records
from tests.crash.seen import Point, Seen
from tests.crash.servers import World, look, world
from tests.crash.test_sweep import without_metadata
from tests.crash.wire import Act, Side, as_it_is
from tests.journeys.bots import GREENLIGHT, bot_process, ended
from tests.journeys.reading import SITUATION, git, until
from tests.quick import quick_repository

PLAY_S, CLICKS_AGAIN_S = 120.0, 10.0
REST_S = 30.0
US = ("-c", "user.name=Kim", "-c", "user.email=kim@example.invalid")
CARDS = ("progress", "questions:1", "spec:1", "review:1", "review:2", "delivery:1")

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@dataclass
class Moment:
    """Does something in the midst of a request: whoever made it waits, and nothing else of the bot's does."""

    point: Point
    side: Side
    deed: Callable[[], None]
    count: int = 0

    def saw(self, side: Side, what: str) -> None:
        if side is self.side and what == self.point.what:
            self.count += 1
            if self.count == self.point.number:
                self.deed()


@dataclass
class Watching:
    """Implements wire.Watcher."""

    moments: list[Moment] = field(default_factory=list)
    dead: bool = False

    def saw(self, side: Side, what: str) -> Act:
        for moment in self.moments:
            moment.saw(side, what)
        return Act.KILL if self.dead else Act.GO_ON


When = tuple[Point, Side]


def at(what: str, number: int = 1, side: Side = Side.BEFORE) -> When:
    return Point(what, number), side


SAVED_AND_LOST = {
    "questions open, then a spec": (at("socket click gl pick", 3), at("socket click gl approve")),
    "spec open, then at work": (at("socket click gl approve"), at("model task:databricks-genius", 3)),
    "at work, then delivered": (
        at("model task:databricks-genius", 2),
        at("slack chat.postMessage delivery:1", 1, Side.AFTER),
    ),
    "before the push, then a draft": (
        at("git POST git-receive-pack"),
        at("forge POST pulls", 1, Side.AFTER),
    ),
    "after the push, then delivered": (
        at("git POST git-receive-pack", 1, Side.AFTER),
        at("slack chat.postMessage delivery:1", 1, Side.AFTER),
    ),
}


@pytest.mark.parametrize("name", SAVED_AND_LOST)
async def test_what_was_lost_goes_on_from_a_backup_to_one_draft(tmp_path: Path, name: str) -> None:
    template, seen, watching = tmp_path / "template.git", Seen(SITUATION), Watching()
    await quick_repository(template)
    (tmp_path / "play").mkdir()
    async with world(SITUATION, tmp_path / "play", template, watching, as_it_is, seen) as there:
        end = await _lost_and_put_back(there, tmp_path / "saved", watching, *SAVED_AND_LOST[name])
        await look(there, seen)
    assert {card: count for card, count in seen.cards.items() if count != 1} == {}
    assert set(seen.cards) >= {f"1/{card}" for card in CARDS}
    assert list(seen.pulls.values()) == [1]
    assert end.delivery is not None
    assert seen.branch == {end.delivery.branch: end.delivery.commit}
    assert seen.heads == seen.branch, "the draft holds what the branch does"
    assert end.state is State.DONE


async def test_the_branch_of_a_lost_state_is_gone_on_with_though_its_base_moved_and_its_name_is_another(
    tmp_path: Path,
) -> None:
    template, seen, watching = tmp_path / "template.git", Seen(SITUATION), Watching()
    await quick_repository(template)
    (tmp_path / "play").mkdir()
    lost: list[str] = []
    async with world(SITUATION, tmp_path / "play", template, watching, as_it_is, seen) as there:

        async def meanwhile() -> None:
            await look(there, seen)
            ((branch, commit),) = seen.branch.items()
            ending = branch.rpartition("-")[2]
            named = f"greenlight/as-it-was-called-{ending}"
            moved = await git(there.bare, *US, "commit-tree", "main^{tree}", "-p", "main", "-m", "went on")
            moved = moved.strip()
            await git(there.bare, "update-ref", "refs/heads/main", moved)
            await git(there.bare, "branch", "-m", branch, named)
            (pull,) = there.hub.pulls.values()
            pull["head"]["ref"] = named
            lost.extend([commit, named, moved])

        saved, gone = at("socket click gl pick", 3), at("slack chat.postMessage delivery:1", 1, Side.AFTER)
        end = await _lost_and_put_back(there, tmp_path / "saved", watching, saved, gone, meanwhile)
        await look(there, seen)
    commit, named, moved = lost
    assert end.state is State.DONE
    assert end.spec is not None
    assert (end.spec.base_commit, end.spec.branch) == (moved, named)
    assert seen.branch == seen.heads == {named: end.head}
    assert end.head != commit
    assert sum(seen.pulls.values()) == 1
    assert {card: count for card, count in seen.cards.items() if count != 1} == {}


async def test_with_the_look_up_blinded_a_card_that_was_posted_since_is_doubled(tmp_path: Path) -> None:
    template, seen, watching = tmp_path / "template.git", Seen(SITUATION), Watching()
    await quick_repository(template)
    (tmp_path / "play").mkdir()
    moments = SAVED_AND_LOST["questions open, then a spec"]
    async with world(SITUATION, tmp_path / "play", template, watching, without_metadata, seen) as there:
        await _lost_and_put_back(there, tmp_path / "saved", watching, *moments)
        await look(there, seen)
    assert {card: count for card, count in seen.cards.items() if count != 1} == {"1/spec:1": 2}


async def _lost_and_put_back(
    there: World,
    archive: Path,
    watching: Watching,
    save: When,
    lose: When,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> Snapshot:
    config, state, lost = str(there.config), there.config.with_name("state"), asyncio.Event()

    def saved() -> None:
        command = [str(GREENLIGHT), "backup", str(archive), "--config", config]
        done = subprocess.run(command, env=there.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def gone() -> None:
        assert archive.exists()
        watching.dead = True
        lost.set()

    watching.moments = [Moment(*save, saved), Moment(*lose, gone)]
    people = People.load(SCENARIOS / SITUATION / "people.yml")
    records = Records(state / DATABASE)
    over = end_of(people, records.snapshot)
    log = there.config.with_name("log")
    async with bot_process(there.slack, there.env, log, "run", "--config", config) as bot:
        playing = asyncio.create_task(Player(people, there.slack, records.snapshot).play(over, PLAY_S))
        await asyncio.wait_for(lost.wait(), PLAY_S)
        await bot.kill()
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        shutil.rmtree(state)
        if meanwhile:
            await meanwhile()
        restored = await ended("restore", str(archive), "--config", config, env=there.env)
        assert restored.code == 0, restored.err
        watching.dead, watching.moments = False, []
        await bot.start()
        (request,) = [one.id for one in await requests(state)]

        # What was posted since has buttons too, which count for nothing until the bot is there again: whose
        # click was refused clicks once more.
        for _ in range(round(PLAY_S / CLICKS_AGAIN_S)):
            with suppress(TimeoutError):
                await Player(people, there.slack, records.snapshot).go_on(request, over, CLICKS_AGAIN_S)
                break
        await until(records.all_done, REST_S, "nothing is left to be done")
        found = await records.snapshot(request)
        assert found is not None
        return found
