"""What is decided in named situations is what stands written there; whoever changes it reads what changed."""

import pytest

from tests.engine.decisions.situations import SITUATIONS, recorded, written


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_decided_is_what_stands_written(name: str) -> None:
    assert recorded(name).splitlines() == written(name).splitlines(), (
        "If that is meant: uv run python -m tests.engine.decisions, and read what changed."
    )
