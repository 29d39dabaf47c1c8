"""The sample repository: a data team's, with history, as a bare git repository to push to.

Its files stand under sample/, those of people's unfinished branches under sample_branches/, the commits
in sample_history.yml. Nothing else goes in, so every run on every machine makes the same commit ids.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from engine.errors import ConfigurationInvalid

FILES = Path(__file__).with_name("sample")
BRANCH_FILES = Path(__file__).with_name("sample_branches")
HISTORY = Path(__file__).with_name("sample_history.yml")
BRANCH = "main"


class Before(BaseModel):
    """A text of today, and what stood in its place at that commit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    now: str
    then: str


class Commit(BaseModel):
    """A commit of the history: the files it adds, by glob, and where they read differently then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    author: str
    at: datetime
    paths: tuple[str, ...]
    omit: tuple[str, ...] = ()
    before: tuple[Before, ...] = ()
    body: str = ""


class Topic(BaseModel):
    """A branch that begins where `main` ends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    commits: tuple[Commit, ...]


class History(BaseModel):
    """All commits, oldest first; `authors` maps their short names to "Name <address>"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    authors: Mapping[str, str]
    commits: tuple[Commit, ...]
    branches: tuple[Topic, ...] = ()


async def create(directory: Path) -> str:
    """Make the bare repository and return the commit id of its branch `main`.

    A repository that is already there is left as it is: it may hold branches that were pushed.

    Raises:
        ConfigurationInvalid: git is missing, or the directory is something else or cannot be written.
    """
    if await asyncio.to_thread(_holds_something, directory):
        return await _head(directory)
    stream = await asyncio.to_thread(_stream)
    try:
        await asyncio.to_thread(directory.parent.mkdir, parents=True, exist_ok=True)
        scratch = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=".sample-", dir=directory.parent))
    except OSError as error:
        raise ConfigurationInvalid(f"The folder {directory.parent} cannot be written.") from error
    try:
        await _git(scratch, "init", "--quiet", "--bare", "--template=", f"--initial-branch={BRANCH}")
        await _git(scratch, "fast-import", "--quiet", "--date-format=raw", stdin=stream)
        head = await _head(scratch)
        await asyncio.to_thread(_put_in_place, scratch, directory)
    finally:
        await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
    return head


def _holds_something(directory: Path) -> bool:
    return directory.exists() and not (directory.is_dir() and not any(directory.iterdir()))


def _put_in_place(scratch: Path, directory: Path) -> None:
    scratch.chmod(0o755)
    try:
        scratch.rename(directory)
    except OSError as error:
        raise ConfigurationInvalid(f"The folder {directory} cannot be written.") from error


async def _head(directory: Path) -> str:
    return (await _git(directory, "rev-parse", "--verify", f"refs/heads/{BRANCH}")).decode().strip()


async def _git(directory: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Run git on a bare repository with nobody's configuration."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }
    command = ("git", f"--git-dir={directory}", "-c", "safe.directory=*", *arguments)
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe
        )
    except FileNotFoundError as error:
        raise ConfigurationInvalid("git is not installed: install it and start again.") from error
    output, _ = await process.communicate(stdin)
    if process.returncode:
        raise ConfigurationInvalid(
            f"{directory} is not the sample repository: remove the folder or choose another one."
        )
    return output


def _stream() -> bytes:
    """The whole history in the form that `git fast-import` reads."""
    history = History.model_validate(yaml.safe_load(HISTORY.read_text(encoding="utf-8")))
    parts = list(_branch(BRANCH, history.commits, FILES, history.authors))
    for topic in history.branches:
        parts += _branch(topic.name, topic.commits, BRANCH_FILES / topic.name, history.authors, BRANCH)
    return b"".join(parts)


def _branch(
    name: str, commits: Iterable[Commit], folder: Path, authors: Mapping[str, str], begins: str = ""
) -> Iterator[bytes]:
    """A branch's commits, the first one on top of the branch `begins`."""
    files = dict(_files(folder))
    for commit in commits:
        yield _commit(commit, name, authors[commit.author], files, begins)
        begins = ""


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _commit(commit: Commit, branch: str, author: str, files: Mapping[str, bytes], begins: str) -> bytes:
    who = f"{author} {int(commit.at.timestamp())} +0000"
    message = f"{commit.subject}\n\n{commit.body}".rstrip() + "\n"
    # "data" counts bytes; "from" is implied within a branch: its commits follow each other.
    parts = [
        f"commit refs/heads/{branch}\nauthor {who}\ncommitter {who}\n".encode(),
        _data(message.encode()),
        f"from refs/heads/{begins}\n".encode() if begins else b"",
    ]
    for path in _chosen(commit, files):
        parts += [f"M 100644 inline {path}\n".encode(), _data(_then(path, files[path], commit.before))]
    return b"".join(parts)


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _chosen(commit: Commit, files: Iterable[str]) -> list[str]:
    """The files a commit adds.

    Raises:
        ValueError: one of its globs finds nothing.
    """
    chosen: set[str] = set()
    for pattern in commit.paths:
        found = {path for path in files if fnmatch(path, pattern)}
        if not found:
            raise ValueError(f"{commit.subject}: {pattern} finds no file")
        chosen |= found
    return sorted(path for path in chosen if not any(fnmatch(path, pattern) for pattern in commit.omit))


def _then(path: str, content: bytes, before: Iterable[Before]) -> bytes:
    """A file as it was at a commit.

    Raises:
        ValueError: the text it is said to hold today is not there once.
    """
    for change in before:
        if change.path == path:
            if content.count(change.now.encode()) != 1:
                raise ValueError(f"{path} does not hold {change.now!r} once")
            content = content.replace(change.now.encode(), change.then.encode())
    return content
