"""A scripted spec takes over what people made of its criteria, as any model has to."""

import pytest

from bot.playground.edits import as_left
from engine import sections
from engine.schemas import SpecDraft
from tests.engine.specs import DRAFT

ANSWER = DRAFT.model_dump(mode="json")


def lines(section: str) -> list[str]:
    text = sections.text_of(DRAFT, section)
    assert text is not None
    return text.splitlines()


def left(section: str, text: str) -> SpecDraft:
    """What the script's spec becomes once that was asked for, after an older note."""
    asked = sections.asked_for(DRAFT, section, text)
    opening = f"<note>\nBe quick.\n</note>\n\nSaid since:\n<note>\n{asked}\n</note>"
    return SpecDraft.model_validate(as_left(ANSWER, opening))


@pytest.mark.parametrize(
    "change",
    [
        lambda old: [*old, "The page has 3 examples"],
        lambda old: old[1:],
        lambda old: [old[1], old[0], *old[2:]],
        lambda old: [f"{old[0]} for 3 tenants", *old[2:], "It is listed 1 time"],
    ],
)
@pytest.mark.parametrize("section", ["criteria", "success_criteria"])
def test_the_scripts_criteria_are_what_people_left(section: str, change: object) -> None:
    assert callable(change)
    text = "\n".join(change(lines(section)))
    draft = left(section, text)
    assert sections.misread(draft, DRAFT, section, text) == ()
    known = {criterion.id for criterion in draft.criteria}
    assert all(one.criteria and known.issuperset(one.criteria) for one in draft.success_criteria)


def test_other_sections_and_other_answers_stay_as_scripted() -> None:
    assert left("out_of_scope", "Billing") == DRAFT
    assert as_left({"verdict": "vague"}, "<note>\nx\n</note>") == {"verdict": "vague"}
