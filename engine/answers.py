"""What a typed numbered list answers: "1. all conversations", "2) B", "4: you decide". Pure; never raises."""

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from engine.schemas import Question

LONGEST_TEXT = 40_000
LONGEST_ANSWER = 2_000

_ITEM = re.compile(
    r"(?P<indent>[ \t]*)(?:[-\u2022>] ?)?[*_]?\(?[Qq#]?(?P<number>\d{1,2})"
    r"(?:[.:](?!\d)|\)|[ \t]*[-\u2013\u2014](?!\d))[*_]?[ \t]*(?P<rest>.*)"
)
_INLINE = re.compile(r"(?:^|(?<=[\s;,]))\(?(\d{1,2})(?:[.:](?!\d)|\))(?=\s)")
_BARE = re.compile(r"(?<!\S)(\d{1,2})(?=\s)")
_MENTIONS = re.compile(r"\A(?:\s*<@[^<>]{1,80}>[ ,:]?)+")
_LETTERED = re.compile(
    r"(?:option )?\(?(?P<choice>[a-d]|[1-4])\)?(?:[).:]|[ \t]+[-\u2013\u2014])[ \t]*(?P<rest>\S.*)", re.DOTALL
)
_CHOICE = re.compile(r"(?:option )?([a-d]|[1-4])")
_COMMA = re.compile(r"[,;\n+&]")
_COMMA_OR_AND = re.compile(r"[,;\n+&]|\b(?:and|plus)\b")
_AROUND = " \t\r\n.,;!?*_~`\"'()-\u2013\u2022\u201c\u201d\u2018\u2019"
_SHORTEST = 3
_YOU_DECIDE = frozenset(
    {
        "you decide",
        "you choose",
        "you pick",
        "your call",
        "your choice",
        "up to you",
        "decide for me",
        "please decide",
        "you decide please",
        "whatever you think",
        "whatever you think is best",
    }
)
_NOT_SURE = re.compile(
    r"(?:not sure|unsure|no idea|(?:i )?(?:do not|don t|dont) know|unknown|find (?:it )?out|"
    r"(?:please )?(?:investigate|find (?:it )?out)|(?:needs?|we need) (?:an )?investigation|"
    r"(?:needs?|has) to be investigated|to be investigated|(?:i m|i am|we are|we re) not sure| )+"
)
_ADVISED = frozenset(
    {"recommended", "the recommended one", "the recommended", "as recommended", "your recommendation"}
)
_ALL = frozenset({"all", "all of them", "all of these", "all of the above", "everything"})
_TOO_COMMON = frozenset({"the", "and", "for", "not", "one", "with", "per", "any"})

Understood = tuple[tuple[str, ...], str]


class Answering(Protocol):
    """An answer as it is recorded (engine.request.Given)."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Chosen options."""
        ...

    @property
    def text(self) -> str:
        """The person's own words."""
        ...

    @property
    def you_decide(self) -> bool:
        """Whether the choice is left to us."""
        ...

    @property
    def find_out(self) -> bool:
        """Whether it has to be investigated."""
        ...


def understand(text: str, questions: Sequence[Question]) -> dict[int, Understood]:
    """The answers in a message that is a numbered list; empty if it is none.

    Args:
        text: What a person typed; untrusted, of any length.
        questions: The round's questions; number 1 is the first.

    Returns:
        By index of the question (from 0): labels of the options that were meant, and the person's own
        words where labels do not say all of it. Neither labels nor words means "you decide".
    """
    found = _items(_MENTIONS.sub("", text[:LONGEST_TEXT]), questions)
    return {
        number - 1: _resolve(answer, questions[number - 1])
        for number, answer in found.items()
        if _plain(answer) and 1 <= number <= len(questions)
    }


def sole(text: str, question: Question) -> Understood | None:
    """What a message answers that is the first item of a list and nothing else; None if it is not."""
    item = _ITEM.fullmatch(" ".join(_MENTIONS.sub("", text[:LONGEST_TEXT]).split()))
    if item is None or int(item["number"]) != 1 or not _plain(item["rest"]):
        return None
    return _resolve(item["rest"], question)


def words(given: Answering | None, question: Question) -> str:
    """What was understood as the answer, in words; empty if there is none."""
    if given is None:
        return ""
    if given.you_decide:
        return f"You decide; I assume: {question.options[question.recommended].label}"
    if given.find_out:
        return "Not sure: to be found out"
    labels = ", ".join(given.labels)
    if labels and given.text:
        return f"{labels} (“{given.text}”)"
    return labels or given.text


def not_sure(text: str) -> bool:
    """Whether words say only that nobody knows, or that it has to be investigated."""
    plain = " ".join(re.findall(r"\w+", text[:LONGEST_ANSWER].casefold()))
    return bool(plain) and len(plain) <= 120 and _NOT_SURE.fullmatch(plain) is not None


# ---------------------------------------------------------------- the list


def _items(text: str, questions: Sequence[Question]) -> dict[int, str]:
    lines = text.strip("\n").splitlines()
    if len([line for line in lines if line.strip()]) == 1:
        inline = _one_line(text.strip(), questions)
        if inline:
            return inline
    pairs = list(_listed(lines))
    numbers = [number for number, _ in pairs]
    if len(numbers) > 1 and set(numbers) == {1} and len(numbers) <= len(questions):
        return {index: answer for index, (_, answer) in enumerate(pairs, start=1)}
    return dict(pairs)


def _listed(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    number, answer, indent = 0, [""], None
    for line in lines:
        item = _ITEM.fullmatch(line)
        if item and (indent is None or len(item["indent"]) <= indent + 1):
            if number:
                yield number, "\n".join(answer).strip()
            number, answer = int(item["number"]), [item["rest"]]
            indent = len(item["indent"]) if indent is None else indent
        else:
            answer.append(line.strip())
    if number:
        yield number, "\n".join(answer).strip()


def _one_line(line: str, questions: Sequence[Question]) -> dict[int, str]:
    punctuated = _cut(line, [(m.start(), m.end(), int(m[1])) for m in _INLINE.finditer(line)])
    if len(punctuated) > 1:
        return punctuated
    bare = _cut(line, [(m.start(), m.end(), int(m[1])) for m in _BARE.finditer(line)])
    certain = all(
        number <= len(questions) and not _resolve(answer, questions[number - 1])[1]
        for number, answer in bare.items()
    )
    return bare if len(bare) > 1 and certain else {}


def _cut(line: str, found: Sequence[tuple[int, int, int]]) -> dict[int, str]:
    """The pieces between the numbers, if these are exactly 1, 2, 3… from the line's start."""
    if not found or found[0][0] != 0 or [n for _, _, n in found] != list(range(1, len(found) + 1)):
        return {}
    ends = [start for start, _, _ in found[1:]] + [len(line)]
    return {n: line[after:end].strip(" \t,;") for (_, after, n), end in zip(found, ends, strict=True)}


# ---------------------------------------------------------------- one answer


def _resolve(answer: str, question: Question) -> Understood:
    text = _without_header(answer.strip(), question.header)[:LONGEST_ANSWER]
    plain = _plain(text)
    labels = [option.label for option in question.options]
    if plain in _YOU_DECIDE and plain not in map(_plain, labels):
        return (), ""
    one = _label(plain, labels)
    if one is not None:
        return (one,), ""
    if plain in _ADVISED:
        return (labels[question.recommended],), ""
    several = _several(text, labels) if question.multi else ()
    if several:
        return several, "" if _nothing_else(text, labels) else text
    begun = _begun(plain, labels)
    return ((begun,), text) if begun else ((), text)


def _without_header(answer: str, header: str) -> str:
    head, colon, rest = answer.partition(":")
    repeated = colon and _plain(head) == _plain(header) and _plain(rest)
    return rest.strip(" *_\t\n") if repeated else answer


def _several(text: str, labels: Sequence[str]) -> tuple[str, ...]:
    plain = _plain(text)
    if plain in _ALL or (plain == "both" and len(labels) == 2):
        return tuple(labels)
    meant = [_label(part, labels) for part in _parts(text, labels)]
    return tuple(label for label in labels if label in meant)


def _nothing_else(text: str, labels: Sequence[str]) -> bool:
    return all(_label(part, labels) for part in _parts(text, labels)) or len(_parts(text, labels)) == 1


def _parts(text: str, labels: Sequence[str]) -> list[str]:
    """The pieces of an enumeration; "and" separates only where commas alone leave something unclear."""
    commas = [part for part in map(_plain, _COMMA.split(text.casefold())) if part]
    if all(_label(part, labels) for part in commas):
        return commas
    return [part for part in map(_plain, _COMMA_OR_AND.split(text.casefold())) if part]


def _label(plain: str, labels: Sequence[str]) -> str | None:
    """The one option that these words name: by letter or number, or by its own words."""
    choice = _CHOICE.fullmatch(plain)
    lettered = _LETTERED.fullmatch(plain)
    named = _named(plain, labels)
    if choice and named is None:
        return _nth(choice[1], labels)
    if lettered and named is None:
        nth = _nth(lettered["choice"], labels)
        return nth if nth is not None and _named(_plain(lettered["rest"]), labels) == nth else None
    return named


def _named(plain: str, labels: Sequence[str]) -> str | None:
    """The one option of that name, or whose name begins with these words, or holds them."""
    same = [label for label in labels if plain and plain == _plain(label)]
    if same:
        return same[0]
    if len(plain) < _SHORTEST or plain in _TOO_COMMON:
        return None
    starting = [label for label in labels if _plain(label).startswith(plain)]
    within = [label for label in labels if re.search(rf"\b{re.escape(plain)}", _plain(label))]
    found = starting or within
    return found[0] if len(found) == 1 else None


def _begun(plain: str, labels: Sequence[str]) -> str | None:
    """The option that an answer begins with before it goes on in words of its own."""
    lettered = _LETTERED.fullmatch(plain)
    nth = _nth(lettered["choice"], labels) if lettered else None
    if nth is not None:
        return nth
    begins = [
        label for label in labels if _plain(label) and re.match(rf"{re.escape(_plain(label))}\b", plain)
    ]
    return max(begins, key=len, default=None)


def _nth(choice: str, labels: Sequence[str]) -> str | None:
    index = int(choice) - 1 if choice.isdigit() else ord(choice) - ord("a")
    return labels[index] if index < len(labels) else None


def _plain(text: str) -> str:
    return " ".join(text.casefold().strip(_AROUND).split())
