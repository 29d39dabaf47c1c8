"""Each option and variable that git is run with, and the attack that it stops.

Every attack is first shown to work on plain git, with the same store, and then tried through the adapter.
"""

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.adapters.git import Git, GitFailed
from engine.errors import RepositoryUnusable, Unreachable
from tests.conformance.test_workspace import ME

Run = Callable[..., Awaitable[str]]
Attack = Callable[["Place", Run], Awaitable[object]]


@dataclass
class Place:
    """A bare store with one branch of a repository, and what an attacker may have planted around it."""

    root: Path
    ran: Path = field(init=False)
    store: Path = field(init=False)
    work: Path = field(init=False)

    def __post_init__(self) -> None:
        self.ran, self.store, self.work = self.root / "ran", self.root / "store", self.root / "work"
        self.work.mkdir(parents=True)
        self.at_work("init", "-q", "-b", "main")
        self.write("a.sql", "select 1\n")
        self.write("ümlaut.txt", "x\n")
        self.commit("first")
        self.write("a.sql", "select planted\n")
        self.commit("second")
        plain(self.root, "clone", "-q", "--bare", str(self.work), str(self.store))

    def write(self, name: str, text: str) -> None:
        (self.work / name).write_text(text)

    def commit(self, subject: str) -> None:
        self.at_work("add", "-A")
        self.at_work("commit", "-qm", subject)

    def at_work(self, *arguments: str) -> str:
        return plain(self.work, *arguments)

    def plant(self, **config: str) -> None:
        """Settings in the store: core_hooksPath="x" sets core.hooksPath."""
        for name, value in config.items():
            plain(self.store, "config", name.replace("_", "."), value)

    def script(self, name: str = "evil", body: str = "") -> str:
        """A program that leaves a trace when it is run."""
        path = self.root / name
        path.write_text(f"#!/bin/sh\necho ran >>{self.ran}\n{body}\n")
        path.chmod(0o755)
        return str(path)

    @property
    def head(self) -> str:
        return plain(self.store, "rev-parse", "main")

    def remote(self) -> Path:
        """A bare repository to push to."""
        path = self.root / "remote"
        plain(self.root, "init", "-q", "--bare", str(path))
        return path


def plain(where: Path, *arguments: str, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=where,
        env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", **ME, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def unguarded(place: Place) -> Run:
    async def run(*arguments: str, extra: Mapping[str, str] | None = None, stdin: str = "") -> str:
        done = subprocess.run(
            ["git", "--no-pager", f"--git-dir={place.store}", *arguments],
            cwd="/",
            env={"PATH": os.environ["PATH"], **ME, **(extra or {})},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        return done.stdout

    return run


def guarded(place: Place) -> Run:
    async def run(*arguments: str, extra: Mapping[str, str] | None = None, stdin: str = "") -> str:
        try:
            output = await Git(place.store).run(
                *arguments, stdin=stdin.encode(), extra={**ME, **(extra or {})}, timeout_s=20
            )
        except GitFailed as failure:
            output = failure.output
        return output.decode()

    return run


# ---------------------------------------------------------------- programs that settings name


async def hook(place: Place, git: Run) -> object:
    place.plant(core_hooksPath=str(place.root))
    place.script("reference-transaction")
    await git("update-ref", "refs/heads/other", place.head)
    return place.ran.exists()


async def file_monitor(place: Place, git: Run) -> object:
    place.plant(core_fsmonitor=place.script())
    index = {"GIT_INDEX_FILE": str(place.work / ".git" / "index")}
    await git(f"--work-tree={place.work}", "-c", "core.bare=false", "diff", "--name-only", extra=index)
    return place.ran.exists()


async def credential_helper(place: Place, git: Run) -> object:
    place.plant(credential_helper=place.script())
    await git("credential", "fill", stdin="protocol=https\nhost=example.invalid\n\n")
    return place.ran.exists()


async def program_that_asks(place: Place, git: Run) -> object:
    place.plant(core_askPass=place.script(body="echo secret"))
    said = await git("credential", "fill", stdin="protocol=https\nhost=example.invalid\n\n")
    return "secret" in said or place.ran.exists()


def signed(place: Place) -> str:
    """A commit with something that looks like a signature."""
    text = plain(place.store, "cat-file", "commit", "main")
    head, _, body = text.partition("\n\n")
    made = f"{head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n fake\n -----END PGP SIGNATURE-----\n\n{body}\n"
    return plain(place.store, "hash-object", "-t", "commit", "-w", "--stdin", stdin=made)


async def signature_looked_at(place: Place, git: Run) -> object:
    place.plant(log_showSignature="true", gpg_program=place.script())
    await git("log", "-1", "--format=%H", signed(place))
    return place.ran.exists()


async def commit_signed(place: Place, git: Run) -> object:
    place.plant(commit_gpgSign="true", gpg_program=place.script(), core_bare="false")
    await git(f"--work-tree={place.root}", "commit", "--allow-empty", "-m", "x")
    return place.ran.exists()


async def push_signed(place: Place, git: Run) -> object:
    remote = place.remote()
    plain(remote, "config", "receive.certNonceSeed", "seed")
    place.plant(push_gpgSign="true", gpg_program=place.script())
    await git("push", str(remote), "main:refs/heads/x", extra={"GIT_ALLOW_PROTOCOL": "file"})
    return place.ran.exists()


async def command_as_transport(place: Place, git: Run) -> object:
    place.plant(protocol_ext_allow="always")
    await git("ls-remote", f"ext::{place.script()}")
    return place.ran.exists()


# ---------------------------------------------------------------- what settings hide, add or send elsewhere


async def attributes_that_hide_a_change(place: Place, git: Run) -> object:
    (place.root / "attributes").write_text("*.sql -diff\n")
    place.plant(core_attributesFile=str(place.root / "attributes"))
    return "+select planted" not in await git("diff-tree", "-p", "main~1", "main")


async def patterns_that_hide_a_file(place: Place, git: Run) -> object:
    (place.root / "patterns").write_text("*\n")
    place.plant(core_excludesFile=str(place.root / "patterns"))
    place.write("unseen.txt", "x")
    words = (f"--work-tree={place.work}", "-c", "core.bare=false", "-C", str(place.work))
    return "unseen.txt" not in await git(*words, "ls-files", "--others", "--exclude-standard")


async def names_that_cannot_be_read(place: Place, git: Run) -> object:
    place.plant(core_quotePath="true")
    return "ümlaut.txt" not in await git("ls-tree", "--name-only", "main")


async def _added(place: Place, git: Run, name: str) -> bool:
    blob = plain(place.store, "rev-parse", "main:a.sql")
    index = {"GIT_INDEX_FILE": str(place.root / "index")}
    await git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", extra=index)
    return bool(await git("ls-files", extra=index))


async def repository_by_a_short_name(place: Place, git: Run) -> object:
    place.plant(core_protectNTFS="false")
    return await _added(place, git, "git~1/config")


async def repository_by_an_invisible_character(place: Place, git: Run) -> object:
    place.plant(core_protectHFS="false")
    return await _added(place, git, ".g\u200cit/config")


async def another_author(place: Place, git: Run) -> object:
    (place.root / "mailmap").write_text("Somebody Else <x@example.invalid> <dana@example.invalid>\n")
    place.plant(log_mailmap="true", mailmap_file=str(place.root / "mailmap"))
    return "Somebody Else" in await git("log", "-1", "main")


def with_submodule(place: Place) -> Path:
    """The work gets a submodule, and the store is its .git; what the submodule came from goes on."""
    inner = place.root / "inner"
    plain(place.root, "init", "-q", "-b", "main", str(inner))
    (inner / "needle.txt").write_text("needle\n")
    plain(inner, "add", ".")
    plain(inner, "commit", "-qm", "inner")
    place.at_work("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "inner")
    place.commit("with a submodule")
    place.store = place.work / ".git"
    return inner


async def search_beyond_the_repository(place: Place, git: Run) -> object:
    with_submodule(place)
    place.plant(submodule_recurse="true")
    return "needle" in await git("-C", str(place.work), f"--work-tree={place.work}", "grep", "needle")


async def fetch_beyond_the_repository(place: Place, git: Run) -> object:
    inner = with_submodule(place)
    other = place.root / "other"
    plain(place.root, "clone", "-q", "--bare", str(place.work), str(other))
    place.at_work("remote", "add", "origin", str(other))
    place.plant(fetch_recurseSubmodules="true", protocol_file_allow="always")
    plain(inner, "commit", "-q", "--allow-empty", "-m", "more")
    words = ("-C", str(place.work), f"--work-tree={place.work}", "fetch", "origin")
    await git(*words, extra={"GIT_ALLOW_PROTOCOL": "file"})
    return plain(place.work / "inner", "rev-parse", "origin/main") == plain(inner, "rev-parse", "main")


async def push_of_something_else(place: Place, git: Run) -> object:
    remote = place.remote()
    place.plant(push_recurseSubmodules="only")
    await git("push", str(remote), "main:refs/heads/x", extra={"GIT_ALLOW_PROTOCOL": "file"})
    return "refs/heads/x" not in plain(remote, "for-each-ref")


# ---------------------------------------------------------------- housekeeping under the work


async def packs_made_anew(place: Place, git: Run) -> object:
    for number in range(3):
        blob = plain(place.store, "hash-object", "-w", "--stdin", stdin=f"{number}")
        plain(place.store, "pack-objects", "-q", "objects/pack/pack", stdin=f"{blob}\n")
    place.plant(gc_autoPackLimit="1", gc_autoDetach="false")
    before = set((place.store / "objects" / "pack").glob("*.pack"))
    await git("gc", "--auto", "--quiet")
    return set((place.store / "objects" / "pack").glob("*.pack")) != before


async def housekeeping_after_a_fetch(place: Place, git: Run) -> object:
    place.plant(**{"maintenance_commit-graph_enabled": "true", "maintenance_commit-graph_auto": "1"})
    place.at_work("commit", "-q", "--allow-empty", "-m", "more")
    words = ("fetch", str(place.work), "+refs/heads/main:refs/heads/main")
    await git(*words, extra={"GIT_ALLOW_PROTOCOL": "file"})
    return any((place.store / "objects" / "info").glob("commit-graph*"))


# ---------------------------------------------------------------- the environment


async def settings_of_the_machine(place: Place, git: Run) -> object:
    (place.root / "system").write_text("[alias]\n\tplanted = !echo planted\n")
    return "planted" in await git("planted", extra={"GIT_CONFIG_SYSTEM": str(place.root / "system")})


async def settings_of_the_operator(place: Place, git: Run) -> object:
    (place.root / ".gitconfig").write_text("[alias]\n\tplanted = !echo planted\n")
    return "planted" in await git("planted", extra={"HOME": str(place.root)})


async def objects_replaced(place: Place, git: Run) -> object:
    plain(place.store, "replace", "main:a.sql", "main~1:a.sql")
    return "planted" not in await git("cat-file", "blob", "main:a.sql")


async def path_as_pattern(place: Place, git: Run) -> object:
    return await git("log", "--format=%H", "main", "--", "*.sql")


async def index_written_by_a_look(place: Place, git: Run) -> object:
    index = place.work / ".git" / "index"
    os.utime(place.work / "a.sql", (1, 1))
    before = index.read_bytes()
    words = ("-C", str(place.work), f"--work-tree={place.work}", "-c", "core.bare=false", "status")
    await git(*words, extra={"GIT_INDEX_FILE": str(index)})
    return index.read_bytes() != before


ATTACKS: tuple[Attack, ...] = (
    hook, file_monitor, credential_helper, program_that_asks, signature_looked_at, commit_signed, push_signed,
    command_as_transport, attributes_that_hide_a_change, patterns_that_hide_a_file,
    names_that_cannot_be_read, repository_by_a_short_name, repository_by_an_invisible_character,
    another_author, search_beyond_the_repository, fetch_beyond_the_repository, push_of_something_else,
    packs_made_anew, housekeeping_after_a_fetch, settings_of_the_machine, settings_of_the_operator,
    objects_replaced, path_as_pattern, index_written_by_a_look,
)  # fmt: skip


@pytest.mark.parametrize("attack", [pytest.param(one, id=one.__name__) for one in ATTACKS])
async def test_it_works_on_plain_git_and_not_here(attack: Attack, tmp_path: Path) -> None:
    off, on = Place(tmp_path / "off"), Place(tmp_path / "on")
    assert await attack(off, unguarded(off)), "it has to work where nothing stops it"
    assert not await attack(on, guarded(on))


async def test_what_git_starts_sees_no_home_and_nothing_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path / "here")
    monkeypatch.setenv("SECRET", "canary")
    monkeypatch.setenv("GIT_SSH_COMMAND", "canary")
    seen = (await Git(place.store).run("-c", "alias.show-all=!env -0", "show-all")).decode().split("\0")
    values = dict(line.split("=", 1) for line in seen if line)
    assert (
        values.items()
        >= {
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ALLOW_PROTOCOL": "",
        }.items()
    )
    assert "canary" not in "".join(seen)


async def test_it_runs_nowhere_near_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path / "here")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    near = ["git", f"--git-dir={place.store}", "rev-parse", "main"]
    assert subprocess.run(near, capture_output=True, check=False).returncode, "it has to fail there"
    assert len(await Git(place.store).run("rev-parse", "main")) == 41
    assert await Git(place.store).run("-c", "alias.where=!pwd", "where") == b"/\n"


async def test_without_git_it_is_told_that_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Place(tmp_path / "here").store
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepositoryUnusable, match="The program git is missing: install it and try again"):
        await Git(store).run("rev-parse", "main")


async def test_what_takes_a_moment_ends_by_itself_when_nobody_waits(tmp_path: Path) -> None:
    """A signal could come between a lock and what would remove it."""
    place = Place(tmp_path / "here")
    git = Git(place.store)
    head = (await git.run("rev-parse", "main")).decode().strip()
    for number in range(5):
        with pytest.raises(Unreachable):
            await git.run("update-ref", f"refs/heads/r{number}", head, timeout_s=0)
    assert len((await git.run("for-each-ref", "refs/heads/r*")).splitlines()) == 5


async def test_what_may_take_longer_is_ended_at_once(tmp_path: Path) -> None:
    place = Place(tmp_path / "here")
    late = f"alias.late=!sleep 0.35; touch {place.ran}"
    with pytest.raises(Unreachable):
        await Git(place.store).run("-c", late, "late", timeout_s=0)
    assert not place.ran.exists()
    await Git(place.store).run("-c", f"{late}.too", "late")
    assert [path.name for path in tmp_path.rglob("ran*")] == ["ran.too"]


async def test_a_call_that_is_cancelled_while_git_starts_leaves_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path / "here")
    late = f"alias.late=!sleep 0.2; touch {place.ran}"
    for turns in range(9):
        call = asyncio.create_task(Git(place.store).run("-c", late, "late"))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    await Git(place.store).run("-c", f"{late}.too", "late")
    assert [path.name for path in tmp_path.rglob("ran*")] == ["ran.too"]
