"""The kinds of run, a file each. Every one is `async def run(context: Context) -> Result`."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from engine.events import Result
from engine.request import RunKind
from engine.runs import ask, assess, deliver, plan, review, specify, task, triage, verify
from engine.runs.context import Context

__all__ = ["RUNS", "Context"]

RUNS: Mapping[RunKind, Callable[[Context], Awaitable[Result]]] = MappingProxyType(
    {
        RunKind.ASSESS: assess.run,
        RunKind.ASK: ask.run,
        RunKind.SPECIFY: specify.run,
        RunKind.PLAN: plan.run,
        RunKind.TASK: task.run,
        RunKind.VERIFY: verify.run,
        RunKind.REVIEW: review.run,
        RunKind.DELIVER: deliver.run,
        RunKind.TRIAGE: triage.run,
    }
)
