"""What a report's claims are worth, by what was really recorded of the run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.playground.rehearsal import Reply
from engine.agents.loop import Assignment, receipt_id, work
from engine.agents.tools import Done, Input, Tool, Toolbox
from engine.errors import Rejected
from engine.ports import Tier
from engine.request import RunKind
from engine.runs.task import claims_of
from engine.schemas import Report
from tests.engine.runs.world import Script, snapshot, world


class Nothing(Input):
    fails: bool = False


async def _run(_given: Nothing, _call: str) -> Done:
    return Done("ok", "make test", exit_code=0)


async def _write(given: Nothing, _call: str) -> Done:
    if given.fails:
        raise Rejected("Not there.")
    return Done("Wrote it.", "a.sql")


BOX = Toolbox([Tool("run", "Run.", Nothing, _run), Tool("write", "Write.", Nothing, _write, changes=True)])


def _calls(*uses: tuple[str, Mapping[str, Any]]) -> Reply:
    return Reply(
        [
            {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": given}
            for number, (name, given) in enumerate(uses)
        ]
    )


async def test_refused_calls_prove_nothing_and_runs_before_the_last_change_are_outdated(
    tmp_path: Path,
) -> None:
    uses = _calls(("run", {}), ("write", {}), ("run", {}), ("write", {"fails": True}))
    ids = [receipt_id("T1:C1:1.0/1", 1, number) for number in (1, 2, 3, 4)]
    report = {
        "outcome": "done",
        "summary": "Did it",
        "findings": [{"claim": f"c{n}", "cites": [ids[n]]} for n in (1, 3)],
        "verification": [{"claim": f"v{n}", "receipt": ids[n], "exit_code": 0} for n in (0, 2)],
        "next_steps": [],
    }
    script = Script([uses, Reply([{"type": "text", "text": json.dumps(report)}])])
    async with world(tmp_path, responder=script) as w:
        context = w.run(RunKind.TASK, snapshot())
        assert context.run.id == "T1:C1:1.0/1"
        job = Assignment(
            role="task:writer", tier=Tier.HAIKU, system="s", prompt="p", schema=Report, toolbox=BOX
        )
        marks = await claims_of(context, await work(context, job), "0" * 40)
    assert [(mark.claim, mark.verified) for mark in marks] == [
        ("v0", False),
        ("v2", True),
        ("c1", True),
        ("c3", False),
    ]
    assert "before later changes" in marks[0].why
    assert "refused" in marks[3].why
