from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.lint import lint
from engine.paths import artifact_problems
from engine.relative_paths import path_problem
from engine.schemas import SpecDraft
from tests.engine.specs import (
    CHECKS,
    CRITERIA,
    DRAFT,
    FACTS,
    FILES,
    PIPELINE,
    REVIEWER,
    SQL,
    changed,
    with_criterion,
)

PARTS = ["..", ".", "", "src", "Makefile", ".git", "x.sql", "~", "*", " ", "a\\b", "conftest.py"]
NONE = dict.fromkeys(("check", "path", "literal", "reviewer", "who", "how", "when"))


def said(draft: SpecDraft) -> str:
    return "\n".join(lint(draft, FACTS))


def test_a_good_spec_has_nothing_to_repair() -> None:
    assert lint(DRAFT, FACTS) == ()


@pytest.mark.parametrize(
    ("number", "fields", "sentence"),
    [
        (5, {"check": None}, "AC5 is settled by check and needs check"),
        (5, {"check": " "}, "needs check"),
        (5, {"check": "lint"}, "no check 'lint'; known are check-quality, lint-sql, tests"),
        (5, {"path": SQL}, "leave out path"),
        (1, {"path": None}, "AC1 is settled by file and needs path"),
        (2, {"literal": ""}, "AC2 is settled by text and needs literal"),
        (7, {"reviewer": None}, "needs reviewer"),
        (7, {"reviewer": "databricks-genius"}, f"known are {REVIEWER}"),
        (8, {"who": None, "when": ""}, "needs who and when"),
        (8, {"when": "as needed"}, "AC8, when: 'as needed'"),
        (2, {"literal": "yml"}, "match by accident"),
        (2, {"literal": "-----"}, "match by accident"),
        (2, {"literal": "SELECT"}, "match by accident"),
        (2, {"literal": " conversation_resolution_time"}, "without blanks around it"),
        (2, {"literal": "conversation_message_counts.sql"}, "AC2 is already true before the work"),
        (1, {"path": "test/test_pipelines.py"}, "AC1 is already true before the work"),
        (1, {"path": "src/elsewhere.sql"}, "is neither there nor an artifact"),
        (2, {"path": "test/test_pipelines.py"}, "is not among the artifacts"),
        (5, {"text": "No resolution time is null"}, "check 'tests' (tests) proves nothing about"),
        (7, {"text": "The code is robust"}, "'robust' cannot be measured"),
        (7, {"text": "Queries get faster"}, "'faster' cannot be measured"),
        (5, {"text": "Faster tests: make test"}, "'Faster' cannot be measured"),
        (7, {"text": "It works"}, "names no outcome"),
        (2, {"id": "AC3"}, "numbered in order"),
    ],
)
def test_a_criterion_that_cannot_stand_is_refused_by_name(
    number: int, fields: dict[str, object], sentence: str
) -> None:
    assert sentence in said(with_criterion(number, **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "Linting clean: make lint-sql", **NONE, "settled_by": "check", "check": "lint-sql"},
        {"text": "SQL is linted", **NONE, "settled_by": "check", "check": "lint-sql"},
        {
            "text": "Null durations are caught by quality rules",
            **NONE,
            "settled_by": "check",
            "check": "check-quality",
        },
        {"text": "Queries get faster: at most 20 seconds for a day"},
        {"text": "Events land in `clean` and in cleaned_events"},
        {"text": "The event best_effort.closed ends a conversation"},
        {"text": "対応時間が表示される"},
    ],
)
def test_words_that_are_measured_are_left_alone(fields: dict[str, object]) -> None:
    assert lint(with_criterion(7, **fields), FACTS) == ()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"branch": "Feature/X"}, "Branch 'Feature/X'"),
        ({"branch": "a--b"}, "Branch"),
        ({"commit_subject": "feat: x\n\nCo-authored-by: y"}, "must be one line"),
        ({"commit_subject": "Co-authored-by: a person"}, "no trailers"),
        ({"commit_subject": "fix: closes #12"}, "no trailers"),
        ({"commit_subject": "feat: ask @dana"}, "no trailers"),
        ({"commit_subject": "feat: quiet [skip ci]"}, "no trailers"),
        ({"out_of_scope": ["the base  table."]}, "both in and out of scope"),
        ({"title": "Safe\u202etxt"}, "title holds U+202E (right-to-left override)"),
        ({"assumptions": ["a\u200bb"]}, "assumptions[0] holds U+200B"),
        ({"in_scope": ["one\ntwo"]}, "in_scope[0] holds a line break"),
        ({"problem": "a\x1b[2Jb"}, "problem holds U+001B"),
        ({"success_criteria": [{"text": "Table is there", "criteria": ["AC99"]}]}, "names 'AC99'"),
        (
            {"success_criteria": [{"text": "Better reports", "criteria": ["AC1"]}]},
            "'Better' cannot be measured",
        ),
        (
            {"criteria": [{**c.model_dump(), "id": f"AC{i + 1}"} for i, c in enumerate(CRITERIA * 2)]},
            "split the request",
        ),
        ({"artifacts": [f"src/{i}.sql" for i in range(21)]}, "split the request"),
    ],
)
def test_a_spec_that_people_should_not_see_is_refused(fields: dict[str, object], sentence: str) -> None:
    assert sentence in said(changed(**fields))


def test_something_must_be_false_before_the_work() -> None:
    settled = [{**c.model_dump(), "id": f"AC{i + 1}"} for i, c in enumerate(CRITERIA[4:])]
    draft = changed(criteria=settled, success_criteria=[{"text": "Tests pass", "criteria": ["AC1"]}])
    assert lint(draft, FACTS) == (
        "No criterion is known to be false before the work: add at least one that is settled by a file "
        "or a text that is not there yet.",
    )


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "~/x.sql", "../x.sql", "src/../Makefile", "./src/x.sql", "src//x.sql", "src/x/",
        "src\\x.sql", "C:/x.sql", "src/*.sql", "src/{a,b}.sql", "src/[ab].sql", " src/x.sql", "src/x.sql ",
        "src /x.sql", "src/\u00a0x.sql", "src", "src/amp_metrics_incremental", "Makefile/x", ".git/config",
        "src/.git/hooks/x", "Makefile", "GNUmakefile", "sub/makefile", "rules.mk", "conftest.py",
        "test/conftest.py", "pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml", ".sqlfluff",
        "sitecustomize.py", "usercustomize.py", "package.json", ".gitattributes", ".gitmodules",
        ".github/workflows/x.yml", ".gitlab-ci.yml", "CODEOWNERS", "docs/CODEOWNERS", "CLAUDE.md",
        "src/AGENTS.md", ".claude/agents/x.md", "unittest.py", "unittest/__init__.py", "pytest.py",
        "src/__pycache__/x.pyc", "x.pyc",
    ],
)  # fmt: skip
def test_no_spec_may_change_what_checks_git_or_agents_obey(path: str) -> None:
    found = lint(changed(artifacts=[*DRAFT.artifacts, path]), FACTS)
    assert len(found) == 1
    assert repr(path) in found[0]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("git~1/x", "git directories are off limits"),
        ("src/.g\u200bit/x", "git directories are off limits"),
        (f"{'é' * 128}.sql", "a part of it is too long"),
        ("/".join(["a"] * 33), "it is too long"),
        ("src/a\x7fb.sql", "it holds control characters"),
        ("src/\ud800.sql", "it is not valid UTF-8"),
        ("src/../x.sql", "it must not hold"),
    ],
)
def test_what_no_commit_takes_is_no_artifact(path: str, why: str) -> None:
    (found,) = artifact_problems((path,), FILES, [])
    assert found.startswith(f"Artifact {path!r} cannot be written: {why}")


@given(st.lists(st.text(max_size=6) | st.sampled_from(PARTS), min_size=1, max_size=40).map("/".join))
def test_every_artifact_that_may_be_listed_can_be_committed(path: str) -> None:
    assert artifact_problems((path,), FILES, []) or path_problem(path) is None


@pytest.mark.parametrize(
    "path", ["test/test_new.py", "docs/a page.md", ".gitignore", "src/random.py", "a-b.c/d_e"]
)
def test_ordinary_files_may_be_artifacts(path: str) -> None:
    assert lint(changed(artifacts=[*DRAFT.artifacts, path]), FACTS) == ()


def test_work_that_changes_dependencies_is_settled_by_no_check() -> None:
    facts = replace(FACTS, locks=("uv.lock", "package-lock.json"))
    draft = changed(artifacts=[*DRAFT.artifacts, "uv.lock"])
    (problem,) = lint(draft, facts)
    assert problem.startswith("uv.lock decides which dependencies are installed")
    assert "so AC5, AC6 cannot be settled" in problem
    assert lint(draft, FACTS) == ()
    assert lint(DRAFT, facts) == ()


@pytest.mark.parametrize(("path", "refused"), [("vendor/a.rb", True), ("vendor.txt", False)])
def test_what_is_prepared_is_no_artifact(path: str, refused: bool) -> None:
    found = lint(changed(artifacts=[*DRAFT.artifacts, path]), replace(FACTS, prepared=("vendor",)))
    assert found == (
        (f"{path!r} lies in vendor, which is made of the lock files and part of no commit.",) * refused
    )


def test_what_a_check_names_is_no_artifact() -> None:
    checks = CHECKS | {
        "quality": CHECKS["tests"].model_copy(update={"argv": ("python", "-m", "harness.quality")})
    }
    found = lint(changed(artifacts=[*DRAFT.artifacts, "harness/quality.py"]), replace(FACTS, checks=checks))
    assert [s for s in found if "harness/quality.py" in s]


@pytest.mark.parametrize("twin", [SQL, SQL.upper()])
def test_an_artifact_stands_once(twin: str) -> None:
    assert "listed twice" in said(changed(artifacts=[*DRAFT.artifacts, twin]))


WORDS = st.text(min_size=1, max_size=60)
MAYBE = st.none() | st.sampled_from(["tests", REVIEWER, PIPELINE, SQL, ""]) | WORDS
ANSWERS = st.fixed_dictionaries(
    {
        "criteria": st.lists(
            st.fixed_dictionaries(
                {
                    "id": st.sampled_from(["AC1", "AC2", "AC3"]),
                    "text": WORDS,
                    "settled_by": st.sampled_from(["check", "file", "text", "judged", "attested"]),
                    **dict.fromkeys(NONE, MAYBE),
                }
            ),
            min_size=1,
            max_size=4,
        ),
        "artifacts": st.lists(WORDS, min_size=1, max_size=4),
        "success_criteria": st.lists(
            st.fixed_dictionaries({"text": WORDS, "criteria": st.lists(WORDS, min_size=1, max_size=3)}),
            min_size=1,
            max_size=3,
        ),
        "branch": st.text(max_size=50),
        "commit_subject": WORDS,
        "in_scope": st.lists(WORDS, min_size=1, max_size=3),
        "out_of_scope": st.lists(WORDS, max_size=3),
    }
)


@given(ANSWERS)
def test_any_answer_gets_sentences_and_never_an_error(answer: dict[str, object]) -> None:
    try:
        draft = changed(**answer)
    except ValidationError:
        return
    assert all(sentence and "\n" not in sentence for sentence in lint(draft, FACTS))


@given(
    st.text(max_size=200),
    st.sampled_from(list("\u202a\u2066\u200d\ufeff\u00ad\u3164\ufe0f\x00")),
)
def test_no_invisible_character_gets_past(text: str, hidden: str) -> None:
    try:
        draft = changed(problem=f"{text}{hidden}")
    except ValidationError:
        return
    assert "problem holds" in said(draft)


@given(
    st.lists(
        st.sampled_from(PARTS),
        min_size=1,
        max_size=5,
    ).map("/".join)
)  # fmt: skip
def test_every_accepted_artifact_is_a_plain_relative_file(path: str) -> None:
    try:
        draft = changed(artifacts=[*DRAFT.artifacts, path])
    except ValidationError:
        return
    if lint(draft, FACTS) == ():
        parts = path.split("/")
        assert not path.startswith("~")
        assert not {"..", ".", "", "*", " ", "a\\b", ".git"} & set(parts)
        assert parts[-1] not in {"Makefile", "conftest.py"}
        assert not any(known.startswith(f"{path}/") for known in FILES)


@given(st.sampled_from(CRITERIA), st.sampled_from(["file", "text"]))
def test_what_is_true_at_base_is_never_accepted(criterion: object, kind: str) -> None:
    literal = "conversation_message_counts.sql" if kind == "text" else None
    draft = with_criterion(
        7,
        **NONE | {"settled_by": kind, "path": PIPELINE, "literal": literal},
        text=getattr(criterion, "text"),  # noqa: B009
    )
    assert "already true before the work" in said(draft)


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("src/amp/json.py", True),
        ("tests/unittest.py", True),
        ("src/package/types.py", False),
        ("src/amp/queue_depth.py", False),
        ("scripts/lint.sh", True),
        ("yaml/__init__.py", True),
        ("yaml.py", True),
        ("src/yaml/loader.py", True),
        ("src/package/yaml.py", False),
        ("docs/conf.py", False),
        ("src/jest.config.ts", True),
        ("vitest.config.mjs", True),
        ("web/tsconfig.build.json", True),
        ("tsconfig.json", True),
        ("lib/CMakeLists.txt", True),
        ("app/build.gradle.kts", True),
        ("pom.xml", True),
        ("build.rs", True),
        (".envrc", True),
        ("src/jest_config.py", False),
        ("src/builder.rs", False),
    ],
)
def test_files_beside_scripts_and_in_shell_commands_bend_no_check(path: str, refused: bool) -> None:
    files = {"src/amp/apply.py", "src/package/__init__.py", "tests/test_a.py", "scripts/lint.sh"}
    commands = [("sh", "-c", "make test && ./scripts/lint.sh")]
    assert bool(artifact_problems((path,), files, commands, {"yaml", "docs"})) is refused
