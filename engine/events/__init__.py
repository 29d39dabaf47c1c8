"""What comes in: events of people, the clock and runs. Frozen; the same key again changes nothing.

The stored events are the journal. `at` is the time of the event itself (aware, UTC), never of its
arrival; all waiting is measured in it.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, TypeAdapter

from engine.events.base import Frozen
from engine.events.ends import (
    CURRENT,
    Asked,
    Assessed,
    Cause,
    Delivered,
    Failed,
    Held,
    Planned,
    Result,
    Reviewed,
    Ruled,
    RunFinished,
    Specified,
    TaskEnded,
    ToldApart,
    Triaged,
    Verified,
)
from engine.events.forge import (
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
from engine.events.found import (
    UNPREPARED,
    BaseMoved,
    BranchLine,
    CheckResult,
    Existing,
    Fact,
    Guarded,
    Leak,
    Mark,
    Origin,
    Ran,
    Seat,
    Source,
    Workflow,
)
from engine.events.people import (
    Answered,
    Approved,
    Choice,
    Chose,
    Deleted,
    Due,
    Linked,
    Opened,
    Paused,
    Restarted,
    Resumed,
    Said,
    Shared,
    Stopped,
    Submitted,
)

__all__ = [
    "CURRENT", "EVENT", "UNPREPARED", "Answered", "Approved", "Asked", "Assessed", "AtTheForge",
    "BaseMoved", "BranchLine", "Cause", "CheckFailed", "CheckPassed", "CheckResult", "Choice", "Chose",
    "Closed", "Deleted", "Delivered", "Due", "Event", "Existing", "Fact", "Failed", "Guarded", "Held",
    "Leak", "Linked", "LostSight", "Mark", "Merged", "Moved", "Opened", "Origin", "Paused", "Planned",
    "Ran", "Remarked", "Reopened", "Reply", "Restarted", "Result", "Resumed", "Reviewed", "Ruled",
    "RunFinished", "Said", "Seat", "Shared", "Sign", "Source", "Specified", "Stopped", "Submitted",
    "TaskEnded", "ToldApart", "Triaged", "Undrafted", "Verified", "Workflow",
]  # fmt: skip

Event = Annotated[
    Opened
    | Answered
    | Submitted
    | Approved
    | Said
    | Chose
    | Linked
    | Stopped
    | Paused
    | Resumed
    | Shared
    | Due
    | Restarted
    | Deleted
    | AtTheForge
    | RunFinished,
    Field(discriminator="kind"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class Sign(StrEnum):
    """How a reply is meant.

    AGAIN: what was typed cannot be taken as it is; the event is not stored, and may come again.
    """

    NOTHING = "nothing"
    ONLY_YOU = "only_you"
    AGAIN = "again"


class Reply(Frozen):
    """What the one who caused an event is told at once, and only they. Not durable."""

    sign: Sign = Sign.NOTHING
    text: str = ""
