"""What people are shown: frozen models of content. How it looks is the front end's.

All text is plain and untrusted: front ends escape it, make control characters visible, and cut it at
their limits with the whole one click away (`Engine.detail`). People stand as Person, never as names.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.people import Person


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Card(_Frozen):
    """Common to all: the request it belongs to and its key (see engine.request.ShowCard)."""

    request: str
    key: str


# ---------------------------------------------------------------- progress


class StepStatus(StrEnum):
    """How a step of the pattern stands."""

    PENDING = "pending"
    ACTIVE = "active"
    WAITING = "waiting"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class Step(_Frozen):
    """One of the eight steps; `detail` says what was found or is going on, in a line."""

    name: str
    status: StepStatus
    detail: str = ""


class ProgressCard(_Card):
    """The one message that is edited in place while a request lives.

    Attributes:
        headline: What is going on, or what is needed from whom, or how it ended and why.
        activity: The latest things that running agents did, newest last.
        waiting_for: People whose answer is awaited (empty: nobody, or anyone as the headline says).
        kept: Titles of wishes kept out of the running work.
        talk: Messages that were told apart and stand on no other card, newest first.
        repository: The repository and how it came to be this one, in words; empty where there is no other.
        movable: Whether another one can be chosen.
        paused_by: Who paused it, while it is paused.
        spent_tokens: Read and written, as `spent_usd` without calls in flight.
        worked_minutes: That something worked for it; without waiting for people and pauses.
        cap_tokens, cap_minutes: None where that is not bounded.
    """

    card: Literal["progress"] = "progress"
    title: str
    state: str
    headline: str
    steps: tuple[Step, ...]
    activity: tuple[str, ...] = ()
    waiting_for: tuple[Person, ...] = ()
    kept: tuple[str, ...] = ()
    spent_usd: float = 0.0
    cap_usd: float = 0.0
    spent_tokens: int = 0
    cap_tokens: int | None = None
    worked_minutes: float = 0.0
    cap_minutes: float | None = None
    can_stop: bool = True
    ended_by: Person | None = None
    paused_by: Person | None = None
    talk: "tuple[TakenLine, ...]" = ()
    repository: str = ""
    movable: bool = False


# ---------------------------------------------------------------- questions


class OptionLine(_Frozen):
    """An option with its trade-off."""

    label: str
    description: str
    recommended: bool = False


class QuestionItem(_Frozen):
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


class Reading(_Frozen):
    """One way to read the request, and the risk of it."""

    reading: str
    risk: str


class QuestionsCard(_Card):
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


# ---------------------------------------------------------------- findings


class Trust(StrEnum):
    """What the engine could make of a claim."""

    CHECKED = "checked"
    UNVERIFIED = "unverified"
    FROM_THE_WEB = "from the web"


class FoundLine(_Frozen):
    """A claim of a report, what it cites (path:line, or addresses), and what could be made of it."""

    text: str
    cites: tuple[str, ...]
    trust: Trust
    why: str = ""


class FoundReport(_Frozen):
    """What one agent came back with."""

    agent: str
    summary: str
    lines: tuple[FoundLine, ...]


class FindingsCard(_Card):
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


# ---------------------------------------------------------------- spec


class SpecSection(_Frozen):
    """A section with its lines; `whole` sections are never cut (artifacts, checks, branch)."""

    name: str
    lines: tuple[str, ...]
    whole: bool = False


class SectionDiff(_Frozen):
    """What changed in a section since the version before."""

    name: str
    removed: tuple[str, ...]
    added: tuple[str, ...]


class ApprovalWait(_Frozen):
    """Who is waited for: named people, or anyone but the requester if `named` is empty."""

    named: tuple[Person, ...]
    have: tuple[Person, ...]
    need: int


class SpecCard(_Card):
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


# ---------------------------------------------------------------- review


class Failure(_Frozen):
    """Something that does not hold. `source` is the check, the git object or the reviewer that says so."""

    title: str
    severity: str
    source: str
    expected: str
    actual: str
    fix: str


class ViolationLine(_Frozen):
    """A reviewer's finding. `id` is its number within the round, `place` its path and line.

    Attributes:
        disputable: Whether the card takes a dispute of it now.
        withdrawn: Whether a dispute cleared it: it counts no longer.
        outcome: What became of the dispute, in words; empty if there was none.
    """

    id: str
    severity: str
    reviewer: str
    title: str
    place: str
    quote: str
    expected: str
    actual: str
    fix: str
    disputable: bool = False
    withdrawn: bool = False
    disputed_by: Person | None = None
    reason: str = ""
    outcome: str = ""


class ReviewCard(_Card):
    """One review round of one commit. `gate` is PASS, FIX, BLOCKED or ESCALATE.

    Attributes:
        passed: Criteria that hold, each with how that was settled.
        praised: What reviewers say is good beyond the criteria: nothing was checked of it.
        pending: Ids of the criteria that people are asked about after delivery.
    """

    card: Literal["review"] = "review"
    title: str
    round: int
    rounds: int
    commit: str
    gate: str
    passed: tuple[str, ...]
    failed: tuple[Failure, ...]
    unsettled: tuple[str, ...]
    minor: tuple[str, ...]
    next_steps: tuple[str, ...]
    withdrawn: tuple[ViolationLine, ...] = ()
    praised: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


# ---------------------------------------------------------------- escalation


class OfferLine(_Frozen):
    """An option of an escalation. `asks` is the label of a text field to fill, empty for none.

    `item` tells several of one choice apart.
    """

    choice: str
    label: str
    tradeoff: str
    asks: str = ""
    recommended: bool = False
    item: str = ""


class EscalationCard(_Card):
    """A decision that a person has to take: also for blocked and paused requests."""

    card: Literal["escalation"] = "escalation"
    title: str
    heading: str
    situation: str
    attempts: tuple[str, ...]
    offers: tuple[OfferLine, ...]
    recommendation: str
    asked: tuple[Person, ...] = ()
    decided_by: Person | None = None
    decision: str = ""
    open: bool = True
    violations: tuple[ViolationLine, ...] = ()
    next_steps: tuple[str, ...] = ()


# ---------------------------------------------------------------- push


class PushCard(_Card):
    """A push that needs an approval of its own, bound to the commit. `fate`: open, approved, changed, closed.

    Attributes:
        guarded: Protected paths that it changes, with what they are.
        workflows: What would run because of it, and with what rights.
        diff: Of the protected paths.
        whole: Whether the diff shows all of them; if not, it cannot be approved.
        text: All of it, as "Show all" shows it.
    """

    card: Literal["push"] = "push"
    title: str
    commit: str
    branch: str
    guarded: tuple[str, ...]
    workflows: tuple[str, ...]
    diff: str
    whole: bool
    text: str
    wait: ApprovalWait
    fate: str = "open"
    decided_by: Person | None = None


# ---------------------------------------------------------------- delivery


class CriterionLine(_Frozen):
    """A criterion, how it stands, and the evidence; `by`: the person whose word that is."""

    id: str
    text: str
    status: str
    evidence: str
    by: Person | None = None


class AttestedLine(_Frozen):
    """A criterion that only the world can tell, and what was said of it since delivery.

    Attributes:
        asked: Who is asked; None: anyone here.
        held: What they said; None: nothing yet.
    """

    id: str
    text: str
    how: str
    when: str
    asked: Person | None = None
    held: bool | None = None
    by: Person | None = None
    note: str = ""


class DeliveryCard(_Card):
    """The draft pull request with its evidence; the requester confirms or says what is missing.

    Attributes:
        draft: Whether it was a draft when it was last seen.
        standing: How it stood then, in words.
        base: That the base branch went on meanwhile, in words; empty if it did not.
        unset: Labels and reviewers that the forge did not take, and why, a line each.
    """

    card: Literal["delivery"] = "delivery"
    title: str
    number: int
    url: str
    branch: str
    commit: str
    criteria: tuple[CriterionLine, ...]
    minor: tuple[str, ...]
    unverified: tuple[str, ...]
    kept: tuple[str, ...]
    cost_usd: float
    tokens: int = 0
    requester: Person
    confirmed_by: Person | None = None
    superseded: bool = False
    attested: tuple[AttestedLine, ...] = ()
    halted: str = ""
    base: str = ""
    unset: tuple[str, ...] = ()
    draft: bool = True
    standing: str = ""
    repository: str = ""


# ---------------------------------------------------------------- feedback


class RemarkLine(_Frozen):
    """A remark on the pull request. `who` is a login at the forge, `place` a path with or without a line.

    Attributes:
        taken: What it was taken for, in words.
    """

    who: str
    place: str
    text: str
    taken: str


class FailedCheckLine(_Frozen):
    """A check that failed at the forge; `passed`: it was run again since, and passed."""

    name: str
    url: str
    summary: str
    passed: bool = False


class FeedbackCard(_Card):
    """What came back from the pull request, and what can be done about it.

    Attributes:
        commit: The delivered commit that the checks ran on.
        outcome: What became of it, in words; empty while that is open.
    """

    card: Literal["feedback"] = "feedback"
    title: str
    number: int
    commit: str
    remarks: tuple[RemarkLine, ...]
    checks: tuple[FailedCheckLine, ...]
    offers: tuple[OfferLine, ...] = ()
    decided_by: Person | None = None
    outcome: str = ""


# ---------------------------------------------------------------- scope


class WishLine(_Frozen):
    """A proposed task. `number` counts from 2: the running request is task 1.

    Attributes:
        ts: Names it in choices.
        scope: What it needs before it can be started, in words.
        after: What it builds on, in words; empty for nothing.
        fate: proposed, included, accepted, started or dropped.
        fixed: Whether what it was taken for can be corrected no more.
    """

    number: int
    ts: str
    title: str
    text: str
    by: Person
    scope: str
    after: str = ""
    fate: str = "proposed"
    outcome: str = ""
    decided_by: Person | None = None
    fixed: bool = False


class TakenFor(StrEnum):
    """What a message that is no wish was taken for."""

    PART_OF_SPEC = "within spec"
    QUESTION = "question"
    ANSWER = "answer"
    TALK = "chatter"
    UNTOLD = "not told apart"


class TakenLine(_Frozen):
    """A message that is no wish, and what it was taken for; `outcome` says so in words."""

    ts: str
    by: Person
    text: str
    kind: TakenFor
    outcome: str
    confirmed: bool = False


class ScopeCard(_Card):
    """Wishes beyond the approved spec, what each was taken for, and how to go on.

    Attributes:
        files: What the running request changes, in words.
        wishes: All of them, as they are numbered.
        taken: The messages that are no wishes, newest first.
        offers: A, B and C, as far as they are open.
        startable: Whether wishes can be accepted as follow-ups.
        open: Whether what messages were taken for can be corrected.
    """

    card: Literal["scope"] = "scope"
    title: str
    files: str
    wishes: tuple[WishLine, ...]
    taken: tuple[TakenLine, ...] = ()
    offers: tuple[OfferLine, ...] = ()
    startable: bool = False
    open: bool = True
    decided_by: Person | None = None
    decision: str = ""


class FollowUpCard(_Card):
    """The first message of a thread for a proposed task that people want done."""

    card: Literal["follow_up"] = "follow_up"
    text: str
    follows: str
    asked_by: Person


# ---------------------------------------------------------------- note


class NoteCard(_Card):
    """A plain message: why something could not be done, and the next step; to these people, or to all."""

    card: Literal["note"] = "note"
    text: str
    to: tuple[Person, ...] = ()


Card = Annotated[
    ProgressCard
    | QuestionsCard
    | FindingsCard
    | SpecCard
    | ReviewCard
    | EscalationCard
    | PushCard
    | DeliveryCard
    | FeedbackCard
    | ScopeCard
    | FollowUpCard
    | NoteCard,
    Field(discriminator="card"),
]


class Detail(_Frozen):
    """The whole of a card as plain text, for a modal or a file."""

    title: str
    text: str
