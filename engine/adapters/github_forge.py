"""`ports.Forge` at GitHub.

An earlier attempt's pull request is found by the line that names its request, or by the branch, which is a
request's own. GitHub itself has no more than one open pull request a branch and base.
"""

from collections.abc import Sequence

from engine.adapters.github_client import GitHubClient
from engine.adapters.github_dress import Dress
from engine.adapters.github_errors import Doing
from engine.adapters.github_marks import hashed, mark_of, marked, unix
from engine.adapters.github_watch import Watch
from engine.adapters.github_wire import Comment, Pull
from engine.errors import NeedsPerson, Unreachable
from engine.ports import Draft, PullRequest, Watched

RECENT_PAGES = 3
COMMENT_PAGES = 10

_READING = Doing("read pull requests", "Pull requests: read and write")
_OPENING = Doing("open a pull request", "Pull requests: read and write")
_UPDATING = Doing("update a pull request", "Pull requests: read and write")
_COMMENTING = Doing("comment on a pull request", "Pull requests: read and write")


class GitHubForge:
    """Implements `engine.ports.Forge`.

    Args:
        client: Of the repository.
        prefix: Of the branches that are ours.
        dress: What a pull request gets once it stands.
    """

    def __init__(self, client: GitHubClient, prefix: str, dress: Dress) -> None:
        self._client = client
        self._place = client.place
        self._prefix = prefix
        self._dress = dress
        self._watch = Watch(client)

    async def find(self, key: str, branch: str) -> PullRequest | None:
        """The pull request of this key among the branch's and the newest; failing that, the branch's newest.

        Raises:
            NeedsPerson, Transient: as every method: GitHub refused, or did not answer properly.
        """
        async with self._client.session():
            found = await self._find(key, branch)
        return _seen(found) if found else None

    async def open_draft(self, draft: Draft) -> PullRequest:
        """Open a draft, and give it its labels and reviewers.

        Raises:
            NeedsPerson: the key or the branch has a pull request already, drafts are not available there, or
                the base holds the work already.
        """
        async with self._client.opening, self._client.session():
            earlier = await self._find(draft.key, draft.branch)
            if earlier is not None:
                raise NeedsPerson(
                    f"Pull request {earlier.number} already stands for this request or branch: "
                    f"{earlier.html_url}"
                )
            body = {
                "title": draft.title,
                "head": draft.branch,
                "base": draft.base,
                "body": marked(draft.body, draft.key),
                "draft": True,
            }
            pull = await self._client.send("POST", "pulls", body, Pull, _OPENING)
            if not pull.draft:
                raise NeedsPerson(
                    f"GitHub opened pull request {pull.number} ready for review instead of as a draft. Make "
                    f"it one by hand, and try again: {pull.html_url}"
                )
            _require_commit(pull, draft)
            unset = await self._dress.put_on(pull)
        return _seen(pull).model_copy(update={"unset": unset})

    async def update(self, number: int, draft: Draft) -> PullRequest:
        """Replace title and body of an open pull request of ours, and see that it shows the commit.

        Raises:
            NeedsPerson: it is merged or closed, of another request, branch or base, or somebody else's.
            Unreachable: it does not show the pushed commit (yet).
        """
        async with self._client.session():
            pull = await self._client.get(f"pulls/{number}", Pull, _READING)
            self._require_ours(pull, draft)
            _require_commit(pull, draft)
            body = marked(draft.body, draft.key)
            if (pull.title, unix(pull.body)) != (draft.title, body):
                wanted = {"title": draft.title, "body": body}
                pull = await self._client.send("PATCH", f"pulls/{number}", wanted, Pull, _UPDATING)
            _require_commit(pull, draft)
            unset = await self._dress.complete(pull)
        return _seen(pull).model_copy(update={"unset": unset})

    async def look(self, number: int, mark: str) -> Watched | None:
        """See `engine.ports.Forge.look`."""
        return await self._watch.look(number, mark)

    async def comment(self, number: int, key: str, body: str) -> None:
        """Comment under a key, or replace what was said under it.

        Raises:
            NeedsPerson: there is no such pull request, or GitHub refused.
        """
        text = marked(body, key)
        async with self._client.session():
            pull = await self._client.get(f"pulls/{number}", Pull, _READING)
            said = await self._client.pages(
                f"issues/{number}/comments", Comment, _READING, most=COMMENT_PAGES
            )
            # Only ours: others may quote the line.
            earlier = [
                one for one in said if one.user and one.user == pull.user and mark_of(one.body) == hashed(key)
            ]
            if not earlier:
                await self._client.send(
                    "POST", f"issues/{number}/comments", {"body": text}, Comment, _COMMENTING
                )
            elif unix(earlier[0].body) != text:
                path = f"issues/comments/{earlier[0].id}"
                await self._client.send("PATCH", path, {"body": text}, Comment, _COMMENTING)

    async def _find(self, key: str, branch: str) -> Pull | None:
        of_branch = await self._pulls({"head": f"{self._place.owner}:{branch}"}, pages=1)
        of_key = _of_key(of_branch, key) or _of_key(await self._pulls({}, pages=RECENT_PAGES), key)
        # On a branch of others an earlier pull request that is over was for other work.
        ours = branch.startswith(self._prefix)
        found = of_key or [
            pull for pull in of_branch if pull.head.ref == branch and (ours or pull.state == "open")
        ]
        return next((pull for pull in found if pull.state == "open"), found[0] if found else None)

    async def _pulls(self, query: dict[str, str], pages: int) -> Sequence[Pull]:
        """Newest first; of branches of this repository, not of forks."""
        newest = {"state": "all", "sort": "created", "direction": "desc", **query}
        pulls = await self._client.pages("pulls", Pull, _READING, most=pages, query=newest)
        return [pull for pull in pulls if pull.head.is_in(self._place.full)]

    def _require_ours(self, pull: Pull, draft: Draft) -> None:
        where = f"Pull request {pull.number} ({pull.html_url})"
        mark = mark_of(pull.body)
        ours = mark == hashed(draft.key) or (not mark and pull.head.ref.startswith(self._prefix))
        if not ours and not mark:
            raise NeedsPerson(
                f"{where} of the branch {pull.head.ref} is somebody else's, so it was left as it is. If one "
                "of mine is to take its place, close it and try again."
            )
        if not ours or (pull.head.ref, pull.base.ref) != (draft.branch, draft.base):
            raise NeedsPerson(f"{where} belongs to another request, branch or base, so it was left as it is.")
        if pull.state != "open":
            fate = "merged" if pull.merged_at else "closed"
            raise NeedsPerson(
                f"{where} was {fate} at GitHub, so it was neither opened again nor opened anew. Ask for what "
                "is still missing in a new thread."
            )


def _of_key(pulls: Sequence[Pull], key: str) -> list[Pull]:
    return [pull for pull in pulls if mark_of(pull.body) == hashed(key)]


def _require_commit(pull: Pull, draft: Draft) -> None:
    # After a push GitHub takes a moment; what it shows may also be somebody else's push.
    if pull.head.sha != draft.commit:
        raise Unreachable(
            f"Pull request {pull.number} shows {pull.head.sha[:12]} instead of the reviewed "
            f"{draft.commit[:12]}: GitHub is behind, or somebody moved the branch. {pull.html_url}"
        )


def _seen(pull: Pull) -> PullRequest:
    return PullRequest(
        number=pull.number, url=pull.html_url, branch=pull.head.ref, commit=pull.head.sha, draft=pull.draft
    )
