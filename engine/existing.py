"""Work that stands on a branch already: which branch and which ticket people mean. Pure.

A branch is one that people named, or chose from those the remote really has; a ticket's key stands in their
words or in the branch's name, and where that is not clear people are asked. Neither is ever guessed.
"""

import re
from collections.abc import Iterable, Sequence

from engine.events import BranchLine, Delivered
from engine.request import Given, Round, Snapshot
from engine.schemas import Option, Question

BRANCH, TICKET = "branch", "ticket"
NONE_OF_THEM = "None of them"
LOOK_AGAIN = "Look again"
NO_TICKET = "No ticket"
IN_THE_THREAD = "In the thread"
MOST_OFFERED = 3
MOST_ASKED = 3
MOST_OPTIONS = 4
THREAD_UNCLEAR = "The thread does not name exactly one key."
ANSWER_UNCLEAR = "The answer did not name exactly one key."

_KEY = re.compile(r"(?<![A-Za-z0-9])([A-Z][A-Z0-9]{1,9})-([1-9][0-9]{0,6})(?![A-Za-z0-9])")
# What looks like a key and is none; versions too (V2-1).
_STANDARDS = re.compile(r"UTF|SHA|ISO|RFC|CVE|MD|AES|RSA|HTTP|TLS|GPT|COVID|PEP|SOC|V[0-9]+")
# Where a branch's name has its key: feat-ABC-1, feat/ABC-1-what.
_USUAL = re.compile(r"[^-/]+[-/]([A-Z][A-Z0-9]{1,9}-[1-9][0-9]{0,6})(?=-|$)")
# A ticket mentioned beside the work: “this is not ABC-1”, “done like ABC-1”.
_ASIDE = re.compile(
    r"\b(?:not|no|never|\w+n['\u2019]t|like|unlike|similar|same|see|than|without|except|instead|after|before)\b"
    r"[^.,;:\n]*",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\b(?:not|no|never|\w+n['\u2019]t)\b[^.,;:\n]*", re.IGNORECASE)
# A whole answer that says that there is no ticket: “there is no ticket”, “no, we don't have one yet”.
_TICKET = r"(?:jira )?(?:tickets?|keys?|issues?)(?: (?:key|number|id))?"
_NONE = re.compile(
    r"(?:(?:no|nope|sorry)\W+)?(?:no|nope|none|nothing|n/?a|"
    r"(?:(?:there(?: is|'s| exists)|(?:it|this|we|i)(?:'s|'ve| is| has| have| goes)(?: got)?) )?"
    rf"(?:none|no {_TICKET}|without (?:an? |any )?(?:{_TICKET}|one))|"
    r"(?:there (?:isn't|is not)|"
    r"(?:it|this|we|i) (?:(?:does|do)(?:n't| not) (?:have|need)|ha(?:s|ve)(?:n't| not) got)) "
    rf"(?:an? |any )?(?:{_TICKET}|one|any))"
    r"(?: (?:for (?:this|it|that)(?: work| one)?|here|yet|so far|at all|exists?|needed))*"
)
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


def delivered_elsewhere(snapshot: Snapshot) -> Delivered | None:
    """The delivery, if it stands on a branch of others, to which a fix cannot go."""
    theirs = {version.existing.branch for version in snapshot.specs if version.existing}
    delivery = snapshot.delivery
    return delivery if delivery and delivery.branch in theirs else None


def holds_the_scope(snapshot: Snapshot) -> str:
    """The branch of others whose files alone a new version could hold, once it is delivered; else empty."""
    work = snapshot.spec.existing if snapshot.spec else None
    return work.branch if work and snapshot.delivery else ""


# ---------------------------------------------------------------- tickets


def prefixes(subjects: Iterable[str]) -> frozenset[str]:
    """Projects of the tickets that a history names; empty if fewer than half of its commits name one."""
    found = [{match[1] for match in _KEY.finditer(subject)} for subject in subjects]
    if not found or sum(bool(keys) for keys in found) * 2 < len(found):
        return frozenset()
    return frozenset().union(*found)


def ticket(words: str, branch: str, known: frozenset[str]) -> str:
    """The one key that people's words and the branch's name agree on; empty if that is not clear.

    A key in words counts only if its project is known. Words that name another key than the branch leave it
    unclear, and so does a ticket that is only compared with, unless the work's own stands beside it.

    Args:
        words: Everything people said; the branch's name in them says no more than the branch does.
        branch: The branch's name.
        known: Projects of the repository's tickets; if empty, a key at its usual place in the branch's name
            makes its project known, and any other key in words may be what contradicts it.
    """
    called = _keys(branch, known) if known else _usual_key(branch)
    projects = known or frozenset(key.partition("-")[0] for key in called)
    if not projects:
        return ""
    rest = without(branch, words)
    if _keys(rest, projects):
        found = _said(rest, projects)
    else:
        found = called if known else _said(rest, known) or called
    return found[0] if len(found) == 1 and (not called or found[0] in called) else ""


def ticket_candidates(words: str, branch: str, known: frozenset[str]) -> tuple[str, ...]:
    """Keys that it could be where `ticket` is not clear, to be offered to people: their own words' first."""
    called = _keys(branch, known) or _usual_key(branch)
    return tuple(dict.fromkeys((*_said(without(branch, words), known), *called)))


def ticket_told(rounds: Sequence[Round]) -> str | None:
    """The key people told when they were asked, "" if there is none; None if nobody was asked or told."""
    given = _newest(rounds, TICKET)
    if given is None:
        return None
    if NO_TICKET in given.labels or _NONE.fullmatch(_plain(given.text)):
        return ""
    return _one_key(" ".join((*given.labels, given.text)))


def _plain(answer: str) -> str:
    return " ".join(answer.casefold().replace("\u2019", "'").split()).strip(" .!")


def ticket_in_thread(rounds: Sequence[Round]) -> bool:
    """Whether people answered that the thread says which ticket it is."""
    given = _newest(rounds, TICKET)
    return given is not None and IN_THE_THREAD in given.labels


def ticket_written(messages: Sequence[str]) -> str | None:
    """The key that the newest message with any names; None if none does, or that one names several.

    Args:
        messages: What people wrote into the thread, oldest first.
    """
    keyed = [message for message in messages if _KEY.search(message)]
    return _one_key(keyed[-1]) if keyed else None


def foreign_keys(text: str, key: str, known: frozenset[str]) -> tuple[str, ...]:
    """Keys in a text that are not the given one."""
    return tuple(found for found in _keys(text, known) if found != key)


def _keys(text: str, known: frozenset[str]) -> list[str]:
    found = dict.fromkeys(
        match[0]
        for match in _KEY.finditer(text)
        if (match[1] in known if known else not _STANDARDS.fullmatch(match[1]))
    )
    return list(found)


def _said(words: str, known: frozenset[str]) -> list[str]:
    """Keys in words that are not only compared with."""
    return _keys(_ASIDE.sub(" ", words), known)


def _one_key(words: str) -> str | None:
    """The key of any project in an answer to the question for it."""
    keys = dict.fromkeys(match[0] for match in _KEY.finditer(_NEGATED.sub(" ", words)))
    return next(iter(keys)) if len(keys) == 1 else None


def _usual_key(branch: str) -> list[str]:
    found = _USUAL.match(branch)
    return _keys(found[1], frozenset()) if found else []


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


def ticket_question(keys: Sequence[str], branch: str, rounds: Sequence[Round]) -> Question:
    """Which ticket it belongs to, where that is not clear.

    Args:
        keys: Those that it could be; the options begin with them.
        branch: The branch's name.
        rounds: What was asked before: who is asked again is told why.
    """
    nothing = Option(label=NO_TICKET, description="The title goes without a key.")
    in_thread = Option(
        label=IN_THE_THREAD,
        description="Someone writes the key into this thread before you submit: the newest one counts.",
    )
    offered = [Option(label=key, description=_where(key, branch)) for key in keys[:MOST_OFFERED]]
    again = _newest(rounds, TICKET)
    why = f"{THREAD_UNCLEAR if ticket_in_thread(rounds) else ANSWER_UNCLEAR} " if again else ""
    return Question(
        header="Ticket",
        text=f"{why}Which ticket does the work belong to? Type its key, such as ABC-123, with “Other…”.",
        multi=False,
        options=(*offered, nothing, in_thread)[:MOST_OPTIONS],
        recommended=0,
    )


def _where(key: str, branch: str) -> str:
    in_name = key in _keys(branch, frozenset())
    return "It stands in the branch's name." if in_name else "It stands in what people wrote."
