"""Numbers and their nouns."""

import pytest

from engine.caps import Cap, CapHit
from engine.counting import count


@pytest.mark.parametrize(
    ("number", "one", "many", "said"),
    [
        (0, "file", "", "0 files"),
        (1, "file", "", "1 file"),
        (2, "file", "", "2 files"),
        (1, "fix round was", "fix rounds were", "1 fix round was"),
        (2, "fix round was", "fix rounds were", "2 fix rounds were"),
    ],
)
def test_one_is_called_otherwise_than_more(number: int, one: str, many: str, said: str) -> None:
    assert count(number, one, many) == said


@pytest.mark.parametrize(
    ("limit", "said"), [(1.0, "The cap of 1 minute of"), (60.0, "The cap of 60 minutes of")]
)
def test_a_cap_of_minutes_is_named(limit: float, said: str) -> None:
    assert CapHit(cap=Cap.MINUTES, limit=limit, spent=limit).sentence.startswith(said)


DAYS = "(days of Europe/Berlin)"


@pytest.mark.parametrize(
    ("hit", "said"),
    [
        (
            CapHit(cap=Cap.PERSON_DAY_TOKENS, limit=5_000, spent=4_000, needs=2_000, zone="Europe/Berlin"),
            f"The cap of 5,000 tokens for what its requester asks for in one day {DAYS} is all but reached: "
            "4,000 tokens spent, 0 tokens set aside for calls in flight, "
            "and the next call could take 2,000 tokens.",
        ),
        (
            CapHit(cap=Cap.PERSON_DAY_MINUTES, limit=60, spent=61.2, zone="Europe/Berlin"),
            f"The cap of 60 minutes of work for what its requester asks for in one day {DAYS} is reached: "
            "61 minutes were worked so far, each request's counted for itself, "
            "without waiting for people and pauses.",
        ),
        (
            CapHit(cap=Cap.DAY_ROUNDS, limit=4, spent=4, zone="Europe/Berlin"),
            f"The cap of 4 review rounds for all requests of one day {DAYS} is reached: "
            "4 rounds have begun so far; this is one more.",
        ),
    ],
    ids=["tokens", "minutes", "rounds"],
)
def test_a_cap_of_a_day_says_whose_and_how_it_stands(hit: CapHit, said: str) -> None:
    assert hit.sentence == said
