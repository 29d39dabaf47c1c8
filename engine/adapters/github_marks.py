"""The line by which what we wrote at GitHub is found again: plain, for all to see.

It holds a hash of the request's id: the id itself is an address in the chat.
"""

import hashlib
import re

_MARK = re.compile(r"^Greenlight request `([0-9a-f]{16})`\s*$", re.MULTILINE)


LONGEST = 65_000
"""Characters; GitHub takes 65,536."""


def marked(body: str, key: str) -> str:
    """The text with the line that tells whose it is, cut where GitHub would not take it."""
    text = unix(body).rstrip()
    if len(text) > LONGEST:
        text = (
            f"{text[:LONGEST].rpartition(chr(10))[0]}\n\n(The rest is left out: it is too long for GitHub.)"
        )
    return f"{text}\n\nGreenlight request `{hashed(key)}`"


def hashed(key: str) -> str:
    """What stands for a key."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def mark_of(body: str | None) -> str:
    """The hash that a text ends with, empty if it holds none."""
    found = _MARK.findall(unix(body))
    return found[-1] if found else ""


def unix(text: str | None) -> str:
    """GitHub keeps the line ends of whoever edited a text."""
    return (text or "").replace("\r\n", "\n")
