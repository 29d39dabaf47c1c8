"""A request's stored state: all that `decide` looks at and cards are rendered from."""

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.caps import CapHit
from engine.events import (
    Cause,
    CheckResult,
    Choice,
    Delivered,
    Existing,
    Fact,
    Held,
    Leak,
    Mark,
    Reviewed,
    Seat,
)
from engine.people import Person
from engine.ports import CheckState, Fate, OutsideCheck, Remark
from engine.schemas import Assessment, MessageKind, Plan, Question, Report, Ruling, SettledBy, SpecDraft


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class State(StrEnum):
    """Where a request stands."""

    ASSESSING = "assessing"
    CLARIFYING = "clarifying"
    SPECIFYING = "specifying"
    AWAITING_APPROVAL = "awaiting_approval"
    WORKING = "working"
    REVIEWING = "reviewing"
    DELIVERING = "delivering"
    BLOCKED = "blocked"
    ESCALATED = "escalated"
    PAUSED = "paused"
    DELIVERED = "delivered"
    DONE = "done"
    STOPPED = "stopped"
    EXPIRED = "expired"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing will happen any more."""
        return self in {State.DONE, State.STOPPED, State.EXPIRED, State.FAILED}


class RunKind(StrEnum):
    """The kinds of run, each a module of engine.runs."""

    ASSESS = "assess"
    ASK = "ask"
    SPECIFY = "specify"
    PLAN = "plan"
    TASK = "task"
    VERIFY = "verify"
    REVIEW = "review"
    DELIVER = "deliver"
    TRIAGE = "triage"


def is_feedback(about: str) -> bool:
    """Whether a triage of this subject tells remarks on the pull request apart, not messages."""
    return about.startswith("feedback:")


class Live(_Frozen):
    """A run that was started and has not finished. `about`: task id, reviewer, commit, or message key."""

    id: str
    kind: RunKind
    about: str = ""


# ---------------------------------------------------------------- asking


class Given(_Frozen):
    """The latest answer to a question, and whose it is."""

    by: Person
    labels: tuple[str, ...] = ()
    text: str = ""
    you_decide: bool = False
    find_out: bool = False


class Round(_Frozen):
    """A round of questions; `given[i]` answers `questions[i]`.

    Attributes:
        about: What the program itself asks for: "repository", "branch" or "ticket"; empty for a model's
            questions.
        title: Of the request when they were asked; its card keeps it. Empty in rows of older versions.
        hinted: The requester was told that words which are no list answer none of them.
    """

    questions: tuple[Question, ...]
    given: tuple[Given | None, ...]
    submitted_by: Person | None = None
    about: str = ""
    title: str = ""
    hinted: bool = False


# ---------------------------------------------------------------- spec


class Approval(_Frozen):
    """Who approved, when."""

    by: Person
    at: datetime


class SpecFate(StrEnum):
    """What became of a version."""

    OPEN = "open"
    APPROVED = "approved"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"


class SpecVersion(_Frozen):
    """One immutable version. `hash` covers number, base commit, draft, plan and branch.

    Attributes:
        existing: The work that is reviewed as it stands; `branch` is then only for what fixes it.
        because: What was asked to be changed to come here from the version before.
        decided_by: Who rejected it or asked for the change.
    """

    number: int
    base_commit: str
    branch: str
    draft: SpecDraft
    plan: Plan
    hash: str
    approvals: tuple[Approval, ...] = ()
    fate: SpecFate = SpecFate.OPEN
    because: str = ""
    decided_by: Person | None = None
    existing: Existing | None = None


def hash_of(spec: SpecVersion) -> str:
    """What a version's hash has to be."""
    return spec_hash(spec.number, spec.base_commit, spec.branch, spec.draft, spec.plan, spec.existing)


def branch_ending(request: str) -> str:
    """What the names of a request's branches end with: no other request's do."""
    return f"-{hashlib.sha256(request.encode()).hexdigest()[:6]}"


def spec_hash(
    number: int,
    base_commit: str,
    branch: str,
    draft: SpecDraft,
    plan: Plan,
    existing: Existing | None = None,
) -> str:
    """The hash an approval is bound to: sha256 over canonical JSON, 64 hex digits."""
    content = {
        "number": number,
        "base": base_commit,
        "branch": branch,
        "draft": draft.model_dump(mode="json"),
        "plan": plan.model_dump(mode="json"),
    }
    if existing is not None:
        content["existing"] = existing.model_dump(mode="json")
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


# ---------------------------------------------------------------- work


class TaskStatus(StrEnum):
    """How a task stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


def is_look(task_id: str) -> bool:
    """Whether this is the id of a look, one of an investigation's tasks: look1, look2 and so on."""
    return task_id.startswith("look") and (task_id == "look" or task_id[4:].isdecimal())


class Task(_Frozen):
    """A task of the plan (its id), a look ("look1"), or a fix ("fix2": before round 2).

    Attributes:
        objective: Only for look and fix; planned tasks have theirs in the plan. Empty for a look into the
            web, which is told the thread's words and nothing else.
        trouble: Why a look came back with nothing; why a fix is made, where no review round holds it.
    """

    id: str
    agent: str
    status: TaskStatus = TaskStatus.PENDING
    objective: str = ""
    report: Report | None = None
    marks: tuple[Mark, ...] = ()
    commit: str = ""
    trouble: str = ""

    @property
    def looks(self) -> bool:
        """Whether it is part of an investigation: it reads, whoever makes it."""
        return is_look(self.id)


class Investigation(_Frozen):
    """Looks that were started together; findings:N shows the N-th of them.

    Attributes:
        looks: Ids of their tasks.
        rounds: Rounds of questions before it; "find out" in a later one asks for another investigation.
        ended: Whether all looks have ended.
        contradictions: Where the reports contradict each other, named by the assessment after them.
    """

    looks: tuple[str, ...]
    rounds: int
    ended: bool = False
    contradictions: tuple[str, ...] = ()


class Status(StrEnum):
    """How a criterion stands at the delivered commit.

    REGRESSION_ONLY: green, but green before the work too. NOT_CHECKED: could not be settled.
    """

    PASSED = "passed"
    REGRESSION_ONLY = "regression only"
    FAILED = "failed"
    NOT_CHECKED = "not checked"
    JUDGED_MET = "judged met"
    JUDGED_UNMET = "judged unmet"
    ATTESTATION_PENDING = "attestation pending"
    ATTESTED = "attested"
    NOT_ATTESTED = "did not hold"


class Settled(_Frozen):
    """A criterion with its status and the evidence in a line."""

    id: str
    text: str
    settled_by: SettledBy
    status: Status
    evidence: str
    expected: str = ""
    actual: str = ""
    fix: str = ""


class GateVerdict(StrEnum):
    """The gate's word."""

    PASS = "PASS"  # noqa: S105 (a verdict, not a password)
    FIX = "FIX"
    BLOCKED = "BLOCKED"
    ESCALATE = "ESCALATE"


class Dispute(_Frozen):
    """A person's objection to one finding of a round. Nothing but a valid withdrawal clears the finding.

    Attributes:
        finding: Its number within the round, such as F2.
        ruling: None while a fresh reviewer looks, and if its answer could not be used (`invalid`).
    """

    finding: str
    by: Person
    reason: str
    at: datetime
    ruling: Ruling | None = None
    invalid: str = ""


class ReviewRound(_Frozen):
    """One verify and review of one commit. `gate` is None while it runs."""

    number: int
    commit: str
    results: tuple[CheckResult, ...] | None = None
    facts: tuple[Fact, ...] = ()
    reviews: tuple[Reviewed, ...] = ()
    settled: tuple[Settled, ...] = ()
    gate: GateVerdict | None = None
    reasons: tuple[str, ...] = ()
    disputes: tuple[Dispute, ...] = ()


class Attestation(_Frozen):
    """What a person says of a criterion that only the world can tell, for the delivery of that number."""

    criterion: str
    delivery: int
    by: Person
    at: datetime
    held: bool
    note: str = ""


class Offer(_Frozen):
    """An option of an escalation. `asks` is the label of the text field it opens, if any.

    Several may be of the choice PICK: the label tells them apart; or LET_THROUGH: the item does.
    """

    choice: Choice
    label: str
    tradeoff: str
    asks: str = ""
    approvers_only: bool = False
    item: str = ""


class LetThrough(_Frozen):
    """An approver's word that what looks like a credential at this place of this commit is none."""

    commit: str
    leak: Leak
    by: Person
    at: datetime


class PushFate(StrEnum):
    """What became of a push that needs an approval of its own."""

    OPEN = "open"
    APPROVED = "approved"
    CHANGED = "changed"


class Push(_Frozen):
    """A push that was held, and who approved exactly that.

    Attributes:
        decided_by: Who wanted the work changed instead.
    """

    number: int
    held: Held
    approvals: tuple[Approval, ...] = ()
    fate: PushFate = PushFate.OPEN
    decided_by: Person | None = None


class Decided(_Frozen):
    """Who chose what."""

    by: Person
    choice: Choice
    text: str = ""


class Escalation(_Frozen):
    """Situation, attempts, options, recommendation; `resume` is the state a choice goes back to.

    Attributes:
        round: Number of the review round whose findings it is about; 0 for none.
        commit, leaks: Where this commit looks as if it holds credentials.
        why: What a fix is told of it, where that is not the situation.
        cap: The cap that was reached, where it is about one.
    """

    number: int
    cause: Cause
    situation: str
    attempts: tuple[str, ...]
    offers: tuple[Offer, ...]
    recommendation: str
    resume: State
    resume_runs: tuple[Live, ...] = ()
    paths: tuple[str, ...] = ()
    decided: Decided | None = None
    round: int = 0
    commit: str = ""
    leaks: tuple[Leak, ...] = ()
    why: str = ""
    cap: CapHit | None = None


class WishFate(StrEnum):
    """What became of a wish."""

    PROPOSED = "proposed"
    INCLUDED = "included"
    ACCEPTED = "accepted"
    STARTED = "started"
    DROPPED = "dropped"


class ScopeItem(_Frozen):
    """A wish the approved spec does not hold: a proposed task. Reaches no implementer's prompt.

    Attributes:
        ts: Of the message; names the wish.
        needs: What it needs besides requirements before it can be started.
        after: What it builds on: the ts of other wishes, or CURRENT.
        version: The spec version it was made part of, if it was.
        decided_by: Who accepted, included or dropped it.
        follow_up: The request it became.
    """

    by: Person
    text: str
    title: str
    ts: str
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    fate: WishFate = WishFate.PROPOSED
    version: int | None = None
    decided_by: Person | None = None
    follow_up: str = ""

    @property
    def open(self) -> bool:
        """Whether nothing was decided about it."""
        return self.fate is WishFate.PROPOSED

    @property
    def kept(self) -> bool:
        """Whether it is kept for later."""
        return self.fate in {WishFate.PROPOSED, WishFate.ACCEPTED}


class Taken(_Frozen):
    """A message that was told apart and is no wish, so that people can correct what it was taken for.

    Attributes:
        kind: None if it could not be told apart.
        criteria: Criteria of the spec it is about, if it was taken for a part of the spec.
        passed_on: Whether somebody who may approve said that it is part of the spec: only then do its
            words reach a hand-over.
        corrected_by: Who said what it is.
    """

    ts: str
    by: Person
    text: str
    kind: MessageKind | None
    criteria: tuple[str, ...] = ()
    passed_on: bool = False
    corrected_by: Person | None = None


class Pull(_Frozen):
    """The pull request as it was last seen at the forge. Logins and words are untrusted.

    Attributes:
        login: Who merged or closed it, as far as that is known.
        words: What they said last, if they closed it.
        moved_to: The commit that somebody else put on its branch; empty while it is what was delivered.
        moved: How often somebody moved it.
    """

    number: int
    fate: Fate = Fate.OPEN
    draft: bool = True
    login: str = ""
    words: str = ""
    since: datetime | None = None
    moved_to: str = ""
    moved: int = 0


class ToldRemark(_Frozen):
    """A remark, and what it was taken for: None if nobody could tell. Until `told` it is being told apart."""

    remark: Remark
    told: bool = False
    kind: MessageKind | None = None
    title: str = ""
    criteria: tuple[str, ...] = ()


class Feedback(_Frozen):
    """What came back from the pull request at about the same time; feedback:N shows it.

    Attributes:
        pull: The pull request's number.
        at: When the newest of it was seen.
        checks: Checks of the delivered commit that failed at the forge; some may have passed since.
        decided: What a person chose to do about it.
        by_itself: Whether it became a fix without a choice, as configured.
        chosen: Ids of the remarks that are to be fixed.
        fixed: Whether a fix was started for it.
        answered: The delivered commit that came of that fix, once there is one.
    """

    number: int
    pull: int = 0
    at: datetime
    remarks: tuple[ToldRemark, ...] = ()
    checks: tuple[OutsideCheck, ...] = ()
    decided: Decided | None = None
    by_itself: bool = False
    chosen: tuple[str, ...] = ()
    fixed: bool = False
    answered: str = ""

    @property
    def open(self) -> bool:
        """Whether nothing was decided about it."""
        return self.decided is None and not self.by_itself

    @property
    def failing(self) -> tuple[OutsideCheck, ...]:
        """The checks that have not passed since."""
        return tuple(check for check in self.checks if check.state is CheckState.FAILED)

    @property
    def untold(self) -> tuple[ToldRemark, ...]:
        """The remarks that are still to be told apart."""
        return tuple(one for one in self.remarks if not one.told)


class Note(_Frozen):
    """Something a person said that the next specify or fix has to heed, with who said it.

    `picked`: they chose it by a button, so the words are a model's. `section`: they edited that section
    of the spec (a field of the draft), and `lines` is what they left there.
    """

    by: Person
    text: str
    picked: bool = False
    section: str = ""
    lines: str = ""


class Heard(_Frozen):
    """A message that waits to be told apart by triage.

    `not_yet`: it came with the delivery's "Not yet". `remark`: it stands on the pull request.
    """

    ts: str
    by: Person
    text: str
    read: bool = Field(default=False, description="Whether the call under way reads it.")
    not_yet: bool = False
    remark: bool = False


class Located(StrEnum):
    """How a request came to be about its repository."""

    ONLY = "only"
    NAMED = "named"
    CHOSEN = "chosen"
    FOLLOWED = "followed"


class Past(_Frozen):
    """What was asked and specified before the repository was chosen (again): it counts no more.

    It stays for the record, and so that cards keep their numbers.
    """

    rounds: tuple[Round, ...] = ()
    investigations: int = 0
    tasks: tuple[Task, ...] = ()
    specs: tuple[SpecVersion, ...] = ()


class Post(_Frozen):
    """A plain message of ours; note:N shows `posts[N-1]`. `also`: further people who are owed it."""

    text: str
    to: Person | None = None
    also: tuple[Person, ...] = ()


class Hold(_Frozen):
    """A person paused it: no run goes on or starts, but what tells messages apart.

    Attributes:
        waits: Whether people are waited for besides, for whom the time begins anew once it goes on.
    """

    by: Person
    at: datetime
    waits: bool = False


class Snapshot(_Frozen):
    """The whole state of one request.

    Attributes:
        counter: Number of effects ever decided; the next effect's id is `REQUEST/counter`.
        title: A short name once assessed; the first words of the text before.
        repository: Its name; empty until people have chosen one of several. Nothing runs before.
        located: How it came to be that one. ONLY: there was no other.
        past: What stood before it was chosen.
        direct: Whether nobody but the requester sees the thread.
        shared: Whether people of another workspace see it.
        exposed: Whether they do, and no approver has said yet that it goes on in front of them.
        reviewers: Agents whose review each round needs, fixed when the repository was.
        implementer: Agent that fixes what a review round found.
        kept_outside: Paths outside the artifacts that a person decided to keep.
        unchecked_by: Who decided to deliver with criteria that could not be settled.
        let_through: What approvers said is no credential, each bound to one commit.
        pushes: Pushes that needed an approval of their own; push:N shows `pushes[N-1]`.
        extra_rounds: Review rounds granted by people beyond the cap.
        more_tokens, more_minutes: What approvers granted beyond the caps of a request.
        over_until: Until when it may go on above a day's cap, as an approver said.
        worked_s, busy_since: How long something worked for it up to the last halt, and since when it works.
        over_at: When its minutes of work are used up, while it works and they are bounded.
        hold: Who paused it, while it is paused; `due_at` then is when that is reminded of.
        reminded: Whether the current wait was already reminded of.
        taken: The latest messages of running work that are no wishes, with what they were taken for.
        scope_shown: Whether the card of wishes (scope:1) was posted.
        reposted: Cards that were deleted from the thread and posted again, once each.
        scope_decided: Who chose how to go on with the wishes; None once a new one comes.
        restored: From a backup: what was posted since is looked for before it would be posted again.
        kept_commit: Work under an earlier version that the next one goes on from.
        follows: The request whose proposed task this is.
        ended_because: A sentence, once ended.
        seats: The agents there are at the base commit (empty: the built-in ones, as the policy says).
        left_out: Agent files of the repository that do not count, and why.
        pull: How the pull request stood when it was last seen, once there is one.
        feedback: What came back from it.
        followed: Fix rounds that were made for that.
    """

    id: str
    team: str
    channel: str
    thread_ts: str
    ts: str
    state: State
    epoch: int
    counter: int = 0
    opened_at: datetime
    requester: Person
    text: str
    title: str
    repository: str
    located: Located = Located.ONLY
    past: Past = Past()
    direct: bool = False
    shared: bool = False
    exposed: bool = False
    reviewers: tuple[str, ...]
    implementer: str
    in_discussion: bool = False
    base_commit: str = ""
    assessment: Assessment | None = None
    seats: tuple[Seat, ...] = ()
    left_out: tuple[str, ...] = ()
    rounds: tuple[Round, ...] = ()
    notes: tuple[Note, ...] = ()
    draft: SpecDraft | None = None
    specs: tuple[SpecVersion, ...] = ()
    tasks: tuple[Task, ...] = ()
    investigations: tuple[Investigation, ...] = ()
    head: str = ""
    kept_outside: tuple[str, ...] = ()
    base_results: tuple[CheckResult, ...] = ()
    review_rounds: tuple[ReviewRound, ...] = ()
    extra_rounds: int = 0
    unchecked_by: Person | None = None
    let_through: tuple[LetThrough, ...] = ()
    pushes: tuple[Push, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    delivery: Delivered | None = None
    existing: Existing | None = None
    attestations: tuple[Attestation, ...] = ()
    deliveries: int = Field(default=0, description="Number of delivery cards posted.")
    pull: Pull | None = None
    feedback: tuple[Feedback, ...] = ()
    followed: int = 0
    confirmed_by: Person | None = None
    scope_items: tuple[ScopeItem, ...] = ()
    taken: tuple[Taken, ...] = ()
    scope_shown: bool = False
    scope_decided: Decided | None = None
    kept_commit: str = ""
    restored: bool = False
    follows: str = ""
    heard: tuple[Heard, ...] = ()
    posts: tuple[Post, ...] = ()
    reposted: tuple[str, ...] = ()
    live: tuple[Live, ...] = ()
    cap_usd: float
    more_tokens: int = 0
    more_minutes: float = 0.0
    over_until: datetime | None = None
    worked_s: float = 0.0
    busy_since: datetime | None = None
    over_at: datetime | None = None
    remind_after_s: float
    expire_after_s: float
    due_at: datetime | None = None
    reminded: bool = False
    hold: Hold | None = None
    ended_because: str = ""
    ended_by: Person | None = None
    states: tuple[State, ...] = Field(default=(), description="Every state entered, in order.")

    @property
    def wakes_at(self) -> datetime | None:
        """When the clock is to tell of it next."""
        return min((at for at in (self.due_at, self.over_at) if at is not None), default=None)

    def worked(self, now: datetime | None) -> float:
        """Seconds that something has worked for it by now; up to the last halt if that is None."""
        if now is None or self.busy_since is None:
            return self.worked_s
        return self.worked_s + max(0.0, (now - self.busy_since).total_seconds())

    @property
    def every_round(self) -> tuple[Round, ...]:
        """All rounds of questions; questions:N shows the one at N-1."""
        return (*self.past.rounds, *self.rounds)

    @property
    def every_version(self) -> tuple[SpecVersion, ...]:
        """All versions of the spec; spec:N shows the one at N-1."""
        return (*self.past.specs, *self.specs)

    @property
    def every_task(self) -> tuple[Task, ...]:
        """All tasks and looks; no id stands twice."""
        return (*self.past.tasks, *self.tasks)

    @property
    def asked(self) -> int:
        """Number of the newest round of questions; 0 for none."""
        return len(self.every_round)

    @property
    def investigated(self) -> int:
        """Number of the newest investigation; 0 for none."""
        return self.past.investigations + len(self.investigations)

    @property
    def spec(self) -> SpecVersion | None:
        """The newest version."""
        return self.specs[-1] if self.specs else None

    @property
    def round(self) -> ReviewRound | None:
        """The newest review round."""
        return self.review_rounds[-1] if self.review_rounds else None

    @property
    def escalation(self) -> Escalation | None:
        """The newest escalation."""
        return self.escalations[-1] if self.escalations else None


# ---------------------------------------------------------------- effects


class ShowCard(_Frozen):
    """Post or update the card of this key, rendered from the newest stored state.

    Keys: progress, questions:N, findings:N, spec:N, review:N, escalation:N, push:N, delivery:N, feedback:N,
    scope:1, note:N.
    """

    do: Literal["show_card"] = "show_card"
    card: str


class StartRun(_Frozen):
    """Start a run; its id is the effect's id. `about`: task id, reviewer, commit, or message key."""

    do: Literal["start_run"] = "start_run"
    kind: RunKind
    about: str = ""


class CancelRuns(_Frozen):
    """Cancel these runs now."""

    do: Literal["cancel_runs"] = "cancel_runs"
    runs: tuple[str, ...]


class HoldRuns(_Frozen):
    """Interrupt these runs now; what they have done so far is kept."""

    do: Literal["hold_runs"] = "hold_runs"
    runs: tuple[str, ...]


class ReleaseRuns(_Frozen):
    """Go on with runs that were held, from where each was; start those that never began."""

    do: Literal["release_runs"] = "release_runs"
    runs: tuple[str, ...]


class OpenThread(_Frozen):
    """Begin a thread for a wish that people want done, and open a request in it."""

    do: Literal["open_thread"] = "open_thread"
    wish: str


class WriteRecord(_Frozen):
    """Write the story of the request as a comment on its pull request, or bring that up to date."""

    do: Literal["write_record"] = "write_record"


Effect = Annotated[
    ShowCard | StartRun | CancelRuns | HoldRuns | ReleaseRuns | OpenThread | WriteRecord,
    Field(discriminator="do"),
]


class Policy(_Frozen):
    """What configuration and caps say to `decide` about one request's repository.

    Attributes:
        approvers: People who may approve; empty means any member of the team but the requester.
        may_write: Names of the agents that write (the rest only read).
        may_look: Names of the agents that may be sent to look before anything is approved; they only read.
        web_researchers: Those of them that search the web; empty if that is switched off.
        follow_rounds: Fix rounds for what comes back from the pull request, per request.
        follow_asks: Whether people are asked before such a round; else it starts by itself.
        review_bots: Logins of bots at the forge whose remarks count.
    """

    repository: str
    approvers: tuple[Person, ...]
    approvals: int
    requester_may_approve: bool
    reviewers: tuple[str, ...]
    branch_prefix: str
    implementer: str
    researcher: str
    may_write: tuple[str, ...]
    may_look: tuple[str, ...] = ()
    web_researchers: tuple[str, ...] = ()
    cap_usd: float
    cap_tokens: int | None = None
    cap_minutes: float | None = None
    requests_a_day: int | None = None
    day_zone: str = "UTC"
    review_rounds: int
    question_rounds: int
    remind_after_s: float
    expire_after_s: float
    follow_rounds: int = 2
    follow_asks: bool = True
    review_bots: tuple[str, ...] = ()


class Candidate(_Frozen):
    """A repository that requests of a channel may be about, and the policy that holds once it is chosen.

    Attributes:
        about: A few words that tell it from others; never empty.
        names: What people call it: name, aliases, owner/name.
        address: host/owner/name of its remote, in lower case; empty for a local path.
    """

    policy: Policy
    about: str
    names: tuple[str, ...]
    address: str = ""
