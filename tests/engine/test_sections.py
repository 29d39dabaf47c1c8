"""Sections of a spec edited as text: what is asked for, what is taken over, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import sections
from engine.decide import decide
from engine.events import Choice, Chose, Sign
from engine.request import RunKind, SpecFate, State
from engine.runs import specify
from engine.schemas import Criterion, SettledBy, SpecDraft, SuccessCriterion
from engine.sections import EditRefused
from tests.engine.specs import CRITERIA, DRAFT, changed
from tests.engine.stories import Story, reached
from tests.engine.strategies import ASKER

FASTER = "The job runs in under 15 minutes"
RUNTIME = "AC8: The job runs in under 20 minutes"


def shown(section: str = "criteria", draft: SpecDraft = DRAFT) -> str:
    text = sections.text_of(draft, section)
    assert text is not None
    return text


def refused(section: str, text: str) -> str:
    with pytest.raises(EditRefused) as problem:
        sections.asked_for(DRAFT, section, text)
    return str(problem.value)


def judged(*texts: str) -> SpecDraft:
    """A draft in which all of these are judged: what a writer says who keeps nothing."""
    criteria = tuple(
        Criterion(id=f"AC{n}", text=text, settled_by=SettledBy.JUDGED, reviewer="production-code-reviewer")
        for n, text in enumerate(texts, start=1)
    )
    return changed(criteria=criteria)


def test_criteria_stand_a_line_each_by_their_numbers() -> None:
    lines = shown().splitlines()
    assert lines[0] == f"AC1: {CRITERIA[0].text}"
    assert lines[-1] == RUNTIME
    assert shown("success_criteria").splitlines()[2] == f"SC3: {DRAFT.success_criteria[2].text}"
    assert {"criteria", "success_criteria"} <= {*sections.EDITABLE}


def test_what_was_and_what_it_now_reads_is_asked_for() -> None:
    text = shown().replace(RUNTIME, f"ac8. {FASTER}\n- Nulls in closed_at are counted in the test report")
    text = text.replace(f"AC2: {CRITERIA[1].text}\n", "")
    asked = sections.asked_for(DRAFT, "criteria", text)
    assert f"AC8 was “The job runs in under 20 minutes” and now reads, as AC7: “{FASTER}”." in asked
    assert "New: AC8, “Nulls in closed_at are counted in the test report”." in asked
    assert f"Dropped: AC2, “{CRITERIA[1].text}”." in asked
    assert "AC3 becomes AC2." in asked
    assert "AC1 becomes" not in asked
    assert "judged anew" in asked
    listed = asked.partition("to the letter:\n")[2].splitlines()
    assert listed[0] == f"AC1: {CRITERIA[0].text}"
    assert listed[6] == f"AC7: {FASTER}"
    assert len(listed) == 8


def test_a_changed_sentence_keeps_nothing_and_the_others_keep_all() -> None:
    text = shown().replace(RUNTIME, f"AC8: {FASTER}").replace(f"AC2: {CRITERIA[1].text}\n", "")
    texts = [line.partition(": ")[2] for line in text.splitlines()]
    written = judged(*texts)
    assert sections.misread(written, DRAFT, "criteria", text) == ()
    criteria = sections.taken_over(written, DRAFT, "criteria", text).criteria
    assert criteria[-1] == written.criteria[-1]
    kept = [one.model_copy(update={"id": "AC"}) for one in (CRITERIA[0], *CRITERIA[2:7])]
    assert [one.model_copy(update={"id": "AC"}) for one in criteria[:-1]] == kept
    assert [one.id for one in criteria] == [f"AC{n}" for n in range(1, 8)]


def test_the_writer_is_held_to_the_sentences() -> None:
    text = shown().replace(RUNTIME, f"AC8: {FASTER}")
    (told,) = sections.misread(DRAFT, DRAFT, "criteria", text)
    assert f"AC8: {FASTER}" in told
    assert sections.misread(judged(*(c.text for c in CRITERIA[:7])), DRAFT, "criteria", text)
    assert sections.misread(DRAFT, DRAFT, "out_of_scope", "Something else") == ()


def test_success_criteria_are_held_to_their_sentences_too() -> None:
    text = shown("success_criteria").replace("Linting passes", "Linting passes for 3 files")
    assert "SC4 was “Linting passes” and now reads, as SC4: “Linting passes for 3 files”." in (
        sections.asked_for(DRAFT, "success_criteria", text)
    )
    assert sections.misread(DRAFT, DRAFT, "success_criteria", text)
    last = SuccessCriterion(text="Linting passes for 3 files", criteria=("AC6",))
    written = changed(success_criteria=(*DRAFT.success_criteria[:3], last))
    assert sections.misread(written, DRAFT, "success_criteria", text) == ()
    assert sections.taken_over(written, DRAFT, "success_criteria", text) == written


def test_a_sentence_is_known_by_its_words_before_its_number() -> None:
    first, second = CRITERIA[0].text, CRITERIA[1].text
    rest = "\n".join(f"AC{n}: {c.text}" for n, c in enumerate(CRITERIA[2:], start=3))
    asked = sections.asked_for(DRAFT, "criteria", f"AC1: {second}\n{first}\n{rest}")
    assert "AC2 becomes AC1." in asked
    assert "AC1 becomes AC2." in asked
    assert "Dropped" not in asked


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be without acceptance criteria"),
        (" \n\t\n", "cannot be without acceptance criteria"),
        (
            "\n".join(f"The table has {n} rows" for n in range(13)),
            "at most 12 acceptance criteria; these are 13",
        ),
        (shown(), sections.UNCHANGED),
        (shown().replace("AC", "ac ") + "\n\n", sections.UNCHANGED),
        (f"{shown()}\nAC9:", "AC9 has no sentence"),
        (f"{shown()}\nAC8: It runs in 3 minutes", "AC8 stands there twice"),
        (
            f"{shown()}\nThe job runs in under 20 minutes",
            "“The job runs in under 20 minutes” stands there twice",
        ),
        (f"{shown()}\nThe dashboard loads faster", "“faster” cannot be measured"),
        (f"{shown()}\nIt is all done", "names no outcome"),
        (f"{shown()}\nAC9: {'x' * 301}", "AC9 is longer than 300"),
        (f"{shown()}\nIt has 3 \u202erows", "U+202E"),
    ],
)
def test_what_cannot_be_the_criteria_of_a_spec_is_refused(text: str, says: str) -> None:
    assert says in refused("criteria", text)


def test_other_sections_are_refused_as_clearly() -> None:
    assert refused("out_of_scope", "\n".join(DRAFT.out_of_scope)) == sections.UNCHANGED
    assert "U+200B" in refused("out_of_scope", "Every\u200bthing")
    assert "cannot hold that" in refused("in_scope", "")
    assert "cannot be edited" in refused("branch", "x")


words = st.sampled_from([c.text for c in CRITERIA] + [f"The table has {n} rows" for n in range(9)])


@settings(deadline=None)
@given(
    lines=st.lists(
        st.tuples(st.sampled_from(["", "AC1: ", "AC3: ", "AC8: ", "AC12: "]), words), min_size=1, max_size=12
    )
)
def test_only_a_sentence_that_stayed_keeps_what_settles_it(lines: list[tuple[str, str]]) -> None:
    text = "\n".join("".join(line) for line in lines)
    try:
        asked = sections.asked_for(DRAFT, "criteria", text)
    except EditRefused:
        return
    written = judged(*(sentence for _, sentence in lines))
    assert sections.misread(written, DRAFT, "criteria", text) == ()
    before = {one.text: one for one in CRITERIA}
    for n, one in enumerate(sections.taken_over(written, DRAFT, "criteria", text).criteria, start=1):
        assert one.id == f"AC{n}"
        assert f"AC{n}: {one.text}" in asked.splitlines()
        expected = before.get(one.text, written.criteria[n - 1])
        assert one == expected.model_copy(update={"id": one.id})


# ---------------------------------------------------------------- decided


def waiting() -> Story:
    return reached(State.AWAITING_APPROVAL)


def criteria_of(story: Story) -> str:
    assert story.now.spec is not None
    return shown("criteria", story.now.spec.draft)


def test_an_edit_of_criteria_makes_a_version_that_needs_approval_again() -> None:
    story = waiting()
    edit = f"{criteria_of(story)}\nThe table has 3 columns"
    story.chooses(ASKER, "spec:1", Choice.CHANGE_SPEC, edit, item="criteria")
    assert story.now.state is State.SPECIFYING
    assert [run.kind for run in story.now.live] == [RunKind.SPECIFY]
    assert story.now.specs[0].fate is SpecFate.SUPERSEDED
    note = story.now.notes[-1]
    assert (note.section, note.lines) == ("criteria", edit)
    assert "“The table has 3 columns”" in note.text
    story.goes_on(until=State.AWAITING_APPROVAL)
    assert story.now.specs[1].approvals == ()


def test_an_edit_binds_the_version_that_it_asks_for_and_no_later_one() -> None:
    story = waiting()
    story.chooses(ASKER, "spec:1", Choice.CHANGE_SPEC, "src/other.sql", item="artifacts")
    assert specify.taken_over(DRAFT, story.now).artifacts == ("src/other.sql",)
    story.goes_on(until=State.DELIVERED)
    assert specify.taken_over(DRAFT, story.now) == DRAFT, "as when a branch of others is looked at again"


@pytest.mark.parametrize("text", ["", "nothing new"])
def test_a_refused_edit_leaves_everything_and_says_why_in_the_form(text: str) -> None:
    story = waiting()
    typed = text and criteria_of(story)
    event = {**story.common(), "by": ASKER, "card": "spec:1", "choice": Choice.CHANGE_SPEC}
    chose = Chose.model_validate({**event, "text": typed, "item": "criteria"})
    decision = decide(story.now, chose, story.policy)
    assert decision.reply.sign is Sign.AGAIN
    assert decision.reply.text
    assert (decision.snapshot, decision.effects) == (story.now, ())
