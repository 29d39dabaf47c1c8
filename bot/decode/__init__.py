"""Slack's payloads -> events of the engine, or a small intent of the front end. Pure.

Whatever is malformed, not meant for us or of our own making becomes None; edits and forwarded messages are
not read, which their author is told where they mention us. Keys are made of what Slack
repeats unchanged when it sends something again, so that a repetition is recognised; a mention arrives
as `message` and as `app_mention`, and both give the same event.
"""

from bot.decode.channels import ToldShared, changed_user, reopened, sharing, shut
from bot.decode.clicks import NOTHING_TYPED, OUT_OF_DATE, action, submission
from bot.decode.heard import (
    Heard,
    Missing,
    OpenSection,
    OpenText,
    OpenWishes,
    Place,
    ShowDetail,
    ShowPage,
    Tell,
)
from bot.decode.messages import (
    EDITED,
    EDITED_SINCE,
    FORWARD_BESIDE,
    FORWARDED,
    NO_REQUEST_HERE,
    QUOTED,
    message,
    plain_words,
)

__all__ = [
    "EDITED", "EDITED_SINCE", "FORWARDED", "FORWARD_BESIDE", "NOTHING_TYPED", "NO_REQUEST_HERE",
    "OUT_OF_DATE", "QUOTED", "Heard", "Missing", "OpenSection", "OpenText", "OpenWishes", "Place",
    "ShowDetail", "ShowPage", "Tell", "ToldShared", "action", "changed_user", "message", "plain_words",
    "reopened", "sharing", "shut", "submission",
]  # fmt: skip
