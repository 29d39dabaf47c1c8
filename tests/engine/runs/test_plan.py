"""What the planner is told before it writes a plan."""

import json
from pathlib import Path

from bot.playground.rehearsal import Reply
from engine.events import Planned
from engine.plans import MOST_CHARACTERS
from engine.request import RunKind
from engine.runs import RUNS
from tests.engine.runs.states import draft_of
from tests.engine.runs.world import Script, snapshot, world
from tests.journeys.mistaken import PLANNED


async def test_the_planner_is_told_how_long_a_plan_may_be(tmp_path: Path) -> None:
    script = Script([Reply([{"type": "text", "text": json.dumps(PLANNED)}])])
    async with world(tmp_path, responder=script) as w:
        state = snapshot(base_commit=await w.context.workspace.refresh(), draft=draft_of(lambda where: where))
        planned = await RUNS[RunKind.PLAN](w.run(RunKind.PLAN, state))

    assert isinstance(planned, Planned)
    assert f"at most {MOST_CHARACTERS} characters" in script.calls[0].conversation.opening
