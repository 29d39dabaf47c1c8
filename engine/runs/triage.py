"""Messages in the thread of running work, and remarks on its pull request, told apart.

Each is a question, an answer, part of the spec, new scope, or just talk.
"""

import re
from collections.abc import Sequence

from engine.agents.loop import Assignment, work
from engine.decide.feedback import to_tell_apart
from engine.decide.hearing import batch
from engine.events import CURRENT, ToldApart, Triaged
from engine.prompts import render
from engine.request import Heard, Snapshot, is_feedback
from engine.runs.context import Context
from engine.schemas import MessageKind, Told, Triage

_REFERENCE = re.compile(r"(task|message) ([1-9]\d{0,3})", re.IGNORECASE)


async def run(context: Context) -> Triaged:
    """Tell all messages apart that wait; one that is not waited for any more is only talk.

    Raises:
        NeedsPerson: see `engine.agents.loop.work`.
    """
    snapshot = context.snapshot
    messages = _waiting(snapshot, context.run.about)
    if not messages:
        return Triaged(message=context.run.about, kind=MessageKind.CHATTER, title="")

    async def check(triage: Triage) -> Sequence[str]:
        return wrong(triage, snapshot, len(messages))

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
                messages=messages,
            ),
            schema=Triage,
            check=check,
            turns=4,
            max_tokens=1_000 + 150 * len(messages),
        ),
    )
    first = _apart(triage, messages[0], snapshot, messages)
    others = {one.number: one for one in triage.others}
    return Triaged(
        **first.model_dump(),
        others=tuple(
            _apart(others[number], heard, snapshot, messages)
            for number, heard in enumerate(messages[1:], start=2)
        ),
    )


def _waiting(snapshot: Snapshot, about: str) -> tuple[Heard, ...]:
    """What this run tells apart; the author of a remark is nobody of the chat, and the model is told none."""
    if is_feedback(about):
        remarks = (one.remark for one in to_tell_apart(snapshot, about))
        return tuple(
            Heard(ts=remark.id, by=snapshot.requester, text=remark.text, remark=True) for remark in remarks
        )
    messages = batch(snapshot)
    return messages if about in {heard.ts for heard in messages} else ()


def wrong(triage: Triage, snapshot: Snapshot, count: int) -> tuple[str, ...]:
    """What does not fit the messages that were sent, in sentences for the model."""
    problems = []
    if sorted(one.number for one in triage.others) != list(range(2, count + 1)):
        problems.append(
            f"There are {count} messages: tell the first apart in the answer itself, and each of the others, "
            "by its number, once in `others`."
        )
    known = {criterion.id for criterion in snapshot.spec.draft.criteria} if snapshot.spec else set()
    for one in (triage, *triage.others):
        if one.kind is MessageKind.WITHIN_SPEC and not (one.criteria and known.issuperset(one.criteria)):
            problems.append(
                "What is within the spec names in `criteria` the ids of the criteria that hold it; "
                "if there are none, it is new scope."
            )
    return tuple(dict.fromkeys(problems))


def _apart(told: Told, heard: Heard, snapshot: Snapshot, messages: Sequence[Heard]) -> ToldApart:
    after = [_named(one, snapshot, messages) for one in told.after]
    return ToldApart(
        message=heard.ts,
        kind=told.kind,
        title=told.title,
        needs=told.needs,
        after=tuple(ts for ts in after if ts not in {"", heard.ts}),
        criteria=told.criteria,
    )


def _named(reference: str, snapshot: Snapshot, messages: Sequence[Heard]) -> str:
    """The ts that "task 3" or "message 2" stands for, CURRENT for task 1; empty if there is no such thing."""
    found = _REFERENCE.fullmatch(reference.strip())
    if found is None:
        return ""
    index = int(found[2]) - 1
    if found[1].lower() == "message":
        return messages[index].ts if index < len(messages) else ""
    tasks = (CURRENT, *(item.ts for item in snapshot.scope_items))
    return tasks[index] if index < len(tasks) else ""
