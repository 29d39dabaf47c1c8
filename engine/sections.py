"""The sections of a spec that people edit as text, a line each: edited, and taken over verbatim. Pure."""

from pydantic import ValidationError

from engine.schemas import SpecDraft

EDITABLE = {
    "problem": "Problem",
    "artifacts": "Files that may change",
    "approach": "Approach",
    "upstream": "Upstream",
    "downstream": "Downstream",
    "data_quality": "Data quality",
    "in_scope": "In scope",
    "out_of_scope": "Out of scope",
    "assumptions": "Assumptions",
}
"""Fields of a draft, with their section's name. Criteria have a form of their own: say what to change."""

LONGEST = 3_000
"""Characters that a modal's field takes."""


class EditRefused(Exception):
    """An edit that the section cannot hold; the text is a sentence for who edited."""


def text_of(draft: SpecDraft, section: str) -> str | None:
    """The section's lines as text; None if it is no such section, or longer than can be edited."""
    if section not in EDITABLE:
        return None
    value = getattr(draft, section)
    text = value if isinstance(value, str) else "\n".join(value)
    return text if len(text) <= LONGEST else None


def lines_of(text: str) -> tuple[str, ...]:
    """What was typed, a line each, without empty ones and without the blanks around them."""
    return tuple(line for raw in text.splitlines() if (line := " ".join(raw.split())))


def edited(draft: SpecDraft, section: str, text: str) -> SpecDraft:
    """The draft with exactly these lines in this section.

    Raises:
        EditRefused: there is no such section, or it cannot hold them.
    """
    if section not in EDITABLE:
        raise EditRefused("That section cannot be edited; use “Say what to change”.")
    lines = lines_of(text)
    value: object = "\n".join(lines) if section == "problem" else lines
    try:
        return SpecDraft.model_validate({**draft.model_dump(mode="json"), section: value})
    except ValidationError as error:
        why = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise EditRefused(f"The section “{EDITABLE[section]}” cannot hold that: {why}.") from None


def asked_for(section: str, text: str) -> str:
    """The edit as a request for a change, in words that quote it exactly."""
    lines = lines_of(text)
    if not lines:
        return f"The section “{EDITABLE[section]}” becomes empty."
    return "\n".join([f"The section “{EDITABLE[section]}” becomes exactly:", *lines])
