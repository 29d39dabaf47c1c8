"""What assess, ask and specify refuse before anybody sees it."""

import pytest

from engine.request import Given, Round
from engine.runs import ask, assess, specify
from engine.runs.assess import Stage
from engine.schemas import Assessment, Dilemma, Gap, Look, Option, Question, Questions, Topic, Verdict, Way
from tests.engine.runs.world import RITA
from tests.engine.specs import changed

GAP = Gap(topic=Topic.SCOPE, what="Which conversations count.")


def assessment(
    verdict: Verdict,
    gaps: tuple[Gap, ...] = (),
    look: tuple[Look, ...] = (),
    *,
    dilemma: Dilemma | None = None,
    contradictions: tuple[str, ...] = (),
) -> Assessment:
    return Assessment(
        verdict=verdict,
        title="A title",
        understood="It.",
        interpretations=(),
        gaps=gaps,
        investigate=look,
        contradictions=contradictions,
        dilemma=dilemma,
    )


LOOK = Look(agent="codebase-analyzer", objective="Which query is slow?")
SEARCH = Look(agent="web-search-researcher", objective="x")
WAYS = (Way(label="One", tradeoff="Slow."), Way(label="Two", tradeoff="Risky."))
DILEMMA = Dilemma(situation="Two pipelines fail.", ways=WAYS, recommended=0)
BEFORE = Stage(may_look=True, to_find_out=(), lookers=("codebase-analyzer",), looked=False)
AFTER = Stage(may_look=False, to_find_out=(), lookers=("codebase-analyzer",), looked=True)
ASKED = Stage(may_look=True, to_find_out=("Bottleneck",), lookers=("codebase-analyzer",), looked=True)


@pytest.mark.parametrize(
    ("answer", "stage", "fine"),
    [
        (assessment(Verdict.SPECIFIC), BEFORE, True),
        (assessment(Verdict.SPECIFIC), ASKED, False),
        (assessment(Verdict.SPECIFIC, (GAP,)), BEFORE, False),
        (assessment(Verdict.VAGUE, (GAP,)), AFTER, True),
        (assessment(Verdict.VAGUE, (GAP,)), ASKED, False),
        (assessment(Verdict.VAGUE), BEFORE, False),
        (assessment(Verdict.INVESTIGATE, (), (LOOK,)), BEFORE, True),
        (assessment(Verdict.INVESTIGATE, (), (LOOK,)), ASKED, True),
        (assessment(Verdict.INVESTIGATE), BEFORE, False),
        (assessment(Verdict.INVESTIGATE, (), (LOOK,)), AFTER, False),
        (assessment(Verdict.INVESTIGATE, (), (Look(agent="nobody", objective="x"),)), BEFORE, False),
        (
            assessment(Verdict.INVESTIGATE, (), (Look(agent="web-search-researcher", objective="x"),)),
            BEFORE,
            False,
        ),
        (assessment(Verdict.ESCALATE, dilemma=DILEMMA), AFTER, True),
        (assessment(Verdict.ESCALATE), AFTER, False),
        (assessment(Verdict.SPECIFIC, contradictions=("One says all, the other none",)), AFTER, True),
        (assessment(Verdict.SPECIFIC, contradictions=("One says all, the other none",)), BEFORE, False),
    ],
)
def test_a_verdict_fits_its_gaps_and_where_the_request_stands(
    answer: Assessment, stage: Stage, fine: bool
) -> None:
    assert (assess.wrong(answer, stage) == ()) is fine


def question(text: str = "Which ones count?", header: str = "Scope", labels: str = "All,Some") -> Question:
    options = tuple(Option(label=label, description="A trade-off.") for label in labels.split(","))
    return Question(header=header, text=text, multi=False, options=options, recommended=0)


def asked(*questions: Question) -> Questions:
    return Questions(questions=questions)


def test_a_round_of_different_questions_is_fine() -> None:
    assert ask.wrong(asked(question(), question("How often?", "Rhythm")), ()) == ()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (asked(question(), question("which ones COUNT", "Other")), "asked already"),
        (asked(question(), question("How often?", "scope")), "same header"),
        (asked(question(labels="Yes,yes!")), "say the same"),
        (asked(question(labels="All,You decide")), "by themselves"),
        (asked(question(labels="All,Other…")), "by themselves"),
        (asked(question("???")), "no words"),
    ],
)
def test_what_may_not_be_asked(answer: Questions, says: str) -> None:
    assert says in " ".join(ask.wrong(answer, ()))


def test_nothing_is_asked_twice_across_rounds() -> None:
    earlier = Round(questions=(question(),), given=(Given(by=RITA, labels=("All",)),))
    assert "asked already" in ask.wrong(asked(question("Which ones count")), (earlier,))[0]


def test_what_was_left_to_us_has_to_stand_among_the_assumptions() -> None:
    given = (Given(by=RITA, you_decide=True), Given(by=RITA, labels=("All",)))
    earlier = (Round(questions=(question(), question("How often?", "Rhythm")), given=given),)
    silent = changed(assumptions=("All conversations count.",))
    assert len(specify.missing_assumptions(silent, earlier)) == 1
    shown = changed(assumptions=("scope: all conversations count.",))
    assert specify.missing_assumptions(shown, earlier) == ()
