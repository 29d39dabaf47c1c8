"""Checks that run away, and repositories that cannot be worked with."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.cards.presses import ApproveSpec, Choose
from engine.events import Choice
from engine.request import State
from engine.settings import Caps, CheckSettings
from tests.journeys.bad_input import (
    DANA,
    GREEN,
    RILEY,
    Thread,
    World,
    remote,
    repository,
    small_repository,
    world,
)
from tests.journeys.mistaken import spec
from tests.journeys.reading import git

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("bad-input-repositories"),
]

FORKS = "while true; do sleep 30 & done"
CHECKS = GREEN | {
    "hangs": CheckSettings(argv=("sh", "-c", "sleep 60"), about="hangs", timeout_s=1),
    "prints": CheckSettings(argv=("sh", "-c", "yes | head -c 1000000000"), about="prints", timeout_s=60),
    "forks": CheckSettings(argv=("sh", "-c", FORKS), about="forks", timeout_s=2),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("repositories")
    await small_repository(remote(directory, "checks"))
    await small_repository(remote(directory, "trunk"), branch="trunk")
    await git(directory, "init", "--quiet", "--bare", str(remote(directory, "empty")))
    await small_repository(remote(directory, "dirty"))
    work = remote(directory, "dirty").parent / "dirty-first"
    names = ("missing", "empty", "trunk")
    async with world(
        directory,
        [
            repository(directory, "checks", ["C0CHECKS", "C0GOOD"], checks=CHECKS),
            repository(directory, "dirty", ["C0DIRTY"], remote=str(work)),
            *(repository(directory, name, [f"C0{name.upper()}"]) for name in names),
        ],
        caps=Caps(review_rounds=1),
    ) as running:
        yield running


async def delivered(thread: Thread) -> None:
    """Approve, and wait for the pull request."""
    await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    await thread.card("delivery:1")
    await thread.becomes(State.DELIVERED)


# ---------------------------------------------------------------- checks


@pytest.mark.long
async def test_checks_that_run_away_are_ended_and_the_card_says_how(bot: World) -> None:
    bot.model.say("run away", "specify", spec("hangs", "prints", "forks"))
    thread = await bot.ask("C0CHECKS", "Add a greeting, and run away")
    await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    card = await thread.card("escalation:1", "AC2", "AC3", "AC4")
    assert "did not end within its time limit" in card.words
    assert "was ended because it printed too much" in card.words
    review = await thread.card("review:1")
    for words in (
        "did not end within its time limit",
        "printed too much",
        "Cannot fork",
        "It goes back to be fixed",
    ):
        assert words in review.words
    detail = await bot.running.engine.detail(thread.request, "review:1")
    assert detail is not None
    assert len(detail.text) < 100_000
    assert bot.pull_requests == 0
    results = (await thread.snapshot()).review_rounds[0].results or ()
    assert {r.check: r.ended for r in results} == {"hangs": "timeout", "prints": "output", "forks": "exit"}
    assert all(r.duration_s < 20 for r in results)
    await delivered(await bot.ask("C0GOOD", "Add a greeting"))


# ---------------------------------------------------------------- repositories


async def refused(bot: World, name: str, *words: str) -> Thread:
    """A request that ends at its repository, with the sentence that says so."""
    thread = await bot.ask(f"C0{name.upper()}", "Add a greeting")
    card = await thread.card("escalation:1", *words, "Try again")
    assert card.words.count("Try again") == 2, "the option and its button"
    return thread


async def try_again(thread: Thread) -> None:
    """Press Try again; the request goes on to its end."""
    await thread.press(RILEY, await thread.card("escalation:1"), Choose, choice=Choice.RETRY)
    await delivered(thread)


async def test_a_missing_repository_is_named_and_works_once_it_is_there(bot: World) -> None:
    thread = await refused(bot, "missing", "There is no repository at", "missing.git", "configuration")
    await small_repository(bot.remote("missing"))
    await try_again(thread)


async def test_an_empty_repository_is_named_and_works_with_a_first_commit(bot: World) -> None:
    thread = await refused(bot, "empty", "empty.git is empty", "push a first commit on main")
    shutil.rmtree(bot.remote("empty"))
    await small_repository(bot.remote("empty"))
    await try_again(thread)


async def test_a_repository_without_its_base_branch_says_which_branches_it_has(bot: World) -> None:
    thread = await refused(bot, "trunk", "trunk.git has no branch main; it has trunk", "configuration")
    await git(bot.remote("trunk"), "branch", "main", "trunk")
    await try_again(thread)


async def test_a_dirty_repository_is_named_left_alone_and_works_once_committed(bot: World) -> None:
    work = bot.directory / "remotes" / "dirty-first"
    (work / "README.md").write_text("Changed, and not committed.\n")
    thread = await refused(
        bot, "dirty", "dirty-first has changes on main that are not committed", "README.md"
    )
    assert (work / "README.md").read_text() == "Changed, and not committed.\n"
    await git(work, "-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "-qam", "Second")
    await try_again(thread)
    delivery = (await thread.snapshot()).delivery
    assert delivery is not None
    shown = await git(work, "show", f"{delivery.commit}:README.md", f"{delivery.commit}:notes/hello.md")
    assert shown == "Changed, and not committed.\nHello.\n"
    assert await git(work, "status", "--porcelain") == ""
