"""What models return. Shapes only; `engine.lint` says what must hold between the parts.

Every class is both the JSON schema that is sent with a call and the value that is kept. Bounds that
the API's structured output does not enforce are checked here when the answer arrives.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.ports import Tier

Line = Annotated[str, Field(min_length=1, max_length=300)]
Text = Annotated[str, Field(min_length=1, max_length=3000)]
Path = Annotated[str, Field(min_length=1, max_length=240)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,23}$")]


class Answer(BaseModel):
    """Base of everything a model returns."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# ---------------------------------------------------------------- assess


class Verdict(StrEnum):
    """How a request stands before work."""

    SPECIFIC = "specific"
    VAGUE = "vague"
    INVESTIGATE = "investigate"
    ESCALATE = "escalate"


class Topic(StrEnum):
    """What a gap is about."""

    SCOPE = "scope"
    EDGE_CASES = "edge cases"
    DEPENDENCIES = "dependencies"
    SUCCESS = "success"
    CONSTRAINTS = "constraints"
    APPROACH = "approach"
    PRIORITY = "priority"


class Interpretation(Answer):
    """One reading of the request, and what goes wrong if it is not the meant one."""

    reading: Line
    risk: Line


class Gap(Answer):
    """Something neither the request, the thread nor the repository says."""

    topic: Topic
    what: Line


class Look(Answer):
    """Something to find out, and the agent that does it. Agents that search the web get no objective."""

    agent: Annotated[str, Field(min_length=1, max_length=48)]
    objective: Text


class Way(Answer):
    """One way to go on, and its trade-off."""

    label: Annotated[str, Field(min_length=1, max_length=60)]
    tradeoff: Annotated[str, Field(min_length=1, max_length=200)]


class Dilemma(Answer):
    """Why only a person can decide how to go on; `recommended` is the index of the advised way."""

    situation: Text
    ways: tuple[Way, ...] = Field(min_length=2, max_length=4)
    recommended: int = Field(ge=0, le=3)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.recommended >= len(self.ways):
            raise ValueError("recommended must be the index of one of the ways")
        if len({way.label.casefold() for way in self.ways}) != len(self.ways):
            raise ValueError("two ways have the same label")
        return self


class Assessment(Answer):
    """Whether a request is specific; `title` is a name of a few words for it."""

    verdict: Verdict
    title: Annotated[str, Field(min_length=1, max_length=80)]
    understood: Line
    interpretations: tuple[Interpretation, ...] = Field(max_length=6)
    gaps: tuple[Gap, ...] = Field(max_length=12)
    investigate: tuple[Look, ...] = Field(
        max_length=5, description="What to find out first and by whom, if the verdict is investigate."
    )
    contradictions: tuple[Line, ...] = Field(
        default=(), max_length=6, description="Where reports of an investigation contradict each other."
    )
    dilemma: Dilemma | None = Field(
        default=None, description="What a person has to decide, if the verdict is escalate."
    )
    existing_work: bool = Field(
        default=False,
        description="True if the request is about work that stands on a branch already, such as opening a "
        "pull request for it.",
    )
    existing_branch: Annotated[str, Field(max_length=240)] | None = Field(
        default=None, description="That branch, to the letter as people named it; null if nobody named it."
    )


# ---------------------------------------------------------------- ask


class Option(Answer):
    """A choice and its trade-off."""

    label: Annotated[str, Field(min_length=1, max_length=60)]
    description: Annotated[str, Field(min_length=1, max_length=200)]


FEWEST_OPTIONS, MOST_OPTIONS = 2, 4
MOST_TO_CHOOSE = 100


class Question(Answer):
    """A question with two to four options; `recommended` is the index of the option that is advised."""

    header: Annotated[str, Field(min_length=1, max_length=12)]
    text: Line
    multi: bool = Field(description="True if several options may hold at once.")
    # The program's own questions, which stand in no `Questions`, may have fewer options or more.
    options: tuple[Option, ...] = Field(
        min_length=1,
        max_length=MOST_TO_CHOOSE,
        json_schema_extra={"minItems": FEWEST_OPTIONS, "maxItems": MOST_OPTIONS},
    )
    recommended: int = Field(ge=0, le=3)
    can_find_out: bool = Field(
        default=False, description="True if looking into the repository or the web can answer it."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.recommended >= len(self.options):
            raise ValueError("recommended must be the index of one of the options")
        if len({o.label.casefold() for o in self.options}) != len(self.options):
            raise ValueError("two options have the same label")
        return self


class Questions(Answer):
    """One round."""

    questions: tuple[Question, ...] = Field(min_length=1, max_length=5)

    @model_validator(mode="after")
    def _few_options(self) -> Self:
        if not all(FEWEST_OPTIONS <= len(one.options) <= MOST_OPTIONS for one in self.questions):
            raise ValueError("each question has two to four options")
        return self


# ---------------------------------------------------------------- specify


class SettledBy(StrEnum):
    """How a criterion is settled."""

    CHECK = "check"
    FILE = "file"
    TEXT = "text"
    JUDGED = "judged"
    ATTESTED = "attested"


class Criterion(Answer):
    """One acceptance criterion.

    Attributes:
        check: Name of a configured check (settled_by check).
        path: File that must exist (file) or hold `literal` (text).
        literal: Text that must stand in the file, to the letter.
        reviewer: Agent that judges it (judged).
        who, how, when: Who confirms it, by what, by when (attested).
    """

    id: Annotated[str, Field(pattern=r"^AC[1-9][0-9]?$")]
    text: Line
    settled_by: SettledBy
    check: str | None = None
    path: str | None = None
    literal: str | None = None
    reviewer: str | None = None
    who: str | None = None
    how: str | None = None
    when: str | None = None


class SuccessCriterion(Answer):
    """What the requester wants to be true, and the acceptance criteria that show it."""

    text: Line
    criteria: tuple[str, ...] = Field(min_length=1, max_length=12)


class SpecDraft(Answer):
    """A specification as the model writes it. Lists may be empty where nothing applies."""

    title: Annotated[str, Field(min_length=1, max_length=80)]
    problem: Text
    success_criteria: tuple[SuccessCriterion, ...] = Field(min_length=1, max_length=12)
    approach: tuple[Line, ...] = Field(min_length=1, max_length=12)
    upstream: tuple[Line, ...] = Field(max_length=12)
    downstream: tuple[Line, ...] = Field(max_length=12)
    data_quality: tuple[Line, ...] = Field(max_length=12)
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    artifacts: tuple[Path, ...] = Field(min_length=1)
    in_scope: tuple[Line, ...] = Field(min_length=1, max_length=12)
    out_of_scope: tuple[Line, ...] = Field(max_length=12)
    assumptions: tuple[Line, ...] = Field(max_length=12)
    branch: Annotated[str, Field(description="A slug of lower-case words with dashes.", max_length=50)]
    commit_subject: Annotated[str, Field(min_length=1, max_length=72)]


# ---------------------------------------------------------------- plan


class Outcome(StrEnum):
    """How a task ended, in the agent's own words."""

    DONE = "done"
    PARTIAL = "partial"
    BLOCKED = "blocked"


class Condition(Answer):
    """Run the task only if the named earlier task ended so."""

    task: Id
    outcome: Outcome


class PlannedTask(Answer):
    """A hand-over to one agent."""

    id: Id
    agent: str
    objective: Text
    returns: tuple[Line, ...] = Field(min_length=1, max_length=8)
    boundaries: tuple[Line, ...] = Field(max_length=8)
    effort: Line
    tier: Tier
    depends_on: tuple[Id, ...] = Field(max_length=8)
    condition: Condition | None = None


class Plan(Answer):
    """A DAG of tasks. Reviews are not tasks: every delivery gets the required ones.

    Nobody may plan nothing (`engine.plans`); only work that exists already has a plan without tasks.
    """

    tasks: tuple[PlannedTask, ...]


# ---------------------------------------------------------------- task


class Claim(Answer):
    """A finding; each citation is "path:line"."""

    claim: Line
    cites: tuple[Line, ...] = Field(max_length=6)


class Verification(Answer):
    """Something the agent ran; `receipt` is the id the tool's result began with."""

    claim: Line
    receipt: Line
    exit_code: int


class Report(Answer):
    """What a task hands back."""

    outcome: Outcome
    summary: Text
    findings: tuple[Claim, ...] = Field(max_length=20)
    verification: tuple[Verification, ...] = Field(max_length=12)
    next_steps: tuple[Line, ...] = Field(max_length=8)


# ---------------------------------------------------------------- review


class Severity(StrEnum):
    """How grave a violation is."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


class Finding(Answer):
    """A violation. `quote` is a line of `path` at the reviewed commit, to the letter.

    For something that is missing, the quote is the line where it belongs.
    """

    severity: Severity
    criterion: str | None
    title: Line
    path: Path
    line: int = Field(ge=1)
    quote: Annotated[str, Field(min_length=1, max_length=500)]
    expected: Line
    actual: Line
    fix: Line


class Judged(StrEnum):
    """A reviewer's judgement of a criterion."""

    MET = "met"
    UNMET = "unmet"
    UNCLEAR = "unclear"


class Judgement(Answer):
    """A reviewer's word on a criterion that is settled by judgement."""

    criterion: str
    verdict: Judged
    reason: Line


class Review(Answer):
    """A review of exactly one commit."""

    commit: Annotated[str, Field(min_length=40, max_length=40)]
    summary: Line
    passed: tuple[Line, ...] = Field(max_length=12)
    findings: tuple[Finding, ...] = Field(max_length=30)
    judgements: tuple[Judgement, ...] = Field(max_length=12)


# ---------------------------------------------------------------- dispute


class Fate(StrEnum):
    """What becomes of a disputed finding."""

    UPHELD = "upheld"
    WITHDRAWN = "withdrawn"


class Ruling(Answer):
    """A fresh reviewer's word on one disputed finding, with the line of the reviewed commit that decides.

    Attributes:
        judgement: How the finding's own criterion stands, if this reviewer judges it; else null.
    """

    commit: Annotated[str, Field(min_length=40, max_length=40)]
    ruling: Fate
    reason: Line
    path: Path
    line: int = Field(ge=1)
    quote: Annotated[str, Field(min_length=1, max_length=500)]
    judgement: Judged | None


# ---------------------------------------------------------------- pull request


class ChangeType(StrEnum):
    """What a pull request is, as its title begins."""

    FEAT = "feat"
    FIX = "fix"
    DOCS = "docs"
    REFACTOR = "refactor"
    PERF = "perf"
    TEST = "test"
    CHORE = "chore"


class FormSection(Answer):
    """What stands below one heading of the pull request's form."""

    heading: Annotated[str, Field(max_length=200)]
    text: Text


class BoxTie(Answer):
    """What a checkbox of the form stands or falls with: ids of criteria, names of checks, or "reviews".

    A program ticks the box if all of it holds; one with nothing to show stays open.
    """

    box: int = Field(ge=1)
    evidence: tuple[Annotated[str, Field(max_length=60)], ...] = Field(max_length=8)


class PullRequestText(Answer):
    """Title and body of a pull request, by the form that was given. `subject` has no type and no ticket."""

    type: ChangeType
    subject: Annotated[str, Field(min_length=1, max_length=72)]
    sections: tuple[FormSection, ...] = Field(max_length=20)
    boxes: tuple[BoxTie, ...] = Field(max_length=30)


# ---------------------------------------------------------------- triage


class MessageKind(StrEnum):
    """What a message in the thread of a running request is."""

    QUESTION = "question"
    WITHIN_SPEC = "within spec"
    NEW_SCOPE = "new scope"
    CHATTER = "chatter"
    ANSWER = "answer"


class Told(Answer):
    """A message told apart.

    Attributes:
        title: Names the wish in a few words if it is new scope, else empty.
        needs: What a wish needs before it can be started, other than requirements; no estimates.
        after: What a wish builds on: "task N" of the list, or "message N".
        criteria: Ids of the criteria that the message is about, if it is within the spec.
    """

    kind: MessageKind
    title: Annotated[str, Field(max_length=80)]
    needs: tuple[Line, ...] = Field(default=(), max_length=3)
    after: tuple[str, ...] = Field(default=(), max_length=6)
    criteria: tuple[str, ...] = Field(default=(), max_length=12)


class ToldNext(Told):
    """A further message of the same call; `number` is its place in the list, from 2 on."""

    number: int = Field(ge=2)


class Triage(Told):
    """The first message told apart, and in `others` each further one, if several were sent."""

    others: tuple[ToldNext, ...] = Field(default=(), max_length=40)
