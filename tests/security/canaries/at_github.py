"""The same for what comes from GitHub: the words of its errors, of people and checks at a pull request."""

import io
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession

from bot.cards.presses import ApproveSpec, Choose
from engine.events import Choice
from engine.request import State
from engine.settings import FollowSettings, GitHubSettings
from tests.github import documents
from tests.github.documents import failure
from tests.github.git_http import GitHttp, branch_head
from tests.github.local_github import TOKEN, Fault, LocalGitHub
from tests.journeys.bad_input import DANA, RILEY, World, repository, small_repository, world
from tests.security.canaries.forms import tag, text
from tests.security.canaries.sinks import Sinks, plain

PLACES = ("comment", "review", "check of the forge", "forge error")
UNSEEN = ("forge error",)
CHANNEL = "C0NOTES"


@dataclass(frozen=True)
class SinksAtGitHub(Sinks):
    """Those of a bot whose forge is GitHub."""

    hub: LocalGitHub

    async def forge(self) -> bytes:
        """What GitHub was sent."""
        return plain([(call.path, call.body) for call in self.hub.calls])

    async def into_forge(self, text: str) -> None:
        """As one more comment."""
        address = f"{self.hub.api}/repos/{self.hub.full}/issues/1/comments"
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/vnd.github+json"}
        async with ClientSession() as session:
            await session.post(address, json={"body": text}, headers=headers)


@asynccontextmanager
async def played(directory: Path, logs: io.StringIO) -> AsyncIterator[tuple[Sinks, Counter[str]]]:
    """A request that GitHub refuses first and that is talked about there: its sinks, and what GitHub gave."""
    bare = directory / "served" / "acme" / "data.git"
    await small_repository(bare)
    os.environ["GITHUB_TOKEN"] = TOKEN
    try:
        async with (
            GitHttp(directory / "served", {TOKEN}) as served,
            LocalGitHub(heads=lambda name: branch_head(bare, name)) as hub,
        ):
            section, remote = GitHubSettings(api=hub.api), f"{served.url}/acme/data.git"
            there = repository(directory, "data", [CHANNEL], remote=remote, github=section)
            follow = FollowSettings(poll_s=1, slowest_s=1)
            async with world(directory, [there], follow=follow) as bot:
                came = await _play(bot, hub)
                yield SinksAtGitHub(bot, bare, logs, hub), came
    finally:
        del os.environ["GITHUB_TOKEN"]


async def _play(bot: World, hub: LocalGitHub) -> Counter[str]:
    refusal = failure(422, text("forge error"), {"message": text("forge error"), "code": "custom"})
    hub.faults.append(Fault("POST", "pulls", 422, refusal))
    thread = await bot.ask(CHANNEL, "Add a greeting")
    await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    refused = await thread.card("escalation:1", "GitHub refused")
    refusals = 1 - len(hub.faults)
    await thread.press(RILEY, refused, Choose, choice=Choice.RETRY)
    delivered = await thread.becomes(State.DELIVERED)
    assert delivered.delivery is not None
    await bot.slack.wait_for(lambda _: hub.comments[1], 30)
    hub.comments[1].append(documents.comment(90, "ann", f"Look: {text('comment')}"))
    hub.reviews[1] = [documents.review(91, "ann", f"Well: {text('review')}", "CHANGES_REQUESTED")]
    said = {"title": None, "summary": text("check of the forge")}
    check = documents.check_run(92, "build", "failure") | {"output": said}
    hub.check_runs[delivered.delivery.commit] = [check]
    await thread.card("feedback:1", tag("comment"), tag("review"), "build")
    return Counter({"forge error": refusals})
