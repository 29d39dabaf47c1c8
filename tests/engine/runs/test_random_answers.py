"""Whatever a model answers, within the schema it was sent: a run ends with a result or a typed error."""

from pathlib import Path

import pytest

from engine.errors import NeedsPerson
from engine.events import Reviewed, TaskEnded
from engine.request import RunKind
from engine.runs import RUNS
from tests.engine.runs.states import rich
from tests.engine.runs.test_prompts import RUNS_AND_SUBJECTS
from tests.engine.runs.world import world
from tests.random_model import RandomResponder


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("care", [0.0, 1.0])
async def test_random_answers_never_break_a_run(tmp_path: Path, seed: int, care: float) -> None:
    async with world(tmp_path, responder=RandomResponder(seed, care=care)) as w:
        base = await w.context.workspace.refresh()
        state = rich(lambda where: f"src/{where}.sql", base=base, commit=base)
        for number, (kind, about) in enumerate(RUNS_AND_SUBJECTS):
            try:
                result = await RUNS[kind](w.run(kind, state, about, number=number))
            except NeedsPerson as error:
                assert error.sentence
                assert kind is not RunKind.REVIEW, "an unusable review is a result"
                continue
            if isinstance(result, Reviewed) and result.review is not None:
                assert result.review.commit == base
            if isinstance(result, TaskEnded):
                claims = len(result.report.verification) + len(result.report.findings)
                assert len(result.marks) == claims
