"""Who is asked whether what only the world can tell holds."""

import pytest

from engine.attesting import asked_of
from engine.people import Person
from engine.schemas import Criterion, SettledBy


def asked(who: str | None) -> Person | None:
    """Who is asked of a criterion that names this."""
    criterion = Criterion(
        id="AC1", text="It runs", settled_by=SettledBy.ATTESTED, who=who, how="by its log", when="in a week"
    )
    return asked_of(criterion, "T1")


@pytest.mark.parametrize(
    ("who", "user"),
    [
        ("U0DANA4QX", "U0DANA4QX"),
        ("Riley (U0RILEY42), or the on-call", "U0RILEY42"),
        ("whoever checks the UTF16 files, @U0RILEY", "U0RILEY"),
        ("@U0SAM", "U0SAM"),
        ("<@U0DANA>", "U0DANA"),
        ("<@U0DANA|dana>, after the run", "U0DANA"),
        ("<@UDANA>", "UDANA"),
        ("the UNITY Catalog admin, W012A3CDE", "W012A3CDE"),
        ("U024BE7LH", "U024BE7LH"),
    ],
)
def test_a_user_is_named_by_a_mention_or_an_id(who: str, user: str) -> None:
    assert asked(who) == Person(team="T1", user=user)


@pytest.mark.parametrize(
    "who",
    [
        None,
        "",
        "The data platform's on-call",
        "the UNITY Catalog admin",
        "whoever runs the WAREHOUSE",
        "UNITY CATALOG 2 admin",
        "U0DANA4QXx",
        "the owner of the UTF16 export",
        "who runs W2K8 or USB3",
        "@UNITY admins",
        "UTF16LE",
        "<@SUBTEAM1>",
    ],
)
def test_a_word_in_capitals_names_nobody_so_that_anyone_may_say(who: str | None) -> None:
    assert asked(who) is None
