"""An approver who loses their standing between the approval and the delivery: nothing is delivered on it."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.cards.presses import ApproveSpec, SubmitRound, YouDecide
from bot.playground.people import People
from bot.playground.rehearsal import Rehearsal
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack import Fault
from engine.request import State
from tests.journeys.reading import cards
from tests.journeys.stage import staged
from tests.journeys.test_races import AMBIGUOUS, CHANNEL, Racing

pytestmark = pytest.mark.xdist_group("journey who left")


@pytest.mark.long
@pytest.mark.parametrize("lost", ["deactivated", "a guest now", "unknown for a while"])
async def test_who_lost_their_standing_since_approves_no_delivery(tmp_path: Path, lost: str) -> None:
    people = People.load(SCENARIOS / AMBIGUOUS / "people.yml", "you-decide")
    async with staged(tmp_path, Rehearsal([Scenario.load(SCENARIOS / AMBIGUOUS)], pace=0)) as stage:
        racing = Racing(stage, people)
        await racing.begin()
        await racing.at_once(*racing.clicks("questions:1", YouDecide, ["U0RILEY"]))
        await racing.at_once(*racing.clicks("questions:1", SubmitRound, ["U0RILEY"]))
        await racing.card("spec:1")
        await racing.at_once(*racing.clicks("spec:1", ApproveSpec, ["U0DANA"]))
        members = stage.slack.workspace.members
        if lost == "unknown for a while":
            stage.slack.faults.add("users.info", Fault.SERVER_ERROR, times=2)
            delivered = await racing.becomes(State.DELIVERED)
            assert delivered.delivery is not None, "who cannot be told now is asked for again"
            return
        info = {"deleted": True} if lost == "deactivated" else {"is_restricted": True}
        members["U0DANA"] = replace(members["U0DANA"], info=info)
        asked = await racing.becomes(State.ESCALATED)
        assert asked.escalation is not None
        assert "not enough approvals that count today" in asked.escalation.situation
        assert list(stage.forge.glob("[0-9]*.json")) == []
        assert "delivery:1" not in cards(stage.slack, CHANNEL, racing.thread)
