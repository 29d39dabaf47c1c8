"""How a pull request at GitHub stands: its fate, what people said, what checks say of its head.

The mark holds the ETag of each answer. A look asks with them first: while all of them are "not modified" it
costs nothing of the rate limit. As soon as one differs, everything is read.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

import structlog
from pydantic import Field, ValidationError

from engine.adapters.github_client import PAGE, GitHubClient
from engine.adapters.github_errors import Doing
from engine.adapters.github_http import Wire
from engine.adapters.github_remarks import MOST, checks_of, remarks_of
from engine.adapters.github_wire import (
    CheckRuns,
    ClosedIssue,
    Comment,
    LineComment,
    Permission,
    Pull,
    Review,
    Statuses,
)
from engine.errors import NeedsPerson, Unreachable
from engine.ports import Fate, OutsideCheck, Remark, Watched

T = TypeVar("T")

LOOK_TIMEOUT_S = 55.0
LONGEST_MARK = 4_000
PAGES = 5
MOST_AUTHORS = 20

_WATCHING = Doing("read pull requests", "Pull requests: read and write")
_CHECKS = Doing("read checks", "Checks: read")
_STATUSES = Doing("read commit statuses", "Commit statuses: read")
_MEMBERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_MAY_PUSH = frozenset({"admin", "maintain", "write"})

log = structlog.get_logger()


class _Mark(Wire):
    """ETags by address: path, and page where there are several."""

    etags: dict[str, str] = Field(default_factory=dict)


class Watch:
    """Looks at pull requests of one repository.

    Args:
        client: Of the repository.
    """

    def __init__(self, client: GitHubClient) -> None:
        self._client = client

    async def look(self, number: int, mark: str) -> Watched | None:
        """See `engine.ports.Forge.look`."""
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S), self._client.session():
                if await self._same(_read(mark)):
                    return None
                return await _Look(self._client, number).all()
        except TimeoutError:
            raise Unreachable("GitHub took too long to answer.") from None

    async def _same(self, known: _Mark) -> bool:
        for address, etag in known.etags.items():
            path, _, page = address.partition("#")
            got = await self._client.changed(path, object, _WATCHING, query=_query(path, page), etag=etag)
            if got.value is not None:
                return False
        return bool(known.etags)


class _Look:
    """One look: reads everything, and keeps the ETags."""

    def __init__(self, client: GitHubClient, number: int) -> None:
        self._client = client
        self._number = number
        self._etags: dict[str, str] = {}

    async def all(self) -> Watched:
        number = self._number
        pull = await self._one(f"pulls/{number}", Pull, _WATCHING)
        said = await self._list(f"issues/{number}/comments", Comment)
        lines = await self._list(f"pulls/{number}/comments", LineComment)
        reviews = await self._list(f"pulls/{number}/reviews", Review)
        remarks = remarks_of(pull, said, lines, reviews)
        watched = Watched(
            fate=_fate(pull),
            draft=pull.draft,
            commit=pull.head.sha,
            remarks=await self._with_rights(remarks[-MOST:]),
            checks=await self._checks(pull.head.sha),
            closed_by=await self._closed_by(pull),
            closed_at=pull.closed_at,
        )
        mark = _Mark(etags=self._etags).model_dump_json()
        return watched.model_copy(update={"mark": mark if len(mark) <= LONGEST_MARK else ""})

    async def _one(self, path: str, as_: type[T], doing: Doing, page: str = "") -> T:
        got = await self._client.changed(path, as_, doing, query=_query(path, page))
        assert got.value is not None  # noqa: S101 - asked without an ETag
        if got.etag:
            self._etags[f"{path}#{page}" if page else path] = got.etag
        return got.value

    async def _list(self, path: str, as_: type[T]) -> Sequence[T]:
        """To the first page that is not full: what is new will change that one."""
        found: list[T] = []
        for page in range(1, PAGES + 1):
            items: list[T] = await self._one(path, list[as_], _WATCHING, str(page))  # type: ignore[valid-type]
            found += items
            if len(items) < PAGE:
                break
        return found

    async def _checks(self, commit: str) -> tuple[OutsideCheck, ...]:
        """Of what we are allowed to see: without a permission there are none, which is logged."""
        runs, statuses = CheckRuns(), Statuses()
        try:
            runs = await self._one(f"commits/{commit}/check-runs", CheckRuns, _CHECKS)
        except NeedsPerson as error:
            log.warning("forge.not_seen", pull_request=self._number, reason=error.sentence)
        try:
            statuses = await self._one(f"commits/{commit}/status", Statuses, _STATUSES)
        except NeedsPerson as error:
            log.warning("forge.not_seen", pull_request=self._number, reason=error.sentence)
        return checks_of(commit, runs, statuses)

    async def _with_rights(self, remarks: Sequence[tuple[Remark, str]]) -> tuple[Remark, ...]:
        """Each remark with whether its author may push, as GitHub says today; of 20 people at most.

        Those that GitHub calls members come first, so that no crowd of strangers keeps them out. Others are
        asked for, too: an App is not told who is a private member of the organisation.
        """
        newest = [(one.author, association) for one, association in reversed(remarks) if not one.by_bot]
        members = [author for author, association in newest if association in _MEMBERS]
        authors = list(dict.fromkeys([*members, *(author for author, _ in newest)]))[:MOST_AUTHORS]
        may = [author for author in authors if await self._may_push(author)]
        return tuple(one.model_copy(update={"may_write": one.author in may}) for one, _ in remarks)

    async def _may_push(self, login: str) -> bool:
        try:
            path = f"collaborators/{quote(login, safe='')}/permission"
            held = await self._client.get(path, Permission, _WATCHING)
        except NeedsPerson:
            return False
        return held.permission in _MAY_PUSH

    async def _closed_by(self, pull: Pull) -> str:
        if pull.state == "open" or pull.merged_by is not None:
            return pull.merged_by.login if pull.merged_by else ""
        try:
            closed = await self._client.get(f"issues/{pull.number}", ClosedIssue, _WATCHING)
        except NeedsPerson:
            return ""
        return closed.closed_by.login if closed.closed_by else ""


def _read(mark: str) -> _Mark:
    try:
        return _Mark.model_validate_json(mark or "{}")
    except ValidationError:
        return _Mark()


def _query(path: str, page: str) -> Mapping[str, str | int]:
    if page:
        return {"per_page": PAGE, "page": page}
    return {"per_page": PAGE} if path.startswith("commits/") else {}


def _fate(pull: Pull) -> Fate:
    if pull.merged_at is not None:
        return Fate.MERGED
    return Fate.OPEN if pull.state == "open" else Fate.CLOSED
