"""On the way to the spec: questions, what was found, and its versions with who approves them."""

from enum import StrEnum
from typing import Literal

from engine.cards.base import ApprovalWait, CardBase, Frozen
from engine.people import Person


class OptionLine(Frozen):
    """An option with its trade-off."""

    label: str
    description: str
    recommended: bool = False


class QuestionItem(Frozen):
    """A question and what is recorded as its answer so far.

    Attributes:
        answer: What was understood, in words; empty while unanswered.
        in_words: Whether an answer in one's own words is taken.
    """

    index: int
    header: str
    text: str
    multi: bool
    options: tuple[OptionLine, ...]
    chosen: tuple[str, ...] = ()
    answer: str = ""
    answered_by: Person | None = None
    assumed: bool = False
    decidable: bool = True
    can_find_out: bool = False
    finding_out: bool = False
    in_words: bool = True


class Reading(Frozen):
    """One way to read the request, and the risk of it."""

    reading: str
    risk: str


class QuestionsCard(CardBase):
    """A round of questions. Once `submitted_by` is set it only tells what was answered by whom.

    Attributes:
        round: Its number in the thread.
        ordinal: Its number among the rounds of a model's questions, which are `rounds` at most; 0 for a
            question of the program's own.
    """

    card: Literal["questions"] = "questions"
    title: str
    round: int
    ordinal: int = 0
    rounds: int
    readings: tuple[Reading, ...]
    items: tuple[QuestionItem, ...]
    submitted_by: Person | None = None
    open: bool = True


class Trust(StrEnum):
    """What the engine could make of a claim."""

    CHECKED = "checked"
    UNVERIFIED = "unverified"
    FROM_THE_WEB = "from the web"


class FoundLine(Frozen):
    """A claim of a report, what it cites (path:line, or addresses), and what could be made of it."""

    text: str
    cites: tuple[str, ...]
    trust: Trust
    why: str = ""


class FoundReport(Frozen):
    """What one agent came back with."""

    agent: str
    summary: str
    lines: tuple[FoundLine, ...]


class FindingsCard(CardBase):
    """What an investigation found, all reports together, before anything is specified.

    Attributes:
        recommendations: What the reports advise, each with the agent that does.
        contradictions: Where reports contradict each other.
        missing: What is not known, and why.
    """

    card: Literal["findings"] = "findings"
    title: str
    number: int
    reports: tuple[FoundReport, ...]
    recommendations: tuple[str, ...]
    contradictions: tuple[str, ...]
    missing: tuple[str, ...]


class SpecSection(Frozen):
    """A section with its lines; `whole` sections are never cut (artifacts, checks, branch)."""

    name: str
    lines: tuple[str, ...]
    whole: bool = False


class SectionDiff(Frozen):
    """What changed in a section since the version before."""

    name: str
    removed: tuple[str, ...]
    added: tuple[str, ...]


class SpecCard(CardBase):
    """A version of the spec. `fate` is open, approved, superseded or rejected.

    Attributes:
        editable: (key, name) of the sections that can be edited as text.
        repository: As on the progress card.
    """

    card: Literal["spec"] = "spec"
    title: str
    version: int
    hash: str
    sections: tuple[SpecSection, ...]
    because: str = ""
    diff: tuple[SectionDiff, ...] = ()
    wait: ApprovalWait
    fate: str = "open"
    decided_by: Person | None = None
    editable: tuple[tuple[str, str], ...] = ()
    repository: str = ""
