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
