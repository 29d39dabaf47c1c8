"""A look at a repository that may become a configured one: where it is, and what it seems to need."""

import os
import re
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from engine.errors import ConfigurationInvalid, Rejected, RepositoryUnusable
from engine.ports import Workspace
from engine.proposing import Files, Proposal, propose, wanted
from engine.settings import NAME, RepositorySettings

_USUAL_BASES = ("main", "master", "develop", "trunk")
_LARGEST = 400_000
_MOST_READ = 60
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")


class Survey(BaseModel):
    """What was found.

    Attributes:
        looked_at: What was read.
        remote: Where branches are to be pushed, without names or passwords.
        base: The base branch that was looked at, at `commit`.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    looked_at: str
    remote: str
    base: str
    commit: str
    proposal: Proposal


async def survey(
    target: str, base: str | None = None, name: str | None = None, remote: str | None = None
) -> Survey:
    """Look at a repository's committed files; nothing of it is run.

    Args:
        target: A local path, or an https or ssh URL.
        base: The base branch. None: the one a local repository is on, else the usual names in turn.
        name: What to call it. None: as its path ends.
        remote: Where branches are to be pushed. None: the origin of a clone, else what is looked at.

    Raises:
        ConfigurationInvalid: the address holds a name or password, or nothing can be called so.
        RepositoryUnusable: there is no repository, or no such branch.
        Unreachable: it did not answer.
    """
    looked_at = _address(target)
    remote = _address(remote) if remote else await _origin(Path(looked_at)) or looked_at
    called = _usable(name) if name else _name(remote)
    bases = [base] if base else list(dict.fromkeys([*_checked_out(Path(looked_at)), *_USUAL_BASES]))
    refused: RepositoryUnusable | None = None
    with tempfile.TemporaryDirectory(prefix="greenlight-init-") as place:
        for one in bases:
            of = RepositorySettings(name=called, remote=_committed(looked_at), base=one)
            workspace = _workspace(of, Path(place))
            try:
                commit = await workspace.refresh()
            except RepositoryUnusable as no_such_branch:
                refused = refused or no_such_branch
                continue
            return Survey(
                name=called,
                looked_at=looked_at,
                remote=remote,
                base=one,
                commit=commit,
                proposal=await _proposal(workspace, commit),
            )
    raise refused or RepositoryUnusable(f"There is no branch in {looked_at} that could be the base.")


def _workspace(repository: RepositorySettings, place: Path) -> Workspace:
    from engine.repositories import Repositories

    return Repositories((repository,), place, os.environ).workspace(repository)


async def _proposal(workspace: Workspace, commit: str) -> Proposal:
    entries = [entry for entry in await workspace.files(commit) if entry.mode.startswith("100")]
    texts, unread = dict[str, str](), list[str]()
    for entry in [entry for entry in entries if wanted(entry.path)][:_MOST_READ]:
        try:
            content = await workspace.read(commit, entry.path) or b""
        except Rejected:
            content = None
        if content is None or len(content) > _LARGEST:
            unread.append(entry.path)
        else:
            texts[entry.path] = content.decode("utf-8", "replace")
    proposal = propose(Files(paths=frozenset(entry.path for entry in entries), texts=texts))
    notes = tuple(f"{path} is too large, so nothing was proposed from it." for path in unread)
    return proposal.model_copy(update={"notes": (*notes, *proposal.notes)})


async def _origin(clone: Path) -> str:
    """The address of a clone's origin, without a name or password; empty if it has none."""
    from engine.adapters.git import Git, GitFailed

    if not (clone / ".git").is_dir():
        return ""
    try:
        url = (await Git(clone / ".git").run("config", "--get", "remote.origin.url")).decode(
            "utf-8", "replace"
        )
    except GitFailed:
        return ""
    parts = urlsplit(url.strip()) if "://" in url else None
    if parts is None or parts.scheme == "ssh":
        return url.strip()
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _committed(address: str) -> str:
    """A clone's files may have changes that are not committed; its store has none of them."""
    store = Path(address, ".git")
    return str(store) if store.is_dir() else address


def _address(target: str) -> str:
    path = Path(target).expanduser()
    if "://" not in target and path.exists():
        return str(path.resolve())
    url = urlsplit(target if "://" in target else "")
    if url.password is not None or (url.username and url.scheme != "ssh"):
        raise ConfigurationInvalid(
            "No name or token belongs into the repository's address: give it without, and set the token in "
            "the environment."
        )
    return target


def _usable(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise ConfigurationInvalid(
            f"A repository cannot be called {name!r}: take lower-case letters, digits, “.”, “_”, “-”."
        )
    return name


def _name(remote: str) -> str:
    last = remote.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git").lower()
    name = _NOT_IN_NAMES.sub("-", last).strip("-._")[:40]
    if not name:
        raise ConfigurationInvalid("Say what to call the repository, with --name.")
    return name


def _checked_out(path: Path) -> list[str]:
    """The branch that a local repository is on."""
    for head in (path / ".git" / "HEAD", path / "HEAD"):
        try:
            text = head.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text.startswith("ref: refs/heads/"):
            return [text.removeprefix("ref: refs/heads/")]
    return []
