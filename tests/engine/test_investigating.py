"""Looks that run side by side, answers that ask for them, and ways that people pick from."""

from typing import Any

from engine.cards import FindingsCard, ProgressCard
from engine.decide import decide
from engine.decide.investigating import attempts, may_begin, pending
from engine.events import (
    Answered,
    Asked,
    Assessed,
    Cause,
    Choice,
    Chose,
    Event,
    Failed,
    Mark,
    Opened,
    Result,
    RunFinished,
    Said,
    Seat,
    Source,
    Submitted,
)
from engine.present import Shown, render
from engine.request import CancelRuns, Live, Policy, RunKind, ShowCard, Snapshot, StartRun, State, TaskStatus
from engine.schemas import Claim, Look, Option, Outcome, Question, Questions, Verdict
from tests.engine.stories import reached
from tests.engine.strategies import (
    ASKER,
    BASE,
    POLICY,
    READER,
    REQUEST,
    SEARCHER,
    START,
    assessment,
    question,
    report,
    task_ended,
)

COMMON: dict[str, Any] = {"request": REQUEST, "at": START}
ASKS = Questions(questions=(question("Scope"), question("Grain", multi=True)))


class Thread:
    """A request, moved along by events."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.policy = policy
        self.number = 0
        self.effects: tuple[object, ...] = ()
        self.reply = ""
        opened = Opened(key="o", by=ASKER, text="Fix it", channel="C1", ts="1.0", thread_ts="1.0", **COMMON)
        self.now: Snapshot = self.does(opened, first=True)

    def does(self, event: Event, *, first: bool = False) -> Snapshot:
        decision = decide(None if first else self.now, event, self.policy)
        assert decision.snapshot is not None
        self.now, self.effects, self.reply = decision.snapshot, decision.effects, decision.reply.text
        return self.now

    def live(self, about: str = "") -> Live:
        return next(run for run in self.now.live if run.about == about and run.kind is not RunKind.VERIFY)

    def ends(self, result: Result, about: str = "") -> Snapshot:
        self.number += 1
        run = self.live(about).id
        return self.does(RunFinished(key=f"{run}:finished", run=run, result=result, **COMMON))

    def assessed(self, verdict: Verdict, looks: int = 1) -> Snapshot:
        return self.ends(Assessed(assessment=assessment(verdict, looks), base_commit=BASE))

    def to_be_found_out(self, *questions: Question) -> Snapshot:
        """Questions are asked, and whoever asked for the work knows none of the answers."""
        self.assessed(Verdict.VAGUE)
        self.ends(Asked(questions=Questions(questions=questions)))
        for index in range(len(questions)):
            key = f"find out {index}"
            self.does(Answered(key=key, by=ASKER, round=1, question=index, find_out=True, **COMMON))
        return self.does(Submitted(key="find out", by=ASKER, round=1, **COMMON))

    @property
    def shown(self) -> list[str]:
        return [effect.card for effect in self.effects if isinstance(effect, ShowCard)]

    @property
    def state(self) -> State:
        return self.now.state

    @property
    def headline(self) -> str:
        card = render(self.now, "progress", Shown(), self.policy)
        assert isinstance(card, ProgressCard)
        return card.headline

    def findings(self) -> FindingsCard:
        card = render(self.now, "findings:1", Shown(), self.policy)
        assert isinstance(card, FindingsCard)
        return card


def test_what_is_not_answered_yet_asks_for_no_look() -> None:
    assert pending(reached(State.CLARIFYING).now) == ()


def test_all_looks_start_at_once_and_the_progress_card_tells_whose_report_is_in() -> None:
    thread = Thread()
    thread.assessed(Verdict.INVESTIGATE, looks=2)
    started = [effect.about for effect in thread.effects if isinstance(effect, StartRun)]
    assert started == ["look1", "look2"]
    assert "0 of 2 reports are in" in thread.headline
    thread.ends(task_ended("look2", ""), "look2")
    assert "1 of 2 reports are in" in thread.headline
    assert f"{READER}: at work; {SEARCHER}: report in" in thread.headline
    assert not any(isinstance(effect, StartRun) for effect in thread.effects)
    assert render(thread.now, "findings:1", Shown(), POLICY) is None
    thread.ends(task_ended("look1", ""), "look1")
    assert [e.kind for e in thread.effects if isinstance(e, StartRun)] == [RunKind.ASSESS]
    assert [report.agent for report in thread.findings().reports] == [READER, SEARCHER]


def test_who_searches_the_web_gets_no_objective_and_one_look() -> None:
    thread = Thread()
    thread.assessed(Verdict.INVESTIGATE, looks=2)
    assert [(t.agent, t.objective) for t in thread.now.tasks] == [
        (READER, "Which metrics exist?"),
        (SEARCHER, ""),
    ]


def test_without_the_web_a_look_for_it_goes_to_who_reads_the_repository() -> None:
    thread = Thread(POLICY.model_copy(update={"may_look": (READER,), "web_researchers": ()}))
    thread.assessed(Verdict.INVESTIGATE, looks=2)
    assert {task.agent for task in thread.now.tasks} == {READER}
    for task in thread.now.tasks:
        thread.ends(task_ended(task.id, ""), task.id)
    assert any("switched off" in line for line in thread.findings().missing)


def test_a_repositorys_agent_looks_if_it_reads_and_is_no_reviewer() -> None:
    seats = (
        Seat(name=READER, tools=("list", "read")),
        Seat(name="docs-writer", source=Source.ADDED, tools=("read", "edit", "write"), writes=True),
        Seat(name="pusher", source=Source.ADDED, tools=("write", "run"), writes=True),
        Seat(name="style-reviewer", source=Source.ADDED, tools=("read",), reviews=True),
    )
    asked = ("docs-writer", "pusher", "style-reviewer", SEARCHER)
    looks = tuple(Look(agent=name, objective=f"What {name} finds") for name in asked)
    wanted = assessment(Verdict.INVESTIGATE).model_copy(update={"investigate": looks})
    thread = Thread()
    thread.ends(Assessed(assessment=wanted, base_commit=BASE, seats=seats))

    assert [task.agent for task in thread.now.tasks] == ["docs-writer", READER, READER, SEARCHER]


def test_one_look_that_fails_fails_no_other() -> None:
    thread = Thread()
    thread.assessed(Verdict.INVESTIGATE, looks=2)
    thread.ends(Failed(cause=Cause.ANSWER, sentence="It declined."), "look1")
    assert thread.state is State.ASSESSING
    assert not any(isinstance(effect, CancelRuns) for effect in thread.effects)
    thread.ends(task_ended("look2", ""), "look2")
    assert [t.status for t in thread.now.tasks] == [TaskStatus.FAILED, TaskStatus.DONE]
    assert thread.findings().missing == (f"{READER} came back with nothing: It declined.",)


def test_if_all_looks_fail_a_person_is_asked_and_can_have_them_made_again() -> None:
    thread = Thread()
    thread.assessed(Verdict.INVESTIGATE, looks=2)
    thread.ends(Failed(cause=Cause.ANSWER, sentence="It declined."), "look1")
    thread.ends(task_ended("look2", "", Outcome.BLOCKED), "look2")
    escalation = thread.now.escalation
    assert escalation is not None
    assert escalation.cause is Cause.INVESTIGATION
    assert escalation.attempts == (f"{READER}: It declined.", f"{SEARCHER}: Did it.")
    thread.does(Chose(key="c", by=ASKER, card="escalation:1", choice=Choice.RETRY, **COMMON))
    assert thread.state is State.ASSESSING
    assert [run.about for run in thread.now.live] == ["look1", "look2"]
    assert thread.now.tasks[1].objective == ""
    thread.ends(task_ended("look1", ""), "look1")
    thread.ends(task_ended("look2", ""), "look2")
    assert len(thread.findings().reports) == 2


def test_find_out_starts_an_investigation_whatever_the_assessment_says() -> None:
    thread = Thread()
    thread.assessed(Verdict.VAGUE)
    thread.ends(Asked(questions=ASKS))
    answer = Answered(key="a", by=ASKER, round=1, question=0, text="Not sure - need investigation", **COMMON)
    thread.does(answer)
    assert thread.now.rounds[0].given[0] is not None
    assert thread.now.rounds[0].given[0].find_out
    thread.does(Answered(key="b", by=ASKER, round=1, question=1, find_out=True, **COMMON))
    assert "only people know" in thread.reply
    thread.does(Answered(key="d", by=ASKER, round=1, question=1, labels=("All",), **COMMON))
    thread.does(Submitted(key="s", by=ASKER, round=1, **COMMON))
    thread.assessed(Verdict.SPECIFIC, looks=0)
    assert [(t.id, t.agent, t.objective) for t in thread.now.tasks] == [("look1", READER, "Which?")]
    thread.ends(task_ended("look1", ""), "look1")
    thread.assessed(Verdict.INVESTIGATE)
    assert thread.state is State.CLARIFYING, "no second investigation that nobody asked for"


def test_all_that_is_to_be_found_out_is_one_looks_objective_a_line_each() -> None:
    thread = Thread()
    grain = question("Grain").model_copy(update={"text": "How fine?"})
    thread.to_be_found_out(question(), grain)
    thread.assessed(Verdict.SPECIFIC, looks=0)
    assert [task.objective for task in thread.now.tasks] == ["Which?\nHow fine?"]


def test_an_investigation_may_begin_once_and_whenever_it_is_asked_for() -> None:
    thread = Thread()
    assert may_begin(thread.now)
    thread.assessed(Verdict.INVESTIGATE)
    thread.ends(task_ended("look1", ""), "look1")
    assert not may_begin(thread.now)
    thread.to_be_found_out(question())
    assert may_begin(thread.now)
    thread.assessed(Verdict.SPECIFIC)
    assert not may_begin(thread.now)


def test_a_later_investigation_is_over_by_its_own_looks() -> None:
    thread = Thread()
    thread.assessed(Verdict.INVESTIGATE)
    thread.ends(task_ended("look1", ""), "look1")
    thread.to_be_found_out(question())
    thread.assessed(Verdict.SPECIFIC, looks=2)
    thread.ends(Failed(cause=Cause.ANSWER, sentence="It declined."), "look2")
    assert thread.state is State.ASSESSING
    assert not thread.now.investigations[1].ended
    thread.ends(Failed(cause=Cause.ANSWER, sentence="It went astray."), "look3")
    escalation = thread.now.escalation
    assert escalation is not None
    assert escalation.cause is Cause.INVESTIGATION
    assert escalation.attempts == (f"{READER}: It declined.", f"{SEARCHER}: It went astray.")


def test_what_was_checked_of_a_looks_claims_stands_on_the_findings() -> None:
    thread = Thread()
    thread.assessed(Verdict.INVESTIGATE)
    claims = (Claim(claim="Two metrics", cites=("a.sql:1",)), Claim(claim="One more", cites=("b.sql:9",)))
    marks = tuple(
        Mark(claim=one.claim, verified=one is claims[0], why="There is no line 9.") for one in claims
    )
    found = report().model_copy(update={"findings": claims})
    thread.ends(task_ended("look1", "", report=found, marks=marks), "look1")
    lines = thread.findings().reports[0].lines
    assert [(line.text, line.trust.value, line.why) for line in lines] == [
        ("Two metrics", "checked", ""),
        ("One more", "unverified", "There is no line 9."),
    ]


def test_a_look_that_gives_up_when_it_is_made_again_has_no_report_of_the_first_time() -> None:
    thread = Thread()
    thread.assessed(Verdict.INVESTIGATE, looks=2)
    marks = (Mark(claim="It stands there", verified=True, why=""),)
    thread.ends(task_ended("look1", "", Outcome.BLOCKED, marks=marks), "look1")
    thread.ends(task_ended("look2", "", Outcome.BLOCKED), "look2")
    thread.does(Chose(key="c", by=ASKER, card="escalation:1", choice=Choice.RETRY, **COMMON))
    thread.ends(Failed(cause=Cause.ANSWER, sentence="It declined.", error_id="e1"), "look1")
    first = thread.now.tasks[0]
    assert (first.report, first.marks) == (None, ())
    thread.ends(task_ended("look2", ""), "look2")
    assert attempts(thread.now) == (
        f"{READER} looked: It declined. (error e1)",
        f"{SEARCHER} looked: Did it.",
    )


def test_attempts_are_looks_that_have_ended_and_rounds_that_were_asked() -> None:
    thread = Thread()
    thread.assessed(Verdict.INVESTIGATE, looks=2)
    thread.ends(task_ended("look1", ""), "look1")
    assert attempts(thread.now) == (f"{READER} looked: Did it.",)
    worked = reached(State.REVIEWING).now
    assert {task.status for task in worked.tasks} == {TaskStatus.DONE}
    assert attempts(worked) == ("Round 1: asked about Scope, Grain",)


def test_an_option_that_is_named_counts_even_where_its_name_says_that_nobody_knows() -> None:
    thread = Thread()
    options = (Option(label="Unknown", description="slow"), Option(label="Known", description="fast"))
    whose = question("Owner").model_copy(update={"options": options})
    thread.assessed(Verdict.VAGUE)
    thread.ends(Asked(questions=Questions(questions=(whose,))))
    said: dict[str, Any] = {"by": ASKER, "ts": "2.0", **COMMON}
    thread.does(Said(key="a", text="1. unknown, no idea", **said))
    given = thread.now.rounds[0].given[0]
    assert given is not None
    assert (given.labels, given.text, given.find_out) == (("Unknown",), "unknown, no idea", False)
    thread.does(Said(key="b", text="1. no idea", **said))
    assert pending(thread.now)


def test_contradictions_are_named_on_the_findings_once_the_reports_were_read() -> None:
    thread = Thread()
    thread.assessed(Verdict.INVESTIGATE)
    assert not thread.now.investigations[0].contradictions
    thread.ends(task_ended("look1", ""), "look1")
    thread.assessed(Verdict.SPECIFIC)
    assert thread.findings().contradictions == ("One says all, the other none",)


def test_the_findings_stay_as_they_are_where_nothing_contradicts() -> None:
    thread = Thread()
    thread.assessed(Verdict.INVESTIGATE)
    thread.ends(task_ended("look1", ""), "look1")
    thread.ends(Assessed(assessment=assessment().model_copy(update={"contradictions": ()}), base_commit=BASE))
    assert thread.state is State.SPECIFYING
    assert thread.shown == ["progress"]


def test_contradictions_that_are_named_before_the_reports_are_in_stand_nowhere() -> None:
    thread = Thread()
    thread.assessed(Verdict.INVESTIGATE, looks=2)
    early = Live(id="early", kind=RunKind.ASSESS)
    thread.now = thread.now.model_copy(update={"live": (*thread.now.live, early)})
    thread.assessed(Verdict.SPECIFIC)
    assert thread.now.investigations[0].contradictions == ()
    assert "findings:1" not in thread.shown


def test_only_an_offered_way_can_be_picked_and_it_is_noted_as_picked() -> None:
    thread = Thread()
    thread.assessed(Verdict.INVESTIGATE)
    thread.ends(task_ended("look1", ""), "look1")
    thread.assessed(Verdict.ESCALATE)
    escalation = thread.now.escalation
    assert escalation is not None
    assert escalation.recommendation == "Two"
    assert escalation.attempts == (f"{READER} looked: Did it.",)
    pick: dict[str, Any] = {"by": ASKER, "card": "escalation:1", "choice": Choice.PICK, **COMMON}
    thread.does(Chose(key="x", text="Approve everything", **pick))
    assert not thread.now.escalations[0].decided
    assert "not one of the options" in thread.reply
    thread.does(Chose(key="y", text="One", **pick))
    assert thread.state is State.ASSESSING
    assert [(note.text, note.by, note.picked) for note in thread.now.notes] == [("Decided: One", ASKER, True)]
    thread.does(Chose(key="z", text="Two", **pick))
    assert "decided already" in thread.reply
