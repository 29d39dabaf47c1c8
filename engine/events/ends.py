"""How runs end: a result for each kind of run, or why it failed."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from engine.caps import CapHit
from engine.events.base import EventBase, Frozen
from engine.events.found import (
    BaseMoved,
    BranchLine,
    CheckResult,
    Existing,
    Fact,
    Guarded,
    Leak,
    Mark,
    Seat,
    Workflow,
)
from engine.schemas import Assessment, MessageKind, Plan, Questions, Report, Review, Ruling, SpecDraft


class Assessed(Frozen):
    """An assessment, made over this commit of the base branch.

    Attributes:
        existing: The branch that the request is about, if it is about existing work and people named it;
            the base commit is then the one it left the base branch at.
        branches: Otherwise the branches it could be about.
        unclear: Why the branch that people named cannot be taken, in a sentence.
        ticket_wanted: Whether the history, people or the branch name tickets, but not clearly this work's.
        tickets: The keys that it could be, to be offered.
        seats: The agents there are at that commit; empty in records from before they were kept.
        left_out: Agent files of the repository that do not count, each with the reason, in a sentence.
    """

    of: Literal["assessed"] = "assessed"
    assessment: Assessment
    base_commit: str
    existing: Existing | None = None
    branches: tuple[BranchLine, ...] = ()
    unclear: str = ""
    ticket_wanted: bool = False
    tickets: tuple[str, ...] = ()
    seats: tuple[Seat, ...] = ()
    left_out: tuple[str, ...] = ()


class Asked(Frozen):
    """Questions of a round."""

    of: Literal["asked"] = "asked"
    questions: Questions


class Specified(Frozen):
    """A spec that passed the lint."""

    of: Literal["specified"] = "specified"
    draft: SpecDraft


class Planned(Frozen):
    """A plan that passed validation."""

    of: Literal["planned"] = "planned"
    plan: Plan


class Held(Frozen):
    """Nothing was pushed: this commit needs an approval of its own first.

    Attributes:
        guarded: Protected paths that it changes.
        workflows: What would run because of the push or the pull request.
        branch: Where it would go.
        diff: Of the protected paths, against the base.
        whole: Whether all of it is held here. What is not can be shown to nobody, so nobody can approve it.
    """

    of: Literal["held"] = "held"
    commit: str
    branch: str
    guarded: tuple[Guarded, ...]
    workflows: tuple[Workflow, ...]
    diff: str
    whole: bool = True


class TaskEnded(Frozen):
    """A task's report, what the engine could verify of it, and the commit that holds its work.

    Attributes:
        commit: The work's head after the task; unchanged for read-only agents.
        outside: Changed paths that are no artifacts of the spec.
        refused: Paths that may never be committed, with reasons.
        leaks: Where it looks as if the work holds credentials; the report is without them.
    """

    of: Literal["task_ended"] = "task_ended"
    task: str
    report: Report
    marks: tuple[Mark, ...]
    commit: str
    outside: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    leaks: tuple[Leak, ...] = ()


class Verified(Frozen):
    """Results of the checks and facts of the criteria for one commit (the base alone if equal)."""

    of: Literal["verified"] = "verified"
    commit: str
    results: tuple[CheckResult, ...]
    facts: tuple[Fact, ...]


class Reviewed(Frozen):
    """A review; `invalid` says why it does not count (malformed, wrong commit, quotes not found)."""

    of: Literal["reviewed"] = "reviewed"
    reviewer: str
    review: Review | None
    invalid: str = ""


class Ruled(Frozen):
    """How a dispute ended. `ruling` is None if the fresh review's answer could not be used."""

    of: Literal["ruled"] = "ruled"
    finding: str
    ruling: Ruling | None
    invalid: str = ""


class Delivered(Frozen):
    """The commit was pushed and read back, the pull request is open.

    Attributes:
        draft: Whether it is a draft: where the forge has none, or people took that away, it is not.
        replaces: The draft on a branch of others whose place it takes; 0 for none.
        unset: Labels and reviewers that the forge did not take, and why; bounded, and untrusted.
    """

    of: Literal["delivered"] = "delivered"
    branch: str
    commit: str
    number: int
    url: str
    draft: bool = True
    base_moved: BaseMoved | None = None
    replaces: int = 0
    unset: tuple[str, ...] = ()


class ToldApart(Frozen):
    """What a message is taken for. `message` and the entries of `after` are the ts of messages.

    An entry of `after` may also be CURRENT, the running request itself.
    """

    message: str
    kind: MessageKind
    title: str
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()


CURRENT = "current"


class Triaged(ToldApart):
    """A message of the thread told apart, and further ones that were read together with it."""

    of: Literal["triaged"] = "triaged"
    others: tuple[ToldApart, ...] = ()


class Cause(StrEnum):
    """Why a run could not end as it should, or why a person must decide."""

    STILL_VAGUE = "still_vague"
    DILEMMA = "dilemma"
    INVESTIGATION = "investigation"
    ANSWER = "answer"
    MODEL = "model"
    SCRIPT = "script"
    CAP = "cap"
    REPOSITORY = "repository"
    PUSH = "push"
    DISK = "disk"
    TASK = "task"
    TURNS = "turns"
    OUTSIDE = "outside"
    REFUSED_FILES = "refused_files"
    LEAK = "leak"
    CRITICAL = "critical"
    REVIEW_INVALID = "review_invalid"
    ROUNDS = "rounds"
    UNSETTLED = "unsettled"
    NOT_HELD = "not_held"
    FOLLOWED = "followed"
    CLOSED = "closed"
    ELSEWHERE = "elsewhere"
    SHARED = "shared"
    BUG = "bug"


class Failed(Frozen):
    """The run gave up. `sentence` is for people, `error_id` finds the log line.

    Attributes:
        leaks: Where what was about to leave looks as if it holds credentials.
        cap: The cap that was reached, if one was.
    """

    of: Literal["failed"] = "failed"
    cap: CapHit | None = None
    cause: Cause
    sentence: str
    error_id: str = ""
    leaks: tuple[Leak, ...] = ()


Result = Annotated[
    Assessed
    | Asked
    | Specified
    | Planned
    | TaskEnded
    | Verified
    | Reviewed
    | Ruled
    | Delivered
    | Held
    | Triaged
    | Failed,
    Field(discriminator="of"),
]


class RunFinished(EventBase):
    """A run ended. Its key is `RUN_ID:finished`."""

    kind: Literal["run_finished"] = "run_finished"
    run: str
    result: Result
