"""What looks at the pull request find, after it was delivered."""

from datetime import datetime
from typing import Literal

from engine.events.base import EventBase
from engine.ports import OutsideCheck, Remark


class _AtTheForge(EventBase):
    """Common to what a look at the pull request of this number found; `at` is the time of the look.

    Who did it is a login there and nobody of the chat: it approves, stops and steers nothing.
    """

    number: int


class Remarked(_AtTheForge):
    """Somebody commented on the pull request or reviewed it."""

    kind: Literal["remarked"] = "remarked"
    remark: Remark


class CheckFailed(_AtTheForge):
    """A check of the pull request's head failed at the forge."""

    kind: Literal["check_failed"] = "check_failed"
    check: OutsideCheck


class CheckPassed(_AtTheForge):
    """A check that had failed at this commit was run again, and passed."""

    kind: Literal["check_passed"] = "check_passed"
    check: OutsideCheck


class Moved(_AtTheForge):
    """The branch of the pull request points at another commit than the last look found."""

    kind: Literal["moved"] = "moved"
    commit: str


class Undrafted(_AtTheForge):
    """The pull request is a draft no more."""

    kind: Literal["undrafted"] = "undrafted"


class Merged(_AtTheForge):
    """The pull request was merged: by whom (empty if that is not known) and when, as the forge says."""

    kind: Literal["merged"] = "merged"
    login: str = ""
    since: datetime | None = None


class Closed(_AtTheForge):
    """The pull request was closed without a merge. `words` are what who closed it said last, untrusted."""

    kind: Literal["closed"] = "closed"
    login: str = ""
    since: datetime | None = None
    words: str = ""


class Reopened(_AtTheForge):
    """The pull request is open again."""

    kind: Literal["reopened"] = "reopened"


class LostSight(_AtTheForge):
    """The pull request could not be looked at for long; `sentence` says why, for people."""

    kind: Literal["lost_sight"] = "lost_sight"
    sentence: str


AtTheForge = Remarked | CheckFailed | CheckPassed | Moved | Undrafted | Merged | Closed | Reopened | LostSight
