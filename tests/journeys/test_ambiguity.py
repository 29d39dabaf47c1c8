"""Example 4: a request that could mean four things, asked about, refined, and never guessed."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.playground import headless
from bot.playground.demo import Demo
from bot.playground.slack.state import TEAM, Change
from engine.adapters.local_forge import Record, read_records
from engine.bootstrap import rules
from engine.decide import decide
from engine.events import Event
from engine.inspecting import requests, story
from engine.request import Policy, Snapshot
from engine.story import Story
from tests.journeys.reading import cards, git, key_of, posted, until
from tests.journeys.stage import headless_demo

SITUATION = "ambiguity"
CLEAR = ["assessing", "clarifying", "assessing", "specifying", "awaiting_approval"]
TO_THE_END = ["working", "reviewing", "delivering", "delivered", "done"]
ARTIFACTS = {
    "src/amp_metrics_incremental/table_lineage.sql",
    "src/amp_metrics_incremental/table_impact.sql",
    "src/amp_metrics_incremental/dqx_table_lineage.yml",
    "src/amp_metrics_incremental/apply_dqx_table_lineage.py",
    "docs/models/amp_metrics_incremental/table_lineage.md",
    "test/amp_metrics_incremental/test_table_lineage.py",
    "resources/amp_metrics_incremental.yml",
}


@dataclass(frozen=True)
class Played:
    """A play that is over; `words` of each card at the end, `seen` is everything that was ever shown."""

    outcome: dict[str, Any]
    snapshot: Snapshot
    journal: tuple[Event, ...]
    policy: Policy | None
    story: Story
    words: dict[str, str]
    seen: tuple[tuple[str, str], ...]
    posts: dict[str, int]
    records: tuple[Record, ...]
    remote: Path

    def first(self, key: str) -> str:
        """A card's words as they were first shown."""
        return next(words for seen, words in self.seen if seen == key)


def played(directory: Path, variant: str | None = None) -> Played:
    """Play the situation, with everything it talks to in this process."""
    return asyncio.run(_played(headless_demo(directory, variant)))


async def _played(demo: Demo) -> Played:
    seen: list[tuple[str, str]] = []
    try:
        await demo.start()

        def look(change: Change) -> None:
            message = demo.slack.workspace.messages.get(change.key)
            key = key_of(message.metadata) if message else ""
            if message and key:
                seen.append((key, message.words))

        demo.slack.workspace.observers.append(look)
        outcome = await headless.enact(SITUATION, demo)
        thread = next(iter(demo.slack.workspace.messages))
        last = "escalation:1" if outcome["states"][-1] == "escalated" else "delivery:1"
        await until(lambda: last in cards(demo.slack, "C0DATA", thread), 15, "the last card")
        request = f"{TEAM}:C0DATA:{thread}"
        engine = demo.running.engine
        snapshot = await engine.snapshot(request)
        assert snapshot is not None
        if snapshot.delivery:
            await until(lambda: _recorded(demo), 15, "the record tells the confirmation")
        # Beside the running bot, as the command reads it.
        state = engine.settings.state_dir
        (listed,) = await requests(state)
        assert (listed.id, listed.state) == (request, snapshot.state.value)
        return Played(
            outcome=outcome,
            snapshot=snapshot,
            journal=tuple(await engine.journal(request)),
            policy=rules(engine.settings).policy(engine.settings.repositories[0], TEAM),
            story=await story(state, thread),
            words={key: message.words for key, message in cards(demo.slack, "C0DATA", thread).items()},
            seen=tuple(seen),
            posts=dict(posted(demo.slack)),
            records=tuple(read_records(demo.forge)),
            remote=demo.remote,
        )
    finally:
        await demo.close()


def _recorded(demo: Demo) -> bool:
    (record,) = read_records(demo.forge)
    return any("confirmed that it is done" in comment.body for comment in record.comments)


def told(story: Story) -> str:
    """All of a story's words."""
    return "\n".join(part for line in story.lines for part in (f"{line.who} {line.what}", *line.details))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return played(tmp_path_factory.mktemp("base"))


# ---------------------------------------------------------------- as the example goes


@pytest.mark.xdist_group("journey ambiguity")
class TestBase:
    def test_it_is_asked_first_and_then_goes_to_the_end(self, base: Played) -> None:
        outcome = base.outcome
        assert outcome["ok"] is True
        assert outcome["states"] == [*CLEAR, *TO_THE_END]
        assert outcome["questions"][:2] == [
            "What type of lineage tracking do you need?",
            "What's the primary use case?",
        ]
        assert set(base.posts.values()) == {1}

    def test_four_readings_with_their_risks_stand_above_the_questions(self, base: Played) -> None:
        card = base.first("questions:1")
        readings = base.snapshot.assessment
        assert readings is not None
        order = [
            "Unity Catalog lineage: which table is made from which",
            "Nobody can follow a single record with it",
            "Query lineage: which queries and dashboards read which table",
            "The query log lies outside this repository",
            "Pipeline lineage: which job waits for which task",
            "What type of lineage tracking do you need?",
            "Track which tables are created from which sources",
        ]
        places = [card.find(words) for words in order]
        assert -1 not in places
        assert places == sorted(places)

    def test_single_and_multi_selections_are_recorded_with_who_chose(self, base: Played) -> None:
        (round_,) = base.snapshot.rounds
        assert [question.header for question in round_.questions] == ["Lineage Type", "Use Case", "Reading"]
        assert [question.multi for question in round_.questions] == [False, False, True]
        given = [answer for answer in round_.given if answer]
        assert [answer.labels for answer in given] == [
            ("Table Lineage",),
            ("Impact Analysis",),
            ("A view to query", "A documentation page", "A failing test"),
        ]
        assert {answer.by.user for answer in given} == {"U0RILEY"}

    def test_the_selections_are_visible_in_the_refined_spec(self, base: Played) -> None:
        card = base.first("spec:1")
        for words in (
            "Answered, Lineage Type: Table Lineage (Track which tables are created from which sources",
            "Answered, Use Case: Impact Analysis (Understand downstream effects of schema changes",
            "A view to query",
            "A documentation page",
            "A failing test",
            "Whoever changes bronze.amp_all_events_v2 cannot see which tables that affects.",
        ):
            assert words in card, words
        spec = base.snapshot.spec
        assert spec is not None
        assert spec.draft.assumptions == ()

    async def test_the_work_is_what_was_specified_and_its_checks_really_ran(self, base: Played) -> None:
        statuses = {criterion["id"]: criterion["status"] for criterion in base.outcome["criteria"]}
        assert statuses == {
            **{f"AC{n}": "passed" for n in (1, 2, 3, 4, 5, 6, 7, 11)},
            **{f"AC{n}": "regression only" for n in (8, 9, 10)},
            "AC12": "judged met",
        }
        changed = await git(base.remote, "diff", "--name-only", "main", base.outcome["commit"])
        assert set(changed.split()) == ARTIFACTS
        (record,) = base.records
        assert record.content.commit == base.outcome["commit"]

    def test_the_journal_alone_gives_the_same_end(self, base: Played) -> None:
        rebuilt: Snapshot | None = None
        for event in base.journal:
            rebuilt = decide(rebuilt, event, base.policy).snapshot
        assert rebuilt == base.snapshot

    def test_the_record_says_who_did_what(self, base: Played) -> None:
        record = told(base.story)
        spec = base.snapshot.spec
        assert spec is not None
        happened = [
            "U0RILEY asked: Add lineage tracking",
            "greenlight assessed it as vague",
            "U0RILEY answered Lineage Type: Table Lineage",
            "U0RILEY submitted the answers of round 1",
            f"greenlight wrote version 1 of the spec, hash {spec.hash[:12]}",
            f"U0DANA approved version 1 of the spec, hash {spec.hash[:12]}",
            "databricks-genius ended implement (done, commit ",
            "verified: make test passes",
            "production-code-reviewer reviewed commit ",
            f"greenlight review round 1 of commit {base.outcome['commit'][:10]}: PASS",
            "greenlight opened draft pull request #1",
            "U0RILEY confirmed that it is done",
        ]
        places = [record.find(words) for words in happened]
        assert -1 not in places, happened[places.index(-1)]
        round_ = record.find("ran the checks at commit")
        assert places[6] < round_ < places[9]
        assert base.story.cost_usd > 0
        assert not any("did not count" in line.what for line in base.story.lines)

    def test_the_record_stands_once_on_the_pull_request(self, base: Played) -> None:
        (record,) = base.records
        (comment,) = record.comments
        assert comment.key == base.snapshot.id
        assert "**Riley Chen** asked: Add lineage tracking" in comment.body
        assert "**Dana Osei** approved version 1 of the spec" in comment.body
        assert "confirmed that it is done" in comment.body


# ---------------------------------------------------------------- as it goes otherwise


@pytest.mark.xdist_group("journey ambiguity still-vague")
def test_still_vague_after_two_rounds_is_escalated_and_not_guessed(tmp_path: Path) -> None:
    play = played(tmp_path, "still-vague")
    assert play.outcome["ok"] is True
    assert play.outcome["states"] == [*["assessing", "clarifying"] * 2, "assessing", "escalated"]
    assert play.outcome["spec_versions"] == []
    assert play.records == ()
    (escalation,) = play.outcome["escalations"]
    assert (escalation["cause"], escalation["decided"]) == ("still_vague", None)
    card = play.words["escalation:1"]
    assert "After 2 rounds of questions I still cannot tell what would count as done." in card
    assert "What the chosen kind of lineage is read from." in card
    assert "Round 1: asked about Lineage Type, Use Case, Reading" in card
    assert "Round 2: asked about Source" in card
    for option in ("Say more", "Go on with assumptions", "Stop here"):
        assert option in card
    assert "greenlight asked for a decision (still_vague): After 2 rounds" in told(play.story)


@pytest.mark.xdist_group("journey ambiguity say-more")
def test_what_is_said_then_lets_it_go_on(tmp_path: Path) -> None:
    play = played(tmp_path, "say-more")
    assert play.outcome["ok"] is True
    assert play.outcome["states"][6:] == ["assessing", "specifying", "awaiting_approval", *TO_THE_END]
    (escalation,) = play.outcome["escalations"]
    assert escalation["decided"] == "tell_more"
    (note,) = play.snapshot.notes
    assert note.text == "Table lineage is enough, to see what a change of the event table affects."
    assert f"Asked for: {note.text}" in play.first("spec:1")


@pytest.mark.xdist_group("journey ambiguity you-decide")
def test_what_is_left_to_us_is_an_assumption_that_the_spec_shows(tmp_path: Path) -> None:
    play = played(tmp_path, "you-decide")
    assert play.outcome["ok"] is True
    assert play.outcome["states"] == [*CLEAR, *TO_THE_END]
    spec = play.snapshot.spec
    assert spec is not None
    wanted = ("Lineage Type: Table Lineage", "Use Case: Impact Analysis", "Reading: A view to query")
    assert spec.draft.assumptions == wanted
    card = play.first("spec:1")
    for assumption in wanted:
        assert assumption in card
    assert "Answered," not in card
