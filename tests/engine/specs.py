"""Specs, plans and reviews for the tests of what is decided about them."""

from engine.events import CheckResult, Ran
from engine.lint import Base
from engine.schemas import (
    Criterion,
    Finding,
    Judgement,
    Option,
    PlannedTask,
    Question,
    Review,
    SettledBy,
    Severity,
    SpecDraft,
    SuccessCriterion,
)
from engine.settings import CheckSettings

COMMIT = "c" * 40
BASE_COMMIT = "b" * 40
REVIEWER = "production-code-reviewer"
SQL = "src/amp_metrics_incremental/conversation_resolution_time.sql"
PIPELINE = "resources/amp_metrics_incremental.yml"
RULES = "src/amp_metrics_incremental/dqx_conversation_resolution.yml"
PAGE = "docs/models/amp_metrics_incremental/conversation_resolution_time.md"

FILES = {
    PIPELINE: "libraries:\n  - file: {path: ../src/conversation_message_counts.sql}\n",
    "Makefile": "test:\n\ttrue\n",
    "src/amp_metrics_incremental/conversation_message_counts.sql": "SELECT 1\n",
    "test/test_pipelines.py": "import unittest\n",
}
CHECKS = {
    "tests": CheckSettings(argv=("make", "test"), about="tests"),
    "lint-sql": CheckSettings(argv=("make", "lint-sql"), about="SQL style"),
    "check-quality": CheckSettings(argv=("make", "check-quality"), about="data-quality rules (DQX)"),
}
FACTS = Base(files=frozenset(FILES), text=FILES.get, checks=CHECKS, reviewers=(REVIEWER,))

CRITERIA = (
    Criterion(id="AC1", text=f"SQL file: {SQL}", settled_by=SettledBy.FILE, path=SQL),
    Criterion(
        id="AC2",
        text="Pipeline config updated: the library entry for the new SQL file",
        settled_by=SettledBy.TEXT,
        path=PIPELINE,
        literal="conversation_resolution_time.sql",
    ),
    Criterion(id="AC3", text=f"DQX checks: {RULES}", settled_by=SettledBy.FILE, path=RULES),
    Criterion(id="AC4", text=f"Documentation: {PAGE}", settled_by=SettledBy.FILE, path=PAGE),
    Criterion(id="AC5", text="Tests pass: make test", settled_by=SettledBy.CHECK, check="tests"),
    Criterion(id="AC6", text="Linting clean: make lint-sql", settled_by=SettledBy.CHECK, check="lint-sql"),
    Criterion(
        id="AC7",
        text="The self-join follows the Activity Schema",
        settled_by=SettledBy.JUDGED,
        reviewer=REVIEWER,
    ),
    Criterion(
        id="AC8",
        text="The job runs in under 20 minutes",
        settled_by=SettledBy.ATTESTED,
        who="Dana",
        how="the job's run page",
        when="the first nightly run after the merge",
    ),
)
DRAFT = SpecDraft(
    title="Conversation resolution time",
    problem="Nobody sees how long it takes\nfrom conversation start to conversation.closed.",
    success_criteria=(
        SuccessCriterion(text="Base table with per-conversation resolution time", criteria=("AC1", "AC2")),
        SuccessCriterion(text="DQX checks validate data quality", criteria=("AC3",)),
        SuccessCriterion(text="Documentation in docs/models/amp_metrics_incremental/", criteria=("AC4",)),
        SuccessCriterion(text="Linting passes", criteria=("AC6",)),
    ),
    approach=("Self-join amp_all_events_v2 on conversation_id",),
    upstream=("bronze.amp_all_events_v2",),
    downstream=("AMP Billing dashboard",),
    data_quality=("No null resolution times",),
    criteria=CRITERIA,
    artifacts=(SQL, PIPELINE, RULES, PAGE),
    in_scope=("The base table",),
    out_of_scope=("Dashboards",),
    assumptions=(),
    branch="conversation-resolution-time",
    commit_subject="feat(DPA-123): Add conversation resolution time",
)


def changed(**fields: object) -> SpecDraft:
    """The draft with other fields, validated like a model's answer."""
    return SpecDraft.model_validate(DRAFT.model_dump() | fields)


def with_criterion(number: int, **fields: object) -> SpecDraft:
    """The draft with fields of criterion AC`number` replaced."""
    criteria = list(CRITERIA)
    criteria[number - 1] = Criterion.model_validate(criteria[number - 1].model_dump() | fields)
    return changed(criteria=criteria)


def result(check: str, where: Ran, exit_code: int | None = 0, **fields: object) -> CheckResult:
    """One execution of a check."""
    values = {
        "check": check,
        "where": where,
        "commit": BASE_COMMIT if where is Ran.BASE else COMMIT,
        "argv": CHECKS[check].argv,
        "exit_code": exit_code,
        "ended": "exit",
        "output_tail": "one\ntwo\nthe last line",
        "digest": "0" * 64,
        "duration_s": 0.5,
    }
    return CheckResult.model_validate(values | fields)


def finding(severity: Severity = Severity.MAJOR, **fields: object) -> Finding:
    """A finding of a reviewer about the pipeline's file."""
    values = {
        "severity": severity,
        "criterion": "AC2",
        "title": "Missing library entry",
        "path": PIPELINE,
        "line": 1,
        "quote": "libraries:",
        "expected": "Library entry for new SQL file",
        "actual": "File not referenced in pipeline",
        "fix": "Add to libraries section",
    }
    return Finding.model_validate(values | fields)


def finding_with(fields: dict[str, object]) -> Finding:
    """A major finding with other fields."""
    return Finding.model_validate(finding().model_dump() | fields)


def review(*findings: Finding, commit: str = COMMIT, judgements: tuple[Judgement, ...] = ()) -> Review:
    """A review with these findings."""
    return Review(commit=commit, summary="Looked at", passed=(), findings=findings, judgements=judgements)


def task(name: str, *depends_on: str, agent: str = "writer", **fields: object) -> PlannedTask:
    """A planned task."""
    values = {
        "id": name,
        "agent": agent,
        "objective": "Do it",
        "returns": ("a report",),
        "boundaries": (),
        "effort": "short",
        "tier": "haiku",
        "depends_on": depends_on,
    }
    return PlannedTask.model_validate(values | fields)


def question(*labels: str, multi: bool = False, header: str = "Scope", recommended: int = 0) -> Question:
    """A question with these options."""
    options = tuple(Option(label=label, description="what it costs") for label in labels)
    return Question(header=header, text="Which?", multi=multi, options=options, recommended=recommended)
