"""Words of others that leave: they call nobody, close nothing and command no bot, wherever they stand. Pure.

Forges and their bots find names, references and commands in plain words, within Markdown and without. A
character of no width takes such words apart; people read them as before.
"""

import re

from engine.leaks import redacted
from engine.wording import hidden_characters

BREAK = "\u200b"

# Where a break goes.
_PLACES = re.compile(
    "|".join(
        (
            r"(?<=@)",  # mentions, and addresses of mail
            r"(?<=#)(?=\w)|(?<=!)(?=\d)|(?<=\bgh-)(?=\d)",  # issues, merge requests, words to trackers
            r"(?<=:)(?=//)|(?<=\bwww)(?=\.)",  # addresses, also those of issues
            r"(?:(?<=^/)|(?<=[\s>*_(]/))(?=[a-z-]+(?:\s|$))",  # commands such as /merge
            r"(?<=\[)(?=[^\]]{0,40}\b(?:ci|skip|actions|no_ci)\b)",  # [skip ci] and its kin
            r"(?<=\*\*\*no)(?=_ci)|(?<=\bbreaking[ -]change)(?=\s*:)",
            r"(?<=\br)(?=[+=?-](?:\W|\w|$))",  # r+, r=somebody
        )
    ),
    re.IGNORECASE,
)
# What a break follows.
_WORDS = re.compile(
    "|".join(
        (
            # Trailers such as Co-authored-by: at the start of a line; some readers skip the marks of a list.
            r"^[\W\d_]*[a-z]+(?:-[a-z]+)+(?=\s*:)",
            r"\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?|complete[sd]?)"
            r":?\s+\W{0,3}[a-z][a-z0-9_]*-(?=\d)",  # tickets that a keyword closes
            r"\b(?:bors|homu|dependabot|mergify|mergifyio|renovate|jenkins|rust-timer|gemini|copilot|coderabbitai)\b"
            r"(?=[,:]?\s+\w)",
            r"\bok to(?= test\b)|\b(?:re)?(?:test|build|run|merge)(?= (?:this )?please\b)|\bre(?=check\b)",
        )
    ),
    re.IGNORECASE,
)


def one_line(text: str) -> str:
    """The text on one line, without characters that cannot be seen and without what looks like a secret."""
    for char in hidden_characters(text):
        text = text.replace(char, " ")
    return " ".join(redacted(text).split())


def inert(text: str) -> str:
    """One line in which nothing of the above comes about."""
    return _PLACES.sub(BREAK, _WORDS.sub(lambda found: found[0] + BREAK, text))
