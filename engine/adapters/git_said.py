"""The one mapper of what git, remotes and transports say."""

from typing import Self

from engine.adapters.git import GitFailed
from engine.errors import (
    GreenlightError,
    PushRejected,
    RateLimited,
    RepositoryUnusable,
    Unreachable,
)


class NoSuchBranch(GreenlightError):
    """The remote answered and has no such branch."""


class NoAccess(RepositoryUnusable):
    """Credentials or permissions that do not do."""

    @classmethod
    def to(cls, name: str) -> Self:
        """To the remote of this name."""
        return cls(
            f"The repository {name} may not be accessed: check the permissions or credentials that the bot "
            "runs with."
        )


def meaning(failure: GitFailed, name: str) -> GreenlightError:
    """What a failure means.

    Args:
        failure: Of a command that speaks to a remote.
        name: What people call the remote: its address without credentials.
    """
    said = failure.said + failure.output.decode("utf-8", "replace")
    kinds: tuple[tuple[tuple[str, ...], GreenlightError], ...] = (
        (("couldn't find remote ref",), NoSuchBranch("no such branch")),
        (_REDIRECTS, RepositoryUnusable(_ELSEWHERE.format(name))),
        (("error: 429",), RateLimited(f"The host of {name} asks to slow down.", _SLOW_DOWN_S)),
        (("stale info", "fetch first", "non-fast-forward"), PushRejected(_MOVED)),
        (("to create or update workflow",), PushRejected(_WORKFLOW)),
        (("cannot contain secrets", "GH009"), PushRejected(_SCANNED)),
        (("GH001",), PushRejected(_LARGE)),
        (("archived so it is read-only",), PushRejected(_ARCHIVED.format(name))),
        (("SAML SSO",), RepositoryUnusable(_SINGLE_SIGN_ON.format(name))),
        (("remote rejected", "pre-receive hook", "protected branch"), PushRejected(_REFUSED)),
        (("dubious ownership",), RepositoryUnusable(_OWNERSHIP.format(name))),
        (_NO_ACCESS, NoAccess.to(name)),
        (("not allowed",), RepositoryUnusable(_PROTOCOL.format(name))),
        (_NOT_GIT, RepositoryUnusable(_NOTHING_THERE.format(name))),
    )
    for marks, error in kinds:
        if any(mark in said for mark in marks):
            return error
    return Unreachable(f"The repository {name} did not answer.")


_SLOW_DOWN_S = 60.0
_REDIRECTS = ("error: 301", "error: 302", "error: 303", "error: 307", "error: 308")
_ELSEWHERE = (
    "The repository {0} was renamed or moved: correct its address in the configuration. No redirect is "
    "followed."
)
_WORKFLOW = (
    "The remote refused the push: it changes a workflow, and the bot's credentials deliberately may not. "
    "Leave the workflow out, or push that part by hand."
)
_SCANNED = (
    "The remote refused the push: its scanner found what looks like a secret in the commit. Have it taken "
    "out."
)
_LARGE = "The remote refused the push: a file in the commit is larger than it takes."
_ARCHIVED = "The repository {0} is archived, so nothing can be pushed to it."
_SINGLE_SIGN_ON = (
    "The organisation of {0} demands single sign-on: authorise the bot's token for it at GitHub (on the "
    "token's page, Configure SSO), and try again."
)
_MOVED = "Someone else moved the branch meanwhile: it was left as it is."
_REFUSED = "The remote refused the push: a protected branch or one of its hooks does not allow it."
_OWNERSHIP = (
    "The repository {0} belongs to another user: run git config --global --add safe.directory {0} as "
    "the user that runs the bot."
)
_PROTOCOL = "The repository {0} must be a local path or an https or ssh URL."
_NOTHING_THERE = "There is no git repository at {0}: correct it in the configuration."
_NO_ACCESS = (
    "Permission denied",
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "Host key verification failed",
    "error: 403",
    "unable to create temporary object directory",
)
_NOT_GIT = (
    "does not appear to be a git repository",
    "not a git repository",
    "epository not found",
    "' not found",
    "does not exist",
    "error: 404",
)
