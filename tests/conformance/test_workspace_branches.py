"""Branches that hold others' work: found, fetched, and told against the base."""

from pathlib import Path

from engine.adapters.git_workspace import GitWorkspace
from engine.ports import Workspace
from tests.conformance.test_workspace import at, commit_all, repo, workspace

__all__ = ["repo", "workspace"]


def branch(repo: Path, name: str, text: str, *, at_s: int = 1_700_000_000) -> str:
    """A branch with one more commit than main."""
    git = at(repo)
    git("checkout", "-q", "-b", name, "main")
    (repo / "work.sql").write_text(text)
    git("add", "-A")
    git("commit", "-qm", f"Write {name}", env={"GIT_COMMITTER_DATE": f"{at_s} +0000"})
    head = git("rev-parse", "HEAD")
    git("checkout", "-q", "main")
    return head


async def test_branches_ahead_of_the_base_come_newest_first(repo: Path, workspace: Workspace) -> None:
    old = branch(repo, "feat-DPA-1-old", "select 1\n")
    new = branch(repo, "feat-DPA-2-new", "select 2\n", at_s=1_700_000_100)
    at(repo)("branch", "level", "main")
    branch(repo, "greenlight/ours", "select 3\n", at_s=1_700_000_200)
    base = await workspace.refresh()

    found = await workspace.branches()

    assert [(b.name, b.head, b.fork, b.ahead) for b in found] == [
        ("feat-DPA-2-new", new, base, 1),
        ("feat-DPA-1-old", old, base, 1),
    ]
    assert found[0].subject == "Write feat-DPA-2-new"
    assert await workspace.read(new, "work.sql") == b"select 2\n"


async def test_a_branch_that_the_base_went_on_from_is_told_by_where_it_left(
    repo: Path, workspace: Workspace
) -> None:
    fork = at(repo)("rev-parse", "main")
    head = branch(repo, "feat", "select 1\n")
    (repo / "later.sql").write_text("select 9\n")
    commit_all(repo)
    await workspace.refresh()

    found = await workspace.branch_head("feat")

    assert found is not None
    assert (found.head, found.fork) == (head, fork)
    assert [change.path for change in await workspace.changes(fork, head)] == ["work.sql"]


async def test_names_that_are_no_branch_of_others_find_nothing(repo: Path, workspace: Workspace) -> None:
    branch(repo, "greenlight/ours", "select 3\n")
    await workspace.refresh()

    for name in (
        "nope",
        "main",
        "greenlight/ours",
        "*",
        "",
        "a b",
        "--all",
        "feat:main",
        "main\u202e",
        "x\0y",
    ):
        assert await workspace.branch_head(name) is None


async def test_unrelated_history_is_not_offered(repo: Path, workspace: Workspace) -> None:
    git = at(repo)
    git("checkout", "-q", "--orphan", "alone")
    commit_all(repo)
    git("checkout", "-q", "main")
    await workspace.refresh()

    assert await workspace.branches() == []
    alone = await workspace.branch_head("alone")
    assert alone is not None
    assert alone.fork == ""


async def test_a_moved_branch_is_seen_as_it_is_now(repo: Path, tmp_path: Path) -> None:
    workspace = GitWorkspace(str(repo), "main", tmp_path / "other" / "store")
    branch(repo, "feat", "select 1\n")
    await workspace.refresh()
    before = await workspace.branch_head("feat")
    at(repo)("branch", "-D", "feat")
    head = branch(repo, "feat", "select 2\n")

    after = await workspace.branch_head("feat")

    assert before is not None
    assert after is not None
    assert after.head == head != before.head
