"""From a mention to a draft at GitHub: its REST API and its git stand on this machine, all else is real."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.cards.presses import ApproveSpec, Choose
from bot.playground.messages_api import MessagesApi
from bot.playground.slack import LocalSlack, SlackOptions
from engine.diagnoses import Level
from engine.doctor import examine
from engine.errors import ConfigurationInvalid
from engine.events import Choice
from engine.request import State
from engine.settings import CheckSettings, FollowSettings, GitHubSettings, Settings
from tests.github import documents
from tests.github.documents import failure
from tests.github.git_http import GitHttp, branch_head
from tests.github.local_github import STUCK, TOKEN, Fault, LocalGitHub
from tests.journeys.bad_input import (
    DANA,
    GREEN,
    RILEY,
    Thread,
    World,
    pressed,
    repository,
    small_repository,
    world,
)
from tests.journeys.bots import bot_process, environment
from tests.journeys.mistaken import Mistaken
from tests.journeys.reading import cards, git, until

pytestmark = pytest.mark.xdist_group("journey github")

BLIND = CheckSettings(
    argv=(
        "sh",
        "-c",
        f"! {{ env; cat /proc/[0-9]*/environ; }} 2>/dev/null | tr '\\0' '\\n' | grep -q {TOKEN[:15]}",
    ),
    about="greeting files are green",
)


@dataclass
class AtGitHub:
    """The bot, and GitHub."""

    world: World
    hub: LocalGitHub
    git: GitHttp
    bare: Path

    async def asks(self) -> Thread:
        """A request whose spec was approved."""
        thread = await self.world.ask("C0ONE", "Add a greeting")
        await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
        return thread

    async def commits(self, path: str, text: str) -> str:
        """Somebody's commit on main."""
        clone = self.bare.with_name("clone")
        await git(self.bare, "clone", "--quiet", str(self.bare), str(clone))
        (clone / path).parent.mkdir(exist_ok=True)
        (clone / path).write_text(text)
        await git(clone, "add", path)
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@localhost")
        await git(clone, *who, "commit", "--quiet", "--message", "Greet")
        await git(clone, "push", "--quiet", "origin", "main")
        return (await git(clone, "rev-parse", "HEAD")).strip()


@contextlib.asynccontextmanager
async def at_github(directory: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AtGitHub]:
    bare = directory / "served" / "acme" / "data.git"
    await small_repository(bare)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    async with (
        GitHttp(directory / "served", {TOKEN}) as served,
        LocalGitHub(heads=lambda it: branch_head(bare, it)) as hub,
    ):
        section = GitHubSettings(api=hub.api, labels=("greenlight",))
        remote = f"{served.url}/acme/data.git"
        there = repository(
            directory, "data", ["C0ONE"], remote=remote, github=section, checks={"green": BLIND}
        )
        follow = FollowSettings(poll_s=1, slowest_s=2)
        async with world(directory, [there], follow=follow) as running:
            yield AtGitHub(running, hub, served, bare)


async def test_the_branch_is_pushed_and_the_draft_is_opened_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async with at_github(tmp_path, monkeypatch) as there:
        main = branch_head(there.bare, "main")
        there.hub.files[str(main), ".github/CODEOWNERS"] = b"* @ann\n"
        there.hub.faults.append(
            Fault(
                "POST",
                "pulls",
                403,
                failure(403, "You have exceeded a secondary rate limit"),
                {"Retry-After": "1"},
            )
        )
        thread = await there.asks()
        delivered = await thread.becomes(State.DELIVERED)
        card = await thread.card("delivery:1")

        assert delivered.delivery is not None
        assert delivered.escalations == ()
        (pull,) = there.hub.pulls.values()
        assert pull["draft"] is True
        assert pull["html_url"] in card.words
        branch = pull["head"]["ref"]
        assert branch.startswith("greenlight/greeting-")
        assert branch_head(there.bare, branch) == pull["head"]["sha"] == delivered.delivery.commit
        assert branch_head(there.bare, "main") == main
        assert await git(there.bare, "show", f"{branch}:notes/hello.md") == "Hello.\n"
        assert [one["name"] for one in pull["labels"]] == ["greenlight"]
        assert f"`{delivered.delivery.commit}`" in pull["body"]
        (record,) = await there.world.slack.wait_for(lambda _: there.hub.comments[1], 20)
        assert record["body"].startswith("## The record")
        sent = [call.body for call in there.world.api.calls]
        assert TOKEN not in repr(sent)
        assert TOKEN not in repr(there.world.slack.calls)
    logged = capfd.readouterr()
    assert "run.ended" in logged.out
    assert TOKEN not in logged.out + logged.err
    for file in (tmp_path / "state").rglob("*"):
        assert not file.is_file() or TOKEN.encode() not in file.read_bytes(), file


async def test_a_refusal_and_a_base_that_moved_are_told_and_a_click_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_github(tmp_path, monkeypatch) as there:
        there.hub.drafts = False
        thread = await there.world.ask("C0ONE", "Add a greeting")
        spec = await thread.card("spec:1")
        moved = await there.commits("notes/hello.md", "Somebody was faster.\n")
        await thread.press(DANA, spec, ApproveSpec)
        asked = await thread.card("escalation:1", "nothing but a draft is ever opened")
        assert there.hub.pulls == {}
        there.hub.drafts = True
        await thread.press(DANA, asked, Choose, choice=Choice.RETRY)
        delivered = await thread.becomes(State.DELIVERED)
        await thread.card("delivery:1", f"is at {moved[:10]} now", "notes/hello.md: merging may conflict")
        (pull,) = there.hub.pulls.values()
        assert pull["body"].startswith(f"`main` went on while this work was done and is at `{moved}` now.")
        assert "changed `notes/hello.md`: merging may conflict" in pull["body"]
        assert delivered.delivery is not None
        assert await git(there.bare, "merge-base", "main", delivered.delivery.commit) != f"{moved}\n"


@pytest.mark.long
async def test_a_branch_that_somebody_works_on_is_told_and_kept_and_once_renamed_the_draft_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_github(tmp_path, monkeypatch) as there:
        thread = await there.world.ask("C0ONE", "Add a greeting")
        spec = await thread.card("spec:1")
        waiting = (await thread.snapshot()).spec
        assert waiting is not None
        theirs = await there.commits("notes/mine.md", "Somebody's own.\n")
        await git(there.bare, "branch", waiting.branch, theirs)
        await thread.press(DANA, spec, ApproveSpec)
        what = f"{waiting.branch} holds commit {theirs[:12]}"
        asked = await thread.card(
            "escalation:1", what, "not from here", "rename it if no pull request of mine", "Try again"
        )
        assert there.git.pushes == 0
        assert there.hub.pulls == {}

        await git(there.bare, "branch", "-m", waiting.branch, "anns-work")
        await thread.press(DANA, asked, Choose, choice=Choice.RETRY)
        delivered = await thread.becomes(State.DELIVERED)
        (pull,) = there.hub.pulls.values()
        assert pull["head"] | {"sha": delivered.head, "ref": waiting.branch} == pull["head"]
        assert branch_head(there.bare, "anns-work") == theirs
        assert branch_head(there.bare, waiting.branch) == delivered.head
        assert len(delivered.review_rounds) == 1, "what was made and reviewed is kept"


@pytest.mark.long
async def test_what_comes_back_from_github_is_told_in_the_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_github(tmp_path, monkeypatch) as there:
        thread = await there.asks()
        delivered = await thread.becomes(State.DELIVERED)
        assert delivered.delivery is not None
        await there.world.slack.wait_for(lambda _: there.hub.comments[1], 20)
        there.hub.comments[1].append(documents.comment(90, "ben", "I may only read."))
        there.hub.reviews[1] = [documents.review(91, "ann", "Please greet Riley.", "CHANGES_REQUESTED")]
        there.hub.check_runs[delivered.delivery.commit] = [documents.check_run(92, "build", "failure")]
        card = await thread.card("feedback:1", "Please greet Riley.", "build")
        assert "I may only read." not in card.words
        assert "The record" not in card.words

        there.hub.pulls[1] |= {
            "state": "closed",
            "merged_at": "2026-11-25T12:00:00Z",
            "closed_at": "2026-11-25T12:00:00Z",
            "merged_by": documents.user("ann"),
        }
        await thread.card("delivery:1", "Merged by ann")


CONFIG = """
state_dir = "{directory}/state"

[[repositories]]
name = "data"
remote = "{remote}"
channels = ["C0DATA"]
approvers = ["U0DANA"]

[repositories.checks.green]
argv = ["true"]
about = "greeting files are green"

[repositories.github]
api = "{api}"
labels = ["greenlight"]
"""


@pytest.mark.long
async def test_killed_while_github_is_asked_the_bot_opens_and_says_nothing_twice(tmp_path: Path) -> None:
    bare, model = tmp_path / "served" / "acme" / "data.git", MessagesApi(responder=Mistaken())
    await small_repository(bare)
    await model.start()
    async with (
        GitHttp(tmp_path / "served", {TOKEN}) as served,
        LocalGitHub(heads=lambda name: branch_head(bare, name)) as hub,
        LocalSlack(SlackOptions(paces={})) as slack,
    ):
        remote = f"{served.url}/acme/data.git"
        config = tmp_path / "greenlight.toml"
        config.write_text(CONFIG.format(directory=tmp_path, remote=remote, api=hub.api))
        known = environment(slack, model) | {"GITHUB_TOKEN": TOKEN}
        calls = ("pulls", "issues/1/labels", "issues/1/comments")
        hub.faults += [Fault("POST", call, STUCK) for call in calls]
        async with bot_process(slack, known, tmp_path / "log", "run", "--config", str(config)) as bot:
            thread = await slack.person(RILEY).mention("C0DATA", "Add a greeting")
            card = await until(lambda: cards(slack, "C0DATA", thread).get("spec:1"), 40, "the spec")
            assert card is not None
            block, element, _ = pressed(card, ApproveSpec)
            await slack.person(DANA).click(
                card.ts, action_id=element["action_id"], block_id=block["block_id"]
            )
            for call in calls:
                await until(lambda call=call: hub.asked("POST", call), 60, call)  # type: ignore[misc]
                await bot.kill()
                await bot.start()
            await until(lambda: "delivery:1" in cards(slack, "C0DATA", thread), 60, "the delivery")
            await until(lambda: len(hub.asked("GET", "issues/1/comments")) >= 2, 30, "looked for the record")
            await bot.stop()
    await model.close()
    (pull,) = hub.pulls.values()
    assert branch_head(bare, pull["head"]["ref"]) == pull["head"]["sha"]
    assert [one["name"] for one in pull["labels"]] == ["greenlight"]
    assert len(hub.comments[1]) == 1
    assert TOKEN not in (tmp_path / "log").read_text()


async def test_without_credentials_the_bot_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    there = repository(
        tmp_path, "data", ["C0ONE"], remote="https://github.com/acme/data", github=GitHubSettings()
    )
    with pytest.raises(ConfigurationInvalid, match="GITHUB_TOKEN is not set"):
        async with world(tmp_path, [there]):
            pass


async def test_the_doctor_tries_the_repository_at_github(tmp_path: Path) -> None:
    bare = tmp_path / "served" / "acme" / "data.git"
    await small_repository(bare)
    async with (
        GitHttp(tmp_path / "served", {TOKEN}) as served,
        LocalGitHub(heads=lambda name: branch_head(bare, name)) as hub,
    ):
        section = GitHubSettings(api=hub.api)
        there = repository(
            tmp_path, "data", ["C0ONE"], remote=f"{served.url}/acme/data.git", github=section, checks=GREEN
        )
        settings = Settings(state_dir=tmp_path / "state", repositories=(there,))
        told = [one async for one in examine(settings, (there,), {"GITHUB_TOKEN": TOKEN})]
        without = [one async for one in examine(settings, (there,), {})]
    (github,) = [one for one in told if one.about == "github"]
    assert (github.level, github.text) == (Level.OK, "acme/data and its pull requests can be read")
    assert TOKEN not in repr(told)
    (missing,) = [one for one in without if one.about == "remote"]
    assert "GITHUB_TOKEN is not set" in missing.next
