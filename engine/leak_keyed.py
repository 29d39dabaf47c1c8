"""Credentials without a form of their own that stand behind their name, as people paste them.

`password: …`, `DB_PASSWORD=…`, `--password …`, `curl -u name:…`, `Authorization: Basic …`, addresses with a
password. For people's words, errors and logs: what agents work on is full of such fields, and a mark in a
file that is edited would end up in it. Words of letters alone stay: “password: required” is no password.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from engine.leak_shapes import Span, is_secret

PASSWORD, CREDENTIAL, LOGIN = "password", "credential", "login"
_SHORTEST_PASSWORD, _SHORTEST_DIGITS, _SHORTEST_BEARER = 5, 6, 16

# “bypass” and “compass” are none: only whole words may have letters joined before them, or humps do.
_WORD = r"(?:[A-Za-z]{0,20}pass(?:word|wort|wd|phrase|code)|pass|pwd|pw|[A-Za-z0-9]{1,20}(?-i:Pass|Pwd|Pw))"
# What the next page of results is asked for by opens nothing.
_OTHER = (
    r"(?!next|page|continuation)[A-Za-z]{0,20}"
    r"(?:api[-_ ]?key|secret(?:[-_ ]?key)?|access[-_ ]?key|token|credentials?)"
)
_BEFORE = r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{1,30}[-_.]){0,6}"
_IS = r"[*_`'\"\]]{0,3}\s{0,3}(?:=>|:=|={1,3}|:)[\s*_`]{0,6}"
_UNQUOTED = r"(?:(?!;\s?[A-Za-z ]{1,30}=|&\w{1,30}=)[^\s'\"`]){4,200}"
_VALUE = rf"(?:'([^'\n]{{4,200}})'|\"([^\"\n]{{4,200}})\"|({_UNQUOTED}))"
_NAMED = re.compile(rf"{_BEFORE}{_WORD}\d?{_IS}{_VALUE}", re.IGNORECASE)
_OTHERS = re.compile(rf"{_BEFORE}{_OTHER}\d?{_IS}{_VALUE}", re.IGNORECASE)
_TOLD = re.compile(
    r"\b(?:password|passwort|passwd|passphrase|pwd|pw)\b[*_`]{0,2}\s(?:is|ist|was)\s[*_`]{0,2}"
    rf"{_VALUE}[^\s\w]{{0,5}}(?=\s|$)",
    re.IGNORECASE,
)
_FLAGS = (
    re.compile(rf"(?<!\S)--?[a-z-]{{0,30}}pass(?:word|wd|phrase)?[ =]{_VALUE}", re.IGNORECASE),
    re.compile(rf"\bsshpass\s+-p\s?{_VALUE}"),
    re.compile(rf"\bmysql\w*\s[^\n|;]{{0,200}}?(?<!\S)-p{_VALUE}"),
    re.compile(
        r"\b(?:curl|wget|http|https)\s[^\n|;]{0,300}?(?<!\S)(?:-u|--user|-a)[ =]?['\"]?"
        rf"[^\s:'\"/]{{1,80}}:{_VALUE}"
    ),
)
_HEADER = re.compile(
    r"\bauthorization\b\W{1,6}(basic|bearer|token)\s{1,3}([A-Za-z0-9+/=._~-]{8,4000})", re.IGNORECASE
)
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"<>]{0,80}:([^\s/'\"<>]{3,200})@"
    r"(?!localhost\b|127\.|\[?::1|example\.)",
    re.IGNORECASE,
)

_NONE = re.compile(
    r"[$<{%(\[*\\]|[x*.•_-]{3,}|~?\.{0,2}/|\w+://|AC\d+\b|[A-Z]{2,10}-\d+\b|"
    r"(?:your|my|some|the|new|old|change|example|dummy|fake|redacted|env|os|getenv|process)[-_.]|"
    r"(?:sha|md|aes|argon|bcrypt|scrypt|pbkdf|utf|base|oauth|totp|u?int|float|varchar|char)[-_]?\d",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+[(\[]?.*|.*[(\[{].*[)\]}].*|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
)
_SAMPLE = re.compile(r"user(?:name)?|pass(?:word|wd)?|pwd?|secret|token|x+", re.IGNORECASE)
_AROUND, _BARE = ".,;:)>]}*_`|", 3


def keyed(line: str) -> Iterator[Span]:
    """What stands behind the name of a credential in a line, if it looks like one."""
    for found in _HEADER.finditer(line):
        if _is_login(found[2]) if found[1].lower() == "basic" else _is_bearer(found[2]):
            yield Span(found.start(2), found.end(2), LOGIN)
    for found in _ADDRESS.finditer(line):
        if not (_NONE.match(found[1]) or _SAMPLE.fullmatch(found[1])):
            yield Span(found.start(1), found.end(1), PASSWORD)
    for pattern in (_NAMED, _TOLD, *_FLAGS):
        yield from _values(pattern, line, PASSWORD)
    yield from _values(_OTHERS, line, CREDENTIAL)


def _values(pattern: re.Pattern[str], line: str, kind: str) -> Iterator[Span]:
    for found in pattern.finditer(line):
        group = next(number for number in (1, 2, 3) if found[number] is not None)
        whole = found[group].rstrip(_AROUND) if group == _BARE else found[group]
        value = whole.rstrip("!?") if group == _BARE else whole  # of the sentence, if not of the password
        if is_secret(value) and not _CODE.fullmatch(value) if kind == CREDENTIAL else _is_password(value):
            yield Span(found.start(group), found.start(group) + len(whole), kind)


def _is_password(value: str) -> bool:
    if (
        len(value) < _SHORTEST_PASSWORD
        or re.search(r"\s", value)
        or _NONE.match(value)
        or _CODE.fullmatch(value)
    ):
        return False
    if value.isdigit():
        return len(value) >= _SHORTEST_DIGITS
    return bool(re.search(r"[^\W\d_]", value) and re.search(r"\d|[!@#$%^&+?~|]", value))


def _is_login(value: str) -> bool:
    try:
        return b":" in base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False


def _is_bearer(value: str) -> bool:
    return len(value) >= _SHORTEST_BEARER and bool(re.search(r"\d", value))
