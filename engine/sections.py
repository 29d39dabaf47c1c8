"""The sections of a spec that people edit as text, a line each. Pure.

Most are taken over to the letter. Criteria are sentences to the letter too, but how each is settled is not
typed: whoever writes the next version judges that anew for every sentence that was changed or is new, and
only a sentence that stayed keeps what settles it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from engine.lint import MOST_CRITERIA
from engine.schemas import SpecDraft
from engine.wording import hidden_characters, immeasurable, says_something, spelled

EDITABLE = {
    "problem": "Problem",
    "success_criteria": "Success criteria",
    "criteria": "Acceptance criteria",
    "artifacts": "Files that may change",
    "approach": "Approach",
    "upstream": "Upstream",
    "downstream": "Downstream",
    "data_quality": "Data quality",
    "in_scope": "In scope",
    "out_of_scope": "Out of scope",
    "assumptions": "Assumptions",
}
"""Fields of a draft, with their section's name, as the card shows them."""

LONGEST = 3_000
"""Characters that a modal's field takes."""

UNCHANGED = "You changed nothing in this section."

_NUMBERED = {"criteria": "AC", "success_criteria": "SC"}
_LONGEST_SENTENCE = 300


class EditRefused(Exception):
    """An edit that the section cannot hold; the text is a sentence for who edited."""


@dataclass(frozen=True)
class Sentence:
    """A criterion as a person left it. `was`: the number of the one it comes from, empty if it is new."""

    text: str
    was: str


def text_of(draft: SpecDraft, section: str) -> str | None:
    """The section's lines as text; None if it is no such section, or longer than can be edited."""
    if section not in EDITABLE:
        return None
    value = getattr(draft, section)
    if section in _NUMBERED:
        text = "\n".join(f"{number}: {text}" for number, text in _numbered(draft, section).items())
    else:
        text = value if isinstance(value, str) else "\n".join(value)
    return text if len(text) <= LONGEST else None


def lines_of(text: str) -> tuple[str, ...]:
    """What was typed, a line each, without empty ones and without the blanks around them."""
    return tuple(line for raw in text.splitlines() if (line := _flat(raw)))


def _flat(text: str) -> str:
    return " ".join(text.split())


# ---------------------------------------------------------------- asked for


def asked_for(draft: SpecDraft, section: str, text: str) -> str:
    """The edit as a request for a change of this draft, in words that quote it exactly.

    Raises:
        EditRefused: there is no such section, it cannot hold that, or it holds just that.
    """
    if section not in EDITABLE:
        raise EditRefused("That section cannot be edited; use “Say what to change”.")
    for char in hidden_characters("".join(text.splitlines()).replace("\t", " ")):
        raise EditRefused(f"That holds {spelled(char)}, which people cannot see; leave it out.")
    if section in _NUMBERED:
        return _criteria_asked_for(draft, section, _sentences(draft, section, text))
    if _replaced(draft, section, text) == draft:
        raise EditRefused(UNCHANGED)
    lines = lines_of(text)
    if not lines:
        return f"The section “{EDITABLE[section]}” becomes empty."
    return "\n".join([f"The section “{EDITABLE[section]}” becomes exactly:", *lines])


def _criteria_asked_for(draft: SpecDraft, section: str, sentences: Sequence[Sentence]) -> str:
    """What was, what it reads now, what is new and what is dropped; then all of them."""
    before, prefix = _numbered(draft, section), _NUMBERED[section]
    if [sentence.text for sentence in sentences] == [*before.values()]:
        raise EditRefused(UNCHANGED)
    changes = []
    for number, sentence in enumerate(sentences, start=1):
        now, was = f"{prefix}{number}", sentence.was
        if not was:
            changes.append(f"New: {now}, “{sentence.text}”.")
        elif before[was] != sentence.text:
            changes.append(f"{was} was “{before[was]}” and now reads, as {now}: “{sentence.text}”.")
        elif was != now:
            changes.append(f"{was} becomes {now}.")
    kept = {sentence.was for sentence in sentences}
    changes += [f"Dropped: {was}, “{text}”." for was, text in before.items() if was not in kept]
    how = (
        "How each changed or new one is settled is judged anew, by what it says now."
        if section == "criteria"
        else "Which acceptance criteria show each changed or new one is judged anew."
    )
    return "\n".join([*changes, how, f"{_exactly(section)}:", *_listed(prefix, sentences)])


def _exactly(section: str) -> str:
    return f"The {EDITABLE[section].lower()} become exactly these, in this order and to the letter"


def _listed(prefix: str, sentences: Sequence[Sentence]) -> list[str]:
    return [f"{prefix}{number}: {sentence.text}" for number, sentence in enumerate(sentences, start=1)]


# ---------------------------------------------------------------- taken over


def taken_over(draft: SpecDraft, before: SpecDraft, section: str, text: str) -> SpecDraft:
    """The draft with what a person left in this section of the version before.

    Of criteria, those whose sentence stayed keep what settles them; the rest is the draft's own.

    Raises:
        EditRefused: the section cannot hold that.
    """
    if section not in _NUMBERED:
        return _replaced(draft, section, text)
    if section != "criteria":
        return draft
    known = {criterion.id: criterion for criterion in before.criteria}
    sentences = _sentences(before, section, text)
    criteria = list(draft.criteria)
    for index, sentence in enumerate(sentences[: len(criteria)]):
        old = known.get(sentence.was)
        if old is not None and _flat(old.text) == sentence.text == _flat(criteria[index].text):
            criteria[index] = old.model_copy(update={"id": f"AC{index + 1}"})
    return draft.model_copy(update={"criteria": tuple(criteria)})


def misread(draft: SpecDraft, before: SpecDraft, section: str, text: str) -> tuple[str, ...]:
    """Where the draft's criteria are not the sentences that a person left, in a sentence for the model."""
    if section not in _NUMBERED:
        return ()
    sentences = _sentences(before, section, text)
    if [*_numbered(draft, section).values()] == [sentence.text for sentence in sentences]:
        return ()
    return (f"{_exactly(section)}: {' / '.join(_listed(_NUMBERED[section], sentences))}",)


def _replaced(draft: SpecDraft, section: str, text: str) -> SpecDraft:
    lines = lines_of(text)
    value: object = "\n".join(lines) if section == "problem" else lines
    try:
        return SpecDraft.model_validate({**draft.model_dump(mode="json"), section: value})
    except ValidationError as error:
        why = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise EditRefused(f"The section “{EDITABLE[section]}” cannot hold that: {why}.") from None


# ---------------------------------------------------------------- criteria


def _numbered(draft: SpecDraft, section: str) -> dict[str, str]:
    """The sentences of a section of criteria, by what they are called."""
    if section == "criteria":
        return {criterion.id: _flat(criterion.text) for criterion in draft.criteria}
    return {f"SC{number}": _flat(one.text) for number, one in enumerate(draft.success_criteria, start=1)}


def _sentences(draft: SpecDraft, section: str, text: str) -> tuple[Sentence, ...]:
    """What was typed, each line with the criterion that it comes from: by its words, else by its number.

    Raises:
        EditRefused: that cannot be the criteria of a spec.
    """
    before, name = _numbered(draft, section), EDITABLE[section].lower()
    lines = [_split(line, _NUMBERED[section]) for line in lines_of(text)]
    if not lines:
        raise EditRefused(f"A spec cannot be without {name}. “Reject” ends the request.")
    if len(lines) > MOST_CRITERIA:
        raise EditRefused(
            f"A spec holds at most {MOST_CRITERIA} {name}; these are {len(lines)}. Split the request."
        )
    _refuse_twice([number for number, _ in lines if number])
    _refuse_twice([f"“{words}”" for _, words in lines if words])
    same = {words: number for number, words in before.items()}
    stays = {same[words] for _, words in lines if words in same}
    found = []
    for number, words in lines:
        by_number = number if number in before and number not in stays else ""
        was = same.get(words, by_number)
        if before.get(was) != words:
            _refuse_sentence(number, words)
        found.append(Sentence(text=words, was=was))
    return tuple(found)


def _split(line: str, prefix: str) -> tuple[str, str]:
    """Number (empty if there is none) and words of a line such as "AC1: sentence"."""
    found = re.fullmatch(rf"(?:[-•*]\s)?(?:{prefix}\s?0*([1-9]\d?)\s?[:.)])?\s*(.*)", line, re.IGNORECASE)
    assert found is not None  # noqa: S101 (every line has this form)
    return f"{prefix}{found[1]}" if found[1] else "", found[2]


def _refuse_twice(entries: Sequence[str]) -> None:
    for index, entry in enumerate(entries):
        if entry in entries[:index]:
            raise EditRefused(f"{entry} stands there twice.")


def _refuse_sentence(number: str, words: str) -> None:
    """What no way of settling could make a criterion of."""
    name = number or f"“{words[:60]}”"
    if not words:
        raise EditRefused(f"{name} has no sentence. To drop it, delete its line.")
    if len(words) > _LONGEST_SENTENCE:
        raise EditRefused(f"{name} is longer than {_LONGEST_SENTENCE} characters.")
    if not says_something(words):
        raise EditRefused(f"{name} names no outcome that could be measured.")
    vague = immeasurable(words, settled=False)
    if vague:
        raise EditRefused(
            f"{name}: “{vague}” cannot be measured. Give a number, or say what will be seen where."
        )
