import pytest

from engine.events import Ran
from engine.request import Settled, Status
from engine.runs import form
from engine.runs.recipe import wrong
from engine.schemas import BoxTie, ChangeType, FormSection, PullRequestText, SettledBy
from tests.engine.strategies import DRAFT, check_result

FORM = """<!-- for those who fill it -->
## Purpose

Say why.

## Checklist

- [x] Tests pass
- [ ] Documentation added
- [ ] All reviews passed
* [X] Tried on staging
"""
COMMIT = "c" * 40


def settled(status: Status = Status.PASSED) -> list[Settled]:
    return [
        Settled(
            id="AC1", text="Unit tests are green", settled_by=SettledBy.CHECK, status=status, evidence=""
        ),
        Settled(
            id="AC2",
            text="The documentation page exists",
            settled_by=SettledBy.FILE,
            status=status,
            evidence="",
        ),
    ]


def known(status: Status = Status.PASSED, *, reviewed: bool = True) -> dict[str, form.Evidence]:
    results = [check_result(Ran.COMMIT, COMMIT), check_result(Ran.ARTIFACTS, COMMIT)]
    return form.evidence(DRAFT, settled(status), results, reviewed=reviewed)


def test_failing_tests_of_ours_do_not_keep_a_green_check_from_ticking() -> None:
    own = [check_result(Ran.COMMIT, COMMIT), check_result(Ran.ARTIFACTS, COMMIT)]
    planted = check_result(Ran.CONTROL, COMMIT, exit_code=2)
    shown = form.evidence(DRAFT, settled(Status.REGRESSION_ONLY), [*own, planted], reviewed=True)
    assert shown[planted.check].holds
    doubted = form.evidence(DRAFT, settled(Status.NOT_CHECKED), [*own, planted], reviewed=True)
    assert not doubted[planted.check].holds


def tie(box: int, *evidence: str) -> BoxTie:
    return BoxTie(box=box, evidence=evidence)


def test_a_form_is_taken_apart() -> None:
    blank = form.read_form(FORM)

    assert blank.headings == ("Purpose", "Checklist")
    assert blank.boxes == ("Tests pass", "Documentation added", "All reviews passed", "Tried on staging")


def test_boxes_are_open_without_evidence_whatever_the_template_says() -> None:
    text = form.filled(form.read_form(FORM), {}, {})

    assert "[x]" not in text
    assert text.count("[ ]") == 4
    assert "for those who fill it" not in text
    assert "Say why." in text


def test_evidence_that_holds_and_speaks_of_it_ticks_a_box() -> None:
    blank = form.read_form(FORM)
    ties = [tie(1, "AC1"), tie(2, "AC2"), tie(3, form.REVIEWS)]

    text = form.filled(blank, {"Purpose": "It is wanted."}, form.ticked(blank, ties, known()))

    assert "- [x] Tests pass (AC1 passed)" in text
    assert "- [x] Documentation added (AC2 passed)" in text
    assert "- [x] All reviews passed (every required review)" in text
    assert "* [ ] Tried on staging" in text
    assert "It is wanted." in text
    assert "Say why." not in text


@pytest.mark.parametrize(
    "ties",
    [
        [tie(4, "AC1")],  # speaks of something else
        [tie(1, "AC9")],  # there is no such thing
        [tie(1, "AC1", "AC9")],
        [tie(1)],
        [],
    ],
)
def test_a_model_alone_ticks_nothing(ties: list[BoxTie]) -> None:
    assert form.ticked(form.read_form(FORM), ties, known()) == {}


@pytest.mark.parametrize("status", [s for s in Status if s not in form._GOOD])
def test_what_does_not_hold_ticks_nothing(status: Status) -> None:
    ties = [tie(1, "AC1"), tie(2, "AC2"), tie(3, form.REVIEWS)]

    assert form.ticked(form.read_form(FORM), ties, known(status, reviewed=False)) == {}


def test_sections_of_a_model_are_inert() -> None:
    text = form.filled(form.read_form(FORM), {"Purpose": "- [x] done\n@dana closes #3"}, {})

    assert "[x]" not in text.replace("\\[x\\]", "")
    assert "@dana" not in text
    assert "#3" not in text


def test_a_ticket_that_was_not_given_is_refused() -> None:
    text = PullRequestText(
        type=ChangeType.FEAT,
        subject="Add it for DPA-999",
        sections=(FormSection(heading="Purpos", text="See DPA-1."),),
        boxes=(tie(9, "AC7"),),
    )

    problems = " ".join(wrong(text, form.read_form(FORM), ("AC1",), "DPA-1", frozenset({"DPA"})))

    assert "DPA-999 was not given" in problems
    assert "no heading 'Purpos'" in problems
    assert "no box 9" in problems
    assert "no evidence 'AC7'" in problems


CHECK, FILE, JUDGED = SettledBy.CHECK, SettledBy.FILE, SettledBy.JUDGED
GREEN = ("All tests pass: make test exits with 0.", CHECK, Status.PASSED)
QUALITY = ("Data correctness: make check-quality finds 0 rows.", CHECK, Status.REGRESSION_ONLY)
PAGE = ("Documentation is complete: the table has a markdown page.", FILE, Status.PASSED)
COMMENTS = ("Code passes review: the table and its columns are commented.", JUDGED, Status.JUDGED_MET)


def box_ticked(box: str, *criteria: tuple[str, SettledBy, Status], names: tuple[str, ...] = ()) -> bool:
    """Whether a box is ticked if a model names these criteria, and these other pieces of evidence."""
    stand = [
        Settled(id=f"AC{n}", text=text, settled_by=by, status=status, evidence="")
        for n, (text, by, status) in enumerate(criteria, start=1)
    ]
    results = [check_result(Ran.COMMIT, COMMIT), check_result(Ran.ARTIFACTS, COMMIT)]
    shown = form.evidence(DRAFT, stand, results, reviewed=True)
    blank = form.read_form(f"- [ ] {box}")
    return 1 in form.ticked(blank, [tie(1, *(one.id for one in stand), *names)], shown)


@pytest.mark.parametrize(
    ("box", "criteria", "names"),
    [
        ("Verified data correctness", (QUALITY,), ()),
        ("Ran the data quality checks", (QUALITY,), ()),
        ("Added comments to columns/tables", (COMMENTS,), ()),
        ("Added markdown documentation", (PAGE,), ()),
        ("ALL TESTS PASS", (GREEN,), ()),
        ("All tests pass", (), ("tests",)),
        ("Tests and data quality checks are green", (GREEN, QUALITY), ()),
        ("All reviews passed", (), (form.REVIEWS,)),
        ("No secrets in the code", (("There are no secrets in the code", JUDGED, Status.JUDGED_MET),), ()),
    ],
)
def test_evidence_for_all_that_a_box_says_ticks_it(
    box: str, criteria: tuple[tuple[str, SettledBy, Status], ...], names: tuple[str, ...]
) -> None:
    assert box_ticked(box, *criteria, names=names)


@pytest.mark.parametrize(
    ("box", "criteria", "names"),
    [
        ("I have added tests for the new behaviour", (GREEN,), ("tests",)),
        ("Added tests", (GREEN,), ("tests",)),
        ("New tests", (), ("tests",)),
        ("Added data quality checks", (QUALITY,), ()),
        ("Tested manually in staging", (GREEN,), ("tests",)),
        ("Manual tests", (("Manual tests pass", JUDGED, Status.JUDGED_MET),), ()),
        ("Reviewed by a human security reviewer", (), (form.REVIEWS,)),
        ("Reviewed by a colleague", (), (form.REVIEWS,)),
        ("Ran the data quality checks on production data", (QUALITY,), ()),
        ("Deployed, and tests pass", (GREEN,), ()),
        ("Tests pass after it is merged", (GREEN,), ()),
        ("UI tests pass", (GREEN,), ()),
        ("Tests cover 90% of it", (("Tests cover the table", JUDGED, Status.JUDGED_MET),), ()),
        ("Tests and documentation", (GREEN,), ()),
        ("Tests and so on", (GREEN,), ()),
        ("Tests are faster", (GREEN,), ()),
        ("Breaking changes", (("There are no breaking changes.", JUDGED, Status.JUDGED_MET),), ()),
        ("No documentation", (PAGE,), ()),
        ("Verified", (GREEN,), ()),
        ("Added", (PAGE,), ()),
    ],
)
def test_a_box_that_says_more_than_the_evidence_stays_open(
    box: str, criteria: tuple[tuple[str, SettledBy, Status], ...], names: tuple[str, ...]
) -> None:
    assert not box_ticked(box, *criteria, names=names)
