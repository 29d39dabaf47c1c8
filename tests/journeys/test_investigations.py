"""Parallel research and escalation from mention to their end, and what happens when they go otherwise."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.playground import headless
from bot.playground.demo import Demo
from bot.playground.slack.state import Change
from engine.adapters.local_forge import Record, read_records
from engine.request import Snapshot, TaskStatus
from tests.journeys.reading import cards, git, key_of, until
from tests.journeys.stage import headless_demo

RESEARCH, ESCALATION = "parallel-research", "escalation"
TO_DELIVERY = ["specifying", "awaiting_approval", "working", "reviewing", "delivering", "delivered", "done"]
SEARCHER = "web-search-researcher"


@dataclass(frozen=True)
class Played:
    """A play that is over: its outcome, its state, and the words of each card, at the end and before."""

    outcome: dict[str, Any]
    snapshot: Snapshot
    words: dict[str, str]
    seen: tuple[tuple[str, str], ...]
    roles: tuple[str, ...]
    records: tuple[Record, ...]
    diff: str

    @property
    def statuses(self) -> dict[str, str]:
        """Status of each criterion by id."""
        return {criterion["id"]: criterion["status"] for criterion in self.outcome["criteria"]}


def played(directory: Path, name: str, variant: str | None = None, *, real_checks: bool = False) -> Played:
    return asyncio.run(_played(headless_demo(directory, variant, real_checks=real_checks), name))


async def _played(demo: Demo, name: str) -> Played:
    seen: list[tuple[str, str]] = []
    try:
        await demo.start()

        def look(change: Change) -> None:
            message = demo.slack.workspace.messages.get(change.key)
            if message and key_of(message.metadata):
                seen.append((key_of(message.metadata), message.words))

        demo.slack.workspace.observers.append(look)
        outcome = await headless.enact(name, demo)
        thread = next(iter(demo.slack.workspace.messages))
        last = (
            f"escalation:{len(outcome['escalations'])}"
            if outcome["states"][-1] == "escalated"
            else "progress"
        )
        await until(lambda: last in cards(demo.slack, "C0DATA", thread), 15, f"the card {last}")
        snapshot = await demo.running.engine.snapshot(f"T0LOCAL:C0DATA:{thread}")
        assert snapshot is not None
        assert demo.model is not None
        diff = ""
        if outcome["commit"]:
            commit = outcome["commit"]
            diff = await git(demo.directory, f"--git-dir={demo.remote}", "diff", "main", commit)
        return Played(
            outcome=outcome,
            snapshot=snapshot,
            words={key: m.words for key, m in cards(demo.slack, "C0DATA", thread).items()},
            seen=tuple(seen),
            roles=tuple(call.role for call in demo.model.calls),
            records=tuple(read_records(demo.forge)),
            diff=diff,
        )
    finally:
        await demo.close()


@pytest.fixture(scope="module")
def research(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return played(tmp_path_factory.mktemp("research"), RESEARCH)


@pytest.fixture(scope="module")
def escalated(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return played(tmp_path_factory.mktemp("escalated"), ESCALATION, real_checks=True)


@pytest.mark.xdist_group("journey research")
class TestResearch:
    def test_not_sure_leads_to_three_looks_and_then_to_a_spec(self, research: Played) -> None:
        assert research.outcome["ok"] is True
        assert research.outcome["states"] == ["assessing", "clarifying", "assessing", *TO_DELIVERY]
        looks = [(task.agent, task.status) for task in research.snapshot.tasks if task.looks]
        assert looks == [
            ("codebase-analyzer", TaskStatus.DONE),
            (SEARCHER, TaskStatus.DONE),
            ("databricks-genius", TaskStatus.DONE),
        ]
        assert "Not sure: to be found out" in research.words["questions:1"]

    def test_one_card_tells_what_was_found_and_how_far_it_is_checked(self, research: Played) -> None:
        words = research.words["findings:1"]
        assert "conversation_billing_summary.sql:45" in words
        assert "https://docs.databricks.com" in words
        assert words.count("from the web") == 2
        assert "unverified" not in words
        assert "contradict each other" in words
        assert "Missing" not in words

    def test_who_searches_was_given_no_objective(self, research: Played) -> None:
        (look,) = [task for task in research.snapshot.tasks if task.agent == SEARCHER]
        assert look.objective == ""

    def test_what_only_the_world_can_tell_is_asked_of_people(self, research: Played) -> None:
        pending = {name for name, status in research.statuses.items() if status == "attested"}
        assert pending == {"AC9", "AC10"}
        waiting = [words for key, words in research.seen if key == "delivery:1" and "did it hold?" in words]
        assert all(name in waiting[0] for name in pending), "pending on the delivery, and asked of people"
        assert "under 20 minutes" in waiting[0]
        assert "20 %" in waiting[0]
        assert {word.criterion for word in research.snapshot.attestations} == pending
        assert all(word.held and word.by.user == "U0DANA" for word in research.snapshot.attestations)

    def test_the_delivered_commit_does_what_the_spec_says(self, research: Played) -> None:
        assert "+          num_workers: 4" in research.diff
        assert "INTERVAL 90 DAYS" in research.diff
        assert "pipelines.autoOptimize.managed" in research.diff
        assert "## Why 90 days" in research.diff
        assert len(research.records) == 1


def test_one_researcher_fails_and_the_card_says_what_is_missing(tmp_path: Path) -> None:
    played_ = played(tmp_path, RESEARCH, "researcher-fails")
    assert played_.outcome["ok"] is True
    failed = [task for task in played_.snapshot.tasks if task.status is TaskStatus.FAILED]
    assert [task.agent for task in failed] == [SEARCHER]
    assert f"{SEARCHER} came back with nothing" in played_.words["findings:1"]
    assert "from the web" not in played_.words["findings:1"]


@pytest.mark.long
def test_with_the_web_switched_off_nobody_searches_it_and_the_card_says_so(tmp_path: Path) -> None:
    played_ = played(tmp_path, RESEARCH, "web-off")
    assert played_.outcome["ok"] is True
    assert f"task:{SEARCHER}" not in played_.roles
    assert "switched off" in played_.words["findings:1"]


@pytest.mark.long
def test_contradictions_are_put_to_people_and_the_pick_is_theirs(tmp_path: Path) -> None:
    played_ = played(tmp_path, RESEARCH, "contradictions")
    assert played_.outcome["ok"] is True
    assert played_.outcome["states"][2:4] == ["assessing", "escalated"]
    (note,) = played_.snapshot.notes
    assert (note.text, note.picked, note.by.user) == ("Decided: Whole months", True, "U0RILEY")
    assert "contradict each other" in played_.words["findings:1"]


def test_if_every_look_fails_a_person_is_asked(tmp_path: Path) -> None:
    played_ = played(tmp_path, RESEARCH, "all-fail")
    assert played_.outcome["ok"] is True
    (escalation,) = played_.outcome["escalations"]
    assert escalation["cause"] == "investigation"
    assert "findings:1" not in played_.words
    card = played_.words["escalation:1"]
    assert all(agent in card for agent in ("codebase-analyzer", SEARCHER, "databricks-genius"))
    assert not played_.records


@pytest.mark.xdist_group("journey escalation")
class TestEscalation:
    def test_several_failures_are_put_to_people_before_anything_is_specified(self, escalated: Played) -> None:
        assert escalated.outcome["ok"] is True
        assert escalated.outcome["states"] == ["assessing", "escalated", "assessing", *TO_DELIVERY]
        (escalation,) = escalated.snapshot.escalations
        assert [offer.label for offer in escalation.offers] == [
            "amp_metrics_incremental",
            "amp_billing",
            "product_usage",
            "Something else",
            "Stop here",
        ]
        assert escalation.recommendation == "product_usage"
        assert escalation.attempts[0].startswith("codebase-analyzer looked: ")
        assert "decided: product_usage" in escalated.words["escalation:1"]

    def test_the_chosen_fix_is_delivered_with_its_root_cause(self, escalated: Played) -> None:
        assert "-      schema: usage" in escalated.diff
        assert "+      schema: bronze" in escalated.diff
        assert "DPA-318" in escalated.diff
        assert escalated.statuses == {
            "AC1": "passed",
            "AC2": "passed",
            "AC3": "passed",
            "AC4": "regression only",
            "AC5": "regression only",
            "AC6": "attested",
            "AC7": "attested",
        }

    def test_the_new_test_really_failed_before_the_fix(self, escalated: Played) -> None:
        (task,) = [task for task in escalated.snapshot.tasks if not task.looks]
        assert task.marks[0].verified
        assert "exit code 2" in task.marks[0].why


def test_a_failure_beyond_the_repository_is_put_to_people_again(tmp_path: Path) -> None:
    played_ = played(tmp_path, ESCALATION, "another-option")
    assert played_.outcome["ok"] is True
    first, second = played_.outcome["escalations"]
    assert first["decided"] == "pick"
    assert second["decided"] is None
    assert "No change in this repository" in second["situation"]
    assert not played_.records


def test_a_look_that_finds_nothing_ends_with_a_person(tmp_path: Path) -> None:
    played_ = played(tmp_path, ESCALATION, "all-fail")
    assert played_.outcome["ok"] is True
    assert played_.outcome["escalations"][0]["cause"] == "investigation"
    assert "Look again" in played_.words["escalation:1"]
