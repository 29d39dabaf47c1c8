"""What assess, ask and specify refuse before anybody sees it."""

import pytest

from engine.request import Given, Round
from engine.runs import ask, assess, specify
from engine.schemas import Assessment, Gap, Option, Question, Questions, Topic, Verdict
from tests.engine.runs.world import RITA
from tests.engine.specs import changed

GAP = Gap(topic=Topic.SCOPE, what="Which conversations count.")


def assessment(verdict: Verdict, gaps: tuple[Gap, ...] = (), look: tuple[str, ...] = ()) -> Assessment:
    return Assessment(
        verdict=verdict, title="A title", understood="It.", interpretations=(), gaps=gaps, investigate=look
    )


@pytest.mark.parametrize(
    ("answer", "looked", "fine"),
    [
        (assessment(Verdict.SPECIFIC), False, True),
        (assessment(Verdict.SPECIFIC, (GAP,)), False, False),
        (assessment(Verdict.VAGUE, (GAP,)), True, True),
        (assessment(Verdict.VAGUE), False, False),
        (assessment(Verdict.INVESTIGATE, (), ("Which query is slow",)), False, True),
        (assessment(Verdict.INVESTIGATE), False, False),
        (assessment(Verdict.INVESTIGATE, (), ("Which query is slow",)), True, False),
    ],
)
def test_a_verdict_fits_its_gaps(answer: Assessment, looked: bool, fine: bool) -> None:
    assert (assess.wrong(answer, looked=looked) == ()) is fine


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
