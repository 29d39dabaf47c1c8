"""Agents of the repository can be sent to look: they are offered, and get nothing to write with."""

import json
from pathlib import Path

from bot.playground.rehearsal import Reply
from engine.events import Assessed, TaskEnded
from engine.request import RunKind, Task
from engine.runs import RUNS
from tests.engine.runs.world import Script, snapshot, world

ADDED = "docs-writer"
ASSESSED = {
    "verdict": "investigate",
    "title": "Pages",
    "understood": "Pages are to be corrected.",
    "interpretations": [],
    "gaps": [],
    "investigate": [{"agent": ADDED, "objective": "Which pages lack a section?"}],
}
REPORT = {"outcome": "done", "summary": "Two.", "findings": [], "verification": [], "next_steps": []}


def says(answer: object) -> Reply:
    return Reply([{"type": "text", "text": json.dumps(answer)}])


async def test_a_repositorys_agent_is_offered_and_looks_without_writing(tmp_path: Path) -> None:
    script = Script([says(ASSESSED), says(REPORT)])
    async with world(tmp_path, responder=script) as w:
        assessed = await RUNS[RunKind.ASSESS](w.run(RunKind.ASSESS, snapshot()))
        assert isinstance(assessed, Assessed)
        look = Task(id="look1", agent=ADDED, objective="Which pages lack a section?")
        state = snapshot(base_commit=assessed.base_commit, seats=assessed.seats, tasks=(look,))
        looked = await RUNS[RunKind.TASK](w.run(RunKind.TASK, state, "look1", number=2))

    assert [one.agent for one in assessed.assessment.investigate] == [ADDED]
    offered, sent = script.calls
    agents = offered.conversation.opening.partition("Agents that can be sent to look")[2]
    assert f"- {ADDED}: " in agents
    assert "reviewer" not in agents
    assert "github-recipe" not in agents
    assert isinstance(looked, TaskEnded)
    assert {tool["name"] for tool in sent.body["tools"]} == {"list", "read", "search"}
    assert "You write the pages under docs/models" in json.dumps(sent.body)
