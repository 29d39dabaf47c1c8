"""Every Workspace, on real git: round trips, and repositories that try to run or hide something."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.adapters.git_workspace import GitWorkspace
from engine.errors import DiskFull, PushRejected, Rejected, RepositoryUnusable, Unreachable
from engine.ports import Workspace

Git = Callable[..., str]
ME = {
    "GIT_AUTHOR_NAME": "Dana",
    "GIT_AUTHOR_EMAIL": "dana@example.invalid",
    "GIT_COMMITTER_NAME": "Dana",
    "GIT_COMMITTER_EMAIL": "dana@example.invalid",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A working clone with a first commit on main."""
    repo = tmp_path / "repo"
    repo.mkdir()
    git = at(repo)
    git("init", "-q", "-b", "main")
    (repo / "src").mkdir()
    (repo / "src" / "a.sql").write_text("select 1\n")
    (repo / "README.md").write_text("hello\n")
    (repo / "run.sh").write_text("#!/bin/sh\n")
    (repo / "run.sh").chmod(0o755)
    git("add", ".")
    git("commit", "-qm", "first\n\nbody that sways")
    return repo


def at(directory: Path) -> Git:
    def git(*arguments: str, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=directory,
            env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", **ME, **(env or {})},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    return git


@pytest.fixture
def workspace(repo: Path, tmp_path: Path) -> Workspace:
    return GitWorkspace(str(repo), "main", tmp_path / "state" / "store")


def commit_all(repo: Path, message: str = "more") -> str:
    git = at(repo)
    git("add", "-A")
    git("commit", "-qm", message)
    return git("rev-parse", "HEAD")


def files_of(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


# ---------------------------------------------------------------- reading


async def test_reads_the_committed_base_of_a_dirty_clone(workspace: Workspace, repo: Path) -> None:
    (repo / "src" / "a.sql").write_text("dirty\n")
    (repo / "untracked").write_text("x")
    at(repo)("checkout", "-q", "-b", "other")
    before = at(repo)("status", "--porcelain")
    head = await workspace.refresh()
    assert head == at(repo)("rev-parse", "main")
    assert [(entry.path, entry.mode) for entry in await workspace.files(head)] == [
        ("README.md", "100644"),
        ("run.sh", "100755"),
        ("src/a.sql", "100644"),
    ]
    assert await workspace.read(head, "src/a.sql") == b"select 1\n"
    assert await workspace.read(head, "untracked") is None
    assert await workspace.read(head, "src") is None
    assert at(repo)("status", "--porcelain") == before


async def test_changes_that_are_not_committed_on_the_base_are_named(workspace: Workspace, repo: Path) -> None:
    (repo / "untracked").write_text("x")
    head = await workspace.refresh()
    (repo / "src" / "a.sql").write_text("dirty\n")
    before = files_of(repo)
    with pytest.raises(RepositoryUnusable, match=r"not committed \(src/a.sql\): commit or stash"):
        await workspace.refresh()
    assert files_of(repo) == before
    at(repo)("stash")
    assert await workspace.refresh() == head


async def test_a_look_at_a_clone_leaves_every_file_of_it_as_it_is(workspace: Workspace, repo: Path) -> None:
    await workspace.refresh()
    os.utime(repo / "README.md", (1, 1))
    before = files_of(repo)
    await workspace.refresh()
    assert files_of(repo) == before
    at(repo)("diff", "HEAD")
    assert files_of(repo) != before, "plain git writes the index"


async def test_refresh_follows_the_base_also_when_it_was_rewritten(workspace: Workspace, repo: Path) -> None:
    first = await workspace.refresh()
    at(repo)("commit", "-q", "--amend", "-m", "rewritten")
    second = await workspace.refresh()
    assert second == at(repo)("rev-parse", "main") != first
    assert await workspace.read(first, "README.md") == b"hello\n"


async def test_search_finds_literals_in_path_order(workspace: Workspace, repo: Path) -> None:
    (repo / "b.txt").write_text("one\nthe (literal.*)\r\nthree\n")
    (repo / "c.bin").write_bytes(b"\0 the (literal.*)\n")
    (repo / "src" / "z.sql").write_text("-- the (literal.*)\n")
    (repo / ".ignore").write_text("*\n")
    head = commit_all(repo)
    await workspace.refresh()
    found = await workspace.search(head, "(literal.*)")
    assert [(match.path, match.line, match.text) for match in found] == [
        ("b.txt", 2, "the (literal.*)"),
        ("src/z.sql", 1, "-- the (literal.*)"),
    ]
    assert [match.path for match in await workspace.search(head, "literal", under="src")] == ["src/z.sql"]
    assert len(await workspace.search(head, "literal", limit=1)) == 1


async def test_history_is_newest_first_without_bodies(workspace: Workspace, repo: Path) -> None:
    (repo / "src" / "a.sql").write_text("select 2\n")
    second = commit_all(repo, "second: a change")
    head = await workspace.refresh()
    entries = await workspace.history(head)
    assert (entries[0].commit, entries[0].subject) == (second, "second: a change")
    assert [entry.subject for entry in entries] == ["second: a change", "first"]
    assert entries[0].author == "Dana"
    assert [entry.subject for entry in await workspace.history(head, "README.md")] == ["first"]
    assert len(await workspace.history(head, limit=1)) == 1


async def test_only_full_ids_name_commits(workspace: Workspace) -> None:
    head = await workspace.refresh()
    no_ids = ("main", "HEAD", "--output=/tmp/x", "", "abc123", f"{head}^{{tree}}", f"{head}\n", f"x{head}")
    for name in no_ids:
        with pytest.raises(Rejected):
            await workspace.files(name)
    with pytest.raises(RepositoryUnusable):
        await workspace.files("0" * 40)


# ---------------------------------------------------------------- checkouts


async def test_a_checkout_is_plain_files_and_replaces_what_was_there(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    (repo / "link").symlink_to("/etc/passwd")
    commit_all(repo)
    head, into = await workspace.refresh(), tmp_path / "out" / "checkout"
    into.mkdir(parents=True)
    (into / "left-over").write_text("x")
    await workspace.checkout(head, into)
    assert files_of(into) == {"README.md": b"hello\n", "run.sh": b"#!/bin/sh\n", "src/a.sql": b"select 1\n"}
    assert os.access(into / "run.sh", os.X_OK)
    assert not os.access(into / "README.md", os.X_OK)
    assert not (into / "link").is_symlink()


async def test_a_checkout_in_place_of_a_link_leaves_its_target(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    (tmp_path / "into").symlink_to(tmp_path / "precious")
    await workspace.checkout(await workspace.refresh(), tmp_path / "into")
    assert (tmp_path / "precious" / "file").exists()


async def test_an_overlay_holds_the_base_and_only_the_named_paths(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    (repo / "gone.txt").write_text("base\n")
    (repo / "place").write_text("a file\n")
    commit_all(repo)
    base, tree = await workspace.refresh(), tmp_path / "tree"
    await workspace.checkout(base, tree)
    (tree / "README.md").write_text("changed\n")
    (tree / "Makefile").write_text("test:\n\ttrue\n")
    (tree / "src" / "a.sql").unlink()
    (tree / "gone.txt").unlink()
    (tree / "place").unlink()
    (tree / "place").mkdir()
    (tree / "place" / "new.sql").write_text("select 3\n")
    made = (await workspace.commit(tree, base, "work")).commit
    into = tmp_path / "overlay"
    await workspace.overlay(base, made, ["place/new.sql", "src/a.sql", "never/there"], into)
    assert files_of(into) == {
        "README.md": b"hello\n",
        "gone.txt": b"base\n",
        "place/new.sql": b"select 3\n",
        "run.sh": b"#!/bin/sh\n",
    }


async def test_nothing_of_a_tree_transforms_a_checkout(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    (repo / ".gitattributes").write_text("*.sql ident text eol=crlf export-ignore filter=evil\n")
    (repo / "src" / "b.sql").write_text("-- $Id$\n")
    at(repo)("config", "filter.evil.smudge", f"touch {tmp_path}/ran; cat")
    head = commit_all(repo)
    at(repo)("checkout", "-q", "--force", "HEAD")
    (repo / "src" / "b.sql").unlink()
    at(repo)("checkout", "src/b.sql")
    assert (repo / "src" / "b.sql").read_bytes() != b"-- $Id$\n", "git's own checkout does transform it"
    (tmp_path / "ran").unlink()
    await workspace.refresh()
    await workspace.checkout(head, tmp_path / "tree")
    assert (tmp_path / "tree" / "src" / "b.sql").read_bytes() == b"-- $Id$\n"
    assert not (tmp_path / "ran").exists()


# ---------------------------------------------------------------- commits


async def test_commits_are_deterministic_and_by_the_bot(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    base, tree = await workspace.refresh(), tmp_path / "tree"
    await workspace.checkout(base, tree)
    (tree / "src" / "new.sql").write_text("select 1\nselect 2\n")
    (tree / "README.md").write_text("hello\nagain\n")
    (tree / "run.sh").chmod(0o644)
    made = await workspace.commit(tree, base, "feat: a new metric\n\nWhy.")
    other = GitWorkspace(str(repo), "main", tmp_path / "other-store")
    await other.refresh()
    assert await other.commit(tree, base, "feat: a new metric\n\nWhy.") == made
    assert await workspace.commit(tree, base, "feat: a new metric\n\nWhy.") == made
    assert (await workspace.commit(tree, base, "feat: another message")).commit != made.commit
    assert [(c.path, c.status, c.added, c.deleted) for c in made.changes] == [
        ("README.md", "M", 1, 0),
        ("run.sh", "T", 0, 0),
        ("src/new.sql", "A", 2, 0),
    ]
    assert made.refused == ()
    await workspace.push(made.commit, "greenlight/one")
    git = at(repo)
    assert git("log", "-1", "--format=%an %ae %cn %at %ct %P", "greenlight/one") == (
        f"Greenlight greenlight@localhost Greenlight 1700000001 1700000001 {base}"
    )
    message, _, seal = git("log", "-1", "--format=%B", "greenlight/one").rpartition("\n\nGreenlight-Seal: ")
    assert message == "feat: a new metric\n\nWhy."
    assert re.fullmatch("[0-9a-f]{40}", seal)
    assert git("fsck", "--strict", "--no-dangling") == ""
    assert git("show", "greenlight/one:src/new.sql") == "select 1\nselect 2"


async def test_nothing_changed_is_the_parent(workspace: Workspace, repo: Path, tmp_path: Path) -> None:
    (repo / "link").symlink_to("README.md")
    (repo / "odd\tname").write_text("x")
    commit_all(repo)
    base = await workspace.refresh()
    await workspace.checkout(base, tmp_path / "tree")
    made = await workspace.commit(tmp_path / "tree", base, "nothing")
    assert (made.commit, made.changes, made.refused) == (base, (), ())


async def test_unusual_names_and_contents_survive(workspace: Workspace, tmp_path: Path) -> None:
    base, tree = await workspace.refresh(), tmp_path / "tree"
    await workspace.checkout(base, tree)
    contents = {
        'quo"te\\back.txt': b"data 5\nM 100644 inline x\n",
        "späce and ünïcode.txt": b"\xff\xfe\x00binary\n",
        "-dash": b"",
        "empty": b"",
        "crlf.txt": b"a\r\nb",
        "from x": b"done\n",
        "deep/er/and/deeper.txt": b"x" * 100_000,
    }
    for name, content in contents.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
    made = await workspace.commit(tree, base, 'message with "quotes"\ndone\nfrom nowhere\n')
    assert made.refused == ()
    for name, content in contents.items():
        assert await workspace.read(made.commit, name) == content
    await workspace.checkout(made.commit, tmp_path / "again")
    assert files_of(tmp_path / "again") == files_of(tree)


async def test_many_files_are_deleted_and_moved(workspace: Workspace, repo: Path, tmp_path: Path) -> None:
    for number in range(200):
        (repo / f"f{number}").write_text(f"{number}\n")
    commit_all(repo)
    base, tree = await workspace.refresh(), tmp_path / "tree"
    await workspace.checkout(base, tree)
    for number in range(200):
        (tree / f"f{number}").unlink()
    (tree / "f7").mkdir()
    (tree / "f7" / "inside").write_text("x\n")
    made = await workspace.commit(tree, base, "moved")
    statuses = [change.status for change in made.changes]
    assert (statuses.count("D"), statuses.count("A")) == (200, 1)
    assert "f7/inside" in [entry.path for entry in await workspace.files(made.commit)]


async def test_what_may_not_be_added_is_refused_with_a_reason(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    (repo / ".gitattributes").write_text("*.md text\n")
    (repo / "kept").symlink_to("README.md")
    (repo / "tracked.pyc").write_bytes(b"old")
    base = commit_all(repo)
    await workspace.refresh()
    tree = tmp_path / "tree"
    await workspace.checkout(base, tree)
    (tree / "ok.txt").write_text("fine\n")
    (tree / "link").symlink_to("/etc/passwd")
    (tree / "hard").hardlink_to(tree / "README.md")
    os.mkfifo(tree / "pipe")
    (tree / ".gitattributes").write_text("* -diff\n")
    (tree / "src" / ".gitattributes").write_text("* -diff\n")
    (tree / ".gitmodules").write_text("[submodule]\n")
    (tree / "src" / "__pycache__").mkdir()
    (tree / "src" / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"x")
    (tree / "tracked.pyc").write_bytes(b"new")
    (tree / "big.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (tree / "huge").write_bytes(b"x" * 1_000_001)
    (tree / "vendor" / ".GIT").mkdir(parents=True)
    (tree / "vendor" / "code.py").write_text("x\n")
    (tree / "kept").write_text("in place of a link\n")
    (Path(os.fsdecode(os.fsencode(tree) + b"/bad\xff"))).write_text("x")
    made = await workspace.commit(tree, base, "tries everything")
    refused = dict(made.refused)
    assert [(change.path, change.status) for change in made.changes] == [("ok.txt", "A")]
    assert set(refused) == {
        "link", "hard", "README.md", "pipe", ".gitattributes", "src/.gitattributes", ".gitmodules",
        "src/__pycache__/a.cpython-311.pyc", "tracked.pyc", "big.bin", "huge", "vendor/.GIT",
        "vendor/code.py", "kept", "bad\\xff",
    }  # fmt: skip
    assert all(refused.values())
    modes = {entry.path: entry.mode for entry in await workspace.files(made.commit)}
    assert modes["kept"] == "120000"
    assert await workspace.read(made.commit, "kept") is None
    assert await workspace.read(made.commit, "tracked.pyc") == b"old"


async def test_a_link_in_place_of_a_directory_deletes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    base, tree = await workspace.refresh(), tmp_path / "tree"
    await workspace.checkout(base, tree)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.sql").write_text("a host's secret\n")
    shutil.rmtree(tree / "src")
    (tree / "src").symlink_to(tmp_path / "outside")
    made = await workspace.commit(tree, base, "swap")
    assert made.commit == base
    assert [path for path, _ in made.refused] == ["src"]


async def test_submodules_and_odd_names_of_the_base_are_kept(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    git = at(repo)
    with open(os.fsencode(repo) + b"/bad\xff.txt", "wb") as odd:  # noqa: PTH123, ASYNC230 - a bytes path
        odd.write(b"find me\n")
    git("add", ".")
    git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/sub")
    git("commit", "-qm", "odd")
    base, tree = await workspace.refresh(), tmp_path / "tree"
    await workspace.checkout(base, tree)
    assert "bad\\xff.txt" in [entry.path for entry in await workspace.files(base)]
    assert [match.path for match in await workspace.search(base, "find me")] == ["bad\\xff.txt"]
    (tree / "vendor" / "sub").mkdir(parents=True)
    (tree / "vendor" / "sub" / "planted").write_text("x\n")
    (tree / "ok").write_text("x\n")
    made = await workspace.commit(tree, base, "m")
    assert [change.path for change in made.changes] == ["ok"]
    assert [path for path, _ in made.refused] == ["vendor/sub/planted"]
    modes = {entry.path: entry.mode for entry in await workspace.files(made.commit)}
    assert modes["vendor/sub"] == "160000"
    assert "ok" in await workspace.diff(base, made.commit)


# ---------------------------------------------------------------- what a repository plants


async def test_planted_filters_hooks_and_monitors_do_not_run(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    """The attack works on git's own worktree commands, and not here."""
    ran, git = tmp_path / "ran", at(repo)
    (repo / ".gitattributes").write_text("* filter=evil diff=evil\n")
    base = commit_all(repo)
    for name, value in {
        "filter.evil.clean": f"echo clean >>{ran}; cat",
        "filter.evil.smudge": f"echo smudge >>{ran}; cat",
        "diff.evil.textconv": f"echo textconv >>{ran}; cat",
        "core.fsmonitor": f"echo fsmonitor >>{ran}; false",
        "core.hooksPath": str(tmp_path / "hooks"),
    }.items():
        git("config", name, value)
    (tmp_path / "hooks").mkdir()
    for hook in ("pre-commit", "post-commit", "post-checkout", "reference-transaction", "pre-push"):
        (tmp_path / "hooks" / hook).write_text(f"#!/bin/sh\necho {hook} >>{ran}\n")
        (tmp_path / "hooks" / hook).chmod(0o755)
    (repo / "README.md").write_text("plain git\n")
    git("add", "README.md")
    git("diff", "HEAD")
    assert {"clean", "fsmonitor"} <= set(ran.read_text().split())
    ran.unlink()
    git("config", "--unset", "core.hooksPath")  # a remote's own hooks may run when it is pushed to

    with pytest.raises(RepositoryUnusable):
        await workspace.refresh()  # it looks for what is not committed, too
    assert not ran.exists()
    git("reset", "-q", "--hard")
    ran.unlink()
    await workspace.refresh()
    tree = tmp_path / "tree"
    await workspace.checkout(base, tree)
    (tree / "README.md").write_text("changed\n")
    (tree / ".git").mkdir()
    shutil.copy(repo / ".git" / "config", tree / ".git" / "config")
    made = await workspace.commit(tree, base, "m")
    await workspace.diff(base, made.commit)
    await workspace.search(made.commit, "changed")
    await workspace.history(made.commit)
    await workspace.push(made.commit, "greenlight/x")
    assert [path for path, _ in made.refused] == [".git"]
    assert not ran.exists(), ran.read_text()


async def test_attributes_hide_nothing_from_diff_and_search(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    (repo / ".gitattributes").write_text("*.sql -diff -text binary linguist-generated\n")
    base = commit_all(repo)
    (repo / "src" / "a.sql").write_text("select planted\n")
    after = commit_all(repo)
    assert "planted" not in at(repo)("diff", base, after), "plain git does hide it"
    assert "select planted" not in at(repo)("grep", "planted", after)
    await workspace.refresh()
    assert "+select planted" in await workspace.diff(base, after)
    assert [match.text for match in await workspace.search(after, "planted")] == ["select planted"]
    assert [(change.added, change.deleted) for change in await workspace.changes(base, after)] == [(1, 1)]


async def test_replaced_objects_are_not_looked_at(workspace: Workspace, repo: Path) -> None:
    git = at(repo)
    honest = git("rev-parse", "main:README.md")
    fake = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=repo, input=b"fake\n", capture_output=True, check=True
    )
    git("replace", honest, fake.stdout.decode().strip())
    assert git("show", "main:README.md") == "fake", "plain git does show the replacement"
    head = await workspace.refresh()
    assert await workspace.read(head, "README.md") == b"hello\n"


async def test_operators_settings_and_environment_change_nothing(
    workspace: Workspace, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = await workspace.refresh()
    await workspace.checkout(base, tmp_path / "tree")
    (tmp_path / "tree" / "README.md").write_text("changed\n")
    plain = await workspace.commit(tmp_path / "tree", base, "m")
    diff = await workspace.diff(base, plain.commit)
    (tmp_path / ".gitconfig").write_text(
        "[diff]\n noprefix = true\n external = false\n[core]\n attributesFile = x\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Somebody Else")
    other = GitWorkspace(str(repo), "main", tmp_path / "second-store")
    assert await other.refresh() == base
    assert await other.commit(tmp_path / "tree", base, "m") == plain
    assert await other.diff(base, plain.commit) == diff


async def test_diffs_name_binary_files_modes_links_and_are_bounded(workspace: Workspace, repo: Path) -> None:
    base = at(repo)("rev-parse", "HEAD")
    (repo / "data.bin").write_bytes(b"\0\1\2")
    (repo / "run.sh").chmod(0o644)
    (repo / "README.md").unlink()
    (repo / "README.md").symlink_to("/etc/passwd")
    (repo / "latin.txt").write_bytes(b"caf\xe9\n")
    after = commit_all(repo)
    await workspace.refresh()
    diff = await workspace.diff(base, after)
    assert "Binary file: absent -> 100644" in diff
    assert "old mode 100755\nnew mode 100644" in diff
    assert "+/etc/passwd" in diff
    assert "+caf\\xe9" in diff
    assert "latin" not in await workspace.diff(base, after, ["run.sh"])
    assert "select" not in await workspace.diff(base, after, ["src"])
    (repo / "big.txt").write_text("line\n" * 600_000)
    (repo / "data.bin").write_bytes(b"\0\1\2\3")
    bigger = commit_all(repo)
    await workspace.refresh()
    diff = await workspace.diff(base, bigger)
    assert diff.index("[diff cut here:") < diff.index("\nBinary file: "), "what is not shown stays named"


async def test_files_too_large_to_read_are_never_loaded(workspace: Workspace, repo: Path) -> None:
    base = at(repo)("rev-parse", "HEAD")
    (repo / "huge.txt").write_text("needle\n" * 700_000)
    after = commit_all(repo)
    await workspace.refresh()
    with pytest.raises(Rejected, match=r"huge.txt has 4900000 bytes; at most 4000000 can be read"):
        await workspace.read(after, "huge.txt")
    assert await workspace.search(after, "needle") == []
    diff = await workspace.diff(base, after)
    assert "Too large to show: absent -> 100644" in diff
    assert "needle" not in diff


# ---------------------------------------------------------------- pushing


async def work(workspace: Workspace, tmp_path: Path, text: str = "work\n", parent: str = "") -> str:
    base = parent or await workspace.refresh()
    await workspace.checkout(base, tmp_path / "work")
    (tmp_path / "work" / "README.md").write_text(text)
    return (await workspace.commit(tmp_path / "work", base, "work")).commit


async def test_exactly_this_commit_is_pushed_once_and_read_back(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    (repo / "dirty").write_text("x")
    before = at(repo)("rev-parse", "HEAD"), at(repo)("status", "--porcelain")
    made = await work(workspace, tmp_path)
    assert await workspace.pushed("greenlight/r1") is None
    await workspace.push(made, "greenlight/r1")
    await workspace.push(made, "greenlight/r1")
    assert await workspace.pushed("greenlight/r1") == made
    assert at(repo)("rev-parse", "greenlight/r1") == made
    assert (at(repo)("rev-parse", "HEAD"), at(repo)("status", "--porcelain")) == before
    assert at(repo)("for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/greenlight/r1",
        "refs/heads/main",
    ]


async def test_a_second_round_replaces_the_first_also_after_a_restart(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    first = await work(workspace, tmp_path)
    await workspace.push(first, "greenlight/r1")
    restarted = GitWorkspace(str(repo), "main", tmp_path / "state" / "store")
    second = await work(restarted, tmp_path, "amended\n")
    await restarted.push(second, "greenlight/r1")
    assert at(repo)("rev-parse", "greenlight/r1") == second


async def test_what_we_pushed_stays_ours_whenever_we_stopped(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    hook = repo / ".git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    made = [await work(workspace, tmp_path, f"{number}\n") for number in range(3)]
    store = at(tmp_path / "state" / "store")
    await workspace.push(made[0], "greenlight/r1")
    ours = {"refs/greenlight/pushed/greenlight/r1", "refs/greenlight/intended/greenlight/r1"}
    assert ours <= set(store("for-each-ref", "--format=%(refname)").splitlines())
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PushRejected):
        await workspace.push(made[1], "greenlight/r1")
    hook.unlink()
    await workspace.push(made[1], "greenlight/r1")  # the first still stood there
    store("update-ref", "-d", "refs/greenlight/pushed/greenlight/r1")  # stopped before that was noted
    await workspace.push(made[2], "greenlight/r1")
    assert at(repo)("rev-parse", "greenlight/r1") == made[2]


async def test_the_same_commit_is_there_already_whoever_put_it_there(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    made = await work(workspace, tmp_path)
    await workspace.push(made, "greenlight/r1")
    other = GitWorkspace(str(repo), "main", tmp_path / "other-store")
    assert await work(other, tmp_path) == made
    await other.push(made, "greenlight/r1")


async def test_what_a_lost_store_pushed_is_ours_whatever_base_round_or_message_it_was_made_for(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    first = await work(workspace, tmp_path)
    later = tmp_path / "later"
    await workspace.checkout(first, later)
    (later / "mine").write_text("another round\n")
    (repo / "elsewhere").write_text("the base went on\n")
    for parent, message in ((first, "of another round"), (await moved(workspace, repo), "of another base")):
        lost = (await workspace.commit(later, parent, message)).commit
        await workspace.push(lost, "greenlight/r1")
        put_back = GitWorkspace(str(repo), "main", tmp_path / message)
        anew = await work(put_back, tmp_path / "anew", f"{message}\n")
        await put_back.push(anew, "greenlight/r1")
        assert at(repo)("rev-parse", "greenlight/r1") == anew
        held = at(tmp_path / message)("for-each-ref", "--format=%(objectname) %(refname)")
        assert lost not in held, "nothing but its objects was fetched"


async def moved(workspace: Workspace, repo: Path) -> str:
    commit_all(repo)
    return await workspace.refresh()


AMENDED = {
    "the message": ("work\n", "work, amended\n"),
    "who committed it": ("committer Greenlight", "committer Kim"),
    "who wrote it": ("author Greenlight", "author Kim"),
    "when": (" +0000\n\n", " +0100\n\n"),
    "the seal": ("Greenlight-Seal: ", "Greenlight-Seal: 0"),
    "a line after it": ("\nGreenlight-Seal", "\nReviewed-by: Kim\nGreenlight-Seal"),
    "its parent": ("parent {parent}", "parent {other}"),
    "its tree": ("tree {tree}", "tree {other_tree}"),
    "no seal": ("\n\nGreenlight-Seal", "\n\nSeal"),
}


async def test_what_somebody_made_of_ours_is_theirs(workspace: Workspace, repo: Path, tmp_path: Path) -> None:
    git, base = at(repo), await workspace.refresh()
    (repo / "elsewhere").write_text("x\n")
    other = commit_all(repo)
    lost = await work(workspace, tmp_path, "lost\n", base)
    await workspace.push(lost, "greenlight/r1")
    tree, other_tree = (git("rev-parse", f"{one}^{{tree}}") for one in (lost, other))
    known = {"parent": base, "other": other, "tree": tree, "other_tree": other_tree}
    raw, made = f"{git('cat-file', 'commit', lost)}\n", tmp_path / "amended"
    put_back = GitWorkspace(str(repo), "main", tmp_path / "put back")
    anew = await work(put_back, tmp_path / "anew", "anew\n")
    for what, (before, after) in AMENDED.items():
        before, after = (text.format(**known) for text in (before, after))
        assert before in raw, what
        made.write_text(raw.replace(before, after))
        amended = git("hash-object", "-t", "commit", "-w", str(made))
        git("update-ref", "refs/heads/greenlight/r1", amended)
        with pytest.raises(PushRejected, match="not from here or was changed"):
            await put_back.push(anew, "greenlight/r1")
        assert git("rev-parse", "greenlight/r1") == amended, what
    git("update-ref", "refs/heads/greenlight/r1", lost)
    await put_back.push(anew, "greenlight/r1")
    assert git("rev-parse", "greenlight/r1") == anew, "the control: as we made it, it is ours"


@pytest.mark.parametrize("remembered", ["pushed", "intended"])
async def test_what_the_store_remembers_needs_no_seal(
    workspace: Workspace, repo: Path, tmp_path: Path, remembered: str
) -> None:
    git, branch, base = at(repo), "greenlight/r1", await workspace.refresh()
    (repo / "older").write_text("without a seal\n")
    older = commit_all(repo)
    git("branch", branch, older)
    made = await work(workspace, tmp_path, "newer\n", base)
    said = f"holds commit {older[:12]}, which is not from here .* back to what I pushed, or rename"
    with pytest.raises(PushRejected, match=said):
        await workspace.push(made, branch)
    store = at(tmp_path / "state" / "store")
    store("fetch", "-q", str(repo), branch)
    store("update-ref", f"refs/greenlight/{remembered}/{branch}", older)
    await workspace.push(made, branch)
    assert git("rev-parse", branch) == made


async def test_who_changed_what_was_pushed_is_told_what_that_was(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    git, branch, base = at(repo), "greenlight/r1", await workspace.refresh()
    first = await work(workspace, tmp_path, "first\n", base)
    await workspace.push(first, branch)
    git("branch", "-f", branch, "main")
    second = await work(workspace, tmp_path / "again", "second\n", base)
    with pytest.raises(PushRejected, match=rf"back to what I pushed \({first[:12]}\), or rename"):
        await workspace.push(second, branch)
    git("branch", "-f", branch, first)
    await workspace.push(second, branch)
    assert git("rev-parse", branch) == second


async def test_a_branch_that_holds_it_already_is_not_pushed_to(workspace: Workspace, repo: Path) -> None:
    base = await workspace.refresh()
    at(repo)("branch", "greenlight/r1", base)
    await workspace.push(base, "greenlight/r1")
    assert at(repo)("rev-parse", "greenlight/r1") == base


async def test_branches_of_ours_are_found_by_how_they_end(workspace: Workspace, repo: Path) -> None:
    git = at(repo)
    names = ("greenlight/a-b-123456", "greenlight/c-123456", "greenlight/d-123456-e", "other/f-123456")
    for name in (*names, "greenlight/g-654321"):
        git("branch", name)
    assert await workspace.ours("-123456") == ["greenlight/a-b-123456", "greenlight/c-123456"]


async def test_what_was_made_here_is_known_without_any_memory(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    git, made = at(repo), await work(workspace, tmp_path)
    await workspace.push(made, "greenlight/r1")
    git("branch", "greenlight/r2", "main")
    other = GitWorkspace(str(repo), "main", tmp_path / "other-store")
    assert await other.made_here("greenlight/r1")
    assert not await other.made_here("greenlight/r2")
    assert not await other.made_here("greenlight/none")


async def test_a_branch_that_does_not_hold_what_was_pushed_is_told(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    made = await work(workspace, tmp_path)
    hook = repo / ".git" / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ngit update-ref refs/heads/greenlight/r1 main\n")
    hook.chmod(0o755)
    with pytest.raises(PushRejected, match="does not hold on greenlight/r1 what was pushed"):
        await workspace.push(made, "greenlight/r1")


async def test_only_a_commit_that_is_here_is_pushed(workspace: Workspace, repo: Path) -> None:
    await workspace.refresh()
    with pytest.raises(RepositoryUnusable, match="is not in the repository's store"):
        await workspace.push("0" * 40, "greenlight/r1")
    with pytest.raises(Rejected):
        await workspace.push("main", "greenlight/r1")


async def test_the_base_is_not_pushed_to_whatever_its_name(repo: Path, tmp_path: Path) -> None:
    at(repo)("branch", "greenlight/base")
    workspace = GitWorkspace(str(repo), "greenlight/base", tmp_path / "store")
    made = await work(workspace, tmp_path)
    with pytest.raises(PushRejected, match="Only branches beneath"):
        await workspace.push(made, "greenlight/base")


async def test_a_foreign_or_moved_branch_is_left_alone(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    git = at(repo)
    git("branch", "greenlight/foreign")
    made = await work(workspace, tmp_path)
    with pytest.raises(PushRejected, match="not from here"):
        await workspace.push(made, "greenlight/foreign")
    assert git("rev-parse", "greenlight/foreign") == git("rev-parse", "main")
    await workspace.push(made, "greenlight/r1")
    git("branch", "-f", "greenlight/r1", "main")
    with pytest.raises(PushRejected):
        await workspace.push(await work(workspace, tmp_path, "again\n"), "greenlight/r1")
    assert git("rev-parse", "greenlight/r1") == git("rev-parse", "main")


@pytest.mark.parametrize(
    "branch", ["main", "feature/x", "greenlight", "", "+greenlight/x", "--force", "refs/heads/main"]
)
async def test_only_branches_of_ours_are_pushed_to(
    workspace: Workspace, repo: Path, tmp_path: Path, branch: str
) -> None:
    made = await work(workspace, tmp_path)
    before = at(repo)("for-each-ref")
    with pytest.raises(PushRejected):
        await workspace.push(made, branch)
    assert at(repo)("for-each-ref") == before


@pytest.mark.parametrize(
    "branch", ["greenlight/a:main", "greenlight/../main", "greenlight/a b", "greenlight/x.lock"]
)
async def test_names_that_are_no_branch_names_are_refused(
    workspace: Workspace, repo: Path, tmp_path: Path, branch: str
) -> None:
    made = await work(workspace, tmp_path)
    before = at(repo)("for-each-ref")
    with pytest.raises((PushRejected, RepositoryUnusable)):
        await workspace.push(made, branch)
    assert at(repo)("for-each-ref") == before


async def test_a_hook_of_the_remote_that_refuses_is_told(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    hook = repo / ".git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho the token is 1234 >&2\nexit 1\n")
    hook.chmod(0o755)
    made = await work(workspace, tmp_path)
    with pytest.raises(PushRejected) as refusal:
        await workspace.push(made, "greenlight/r1")
    assert "refused" in refusal.value.sentence
    assert "1234" not in refusal.value.sentence
    hook.unlink()
    await workspace.push(made, "greenlight/r1")


async def test_two_requests_share_a_store(workspace: Workspace, repo: Path, tmp_path: Path) -> None:
    base = await workspace.refresh()

    async def one(number: int) -> str:
        tree = tmp_path / f"tree{number}"
        await workspace.refresh()
        await workspace.checkout(base, tree)
        (tree / "mine").write_text(f"{number}\n")
        made = (await workspace.commit(tree, base, f"request {number}")).commit
        await workspace.push(made, f"greenlight/r{number}")
        return made

    made = await asyncio.gather(*(one(number) for number in range(6)))
    assert [at(repo)("show", f"greenlight/r{n}:mine") for n in range(6)] == [str(n) for n in range(6)]
    assert [at(repo)("rev-parse", f"greenlight/r{n}") for n in range(6)] == made


async def test_a_cancelled_call_leaves_no_process_and_no_lock(
    workspace: Workspace, repo: Path, tmp_path: Path
) -> None:
    base = await workspace.refresh()
    tree = tmp_path / "tree"
    await workspace.checkout(base, tree)
    (tree / "new").write_text("x\n")
    for delay in (0.0, 0.001, 0.003, 0.006, 0.012):
        call = asyncio.create_task(workspace.commit(tree, base, "m"))
        await asyncio.sleep(delay)
        call.cancel()
        await asyncio.wait([call])
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    assert str(tmp_path).encode() not in (process / "cmdline").read_bytes()
                except OSError:
                    continue
    made = await workspace.commit(tree, base, "m")
    await workspace.push(made.commit, "greenlight/after")


# ---------------------------------------------------------------- unusable repositories


async def refusal(remote: object, tmp_path: Path, base: str = "main") -> str:
    with pytest.raises(RepositoryUnusable) as error:
        await GitWorkspace(str(remote), base, tmp_path / "state" / "store").refresh()
    assert error.value.sentence.endswith(".")
    return error.value.sentence


async def test_a_missing_repository_is_told(tmp_path: Path) -> None:
    assert "There is no repository at" in await refusal(tmp_path / "nowhere", tmp_path)


async def test_a_directory_that_is_no_repository_is_told(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert "no git repository" in await refusal(tmp_path / "plain", tmp_path)


async def test_an_empty_repository_is_told_and_usable_later(tmp_path: Path) -> None:
    repo = tmp_path / "empty"
    repo.mkdir()
    at(repo)("init", "-q", "-b", "main")
    assert "is empty" in await refusal(repo, tmp_path)
    (repo / "a").write_text("x")
    head = commit_all(repo)
    assert await GitWorkspace(str(repo), "main", tmp_path / "state" / "store").refresh() == head


async def test_a_missing_base_branch_is_told_with_those_there_are(repo: Path, tmp_path: Path) -> None:
    at(repo)("branch", "develop")
    sentence = await refusal(repo, tmp_path, "trunk")
    assert "no branch trunk" in sentence
    assert "develop, main" in sentence


@pytest.mark.parametrize("remote", ["ext::sh -c 'touch ran'", "http://127.0.0.1:9/x", "git://127.0.0.1:9/x"])
async def test_other_transports_are_refused(remote: str, tmp_path: Path) -> None:
    assert "https or ssh" in await refusal(remote, tmp_path)


@pytest.mark.parametrize("remote", ["--upload-pack=touch ran", "-oProxyCommand=x:y"])
async def test_a_remote_is_never_an_option(remote: str, tmp_path: Path) -> None:
    with pytest.raises((RepositoryUnusable, Unreachable)):
        await GitWorkspace(remote, "main", tmp_path / "store").refresh()


async def test_no_answer_is_transient_and_shows_no_secret(tmp_path: Path) -> None:
    remote = "https://user:hunter2@127.0.0.1:9/x.git"
    with pytest.raises(Unreachable) as error:
        await GitWorkspace(remote, "main", tmp_path / "store").refresh()
    assert "hunter2" not in error.value.sentence


async def test_a_repository_of_another_user_is_told_with_the_fix(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to give a repository to another user")
    for path in (repo, *repo.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    probe = subprocess.run(
        ["git", "upload-pack", "--advertise-refs", str(repo)], capture_output=True, check=False
    )
    if probe.returncode == 0:
        pytest.skip("this git serves repositories of other users")
    assert "safe.directory" in await refusal(repo, tmp_path)
    (tmp_path / ".gitconfig").write_text(f"[safe]\n\tdirectory = {repo}/.git\n\tdirectory = {repo}\n")
    await GitWorkspace(str(repo), "main", tmp_path / "state" / "store").refresh()


async def test_sha256_repositories_work_too(tmp_path: Path) -> None:
    repo = tmp_path / "wide"
    repo.mkdir()
    at(repo)("init", "-q", "-b", "main", "--object-format=sha256")
    (repo / "README.md").write_text("x\n")
    base = commit_all(repo)
    workspace = GitWorkspace(str(repo), "main", tmp_path / "store")
    assert await workspace.refresh() == base
    await workspace.checkout(base, tmp_path / "tree")
    assert (await workspace.commit(tmp_path / "tree", base, "none")).commit == base
    (tmp_path / "tree" / "README.md").write_text("y\n")
    made = await workspace.commit(tmp_path / "tree", base, "m")
    await workspace.push(made.commit, "greenlight/x")
    assert at(repo)("rev-parse", "greenlight/x") == made.commit


async def test_a_bare_remote_and_a_shallow_clone_work_too(repo: Path, tmp_path: Path) -> None:
    (repo / "more").write_text("x")
    head = commit_all(repo)
    at(tmp_path)("clone", "-q", "--bare", str(repo), "bare.git")
    at(tmp_path)("clone", "-q", "--depth=1", f"file://{repo}", "shallow")
    for name in ("bare.git", "shallow"):
        workspace = GitWorkspace(str(tmp_path / name), "main", tmp_path / f"store-{name}")
        assert await workspace.refresh() == head
        made = await work(workspace, tmp_path)
        await workspace.push(made, "greenlight/x")
        assert at(tmp_path / name)("rev-parse", "greenlight/x") == made


async def test_a_full_disk_is_told(workspace: Workspace, repo: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root to mount a small file system")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(small)], check=False
    ).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        (repo / "big").write_bytes(os.urandom(600_000))
        head = commit_all(repo)
        await workspace.refresh()
        with pytest.raises(DiskFull):
            await workspace.checkout(head, small / "tree")
        with pytest.raises(DiskFull):
            await GitWorkspace(str(repo), "main", small / "store").refresh()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
