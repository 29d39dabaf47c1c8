"""What goes to a remote and what comes from it: exactly one commit to one branch, and nothing beside it."""

import asyncio
import os
from pathlib import Path

import pytest

from engine.adapters.git import Git
from engine.adapters.git_remote import Access, Remote
from engine.errors import PushRejected, RepositoryUnusable, Unreachable
from tests.engine.adapters.test_git_hardening import Place, plain

REF = "refs/greenlight/base/main"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A store, what it came from with a tag and another branch, and settings that send everything along."""
    place = Place(tmp_path / "here")
    place.at_work("tag", "-a", "v1", "-m", "tag", "main")
    place.at_work("branch", "other", "main")
    plain(place.store, "tag", "-a", "v2", "-m", "tag", "main")
    place.plant(push_followTags="true", push_default="matching")
    return place


def references(where: Path) -> set[str]:
    return set(plain(where, "for-each-ref", "--format=%(refname) %(objectname)").splitlines())


async def test_a_push_takes_one_commit_to_one_branch_and_nothing_along(place: Place) -> None:
    off, on = place.remote(), place.root / "on"
    plain(place.root, "init", "-q", "--bare", str(on))
    plain(place.store, "push", str(off), "main:refs/heads/greenlight/x")
    assert any("refs/tags/v2" in line for line in references(off)), "plain git does take the tag along"
    parent = plain(place.store, "rev-parse", "main~1")
    await Remote(str(on), Git(place.store)).push(parent, "greenlight/x", "")
    assert references(on) == {f"refs/heads/greenlight/x {parent}"}


async def test_a_push_moves_a_branch_only_from_where_it_was_seen(place: Place) -> None:
    there, remote = place.remote(), Remote(str(place.root / "remote"), Git(place.store))
    first, second = plain(place.store, "rev-parse", "main~1"), place.head
    await remote.push(second, "greenlight/x", "")
    for seen in ("", first):
        with pytest.raises(PushRejected, match="moved the branch meanwhile"):
            await remote.push(first, "greenlight/x", seen)
        assert references(there) == {f"refs/heads/greenlight/x {second}"}
    await remote.push(first, "greenlight/x", second)  # backwards, too: it is ours
    assert references(there) == {f"refs/heads/greenlight/x {first}"}


async def test_a_fetch_brings_the_branch_and_nothing_beside_it(place: Place) -> None:
    place.at_work("commit", "-q", "--allow-empty", "-m", "more")
    place.at_work("tag", "-a", "v3", "-m", "tag")
    before, head = references(place.store), place.at_work("rev-parse", "main")
    remote = Remote(str(place.work), Git(place.store))
    await remote.fetch("main", REF)
    assert references(place.store) - before == {f"{REF} {head}"}
    await remote.fetch_all({"main": "refs/x/main", "other": "refs/x/other"})
    other = place.at_work("rev-parse", "other")
    assert references(place.store) - before == {
        f"{REF} {head}",
        f"refs/x/main {head}",
        f"refs/x/other {other}",
    }
    assert not (place.store / "FETCH_HEAD").exists()
    plain(place.store, "fetch", str(place.work), "main:refs/y/main")
    assert any("refs/tags/v3" in line for line in references(place.store)), "plain git does bring the tag"
    assert (place.store / "FETCH_HEAD").exists()


async def test_a_branch_that_was_rewritten_or_never_there(place: Place) -> None:
    remote = Remote(str(place.work), Git(place.store))
    await remote.fetch_all({"main": "refs/x/main"})
    place.at_work("commit", "-q", "--amend", "-m", "rewritten")
    await remote.fetch("main", "refs/x/main")
    await remote.fetch_all({"main": "refs/x/main"})
    assert plain(place.store, "rev-parse", "refs/x/main") == place.at_work("rev-parse", "main")
    with pytest.raises(RepositoryUnusable, match="has no branch gone; it has main, other"):
        await remote.fetch("gone", "refs/x/gone")
    with pytest.raises(Unreachable, match="went away"):
        await remote.fetch_all({"main": "refs/x/main", "gone": "refs/x/gone"})


async def test_branches_of_a_shallow_clone_come_too(place: Place) -> None:
    shallow = place.root / "shallow"
    plain(place.root, "clone", "-q", "--depth=1", f"file://{place.work}", str(shallow))
    plain(shallow, "checkout", "-q", "-b", "new")
    plain(shallow, "commit", "-q", "--allow-empty", "-m", "more")
    one, several = Git(place.root / "one"), Git(place.root / "several")
    for store in (one, several):  # each with nothing before: what is shallow already takes more of it
        plain(place.root, "init", "-q", "--bare", str(store.store))
    await Remote(str(shallow), one).fetch("new", "refs/x/new")
    await Remote(str(shallow), several).fetch_all({"main": "refs/x/main", "new": "refs/x/new"})
    for store in (one, several):
        assert plain(store.store, "rev-parse", "refs/x/new") == plain(shallow, "rev-parse", "new")


async def test_what_is_not_there_is_told_before_git_is_asked(tmp_path: Path) -> None:
    remote = Remote(str(tmp_path / "nowhere"), Git(tmp_path / "store"))
    for asked in (
        remote.branches(), remote.default_branch(), remote.fetch("main", REF),
        remote.fetch_all({"main": REF}), remote.push("a" * 40, "greenlight/x", ""),
    ):  # fmt: skip
        with pytest.raises(RepositoryUnusable, match=r"There is no repository at .*nowhere: correct"):
            await asked


async def test_a_remote_that_takes_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "store").mkdir()
    remote = Remote("https://h.invalid/a.git", Git(tmp_path / "store"), timeout_s=0.05)
    async with asyncio.timeout(10):
        with pytest.raises(Unreachable, match="took too long"):
            await remote.branches()


async def test_a_store_that_cannot_be_written_is_told(place: Place) -> None:
    with pytest.raises(RepositoryUnusable, match="cannot be written to the state directory"):
        await Remote(str(place.work), Git(place.root / "no-store")).branches()


# ---------------------------------------------------------------- what git is given to reach it

PASSED_ON = (
    "SSH_AUTH_SOCK", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
)  # fmt: skip
TOKEN = "github_pat_fake_0000000000"  # noqa: S105 (visibly fake)
SIGNED = "Authorization: Basic eC1hY2Nlc3MtdG9rZW46Z2l0aHViX3BhdF9mYWtlXzAwMDAwMDAwMDA="


class Token:
    async def token(self) -> str:
        return TOKEN

    def refused(self, token: str) -> bool:
        return False

    async def protected(self, branch: str) -> bool:
        return False


async def given(
    location: str, access: Access | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The environment of a git that does not reach this remote."""
    seen, program = tmp_path / "seen", tmp_path / "bin" / "git"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\nenv -0 >{seen}\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(Unreachable):
        await Remote(location, Git(tmp_path / "store"), access).branches()
    return dict(line.split("=", 1) for line in seen.read_text().split("\0") if line)


@pytest.mark.parametrize(
    ("location", "access", "allowed", "header_of"),
    [
        ("https://h.invalid/a.git", None, "https", ""),
        ("https://h.invalid/a.git", Token(), "https", "https://h.invalid/"),
        ("https://u:p@h.invalid:8443/a.git", Token(), "https", "https://h.invalid:8443/"),
        ("ssh://git@h.invalid/a.git", Token(), "ssh", ""),
        ("git@h.invalid:a.git", None, "ssh", ""),
        ("http://127.0.0.1:9/a.git", Token(), "http", "http://127.0.0.1:9/"),
        ("http://127.0.0.1:9/a.git", None, "ssh", ""),
        ("http://h.invalid/a.git", Token(), "ssh", ""),
        ("git://127.0.0.1:9/a.git", Token(), "ssh", ""),
        ("ext::sh -c true", Token(), "ssh", ""),
    ],
)
async def test_one_transport_is_allowed_and_the_credential_is_for_its_host_alone(
    location: str,
    access: Access | None,
    allowed: str,
    header_of: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (*PASSED_ON, "SECRET", "GIT_SSH_COMMAND"):
        monkeypatch.setenv(name, f"of {name}")
    environment = await given(location, access, tmp_path, monkeypatch)
    assert {name: environment.get(name) for name in PASSED_ON} == {name: f"of {name}" for name in PASSED_ON}
    assert "SECRET" not in environment
    assert environment["GIT_ALLOW_PROTOCOL"] == allowed
    ssh = environment.get("GIT_SSH_COMMAND", "")
    assert ssh == ("ssh -o BatchMode=yes -o ConnectTimeout=20" if allowed == "ssh" else "")
    settings = {name: value for name, value in environment.items() if name.startswith("GIT_CONFIG_")}
    header = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{header_of}.extraHeader",
        "GIT_CONFIG_VALUE_0": SIGNED,
    }
    fixed = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    assert settings == fixed | (header if header_of else {})


async def test_nothing_is_passed_on_that_is_not_there_and_nothing_at_all_to_a_local_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PASSED_ON:
        monkeypatch.delenv(name, raising=False)
    environment = await given("https://h.invalid/a.git", None, tmp_path, monkeypatch)
    assert not environment.keys() & set(PASSED_ON)
    for name in PASSED_ON:
        monkeypatch.setenv(name, "x")
    (tmp_path / "store").mkdir()
    (tmp_path / "a:b").mkdir()
    for location in (str(tmp_path), f"file://{tmp_path}", f"{tmp_path}/a:b"):
        environment = await given(location, Token(), tmp_path, monkeypatch)
        assert not environment.keys() & {*PASSED_ON, "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT"}
        assert environment["GIT_ALLOW_PROTOCOL"] == "file"


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("https://u:p@h.invalid/a.git", "https://h.invalid/a.git"),
        ("https://u@h.invalid/a.git", "https://h.invalid/a.git"),
        ("https://u:p@ss@h.invalid/a.git", "https://h.invalid/a.git"),
        ("https://h.invalid/a.git", "https://h.invalid/a.git"),
        ("git@h.invalid:a.git", "git@h.invalid:a.git"),
        ("/srv/a@b/c", "/srv/a@b/c"),
        ("/srv/c#", "/srv/c#"),
    ],
)
def test_a_remote_is_called_without_what_is_secret_of_it(location: str, name: str, tmp_path: Path) -> None:
    assert Remote(location, Git(tmp_path)).name == name


async def test_which_directories_are_trusted_is_all_that_counts_of_the_operators_settings(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = 'with "quotes" and \\ and\nanother line'
    (place.root / ".gitconfig").write_text("[core]\n\tpager = evil\n")
    for value in ("/first", odd):
        plain(place.root, "config", "--file", ".gitconfig", "--add", "safe.directory", value)
    monkeypatch.setenv("HOME", str(place.root))
    await Remote(str(place.work), Git(place.store)).branches()
    kept = place.store / "greenlight-trusted.gitconfig"
    listed = plain(place.root, "config", "--file", str(kept), "-z", "--list").split("\0")
    assert [one for one in listed if one] == ["safe.directory\n/first", f"safe.directory\n{odd}"]


async def test_who_trusts_no_directory_trusts_none_here(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(place.root))
    await Remote(str(place.work), Git(place.store)).branches()
    kept = place.store / "greenlight-trusted.gitconfig"
    assert plain(place.root, "config", "--file", str(kept), "--list") == ""


async def test_an_address_is_never_an_option_and_the_machines_settings_tell_only_whom_to_trust(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, program = place.root / "calls", place.root / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nfor one; do echo \"$one\"; done >>{calls}\n"
                       f"echo NOSYSTEM=$GIT_CONFIG_NOSYSTEM >>{calls}\nexit 1\n")  # fmt: skip
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    git = Git(place.store)
    for location in ("-x:y", str(place.work)):
        remote = Remote(location, git)
        for asked in (
            remote.branches(), remote.default_branch(), remote.fetch("main", REF),
            remote.fetch_all({"a": REF}), remote.push("a" * 40, "greenlight/x", ""),
        ):  # fmt: skip
            calls.write_text("")
            with pytest.raises(Unreachable):
                await asked
            said = calls.read_text().splitlines()
            assert said[said.index(location) - 1] == "--"
            if location == "-x:y":
                assert [one for one in said if one.startswith("NOSYSTEM")] == ["NOSYSTEM=1"]
            else:
                assert [one for one in said if one.startswith("NOSYSTEM")] == ["NOSYSTEM=0", "NOSYSTEM=1"]
                assert said.index("safe.directory") < said.index("NOSYSTEM=0")
