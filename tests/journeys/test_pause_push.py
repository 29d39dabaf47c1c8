"""Pause while a real push hangs: answered at once; the push is whole or not there, and made once."""

import asyncio
from pathlib import Path
from time import monotonic

import pytest

from bot.cards.presses import PauseRequest, ResumeRequest
from engine.request import State
from tests.github.documents import failure
from tests.github.git_http import Hangs, branch_head
from tests.github.local_github import Fault
from tests.journeys.bad_input import RILEY
from tests.journeys.reading import until
from tests.journeys.test_github import at_github

pytestmark = pytest.mark.xdist_group("journey github")

WITHIN_S = 2.0
NOTHING_S = 1.5


@pytest.mark.parametrize(
    "hangs",
    [
        pytest.param(Hangs.BEFORE, marks=pytest.mark.long),
        pytest.param(Hangs.TO_FAIL, marks=pytest.mark.long),
        Hangs.ONCE_TAKEN,
    ],
)
async def test_a_push_that_hangs_is_made_once_and_one_draft_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs: Hangs
) -> None:
    async with at_github(tmp_path, monkeypatch) as there:
        there.git.hangs = hangs
        there.hub.faults.append(Fault("POST", "issues/1/labels", 403, failure(403, "<!channel> No")))
        thread = await there.asks()
        await until(there.git.pushing.is_set, 60, "the push hangs")
        began = monotonic()
        await thread.press(RILEY, await thread.card("progress"), PauseRequest)
        card = await thread.card("progress", "Paused by")
        assert monotonic() - began < WITHIN_S
        assert "A push that had begun is brought to its end" in card.words
        paused = await thread.snapshot()
        assert (paused.state, paused.hold is None) == (State.DELIVERING, False)
        assert paused.spec is not None
        branch, commit = paused.spec.branch, paused.head
        taken = hangs is Hangs.ONCE_TAKEN
        await asyncio.sleep(NOTHING_S)
        assert branch_head(there.bare, branch) == (commit if taken else None), "whole, or not there"
        assert there.hub.pulls == {}

        there.git.let.set()
        delivered = await thread.becomes(State.DELIVERED)
        assert delivered.hold is not None, "the pause lasts"
        await thread.press(RILEY, await thread.card("progress", "Paused by"), ResumeRequest)
        await thread.card("progress", "Please confirm")
        await asyncio.sleep(NOTHING_S)
        assert (await thread.snapshot()).hold is None
        assert branch_head(there.bare, branch) == commit
        assert there.git.pushes == (2 if hangs is Hangs.TO_FAIL else 1)
        assert [pull["head"]["sha"] for pull in there.hub.pulls.values()] == [commit]
        words = (await thread.card("delivery:1")).words
        assert "Not set at the forge: labels greenlight:" in words
        assert "<!channel>" not in words
