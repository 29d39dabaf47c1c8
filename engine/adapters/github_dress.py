"""What a pull request gets once it stands: labels and reviewers. Delivered without them too, it says so."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Collection, Sequence
from typing import Any

import structlog

from engine.adapters.github_client import GitHubClient
from engine.adapters.github_errors import Doing
from engine.adapters.github_owners import PLACES, Reviewers, owners_of
from engine.adapters.github_wire import Content, Event, File, Pull
from engine.errors import GreenlightError, NeedsPerson

FILE_PAGES = 3
LARGEST_CODEOWNERS = 1_000_000
MOST_UNSET = 4
LONGEST_UNSET = 240

_LABELLING = Doing("set labels", "Pull requests: read and write")
_ASKING = Doing("ask for reviews", "Pull requests: read and write")
_READING = Doing("read files", "Contents: read and write")

log = structlog.get_logger()


class Dress:
    """Labels from the configuration and reviewers from CODEOWNERS, each set once in a pull request's life.

    Args:
        client: Of the repository.
        labels: GitHub makes those that it does not have.
        from_codeowners: Whether the owners of the changed files are asked.
    """

    def __init__(self, client: GitHubClient, labels: tuple[str, ...], *, from_codeowners: bool) -> None:
        self._client = client
        self._labels = labels
        self._from_codeowners = from_codeowners

    async def put_on(self, pull: Pull, happened: Collection[str] = ()) -> tuple[str, ...]:
        """Set what never was.

        Args:
            pull: The pull request.
            happened: Kinds of its events so far, as GitHub calls them.

        Returns:
            What could not be set, and why, a line each; bounded.
        """
        unset: list[str] = []
        if self._labels and "labeled" not in happened:
            unset += await _tried(pull, f"labels {', '.join(self._labels)}", self._label(pull))
        if self._from_codeowners and "review_requested" not in happened:
            unset += await _tried(pull, "reviewers", self._ask(pull))
        more = len(unset) - MOST_UNSET
        return (*unset[:MOST_UNSET], *([f"and {more} more"] if more > 0 else []))

    async def complete(self, pull: Pull) -> tuple[str, ...]:
        """What an attempt that died left out, as `put_on`; what people took away stays away."""
        if self._labels or self._from_codeowners:
            return tuple(await _tried(pull, "labels and reviewers", self._complete(pull)))
        return ()

    async def _complete(self, pull: Pull) -> Sequence[str]:
        path = f"issues/{pull.number}/events"
        happened = {one.event for one in await self._client.pages(path, Event, _LABELLING, most=1)}
        return await self.put_on(pull, happened)

    async def _label(self, pull: Pull) -> Sequence[str]:
        await self._client.send(
            "POST", f"issues/{pull.number}/labels", {"labels": list(self._labels)}, list[Any], _LABELLING
        )
        return ()

    async def _ask(self, pull: Pull) -> Sequence[str]:
        text = await self._codeowners(pull.base.sha or pull.base.ref)
        if not text:
            return ()
        files = await self._client.pages(f"pulls/{pull.number}/files", File, _READING, most=FILE_PAGES)
        paths = [path for one in files for path in (one.filename, one.previous_filename) if path]
        reviewers = await asyncio.to_thread(
            owners_of,
            text,
            paths,
            organisation=self._client.place.owner,
            author=pull.user.login if pull.user else "",
        )
        if reviewers == Reviewers():
            return ()
        try:
            return await self._request(pull, reviewers)
        except NeedsPerson:
            # One who may not review lets the whole request fail.
            each = [(name, Reviewers(people=(name,))) for name in reviewers.people]
            each += [(name, Reviewers(teams=(name,))) for name in reviewers.teams]
            unset: list[str] = []
            for name, one in each:
                unset += await _tried(pull, f"reviewer {name}", self._request(pull, one))
            return unset

    async def _request(self, pull: Pull, reviewers: Reviewers) -> Sequence[str]:
        body = {"reviewers": list(reviewers.people), "team_reviewers": list(reviewers.teams)}
        await self._client.send("POST", f"pulls/{pull.number}/requested_reviewers", body, Pull, _ASKING)
        return ()

    async def _codeowners(self, commit: str) -> str:
        """Of the base: what the pull request changes of it counts once it is merged."""
        for path in PLACES:
            got = await self._content(path, commit)
            if got is not None:
                return got
        return ""

    async def _content(self, path: str, commit: str) -> str | None:
        content = await self._client.found(f"contents/{path}", Content, _READING, query={"ref": commit})
        if content is None:
            return None
        try:
            return base64.b64decode(content.content).decode("utf-8", "replace")[:LARGEST_CODEOWNERS]
        except binascii.Error:
            return ""


async def _tried(pull: Pull, what: str, work: Awaitable[Sequence[str]]) -> Sequence[str]:
    """What of it could not be set."""
    try:
        return await work
    except GreenlightError as error:
        log.warning("forge.not_set", pull_request=pull.number, what=what, reason=error.sentence)
        return [f"{what}: {error.sentence}"[:LONGEST_UNSET]]
