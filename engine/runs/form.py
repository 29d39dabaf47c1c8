"""The form of a pull request: headings to fill, and boxes that only evidence ticks. Pure.

A box is ticked if a model names evidence for it, that evidence speaks of the same thing, and all of it holds.
The model's word alone ticks nothing, and neither does a common word.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from engine.events import CheckResult
from engine.request import Settled, Status
from engine.runs.pull_request import escaped
from engine.schemas import BoxTie, SettledBy, SpecDraft
from engine.wording import shares_word

REVIEWS = "reviews"
LONGEST_FORM = 12_000
MOST_BOXES = 30

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
_BOX = re.compile(r"^(\s*[-*+]\s+)\[[ xX]\]\s+(.*\S)\s*$")
_GOOD = frozenset({Status.PASSED, Status.REGRESSION_ONLY, Status.JUDGED_MET, Status.ATTESTED})


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
    """Something that holds or does not: its name, what it speaks of, and how it shows."""

    name: str
    about: str
    holds: bool
    shown: str


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
        one.id: Evidence(one.id, one.text, one.status in _GOOD, f"{one.id} {one.status.value}")
        for one in settled
    }
    for name in dict.fromkeys(c.check for c in draft.criteria if c.settled_by is SettledBy.CHECK and c.check):
        runs = [result for result in results if result.check == name]
        about = " ".join([name, *(" ".join(run.argv) for run in runs[:1])])
        green = bool(runs) and all(run.green for run in runs)
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
        telling = [one for one in named if shares_word(box, one.about)]
        if telling and names <= known.keys() and all(one.holds for one in named):
            ticks[number] = tuple(telling)
    return ticks


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
