"""Why an escape does not work even where nothing guards: the machine lacks what it takes, and says so."""

import errno
import os
import re
from pathlib import Path

from tests.security.escapes.escape import Escape, Off

NO_FILE = "the machine has no such file or device"
NO_FAMILY = "the kernel lacks the socket family"
NO_CALL = "the kernel lacks the call"
NOT_ALLOWED = "a plain user may not, whatever guards"
LISTED = {
    "the bot's terminal": "there may be no terminal to take",
    "the device /dev/vda": "the machine keeps its disk even from root",
}
_LACKS = {
    errno.ENOSYS: NO_CALL,
    errno.EAFNOSUPPORT: NO_FAMILY,
    errno.ESOCKTNOSUPPORT: NO_FAMILY,
    errno.EPROTONOSUPPORT: NO_FAMILY,
}
_ERROR = re.compile(r"\[Errno (\d+)\]")
_PATH = re.compile(r"No such (?:file or directory|device(?: or address)?): '(/(?:dev|proc|sys)/.+)'")


def why_unshown(escape: Escape, said: str, user: int | None = None) -> str:
    """The reason, from a list or from the error that the kernel answered with; empty: there is none.

    Args:
        escape: What did not work where nothing guards.
        said: Its output there.
        user: Who ran it, where that is not this process's user.
    """
    last = (said.strip().splitlines() or [""])[-1]
    path, code = _PATH.search(last), _ERROR.search(last)
    number = int(code[1]) if code else 0
    if path is not None and (number != errno.ENOENT or not Path(path[1]).exists()):
        return NO_FILE
    if number in _LACKS:
        return _LACKS[number]
    if number in {errno.EPERM, errno.EACCES} and (os.geteuid() if user is None else user):
        return NOT_ALLOWED
    listed = escape.shown is Off.NOWHERE or number == errno.EPERM
    return LISTED.get(escape.name, "") if listed else ""
