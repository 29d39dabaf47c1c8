"""Work that stands on a branch already: which branch and which ticket people mean. Pure.

A branch is one that people named, or chose from those the remote really has; a ticket's key stands in their
words or in the branch's name. Neither is ever guessed.
"""

import re
from collections.abc import Iterable, Sequence

from engine.events import BranchLine
from engine.request import Given, Round
from engine.schemas import Option, Question

BRANCH, TICKET = "branch", "ticket"
NONE_OF_THEM = "None of them"
LOOK_AGAIN = "Look again"
NO_TICKET = "No ticket"
IN_THE_THREAD = "In the thread"
MOST_OFFERED = 3
MOST_ASKED = 3

_KEY = re.compile(r"(?<![A-Za-z0-9])([A-Z][A-Z0-9]{1,9})-([1-9][0-9]{0,6})(?![A-Za-z0-9])")
# What looks like a key and is none.
_STANDARDS = frozenset({"UTF", "SHA", "ISO", "RFC", "CVE", "MD", "AES", "RSA", "HTTP", "TLS", "GPT", "COVID"})
_LONGEST_LABEL = 60


# ---------------------------------------------------------------- what people said


def declined(rounds: Sequence[Round]) -> bool:
    """Whether people said that the work does not stand on a branch after all."""
    given = _newest(rounds, BRANCH)
    return given is not None and NONE_OF_THEM in given.labels


def chosen(rounds: Sequence[Round]) -> str:
    """The branch that people chose or typed when they were asked; empty if there is none."""
    given = _newest(rounds, BRANCH)
    if given is None or {NONE_OF_THEM, LOOK_AGAIN} & set(given.labels):
        return ""
    return given.labels[0] if given.labels else given.text.strip().strip("`'\"")


def named(branch: str, words: str) -> bool:
    """Whether a branch's name stands in words as a whole."""
    name = re.escape(branch.strip())
    return bool(name) and re.search(rf"(?<![\w/.-]){name}(?![\w/-])", words) is not None


def without(branch: str, words: str) -> str:
    """Words with the branch's name left out: what is judged is a commit, whatever it is called."""
    name = re.escape(branch.strip())
    return re.sub(rf"(?<![\w/.-]){name}(?![\w/-])", "(the branch)", words) if name else words


def _newest(rounds: Sequence[Round], about: str) -> Given | None:
    """The answer to the newest submitted question of that kind."""
    asked = [r for r in rounds if r.about == about and r.submitted_by is not None]
    return asked[-1].given[0] if asked else None


# ---------------------------------------------------------------- tickets


def prefixes(subjects: Iterable[str]) -> frozenset[str]:
    """Projects of the tickets that a history names; empty if fewer than half of its commits name one."""
    found = [{match[1] for match in _KEY.finditer(subject)} for subject in subjects]
    if not found or sum(bool(keys) for keys in found) * 2 < len(found):
        return frozenset()
    return frozenset().union(*found)


def ticket(words: str, branch: str, known: frozenset[str]) -> str:
    """The one key that people's words name, else the one of the branch's name; empty if that is not clear.

    Args:
        words: Everything people said.
        branch: The branch's name.
        known: Projects of the repository's tickets; empty for any but what is known to be none.
    """
    said, called = _keys(words, known), _keys(branch, known)
    if len(said) == 1:
        return said[0]
    both = [key for key in called if key in said] if said else called
    return both[0] if len(both) == 1 else ""


def ticket_told(rounds: Sequence[Round]) -> str | None:
    """The key people told when they were asked, "" if there is none; None if nobody was asked or told."""
    given = _newest(rounds, TICKET)
    if given is None or IN_THE_THREAD in given.labels:
        return None
    keys = _keys(given.text, frozenset())
    if NO_TICKET in given.labels:
        return ""
    return keys[0] if len(keys) == 1 else None


def foreign_keys(text: str, key: str, known: frozenset[str]) -> tuple[str, ...]:
    """Keys in a text that are not the given one."""
    return tuple(found for found in _keys(text, known) if found != key)


def _keys(text: str, known: frozenset[str]) -> list[str]:
    found = dict.fromkeys(
        match[0]
        for match in _KEY.finditer(text)
        if (match[1] in known if known else match[1] not in _STANDARDS)
    )
    return list(found)


# ---------------------------------------------------------------- what is asked


def branch_question(branches: Sequence[BranchLine]) -> Question:
    """Which branch it is; the options are branches that the remote has."""
    offered = [line for line in branches if len(line.name) <= _LONGEST_LABEL and line.name.strip()]
    options = [
        Option(label=line.name, description=_about(line))
        for line in offered[:MOST_OFFERED]
        if line.name not in {NONE_OF_THEM, LOOK_AGAIN}
    ]
    if not options:
        options = [Option(label=LOOK_AGAIN, description="The branch was pushed meanwhile: I look once more.")]
    nothing = Option(
        label=NONE_OF_THEM, description="The work does not exist yet: it is specified and written."
    )
    return Question(
        header="Branch",
        text="Which branch holds the work? “Other…” takes any name.",
        multi=False,
        options=(*options, nothing),
        recommended=0,
    )


def _about(line: BranchLine) -> str:
    count = "1 commit" if line.ahead == 1 else f"{line.ahead} commits"
    subject = " ".join(line.subject.split()) or "no subject"
    return f"{count} ahead, last on {line.at:%Y-%m-%d}: {subject}"[:200]


def ticket_question() -> Question:
    """Which ticket it belongs to, where the repository's history names tickets and people did not."""
    return Question(
        header="Ticket",
        text="Which ticket does the work belong to? Type its key, such as ABC-123, with “Other…”.",
        multi=False,
        options=(
            Option(label=NO_TICKET, description="The title goes without a key."),
            Option(
                label=IN_THE_THREAD, description="Someone writes the key into this thread before you submit."
            ),
        ),
        recommended=0,
    )
