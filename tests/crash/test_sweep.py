"""A sample of the sweep, and proof that it sees what it looks for where the guard is off at the wire."""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.crash.play import play
from tests.crash.seen import Asked, Death, Kills, Point, Seen, Target
from tests.crash.servers import steady
from tests.crash.sweep import SEED, Choice, Found, Sweep, fits, judged, variants
from tests.crash.verdict import wrong
from tests.crash.wire import Act, Side
from tests.journeys.reading import SITUATION
from tests.quick import quick_repository

EVERY = 23
PLAYS = 2
DISTURBANCES = {*Act} - {Act.GO_ON, Act.KILL, Act.TERM}
TERMS = 6
SPEC = Target(Point("slack chat.postMessage spec:1", 1), Side.AFTER)

pytestmark = pytest.mark.timeout(600)


@pytest.mark.long
async def test_kills_at_every_so_many_targets_lose_and_double_nothing(tmp_path: Path) -> None:
    sweep = Sweep(SITUATION, tmp_path, asyncio.Semaphore(2))
    found = await sweep.run(Choice(every=EVERY, kills=7, randomly=1))
    assert found.failures == []
    assert found.points > 100
    assert found.hit + len(found.not_reached) == found.targets
    assert found.hit >= 10
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


def disturbed(points: Sequence[Point]) -> list[Target]:
    """Something that is no kill at each point where something fits, drawn with a constant seed."""
    seeded = random.Random(SEED)  # noqa: S311 (a draw, no secret)
    targets = []
    for point in points:
        fitting = [(side, act) for side in Side for act in sorted(DISTURBANCES) if fits(act, point, side)]
        targets += [Target(point, *seeded.choice(fitting))] if fitting else []
    return targets


@pytest.mark.long
async def test_what_is_refused_cut_lost_doubled_late_or_interrupted_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "template.git"
    await quick_repository(template)
    for place in range(PLAYS + 2):
        (tmp_path / str(place)).mkdir()
    like = await play(SITUATION, tmp_path / "0", template)
    assert wrong(like, like) == []
    targets = disturbed(like.points)
    terms = [Target(point, Side.BEFORE, Act.TERM) for point in like.points[8 :: len(like.points) // TERMS]]
    every = [*(targets[n::PLAYS] for n in range(PLAYS)), terms]
    plays = await asyncio.gather(
        *(
            play(SITUATION, tmp_path / str(n), template, Kills(at=tuple(some)), like)
            for n, some in enumerate(every, 1)
        )
    )
    hit = Counter((target.point.what.partition(" ")[0], target.act) for seen in plays for target in seen.hit)
    with capsys.disabled():
        shown = ", ".join(f"{server} {act} {count}" for (server, act), count in sorted(hit.items()))
        sys.stdout.write(
            f"\ndelivery: {sum(hit.values())} of {sum(map(len, every))} disturbances came: {shown}\n"
        )
    assert [wrong(seen, like) for seen in plays] == [[]] * (PLAYS + 1)
    assert {act for _, act in hit} == DISTURBANCES | {Act.TERM}


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


CHOSE = "<@U0DANA> chose: finish first, then discuss the rest\nBeyond the spec: trends\n"
UNDECIDED = "Beyond the spec: trends\n"
PRESSED = Point("socket click gl finish_first ack", 1)
WHOLE = Seen(
    "scope-creep",
    cards=Counter({"1/spec:1": 1, "1/scope:1": 1}),
    words={"1/spec:1": "The spec", "1/scope:1": CHOSE},
    pulls=Counter({"greenlight/nps-ID": 1}),
    points=[PRESSED],
    problem="not looked at",
)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, ""),
        ({"cards": Counter({"1/scope:1": 1})}, "the card 1/spec:1 was posted 0 times, not 1"),
        ({"pulls": Counter({"greenlight/nps-ID": 2})}, "pull requests were opened"),
        ({"words": {"1/scope:1": UNDECIDED}}, "the card 1/scope:1 says"),
        (
            {"words": {"1/scope:1": UNDECIDED}, "hit": [Target(PRESSED, Side.AFTER)]},
            "the card 1/scope:1 says",
        ),
        ({"words": {"1/scope:1": UNDECIDED}, "hit": [Target(PRESSED, Side.BEFORE)]}, ""),
        ({"words": {"1/scope:1": UNDECIDED}, "points": []}, ""),
        ({"words": {"1/scope:1": UNDECIDED}, "told": ["Decided already; your click changed nothing."]}, ""),
        ({"exits": ["it ended by itself with 1"]}, "it ended by itself with 1"),
    ],
)
def test_what_is_missing_doubled_or_lost_is_found(changes: dict[str, Any], sentence: str) -> None:
    found = [it for it in wrong(replace(WHOLE, **changes), WHOLE) if not it.startswith("the play did not")]
    assert (len(found) == 1 and found[0].startswith(sentence)) if sentence else found == []


@pytest.mark.parametrize(
    ("hit", "missed", "failures", "code"),
    [(100, 2, [], 0), (100, 2, ["a card is missing"], 1), (0, 0, [], 1), (100, 6, [], 1)],
)
def test_a_sweep_that_tried_too_little_is_none(
    hit: int, missed: int, failures: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Found("escalation", 60, 20, 110, hit + missed, hit, failures, [SPEC] * missed)
    assert judged([found]) == code
    printed = capsys.readouterr().out
    assert f"{20 - len(failures)} passed, {len(failures)} failed" in printed
    assert printed.count(f"not reached: escalation [{SPEC}]") == missed


def test_every_variant_can_be_swept() -> None:
    assert {"scope-creep/redefine", "escalation/all-fail", "review-gate/critical"} <= set(variants())


def test_ids_and_numbers_of_a_play_are_left_out() -> None:
    one = "at ccafece and 6713de913b, greenlight/nps-abcdef, e7d28b: 55.2k tokens, $0.13, a facade"
    other = "at 1234567 and abcdefabcd, greenlight/nps-012345, 012345: 7k tokens, $0.21, a facade"
    assert steady(one) == steady(other)
    assert "facade" in steady(one)
