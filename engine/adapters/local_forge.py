"""A forge without a service: every pull request is a JSON file in a directory.

`1.json`, `2.json`, … hold one `Record` each. They are written beside the directory's other files,
synced and put in place in one move, so a reader finds a whole record or none. A lock on the file
`.lock`, which the system releases when its holder dies, makes the look for an earlier pull request
of the same request and the choice of the next number one action, across processes.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from engine.errors import DiskFull, NeedsPerson, Unreachable
from engine.ports import Draft, Fate, Frozen, OutsideCheck, PullRequest, Remark, Watched

_MOST = 100


class Comment(Frozen):
    """A comment; `key` is whose it is, and the same key's words replace it."""

    key: str
    body: str


class Record(Frozen):
    """A pull request as its file holds it.

    Attributes:
        closed_by, closed_at: Who closed or merged it, and when.
        merged_into: Where the base branch was when it was merged.
    """

    number: int
    draft: bool
    content: Draft
    comments: tuple[Comment, ...] = ()
    fate: Fate = Fate.OPEN
    closed_by: str = ""
    closed_at: datetime | None = None
    merged_into: str = ""
    remarks: tuple[Remark, ...] = ()
    checks: tuple[OutsideCheck, ...] = ()


class LocalForge:
    """Implements `engine.ports.Forge` on a directory.

    Args:
        directory: Where the records are; made when the first pull request is opened.
        pages: Address of the page that shows them, for links: a pull request's is `{pages}/pulls/NUMBER`.
    """

    def __init__(self, directory: Path, pages: str) -> None:
        self._directory = directory
        self._pages = pages.rstrip("/")

    async def find(self, key: str, branch: str) -> PullRequest | None:
        """The pull request of this key; failing that, the newest one of this branch."""
        return await asyncio.to_thread(self._find, key, branch)

    async def open_draft(self, draft: Draft) -> PullRequest:
        """Open a draft under the next number.

        Raises:
            NeedsPerson: the key or the branch has a pull request already.
            DiskFull: there is no room for it.
            Unreachable: the directory cannot be read or written.
        """
        return await asyncio.to_thread(self._open, draft)

    async def update(self, number: int, draft: Draft) -> PullRequest:
        """Replace title, body and commit; key, branch and base have to be the same.

        Raises:
            NeedsPerson: there is no such open pull request, or it belongs to another request or branch.
            DiskFull: there is no room for it.
            Unreachable: the directory cannot be read or written.
        """
        return await asyncio.to_thread(self._update, number, draft)

    async def comment(self, number: int, key: str, body: str) -> None:
        """Comment under a key, or replace what was said under it.

        Raises:
            NeedsPerson: there is no such pull request.
            DiskFull: there is no room for it.
            Unreachable: the directory cannot be read or written.
        """
        await asyncio.to_thread(self._comment, number, key, body)

    async def look(self, number: int, mark: str) -> Watched | None:
        """How it stands; the mark is a digest of that.

        Raises:
            NeedsPerson: there is no such pull request.
            Unreachable: the directory cannot be read.
        """
        return await asyncio.to_thread(self._look, number, mark)

    def _find(self, key: str, branch: str) -> PullRequest | None:
        record = _earlier(read_records(self._directory), key, branch)
        return self._seen(record) if record else None

    def _open(self, draft: Draft) -> PullRequest:
        with _mapped_errors(), _locked(self._directory):
            records = read_records(self._directory)
            earlier = _earlier(records, draft.key, draft.branch)
            if earlier:
                raise NeedsPerson(f"Pull request {earlier.number} already stands for this request or branch.")
            number = max((record.number for record in records), default=0) + 1
            record = Record(number=number, draft=True, content=draft)
            with _written(self._directory, record) as scratch:
                # A link never replaces a file, not even one made by somebody who ignores the lock.
                os.link(scratch, _path(self._directory, number))
        return self._seen(record)

    def _update(self, number: int, draft: Draft) -> PullRequest:
        def updated(old: Record) -> Record:
            if old.fate is not Fate.OPEN:
                raise NeedsPerson(
                    f"Pull request {number} is {old.fate.value}: nothing gets into it any more."
                )
            if (old.content.key, old.content.branch, old.content.base) != (
                draft.key,
                draft.branch,
                draft.base,
            ):
                raise NeedsPerson(f"Pull request {number} belongs to another request or branch.")
            return old.model_copy(update={"content": draft})

        return self._seen(change(self._directory, number, updated))

    def _comment(self, number: int, key: str, body: str) -> None:
        def commented(old: Record) -> Record:
            said = {comment.key: comment.body for comment in old.comments} | {key: body}
            comments = tuple(Comment(key=key, body=body) for key, body in said.items())
            return old.model_copy(update={"comments": comments})

        change(self._directory, number, commented)

    def _look(self, number: int, mark: str) -> Watched | None:
        record = read_record(self._directory, number)
        if record is None:
            raise NeedsPerson(f"There is no pull request with the number {number}.")
        seen = Watched(
            fate=record.fate,
            draft=record.draft,
            commit=record.content.commit,
            remarks=record.remarks[-_MOST:],
            checks=tuple(check for check in record.checks if check.commit == record.content.commit)[-_MOST:],
            closed_by=record.closed_by,
            closed_at=record.closed_at,
        )
        digest = hashlib.sha256(seen.model_dump_json().encode()).hexdigest()
        return None if digest == mark else seen.model_copy(update={"mark": digest})

    def _seen(self, record: Record) -> PullRequest:
        return PullRequest(
            number=record.number,
            url=f"{self._pages}/pulls/{record.number}",
            branch=record.content.branch,
            commit=record.content.commit,
            draft=record.draft,
        )


def read_records(directory: Path) -> list[Record]:
    """All pull requests, by number. A directory that is not there yet holds none.

    Raises:
        NeedsPerson: a record is damaged.
        Unreachable: the directory cannot be read.
    """
    with _mapped_errors():
        numbers = sorted(int(path.stem) for path in directory.glob("*.json") if path.stem.isdecimal())
    records = (read_record(directory, number) for number in numbers)
    return [record for record in records if record]


def read_record(directory: Path, number: int) -> Record | None:
    """One pull request, None if there is none with that number.

    Raises:
        NeedsPerson: the record is damaged.
        Unreachable: the file cannot be read.
    """
    path = _path(directory, number)
    try:
        with _mapped_errors():
            return Record.model_validate_json(path.read_bytes()) if path.exists() else None
    except ValidationError as error:
        raise NeedsPerson(f"The local forge's record {number}.json is damaged: mend or remove it.") from error


def change(directory: Path, number: int, how: Callable[[Record], Record]) -> Record:
    """Change a pull request as one action, and return it.

    Raises:
        NeedsPerson: there is none with that number, or what `how` raises.
        DiskFull: there is no room for it.
        Unreachable: the directory cannot be read or written.
    """
    with _mapped_errors(), _locked(directory):
        old = read_record(directory, number)
        if old is None:
            raise NeedsPerson(f"There is no pull request with the number {number}.")
        record = how(old)
        with _written(directory, record) as scratch:
            scratch.replace(_path(directory, number))
    return record


def _earlier(records: list[Record], key: str, branch: str) -> Record | None:
    of_key = [record for record in records if record.content.key == key]
    of_branch = [record for record in records if record.content.branch == branch]
    found = of_key or of_branch
    return found[-1] if found else None


def _path(directory: Path, number: int) -> Path:
    return directory / f"{number}.json"


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _written(directory: Path, record: Record) -> Iterator[Path]:
    """The record in a synced scratch file; the caller puts it in place, and then that is synced too."""
    descriptor, name = tempfile.mkstemp(prefix=".scratch-", dir=directory)
    scratch = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(record.model_dump_json(indent=2).encode())
            file.flush()
            os.fsync(file.fileno())
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)
    _sync(directory)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull("No space is left for the local forge's pull requests: free some.") from error
        raise Unreachable("The local forge's directory cannot be read or written.") from error
