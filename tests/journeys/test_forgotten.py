"""A request that made commits, drafts and checkpoints is deleted by command: what git holds of it too."""

import os
import time
from pathlib import Path

import pytest

from bot.playground.demo import DemoOptions
from bot.playground.headless import play
from engine import inspecting
from engine.errors import GreenlightError
from engine.state_dir import DATABASE, store_of
from tests.journeys.bots import ended
from tests.journeys.reading import SITUATION, git
from tests.quick import quick_repository

BASE = "refs/greenlight/base/main"
WORDS = "conversation resolution time"


def held(state: Path) -> list[str]:
    """Files that hold words of the request."""
    return [path.name for path in state.rglob("*") if path.is_file() and WORDS.encode() in path.read_bytes()]


async def objects(store: Path) -> set[str]:
    """Every object of git's that is there, reachable or not."""
    shown = await git(store, "cat-file", "--batch-check=%(objectname)", "--batch-all-objects")
    return set(shown.split())


async def reached(store: Path, commit: str) -> set[str]:
    """A commit, and every object that it or what it stands on holds."""
    return set((await git(store, "rev-list", "--objects", "--no-object-names", commit)).split())


def aged(store: Path) -> None:
    """As if all of it had been written two hours ago: younger objects may be of work under way."""
    then = time.time() - 7200
    for path in (store / "objects").rglob("*"):
        os.utime(path, (then, then))


@pytest.mark.long
async def test_what_a_request_left_in_git_database_and_checkouts_is_gone(tmp_path: Path) -> None:
    await quick_repository(tmp_path / "remote" / "data-platform.git")
    outcome = await play(SITUATION, DemoOptions(keep=tmp_path, headless=True, pace=0))
    assert outcome["ok"]
    state = tmp_path / "state"
    (request,) = [one.id for one in await inspecting.requests(state)]
    store, remote = store_of(state, "data-platform"), tmp_path / "remote" / "data-platform.git"
    named = (await git(store, "for-each-ref", "--format=%(objectname)", "refs/greenlight/commits")).split()
    fix, first = (next(one for one in named if (one == outcome["commit"]) is same) for same in (True, False))
    base = await reached(store, BASE)
    of_fix = await reached(store, fix) - base
    only_first = await reached(store, first) - base - of_fix
    assert len(of_fix) > 3
    assert only_first, "something was never pushed"
    assert of_fix | only_first <= await objects(store)
    assert DATABASE in held(state)

    aged(store)
    _, channel, thread = request.split(":")
    link = f"https://acme.slack.com/archives/{channel}/p{thread.replace('.', '')}?thread_ts={thread}"
    forgotten = await ended("forget", link, "--state", str(state), "--yes", env={"PATH": os.environ["PATH"]})
    assert forgotten.code == 0, forgotten.err
    assert request in forgotten.out
    assert "Deleted." in forgotten.out
    assert held(state) == []
    left = await objects(store)
    assert (of_fix | only_first) & left == set()
    assert base <= left, "the repository itself stays"
    assert await git(store, "for-each-ref", "refs/greenlight/commits", "refs/greenlight/pushed") == ""
    assert not list((state / "checkouts").iterdir())
    assert (await git(remote, "rev-parse", outcome["branch"])).strip() == fix, "what was pushed stays"
    with pytest.raises(GreenlightError, match="There is no request"):
        await inspecting.story(state, request)


async def test_a_link_to_no_request_of_ours_is_told_so(tmp_path: Path) -> None:
    link = "https://acme.slack.com/archives/C0DATA/p1700000000000100"
    told = await ended("forget", link, "--state", str(tmp_path), "--yes", env={"PATH": os.environ["PATH"]})
    assert told.code == 2
    assert "Traceback" not in told.err
