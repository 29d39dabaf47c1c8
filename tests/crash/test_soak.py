"""A short soak, and proof that its judge sees what it looks for."""

import json
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.crash.soak import KINDS, Asked, Place, Sample, Soak, World, hollow, judge, soak, world
from tests.github.local_github import TOKEN, LocalGitHub
from tests.journeys.reading import git

pytestmark = pytest.mark.timeout(600)


@pytest.mark.long
async def test_requests_side_by_side_with_faults_lose_and_double_nothing(tmp_path: Path) -> None:
    found = await soak(tmp_path, requests=8, minutes=0.2, places=4, kills=1)
    assert found.wrong in ([], ["the last process did not live long enough to tell of its memory"])
    assert found.drafts >= 1


async def test_the_judge_sees_what_is_lost_and_doubled(tmp_path: Path) -> None:
    async with world(tmp_path, 1, 1) as there:
        (place,) = there.places
        good, bad, gone = (Asked(KINDS[0], place, f"T:C:{n}", ok=True, state="done") for n in range(3))
        found = Soak(asked=[good, bad, gone])
        gone.problem = "TimeoutError"
        good.cards = frozenset({"spec:1", "delivery:1"})
        for request, key in ((good, "progress"), (good, "spec:1"), (bad, "progress"), (bad, "progress")):
            await _posts(there, request.id, key)
        bad.branch = "greenlight/told"
        await git(place.bare, "branch", "greenlight/pushed", "main")
        await git(place.bare, "branch", "greenlight/opened", "feat-DPA-456-churn-model")
        await _opens(there, "greenlight/opened")
        await git(place.bare, "branch", "--force", "greenlight/opened", "main")
        found.samples = [Sample(at=n, pid=1, mb=100 + 3 * n, files=1, threads=1) for n in range(40)]
        await judge(there, found)
    wrong = "\n".join(found.wrong)
    assert "did not end: TimeoutError" in wrong
    assert f"the card progress of {bad.id} was posted 2 times" in wrong
    assert f"{bad.id} has no card spec:1, which its like have" in wrong
    assert f"{good.id} has no card delivery:1" in wrong
    assert "drafts were opened of {'greenlight/opened': 1}, delivered was {'greenlight/told': 1}" in wrong
    assert "the draft of greenlight/opened holds" in wrong
    assert "nothing was delivered of greenlight/pushed" in wrong
    assert "memory grew from 130 to 217 MB" in wrong
    assert len(found.wrong) == 8


def test_a_soak_in_which_little_happened_is_none(tmp_path: Path) -> None:
    place = Place(0, tmp_path, LocalGitHub("acme/data-0", heads=lambda _: None))
    samples = [Sample(at=n, pid=1, mb=100, files=1, threads=1) for n in range(21)]
    whole = Soak([Asked(KINDS[0], place)], samples, Counter({"slack cut": 1}), kills=2, seconds=700.0)
    assert [*hollow(whole, 1, 10.0, 2)] == []
    assert [*hollow(Soak(seconds=721.0), 1, 10.0, 2)] == [
        "0 requests were asked, not 1",
        "the bot was killed 0 times, not 2",
        "nothing went wrong outside",
        "the last process did not live long enough to tell of its memory",
        "it took 721 s, and they were asked over 600 s",
    ]


async def _posts(there: World, request: str, key: str) -> None:
    metadata = {"event_type": "card", "event_payload": {"request": request, "key": key}}
    said = {"channel": there.places[0].channel, "text": "x", "metadata": json.dumps(metadata)}
    async with (
        ClientSession(headers={"Authorization": "Bearer xoxb-fake-bot"}) as session,
        session.post(f"{there.slack.url}/api/chat.postMessage", data=said) as answer,
    ):
        assert (await answer.json())["ok"], await answer.text()


async def _opens(there: World, branch: str) -> None:
    hub = there.places[0].hub
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/vnd.github+json"}
    draft = {"title": "x", "head": branch, "base": "main", "draft": True, "body": ""}
    async with (
        ClientSession(headers=headers) as session,
        session.post(f"{hub.api}/repos/{hub.full}/pulls", json=draft) as answer,
    ):
        assert answer.status == 201, await answer.text()
