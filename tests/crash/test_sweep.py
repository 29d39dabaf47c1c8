"""A sample of the sweep, and proof that it sees what it looks for where the guard is off at the wire."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.crash.play import Asked, Death, Kills, Point, Seen, Target, play
from tests.crash.sweep import Choice, Sweep
from tests.crash.verdict import wrong
from tests.crash.wire import Side
from tests.journeys.reading import SITUATION
from tests.quick import quick_repository

EVERY = 17
SPEC = Target(Point("slack chat.postMessage spec:1", 1), Side.AFTER)

pytestmark = [pytest.mark.xdist_group("sweep"), pytest.mark.timeout(600)]


@pytest.mark.long
async def test_kills_at_every_seventeenth_target_lose_and_double_nothing(tmp_path: Path) -> None:
    sweep = Sweep(SITUATION, tmp_path, asyncio.Semaphore(2))
    found = await sweep.run(Choice(every=EVERY, kills=9, randomly=1))
    assert found.failures == []
    assert found.points > 100
    assert found.hit + len(found.not_reached) == found.targets
    assert found.hit >= 15
    assert found.kills > found.hit


def without_metadata(request: web.Request, _body: bytes, answer: bytes) -> bytes:
    """A Slack that keeps no metadata: a card that stands there is not found again."""
    if not request.path.endswith("conversations.replies"):
        return answer
    told = json.loads(answer)
    for message in told.get("messages", []):
        message.pop("metadata", None)
    return json.dumps(told).encode()


@pytest.mark.long
async def test_with_the_look_up_blinded_a_doubled_card_is_found(tmp_path: Path) -> None:
    template = tmp_path / "template.git"
    await quick_repository(template)
    for place in ("seeing", "blind"):
        (tmp_path / place).mkdir()
    kills = Kills(at=(SPEC,))
    seeing, blind = await asyncio.gather(
        play(SITUATION, tmp_path / "seeing", template, kills),
        play(SITUATION, tmp_path / "blind", template, kills, answering=without_metadata),
    )
    assert seeing.hit == blind.hit == [SPEC]
    assert wrong(seeing, seeing) == []
    assert wrong(blind, seeing) == ["the card 1/spec:1 was posted 2 times, not 1"]


def asked(*said: str, at: float, role: str = "plan") -> Asked:
    return Asked(role, said, at)


@pytest.mark.parametrize(
    ("calls", "death", "sentence"),
    [
        ([asked("a", at=1), asked("b", at=3)], Death(2, 2), None),
        ([asked("a", at=1), asked("a", at=3)], Death(2, 2), None),
        ([asked("a", at=1), asked("a", at=3, role="review")], Death(2, 2, Counter(plan=1)), None),
        ([asked("a", at=1), asked("a", at=3)], Death(4, 4), "with no kill in between"),
        ([asked("a", at=1), asked("a", at=3)], Death(2, 2, Counter(plan=1)), "1 of 1 answers were kept"),
        (
            [asked("a", at=1), asked("b", at=1), asked("a", at=3)],
            Death(2, 2, Counter(plan=1)),
            None,
        ),
        (
            [asked("a", at=1), asked("b", at=1), asked("a", at=3), asked("b", at=3)],
            Death(2, 2, Counter(plan=1)),
            "2 times again for plan: 1 of 2 answers were kept",
        ),
    ],
)
def test_a_recorded_call_that_is_made_again_is_found(
    calls: list[Asked], death: Death, sentence: str | None
) -> None:
    like = Seen(SITUATION, problem="not looked at")
    found = wrong(replace(like, asked=calls, deaths=[death]), like)[1:]
    assert (len(found) == 1 and sentence in found[0]) if sentence else found == []
