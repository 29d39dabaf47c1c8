"""What comes in: events of people, the clock and runs. Frozen; the same key again changes nothing.

The stored events are the journal. `at` is the time of the event itself (aware, UTC), never of its
arrival; all waiting is measured in it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from engine.caps import CapHit
from engine.people import Person
from engine.ports import OutsideCheck, Remark
from engine.schemas import Assessment, MessageKind, Plan, Questions, Report, Review, Ruling, SpecDraft


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Event(_Frozen):
    """Common to all: `request` is team:channel:thread_ts."""

    key: str
    request: str
    at: datetime


class Opened(_Event):
    """Someone mentioned the bot. `thread_ts` differs from `ts` if it was inside a discussion.

    Attributes:
        follows: The request whose proposed task this is, if any.
        repository: That request's repository.
        direct: Whether nobody but this person sees the thread.
        shared: Whether people of another workspace see it.
        today: How many requests this person has opened today before; the engine counts.
    """

    kind: Literal["opened"] = "opened"
    by: Person
    text: str
    channel: str
    ts: str
    thread_ts: str
    follows: str = ""
    repository: str = ""
    direct: bool = False
    shared: bool = False
    today: int = 0


class Answered(_Event):
    """An answer to one question of a round: labels, a text of one's own, "you decide" or "find out"."""

    kind: Literal["answered"] = "answered"
    by: Person
    round: int
    question: int
    labels: tuple[str, ...] = ()
    text: str = ""
    you_decide: bool = False
    find_out: bool = False


class Submitted(_Event):
    """The answers of a round are complete."""

    kind: Literal["submitted"] = "submitted"
    by: Person
    round: int


class Approved(_Event):
    """A click on Approve of exactly this version and hash."""

    kind: Literal["approved"] = "approved"
    by: Person
    version: int
    hash: str


class Said(_Event):
    """A message in the thread; `mentions_bot` if it addressed the bot. `text` is untrusted."""

    kind: Literal["said"] = "said"
    by: Person
    text: str
    ts: str
    mentions_bot: bool = False


class Choice(StrEnum):
    """Everything people can choose on a card, other than answers and approval."""

    CHANGE_SPEC = "change_spec"
    REJECT_SPEC = "reject_spec"
    CONFIRM = "confirm"
    NOT_YET = "not_yet"
    RETRY = "retry"
    ANOTHER_ROUND = "another_round"
    FIX = "fix"
    TELL_MORE = "tell_more"
    ASSUME = "assume"
    KEEP_OUTSIDE = "keep_outside"
    REVERT_OUTSIDE = "revert_outside"
    DELIVER_UNCHECKED = "deliver_unchecked"
    LET_THROUGH = "let_through"
    APPROVE_PUSH = "approve_push"
    RAISE_CAP = "raise_cap"
    PICK = "pick"
    DISPUTE = "dispute"
    HELD = "held"
    NOT_HELD = "not_held"
    LEAVE = "leave"
    STOP = "stop"
    FINISH_FIRST = "finish_first"
    REDEFINE = "redefine"
    PRIORITISE = "prioritise"
    IS_SCOPE = "is_scope"
    IS_SPEC = "is_spec"
    IS_TALK = "is_talk"
    START_WISH = "start_wish"
    DROP_WISH = "drop_wish"
    KEEP_AS_TASK = "keep_as_task"
    IGNORE = "ignore"
    OTHER_REPOSITORY = "other_repository"


class Chose(_Event):
    """A choice on a card. `card` is its key (spec:2, escalation:1, delivery:1); `text` what was typed.

    Attributes:
        item: What on the card it is about, where there are several: a finding (F2), a criterion (AC3),
            a message (its ts).
        picks: Several of them, in the order that was chosen.
    """

    kind: Literal["chose"] = "chose"
    by: Person
    card: str
    choice: Choice
    text: str = ""
    item: str = ""
    picks: tuple[str, ...] = ()


class Linked(_Event):
    """A proposed task has become a request of its own. `wish` is the ts of the message it came from."""

    kind: Literal["linked"] = "linked"
    wish: str
    follow_up: str


class Stopped(_Event):
    """The stop button, or the word alone in the thread."""

    kind: Literal["stopped"] = "stopped"
    by: Person


class Paused(_Event):
    """The pause button, or the word alone in the thread."""

    kind: Literal["paused"] = "paused"
    by: Person


class Resumed(_Event):
    """The button that lets a paused request go on, or the word alone in the thread.

    Attributes:
        text: What was typed: where nothing is paused it is a message like any other. Empty for the button.
        ts: Of that message.
    """

    kind: Literal["resumed"] = "resumed"
    by: Person
    text: str = ""
    ts: str = ""
    mentions_bot: bool = False


class Shared(_Event):
    """People of another workspace share the channel, or no longer.

    Attributes:
        team: Whose people, where the chat says so: they came just now.
    """

    kind: Literal["shared"] = "shared"
    shared: bool = True
    team: str = ""


class Due(_Event):
    """The request's `due_at` or `over_at` has passed, found by the sweep."""

    kind: Literal["due"] = "due"


class Restarted(_Event):
    """A process goes on with what an earlier one left. `since`: when one was last known to be at work."""

    kind: Literal["restarted"] = "restarted"
    since: datetime


class Deleted(_Event):
    """A message of the thread was deleted; the chat does not say by whom. `card`: the card that it was."""

    kind: Literal["deleted"] = "deleted"
    ts: str
    card: str = ""


# ---------------------------------------------------------------- at the forge


class _AtTheForge(_Event):
    """Common to what a look at the pull request of this number found; `at` is the time of the look.

    Who did it is a login there and nobody of the chat: it approves, stops and steers nothing.
    """

    number: int


class Remarked(_AtTheForge):
    """Somebody commented on the pull request or reviewed it."""

    kind: Literal["remarked"] = "remarked"
    remark: Remark


class CheckFailed(_AtTheForge):
    """A check of the pull request's head failed at the forge."""

    kind: Literal["check_failed"] = "check_failed"
    check: OutsideCheck


class CheckPassed(_AtTheForge):
    """A check that had failed at this commit was run again, and passed."""

    kind: Literal["check_passed"] = "check_passed"
    check: OutsideCheck


class Moved(_AtTheForge):
    """The branch of the pull request points at another commit than the last look found."""

    kind: Literal["moved"] = "moved"
    commit: str


class Undrafted(_AtTheForge):
    """The pull request is a draft no more."""

    kind: Literal["undrafted"] = "undrafted"


class Merged(_AtTheForge):
    """The pull request was merged: by whom (empty if that is not known) and when, as the forge says."""

    kind: Literal["merged"] = "merged"
    login: str = ""
    since: datetime | None = None


class Closed(_AtTheForge):
    """The pull request was closed without a merge. `words` are what who closed it said last, untrusted."""

    kind: Literal["closed"] = "closed"
    login: str = ""
    since: datetime | None = None
    words: str = ""


class Reopened(_AtTheForge):
    """The pull request is open again."""

    kind: Literal["reopened"] = "reopened"


class LostSight(_AtTheForge):
    """The pull request could not be looked at for long; `sentence` says why, for people."""

    kind: Literal["lost_sight"] = "lost_sight"
    sentence: str


AtTheForge = Remarked | CheckFailed | CheckPassed | Moved | Undrafted | Merged | Closed | Reopened | LostSight


# ---------------------------------------------------------------- how runs end


class Ran(StrEnum):
    """Where a check was run: at a commit, or over the base with nothing but the artifacts laid over it.

    OLD_TESTS leaves tests and modes that the work changed as they were; UNSILENCED misspells comments that
    tell a checker to look away; CONTROL puts failing tests beside the repository's, BASE_CONTROL does so at
    the base.
    """

    BASE = "base"
    COMMIT = "commit"
    ARTIFACTS = "artifacts"
    OLD_TESTS = "tests as before"
    UNSILENCED = "without silencing comments"
    CONTROL = "failing tests planted"
    BASE_CONTROL = "failing tests planted at the base"


UNPREPARED = "unprepared"


class CheckResult(_Frozen):
    """One execution of one check. `green` is exit code 0 within all limits.

    Attributes:
        ended: How the command ended; UNPREPARED: it was not run, because the commit needs other dependencies
            than were prepared (`output_tail` says which).
        prepared: Identifies the dependencies that it ran with; empty: the repository prepares none.
        about: What a trial left as it was, took out or planted beside: paths, or path:line and wording.
        unseen: Of `about`, beside which planted failing tests are not named in the output.
    """

    check: str
    where: Ran
    commit: str
    argv: tuple[str, ...]
    exit_code: int | None
    ended: str
    output_tail: str
    digest: str
    duration_s: float
    prepared: str = ""
    about: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def green(self) -> bool:
        """Whether the check passed."""
        return self.ended == "exit" and self.exit_code == 0

    @property
    def tells(self) -> bool:
        """Whether the check was run at all: one that could not be started says nothing of the files."""
        return self.ended not in {"start", UNPREPARED}


class Fact(_Frozen):
    """What git objects say about a file or text criterion.

    Attributes:
        line: Where the literal stands, from 1.
        unread: Why the file could not be looked into; then nothing is known of the rest.
    """

    criterion: str
    at_base: bool
    at_commit: bool
    line: int | None = None
    unread: str = ""


class Origin(StrEnum):
    """Where a claim comes from. The web's words are never verified: nothing in git proves them."""

    REPOSITORY = "repository"
    WEB = "web"


class Mark(_Frozen):
    """The engine's own look at one claim of a report."""

    claim: str
    verified: bool
    why: str
    origin: Origin = Origin.REPOSITORY


class Source(StrEnum):
    """Where an agent comes from: the program, a file of the repository, or both (fewer tools)."""

    BUILT_IN = "built-in"
    ADDED = "added"
    NARROWED = "narrowed"


class Seat(_Frozen):
    """An agent that this request can use. `tools` are ours; `path` is the repository's file, if any.

    Attributes:
        notes: What of the file does not hold, each in a sentence.
    """

    name: str
    source: Source = Source.BUILT_IN
    tools: tuple[str, ...] = ()
    tier: str = ""
    writes: bool = False
    reviews: bool = False
    path: str = ""
    notes: tuple[str, ...] = ()


class Existing(_Frozen):
    """Work that stands on a branch of the remote already.

    Attributes:
        head: The branch's commit that is reviewed, and no other.
        changed: The paths that differ from where the branch left the base branch.
        ticket: Its key, such as DPA-456, as people or the branch's name tell it; empty for none.
    """

    branch: str
    head: str
    changed: tuple[str, ...]
    ticket: str = ""


class BranchLine(_Frozen):
    """A branch of the remote that is ahead of the base branch, to be offered."""

    name: str
    ahead: int
    subject: str
    at: datetime


class Assessed(_Frozen):
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


class Asked(_Frozen):
    """Questions of a round."""

    of: Literal["asked"] = "asked"
    questions: Questions


class Specified(_Frozen):
    """A spec that passed the lint."""

    of: Literal["specified"] = "specified"
    draft: SpecDraft


class Planned(_Frozen):
    """A plan that passed validation."""

    of: Literal["planned"] = "planned"
    plan: Plan


class Leak(_Frozen):
    """A place that looks like a credential. What stands there is never kept.

    Attributes:
        path: A file of the commit, or what else would leave, in words ("the commit message").
        line: From 1; 0 for the whole.
        in_file: Whether it is a file of the commit.
    """

    path: str
    line: int
    kind: str
    in_file: bool = True

    @property
    def place(self) -> str:
        """Path and line, as people and agents are told."""
        return f"{self.path}:{self.line}" if self.line else self.path


class Guarded(_Frozen):
    """A protected path that changes, and what changes with it, in a few words."""

    path: str
    what: str


class Workflow(_Frozen):
    """A definition of CI that would run because of us, with more than reading rights.

    Attributes:
        on: The events of ours that set it off; empty if that cannot be told.
        why: What it has beyond reading, in a few words each.
    """

    path: str
    on: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


class Held(_Frozen):
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


class TaskEnded(_Frozen):
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


class Verified(_Frozen):
    """Results of the checks and facts of the criteria for one commit (the base alone if equal)."""

    of: Literal["verified"] = "verified"
    commit: str
    results: tuple[CheckResult, ...]
    facts: tuple[Fact, ...]


class Reviewed(_Frozen):
    """A review; `invalid` says why it does not count (malformed, wrong commit, quotes not found)."""

    of: Literal["reviewed"] = "reviewed"
    reviewer: str
    review: Review | None
    invalid: str = ""


class Ruled(_Frozen):
    """How a dispute ended. `ruling` is None if the fresh review's answer could not be used."""

    of: Literal["ruled"] = "ruled"
    finding: str
    ruling: Ruling | None
    invalid: str = ""


class BaseMoved(_Frozen):
    """The base branch went on to `head` meanwhile; `also` are the work's files that it changed."""

    head: str
    also: tuple[str, ...] = ()


class Delivered(_Frozen):
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


class ToldApart(_Frozen):
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


class Failed(_Frozen):
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


class RunFinished(_Event):
    """A run ended. Its key is `RUN_ID:finished`."""

    kind: Literal["run_finished"] = "run_finished"
    run: str
    result: Result


Event = Annotated[
    Opened
    | Answered
    | Submitted
    | Approved
    | Said
    | Chose
    | Linked
    | Stopped
    | Paused
    | Resumed
    | Shared
    | Due
    | Restarted
    | Deleted
    | AtTheForge
    | RunFinished,
    Field(discriminator="kind"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class Sign(StrEnum):
    """How a reply is meant.

    AGAIN: what was typed cannot be taken as it is; the event is not stored, and may come again.
    """

    NOTHING = "nothing"
    ONLY_YOU = "only_you"
    AGAIN = "again"


class Reply(_Frozen):
    """What the one who caused an event is told at once, and only they. Not durable."""

    sign: Sign = Sign.NOTHING
    text: str = ""
