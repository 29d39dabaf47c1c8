"""What a pull request gets once it stands: labels and reviewers. It is delivered without them, too."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Collection
from typing import Any

import structlog

from engine.adapters.github_client import GitHubClient
from engine.adapters.github_errors import Doing
from engine.adapters.github_owners import PLACES, Reviewers, owners_of
from engine.adapters.github_wire import Content, Event, File, Pull
from engine.errors import GreenlightError, NeedsPerson

FILE_PAGES = 3
LARGEST_CODEOWNERS = 1_000_000

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

    async def put_on(self, pull: Pull, happened: Collection[str] = ()) -> None:
        """Set what never was; what cannot be set is logged.

        Args:
            pull: The pull request.
            happened: Kinds of its events so far, as GitHub calls them.
        """
        if self._labels and "labeled" not in happened:
            await _tried(pull, "labels", self._label(pull))
        if self._from_codeowners and "review_requested" not in happened:
            await _tried(pull, "reviewers", self._ask(pull))

    async def complete(self, pull: Pull) -> None:
        """What an attempt that died left out; what people took away stays away."""
        if self._labels or self._from_codeowners:
            await _tried(pull, "labels and reviewers", self._complete(pull))

    async def _complete(self, pull: Pull) -> None:
        path = f"issues/{pull.number}/events"
        await self.put_on(
            pull, {one.event for one in await self._client.pages(path, Event, _LABELLING, most=1)}
        )

    async def _label(self, pull: Pull) -> None:
        await self._client.send(
            "POST", f"issues/{pull.number}/labels", {"labels": list(self._labels)}, list[Any], _LABELLING
        )

    async def _ask(self, pull: Pull) -> None:
        text = await self._codeowners(pull.base.sha or pull.base.ref)
        if not text:
            return
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
            return
        try:
            await self._request(pull, reviewers)
        except NeedsPerson:
            # One who may not review lets the whole request fail.
            for one in [Reviewers(people=(name,)) for name in reviewers.people] + [
                Reviewers(teams=(name,)) for name in reviewers.teams
            ]:
                await _tried(pull, "reviewer", self._request(pull, one))

    async def _request(self, pull: Pull, reviewers: Reviewers) -> None:
        body = {"reviewers": list(reviewers.people), "team_reviewers": list(reviewers.teams)}
        await self._client.send("POST", f"pulls/{pull.number}/requested_reviewers", body, Pull, _ASKING)

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


async def _tried(pull: Pull, what: str, work: Awaitable[None]) -> None:
    try:
        await work
    except GreenlightError as error:
        log.warning("forge.not_set", pull_request=pull.number, what=what, reason=error.sentence)
