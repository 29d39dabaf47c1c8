"""Looks at words: what people cannot see, what nobody can measure, and what two texts share. Pure."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel

# Invisible though Unicode does not call them control or format characters.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MULTI_LINE = frozenset({"problem", "objective"})

_COMPARATIVES = (
    r"(?:more|less) (?:robust|reliable|efficient|stable|readable|maintainable|usable|performant|accurate)|"
    r"better|best|faster|fast|quick(?:er|ly)?|slower|cheaper|easier|easy|easily|cleaner|nicer|smoother|stronger|"
    r"improv(?:e|es|ed|ing|ement|ements)|enhanc(?:e|es|ed|ing|ement|ements)|"
    r"optimi[sz](?:e|es|ed|ing|ation|ations)|optimal(?:ly)?|efficient(?:ly)?|performant|high[- ]performance|"
    r"scalable|as (?:fast|soon|good|well|few|many|much) as possible"
)
_LOOSE = (
    r"robust(?:ly)?|appropriate(?:ly)?|adequate(?:ly)?|sufficient(?:ly)?|reasonabl[ey]|suitabl[ey]|"
    r"(?:as|if|when|where) (?:needed|necessary|required|possible|applicable|desired)|etc|and so on|and/or|"
    r"clean(?:ly)?|nice(?:ly)?|neat(?:ly)?|elegant(?:ly)?|user[- ]friendly|intuitive(?:ly)?|"
    r"seamless(?:ly)?|proper(?:ly)?|high[- ]quality|state[- ]of[- ]the[- ]art|modern|various|"
    r"tbd|to be (?:defined|decided|determined)"
)
_COMPARATIVE = re.compile(rf"(?<![\w-])(?:{_COMPARATIVES})(?![\w-])", re.IGNORECASE)
_VAGUE = re.compile(rf"(?<![\w-])(?:{_LOOSE})(?![\w-])", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w./-])\d+(?:[.,]\d+)*\s?(?:%|[a-z]{0,3}(?![\w]))|\bzero\b", re.IGNORECASE)
_NAMES = re.compile(r"`[^`\n]*`|\S*_\S*|\S+/(?=\s|$)|\S+\.[a-z]\w*", re.IGNORECASE)

_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_EMPTY = frozenset(
    re.findall(
        r"[a-z]+",
        """a all also an and any are as at be been both but by can check checks do does done each every
        everything few fine for from get good great has have holds if in is it its just make
        makes must need needs new no not of okay on only or other our out pass passes passed
        passing ready right run runs shall should so some such that the their them then
        there these they thing things this those to too up use used very via was we well
        were when which will with work worked working works would you your bin bash sh uv
        uvx npm npx python poetry tox env exec script scripts looks look feel feels""",
    )
)
_ENDINGS = frozenset(
    {"", "s", "es", "ed", "ing", "er", "ers", "ion", "ions", "or", "ors", "al", "ly", "ment"}
)
_STEM = 4


def hidden_in(value: BaseModel) -> tuple[str, ...]:
    """A sentence for each string that holds characters people cannot see, or a line break in a line."""
    return tuple(
        f"{place} holds {spelled(char)}, which people cannot see; leave it out."
        for place, text in texts_in(value)
        for char in _hidden(text, place.rpartition(".")[2])[:1]
    )


def texts_in(value: BaseModel) -> Iterator[tuple[str, str]]:
    """Every string of a model, with the place of its field."""
    return _strings(value.model_dump(mode="json"), "")


def hidden_characters(text: str) -> tuple[str, ...]:
    """Control, bidirectional, zero-width and other invisible characters of a text, each once."""
    return tuple(dict.fromkeys(char for char in text if _is_hidden(char)))


def spelled(char: str) -> str:
    """How a hidden character is called."""
    short = {"\n": "a line break", "\t": "a tab"}.get(char)
    return short or f"U+{ord(char):04X} ({unicodedata.name(char, 'a control character').lower()})"


def immeasurable(text: str, *, settled: bool) -> str | None:
    """The first word that promises what nobody can measure, or None.

    A number makes such a promise measurable. What stands in backticks and names of files is no promise.

    Args:
        text: A criterion.
        settled: Whether the text names what settles it: then only comparisons need a number.
    """
    if _NUMBER.search(text):
        return None
    plain = _NAMES.sub(" ", text)
    found = _COMPARATIVE.search(plain) or (None if settled else _VAGUE.search(plain))
    return found.group() if found else None


def says_something(text: str) -> bool:
    """Whether a text holds a word or number that means something; other scripts than Latin always do."""
    return not text.isascii() or bool(_NUMBER.search(text) or meaningful(text))


def meaningful(text: str) -> frozenset[str]:
    """The lower-case words of a text that say what it is about; names are taken apart."""
    words = {word.casefold() for word in _WORD.findall(_CAMEL.sub(" ", text))}
    return frozenset(
        w for w in words - _EMPTY if len(w) > 2 and not _VAGUE.fullmatch(w) and not _COMPARATIVE.fullmatch(w)
    )


def shares_word(one: str, other: str) -> bool:
    """Whether two texts share a meaningful word, in whatever form (lint, linting; test, tests)."""
    return any(_same(a, b) for a in meaningful(one) for b in meaningful(other))


def _same(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if short == long:
        return True
    short = short.removesuffix("e")
    return len(short) >= _STEM and long.startswith(short) and long[len(short) :] in _ENDINGS


def _strings(value: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _strings(part, f"{place}.{key}" if place else str(key))
    elif isinstance(value, Sequence):
        for index, part in enumerate(value):
            yield from _strings(part, f"{place}[{index}]")


def _hidden(text: str, field: str) -> tuple[str, ...]:
    return hidden_characters(text.replace("\n", "") if field in _MULTI_LINE else text)


def _is_hidden(char: str) -> bool:
    return (
        unicodedata.category(char) in _HIDDEN_CATEGORIES
        or char in _BLANKS
        or "\ufe00" <= char <= "\ufe0f"
        or "\U000e0100" <= char <= "\U000e01ef"
    )
