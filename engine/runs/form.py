"""The form of a pull request: headings to fill, and boxes that only evidence ticks. Pure.

The repository's own form goes out as it stands at the base commit, without its comments: its maintainers
wrote it, and their forge shows it to everybody who opens a pull request there. One that would take in what
follows it is not used.

A box is ticked if a model names evidence for it, all of that holds, and it speaks of everything the box says.
The model's word alone ticks nothing, and neither does a word in common. In doubt a box stays open.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from markdown_it import MarkdownIt

from engine.events import CheckResult, Ran
from engine.request import Settled, Status
from engine.runs.pull_request import escaped
from engine.schemas import BoxTie, SettledBy, SpecDraft

REVIEWS = "reviews"
LONGEST_FORM, LONGEST_FILLED = 12_000, 30_000
MOST_BOXES = 30

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"<(/?)([a-z][\w-]*)\b", re.IGNORECASE)
_VOID = frozenset({"br", "hr", "img", "input", "wbr"})
# Elements that forges take out, with all that follows if one is left open.
_ACTIVE = re.compile(
    r"<(?:script|style|title|textarea|iframe|noembed|noframes|plaintext|xmp|svg|math|form)\b", re.IGNORECASE
)
_AFTER = "What follows the form"
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
_BOX = re.compile(r"^(\s*[-*+]\s+)\[[ xX]\]\s+(.*\S)\s*$")
_GOOD = frozenset({Status.PASSED, Status.REGRESSION_ONLY, Status.JUDGED_MET, Status.ATTESTED})

_WORD = re.compile(r"[^\W_]+")
_CLAUSES = re.compile(r"[,;&]|\band\b", re.IGNORECASE)
# Whatever holds passed, is done and was checked: these say nothing of their own.
_SAYS_NOTHING = frozenset(
    re.findall(
        r"[a-z]+",
        """a all also an any are as at be been both by can check checked checks confirm confirmed did do does
        done each ensure ensured every for from green had has have i if in into is it its make my of on or our
        pass passed passes passing ran run runs sure that the their there these this those to up validated
        verified verify was we were which will with""",
    )
)
# What came to be: neither a green check nor what was green before can show that.
_ADDED = frozenset(
    {
        "add",
        "added",
        "adding",
        "adds",
        "created",
        "included",
        "introduced",
        "new",
        "newly",
        "written",
        "wrote",
    }
)
# Nothing of this happened before the pull request is opened, or only people did it.
_ELSEWHERE = re.compile(
    r"\b(?:manual\w*|by hand|humans?|staging|(?:pre)?prod(?:uction)?|deploy\w*|merg\w*|releas\w*|live)\b",
    re.IGNORECASE,
)
_NEGATION = r"\b(?:no|not|never|none|nothing|without|cannot|\w+n['\u2019]t)\b"
_NEGATED = re.compile(rf"{_NEGATION}[^.,:;]*", re.IGNORECASE)
_ENDINGS = frozenset(
    {"", "s", "e", "es", "ed", "ing", "er", "ers", "or", "ors", "al", "ly", "ment", "ness"}
    | {"ion", "ions", "ation", "ations"}
)
_STEM = 4


@dataclass(frozen=True)
class Part:
    """A heading and the lines below it; the first part of a form may have none."""

    heading: str
    line: str
    body: tuple[str, ...]


@dataclass(frozen=True)
class Form:
    """A form, taken apart. `boxes` are the texts of its checkboxes, numbered from 1."""

    parts: tuple[Part, ...]
    boxes: tuple[str, ...]

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings in order."""
        return tuple(part.heading for part in self.parts if part.line)


@dataclass(frozen=True)
class Evidence:
    """Something that holds or does not: its name, what it speaks of, and how it shows.

    Attributes:
        adds: Whether it can show that something is new: no check does, nor does what was green before.
    """

    name: str
    about: str
    holds: bool
    shown: str
    adds: bool = False


def read_form(text: str) -> Form:
    """Take a Markdown form apart; comments in it are for those who fill it, and go."""
    parts: list[Part] = []
    heading, line, body = "", "", list[str]()
    for row in _COMMENT.sub("", text[:LONGEST_FORM]).splitlines():
        found = _HEADING.match(row)
        if found:
            parts.append(Part(heading, line, tuple(body)))
            heading, line, body = found[1], row, []
        else:
            body.append(row)
    parts.append(Part(heading, line, tuple(body)))
    boxes = [found[2] for part in parts for row in part.body if (found := _BOX.match(row))]
    return Form(tuple(part for part in parts if part.line or any(part.body)), tuple(boxes[:MOST_BOXES]))


def stands_alone(text: str) -> bool:
    """Whether a form leaves what follows it alone: an open fence, comment or element would hide that."""
    shown = _COMMENT.sub("", text)
    tokens = MarkdownIt("commonmark").enable("table").parse(f"{shown}\n\n{_AFTER}\n")
    ends = [(token.type, token.level, token.content) for token in tokens[-3:]]
    after = [("paragraph_open", 0, ""), ("inline", 1, _AFTER), ("paragraph_close", 0, "")]
    html = "\n".join(
        part.content
        for token in tokens
        for part in (token, *(token.children or ()))
        if part.type in {"html_block", "html_inline"}
    )
    depth = Counter[str]()
    for closes, name in _TAG.findall(html):
        if name.lower() not in _VOID:
            depth[name.lower()] += -1 if closes else 1
    return ends == after and not any(depth.values()) and "<!--" not in shown and not _ACTIVE.search(html)


def evidence(
    draft: SpecDraft, settled: Sequence[Settled], results: Sequence[CheckResult], *, reviewed: bool
) -> dict[str, Evidence]:
    """All there is to show, by name: criteria, checks, and the reviews together.

    Args:
        draft: The approved spec.
        settled: How its criteria stand at the delivered commit.
        results: The checks' results at it.
        reviewed: Whether every required review of it is valid and without a standing grave finding.
    """
    found = {
        one.id: Evidence(
            one.id,
            one.text,
            one.status in _GOOD,
            f"{one.id} {one.status.value}",
            adds=one.settled_by is not SettledBy.CHECK and one.status is not Status.REGRESSION_ONLY,
        )
        for one in settled
    }
    for name in dict.fromkeys(c.check for c in draft.criteria if c.settled_by is SettledBy.CHECK and c.check):
        # Failing tests of ours beside its own have to be red: they show nothing of the work.
        runs = [run for run in results if run.check == name and run.where in {Ran.COMMIT, Ran.ARTIFACTS}]
        about = " ".join([name, *(" ".join(run.argv) for run in runs[:1])])
        theirs = {criterion.id for criterion in draft.criteria if criterion.check == name}
        doubted = any(one.id in theirs and one.status not in _GOOD for one in settled)
        green = bool(runs) and all(run.green for run in runs) and not doubted
        found[name] = Evidence(name, about, green, f"check {name} is green")
    found[REVIEWS] = Evidence(REVIEWS, "reviews, reviewed by reviewers", reviewed, "every required review")
    return found


def ticked(
    form: Form, ties: Sequence[BoxTie], known: Mapping[str, Evidence]
) -> dict[int, tuple[Evidence, ...]]:
    """The boxes that evidence ticks, each with what shows it."""
    ticks = {}
    for number, box in enumerate(form.boxes, start=1):
        names = {name for tie in ties if tie.box == number for name in tie.evidence}
        named = [known[name] for name in known if name in names]
        telling = _telling(box, named)
        if telling and names <= known.keys() and all(one.holds for one in named):
            ticks[number] = telling
    return ticks


def _telling(box: str, named: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Evidence that shows all that a box says, each clause by one piece; empty if one stays open."""
    words = _words(box)
    if _ELSEWHERE.search(box):
        return ()
    able = [one for one in named if one.adds] if words & _ADDED else named
    clauses = [_words(clause) - _ADDED for clause in _CLAUSES.split(box) if clause.strip()]
    negated = _NEGATED.search(box) is not None
    told = [(one, _words(one.about if negated else _NEGATED.sub(" ", one.about))) for one in able]
    shows = [[one for one, has in told if clause and _covered(clause, has)] for clause in clauses]
    if not shows or not all(shows):
        return ()
    return tuple(one for one in able if any(one in shown for shown in shows))


def _words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORD.findall(text)) - _SAYS_NOTHING


def _covered(said: Collection[str], told: Collection[str]) -> bool:
    return all(any(_alike(one, other) for other in told) for one in said)


def _alike(one: str, other: str) -> bool:
    """Whether two words are one in different forms (comments, commented; table, tables)."""
    if one == other:
        return True
    stem = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    if stem < _STEM:
        return one.removesuffix("s") == other.removesuffix("s")
    return one[stem:] in _ENDINGS and other[stem:] in _ENDINGS


def unknown(form: Form, ties: Sequence[BoxTie], known: Collection[str]) -> list[str]:
    """What ties name that there is not, in sentences for the model."""
    problems = [f"There is no box {tie.box}." for tie in ties if tie.box > len(form.boxes)]
    names = dict.fromkeys(name for tie in ties for name in tie.evidence if name not in known)
    return problems + [f"There is no evidence {name!r}; there are {', '.join(known)}." for name in names]


def filled(form: Form, sections: Mapping[str, str], ticks: Mapping[int, Sequence[Evidence]]) -> str:
    """The form as Markdown. Words below a heading take the place of the form's own; boxes always stay.

    Args:
        form: The form.
        sections: Text by heading; made harmless here.
        ticks: Boxes to tick, with what shows each.
    """
    lines: list[str] = []
    number = 0
    for part in form.parts:
        text = sections.get(part.heading, "").strip()
        lines += [part.line, ""] if part.line else []
        lines += [escaped(row) for row in text.splitlines()] + [""] if text else []
        for row in part.body:
            box = _BOX.match(row)
            if box:
                number += 1
                lines.append(_box(box[1], box[2], ticks.get(number, ())))
            elif not text:
                lines.append(row)
        lines.append("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _box(bullet: str, text: str, shown: Sequence[Evidence]) -> str:
    if not shown:
        return f"{bullet}[ ] {text}"
    return f"{bullet}[x] {text} ({escaped(', '.join(one.shown for one in shown))})"
