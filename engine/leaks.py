"""Credentials in what was written: where, and of which kind, never what they say.

It takes long on long texts: use a thread. Only what is new is looked at: lines that a file did not hold
before. Nothing in the text or the repository changes what is looked for. Besides what has the form of a
credential, the values of `engine.own_secrets` are found.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine import own_secrets
from engine.events import Leak
from engine.leak_keyed import keyed
from engine.leak_shapes import KEY, Span, guesses, shapes

MOST = 50
REMOVED = "(secret removed)"
UNREAD = "not all of it was looked through for secrets"

_LONGEST_LINE, _OVERLAP = 2_000, 300
_KEPT_IN_MIND = 20_000
_KEY_BEGINS = r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_KEY_BLOCKS = (
    re.compile(
        _KEY_BEGINS
        + r"(?:(?!-----)[\s\S]){1,20000}-----END (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    ),
    # Cut off before its end; between its lines may stand their numbers, or signs of quoting.
    re.compile(_KEY_BEGINS + r"(?:[\s\\nr|>+:\d]{0,20}[A-Za-z0-9+/=]{20,})+"),
)
_WITHHELD = re.compile(r"\([A-Za-z][A-Za-z' -]{2,40} withheld\)")
_KEY_LINES, _KEY_TEXT = 120, re.compile(r"[A-Za-z0-9+/=]{24,}")
# Full of digests: there only the form tells, never the look of randomness.
_LOCKS = re.compile(
    r"(?:^|/)(?:[^/]*\.lockb?|[^/]*-lock\.(?:json|ya?ml)|go\.sum|npm-shrinkwrap\.json|[^/]*\.lock\.json|"
    r"requirements[^/]*\.txt|constraints[^/]*\.txt|[^/]*\.resolved)$"
)

_Find = Callable[[str], Iterator[Span]]
M = TypeVar("M", bound=BaseModel)

_clean: dict[tuple[bytes, tuple[str, ...], _Find], None] = {}


def in_file(path: str, before: bytes | None, after: bytes) -> dict[Leak, str]:
    """Credentials in the lines of a file that it did not hold before, and in its path if it is new.

    Args:
        path: Shown with what is found, unless it holds a credential itself.
        before: Its bytes at the earlier commit, None if there was no such file.
        after: Its bytes now. Whether text or not, it is looked through.

    Returns:
        About MOST at most, and then that there may be more; each with what stands there: only for
        `without`, never to be kept.
    """
    known = frozenset(_lines(before)) if before else frozenset[str]()
    find = shapes if b"\0" in after or _LOCKS.search(path) else _guessing(path)
    name = redacted(path)
    found: dict[Leak, str] = {}
    if before is None:
        found |= {Leak(path=name, line=0, kind=kind): value for kind, value in _found(path, shapes).items()}
    lines = _lines(after)
    found |= {Leak(path=name, line=number, kind=KEY): "" for number in _renewed_keys(lines, known)}
    for number, line in enumerate(lines, 1):
        if line not in known:
            found |= {Leak(path=name, line=number, kind=k): v for k, v in _found(line, find).items()}
        if len(found) >= MOST:
            return found | {Leak(path=name, line=0, kind=UNREAD): ""}
    return found


def _renewed_keys(lines: list[str], known: frozenset[str]) -> Iterator[int]:
    """Where a private key begins as it did before, but goes on with lines that are new."""
    for index, line in enumerate(lines):
        if "PRIVATE KEY" in line and line in known and any(span.kind == KEY for span in shapes(line)):
            body = takewhile(lambda one: "-----END" not in one, lines[index + 1 : index + _KEY_LINES])
            if any(_KEY_TEXT.search(one) and one not in known for one in body):
                yield index + 1


def in_text(name: str, text: str) -> tuple[Leak, ...]:
    """Credentials in a text that leaves, such as a commit message; `name` is shown as the place."""
    return tuple(
        Leak(path=name, line=number, kind=kind, in_file=False)
        for number, line in enumerate(text.splitlines(), 1)
        for kind in _found(line, shapes)
    )[:MOST]


def mark(kind: str) -> str:
    """What stands in the place of what was taken out."""
    return f"({kind} withheld)"


def marked(text: str) -> bool:
    """Whether something was taken out of the text; or it says so, which nobody has to believe."""
    return bool(_WITHHELD.search(text)) or REMOVED in text


def redacted(text: str) -> str:
    """The text with everything that has the form of a credential taken out, each with a mark of its kind."""
    return _kept_clean(text, shapes)


def redacted_words(text: str) -> str:
    """The same of what people say and of errors: also what stands behind the name of a credential.

    Not of what agents work on: see `engine.leak_keyed`.
    """
    return _kept_clean(text, _in_words)


def kinds(text: str) -> tuple[str, ...]:
    """The kinds of what `redacted_words` takes out."""
    found = (span.kind for line in text.splitlines() for span in _apart(line, _in_words))
    return tuple(dict.fromkeys(found))


def without(text: str, values: Iterable[str], clean: Callable[[str], str] = redacted) -> str:
    """The text without these values, and without whatever `clean` takes out."""
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, REMOVED)
    return clean(text)


def cleaned(model: M, values: Iterable[str] = (), clean: Callable[[str], str] = redacted) -> M:
    """The model with these values, and whatever `clean` takes out, taken out of its strings."""
    values = tuple(value for value in values if value)
    plain = model.model_dump(mode="json")
    left = _each(plain, lambda text: without(text, values, clean))
    if left == plain:
        return model
    try:
        return type(model).model_validate(left)
    except ValidationError:  # a mark may be longer than what it stands for, and a field full
        return type(model).model_validate(
            _each(plain, lambda text: without(text, values, clean)[: len(text)])
        )


def without_secrets(part: Any, clean: Callable[[str], str] = redacted) -> Any:
    """What JSON can hold, with everything that `clean` takes out taken out of its strings."""
    return _each(part, clean)


def _each(part: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(part, str):
        return clean(part)
    if isinstance(part, list | tuple):
        return [_each(one, clean) for one in part]
    return {key: _each(one, clean) for key, one in part.items()} if isinstance(part, dict) else part


def _kept_clean(text: str, find: _Find) -> str:
    # A conversation is looked through before each call of a model: what was clean before is clean.
    known = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest(), own_secrets.known(), find
    if known in _clean:
        return text
    left = _all_redacted(text, find)
    if left == text:
        if len(_clean) >= _KEPT_IN_MIND:
            _clean.clear()
        _clean[known] = None
        return text
    return left


def _all_redacted(text: str, find: _Find) -> str:
    if "PRIVATE KEY-----" in text or "KEY BLOCK-----" in text:
        for block in _KEY_BLOCKS:
            text = block.sub(mark(KEY), text)
    while (left := "".join(_redacted(line, find) for line in text.splitlines(keepends=True))) != text:
        text = left  # what is left may come to look like one
    return text


def _redacted(line: str, find: _Find) -> str:
    kept, at = [], 0
    for span in _apart(line, find):
        kept += [line[at : span.start], mark(span.kind)]
        at = span.end
    return "".join(kept) + line[at:]


def _apart(line: str, find: _Find) -> Iterator[Span]:
    """Spans of a line, those that run into each other as one of the first one's kind."""
    last: Span | None = None
    for span in sorted(_spans(line, find), key=lambda span: (span.start, -span.end)):
        if last is not None and span.start < last.end:
            last = Span(last.start, max(last.end, span.end), last.kind)
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last


def _in_words(line: str) -> Iterator[Span]:
    yield from shapes(line)
    yield from keyed(line)


def _guessing(path: str) -> _Find:
    def find(line: str) -> Iterator[Span]:
        yield from shapes(line)
        yield from guesses(path, line)

    return find


def _found(line: str, find: _Find) -> dict[str, str]:
    """Each kind in a line, with what stands there; of a text that several kinds fit, the first kind."""
    values: dict[str, str] = {}
    for span in _spans(line, find):
        value = line[span.start : span.end]
        if not any(value in known or known in value for known in values.values()):
            values.setdefault(span.kind, value)
    return values


def _spans(line: str, find: _Find) -> Iterator[Span]:
    """Spans of a line, in overlapping pieces: expressions take long on long lines."""
    for start in range(0, max(len(line), 1), _LONGEST_LINE):
        piece = line[start : start + _LONGEST_LINE + _OVERLAP]
        for span in find(piece):
            yield Span(start + span.start, start + span.end, span.kind)
    for value in own_secrets.known():
        at = line.find(value)
        while at >= 0:
            yield Span(at, at + len(value), own_secrets.OWN)
            at = line.find(value, at + len(value))


def _lines(data: bytes) -> list[str]:
    """The lines; without NUL bytes, so that UTF-16 and what is no text are looked through as well."""
    return data.replace(b"\0", b"").decode("utf-8", "replace").split("\n")
