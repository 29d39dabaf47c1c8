"""Example 1 from mention to draft pull request, and what has to happen when it goes otherwise."""

import asyncio
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.playground import headless, sample_repository
from bot.playground.demo import Demo
from bot.playground.slack.state import Change
from engine.adapters.local_forge import Record, read_records
from tests.journeys.reading import SITUATION, can_stop, cards, git, key_of, posted, until
from tests.journeys.stage import headless_demo

KEYS = [
    "situation", "ok", "states", "questions", "spec_versions", "criteria", "review_rounds", "gate", "branch",
    "commit", "pull_request", "scope_items", "escalations", "remote", "tokens", "cost_usd", "seconds",
]  # fmt: skip
ARTIFACTS = {
    "src/amp_metrics_incremental/conversation_resolution_time.sql",
    "src/amp_metrics_incremental/conversation_resolution_time_daily.sql",
    "src/amp_metrics_incremental/dqx_conversation_resolution.yml",
    "src/amp_metrics_incremental/apply_dqx_conversation_resolution.py",
    "docs/models/amp_metrics_incremental/conversation_resolution_time.md",
    "resources/amp_metrics_incremental.yml",
}
QUESTIONS = [
    "Which conversations count?",
    "Which event means that a conversation is resolved?",
    "What is a row?",
    "Which dashboards and reports read it?",
    "Which rules must the values keep?",
]
UP_TO_WORK = ["assessing", "clarifying", "assessing", "specifying", "awaiting_approval", "working"]
SETTLED_BY = dict.fromkeys(("AC1", "AC2", "AC7"), "file") | dict.fromkeys(
    ("AC3", "AC4", "AC5", "AC6"), "text"
)
SETTLED_BY |= {"AC8": "check", "AC9": "check", "AC10": "check", "AC11": "judged"}
ALL_GOOD = {f"AC{n}": "passed" for n in range(1, 8)}
ALL_GOOD |= dict.fromkeys(("AC8", "AC9", "AC10"), "regression only") | {"AC11": "judged met"}
TARGETS = {"AC8": "test", "AC9": "lint-sql", "AC10": "check-quality"}


@dataclass(frozen=True)
class Played:
    """A play that is over.

    Attributes:
        words: What stands on each card at the end, by key.
        seen: (key, words) of everything that was posted or edited, in order.
        posts: How often each card was posted.
        stoppable: Keys of the cards that still offer to stop.
    """

    outcome: dict[str, Any]
    words: dict[str, str]
    seen: tuple[tuple[str, str], ...]
    posts: dict[str, int]
    stoppable: frozenset[str]
    records: tuple[Record, ...]
    remote: Path

    @property
    def statuses(self) -> dict[str, str]:
        """Status of each criterion by id."""
        return {criterion["id"]: criterion["status"] for criterion in self.outcome["criteria"]}

    def criterion(self, name: str) -> dict[str, Any]:
        """A criterion by id."""
        return next(c for c in self.outcome["criteria"] if c["id"] == name)


def played(directory: Path, variant: str | None = None, *, real_checks: bool = False) -> Played:
    """Play the situation, with everything it talks to in this process."""
    return asyncio.run(_played(headless_demo(directory, variant, real_checks=real_checks)))


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
        await until(lambda: _told(demo, thread, outcome), 15, "the cards tell the end")
        standing = cards(demo.slack, "C0DATA", thread)
        return Played(
            outcome=outcome,
            words={key: message.words for key, message in standing.items()},
            seen=tuple(seen),
            posts=dict(posted(demo.slack)),
            stoppable=frozenset(key for key, message in standing.items() if can_stop(message)),
            records=tuple(read_records(demo.forge)),
            remote=demo.remote,
        )
    finally:
        await demo.close()


def _told(demo: Demo, thread: str, outcome: dict[str, Any]) -> bool:
    """The last edits of the cards may wait for their turn."""
    standing = cards(demo.slack, "C0DATA", thread)
    if outcome["states"][-1] == "done":
        return (
            not can_stop(standing["progress"]) and "confirmed that it is done" in standing["delivery:1"].words
        )
    return "I need a decision" in standing["progress"].words


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return played(tmp_path_factory.mktemp("base"), real_checks=True)


# ---------------------------------------------------------------- as the example goes


@pytest.mark.long
@pytest.mark.xdist_group("journey base")
class TestBase:
    def test_the_outcome_as_json(self, base: Played) -> None:
        outcome = base.outcome
        assert list(outcome) == KEYS
        assert headless.as_line(outcome).count("\n") == 0
        assert outcome["situation"] == SITUATION
        assert outcome["ok"] is True
        assert outcome["states"] == [
            *UP_TO_WORK,
            *("reviewing", "working", "reviewing", "delivering", "delivered", "done"),
        ]
        assert outcome["questions"] == QUESTIONS
        (version,) = outcome["spec_versions"]
        assert set(version) == {"version", "hash", "approved_by"}
        assert (version["version"], version["approved_by"]) == (1, ["U0DANA"])
        assert re.fullmatch("[0-9a-f]{64}", version["hash"])
        assert (outcome["review_rounds"], outcome["gate"]) == (2, "PASS")
        assert re.fullmatch(r"greenlight/conversation-resolution-time-[0-9a-f]{6}", outcome["branch"])
        assert re.fullmatch("[0-9a-f]{40}", outcome["commit"])
        assert outcome["pull_request"]["number"] == 1
        assert outcome["pull_request"]["url"].endswith("/forge/pulls/1")
        assert outcome["remote"] == str(base.remote)
        assert (outcome["scope_items"], outcome["escalations"]) == ([], [])
        assert outcome["tokens"]["input"] > 10_000 < 10 * outcome["tokens"]["output"]
        assert 0.01 < outcome["cost_usd"] < 5
        assert outcome["seconds"] > 0

    def test_every_criterion_with_how_it_was_settled_and_evidence(self, base: Played) -> None:
        assert base.statuses == ALL_GOOD
        assert {c["id"]: c["settled_by"] for c in base.outcome["criteria"]} == SETTLED_BY
        commit = base.outcome["commit"][:7]
        for criterion in base.outcome["criteria"]:
            assert set(criterion) == {"id", "text", "settled_by", "status", "evidence"}
            match criterion["settled_by"]:
                case "check":
                    assert f"exit code 0 at {commit}, also with only the artifacts" in criterion["evidence"]
                case "judged":
                    assert criterion["evidence"].startswith("judged by production-code-reviewer: ")
                case _:
                    assert criterion["evidence"].endswith("at the commit; not so before the work")
        assert base.criterion("AC3")["evidence"].startswith("resources/amp_metrics_incremental.yml:27 ")

    async def test_round_1_lacks_the_entry_and_its_text_criterion_finds_that(self, base: Played) -> None:
        card = base.words["review:1"]
        assert "Round 1 of 3" in card
        failed = card[card.index("✗") : card.index("Passed")]
        by_the_criterion = failed[: failed.index("AC4")]
        assert "AC3 The pipeline lists the base table's SQL file among its libraries." in by_the_criterion
        entry = "../src/amp_metrics_incremental/conversation_resolution_time.sql"
        assert re.search(rf"Expected:\* resources/amp_metrics_incremental\.yml .*{re.escape(entry)}", failed)
        assert re.search(r"Actual:\* \S", by_the_criterion)
        assert re.search(r"Fix:\* \S", by_the_criterion)
        assert by_the_criterion.rstrip("\n ✗*").endswith("failed · text")
        assert "Pipeline config: missing library entry" in failed[failed.index("AC4") :]
        assert "Round 2 of 3" in base.words["review:2"]
        assert "✗" not in base.words["review:2"]
        first = re.search(r"commit `([0-9a-f]{10})", card)
        assert first is not None
        assert not base.outcome["commit"].startswith(first[1])

    async def test_each_card_is_posted_once_and_ends_decided(self, base: Played) -> None:
        wanted = {"progress", "questions:1", "spec:1", "review:1", "review:2", "delivery:1"}
        assert base.posts == dict.fromkeys(wanted, 1)
        assert base.stoppable == frozenset()
        waited = next(words for key, words in base.seen if key == "spec:1")
        assert "Waiting for <@U0DANA>, 0 of 1" in waited
        assert "<@U0DANA>" in base.words["spec:1"]
        assert "<@U0RILEY> confirmed that it is done." in base.words["delivery:1"]

    async def test_one_draft_pull_request_of_one_commit(self, base: Played) -> None:
        (record,) = base.records
        commit, branch = base.outcome["commit"], base.outcome["branch"]
        assert record.draft is True
        assert (record.content.commit, record.content.branch, record.content.base) == (commit, branch, "main")
        assert base.outcome["spec_versions"][0]["hash"] in record.content.body
        for criterion in base.outcome["criteria"]:
            assert criterion["id"] in record.content.body
            assert criterion["status"] in record.content.body

    async def test_one_commit_on_one_branch_and_main_untouched(self, base: Played, tmp_path: Path) -> None:
        heads = await git(base.remote, "for-each-ref", "--format=%(refname) %(objectname)")
        main = await sample_repository.create(tmp_path / "fresh.git")
        before = await git(tmp_path / "fresh.git", "for-each-ref", "--format=%(refname) %(objectname)")
        refs = dict(line.split() for line in heads.splitlines())
        assert refs == {
            **dict(line.split() for line in before.splitlines()),
            f"refs/heads/{base.outcome['branch']}": base.outcome["commit"],
        }
        log = await git(base.remote, "rev-list", "--parents", f"main..{base.outcome['branch']}")
        assert log.split() == [base.outcome["commit"], main]
        changed = await git(base.remote, "diff", "--name-only", main, base.outcome["commit"])
        assert set(changed.split()) == ARTIFACTS

    async def test_every_check_again_outside_gives_what_the_card_says(
        self, base: Played, tmp_path: Path
    ) -> None:
        tree = tmp_path / "clone"
        await git(tmp_path, "clone", "--quiet", str(base.remote), str(tree))
        await git(tree, "checkout", "--quiet", base.outcome["commit"])
        for name, target in TARGETS.items():
            assert await made(tree, target) == 0, target
            said = [words for key, words in base.seen if key == "delivery:1" and name in words]
            assert "exit code 0" in said[0]
        for name, settled_by in SETTLED_BY.items():
            if settled_by in {"file", "text"}:
                path = base.criterion(name)["evidence"].split(" ")[0].split(":")[0]
                assert (tree / path).is_file(), name
        entries = (tree / "resources/amp_metrics_incremental.yml").read_text()
        assert "../src/amp_metrics_incremental/conversation_resolution_time.sql" in entries
        await git(tree, "checkout", "--quiet", "main")
        assert [await made(tree, target) for target in TARGETS.values()] == [0, 0, 0]


async def made(tree: Path, target: str) -> int:
    """Exit code of `make TARGET`, outside any sandbox, with this environment's tools first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *("make", target),
        cwd=tree,
        env={"PATH": path, "HOME": str(tree.parent)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


# ---------------------------------------------------------------- as it goes otherwise


@pytest.mark.xdist_group("journey never-added")
def test_an_entry_that_is_never_added_is_escalated_after_three_rounds(tmp_path: Path) -> None:
    play = played(tmp_path, "never-added")
    outcome = play.outcome
    assert outcome["ok"] is True
    assert outcome["states"] == [*UP_TO_WORK, *("reviewing", "working") * 2, "reviewing", "escalated"]
    assert (outcome["review_rounds"], outcome["gate"]) == (3, "FIX")
    assert play.statuses == ALL_GOOD | {"AC3": "failed", "AC4": "failed"}
    (escalation,) = outcome["escalations"]
    assert (escalation["cause"], escalation["decided"]) == ("rounds", None)
    assert "AC3 does not hold" in escalation["situation"]
    assert "Not fixed after all rounds" in play.words["escalation:1"]
    assert {"review:1", "review:2", "review:3", "escalation:1"} < set(play.posts)
    assert set(play.posts.values()) == {1}
    assert nothing_delivered(play)
    assert await_git(play.remote, "for-each-ref", "--format=%(refname)", "refs/heads/greenlight") == ""


@pytest.mark.xdist_group("journey added-at-once")
def test_an_entry_that_is_there_at_once_takes_one_round(tmp_path: Path) -> None:
    play = played(tmp_path, "added-at-once")
    outcome = play.outcome
    assert outcome["ok"] is True
    assert outcome["states"] == [*UP_TO_WORK, "reviewing", "delivering", "delivered", "done"]
    assert (outcome["review_rounds"], outcome["gate"]) == (1, "PASS")
    assert play.statuses == ALL_GOOD
    assert "review:2" not in play.posts
    assert [record.content.commit for record in play.records] == [outcome["commit"]]


@pytest.mark.xdist_group("journey lying-report")
def test_what_a_report_claims_falsely_is_shown_unverified(tmp_path: Path) -> None:
    play = played(tmp_path, "lying-report")
    assert play.outcome["ok"] is True
    assert play.statuses == ALL_GOOD
    claims = (
        "The entries stand in a file that nobody wrote.",
        "make no-such-target passes",
        "The pipeline ran on the cluster",
    )
    card = next(words for key, words in play.seen if key == "delivery:1")
    shown = card[card.index("Claimed, but not verified") :]
    body = play.records[0].content.body
    for claim in claims:
        assert claim in shown
        assert re.search(rf"\*\*unverified\*\*: {re.escape(claim)}", body), claim
    assert body.count("**unverified**") == len(claims)
    assert "Claimed, but not verified" not in play.words["review:2"]


@pytest.mark.long
@pytest.mark.xdist_group("journey makefile-true")
def test_a_makefile_that_makes_every_check_green_passes_none(tmp_path: Path) -> None:
    play = played(tmp_path, "makefile-true", real_checks=True)
    outcome = play.outcome
    assert outcome["ok"] is True
    assert outcome["states"] == [*UP_TO_WORK, "escalated", "working", "reviewing", "escalated"]
    assert (outcome["review_rounds"], outcome["gate"]) == (1, "ESCALATE")
    assert play.statuses == ALL_GOOD | {"AC8": "not checked", "AC10": "not checked"}
    assert (
        "green only together with changes outside the approved artifacts" in play.criterion("AC8")["evidence"]
    )
    assert [(e["cause"], e["decided"]) for e in outcome["escalations"]] == [
        ("outside", "keep_outside"),
        ("unsettled", None),
    ]
    assert "Makefile" in play.words["escalation:1"]
    assert "AC8" in play.words["escalation:2"]
    assert nothing_delivered(play)
    assert await_git(play.remote, "for-each-ref", "--format=%(refname)", "refs/heads/greenlight") == ""


def nothing_delivered(play: Played) -> bool:
    """No branch, commit or pull request, in the outcome as in the forge."""
    named = [play.outcome[key] for key in ("branch", "commit", "pull_request")]
    return named == [None, None, None] and play.records == () and "delivery:1" not in play.posts


def await_git(directory: Path, *arguments: str) -> str:
    """Git, for tests that are not async because the play has its own loop."""
    return asyncio.run(git(directory, *arguments))
