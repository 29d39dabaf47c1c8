import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from bot.playground import sample_repository
from engine.errors import ConfigurationInvalid

pytest.importorskip("duckdb", reason="the sample repository's checks need duckdb")
pytest.importorskip("sqlfluff", reason="the sample repository's checks need sqlfluff")

SCENARIO = Path(sample_repository.__file__).with_name("scenarios") / "conversation-resolution-time"
LINT = pytest.param("lint-sql", marks=pytest.mark.long)
EVENTS = "test/data/amp_all_events_v2.csv"
RESOURCE = "resources/amp_metrics_incremental.yml"
RESPONSE = "bronze.conversation_first_response_time"
RESOLUTION = "src/amp_metrics_incremental/conversation_resolution_time.sql"


def git(repository: Path, *arguments: str) -> str:
    command = ["git", f"--git-dir={repository}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def make(tree: Path, target: str) -> subprocess.CompletedProcess[str]:
    """Run a check as a sandbox does: no home, no git, no network needed, nothing of our environment."""
    interpreter = Path(sys.executable).parent
    environment = {"PATH": f"{interpreter}:/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        ["make", target],
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The sample repository's tree."""
    ignore = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(sample_repository.FILES, tmp_path / "tree", ignore=ignore))


@pytest.fixture
def first_round(base: Path) -> Path:
    """The base with the scenario's files as the first round leaves them."""
    before = (base / RESOURCE).read_text(encoding="utf-8")
    shutil.copytree(SCENARIO / "files", base, dirs_exist_ok=True)
    (base / RESOURCE).write_text(before, encoding="utf-8")
    for edit in edits("first_round"):
        replace(base / edit["path"], edit["old"], edit["new"])
    return base


@pytest.fixture
def fixed(first_round: Path) -> Path:
    """The first round with the fix."""
    for edit in edits("fix"):
        replace(first_round / edit["path"], edit["old"], edit["new"])
    return first_round


def edits(stage: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = yaml.safe_load((SCENARIO / "edit.yml").read_text(encoding="utf-8"))[stage]
    return found


def tree_files(tree: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(tree.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(tree).as_posix(), path.read_bytes()


# ---------------------------------------------------------------- the repository


async def test_every_machine_makes_the_same_commits(tmp_path: Path) -> None:
    heads = [await sample_repository.create(tmp_path / name / "remote.git") for name in ("a", "b")]

    assert heads[0] == heads[1]
    assert git(tmp_path / "a" / "remote.git", "rev-parse", "refs/heads/main").strip() == heads[0]


async def test_its_newest_tree_is_the_sample(tmp_path: Path) -> None:
    await sample_repository.create(tmp_path / "remote.git")

    subprocess.run(["git", "clone", "-q", tmp_path / "remote.git", tmp_path / "clone"], check=True)
    shutil.rmtree(tmp_path / "clone" / ".git")

    assert dict(tree_files(tmp_path / "clone")) == dict(tree_files(sample_repository.FILES))


async def test_its_history_is_several_peoples_over_months(tmp_path: Path) -> None:
    await sample_repository.create(tmp_path / "remote.git")

    log = git(tmp_path / "remote.git", "log", "--reverse", "--format=%an|%aI|%s", "main").splitlines()
    authors, dates, subjects = zip(*(line.split("|", 2) for line in log), strict=True)
    assert 8 <= len(log) <= 16
    assert len(set(authors)) >= 3
    assert list(dates) == sorted(dates)
    assert {datetime.fromisoformat(date).year for date in dates} == {2026}
    assert all("(DPA-" in subject for subject in subjects)
    assert git(tmp_path / "remote.git", "fsck", "--strict") == ""


async def test_what_was_pushed_survives_a_restart(tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    head = await sample_repository.create(remote)
    git(remote, "update-ref", "refs/heads/feat-DPA-1", head)

    assert await sample_repository.create(remote) == head
    assert git(remote, "rev-parse", "refs/heads/feat-DPA-1").strip() == head


async def test_something_else_in_its_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep", encoding="utf-8")

    with pytest.raises(ConfigurationInvalid, match="not the sample repository"):
        await sample_repository.create(tmp_path / "mine")

    assert [path.relative_to(tmp_path) for path in sorted(tmp_path.rglob("*"))] == [
        Path("mine"),
        Path("mine/notes.txt"),
    ]


# ---------------------------------------------------------------- its checks


@pytest.mark.parametrize("target", ["test", "check-quality"])  # the linter reads these files below as well
def test_checks_are_green(base: Path, target: str) -> None:
    result = make(base, target)

    assert result.returncode == 0, result.stdout
    assert not list(base.rglob("__pycache__"))


def test_a_broken_model_fails_the_tests_by_name(base: Path) -> None:
    replace(
        base / "src/product_usage/active_users_daily.sql",
        "FROM bronze.amp_all_events_v2",
        "FROM bronze.no_such",
    )

    result = make(base, "test")

    assert result.returncode != 0
    assert "product_usage/active_users_daily.sql cannot be built" in result.stdout


def test_a_wrong_result_fails_the_tests(base: Path) -> None:
    replace(base / "src/amp_metrics_incremental/conversation_first_response_time.sql", "/ 60.0", "/ 61.0")

    assert make(base, "test").returncode != 0


def test_a_listed_file_that_is_missing_fails_the_tests(base: Path) -> None:
    (base / "src/product_usage/active_users_daily.sql").unlink()

    result = make(base, "test")

    assert result.returncode != 0
    assert "no such file" in result.stdout


def test_bad_style_fails_the_linter(base: Path) -> None:
    replace(
        base / "src/product_usage/active_users_daily.sql",
        "COUNT(DISTINCT actor_id) AS",
        "count(distinct actor_id)  as",
    )

    result = make(base, "lint-sql")

    assert result.returncode != 0
    assert "active_users_daily.sql" in result.stdout


def test_a_planted_null_duration_fails_the_quality_check(base: Path) -> None:
    lines = (base / EVENTS).read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not (",conversation.started," in line and ",c-001," in line)]
    assert len(kept) == len(lines) - 1
    (base / EVENTS).write_text("".join(kept), encoding="utf-8")

    result = make(base, "check-quality")

    assert result.returncode != 0
    assert f"FAIL  rule first_response_minutes_is_not_null on {RESPONSE}: 1 of 18 rows" in result.stdout


def test_a_planted_negative_duration_fails_the_quality_check(base: Path) -> None:
    replace(
        base / EVENTS, "conversation.started,2026-01-01 08:05:00", "conversation.started,2026-01-01 23:05:00"
    )

    result = make(base, "check-quality")

    assert result.returncode != 0
    expected = (
        "FAIL  rule first_response_after_start on bronze.conversation_first_response_time: 1 of 18 rows"
    )
    assert expected in result.stdout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("function: is_in_list", "function: looks_nice", "unknown function looks_nice"),
        (
            "column: feature",
            "column: colour",
            "feature_is_known on bronze.feature_usage_daily cannot be executed",
        ),
        ("model: feature_usage_daily.sql", "model: gone.sql", "there is no gone.sql"),
        ("table: bronze.feature_usage_daily", "table: bronze.other", "does not create bronze.other"),
        ("allowed: [inbox, macros, reports, automations]", "", "allowed is missing"),
        ("checks:\n", "checks: []\nothers:\n", "there are no checks"),
        ("checks:\n", "checks: {\n", "is not YAML"),
    ],
)
def test_rules_that_cannot_be_executed_fail_the_quality_check(
    base: Path, old: str, new: str, said: str
) -> None:
    replace(base / "src/product_usage/dqx_feature_usage_daily.yml", old, new)

    result = make(base, "check-quality")

    assert result.returncode != 0
    assert said in result.stdout


def test_a_file_that_creates_no_table_is_named(base: Path) -> None:
    replace(base / "src/product_usage/feature_usage_daily.sql", "CREATE OR REPLACE TABLE", "CREATE TABLE")

    for target in ("test", "check-quality"):
        result = make(base, target)
        assert result.returncode != 0
        assert "product_usage/feature_usage_daily.sql: no CREATE OR REPLACE TABLE or VIEW" in result.stdout


# ---------------------------------------------------------------- people's branches

CHURN = ("feat-DPA-456-churn-model", "feat-DPA-456-churn-draft")


@pytest.fixture
def on_branch(base: Path, request: pytest.FixtureRequest) -> Path:
    """The base with a branch's files."""
    return Path(shutil.copytree(sample_repository.BRANCH_FILES / request.param, base, dirs_exist_ok=True))


async def test_branches_begin_where_main_ends(tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    head = await sample_repository.create(remote)

    names = git(remote, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    assert set(names) == {"main", *CHURN}
    for name in CHURN:
        assert git(remote, "merge-base", "main", name).strip() == head
        changed = git(remote, "diff", "--name-only", "main", name).splitlines()
        assert changed == [path for path, _ in tree_files(sample_repository.BRANCH_FILES / name)]


@pytest.mark.long
@pytest.mark.parametrize("on_branch", CHURN, indirect=True)
@pytest.mark.parametrize("target", ["test", LINT, "check-quality"])
def test_checks_are_green_on_the_branches(on_branch: Path, target: str) -> None:
    result = make(on_branch, target)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("on_branch", [CHURN[1]], indirect=True)
def test_the_draft_gives_tenants_the_numbers_of_others(on_branch: Path) -> None:
    """No check of its branch finds it; the finished branch's test does."""
    own = "test/product_usage/test_churn_prediction.py"
    shutil.copyfile(sample_repository.BRANCH_FILES / CHURN[0] / own, on_branch / own)

    result = make(on_branch, "test")

    assert result.returncode != 0
    assert "test_uses_and_conversations_are_the_tenants_own" in result.stdout


# ---------------------------------------------------------------- the scenario's files over it


@pytest.mark.parametrize("target", ["test", LINT, "check-quality"])
def test_no_check_notices_that_the_library_entry_is_missing(first_round: Path, target: str) -> None:
    assert "conversation_resolution_time.sql" not in (first_round / RESOURCE).read_text(encoding="utf-8")

    result = make(first_round, target)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("target", ["test", "check-quality"])  # the linter does not read what changed
def test_checks_are_green_with_the_library_entry(fixed: Path, target: str) -> None:
    result = make(fixed, target)

    assert result.returncode == 0, result.stdout


def test_the_fix_leads_to_the_complete_files(fixed: Path) -> None:
    written = dict(tree_files(fixed))

    for path, content in tree_files(SCENARIO / "files"):
        assert written[path] == content


def test_the_new_metric_is_built_only_once_it_is_listed(fixed: Path) -> None:
    replace(fixed / RESOLUTION, "FROM last_closed", "FROM no_such")

    result = make(fixed, "test")

    assert result.returncode != 0
    assert "conversation_resolution_time.sql cannot be built" in result.stdout


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        (
            "conversation.started,2026-01-04 11:30:00",
            "conversation.begun,2026-01-04 11:30:00",
            ["resolution_minutes_is_not_null", "every_conversation_has_a_start_event"],
        ),
        (
            "conversation.started,2026-01-04 11:30:00",
            "conversation.started,2026-01-04 21:30:00",
            ["resolution_after_start"],
        ),
    ],
)
def test_bad_data_of_the_new_metric_is_found(first_round: Path, old: str, new: str, rules: list[str]) -> None:
    replace(first_round / EVENTS, old, new)

    result = make(first_round, "check-quality")

    assert result.returncode != 0
    failed = [line for line in result.stdout.splitlines() if line.startswith("FAIL")]
    assert failed == [
        f"FAIL  rule {rule} on bronze.conversation_resolution_time: 1 of 18 rows violate it" for rule in rules
    ]


def test_the_resolution_is_the_last_closing(fixed: Path) -> None:
    program = """
from harness import warehouse
tables = warehouse.open_warehouse()
warehouse.build_listed(tables)
print(warehouse.rows(tables, '''
    SELECT CAST(resolution_minutes AS DOUBLE) FROM bronze.conversation_resolution_time
    WHERE conversation_id IN ('c-001', 'c-004') ORDER BY conversation_id'''))
print(warehouse.rows(tables, '''
    SELECT resolved_conversations, avg_resolution_minutes FROM silver.conversation_resolution_time_daily
    WHERE tenant_id = 't-globex' AND CAST(resolved_on AS VARCHAR) = '2026-01-01' '''))
"""
    ran = subprocess.run(
        [sys.executable, "-B", "-c", program], cwd=fixed, capture_output=True, text=True, check=True
    )

    assert ran.stdout == "[(35.0,), (300.0,)]\n[(2, 69.0)]\n"
