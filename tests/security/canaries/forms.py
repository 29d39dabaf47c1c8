"""A credential of each form for each place: all visibly fake, no two alike, so that one tells its place."""

import base64
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.fake_secrets import FAKES, kind_of

KEY_LINES, PIECE, SHORT_FIELD = 3, 6, 440


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
        return kind_of(self.form)


def tag(place: str) -> str:
    """A word beside the canaries of a place: where it turns up, they had come as well."""
    return f"canary-{place.replace(' ', '-')}"


def canaries(place: str) -> tuple[Canary, ...]:
    """One of each form."""
    return tuple(_canary(place, form) for form in sorted(FAKES))


def text(place: str, some: Sequence[Canary] = ()) -> str:
    """All of a place's canaries, or some, each on a line, with the place's word."""
    return "\n".join([tag(place), *(one.text for one in some or canaries(place))])


def brief(place: str) -> tuple[Canary, ...]:
    """As many of them as a field for a short text takes."""
    kept: list[Canary] = []
    for one in sorted(canaries(place), key=lambda one: len(one.text)):
        if sum(len(it.text) + 1 for it in (*kept, one)) < SHORT_FIELD:
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
