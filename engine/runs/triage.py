"""A message in the thread of running work: a question, part of the spec, new scope, or just talk."""

from engine.agents.loop import Assignment, work
from engine.events import Triaged
from engine.prompts import render
from engine.runs.context import Context
from engine.schemas import MessageKind, Triage


async def run(context: Context) -> Triaged:
    """Tell the message apart that the run is about; one that is not waited for any more is only talk.

    Raises:
        NeedsPerson: see `engine.agents.loop.work`.
    """
    snapshot = context.snapshot
    heard = next((heard for heard in snapshot.heard if heard.ts == context.run.about), None)
    if heard is None:
        return Triaged(message=context.run.about, kind=MessageKind.CHATTER, title="")
    triage = await work(
        context,
        Assignment(
            role="triage",
            tier=context.settings.roles.triage,
            system=render("triage.system"),
            prompt=render(
                "triage.user",
                snapshot=snapshot,
                draft=snapshot.spec.draft if snapshot.spec else None,
                heard=heard,
            ),
            schema=Triage,
            turns=4,
            max_tokens=1_000,
        ),
    )
    return Triaged(message=heard.ts, kind=triage.kind, title=triage.title)
