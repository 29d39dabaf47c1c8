"""A credential of each form for each place: all visibly fake, no two alike, so that one tells its place."""

import base64
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.fake_secrets import FAKES, kind_of

KEY_LINES, PIECE, SHORT_FIELD, SHORT_KNOWN = 3, 6, 440, 260

# Passwords of no form: only what stands before them tells.
KEYED = {
    "password:": "password: {}",
    "pwd=": "pwd={}",
    "bold and in code": "*Password:* `{}`",
    "password is": "the password is {}.",
    "variable": "export DB_PASSWORD={}",
    "JSON field": '{{"db_password": "{}"}}',
    "property": "spring.datasource.password={}",
    "data source": "Server=db;User Id=sa;Password={};Database=prod",
    "keyword string": "host=db user=app password={} dbname=prod",
    "address": "redis://:{}@cache.fake-company.internal:6379",
    "flag": "deploy --password {} now",
    "curl": "curl -u app:{} https://db.fake-company.internal/",
    "basic header": "Authorization: Basic {}",
    "bearer header": "Authorization: Bearer {}",
    "api key": "api_key={}",
}
BESIDE_CODE = frozenset({"file", "rules", "history of commits", "tool output", "model answer", "web result"})
"""What agents work on: there only a form tells."""


@dataclass(frozen=True)
class Canary:
    """One of them.

    Attributes:
        form: Its name in `tests.fake_secrets`.
        text: What is put in a place.
        needle: What gives it away: looked for in what came out.
    """

    place: str
    form: str
    text: str
    needle: str

    @property
    def kind(self) -> str:
        """As marks tell it."""
        if self.form not in KEYED:
            return kind_of(self.form)
        if self.form == "api key":
            return "credential"
        return "login" if "header" in self.form else "password"


def tag(place: str) -> str:
    """A word beside the canaries of a place: where it turns up, they had come as well."""
    return f"canary-{place.replace(' ', '-')}"


def canaries(place: str) -> tuple[Canary, ...]:
    """One of each form that is known there."""
    known = tuple(_canary(place, form) for form in sorted(FAKES))
    return known if place in BESIDE_CODE else (*known, *keyed(place))


def keyed(place: str) -> tuple[Canary, ...]:
    """Passwords, one in each way in which they are named."""
    return tuple(_named(place, form) for form in KEYED)


def text(place: str, some: Sequence[Canary] = ()) -> str:
    """All of a place's canaries, or some, each on a line, with the place's word."""
    return "\n".join([tag(place), *(one.text for one in some or canaries(place))])


def brief(place: str) -> tuple[Canary, ...]:
    """As many of them as a field for a short text takes."""
    kept: list[Canary] = []
    by_length = sorted(canaries(place), key=lambda one: len(one.text))
    for some, room in (
        ([one for one in by_length if one.form in FAKES], SHORT_KNOWN),
        (by_length, SHORT_FIELD),
    ):
        for one in some:
            if one not in kept and sum(len(it.text) + 1 for it in (*kept, one)) < room:
                kept.append(one)
    return tuple(kept)


def of(place: str, form: str) -> Canary:
    """The one of a form."""
    return next(one for one in canaries(place) if one.form == form)


def spoken(place: str) -> list[str]:
    """A command that prints the canaries, and holds none: the shell puts their pieces together."""
    pieces = [
        "''".join(line[at : at + PIECE] for at in range(0, len(line), PIECE))
        for line in text(place).splitlines()
    ]
    return ["sh", "-c", "printf '%s\\n' " + " ".join(f"'{one}'" for one in pieces)]


def _named(place: str, form: str) -> Canary:
    chance = random.Random(f"{place}/{form}")  # noqa: S311 (no secret at all)
    word = f"FAKEw0rd{_digits(chance)}"
    if form == "basic header":
        word = base64.b64encode(f"app:{word}".encode()).decode()
    return Canary(place, form, KEYED[form].format(word), word)


def _canary(place: str, form: str) -> Canary:
    chance = random.Random(f"{place}/{form}")  # noqa: S311 (no secret at all)
    fake = FAKES[form]
    match form:
        case "private key":
            body = [
                "FAKE" + "".join(chance.choices("ABCDEFabcdef0123456789", k=60)) for _ in range(KEY_LINES)
            ]
            end = fake.replace("BEGIN", "END")
            return Canary(place, form, "\n".join([fake, *body, end]), body[1])
        case "login":
            login = base64.b64encode(f"app:FAKE-pa55word-{_digits(chance)}".encode()).decode()
            return Canary(place, form, f'"auth": "{login}"', login)
        case "login (of a machine)":
            password = f"FAKE-pa55word-{_digits(chance)}"
            return Canary(place, form, f"machine git.example.com login app password {password}", password)
        case "password in an address":
            password = f"FAKE-pa55word-{_digits(chance)}"
            return Canary(place, form, f"postgres://app:{password}@db.fake-company.internal/prod", password)
        case "JSON web token":
            head, _, signature = fake.rpartition(".")
            changed = f"{head}.{_renumbered(signature, chance)}"
            return Canary(place, form, changed, changed.rpartition(".")[2])
        case "Hugging Face token":
            changed = fake[:-10] + "".join(chance.choices("ABCDEFGHabcdefgh", k=10))
            return Canary(place, form, changed, changed)
    begin = 20 if form.startswith("Slack token (app") else 8
    changed = fake[:begin] + _renumbered(fake[begin:], chance)
    return Canary(place, form, changed, changed)


def _renumbered(part: str, chance: random.Random) -> str:
    return re.sub(r"\d", lambda _: str(chance.randrange(10)), part)


def _digits(chance: random.Random) -> str:
    return "".join(chance.choices("0123456789", k=12))
