"""A request with something in every part, whose texts are all given by one function."""

from collections.abc import Callable
from typing import Any

from engine.events import Cause, Choice, Mark, Ran, Reviewed
from engine.ports import Tier
from engine.request import (
    Approval,
    Decided,
    Escalation,
    GateVerdict,
    Given,
    Heard,
    Note,
    ReviewRound,
    Round,
    ScopeItem,
    Settled,
    Snapshot,
    SpecFate,
    SpecVersion,
    State,
    Status,
    Task,
    TaskStatus,
    spec_hash,
)
from engine.schemas import (
    Assessment,
    Claim,
    Criterion,
    Finding,
    Gap,
    Interpretation,
    Judged,
    Judgement,
    Option,
    Outcome,
    Plan,
    PlannedTask,
    Question,
    Report,
    Review,
    SettledBy,
    Severity,
    SpecDraft,
    SuccessCriterion,
    Topic,
    Verdict,
    Verification,
)
from tests.engine.runs.world import AT, DANA, REVIEWER, RITA, snapshot
from tests.engine.specs import result

BASE = "b" * 40
COMMIT = "c" * 40

Text = Callable[[str], str]


def rich(text: Text, base: str = BASE, commit: str = COMMIT) -> Snapshot:
    """A request in its second round, with an investigation, answers, notes, wishes and an escalation.

    Args:
        text: Makes what people and models wrote from a word that says where it stands.
        base: The base commit.
        commit: The commit of the first round.
    """
    spec = version(text, base)
    tasks = (
        task("look1", "codebase-analyzer", text, objective=text("look for")),
        task("research", "codebase-analyzer", text),
        task("implement", "databricks-genius", text),
        Task(
            id="fix2",
            agent="databricks-genius",
            status=TaskStatus.RUNNING,
            objective=text("advice"),
            trouble=text("refused"),
        ),
    )
    return snapshot(
        state=State.REVIEWING,
        text=text("request"),
        in_discussion=True,
        base_commit=base,
        assessment=assessment(text),
        rounds=(answers(text),),
        notes=(Note(by=RITA, text=text("note")), Note(by=DANA, text=text("note"))),
        draft=spec.draft,
        specs=(spec,),
        tasks=tasks,
        head=commit,
        review_rounds=(round_of(text, commit),),
        base_results=tuple(result(name, Ran.BASE) for name in ("tests", "lint-sql")),
        kept_outside=(text("kept"),),
        unchecked_by=DANA,
        escalations=(escalation(text),),
        scope_items=(ScopeItem(by=DANA, text=text("wish"), title=text("wish title"), ts="2.0"),),
        heard=(Heard(ts="3.0", by=DANA, text=text("heard"), not_yet=True),),
    )


def version(text: Text, base: str) -> SpecVersion:
    """An approved version."""
    plan = Plan(
        tasks=(
            planned("research", "codebase-analyzer", text),
            planned("implement", "databricks-genius", text),
        )
    )
    draft = draft_of(text)
    return SpecVersion(
        number=1,
        base_commit=base,
        branch="greenlight/a-branch",
        draft=draft,
        plan=plan,
        hash=spec_hash(1, base, "greenlight/a-branch", draft, plan),
        approvals=(Approval(by=DANA, at=AT),),
        fate=SpecFate.APPROVED,
    )


def draft_of(text: Text) -> SpecDraft:
    """A draft with a criterion of every kind."""
    kinds: list[dict[str, Any]] = [
        {"check": "tests"},
        {"path": text("path")},
        {"path": text("path"), "literal": text("literal")},
        {"reviewer": REVIEWER},
        {"who": text("who"), "how": text("how"), "when": text("when")},
    ]
    criteria = tuple(
        Criterion.model_construct(
            **{"id": f"AC{n}", "text": text("criterion"), "settled_by": by, **NONE, **fields}
        )
        for n, (by, fields) in enumerate(zip(SettledBy, kinds, strict=True), start=1)
    )
    return SpecDraft.model_construct(
        title=text("title"),
        problem=text("problem"),
        success_criteria=(SuccessCriterion.model_construct(text=text("success"), criteria=("AC1",)),),
        approach=(text("approach"),),
        upstream=(text("upstream"),),
        downstream=(text("downstream"),),
        data_quality=(text("quality"),),
        criteria=criteria,
        artifacts=(text("artifact"),),
        in_scope=(text("in"),),
        out_of_scope=(text("out"),),
        assumptions=(text("assumed"),),
        branch="a-branch",
        commit_subject=text("subject"),
    )


NONE: dict[str, Any] = dict.fromkeys(("check", "path", "literal", "reviewer", "who", "how", "when"))


def planned(id: str, agent: str, text: Text) -> PlannedTask:
    """A planned task."""
    return PlannedTask.model_construct(
        id=id,
        agent=agent,
        objective=text("objective"),
        returns=(text("returns"),),
        boundaries=(text("boundary"),),
        effort=text("effort"),
        tier=Tier.HAIKU,
        depends_on=("research",) if id == "implement" else (),
        condition=None,
    )


def task(id: str, agent: str, text: Text, objective: str = "") -> Task:
    """A task that is done, with one verified and one unverified claim."""
    report = Report.model_construct(
        outcome=Outcome.DONE,
        summary=text("summary"),
        findings=(Claim.model_construct(claim=text("claim"), cites=(text("cite"),)),),
        verification=(Verification.model_construct(claim=text("ran"), receipt="r1", exit_code=0),),
        next_steps=(text("next"),),
    )
    marks = (
        Mark(claim=text("ran"), verified=True, why="recorded"),
        Mark(claim=text("claim"), verified=False, why=text("why")),
    )
    return Task(id=id, agent=agent, status=TaskStatus.DONE, objective=objective, report=report, marks=marks)


def answers(text: Text) -> Round:
    """A submitted round: an option, a text of one's own, and one left to us."""
    options = tuple(
        Option.model_construct(label=text(f"option {n}"), description=text("cost")) for n in (1, 2)
    )
    question = Question.model_construct(
        header=text("header"), text=text("question"), multi=False, options=options, recommended=1
    )
    given = (
        Given(by=RITA, labels=(options[0].label,)),
        Given(by=DANA, text=text("own answer")),
        Given(by=RITA, you_decide=True),
        None,
    )
    return Round.model_construct(questions=(question,) * 4, given=given, submitted_by=RITA)


def assessment(text: Text) -> Assessment:
    """An assessment with a gap and two readings."""
    return Assessment.model_construct(
        verdict=Verdict.VAGUE,
        title=text("title"),
        understood=text("understood"),
        interpretations=(Interpretation.model_construct(reading=text("reading"), risk=text("risk")),),
        gaps=(Gap.model_construct(topic=Topic.SCOPE, what=text("gap")),),
        investigate=(),
    )


def round_of(text: Text, commit: str) -> ReviewRound:
    """A round with a failure, an unsettled criterion, and findings of each severity."""
    findings = tuple(
        Finding.model_construct(
            severity=severity,
            criterion="AC2",
            title=text(f"{severity} finding"),
            path=text("path"),
            line=3,
            quote=text("quote"),
            expected=text("expected"),
            actual=text("actual"),
            fix=text("fix"),
        )
        for severity in Severity
    )
    review = Review.model_construct(
        commit=commit,
        summary=text("review"),
        passed=(text("passed"),),
        findings=findings,
        judgements=(Judgement(criterion="AC4", verdict=Judged.MET, reason="It does."),),
    )
    settled = tuple(
        Settled(
            id=f"AC{number}",
            text=text("criterion"),
            settled_by=SettledBy.TEXT,
            status=status,
            evidence=text("evidence"),
            expected=text("expected"),
            actual=text("actual"),
            fix=text("fix"),
        )
        for number, status in enumerate(Status, start=1)
    )
    return ReviewRound(
        number=1,
        commit=commit,
        results=(result("tests", Ran.COMMIT), result("tests", Ran.ARTIFACTS, None, ended="timeout")),
        reviews=(Reviewed(reviewer=REVIEWER, review=review),),
        settled=settled,
        gate=GateVerdict.FIX,
    )


def escalation(text: Text) -> Escalation:
    """Files were refused, and a person had it fixed."""
    return Escalation(
        number=1,
        cause=Cause.REFUSED_FILES,
        situation=text("refused"),
        attempts=(),
        offers=(),
        recommendation="",
        resume=State.WORKING,
        decided=Decided(by=DANA, choice=Choice.FIX),
    )
