"""Example 6: wishes that come while work runs, and the three ways to go on with them."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.playground import headless
from bot.playground.demo import Demo
from bot.playground.people import People, Player
from bot.playground.rehearsal import ReceivedCall, Rehearsal, Reply
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack.state import Change
from tests.journeys.reading import cards, git, key_of, posted, until
from tests.journeys.stage import headless_demo, staged
from tests.random_model import RandomResponder

SITUATION = "scope-creep"
WISHES = ("customer satisfaction trends", "retention cohorts", "predict churn probability")
TITLES = ["Customer satisfaction trends", "Retention cohorts", "Churn prediction"]
SRC = "src/amp_metrics_incremental"
NPS = {
    f"{SRC}/survey_nps.sql",
    f"{SRC}/survey_nps_daily.sql",
    f"{SRC}/dqx_survey_nps.yml",
    f"{SRC}/apply_dqx_survey_nps.py",
    "docs/models/amp_metrics_incremental/survey_nps.md",
    "resources/amp_metrics_incremental.yml",
}
WORK = ("plan", "task:", "review:")


@dataclass(frozen=True)
class Played:
    """A play that is over: outcome, texts of each card in order, changed files, prompts by role."""

    outcome: dict[str, Any]
    seen: tuple[tuple[str, str], ...]
    posts: dict[str, int]
    files: set[str]
    prompts: tuple[tuple[str, str], ...]
    threads: tuple[str, ...]

    def texts(self, key: str) -> list[str]:
        """What stood on a card, in order."""
        return [words for name, words in self.seen if name == key]


def played(directory: Path, variant: str | None = None) -> Played:
    return asyncio.run(_played(headless_demo(directory, variant)))


async def _played(demo: Demo) -> Played:
    seen: list[tuple[str, str]] = []
    try:
        await demo.start()

        def look(change: Change) -> None:
            message = demo.slack.workspace.messages.get(change.key)
            if message and (key := key_of(message.metadata)):
                seen.append((key, message.words))

        demo.slack.workspace.observers.append(look)
        outcome = await headless.enact(SITUATION, demo)
        thread = next(iter(demo.slack.workspace.messages))
        await until(
            lambda: "confirmed that it is done" in cards(demo.slack, "C0DATA", thread)["delivery:1"].words,
            30,
            "the delivery card tells the end",
        )
        if any(item["fate"] == "started" for item in outcome["scope_items"]):
            await until(lambda: posted(demo.slack)["questions:1"], 30, "the follow-up asks")
        changed = await git(demo.remote, "diff", "--name-only", "main", str(outcome["commit"]))
        roots = [m.words for m in demo.slack.workspace.messages.values() if m.by_bot and m.thread_ts is None]
        assert demo.model is not None
        return Played(
            outcome=outcome,
            seen=tuple(seen),
            posts=dict(posted(demo.slack)),
            files=set(changed.split()),
            prompts=tuple((call.role, json.dumps(call.body)) for call in demo.model.calls),
            threads=tuple(roots),
        )
    finally:
        await demo.close()


def of_the_work(prompts: tuple[tuple[str, str], ...], role: str = "") -> list[str]:
    """Prompts of planners, implementers and reviewers."""
    return [body for name, body in prompts if name.startswith(role or WORK)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return played(tmp_path_factory.mktemp("scope"))


# ---------------------------------------------------------------- A


@pytest.mark.xdist_group("journey scope base")
class TestFinishFirst:
    def test_it_ends_as_it_should_with_nothing_halted(self, base: Played) -> None:
        assert base.outcome["ok"] is True
        assert base.outcome["states"] == [
            *("assessing", "specifying", "awaiting_approval", "working"),
            *("reviewing", "delivering", "delivered", "done"),
        ]
        assert len(base.outcome["spec_versions"]) == 1

    def test_exactly_the_specs_files_are_delivered(self, base: Played) -> None:
        assert base.files == NPS

    def test_one_card_reads_like_the_example(self, base: Played) -> None:
        assert base.posts["scope:1"] == 1
        card = next(words for words in base.texts("scope:1") if "4. Proposed task" in words)
        assert "outside the approved spec" in card
        assert "*1. Current task:* NPS score tracking\n      Files: 2 SQL files" in card
        parts = [card[card.index(f"{n}. Proposed task") :] for n in (2, 3, 4)]
        for part, title in zip(parts, TITLES, strict=True):
            assert part.splitlines()[0].endswith(f"*{title}*, asked by <@U0RILEY>")
            assert "needs requirements gathering" in part.splitlines()[1]
        assert parts[0].splitlines()[2].strip() == "Dependencies: NPS score tracking (task 1)"
        assert parts[1].splitlines()[2].strip() == "Dependencies: none known"
        assert "(task 2), Retention cohorts (task 3)" in parts[2].splitlines()[2]
        # The card is edited while wishes arrive: which of its versions still offers A depends on the pace.
        for offer in ("A) Finish first", "B) Pause and redefine", "C) Prioritise"):
            assert any(offer in words for words in base.texts("scope:1"))
        assert "ETA" not in card
        assert "finish first, then discuss the rest" in base.texts("scope:1")[-1]

    def test_nothing_of_the_wishes_reaches_the_work(self, base: Played) -> None:
        prompts = of_the_work(base.prompts)
        assert len(prompts) >= 4
        for wish in WISHES:
            # The follow-up's own prompts begin with the wish as their request.
            assert not [body for body in prompts if wish in body]

    def test_the_wishes_are_listed_and_the_accepted_one_has_its_own_thread(self, base: Played) -> None:
        items = base.outcome["scope_items"]
        assert [item["title"] for item in items] == TITLES
        assert [item["fate"] for item in items] == ["started", "proposed", "proposed"]
        assert items[0]["follow_up"].startswith("T0LOCAL:C0DATA:")
        (root,) = base.threads
        assert "Follow-up of* NPS score tracking, asked by <@U0RILEY>" in root
        assert "customer satisfaction trends" in root
        assert base.posts["questions:1"] == 1


# ---------------------------------------------------------------- B and C


@pytest.mark.xdist_group("journey scope redefine")
def test_redefining_shows_the_difference_asks_again_and_delivers_with_it(tmp_path: Path) -> None:
    play = played(tmp_path, "redefine")
    assert play.outcome["ok"] is True
    versions = play.outcome["spec_versions"]
    assert [v["approved_by"] for v in versions] == [["U0DANA"], ["U0DANA"]]
    states = play.outcome["states"]
    assert states.count("awaiting_approval") == 2
    second = play.texts("spec:2")[0]
    assert "survey_satisfaction_weekly.sql" in second
    assert "Customer satisfaction trends" in second
    assert play.files == {*NPS, f"{SRC}/survey_satisfaction_weekly.sql"}
    assert [(i["fate"], i["version"]) for i in play.outcome["scope_items"]] == [
        ("included", 2),
        ("proposed", None),
        ("proposed", None),
    ]
    for wish in WISHES[1:]:
        assert not [body for body in of_the_work(play.prompts) if wish in body]


@pytest.mark.long
@pytest.mark.xdist_group("journey scope prioritise")
def test_an_order_is_applied_and_nothing_stops_meanwhile(tmp_path: Path) -> None:
    play = played(tmp_path, "prioritise")
    assert play.outcome["ok"] is True
    assert [item["title"] for item in play.outcome["scope_items"]] == [TITLES[2], TITLES[0], TITLES[1]]
    assert play.files == NPS


# ---------------------------------------------------------------- a classifier at random


@dataclass(frozen=True)
class RandomClassifier:
    """The rehearsal, but for what tells messages apart: that answers anything its schema allows."""

    seed: int
    script: Rehearsal = field(
        # Work that takes a moment, so that people can speak while it runs.
        default_factory=lambda: Rehearsal([Scenario.load(SCENARIOS / SITUATION)], pace=0.3)
    )

    def reply(self, call: ReceivedCall) -> Reply:
        responder = RandomResponder(self.seed, care=1.0) if call.role == "triage" else self.script
        return responder.reply(call)


@pytest.mark.xdist_group("journey scope random")
@pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, marks=pytest.mark.long if seed == 1 else pytest.mark.more) for seed in (1, 2, 3)],
)
async def test_whatever_the_classifier_says_no_wish_reaches_a_prompt_of_the_work(
    tmp_path: Path, seed: int
) -> None:
    people = People.load(SCENARIOS / SITUATION / "people.yml")
    people = people.model_copy(update={"choices": (), "accepts": ()})
    async with staged(tmp_path, RandomClassifier(seed)) as stage:

        async def over(request: str) -> bool:
            snapshot = await stage.engine.snapshot(request)
            return snapshot is not None and snapshot.state.ended

        player = Player(people, stage.slack, stage.engine.snapshot)
        request = await player.play(over, 120)
        snapshot = await stage.engine.snapshot(request)
        prompts = tuple((call.role, json.dumps(call.body)) for call in stage.model.calls)
    assert snapshot is not None
    assert snapshot.state == "done"
    assert any(role == "triage" for role, _ in prompts)
    for wish in WISHES:
        assert [body for role, body in prompts if role == "triage" and wish in body]
        assert not [body for body in of_the_work(prompts) if wish in body]
