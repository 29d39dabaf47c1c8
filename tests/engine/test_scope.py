import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.schemas import Claim, Outcome, Report, Verification
from engine.scope import ReceiptFacts, marks, outside
from tests.engine.specs import DRAFT, SQL

RECEIPTS = {
    "r1": ReceiptFacts(exit_code=0, tool="run", subject="true"),
    "r2": ReceiptFacts(exit_code=2, tool="run"),
    "r3": ReceiptFacts(exit_code=None, tool="run"),
    "r4": ReceiptFacts(exit_code=0, tool="read"),
    "r5": ReceiptFacts(exit_code=None, tool="run", refused=True),
    "r6": ReceiptFacts(exit_code=0, tool="run", subject="true", outdated=True),
    "r7": ReceiptFacts(exit_code=1, tool="run", subject="false", outdated=True),
}
LINES = {SQL: 30, "one.sql": 1}


def report(*claims: Claim, ran: tuple[Verification, ...] = ()) -> Report:
    return Report(outcome=Outcome.DONE, summary="Did it", findings=claims, verification=ran, next_steps=())


@pytest.mark.parametrize(
    ("receipt", "exit_code", "verified", "says"),
    [
        ("r1", 0, True, "exit code 0 was recorded of 'true'"),
        (" r1\n", 0, True, "exit code 0 was recorded of 'true'"),
        ("r2", 2, True, "exit code 2 was recorded"),
        ("r2", 0, False, "exit code 0 is claimed, 2 was recorded"),
        ("r3", 0, False, "did not end by itself"),
        ("r4", 0, False, "the tool read"),
        ("r5", 0, False, "was refused and did nothing"),
        ("r6", 0, False, "exit code 0 was recorded of 'true', before later changes"),
        ("r7", 1, True, "before later changes"),
        ("made-up", 0, False, "no recorded call has the id made-up"),
    ],
)
def test_a_verification_holds_only_with_its_receipt(
    receipt: str, exit_code: int, verified: bool, says: str
) -> None:
    ran = Verification(claim="Tests pass", receipt=receipt, exit_code=exit_code)
    (mark,) = marks(report(ran=(ran,)), RECEIPTS, LINES.get)
    assert (mark.verified, mark.claim) == (verified, "Tests pass")
    assert says in mark.why


@pytest.mark.parametrize(
    ("cites", "wrong"),
    [
        ([f"{SQL}:1"], ""),
        ([f"{SQL}:10-30", "r1"], ""),
        ([f"`{SQL}:30`"], ""),
        ([f" {SQL}:30\n"], ""),
        ([f"{SQL}:30 and all the rest"], "neither path:line"),
        ([f"see {SQL}:30"], f"there is no file see {SQL}"),
        (["receipt: r2"], ""),
        (["receipt: r5"], "was refused and did nothing"),
        ([], "neither a line nor a recorded call"),
        ([f"{SQL}:31"], "has only 30 lines"),
        ([f"{SQL}:10-31"], "has only 30 lines"),
        (["one.sql:2"], "has only 1 line"),
        ([f"{SQL}:20-10"], "ends before it begins"),
        ([f"{SQL}:0"], "neither path:line"),
        (["nowhere.sql:1"], "there is no file nowhere.sql"),
        ([f"{SQL}:1", "trust me"], "trust me is neither"),
    ],
)
def test_a_finding_holds_only_if_all_it_cites_exists(cites: list[str], wrong: str) -> None:
    (mark,) = marks(report(Claim(claim="Similar metrics exist", cites=tuple(cites))), RECEIPTS, LINES.get)
    assert mark.verified == (wrong == "")
    assert wrong in mark.why
    assert "1 lines" not in mark.why


def test_what_was_looked_up_is_told_whole() -> None:
    (mark,) = marks(report(Claim(claim="So it is", cites=(f"{SQL}:1", "r2"))), RECEIPTS, LINES.get)
    assert mark.why == f"what it cites exists: {SQL}:1, r2"


def test_a_call_of_which_no_more_is_known_was_made_of_nothing_and_nothing_came_after_it() -> None:
    facts = ReceiptFacts(exit_code=0, tool="run")
    (mark,) = marks(report(ran=(Verification(claim="c", receipt="r", exit_code=0),)), {"r": facts}, LINES.get)
    assert (mark.verified, mark.why) == (True, "exit code 0 was recorded of ''")
    with pytest.raises(AttributeError):
        facts.exit_code = 1  # type: ignore[misc]


@given(
    st.lists(
        st.builds(Claim, claim=st.just("c"), cites=st.lists(st.text(min_size=1, max_size=20), max_size=3)),
        max_size=3,
    ),
    st.lists(
        st.builds(
            Verification,
            claim=st.just("v"),
            receipt=st.sampled_from([*RECEIPTS, "made-up"]),
            exit_code=st.integers(-1, 3),
        ),
        max_size=3,
    ),
)
def test_every_claim_gets_one_mark_and_no_lie_is_verified(
    claims: list[Claim], ran: list[Verification]
) -> None:
    found = marks(report(*claims, ran=tuple(ran)), RECEIPTS, LINES.get)
    assert [m.claim for m in found] == ["v"] * len(ran) + ["c"] * len(claims)
    for mark, said in zip(found, ran, strict=False):
        if mark.verified:
            recorded = RECEIPTS[said.receipt]
            assert (recorded.tool, recorded.exit_code) == ("run", said.exit_code)
    assert not any(m.verified for m, c in zip(found[len(ran) :], claims, strict=True) if not c.cites)


@given(
    st.lists(st.sampled_from([*DRAFT.artifacts, "Makefile", "src/x.sql"])),
    st.lists(st.sampled_from(["Makefile"])),
)
def test_outside_is_what_nobody_approved(changed: list[str], kept: list[str]) -> None:
    assert set(outside(changed, DRAFT, kept)) == set(changed) - set(DRAFT.artifacts) - set(kept)
    assert outside(changed, DRAFT, kept) == outside(changed[::-1] * 2, DRAFT, kept)


def test_what_is_outside_stands_in_order() -> None:
    names = tuple(f"{letter}.sql" for letter in "abcdefghij")
    assert outside(names[::-1], DRAFT, ()) == names
