"""A repository as GitHub's REST API shows it: what is there, and what each call does with it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from tests.github import documents
from tests.github.documents import Document, failure, invalid

_OPENED = {"title": str, "head": str, "base": str, "body": str, "draft": bool}
_STRINGS = {"title": str, "body": str, "state": str, "base": str}


class Refused(Exception):
    """The call gets an error document."""

    def __init__(self, status: int, message: str, *errors: Document | str) -> None:
        super().__init__(message)
        self.status = status
        self.document = failure(status, message, *errors)


class HeldRepository:
    """Pull requests and what belongs to them.

    Args:
        full: owner/name.
        heads: The commit of a branch, None if there is none; a dict of its own if not given.

    Attributes:
        login: Who we are there.
        permissions, collaborators, teams: Who is there, with what rights.
        protected: Branches that a rule protects.
        files: Contents by (commit, path).
        changed: Files of each pull request, by its branch.
        drafts: Whether drafts are available.
        rules, standing: Of branches, and of the repository.
    """

    def __init__(self, full: str, heads: Callable[[str], str | None] | None) -> None:
        self.full = full
        self.branches: dict[str, str] = {"main": "b" * 40}
        self._heads = heads or self.branches.get
        self.pulls: dict[int, Document] = {}
        self.comments: dict[int, list[Document]] = {}
        self.events: dict[int, list[Document]] = {}
        self.line_comments: dict[int, list[Document]] = {}
        self.reviews: dict[int, list[Document]] = {}
        self.check_runs: dict[str, list[Document]] = {}
        self.statuses: dict[str, list[Document]] = {}
        self.closed_by: dict[int, str] = {}
        self.login = "greenlight-bot"
        self.permissions = {"ann": "write", "ben": "read"}
        self.collaborators = {"ann", "ben"}
        self.teams = {"data"}
        self.protected: set[str] = set()
        self.files: dict[tuple[str, str], bytes] = {}
        self.changed: dict[str, list[str]] = {}
        self.drafts = True
        self.rules: list[Document] = []
        self.standing: Document = {"archived": False, "permissions": {"pull": True, "push": True}}

    def adds(self, **fields: Any) -> Document:
        """A pull request that others opened; see `documents.pull`."""
        number = len(self.pulls) + 1
        pull = documents.pull(
            self.full, number, **{"title": "Theirs", "body": None, "draft": False, **fields}
        )
        self.pulls[number], self.comments[number], self.events[number] = pull, [], []
        return pull

    def answer(self, request: web.Request, path: str, body: Any) -> web.Response:
        """What GitHub answers to a signed call beneath the repository's path.

        Raises:
            Refused: as GitHub would.
        """
        routes: dict[tuple[str, str], Callable[..., web.Response]] = {
            ("GET", r"pulls"): self._list,
            ("POST", r"pulls"): self._open,
            ("GET", r"pulls/(\d+)"): self._get,
            ("PATCH", r"pulls/(\d+)"): self._edit,
            ("GET", r"pulls/(\d+)/files"): self._files,
            ("POST", r"pulls/(\d+)/requested_reviewers"): self._request,
            ("GET", r"issues/(\d+)/comments"): self._said,
            ("POST", r"issues/(\d+)/comments"): self._say,
            ("PATCH", r"issues/comments/(\d+)"): self._reword,
            ("POST", r"issues/(\d+)/labels"): self._label,
            ("GET", r"issues/(\d+)/events"): self._happened,
            ("GET", r"issues/(\d+)"): self._issue,
            ("GET", r"pulls/(\d+)/comments"): self._on_lines,
            ("GET", r"pulls/(\d+)/reviews"): self._reviewed,
            ("GET", r"commits/([0-9a-f]{40})/check-runs"): self._checked,
            ("GET", r"commits/([0-9a-f]{40})/status"): self._status,
            ("GET", r"collaborators/([^/]+)/permission"): self._permission,
            ("GET", r"contents/(.+)"): self._content,
            ("GET", r"branches/(.+)"): self._branch,
            ("GET", r"rules/branches/(.+)"): self._ruled,
            ("GET", r""): self._repository,
        }
        for (method, form), handler in routes.items():
            found = re.fullmatch(form, path)
            if method == request.method and found:
                return handler(request, body, *found.groups())
        raise Refused(404, "Not Found")

    def _list(self, request: web.Request, body: object) -> web.Response:
        state, head = request.query.get("state", "open"), request.query.get("head", "")
        pulls = [self._current(pull) for pull in self.pulls.values()]
        found = [
            pull
            for pull in pulls
            if state in {"all", pull["state"]} and head in {"", pull["head"]["label"], pull["head"]["ref"]}
        ]
        newest = request.query.get("direction", "desc") == "desc"
        return _page(request, [_in_list(pull) for pull in (reversed(found) if newest else found)])

    def _open(self, request: web.Request, body: Any) -> web.Response:
        require(body, _OPENED)
        head, base = self._heads(body["head"]), self._heads(body["base"])
        if base is None:
            raise Refused(422, "Validation Failed", invalid(field="base", code="invalid"))
        if head is None:
            raise Refused(422, "Validation Failed", invalid(field="head", code="invalid"))
        if body["draft"] and not self.drafts:
            raise Refused(422, "Draft pull requests are not supported in this repository.")
        if head == base:
            said = f"No commits between {body['base']} and {body['head']}"
            raise Refused(422, "Validation Failed", invalid(said))
        owner = self.full.split("/")[0]
        sides = [(p["head"]["ref"], p["base"]["ref"]) for p in self.pulls.values() if p["state"] == "open"]
        if (body["head"], body["base"]) in sides:
            raise Refused(
                422,
                "Validation Failed",
                invalid(f"A pull request already exists for {owner}:{body['head']}."),
            )
        pull = self.adds(
            head=(body["head"], head),
            base=(body["base"], base),
            title=body["title"],
            body=body["body"],
            draft=body["draft"],
            user=documents.user(self.login),
        )
        return web.json_response(pull, status=201)

    def _get(self, request: web.Request, body: object, number: str) -> web.Response:
        return web.json_response(self._current(self._pull(number)))

    def _edit(self, request: web.Request, body: Any, number: str) -> web.Response:
        pull = self._pull(number)
        require(body, {name: _STRINGS[name] for name in body if name in _STRINGS} or {"title": str})
        pull.update(body)
        return web.json_response(self._current(pull))

    def _files(self, request: web.Request, body: object, number: str) -> web.Response:
        names = self.changed.get(self._pull(number)["head"]["ref"], [])
        return _page(request, [{"filename": name, "status": "modified", "sha": "f" * 40} for name in names])

    def _request(self, request: web.Request, body: Any, number: str) -> web.Response:
        pull = self._pull(number)
        require(body, {"reviewers": list, "team_reviewers": list})
        if pull["user"]["login"] in body["reviewers"]:
            raise Refused(422, "Review cannot be requested from pull request author.")
        if set(body["reviewers"]) - self.collaborators or set(body["team_reviewers"]) - self.teams:
            raise Refused(422, "Reviews may only be requested from collaborators.")
        pull["requested_reviewers"] += [documents.user(login) for login in body["reviewers"]]
        pull["requested_teams"] += [{"slug": slug} for slug in body["team_reviewers"]]
        self.events[int(number)].append({"id": 1, "event": "review_requested"})
        return web.json_response(self._current(pull), status=201)

    def _said(self, request: web.Request, body: object, number: str) -> web.Response:
        self._pull(number)
        return _page(request, self.comments[int(number)])

    def _say(self, request: web.Request, body: Any, number: str) -> web.Response:
        self._pull(number)
        require(body, {"body": str})
        count = sum(len(said) for said in self.comments.values())
        self.comments[int(number)].append(documents.comment(count, self.login, body["body"]))
        return web.json_response(self.comments[int(number)][-1], status=201)

    def _reword(self, request: web.Request, body: Any, comment: str) -> web.Response:
        require(body, {"body": str})
        for said in self.comments.values():
            for one in said:
                if one["id"] == int(comment):
                    one["body"] = body["body"]
                    return web.json_response(one)
        raise Refused(404, "Not Found")

    def _label(self, request: web.Request, body: Any, number: str) -> web.Response:
        pull = self._pull(number)
        require(body, {"labels": list})
        names = [label["name"] for label in pull["labels"]]
        pull["labels"] += [{"name": name, "color": "ededed"} for name in body["labels"] if name not in names]
        self.events[int(number)].append({"id": 1, "event": "labeled"})
        return web.json_response(pull["labels"])

    def _happened(self, request: web.Request, body: object, number: str) -> web.Response:
        return _page(request, self.events[int(number)])

    def _issue(self, request: web.Request, body: object, number: str) -> web.Response:
        pull = self._pull(number)
        by = self.closed_by.get(int(number))
        return web.json_response({"number": pull["number"], "closed_by": documents.user(by) if by else None})

    def _on_lines(self, request: web.Request, body: object, number: str) -> web.Response:
        self._pull(number)
        return _page(request, self.line_comments.get(int(number), []))

    def _reviewed(self, request: web.Request, body: object, number: str) -> web.Response:
        self._pull(number)
        return _page(request, self.reviews.get(int(number), []))

    def _checked(self, request: web.Request, body: object, commit: str) -> web.Response:
        runs = self.check_runs.get(commit, [])
        return web.json_response({"total_count": len(runs), "check_runs": runs})

    def _status(self, request: web.Request, body: object, commit: str) -> web.Response:
        statuses = self.statuses.get(commit, [])
        return web.json_response({"state": "pending", "sha": commit, "statuses": statuses})

    def _permission(self, request: web.Request, body: object, login: str) -> web.Response:
        if login not in self.permissions:
            raise Refused(404, f"{login} is not a user")
        return web.json_response({"permission": self.permissions[login], "user": documents.user(login)})

    def _content(self, request: web.Request, body: object, path: str) -> web.Response:
        data = self.files.get((request.query.get("ref", "main"), path))
        if data is None:
            raise Refused(404, "Not Found")
        return web.json_response(documents.content(path, data))

    def _branch(self, request: web.Request, body: object, name: str) -> web.Response:
        commit = self._heads(name)
        if commit is None:
            raise Refused(404, "Branch not found")
        return web.json_response(
            {"name": name, "commit": {"sha": commit}, "protected": name in self.protected}
        )

    def _ruled(self, request: web.Request, body: object, name: str) -> web.Response:
        return web.json_response(self.rules)

    def _repository(self, request: web.Request, body: object) -> web.Response:
        return web.json_response({**documents.repository(self.full), **self.standing})

    def _pull(self, number: str) -> Document:
        if int(number) not in self.pulls:
            raise Refused(404, "Not Found")
        return self.pulls[int(number)]

    def _current(self, pull: Document) -> Document:
        """Open ones show where their branch is now; closed ones where it was."""
        head = self._heads(pull["head"]["ref"])
        source = (pull["head"]["repo"] or {}).get("full_name")
        if pull["state"] == "open" and head is not None and source == self.full:
            pull["head"]["sha"] = head
        return pull


def require(body: Any, shape: Mapping[str, type]) -> None:
    """All of these fields and no others: what GitHub would ignore is a mistake of ours."""
    if not isinstance(body, dict):
        raise Refused(400, "Body should be a JSON object")
    wrong = {
        name for name in {*body, *shape} if name not in shape or not isinstance(body.get(name), shape[name])
    }
    if wrong:
        raise Refused(422, "Invalid request.", *(f"{name} is not as it should be" for name in sorted(wrong)))


def _page(request: web.Request, items: list[Document]) -> web.Response:
    size, page = int(request.query.get("per_page", "30")), int(request.query.get("page", "1"))
    if size > 100:
        raise Refused(422, "per_page is at most 100")
    return web.json_response(items[(page - 1) * size : page * size])


def _in_list(pull: Document) -> Document:
    return {name: value for name, value in pull.items() if name not in {"merged", "merged_by", "mergeable"}}
