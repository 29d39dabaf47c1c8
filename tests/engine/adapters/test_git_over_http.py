"""A real bare repository behind git over HTTP: where the credential goes, and what is pushed."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from engine.adapters.git_workspace import GitWorkspace
from engine.adapters.github_client import GitHubClient
from engine.adapters.github_place import Place
from engine.adapters.github_secrets import AppKey
from engine.errors import (
    GreenlightError,
    NeedsPerson,
    PushRejected,
    RateLimited,
    RepositoryUnusable,
    Unreachable,
)
from tests.conformance.test_workspace import at
from tests.github.git_http import GitHttp
from tests.github.keys import pair
from tests.github.local_github import LocalGitHub

TOKEN = "github_pat_fake_0000000000"  # noqa: S105 (visibly fake)
OTHER = "github_pat_fake_1111111111"
BRANCH = "greenlight/add-thing-1"


class Access:
    """What GitHub's client gives a workspace."""

    def __init__(self) -> None:
        self.current = TOKEN
        self.rules: set[str] = set()
        self.asked = 0
        self.next: list[str] = []

    async def token(self) -> str:
        self.asked += 1
        return self.current

    def refused(self, token: str) -> bool:
        if self.next:
            self.current = self.next.pop(0)
            return True
        return False

    async def protected(self, branch: str) -> bool:
        return branch in self.rules


@pytest.fixture
def access() -> Access:
    return Access()


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """acme/data.git with a first commit on main."""
    bare = tmp_path / "served" / "acme" / "data.git"
    bare.mkdir(parents=True)
    at(bare)("init", "-q", "--bare", "-b", "main")
    clone = tmp_path / "clone"
    at(tmp_path)("clone", "-q", str(bare), str(clone))
    (clone / "README.md").write_text("hello\n")
    git = at(clone)
    git("checkout", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "first")
    git("push", "-q", "origin", "main")
    return bare


@pytest.fixture
async def server(bare: Path, tmp_path: Path) -> AsyncIterator[GitHttp]:
    async with GitHttp(tmp_path / "served", {TOKEN}) as server:
        yield server


@pytest.fixture
def workspace(server: GitHttp, tmp_path: Path, access: Access) -> GitWorkspace:
    return GitWorkspace(f"{server.url}/acme/data.git", "main", tmp_path / "store", access=access)


async def commit(workspace: GitWorkspace, tmp_path: Path, text: str = "more\n") -> str:
    base = await workspace.refresh()
    tree = tmp_path / "tree"
    await workspace.checkout(base, tree)
    (tree / "README.md").write_text(text)
    return (await workspace.commit(tree, base, "feat: more")).commit


async def refusal(workspace: GitWorkspace, made: str, branch: str = BRANCH) -> str:
    with pytest.raises(PushRejected) as refused:
        await workspace.push(made, branch)
    return refused.value.sentence


async def test_exactly_the_commit_is_pushed_and_read_back(
    workspace: GitWorkspace, bare: Path, tmp_path: Path
) -> None:
    made = await commit(workspace, tmp_path)
    before = at(bare)("for-each-ref")

    await workspace.push(made, BRANCH)

    assert await workspace.pushed(BRANCH) == made
    assert set(at(bare)("for-each-ref").splitlines()) == {
        *before.splitlines(),
        f"{made} commit\trefs/heads/{BRANCH}",
    }


async def test_the_credential_is_in_no_command_line_no_file_and_only_where_git_talks_to_the_remote(
    workspace: GitWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: GitHttp
) -> None:
    calls = _recorded_git(tmp_path, monkeypatch)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    await workspace.push(await commit(workspace, tmp_path), BRANCH)

    header = server.asked[-1][2].removeprefix("Basic ")
    recorded = [json.loads(line) for line in calls.read_text().splitlines()]
    assert len(recorded) > 10
    assert not [one["argv"] for one in recorded if _holds(json.dumps(one["argv"]), header)]
    with_credential = {one["command"] for one in recorded if _holds(json.dumps(one["env"]), header)}
    assert with_credential == {"ls-remote", "fetch", "push"}
    assert not [one for one in recorded if "GITHUB_TOKEN" in one["env"]], "not the variable itself"
    assert {one["command"] for one in recorded if "NO_PROXY" in one["env"]} == with_credential
    for one in (path for path in tmp_path.rglob("*") if path.is_file() and path != calls):
        assert not _holds(one.read_bytes().decode("latin-1"), header), one


def _holds(text: str, header: str) -> bool:
    return TOKEN in text or header in text


def _recorded_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git before the real one that writes down how it was called."""
    calls, wrapper = tmp_path / "calls", tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    wrapper.write_text(
        f"""#!{sys.executable} -IS
import json, os, sys
words = iter(sys.argv[1:])
command = next(w for w in words if not w.startswith("-") and "=" not in w)
with open({str(calls)!r}, "a") as file:
    print(json.dumps(dict(argv=sys.argv, env=dict(os.environ), command=command)), file=file)
os.execv({real!r}, sys.argv)
"""
    )
    wrapper.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
    return calls


async def test_a_token_that_was_revoked_is_replaced_once(
    workspace: GitWorkspace, server: GitHttp, access: Access
) -> None:
    await workspace.refresh()
    server.tokens.clear()
    server.tokens.add(OTHER)
    with pytest.raises(RepositoryUnusable) as refused:
        await workspace.refresh()
    assert "credentials" in refused.value.sentence

    access.next = [OTHER]
    await workspace.refresh()
    server.tokens.clear()
    access.next = [TOKEN, OTHER]
    with pytest.raises(RepositoryUnusable):
        await workspace.refresh()
    assert access.next == [OTHER], "not for ever"


async def test_a_redirect_is_not_followed_and_the_other_host_hears_nothing(
    workspace: GitWorkspace, server: GitHttp, tmp_path: Path
) -> None:
    made = await commit(workspace, tmp_path)
    async with GitHttp(tmp_path / "served", {TOKEN}) as other:
        for status in (301, 302, 307, 308):
            server.answers = [(status, {"Location": f"{other.url}/acme/data.git/info/refs?service=x"}, "")]
            with pytest.raises(RepositoryUnusable) as refused:
                await workspace.push(made, BRANCH)
            assert "renamed or moved" in refused.value.sentence
        assert other.asked == []


async def test_an_existing_branch_of_others_is_left_alone(
    workspace: GitWorkspace, bare: Path, tmp_path: Path
) -> None:
    made = await commit(workspace, tmp_path)
    theirs = at(bare)("rev-parse", "main")
    at(bare)("branch", BRANCH, "main")

    assert "not from here" in await refusal(workspace, made)
    assert at(bare)("rev-parse", BRANCH) == theirs


async def test_what_we_pushed_before_the_store_was_lost_is_ours_and_what_others_made_of_it_is_not(
    workspace: GitWorkspace, server: GitHttp, access: Access, bare: Path, tmp_path: Path
) -> None:
    first = await commit(workspace, tmp_path, "one\n")
    await workspace.push(first, BRANCH)
    later = GitWorkspace(f"{server.url}/acme/data.git", "main", tmp_path / "another", access=access)
    second = await commit(later, tmp_path, "two\n")
    assert second != first
    git = at(bare)
    tree, main = git("rev-parse", f"{first}^{{tree}}"), git("rev-parse", "main")
    who = git("log", "-1", "--format=%an%n%ae", first).splitlines()
    kim, us = ("Kim", "kim@example.org"), who[:2]
    theirs = [
        git("-c", f"user.name={name}", "-c", f"user.email={email}", "commit-tree", tree, "-p", on, "-m", "x")
        for (name, email), on in ((kim, main), (us, first), (us, main))
    ]
    raw = git("cat-file", "commit", first)
    path = tmp_path / "amended"
    path.write_text(f"{raw}, amended\n")
    theirs.append(git("hash-object", "-t", "commit", "-w", str(path)))
    for held in theirs:
        git("update-ref", f"refs/heads/{BRANCH}", held)
        assert "not from here" in await refusal(later, second)
        assert git("rev-parse", BRANCH) == held
    git("update-ref", f"refs/heads/{BRANCH}", first)
    await later.push(second, BRANCH)
    assert git("rev-parse", BRANCH) == second


async def test_a_branch_that_moved_since_we_pushed_it_is_left_alone(
    workspace: GitWorkspace, bare: Path, tmp_path: Path
) -> None:
    first = await commit(workspace, tmp_path, "one\n")
    await workspace.push(first, BRANCH)
    second = await commit(workspace, tmp_path, "two\n")
    await workspace.push(second, BRANCH)
    assert at(bare)("rev-parse", BRANCH) == second, "over what we put there ourselves"

    base = at(bare)("rev-parse", "main")
    at(bare)("update-ref", f"refs/heads/{BRANCH}", base)
    assert "not from here" in await refusal(workspace, first)
    assert at(bare)("rev-parse", BRANCH) == base


async def test_a_branch_that_appears_while_we_push_is_left_alone(
    workspace: GitWorkspace, server: GitHttp, bare: Path, tmp_path: Path
) -> None:
    made = await commit(workspace, tmp_path)
    theirs = at(bare)("rev-parse", "main")
    server.meanwhile = lambda: at(bare)("update-ref", f"refs/heads/{BRANCH}", theirs)

    with pytest.raises(PushRejected):
        await workspace.push(made, BRANCH)
    assert at(bare)("rev-parse", BRANCH) == theirs


@pytest.mark.parametrize("branch", ["main", "feature/x", "greenlight", "Greenlight/x", "refs/heads/main"])
async def test_only_branches_of_ours_are_pushed_to(
    workspace: GitWorkspace, bare: Path, tmp_path: Path, branch: str
) -> None:
    made = await commit(workspace, tmp_path)
    before = at(bare)("for-each-ref")
    assert "Only branches beneath greenlight/" in await refusal(workspace, made, branch)
    assert at(bare)("for-each-ref") == before


async def test_the_default_branch_is_not_pushed_to_whatever_its_name(
    workspace: GitWorkspace, bare: Path, tmp_path: Path
) -> None:
    made = await commit(workspace, tmp_path)
    at(bare)("branch", BRANCH, "main")
    at(bare)("symbolic-ref", "HEAD", f"refs/heads/{BRANCH}")
    assert "default branch" in await refusal(workspace, made)


async def test_a_protected_branch_is_not_pushed_to(
    workspace: GitWorkspace, access: Access, server: GitHttp, tmp_path: Path
) -> None:
    made = await commit(workspace, tmp_path)
    access.rules.add(BRANCH)
    assert "A rule protects" in await refusal(workspace, made)
    assert not [path for method, path, _ in server.asked if path.endswith("git-receive-pack")]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("GH006: Protected branch update failed for refs/heads/x.", "protected branch"),
        ("GH013: Repository rule violations found for refs/heads/x.", "protected branch"),
        ("GH013: Push cannot contain secrets", "looks like a secret"),
        ("GH001: Large files detected.", "larger than"),
        (
            "refusing to allow a Personal Access Token to create or update workflow `.github/a.yml` "
            "without `workflow` scope",
            "changes a workflow",
        ),
    ],
)
async def test_what_the_remote_refuses_is_told_and_nothing_is_there(
    workspace: GitWorkspace, bare: Path, tmp_path: Path, said: str, told: str
) -> None:
    made = await commit(workspace, tmp_path)
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho 'error: {said}' >&2\nexit 1\n")
    hook.chmod(0o755)

    assert told in await refusal(workspace, made)
    assert await workspace.pushed(BRANCH) is None


@pytest.mark.parametrize(
    ("status", "said", "kind", "told"),
    [
        (401, "", RepositoryUnusable, "credentials"),
        (403, "Write access to repository not granted.", RepositoryUnusable, "credentials"),
        (
            403,
            "The `acme' organization has enabled or enforced SAML SSO. To access this repository, you must "
            "re-authorize the OAuth Application.",
            RepositoryUnusable,
            "Configure SSO",
        ),
        (403, "This repository was archived so it is read-only.", PushRejected, "archived"),
        (404, "Repository not found.", RepositoryUnusable, "no git repository"),
        (404, "", RepositoryUnusable, "no git repository"),
        (429, "", RateLimited, "slow down"),
        (500, "", Unreachable, "did not answer"),
        (502, "", Unreachable, "did not answer"),
    ],
)
async def test_what_the_host_says_is_told_without_the_credential(
    workspace: GitWorkspace, server: GitHttp, status: int, said: str, kind: type[GreenlightError], told: str
) -> None:
    server.answers = [(status, {}, said)] * 3
    with pytest.raises(kind) as failed:
        await workspace.refresh()
    assert told in failed.value.sentence
    assert "fake" not in repr(failed.value)


async def test_an_apps_tokens_serve_git_and_a_suspended_installation_is_told(
    bare: Path, tmp_path: Path
) -> None:
    async with LocalGitHub() as hub, GitHttp(tmp_path / "served", hub.tokens) as server:
        hub.app_key = pair().public
        hub.tokens.clear()
        client = GitHubClient(Place("acme", "data", hub.api), AppKey("12345", SecretStr(pair().private)))
        workspace = GitWorkspace(f"{server.url}/acme/data.git", "main", tmp_path / "store", access=client)
        await workspace.push(await commit(workspace, tmp_path), BRANCH)
        assert len(hub.issued) == 1

        hub.tokens.clear()
        await workspace.refresh()
        assert len(hub.issued) == 2

        hub.tokens.clear()
        assert hub.installation is not None
        hub.installation["suspended_at"] = "2026-11-25T10:00:00Z"
        with pytest.raises(NeedsPerson) as told:
            await workspace.refresh()
        assert "suspended" in told.value.sentence


async def test_the_credential_is_no_matter_of_ssh(tmp_path: Path, access: Access) -> None:
    for remote in ("ssh://git@127.0.0.1:9/acme/data.git", "git@127.0.0.1:acme/data.git"):
        with pytest.raises(GreenlightError):
            await GitWorkspace(remote, "main", tmp_path / "store", access=access).refresh()
    assert access.asked == 0


async def test_plain_http_is_for_this_machine_and_with_a_credential_only(
    tmp_path: Path, access: Access, server: GitHttp
) -> None:
    elsewhere = GitWorkspace("http://git.example.invalid/a.git", "main", tmp_path / "a", access=access)
    without = GitWorkspace(f"{server.url}/acme/data.git", "main", tmp_path / "b")
    for workspace in (elsewhere, without):
        with pytest.raises(RepositoryUnusable) as refused:
            await workspace.refresh()
        assert "https or ssh" in refused.value.sentence
    assert (access.asked, server.asked) == (0, [])
