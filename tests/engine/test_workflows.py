"""Which workflows would run because of us with more than reading rights: in doubt, they would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.workflows import MOST_BYTES, looked_at, would_run

PATH = ".github/workflows/ci.yml"
BRANCH = "greenlight/a-metric-0a1b2c"
HARMLESS = "jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make test\n"
SECRET = HARMLESS + "      - run: deploy\n        env:\n          T: ${{ secrets.TOKEN }}\n"


def read(text: str, branch: str = BRANCH, base: str = "main", *, default_writes: bool = False) -> str:
    found = would_run(PATH, text.encode(), branch, base, default_writes=default_writes)
    return "; ".join((*found.on, *found.why)) if found else ""


@pytest.mark.parametrize(
    ("on", "runs"),
    [
        ("push", True),
        ("[push, pull_request]", True),
        ("{push: }", True),
        ("{push: {branches: [main]}}", False),
        ("{push: {branches: main}}", False),
        ("{push: {branches: ['*']}}", False),
        ("{push: {branches: ['**']}}", True),
        ("{push: {branches: ['greenlight/*']}}", True),
        ("{push: {branches: ['greenlight/**', '!greenlight/a-*']}}", False),
        ("{push: {branches: ['!greenlight/**', '**']}}", True),
        ("{push: {branches: ['release/**', 'gre?enlight/*']}}", True),
        ("{push: {branches: ['[a-h]reenlight/*']}}", True),
        ("{push: {branches-ignore: [main]}}", True),
        ("{push: {branches-ignore: ['greenlight/**']}}", False),
        ("{push: {tags: ['v*']}}", False),
        ("{push: {tags: ['v*'], branches: ['**']}}", True),
        ("{push: {paths: ['docs/**']}}", True),
        ("pull_request", True),
        ("{pull_request: {branches: [main]}}", True),
        ("{pull_request: {branches: [release]}}", False),
        ("{pull_request: {types: [labeled]}}", True),
        ("{pull_request: {branches-ignore: [main]}}", False),
        ("pull_request_target", True),
        ("{workflow_run: {workflows: [CI]}}", True),
        ("issue_comment", True),
        ("create", True),
        ("workflow_dispatch", False),
        ("{schedule: [{cron: '0 0 * * *'}]}", False),
        ("{release: {types: [published]}}", False),
        ("workflow_call", False),
    ],
)
def test_when_it_runs(on: str, runs: bool) -> None:
    assert bool(read(f"on: {on}\n{SECRET}")) is runs
    assert bool(read(f'"on": {on}\n{SECRET}')) is runs


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SECRET, "uses secrets"),
        (HARMLESS + "      - run: ${{ toJSON(secrets) }}\n", "uses secrets"),
        (HARMLESS + "      - run: ${{ secrets['TOKEN'] }}\n", "uses secrets"),
        (HARMLESS + '      - run: "${{ s\\u0065crets.TOKEN }}"\n', "uses secrets"),
        (HARMLESS + "      - run: ${{ secrets.GITHUB_TOKEN }}${{ SECRETS.X }}\n", "uses secrets"),
        ("jobs: {a: {uses: o/r/.github/workflows/x.yml@v1, secrets: inherit}}", "hands secrets"),
        ("permissions: write-all\n" + HARMLESS, "write to the repository"),
        ("permissions: {contents: write}\n" + HARMLESS, "write to the repository"),
        ("jobs: {a: {runs-on: x, permissions: {id-token: write}}}", "id-token"),
        ("jobs: {a: {runs-on: [self-hosted, linux]}}", "machines of your own"),
        ("jobs: {a: {runs-on: {group: big}}}", "machines of your own"),
        ("jobs: {a: {runs-on: gpu-box}}", "machines of your own"),
        ("jobs: {a: {runs-on: ['${{ vars.RUNNER }}']}}", "machines of your own"),
        ("jobs: {a: {runs-on: '${{ matrix.os }}'}}", "machines of your own"),
        (
            "jobs: {a: {runs-on: '${{ matrix.os }}', strategy: {matrix: {os: [macos-15, gpu-box]}}}}",
            "machines of your own",
        ),
        (
            "jobs: {a: {runs-on: '${{ matrix.os }}', strategy: {matrix: {include: [{os: gpu-box}]}}}}",
            "machines of your own",
        ),
        ("jobs: {a: {runs-on: x, environment: production}}", "environment"),
    ],
)
def test_what_it_has_beyond_reading(text: str, why: str) -> None:
    assert why in read(f"on: push\n{text}")
    assert read(f"on: workflow_dispatch\n{text}") == ""


@pytest.mark.parametrize(
    "text",
    [
        HARMLESS,
        "permissions: {contents: read}\n" + HARMLESS,
        "permissions: {}\n" + HARMLESS,
        HARMLESS + "      - run: ${{ secrets.GITHUB_TOKEN }}\n",
        HARMLESS + "      - run: echo secrets\n",
        "jobs: {a: {runs-on: '${{ matrix.os }}', strategy: {matrix: {os: [ubuntu-24.04-arm, macos-15]}}}}",
        "jobs: {a: {runs-on: [windows-2025]}, b: {uses: ./.github/workflows/x.yml}}",
    ],
)
def test_an_ordinary_check_needs_nobodys_approval(text: str) -> None:
    assert read(f"on: [push, pull_request]\n{text}") == ""


@pytest.mark.parametrize(
    ("text", "sets"),
    [
        (HARMLESS, False),
        ("permissions: {contents: read}\n" + HARMLESS, True),
        ("permissions: {}\n" + HARMLESS, True),
        ("jobs: {a: {runs-on: ubuntu-latest, permissions: {}}}", True),
        ("jobs: {a: {runs-on: ubuntu-latest, permissions: {}}, b: {runs-on: ubuntu-latest}}", False),
        ("jobs: {}", False),
    ],
)
def test_without_permissions_it_has_the_default_ones(text: str, sets: bool) -> None:
    assert ("default ones" in read(f"on: push\n{text}", default_writes=True)) is not sets
    assert read(f"on: push\n{text}") == ""


def test_what_runs_for_us_with_the_bases_rights_always_counts() -> None:
    assert "base branch's rights" in read(f"on: pull_request_target\n{HARMLESS}")
    assert "base branch's rights" in read(f"on: {{workflow_run: {{workflows: [x]}}}}\n{HARMLESS}")


LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\xff\xfe",
        b"on: [push\n",
        b"- a\n- b\n",
        b"jobs: {}\n",
        b"on: 7\n",
        b"on: !!python/object/apply:os.system [x]\n",
        b"on: push\n" + b"#" * MOST_BYTES,
        b"on: " + b"[" * 5000,
        b"a: &a {b: *a}\non: push\n--- x\n",
        b"on: {push: {branches: {a: &x [*x]}}}\n---\n",
        b"on: {push: {branches: ['" + b"**a" * 40 + b"']}}\n",
        b"on: {push: {branches: ['+']}}\n",
    ],
)
def test_what_cannot_be_read_counts(content: bytes | None) -> None:
    found = would_run(PATH, content, BRANCH, "main")
    assert found is not None
    assert "cannot be read" in found.why[0]


def test_many_references_to_one_part_take_no_time() -> None:
    assert read(LAUGHS + f"on: push\n{SECRET}") == "push; it uses secrets"


@pytest.mark.parametrize(
    "path",
    [
        "Jenkinsfile",
        ".gitlab-ci.yml",
        ".circleci/config.yml",
        "azure-pipelines.yml",
        ".travis.yml",
        ".drone.yml",
    ],
)
def test_other_systems_count_whatever_they_say(path: str) -> None:
    assert looked_at(path)
    found = would_run(path, b"anything", BRANCH, "main")
    assert found is not None
    assert "may run it" in found.why[0]


def test_other_files_are_not_looked_at() -> None:
    for path in (
        *("README.md", ".github/CODEOWNERS", "src/ci.yml", ".github/workflows/deep/x.yml"),
        "docs/Jenkinsfile-howto.md",
    ):
        assert not looked_at(path)


@given(st.text(max_size=80), st.binary(max_size=60))
def test_nothing_breaks_it(text: str, data: bytes) -> None:
    for content in (
        text.encode("utf-8", "replace"),
        data,
        f"on: {{push: {{branches: ['{text}']}}}}".encode("utf-8", "replace"),
    ):
        found = would_run(PATH, content, BRANCH, "main")
        assert found is None or found.why, "what counts says why"
