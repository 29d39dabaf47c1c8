"""What a push would do, and what it would carry out, is read from git objects."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.adapters.git_workspace import GitWorkspace
from engine.diagnoses import Level
from engine.doctor import examine
from engine.events import Held, Leak
from engine.leaks import MOST, UNREAD
from engine.protected import AGENTS, CI, OWN
from engine.runs import leaking
from engine.runs.pushing import LONGEST_DIFF, MOST_PATHS, looked_through
from engine.settings import RepositorySettings, Settings
from tests.engine.runs.states import version
from tests.fake_secrets import FAKES
from tests.journeys.bad_input import small_repository
from tests.journeys.reading import git

BRANCH = "greenlight/a-change-0a1b2c"
SECRETS = "on: {push: {branches: ['greenlight/**']}}\njobs: {a: {secrets: inherit}}\n"


class Repository:
    """A repository whose commits are made of files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.remote = directory / "remote.git"
        self.workspace = GitWorkspace(str(self.remote), "main", directory / "store.git")
        self.base = ""

    async def start(self) -> "Repository":
        await small_repository(self.remote)
        self.base = await self.workspace.refresh()
        return self

    async def commit(self, files: Mapping[str, bytes], parent: str = "", gone: str = "") -> str:
        parent = parent or self.base
        tree = self.directory / "tree"
        await self.workspace.checkout(parent, tree)
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(content)
        if gone:
            (tree / gone).unlink()
        return (await self.workspace.commit(tree, parent, "A commit")).commit

    async def look(self, commit: str, base: str = "", today: str = "", **settings: object) -> Held | None:
        repository = RepositorySettings.model_validate({"name": "x", "remote": str(self.remote), **settings})
        bases = (base or self.base, today or base or self.base)
        return await looked_through(self.workspace, repository, bases, commit, BRANCH)


@pytest.fixture
async def repository(tmp_path: Path) -> Repository:
    return await Repository(tmp_path).start()


async def test_ordinary_changes_are_nothing_special(repository: Repository) -> None:
    assert await repository.look(await repository.commit({"src/a.py": b"a = 1\n"})) is None


async def test_protected_paths_are_named_with_their_diff_alone(repository: Repository) -> None:
    commit = await repository.commit(
        {
            "sub/CLAUDE.md": b"Obey.\n",
            "ci/é/action.yml": b"x: 1\n",
            "src/a.py": b"a = 1\n",
            "deploy/x.sh": b"y\n",
        }
    )
    held = await repository.look(commit, protected=("deploy/",))
    assert held is not None
    assert {one.path: one.what for one in held.guarded} == {
        "ci/é/action.yml": CI,
        "deploy/x.sh": OWN,
        "sub/CLAUDE.md": AGENTS,
    }
    assert held.whole
    assert "+Obey." in held.diff
    assert "+x: 1" in held.diff
    assert "a = 1" not in held.diff
    assert (held.commit, held.branch, held.workflows) == (commit, BRANCH, ())


async def test_what_the_diff_does_not_show_is_not_whole(repository: Repository) -> None:
    for files in (
        {"CLAUDE.md": b"a\0b\n"},
        {"CLAUDE.md": b"line\n" * LONGEST_DIFF},
        {f"s{n}/CLAUDE.md": b"x\n" for n in range(MOST_PATHS + 1)},
    ):
        held = await repository.look(await repository.commit(files))
        assert held is not None
        assert not held.whole
        assert len(held.diff) <= LONGEST_DIFF


async def test_workflows_count_at_the_commit_and_at_the_base(repository: Repository) -> None:
    path = ".github/workflows/release.yml"
    with_it = await repository.commit({path: SECRETS.encode()})
    without = await repository.commit({"a.txt": b"a\n"}, with_it, gone=path)
    for base, commit in ((repository.base, with_it), (with_it, without)):
        held = await repository.look(commit, base)
        assert held is not None
        assert [one.path for one in held.workflows] == [path]
        assert [one.path for one in held.guarded] == [path]
    plain = await repository.commit({"a.txt": b"a\n"})
    held = await repository.look(plain, today=with_it)
    assert held is not None, "the base branch has a workflow by now that was not there when the work began"
    assert (held.guarded, [one.path for one in held.workflows]) == ((), [path])
    unchanged = await repository.commit({"a.txt": b"a\n"}, with_it)
    held = await repository.look(unchanged, with_it)
    assert held is not None
    assert (held.guarded, held.diff) == ((), "")
    assert await repository.look(unchanged, with_it, accepted_workflows=(path,)) is None
    assert await repository.look(with_it, accepted_workflows=(path,)) is not None, "it changes"


async def test_the_default_branch_is_known_also_where_it_is_not_the_base(repository: Repository) -> None:
    assert await repository.workspace.default_head() == repository.base
    other = await repository.commit({"a.txt": b"a\n"})
    await repository.workspace.push(other, BRANCH)
    await git(repository.remote, "update-ref", "refs/heads/trunk", f"refs/heads/{BRANCH}")
    await git(repository.remote, "symbolic-ref", "HEAD", "refs/heads/trunk")
    assert await repository.workspace.default_head() == other
    await git(repository.remote, "symbolic-ref", "HEAD", "refs/heads/gone")
    assert await repository.workspace.default_head() == ""


async def test_files_that_gitlab_takes_in_are_protected(repository: Repository) -> None:
    base = await repository.commit(
        {".gitlab-ci.yml": b"include:\n  - local: /build/jobs.yml\nx: !reference [a]\n"}
    )
    held = await repository.look(await repository.commit({"build/jobs.yml": b"a: b\n"}, base), base)
    assert held is not None
    assert [one.path for one in held.guarded] == ["build/jobs.yml"]
    assert ["GitLab CI" in one.why[0] for one in held.workflows] == [True]


async def test_the_doctor_lists_workflows_with_secrets(repository: Repository, tmp_path: Path) -> None:
    path = ".github/workflows/release.yml"
    with_it = await repository.commit({path: SECRETS.encode()})
    await repository.workspace.push(with_it, BRANCH)
    configured = RepositorySettings(name="x", remote=str(repository.remote), base=BRANCH)
    accepted = configured.model_copy(update={"accepted_workflows": (path, "gone.yml")})
    settings = Settings(state_dir=tmp_path / "state", repositories=(configured,))
    said = [
        [(d.level, d.text) async for d in examine(settings, (one,), {}) if d.about == "workflow"]
        for one in (configured, accepted)
    ]
    assert [level for level, _ in said[0]] == [Level.WARN]
    assert path in said[0][0][1]
    assert sorted(level for level, _ in said[1]) == [Level.OK, Level.WARN]
    assert "gone.yml is accepted" in said[1][1][1]


# ---------------------------------------------------------------- secrets


async def test_only_what_the_work_adds_is_looked_through_for_secrets(repository: Repository) -> None:
    secret = FAKES["GitHub token"].encode()
    base = await repository.commit({"old.txt": b"a\n" + secret + b"\n"})
    commit = await repository.commit(
        {
            "old.txt": b"b\n" + secret + b"\n",
            "new.txt": b"x\n" + secret + b"\n",
            ".secrets.baseline": b"{}",
            "pic.png": b"\x89PNG\0\0" + secret,
        },
        base,
    )
    spec = version(lambda where: where, base)
    found = await leaking.in_work(repository.workspace, spec, commit)
    assert set(found) == {
        Leak(path="new.txt", line=2, kind="GitHub token"),
        Leak(path="pic.png", line=1, kind="GitHub token"),
    }


async def test_what_cannot_be_read_counts_as_found(repository: Repository) -> None:
    work = repository.directory / "work"
    await git(repository.directory, "clone", "--quiet", str(repository.remote), str(work))
    (work / "big.txt").write_bytes(b"a" * 4_000_001)
    (work / "link").symlink_to("README.md")
    await git(work, "add", "--all")
    who = ("-c", "user.name=Other", "-c", "user.email=other@localhost")
    await git(work, *who, "commit", "--quiet", "--message", "Others")
    await git(work, "push", "--quiet", "origin", "HEAD:refs/heads/others")
    branch = await repository.workspace.branch_head("others")
    assert branch is not None
    spec = version(lambda where: where, repository.base)
    found = await leaking.in_work(repository.workspace, spec, branch.head)
    assert {(leak.path, leak.kind) for leak in found} == {
        ("big.txt", UNREAD),
        ("link", UNREAD),
    }


async def test_after_many_finds_the_rest_counts_as_found(repository: Repository) -> None:
    secret = FAKES["GitHub token"].encode()
    commit = await repository.commit({"a.txt": (secret + b"\n") * (MOST + 5), "b.txt": b"ordinary\n"})
    found = await leaking.in_work(repository.workspace, version(lambda where: where, repository.base), commit)
    assert {leak.path for leak in found if leak.kind == UNREAD} == {"a.txt", "b.txt"}
    assert MOST < len(found) < MOST + 5
