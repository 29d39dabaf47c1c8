"""Documents of GitHub's REST API, in the shapes that it answers with."""

import base64
from typing import Any

HTML = "https://github.example"
DOCS = "https://docs.github.com/rest"
BORN = "2026-11-25T10:00:00Z"

Document = dict[str, Any]


def failure(status: int, message: str, *errors: Document | str) -> Document:
    """An error; 422 lists what is invalid."""
    document: Document = {"message": message, "documentation_url": DOCS, "status": str(status)}
    return {**document, "errors": list(errors)} if errors else document


def invalid(
    message: str = "", *, resource: str = "PullRequest", field: str = "", code: str = "custom"
) -> Document:
    """A 422's entry."""
    entry = {"resource": resource, "code": code}
    return {**entry, **({"field": field} if field else {}), **({"message": message} if message else {})}


def user(login: str) -> Document:
    """An account; those of Apps end with [bot]."""
    return {
        "login": login,
        "id": sum(login.encode()),
        "node_id": "U_kgDOA",
        "avatar_url": f"{HTML}/avatars/{login}",
        "html_url": f"{HTML}/{login}",
        "type": "Bot" if login.endswith("[bot]") else "User",
        "site_admin": False,
    }


def repository(full: str) -> Document:
    """A repository, as it stands in pull requests."""
    owner, name = full.split("/")
    return {
        "id": 1296269,
        "name": name,
        "full_name": full,
        "private": True,
        "owner": {**user(owner), "type": "Organization"},
        "html_url": f"{HTML}/{full}",
        "default_branch": "main",
    }


def pull(full: str, number: int, **fields: Any) -> Document:
    """A pull request; `head` and `base` are (branch, commit), `source` the repository of the branch."""
    head, base, source = fields.pop("head"), fields.pop("base"), fields.pop("source", full)
    return {
        "id": 1000 + number,
        "node_id": "PR_kwDOA",
        "url": f"{HTML}/api/v3/repos/{full}/pulls/{number}",
        "html_url": f"{HTML}/{full}/pull/{number}",
        "number": number,
        "state": "open",
        "locked": False,
        "user": user("greenlight-bot"),
        "created_at": BORN,
        "updated_at": BORN,
        "closed_at": None,
        "merged_at": None,
        "merged": False,
        "merged_by": None,
        "mergeable": None,
        "labels": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "author_association": "CONTRIBUTOR",
        "head": _side(source, *head),
        "base": _side(full, *base),
        **fields,
    }


def _side(full: str, branch: str, commit: str) -> Document:
    owner = full.split("/")[0]
    return {
        "label": f"{owner}:{branch}",
        "ref": branch,
        "sha": commit,
        "user": user(owner),
        "repo": repository(full),
    }


def comment(number: int, author: str, body: str) -> Document:
    """A comment in the conversation."""
    return {
        "id": 5000 + number,
        "node_id": "IC_kwDOA",
        "html_url": f"{HTML}/comments/{number}",
        "body": body,
        "user": user(author),
        "created_at": BORN,
        "updated_at": BORN,
        "author_association": "MEMBER",
    }


def content(path: str, data: bytes) -> Document:
    """A file, in base64 with line ends, as it comes."""
    return {
        "type": "file",
        "encoding": "base64",
        "size": len(data),
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "content": base64.encodebytes(data).decode(),
        "sha": "c" * 40,
    }


def review(number: int, author: str, body: str, state: str) -> Document:
    """A review."""
    said = comment(number, author, body)
    return {**said, "state": state, "submitted_at": said["created_at"], "commit_id": "1" * 40}


def check_run(number: int, name: str, conclusion: str | None) -> Document:
    """A run of a check, which goes on while it has no conclusion."""
    return {
        "id": number,
        "name": name,
        "status": "completed" if conclusion else "in_progress",
        "conclusion": conclusion,
        "html_url": f"{HTML}/runs/{number}",
        "output": {"title": None, "summary": None},
    }
