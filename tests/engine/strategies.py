"""People, policies, and whatever a live run might come back with."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from engine.events import (
    Answered,
    Approved,
    Asked,
    Assessed,
    Cause,
    CheckResult,
    Choice,
    Chose,
    Delivered,
    Event,
    Existing,
    Fact,
    Failed,
    Guarded,
    Held,
    Leak,
    Opened,
    Planned,
    Ran,
    Result,
    Reviewed,
    Ruled,
    Said,
    Specified,
    Submitted,
    TaskEnded,
    Triaged,
    Verified,
    Workflow,
)
from engine.people import Person
from engine.ports import Tier
from engine.request import Candidate, Live, Policy, RunKind, Snapshot
from engine.schemas import (
    Assessment,
    Condition,
    Criterion,
    Dilemma,
    Fate,
    Finding,
    Gap,
    Judged,
    Judgement,
    Look,
    MessageKind,
    Option,
    Outcome,
    Plan,
    PlannedTask,
    Question,
    Questions,
    Report,
    Review,
    Ruling,
    SettledBy,
    Severity,
    SpecDraft,
    SuccessCriterion,
    Verdict,
    Way,
)

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
REQUEST = "T1:C1:1.0"
ASKER = Person(team="T1", user="U1")
DANA = Person(team="T1", user="U2")
ERIN = Person(team="T1", user="U3")
BYSTANDER = Person(team="T1", user="U4")
FOREIGN = Person(team="T9", user="U2")
TEAM = (ASKER, DANA, ERIN, BYSTANDER)
BASE = "b" * 40
OURS, THEIRS = "greenlight/resolution-time", "feat-DPA-2-churn"
REVIEWER, SECOND_REVIEWER = "production-code-reviewer", "data-reviewer"

POLICY = Policy(
    repository="data",
    approvers=(DANA, ERIN),
    approvals=1,
    requester_may_approve=False,
    reviewers=(REVIEWER,),
    branch_prefix="greenlight/",
    implementer="databricks-genius",
    researcher="codebase-analyzer",
    may_write=("databricks-genius",),
    may_look=("codebase-analyzer", "databricks-genius", "web-search-researcher"),
    web_researchers=("web-search-researcher",),
    cap_usd=5.0,
    review_rounds=3,
    question_rounds=2,
    remind_after_s=DAY.total_seconds(),
    expire_after_s=7 * DAY.total_seconds(),
)

WEB = POLICY.model_copy(
    update={
        "repository": "web",
        "approvers": (BYSTANDER,),
        "reviewers": ("web-reviewer",),
        "branch_prefix": "w/",
    }
)
CANDIDATES = (
    Candidate(policy=POLICY, about="Tables", names=("data", "lakehouse")),
    Candidate(policy=WEB, about="Pages", names=("web", "acme/web"), address="github.com/acme/web"),
)

policies = st.sampled_from(
    [
        POLICY,
        POLICY.model_copy(update={"approvals": 2}),
        POLICY.model_copy(update={"approvers": ()}),
        POLICY.model_copy(update={"approvers": (ASKER, DANA), "requester_may_approve": True}),
        POLICY.model_copy(update={"reviewers": (REVIEWER, SECOND_REVIEWER)}),
    ]
)


def may_approve(policy: Policy, person: Person) -> bool:
    """Who may approve, said once more and independently of the engine."""
    named = not policy.approvers or person in policy.approvers
    return person.team == "T1" and named and (person != ASKER or policy.requester_may_approve)


# ---------------------------------------------------------------- what models say

DRAFT = SpecDraft(
    title="Resolution time",
    problem="Nobody sees how long a conversation takes.",
    success_criteria=(SuccessCriterion(text="A base table", criteria=("AC1", "AC2", "AC3")),),
    approach=("Self-join on conversation_id",),
    upstream=(),
    downstream=(),
    data_quality=(),
    criteria=(
        Criterion(id="AC1", text="make test passes", settled_by=SettledBy.CHECK, check="tests"),
        Criterion(id="AC2", text="src/a.sql exists", settled_by=SettledBy.FILE, path="src/a.sql"),
        Criterion(id="AC3", text="The join is right", settled_by=SettledBy.JUDGED, reviewer=REVIEWER),
    ),
    artifacts=("src/a.sql",),
    in_scope=("The table",),
    out_of_scope=(),
    assumptions=(),
    branch="resolution-time",
    commit_subject="Add resolution time",
)


def planned(
    name: str, after: Sequence[str] = (), *, agent: str = "databricks-genius", on: Condition | None = None
) -> PlannedTask:
    return PlannedTask(
        id=name,
        agent=agent,
        objective=f"Do {name}",
        returns=("a report",),
        boundaries=(),
        effort="small",
        tier=Tier.SONNET,
        depends_on=tuple(after),
        condition=on,
    )


READER, SEARCHER = "codebase-analyzer", "web-search-researcher"
PLAN = Plan(tasks=(planned("analyse", agent=READER), planned("build", ("analyse",))))
PLANS = (
    PLAN,
    Plan(tasks=(planned("read1", agent=READER), planned("read2", agent=READER), planned("build"))),
    Plan(
        tasks=(
            planned("analyse", agent=READER),
            planned("build", ("analyse",), on=Condition(task="analyse", outcome=Outcome.DONE)),
            planned("other", ("analyse",), on=Condition(task="analyse", outcome=Outcome.BLOCKED)),
        )
    ),
)


DILEMMA = Dilemma(
    situation="Several pipelines fail.",
    ways=(Way(label="One", tradeoff="slow"), Way(label="Two", tradeoff="risky")),
    recommended=1,
)
LOOKS = (Look(agent=READER, objective="Which metrics exist?"), Look(agent=SEARCHER, objective="a secret"))


def assessment(verdict: Verdict = Verdict.SPECIFIC, looks: int = 1) -> Assessment:
    return Assessment(
        verdict=verdict,
        title="Resolution time",
        understood="They want a metric.",
        interpretations=(),
        gaps=tuple(Gap.model_validate({"topic": "scope", "what": "which"}) for _ in range(2)),
        investigate=LOOKS[:looks],
        contradictions=("One says all, the other none",),
        dilemma=DILEMMA if verdict is Verdict.ESCALATE else None,
    )


def existing(head: str, unclear: bool) -> Assessed:
    """Work that stands on a branch of others, with or without a ticket to ask for."""
    there = Existing(branch=THEIRS, head=head or "a" * 40, changed=("src/a.sql",), ticket="DPA-2")
    return Assessed(
        assessment=assessment().model_copy(update={"existing_work": True}),
        base_commit=BASE,
        existing=there,
        ticket_wanted=unclear,
        tickets=("DPA-1", "DPA-2") if unclear else (),
    )


def question(header: str = "Scope", *, multi: bool = False) -> Question:
    options = (Option(label="All", description="slow"), Option(label="Some", description="fast"))
    return Question(
        header=header, text="Which?", multi=multi, options=options, recommended=0, can_find_out=not multi
    )


QUESTIONS = Questions(questions=(question(), question("Grain", multi=True)))


def report(outcome: Outcome = Outcome.DONE) -> Report:
    return Report(outcome=outcome, summary="Did it.", findings=(), verification=(), next_steps=())


def check_result(where: Ran, commit: str, exit_code: int = 0) -> CheckResult:
    return CheckResult(
        check="tests",
        where=where,
        commit=commit,
        argv=("make", "test"),
        exit_code=exit_code,
        ended="exit",
        output_tail="",
        digest="0",
        duration_s=1.0,
    )


def verified(commit: str, *, exit_code: int = 0, there: bool = True, base: bool = True) -> Verified:
    """All green at `commit` (red at base) by default; without `base` nothing is known of the base."""
    at_base = (check_result(Ran.BASE, BASE, 1),) if base else ()
    here = (check_result(Ran.COMMIT, commit, exit_code), check_result(Ran.ARTIFACTS, commit))
    facts = (Fact(criterion="AC2", at_base=False, at_commit=there),)
    return Verified(commit=commit, results=at_base if commit == BASE else (*at_base, *here), facts=facts)


def finding(severity: Severity) -> Finding:
    return Finding(
        severity=severity,
        criterion=None,
        title="Wrong join",
        path="src/a.sql",
        line=1,
        quote="select",
        expected="a",
        actual="b",
        fix="c",
    )


def reviewed(
    commit: str, *findings: Severity, by: str = REVIEWER, judged: Judged = Judged.MET, invalid: str = ""
) -> Reviewed:
    review = Review(
        commit=commit,
        summary="Read it.",
        passed=("Style",),
        findings=tuple(finding(severity) for severity in findings),
        judgements=(Judgement(criterion="AC3", verdict=judged, reason="so it is"),),
    )
    return Reviewed(reviewer=by, review=review, invalid=invalid)


def ruled(about: str, commit: str, fate: Fate, *, invalid: str = "") -> Ruled:
    ruling = Ruling(
        commit=commit, ruling=fate, reason="So it is.", path="src/a.sql", line=1, quote="s", judgement=None
    )
    return Ruled(finding=about.removeprefix("dispute:"), ruling=None if invalid else ruling, invalid=invalid)


def held(commit: str, whole: bool = True) -> Held:
    return Held(
        commit=commit,
        branch=OURS,
        guarded=(Guarded(path=".github/workflows/ci.yml", what="what runs after a push"),),
        workflows=(Workflow(path="Jenkinsfile", why=("Jenkins may run it",)),),
        diff="diff --git a/.github/workflows/ci.yml b/.github/workflows/ci.yml\n+on: push\n",
        whole=whole,
    )


def delivered(commit: str, branch: str = OURS) -> Delivered:
    return Delivered(branch=branch, commit=commit, number=7, url="http://127.0.0.1/7")


LEAKS = (
    Leak(path="src/a.sql", line=3, kind="npm token"),
    Leak(path="the branch's name", line=1, kind="AWS key", in_file=False),
)


def task_ended(task: str, commit: str, outcome: Outcome = Outcome.DONE, **more: object) -> TaskEnded:
    ended = TaskEnded(task=task, report=report(outcome), marks=(), commit=commit)
    return ended.model_copy(update=more)


# ---------------------------------------------------------------- how runs end

commits = st.integers(0, 15).map(lambda n: f"{n:x}" * 40).filter(lambda commit: commit != BASE)
causes = (Cause.CAP, Cause.CAP, Cause.MODEL, Cause.ANSWER, Cause.PUSH, Cause.BUG, Cause.SCRIPT)
failures = st.builds(Failed, cause=st.sampled_from(causes), sentence=st.just("It broke."))


def good_end(live: Live, snapshot: Snapshot, plan: Plan, new: str) -> Result:
    """The run came back with what lets the request go on; a task with a new commit."""
    match live.kind:
        case RunKind.ASSESS:
            verdict = Verdict.SPECIFIC if snapshot.rounds else Verdict.VAGUE
            return Assessed(assessment=assessment(verdict), base_commit=BASE)
        case RunKind.ASK:
            return Asked(questions=QUESTIONS)
        case RunKind.SPECIFY:
            return Specified(draft=DRAFT)
        case RunKind.PLAN:
            return Planned(plan=plan)
        case RunKind.TASK:
            return task_ended(live.about, new)
        case RunKind.VERIFY:
            return verified(live.about)
        case RunKind.REVIEW:
            return _good_review(live, snapshot.head)
        case RunKind.DELIVER:
            theirs = snapshot.spec.existing if snapshot.spec else None
            as_it_stood = theirs is not None and theirs.head == snapshot.head
            return delivered(snapshot.head, theirs.branch if theirs and as_it_stood else OURS)
        case RunKind.TRIAGE:
            return Triaged(message=live.about, kind=MessageKind.WITHIN_SPEC, title="A wish")


def _good_review(live: Live, head: str) -> Result:
    if live.about.startswith("dispute:"):
        return ruled(live.about, head, Fate.UPHELD)
    return reviewed(head, Severity.MINOR, by=live.about)


def bad_ends(live: Live, snapshot: Snapshot) -> st.SearchStrategy[Result]:
    """The run came back with something valid that makes trouble."""
    head = snapshot.head
    match live.kind:
        case RunKind.ASSESS:
            assessments = st.builds(assessment, st.sampled_from(Verdict), st.integers(0, 2))
            missing = assessments.map(lambda a: Assessed(assessment=a, base_commit=BASE))
            return st.one_of(missing, st.builds(existing, st.one_of(st.just(head), commits), st.booleans()))
        case RunKind.TASK:
            return st.builds(
                task_ended,
                st.just(live.about),
                st.one_of(st.sampled_from((BASE, head, "")), commits),
                st.sampled_from(Outcome),
                outside=st.sampled_from([(), ("Makefile",), ("conftest.py", "Makefile")]),
                refused=st.sampled_from([(), (("a.pyc", "bytecode"),)]),
                leaks=st.sampled_from([(), LEAKS[:1], LEAKS]),
            )
        case RunKind.VERIFY:
            return st.builds(
                verified,
                st.one_of(st.just(live.about), commits),
                exit_code=st.integers(0, 1),
                there=st.booleans(),
                base=st.booleans(),
            )
        case RunKind.REVIEW if live.about.startswith("dispute:"):
            commit = st.one_of(st.just(head), commits)
            invalid = st.sampled_from(["", "", "not JSON"])
            return st.builds(ruled, st.just(live.about), commit, st.sampled_from(Fate), invalid=invalid)
        case RunKind.REVIEW:
            findings = st.lists(st.sampled_from(Severity), max_size=2)
            return st.builds(
                lambda commit, found, **more: reviewed(commit, *found, by=live.about, **more),
                st.one_of(st.just(head), commits),
                findings,
                judged=st.sampled_from(Judged),
                invalid=st.sampled_from(["", "", "a quote was not found"]),
            )
        case RunKind.DELIVER:
            leaky = Failed(cause=Cause.LEAK, sentence="It looks like secrets.", leaks=LEAKS)
            stopped = st.builds(held, st.one_of(st.just(head), commits), st.sampled_from((True, True, False)))
            return st.one_of(commits.map(delivered), st.just(leaky), stopped, stopped)
        case _:
            return failures


def foreign_ends(head: str) -> st.SearchStrategy[Result]:
    """What some run of another kind might come back with."""
    return st.sampled_from(every_result(head or BASE))


def every_result(commit: str) -> tuple[Result, ...]:
    """One of each kind of result."""
    return (
        Assessed(assessment=assessment(Verdict.VAGUE), base_commit=BASE),
        Asked(questions=QUESTIONS),
        Specified(draft=DRAFT),
        Planned(plan=PLAN),
        task_ended("build", commit),
        verified(commit),
        reviewed(commit),
        ruled("dispute:F1", commit, Fate.WITHDRAWN),
        delivered(commit),
        held(commit),
        held(commit, whole=False),
        Triaged(message="9.9", kind=MessageKind.NEW_SCOPE, title="A wish"),
        *(Failed(cause=cause, sentence="It broke.") for cause in Cause),
    )


def ends(live: Live, snapshot: Snapshot) -> st.SearchStrategy[Result]:
    """However this run may end, mostly of its own kind."""
    if live.kind is RunKind.TRIAGE:
        kinds = st.sampled_from(MessageKind)
        told = kinds.map(lambda kind: Triaged(message=live.about, kind=kind, title="A wish"))
        return st.one_of(told, told, failures)
    good = st.builds(good_end, st.just(live), st.just(snapshot), st.sampled_from(PLANS), commits)
    bad = bad_ends(live, snapshot)
    return st.one_of(good, good, bad, bad, bad, failures, foreign_ends(snapshot.head))


# ---------------------------------------------------------------- what people do as they please

people = st.sampled_from((*TEAM, FOREIGN))
small = st.integers(0, 4)


def interference(snapshot: Snapshot) -> st.SearchStrategy[Event]:
    """Old, forged, foreign and misplaced clicks, and words. Key and time are set by the caller."""
    common = {"key": st.just(""), "request": st.just(REQUEST), "at": st.just(START), "by": people}
    kinds = st.sampled_from(("spec", "push", "escalation", "delivery", "questions", "progress", "feedback"))
    hashes = st.sampled_from([*(spec.hash for spec in snapshot.every_version), "f" * 64])
    labels = st.lists(st.sampled_from(("All", "Some", "None such", "data", "web")), max_size=3).map(tuple)
    words = st.sampled_from(
        ("", "approved", "1. all\n2. you decide", "1. not sure", "also do", "LGTM", "why?", "in web")
    )
    return st.one_of(
        st.builds(
            Chose,
            **common,
            card=st.builds("{}:{}".format, kinds, small),
            choice=st.sampled_from([choice for choice in Choice if choice is not Choice.STOP]),
            text=st.sampled_from(("", "typed", "One", "Two")),
            item=st.sampled_from(("", "F1", "F1", "F2", "AC3", "L1", "L2", "d" * 40, snapshot.head)),
        ),
        st.builds(Approved, **common, version=small, hash=hashes),
        st.builds(
            Answered,
            **common,
            round=small,
            question=st.integers(-1, 6),
            labels=labels,
            text=st.sampled_from(("", "my own", "x" * 600)),
            you_decide=st.booleans(),
            find_out=st.booleans(),
        ),
        st.builds(Submitted, **common, round=small),
        st.builds(Said, **common, text=words, ts=st.just(""), mentions_bot=st.booleans()),
        st.builds(
            Opened, **common, text=words, channel=st.just("C1"), ts=st.just(""), thread_ts=st.just("1.0")
        ),
    )
