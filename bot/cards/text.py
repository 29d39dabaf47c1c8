"""Texts of people and models, made safe to stand in Slack. Pure.

Everything untrusted passes through `mrkdwn`, `code` or `plain`. None of them lets a mention, a link,
formatting or a mark of the cards come into being, and none hides a character: control, bidirectional
and invisible ones are shown as ⟨U+202E⟩. Sizes are in UTF-16 units, the strictest way to count
Slack's limits.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from unicodedata import category
from urllib.parse import quote, urlsplit

from engine.people import Person

ELLIPSIS = "…"
EMPTY = "(empty)"

# Letters and marks that are drawn as nothing although Unicode does not call them format characters.
_BLANKS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\ufe0e"
    + "".join(map(chr, range(0xFE00, 0xFE0E)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_TICK = "\u02cb"
_LOOKALIKES = {"*": "\u2217", "_": "\uff3f", "~": "\u223c", "`": _TICK}
_LONGEST_ADDRESS = 1500
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}")
_OPENINGS = {mark: re.compile(rf"(?<![^\W_]){re.escape(mark)}(?=\S)") for mark in "*_~"}
_EDGES = {
    mark: re.compile(rf"(?<![^\W_]){re.escape(mark)}(?=\S)|(?<=\S){re.escape(mark)}(?![^\W_])")
    for mark in "*_~"
}

# What cards put before what was checked, failed or waits: before others' words it would pass for theirs.
_MARKS = "✅☑✔✓❎❌✗✘🔁⛔🔧✋❔🕓🙋👁"
_LEADING_MARKS = re.compile(rf"^([^\w{_MARKS}]*)((?:[{_MARKS}]\ufe0f?[ ]*)+)")
# The colon that begins a code such as :name:. Times, ports and line numbers stay as they are.
_EMOJI_CODE = re.compile(r":(?=[\w+'-]*[^\W\d][\w+'-]*:)|(?<!\w):(?=[+-]?\d+:)")

Render = Callable[[str], str]


def size(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) + sum(1 for char in text if char > "\uffff")


def visible(text: str) -> str:
    """The same text with every hidden character written out; only line breaks and tabs stay."""
    return "".join(_shown(char) for char in text.replace("\r\n", "\n"))


def _shown(char: str) -> str:
    if char == "\n" or (" " <= char <= "~"):
        return char
    kind = category(char)
    if char == "\t" or kind == "Zs":
        return " "
    if kind in _HIDDEN_CATEGORIES or char in _BLANKS:
        return f"⟨U+{ord(char):04X}⟩"
    return char


def escape(text: str) -> str:
    """Slack's three control characters, as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str) -> str:
    """One line for a plain_text object."""
    return " ".join(visible(text).split())


def mrkdwn(text: str) -> str:
    """Text for a mrkdwn object, shown as it is: no formatting, no quote, no mention, no link."""
    return escape("\n".join(_calm(line) for line in visible(text).split("\n")))


def line(text: str) -> str:
    """Like `mrkdwn`, in one line."""
    return mrkdwn(plain(text))


def _calm(text: str) -> str:
    """Replace marks that would format; snake_case, 2 * 3 and paths stay as they are."""
    if text.lstrip().startswith(">"):
        text = text.replace(">", "\u203a", 1)
    text = _LEADING_MARKS.sub(lambda found: f"{found[1]}“{found[2].rstrip()}” ", text)
    text = _EMOJI_CODE.sub("\u2236", text.replace("`", _TICK))
    for mark in "*_~":
        if _forms_a_pair(text, mark):
            text = _EDGES[mark].sub(lambda found: _LOOKALIKES[found.group()], text)
    return text


def _forms_a_pair(text: str, mark: str) -> bool:
    opening = _OPENINGS[mark].search(text)
    return opening is not None and mark in text[opening.end() :]


def code(text: str) -> str:
    """One line as inline code."""
    return f"`{escape(plain(text).replace('`', _TICK)) or EMPTY}`"


def bold(text: str) -> str:
    """One line in bold."""
    return f"*{_inner(text)}*"


def struck(text: str) -> str:
    """One line, struck through."""
    return f"~{_inner(text)}~"


def _inner(text: str) -> str:
    return escape(_calm(plain(text)).translate(_ALL_LOOKALIKES)) or EMPTY


_ALL_LOOKALIKES = str.maketrans({mark: _LOOKALIKES[mark] for mark in "*~`"})


def fenced(text: str) -> str:
    """Lines in a code block, to the letter."""
    return f"```\n{escape(visible(text).replace('`', _TICK)) or EMPTY}\n```"


@dataclass(frozen=True)
class Fitted:
    """Rendered text, and whether something was left out."""

    text: str
    cut: bool


def fit(text: str, limit: int, render: Render = mrkdwn) -> Fitted:
    """Render as much of `text` as fits into `limit` units; never splits an entity or a ⟨U+…⟩."""
    whole = render(text[: limit + 1])
    if len(text) <= limit and size(whole) <= limit:
        return Fitted(whole if whole.strip() else EMPTY, cut=False)
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if size(render(text[:middle] + ELLIPSIS)) <= limit:
            low = middle
        else:
            high = middle - 1
    return Fitted(render(text[:low].rstrip() + ELLIPSIS), cut=True)


def mention(person: Person) -> str:
    """A mention that notifies; a malformed id becomes harmless text."""
    return f"<@{person.user}>" if _USER_ID.fullmatch(person.user) else code(person.user[:40])


def mentions(people: Iterable[Person]) -> str:
    """Mentions as a list in words: A, B and C."""
    names = [mention(person) for person in people]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def web_address(url: str) -> str | None:
    """The address if it is http(s), with a plain host and no credentials, else None."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and _HOST.fullmatch(parts.netloc) is not None
    except ValueError:
        return None
    if not good or plain(url) != url or " " in url:
        return None
    address = quote(url, safe=":/?#[]@!$&'()+,;=%-._~*")
    return address if len(address) <= _LONGEST_ADDRESS else None


def link(url: str, label: str) -> str:
    """A link if the address is one, else label and address as text."""
    address = web_address(url)
    shown = escape(plain(label).replace("|", "¦"))
    return f"<{address.replace('&', '&amp;')}|{shown}>" if address else f"{shown} {fit(url, 300, code).text}"
