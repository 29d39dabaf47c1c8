"""What the record says of things that happened at the forge. Pure; whoever shows it escapes it."""

from engine.events import (
    AtTheForge,
    CheckFailed,
    CheckPassed,
    Closed,
    LostSight,
    Merged,
    Moved,
    Remarked,
    Reopened,
    Undrafted,
)
from engine.request import Snapshot

Told = tuple[str, str, tuple[str, ...]]
_SOMEBODY = "somebody at the forge"


def told(event: AtTheForge, snapshot: Snapshot) -> Told:
    """Who, what, and details. Logins are marked: they are nobody of the chat."""
    name = f"pull request #{event.number}"
    match event:
        case Remarked(remark=remark):
            place = f" at {remark.path}:{remark.line}" if remark.path and remark.line else ""
            known = {one.remark.id for feedback in snapshot.feedback for one in feedback.remarks}
            # Strangers' words stand at the forge; here they would only bury what had consequences.
            said = f": {remark.text}" if remark.id in known else "; it was not carried over into the thread"
            return _who(remark.author), f"remarked on {name}{place}{said}", ()
        case CheckFailed(check=check):
            details = tuple(part for part in (check.url, check.summary) if part)
            return _SOMEBODY, f"reported the check {check.name} of {name} as failed", details
        case CheckPassed(check=check):
            return _SOMEBODY, f"ran the check {check.name} of {name} again, and it passed", ()
        case Moved():
            return _SOMEBODY, f"moved the branch of {name} to {event.commit[:10]}", ()
        case Undrafted():
            return _SOMEBODY, f"marked {name} as ready for review", ()
        case Merged():
            return _who(event.login), f"merged {name}", ()
        case Closed():
            words = (f"Their last words there: {event.words}",) if event.words else ()
            return _who(event.login), f"closed {name} without a merge", words
        case Reopened():
            return _SOMEBODY, f"opened {name} again", ()
        case LostSight():
            return "greenlight", "could not look at the pull request for long", (event.sentence,)


def _who(login: str) -> str:
    return f"{login} (at the forge)" if login else _SOMEBODY
