"""`greenlight show` and `greenlight agents`, as they are called."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.playground import sample_repository
from engine.errors import ConfigurationInvalid
from engine.inspecting import requests, seats, story
from engine.settings import RepositorySettings
from engine.store.migrations import migrate, newest


def greenlight(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


async def test_agents_lists_what_a_repository_gets_and_from_where(tmp_path: Path) -> None:
    await sample_repository.create(tmp_path / "remote.git")
    config = tmp_path / "greenlight.toml"
    config.write_text(f'[[repositories]]\nname = "data-platform"\nremote = "{tmp_path}/remote.git"\n')

    listed = greenlight("agents", "--config", str(config), "--repository", "data-platform")

    assert listed.returncode == 0, listed.stderr
    assert "data-platform, at commit " in listed.stdout
    assert (
        "docs-writer  [added by .claude/agents/docs-writer.md]\n"
        "  changes files, tier haiku; tools: list, read, search, edit, write\n"
    ) in listed.stdout
    assert "production-code-reviewer  [built-in]\n  reviews, " in listed.stdout
    unknown = greenlight("agents", "--config", str(config), "--repository", "other")
    assert unknown.returncode == 2
    assert "configured: data-platform" in unknown.stderr


async def test_what_a_repository_cannot_change_is_listed_with_the_reason(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    agents = folder / ".claude" / "agents"
    agents.mkdir(parents=True)
    (agents / "mine.md").write_text(
        "---\nname: codebase-analyzer\ndescription: d\ntools: Read\n---\nBe short.\n"
    )
    (agents / "review.md").write_text("---\nname: production-code-reviewer\ndescription: d\n---\nPass.\n")
    (agents / "broken.md").write_text("no front matter\n")
    for command in (
        ["init", "-qb", "main"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "c"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)

    found = await seats(RepositorySettings(name="r", remote=str(folder)))

    narrowed = next(seat for seat in found.seats if seat.name == "codebase-analyzer")
    assert (narrowed.source.value, narrowed.tools) == ("narrowed", ("read",))
    assert [line.partition(" is left out: ")[0] for line in found.left_out] == [
        ".claude/agents/broken.md",
        ".claude/agents/review.md",
    ]


def test_show_says_what_is_wrong_with_what_it_was_given(tmp_path: Path) -> None:
    nothing = greenlight("show", "--state", str(tmp_path))
    assert (nothing.returncode, "no bot has kept its state there" in nothing.stderr) == (2, True)
    uncounted = greenlight("stats", "--state", str(tmp_path), "--since", "2026-11-01")
    assert (uncounted.returncode, "no bot has kept its state there" in uncounted.stderr) == (2, True)
    sqlite3.connect(tmp_path / "greenlight.db").close()
    foreign = greenlight("show", "T1", "--state", str(tmp_path))
    assert (foreign.returncode, "cannot be read" in foreign.stderr) == (2, True)
    no_link = greenlight("show", "https://[T1", "--state", str(tmp_path))
    assert (no_link.returncode, "Traceback" in no_link.stderr) == (2, False)


@pytest.mark.parametrize(("version", "age"), [("0003", "older"), ("9999", "newer")])
def test_a_record_of_another_version_is_told_as_that(tmp_path: Path, version: str, age: str) -> None:
    database = sa.create_engine(f"sqlite:///{tmp_path}/greenlight.db")
    migrate(database, min(version, newest()))
    with database.begin() as c:
        c.execute(sa.text("UPDATE gl_alembic_version SET version_num = :version"), {"version": version})
    database.dispose()

    for command in (["show"], ["show", "T1"], ["stats"]):
        told = greenlight(*command, "--state", str(tmp_path))
        assert (told.returncode, told.stdout) == (2, "")
        assert f"was written by a{'n' if age == 'older' else ''} {age} Greenlight" in told.stderr
        assert ("greenlight run" in told.stderr) == (age == "older")
        assert "Traceback" not in told.stderr


async def test_reading_never_makes_a_record(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid):
        await requests(tmp_path)
    with pytest.raises(ConfigurationInvalid):
        await story(tmp_path, "T1")
    assert list(tmp_path.iterdir()) == []
