from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import UNPREPARED, CheckResult, Fact, Ran, Reviewed
from engine.gate import Gate, gate, quotes, settle
from engine.request import GateVerdict, Settled, Status
from engine.schemas import Finding, Judged, Judgement, Severity
from engine.tallies import doubt
from tests.engine.specs import (
    COMMIT,
    CRITERIA,
    DRAFT,
    FILES,
    PIPELINE,
    REVIEWER,
    SQL,
    finding,
    finding_with,
    result,
    review,
)

FACTS = tuple(Fact(criterion=f"AC{n}", at_base=False, at_commit=True, line=3) for n in range(1, 5))
MET = Judgement(criterion="AC7", verdict=Judged.MET, reason="one row a conversation")
GOOD = Reviewed(reviewer=REVIEWER, review=review(judgements=(MET,)))
BASE = (result("tests", Ran.BASE, 2), result("lint-sql", Ran.BASE))
GREEN = tuple(
    result(check, where) for check in ("tests", "lint-sql") for where in (Ran.COMMIT, Ran.ARTIFACTS)
)


def settled(
    results: Sequence[CheckResult] = GREEN,
    facts: Sequence[Fact] = FACTS,
    reviews: Sequence[Reviewed] = (GOOD,),
    base: Sequence[CheckResult] = BASE,
) -> dict[str, Settled]:
    return {s.id: s for s in settle(DRAFT, base, results, facts, reviews, commit=COMMIT)}


def judge(by_id: dict[str, Settled], *reviews: Reviewed, unchecked_allowed: bool = False) -> Gate:
    return gate(
        tuple(by_id.values()),
        reviews or (GOOD,),
        required=(REVIEWER,),
        commit=COMMIT,
        unchecked_allowed=unchecked_allowed,
    )


def but(check: str, where: Ran, *instead: CheckResult) -> tuple[CheckResult, ...]:
    return (*(r for r in GREEN if (r.check, r.where) != (check, where)), *instead)


def test_good_work_passes_and_says_how_each_criterion_stands() -> None:
    found = settled()
    assert [s.status for s in found.values()] == [
        *[Status.PASSED] * 5,
        Status.REGRESSION_ONLY,
        Status.JUDGED_MET,
        Status.ATTESTATION_PENDING,
    ]
    assert found["AC1"].evidence.startswith(f"{SQL}:3 at the commit")
    assert judge(found).verdict is GateVerdict.PASS


def test_a_red_check_fails_with_what_it_printed() -> None:
    found = settled(but("tests", Ran.COMMIT, result("tests", Ran.COMMIT, 2)))["AC5"]
    assert found.status is Status.FAILED
    assert found.expected == "“make test” ends with exit code 0"
    assert found.actual == "It ended with exit code 2.\none\ntwo\nthe last line"
    assert "make test" in found.fix


@pytest.mark.parametrize(
    ("ended", "says"), [("timeout", "time limit"), ("output", "too much"), ("start", "started")]
)
def test_a_check_that_did_not_end_fails(ended: str, says: str) -> None:
    found = settled(but("tests", Ran.COMMIT, result("tests", Ran.COMMIT, None, ended=ended)))["AC5"]
    assert (found.status, says in found.actual) == (Status.FAILED, True)


def test_green_only_with_other_files_changed_is_not_checked() -> None:
    found = settled(but("tests", Ran.ARTIFACTS, result("tests", Ran.ARTIFACTS, 1)))
    assert found["AC5"].status is Status.NOT_CHECKED
    assert "outside the approved artifacts" in found["AC5"].evidence
    assert judge(found).verdict is GateVerdict.ESCALATE
    assert judge(found, unchecked_allowed=True).verdict is GateVerdict.PASS


@pytest.mark.parametrize("where", [Ran.COMMIT, Ran.ARTIFACTS])
def test_a_missing_result_is_not_checked(where: Ran) -> None:
    assert settled(but("tests", where))["AC5"].status is Status.NOT_CHECKED


def test_results_that_contradict_each_other_count_as_the_worse() -> None:
    red, green = result("tests", Ran.BASE, 2), result("tests", Ran.BASE)
    assert settled(base=(red, green))["AC5"].status is Status.REGRESSION_ONLY
    assert settled((*GREEN, result("tests", Ran.COMMIT, 1)))["AC5"].status is Status.FAILED


def test_a_base_where_the_check_could_not_be_started_is_no_red_base() -> None:
    broken = result("tests", Ran.BASE, None, ended="start")
    assert settled(base=(broken,))["AC5"].status is Status.NOT_CHECKED
    assert settled(base=(broken, result("tests", Ran.BASE)))["AC5"].status is Status.REGRESSION_ONLY
    slow = settled(base=(result("tests", Ran.BASE, None, ended="timeout"),))["AC5"]
    assert slow.evidence.endswith("before the work it did not end within its time limit")


@pytest.mark.parametrize("where", [Ran.BASE, Ran.ARTIFACTS])
def test_results_of_another_command_are_not_compared(where: Ran) -> None:
    """The operator changed what the check runs between the look at the base and the work."""
    other = result("tests", where, 2 if where is Ran.BASE else 0, argv=("make", "old-test"))
    if where is Ran.BASE:
        assert settled(base=(other,))["AC5"].status is Status.NOT_CHECKED
    else:
        assert settled(but("tests", where, other))["AC5"].status is Status.NOT_CHECKED


def test_a_check_that_was_not_run_for_lack_of_dependencies_is_not_checked() -> None:
    why = "uv.lock differs from the base"
    not_run = [
        result("tests", where, None, ended=UNPREPARED, output_tail=why)
        for where in (Ran.COMMIT, Ran.ARTIFACTS)
    ]
    others = but("tests", Ran.COMMIT)
    rest = tuple(r for r in others if (r.check, r.where) != ("tests", Ran.ARTIFACTS))
    found = settled((*rest, *not_run))
    assert found["AC5"].status is Status.NOT_CHECKED
    assert why in found["AC5"].evidence
    assert judge(found).verdict is GateVerdict.ESCALATE


def test_a_base_with_other_dependencies_is_not_compared() -> None:
    other = result("tests", Ran.BASE, 2, prepared="others")
    assert settled(base=(other,))["AC5"].status is Status.NOT_CHECKED


def test_a_text_in_a_file_too_large_to_read_is_not_checked() -> None:
    unread = Fact(criterion="AC2", at_base=False, at_commit=False, unread="It has 5000000 bytes.")
    found = settled(facts=(*FACTS[2:], unread))["AC2"]
    assert found.status is Status.NOT_CHECKED
    assert found.evidence.endswith("is unknown: It has 5000000 bytes.")


def test_results_of_another_commit_count_for_nothing() -> None:
    other = [r.model_copy(update={"commit": "d" * 40}) for r in GREEN]
    assert settled(other)["AC5"].status is Status.NOT_CHECKED
    stale = Reviewed(reviewer=REVIEWER, review=review(commit="d" * 40, judgements=(MET,)))
    assert settled(reviews=(stale,))["AC7"].status is Status.NOT_CHECKED


def test_a_missing_text_fails_with_the_literal_and_the_path() -> None:
    found = settled(facts=(*FACTS[2:], Fact(criterion="AC2", at_base=False, at_commit=False)))
    assert found["AC1"].status is Status.NOT_CHECKED
    assert found["AC2"].status is Status.FAILED
    assert "'conversation_resolution_time.sql'" in found["AC2"].fix
    assert PIPELINE in found["AC2"].fix
    verdict = judge(found)
    assert verdict.verdict is GateVerdict.FIX
    assert [f.id for f in verdict.failures] == ["AC2"]


@pytest.mark.parametrize(
    ("verdict", "status", "gated"),
    [
        (Judged.UNMET, Status.JUDGED_UNMET, GateVerdict.FIX),
        (Judged.UNCLEAR, Status.NOT_CHECKED, GateVerdict.ESCALATE),
    ],
)
def test_a_judgement_counts_as_the_reviewer_meant_it(
    verdict: Judged, status: Status, gated: GateVerdict
) -> None:
    said = Reviewed(
        reviewer=REVIEWER, review=review(judgements=(MET.model_copy(update={"verdict": verdict}),))
    )
    found = settled(reviews=(said, GOOD))
    assert found["AC7"].status is status
    assert judge(found, said, GOOD).verdict is gated


def test_only_the_named_reviewer_judges() -> None:
    other = GOOD.model_copy(update={"reviewer": "test-code-reviewer"})
    invalid = GOOD.model_copy(update={"invalid": "a quote is made up"})
    assert settled(reviews=(other, invalid))["AC7"].status is Status.NOT_CHECKED


@pytest.mark.parametrize(
    ("reviews", "says"),
    [
        ((GOOD.model_copy(update={"reviewer": "someone-else"}),), "is missing"),
        ((Reviewed(reviewer=REVIEWER, review=None, invalid="not JSON"),), "does not count: not JSON"),
        ((GOOD.model_copy(update={"invalid": "made-up quote"}),), "does not count: made-up quote"),
        ((Reviewed(reviewer=REVIEWER, review=review(commit="d" * 40)),), "of another commit"),
        (
            (Reviewed(reviewer=REVIEWER, review=review(finding(Severity.CRITICAL))),),
            "Missing library entry (critical",
        ),
    ],
)
def test_what_blocks(reviews: tuple[Reviewed, ...], says: str) -> None:
    verdict = judge(settled(), *reviews)
    assert verdict.verdict is GateVerdict.BLOCKED
    assert says in verdict.reasons[0]


def test_major_findings_are_fixed_and_minor_ones_listed() -> None:
    major, minor = finding(), finding(Severity.MINOR, title="Long line")
    assert (
        judge(settled(), Reviewed(reviewer=REVIEWER, review=review(major, minor))).verdict is GateVerdict.FIX
    )
    verdict = judge(settled(), Reviewed(reviewer=REVIEWER, review=review(minor)))
    assert (verdict.verdict, verdict.minor) == (GateVerdict.PASS, (minor,))


def test_each_finding_is_told_once_the_gravest_first_then_by_place() -> None:
    critical = finding(Severity.CRITICAL, path="z.sql", line=1)
    majors = [
        *(finding(path="a.sql", line=9, title=f"One more of the same place, {n:02}") for n in range(12)),
        finding(path="a.sql", line=10, title="A title that comes first"),
        finding(path="b.sql", line=1, title="A title that comes before it"),
    ]
    minor = finding(Severity.MINOR, path="a.sql", line=1)
    said = Reviewed(reviewer=REVIEWER, review=review(minor, *majors[::-1], critical, critical))
    verdict = judge(settled(), said)
    assert verdict.findings == (critical, *majors)
    assert verdict.minor == (minor,)
    places = ["z.sql:1", *["a.sql:9"] * 12, "a.sql:10", "b.sql:1"]
    assert [reason.rpartition(", ")[2].rstrip(")") for reason in verdict.reasons] == places


def test_what_only_passes_with_minor_findings_has_no_others() -> None:
    verdict = judge(settled(), Reviewed(reviewer=REVIEWER, review=review(finding(Severity.MINOR))))
    assert (verdict.verdict, verdict.findings, verdict.reasons) == (GateVerdict.PASS, (), ())


def test_criteria_stand_in_their_order_and_both_words_on_one_stand_whoever_came_first() -> None:
    def one(name: str, status: Status, evidence: str = "so") -> Settled:
        settled_by = CRITERIA[0].settled_by
        return Settled(id=name, text="text", settled_by=settled_by, status=status, evidence=evidence)

    failed = [one("AC2", Status.FAILED), one("AC3", Status.FAILED), one("AC10", Status.JUDGED_UNMET, "a"),
              one("AC10", Status.JUDGED_UNMET, "b")]  # fmt: skip
    open_ones = [one("AC4", Status.NOT_CHECKED), one("AC11", Status.NOT_CHECKED)]
    for given_in in ([*failed, *open_ones], [*open_ones[::-1], *failed[::-1]]):
        verdict = gate(given_in, (GOOD,), required=(REVIEWER,), commit=COMMIT, unchecked_allowed=False)
        assert (verdict.verdict, list(verdict.failures)) == (GateVerdict.FIX, failed)
        assert list(verdict.unchecked) == open_ones


def test_every_missing_reviewer_is_named_in_order_with_one_reason_each() -> None:
    names = [f"reviewer-{letter}" for letter in "abcdefgh"]
    unusable = [Reviewed(reviewer=names[0], review=None, invalid=why) for why in ("not JSON", "cut off")]
    for said in (unusable, unusable[::-1]):
        verdict = gate((), said, required=names[::-1], commit=COMMIT, unchecked_allowed=True)
        assert list(verdict.reasons[:8]) == [
            "The review of reviewer-a does not count: cut off",
            *(f"The review of {name} is missing" for name in names[1:]),
        ]


def test_a_verdict_stays_as_it_was_given() -> None:
    verdict = judge(settled())
    with pytest.raises(ValueError, match="frozen"):
        verdict.verdict = GateVerdict.PASS  # type: ignore[misc]


def test_nothing_settled_is_no_pass() -> None:
    assert judge({}, unchecked_allowed=True).verdict is GateVerdict.ESCALATE


# ---------------------------------------------------------------- properties

RESULTS = st.builds(
    result,
    check=st.sampled_from(["tests", "lint-sql"]),
    where=st.sampled_from(Ran),
    exit_code=st.sampled_from([0, 0, 0, 1, None]),
    ended=st.sampled_from(["exit", "exit", "exit", "timeout", UNPREPARED]),
    commit=st.sampled_from([COMMIT, COMMIT, "d" * 40]),
    output_tail=st.sampled_from(
        ["", "", "Ran 4 tests in 0.1s\n\nOK\n", "Ran 4 tests in 0.1s\n\nFAILED (failures=4)\n"]
    ),
)
ANY_FACTS = st.builds(
    Fact,
    criterion=st.sampled_from([c.id for c in CRITERIA]),
    at_base=st.booleans(),
    at_commit=st.sampled_from([True, True, False]),
    line=st.none() | st.integers(1, 9),
)
FINDINGS = st.builds(finding, st.sampled_from(Severity), line=st.integers(1, 9))
JUDGEMENTS = st.builds(
    Judgement,
    criterion=st.sampled_from(["AC7", "AC1"]),
    verdict=st.sampled_from(Judged),
    reason=st.just("because"),
)
REVIEWS = st.builds(
    Reviewed,
    reviewer=st.sampled_from([REVIEWER, "other-reviewer"]),
    review=st.none()
    | st.builds(
        lambda findings, commit, judgements: review(*findings, commit=commit, judgements=tuple(judgements)),
        st.lists(FINDINGS, max_size=2),
        st.sampled_from([COMMIT, COMMIT, "d" * 40]),
        st.lists(JUDGEMENTS, max_size=2),
    ),
    invalid=st.sampled_from(["", "", "bad quote"]),
)
STATUSES = st.sampled_from([Status.PASSED, Status.PASSED, *Status])
SETTLED = st.lists(
    st.builds(
        lambda criterion, status: Settled(
            id=criterion.id,
            text=criterion.text,
            settled_by=criterion.settled_by,
            status=status,
            evidence="so",
        ),
        st.sampled_from(CRITERIA),
        STATUSES,
    ),
    max_size=4,
)
REQUIRED = st.lists(st.sampled_from([REVIEWER, "other-reviewer"]), max_size=2)


@given(SETTLED, st.lists(REVIEWS, max_size=3), REQUIRED, st.booleans())
def test_a_pass_means_all_of_it(
    found: list[Settled], reviews: list[Reviewed], required: list[str], allowed: bool
) -> None:
    verdict = gate(found, reviews, required=required, commit=COMMIT, unchecked_allowed=allowed)
    if verdict.verdict is not GateVerdict.PASS:
        assert verdict.reasons
        return
    valid = [r for r in reviews if r.review and not r.invalid and r.review.commit == COMMIT]
    assert found
    assert set(required) <= {r.reviewer for r in valid}
    assert all(f.severity is Severity.MINOR for r in valid if r.review for f in r.review.findings)
    statuses = {s.status for s in found}
    assert not statuses & {Status.FAILED, Status.JUDGED_UNMET}
    assert allowed or Status.NOT_CHECKED not in statuses
    assert verdict.reasons == ()


@given(SETTLED, st.lists(REVIEWS, max_size=3), REQUIRED, st.booleans(), st.randoms())
def test_the_gate_does_not_depend_on_order(
    found: list[Settled],
    reviews: list[Reviewed],
    required: list[str],
    allowed: bool,
    random: Random,
) -> None:
    first = gate(found, reviews, required=required, commit=COMMIT, unchecked_allowed=allowed)
    for values in (found, reviews, required):
        random.shuffle(values)
    assert gate(found, reviews, required=required, commit=COMMIT, unchecked_allowed=allowed) == first


@given(
    SETTLED,
    st.lists(REVIEWS, max_size=3),
    REQUIRED,
    st.booleans(),
    st.sampled_from([Severity.CRITICAL, Severity.MAJOR]),
)
def test_one_more_grave_finding_never_leads_to_a_pass(
    found: list[Settled], reviews: list[Reviewed], required: list[str], allowed: bool, severity: Severity
) -> None:
    more = Reviewed(reviewer="other-reviewer", review=review(finding(severity)))
    verdict = gate(
        found, [*reviews, more], required=required, commit=COMMIT, unchecked_allowed=allowed
    ).verdict
    assert verdict in {GateVerdict.BLOCKED, GateVerdict.FIX}
    assert severity is Severity.MAJOR or verdict is GateVerdict.BLOCKED


@given(
    st.lists(RESULTS, max_size=8),
    st.lists(RESULTS, max_size=4),
    st.lists(ANY_FACTS, max_size=6),
    st.lists(REVIEWS, max_size=3),
)
def test_passed_means_red_before_green_after_and_green_with_the_artifacts_alone(
    results: list[CheckResult], base: list[CheckResult], facts: list[Fact], reviews: list[Reviewed]
) -> None:
    found = settled(results, facts, reviews, base)
    assert list(found) == [c.id for c in CRITERIA]
    for criterion in CRITERIA[4:6]:
        here = [r for r in results if r.check == criterion.check and r.commit == COMMIT]
        before = [
            r for r in (*base, *results) if r.check == criterion.check and r.where is Ran.BASE and r.tells
        ]
        if found[criterion.id].status in {Status.PASSED, Status.REGRESSION_ONLY}:
            assert all(any(r.where is where for r in here) for where in (Ran.COMMIT, Ran.ARTIFACTS))
            assert all(r.green for r in here if r.where in {Ran.COMMIT, Ran.ARTIFACTS})
            trials = [r for r in here if r.where in {Ran.OLD_TESTS, Ran.UNSILENCED, Ran.UNBENT} and r.tells]
            assert all(r.green for r in trials)
            greens = [r for r in here if r.where in {Ran.COMMIT, Ran.ARTIFACTS}]
            assert not any(doubt(r.output_tail, g.output_tail) for r in before for g in greens)
            assert before
            assert any(r.green for r in before) == (found[criterion.id].status is Status.REGRESSION_ONLY)
        if any(r.where is Ran.COMMIT and not r.green and r.tells for r in here):
            assert found[criterion.id].status is Status.FAILED
    for criterion in CRITERIA[:4]:
        mine = [f for f in facts if f.criterion == criterion.id]
        passed = bool(mine) and all(f.at_commit and not f.at_base for f in mine)
        assert (found[criterion.id].status is Status.PASSED) == passed
    assert found["AC8"].status is Status.ATTESTATION_PENDING
    shuffled = settled(results[::-1], facts[::-1], reviews[::-1], base[::-1])
    assert shuffled == found


# ---------------------------------------------------------------- reviews that count


def why(*findings: Finding, commit: str = COMMIT, judgements: tuple[Judgement, ...] = ()) -> str:
    made = review(*findings, commit=commit, judgements=judgements)
    ids = {c.id for c in CRITERIA}
    return "\n".join(
        quotes(made, commit=COMMIT, text=FILES.get, criteria=ids, before={"gone.sql": "SELECT 1\n"}.get)
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"quote": "  libraries:  ", "line": 2},
        {"quote": "conversation_message_counts.sql}", "line": 2},
        {"path": "gone.sql", "quote": "SELECT 1"},
        {"quote": "libraries:\n- file: {path: ../src/conversation_message_counts.sql}"},
        {"criterion": None},
    ],
)
def test_a_finding_that_quotes_what_stands_there_counts(fields: dict[str, object]) -> None:
    assert why(finding_with(fields)) == ""


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"path": "src/nowhere.sql"}, "no such text file"),
        ({"line": 3}, "has only 2 lines"),
        ({"quote": "something else"}, "does not stand within 3 lines"),
        ({"quote": "s"}, "does not stand within 3 lines"),
        ({"quote": "   "}, "the quote is empty"),
        ({"criterion": "AC99"}, "no criterion 'AC99'"),
    ],
)
def test_a_finding_that_cannot_be_looked_up_does_not_count(fields: dict[str, object], says: str) -> None:
    assert says in why(finding_with(fields))


def test_a_review_of_something_else_does_not_count() -> None:
    assert "to be reviewed" in why(commit="d" * 40)
    assert "no criterion" in why(judgements=(MET.model_copy(update={"criterion": "AC42"}),))
    assert "judged twice" in why(judgements=(MET, MET.model_copy(update={"verdict": Judged.UNMET})))
    assert why(judgements=(MET, MET)) == ""


LONG = "".join(f"  line {number:02}  \n" for number in range(1, 21))


def misquotes(line: int, quote: str, text: str = LONG) -> str:
    made = review(finding(path="f", line=line, quote=quote))
    return "\n".join(quotes(made, commit=COMMIT, text={"f": text}.get, criteria={"AC2"}))


@pytest.mark.parametrize("away", range(-20, 20))
def test_a_whole_line_may_be_quoted_within_three_lines_of_where_it_stands(away: int) -> None:
    for line in (1, 2, 10, 19, 20):
        stands = line + away
        if 1 <= stands <= 20:
            quote = f"line {stands:02}"
            assert (misquotes(line, quote) == "") == (abs(away) <= 3), (line, stands)


@pytest.mark.parametrize(
    ("line", "quote", "counts"),
    [
        (5, "line 05\n    line 06", True),
        (5, "\n\n  line 05\nline 06 \n", True),
        (5, "line 05\nline 07", False),
        (5, "line 05\nmade up", False),
        (19, "line 19\nline 20\nline 21", False),
        (5, "e 05", True),  # four characters of that very line
        (5, "e 0", False),  # three are not enough
        (5, "e 06", False),
    ],
)
def test_all_lines_of_a_quote_stand_there_and_a_part_is_of_that_line(
    line: int, quote: str, counts: bool
) -> None:
    assert (misquotes(line, quote) == "") == counts


def test_an_empty_file_has_no_line_to_quote() -> None:
    assert "the file has only 0 lines." in misquotes(1, "line 01", "")
    assert "the file has only 1 line." in misquotes(2, "line 01", "line 01\n")
    assert "the file has only 1 line." in misquotes(2, "line 01", "line 01")


def test_what_is_wrong_names_the_finding_and_no_more_of_the_quote_than_fits() -> None:
    quote = "0123456789" * 12
    said = why(finding(), finding_with({"quote": quote}))
    assert said == (
        f"Finding 2 ({PIPELINE}:1): the quote {quote[:80]!r} does not stand within 3 lines of it."
    )


@given(
    st.lists(st.text("ab \t", max_size=6), max_size=12),
    st.integers(1, 14),
    st.text("ab \t", min_size=1, max_size=4),
)
def test_an_accepted_quote_stands_near_its_line(lines: list[str], line: int, quote: str) -> None:
    made = review(finding(path="f", line=line, quote=quote))
    text = "".join(f"{each}\n" for each in lines)
    if quotes(made, commit=COMMIT, text={"f": text}.get, criteria={"AC2"}) == ():
        assert quote.strip()
        assert line <= len(lines)
        near = lines[max(0, line - 4) : line + 3]
        assert quote.strip() in lines[line - 1] or quote.strip() in [each.strip() for each in near]
