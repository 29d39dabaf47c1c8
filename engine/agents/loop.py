"""How a model works: calls, tools, and at the end a structured answer that holds.

The conversation is rebuilt from recorded steps after a crash. Each model call is one step, each tool
call is one step; the tools of one answer run side by side, except those that change files.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ValidationError

from engine.agents.calls import ask_model
from engine.agents.parallel import together
from engine.agents.tools import LONGEST_OUTPUT, LONGEST_SUBJECT, Done, Toolbox, problems
from engine.counting import count
from engine.errors import AnswerUnusable, Rejected, TurnLimit
from engine.leaks import marked, redacted
from engine.ports import ModelAnswer, ModelCall, Tier, ToolUse, WebTool
from engine.prompts import cut, render
from engine.schemas import Answer
from engine.store import Receipt

if TYPE_CHECKING:  # the runs import this package
    from engine.runs.context import Context

A = TypeVar("A", bound=Answer)
Message = Mapping[str, Any]

WEB_RESULT = "web"
LAST_TURNS = 3
MOST_CALLS = 16

_STOPPED = {
    "refusal": "The model declined to answer.",
    "max_tokens": "The answer was longer than it may be and was cut off: answer again, in fewer words.",
    "model_context_window_exceeded": "The conversation has become longer than the model can take.",
}


async def nothing_more(_answer: Answer) -> Sequence[str]:
    """A check that the schema alone is enough."""
    return ()


@dataclass(frozen=True)
class Assignment(Generic[A]):
    """What a model is asked to do.

    Attributes:
        role: Its X-Greenlight-Role.
        system: The same bytes for every call of this role.
        prompt: The first user message.
        schema: What it hands back.
        check: What must hold beyond the schema, in sentences for the model; none if it does.
        web: Tools of the provider's that search the web; whoever has them gets no others.
        turns: Model calls at most.
    """

    role: str
    tier: Tier
    system: str
    prompt: str
    schema: type[A]
    check: Callable[[A], Awaitable[Sequence[str]]] = nothing_more
    toolbox: Toolbox = field(default_factory=Toolbox)
    web: tuple[WebTool, ...] = ()
    turns: int = 12
    max_tokens: int = 8_000


async def work(context: Context, job: Assignment[A]) -> A:
    """Let the model work until it hands back what holds.

    Raises:
        AnswerUnusable: refused, cut off or invalid, and after one repair still so.
        TurnLimit: no result within the turns.
        CapReached, Transient, ModelRefused, ScriptEnded: as `ask_model`.
    """
    messages: list[Message] = [_user(job.prompt)]
    repaired = False
    for turn in range(1, job.turns + 1):
        answer = await ask_model(context, _call(context, job, messages), turn)
        await _keep_web_results(context, job, answer, turn)
        if answer.tool_uses and answer.stop_reason not in _STOPPED:
            results = await _use_tools(context, job, answer, turn)
            messages += [_assistant(answer), _user([*results, *_countdown(job.turns - turn)])]
            continue
        if answer.stop_reason == "pause_turn" and job.web and answer.content:
            messages.append(_assistant(answer))  # as it is: the provider goes on with its own tools
            continue
        if answer.stop_reason == "pause_turn":
            messages += [*([_assistant(answer)] if answer.content else []), _user(render("go_on"))]
            continue
        result, wrong = await _read(job, answer)
        if result is not None:
            return result
        if repaired:
            raise AnswerUnusable(
                f"What the model answered ({job.role}) could not be used, and asking again did not help. "
                f"The reason: {cut(wrong[0], 300)}"
            )
        repaired = True
        messages += _repair(answer, wrong)
    raise TurnLimit(f"The model ({job.role}) handed back no result within {job.turns} turns.")


def receipt_id(run: str, turn: int, number: int) -> str:
    """Id of a tool call: short enough to be copied, the same on every attempt."""
    return f"r{hashlib.sha256(run.encode()).hexdigest()[:10]}-{turn}.{number}"


def _call(context: Context, job: Assignment[A], messages: Sequence[Message]) -> ModelCall:
    return ModelCall(
        role=job.role,
        request=context.snapshot.id,
        tier=job.tier,
        system=job.system,
        messages=tuple(messages),
        tools=job.toolbox.specs,
        web=job.web,
        schema_=job.schema.model_json_schema(),
        max_tokens=job.max_tokens,
    )


async def _read(job: Assignment[A], answer: ModelAnswer) -> tuple[A | None, Sequence[str]]:
    """The result, or what is wrong with it."""
    if answer.stop_reason in _STOPPED:
        return None, [_STOPPED[answer.stop_reason]]
    try:
        result = job.schema.model_validate_json(answer.text)
    except ValidationError as error:
        return None, problems(error)
    wrong = await job.check(result)
    return (None, wrong) if wrong else (result, ())


def _repair(answer: ModelAnswer, wrong: Sequence[str]) -> Iterator[Message]:
    # What was refused or cut off is left out: a refusal begets the next, half a tool call is not accepted.
    if answer.stop_reason not in _STOPPED and answer.content:
        yield _assistant(answer)
    yield _user(render("repair", problems=wrong))


# ---------------------------------------------------------------- the provider's own tools


async def _keep_web_results(context: Context, job: Assignment[A], answer: ModelAnswer, turn: int) -> None:
    """Keep the addresses an answer's searches came to: what it cites is held against them."""
    addresses = tuple(dict.fromkeys(_addresses(answer.content))) if job.web else ()
    if not addresses:
        return
    output = "\n".join(addresses)
    id = receipt_id(context.run.id, turn, 0)

    async def once() -> str:
        context.tell(f"{job.role.partition(':')[2]}: {count(len(addresses), 'page')} found")
        await context.store.keep_receipt(
            Receipt(
                id=id,
                request=context.snapshot.id,
                run=context.run.id,
                tool=WEB_RESULT,
                subject=count(len(addresses), "page"),
                exit_code=None,
                output=output,
                digest=hashlib.sha256(output.encode("utf-8", "replace")).hexdigest(),
            )
        )
        return id

    await context.step(f"web {turn}", once)


def _addresses(content: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for block in content:
        found = block.get("content")
        if block.get("type") == "web_search_tool_result" and isinstance(found, list):
            yield from (str(page["url"]) for page in found if "url" in page)
        elif block.get("type") == "web_fetch_tool_result" and isinstance(found, dict) and "url" in found:
            yield str(found["url"])


# ---------------------------------------------------------------- tools


async def _use_tools(
    context: Context, job: Assignment[A], answer: ModelAnswer, turn: int
) -> list[Mapping[str, Any]]:
    """The results of all calls, in order. Calls that change files are made alone, at their place."""
    results: list[Mapping[str, Any]] = []
    numbered = list(enumerate(answer.tool_uses, start=1))
    for batch in _batches(job.toolbox, numbered):
        results += await together([_use(context, job, use, turn, number) for number, use in batch])
    return results


def _batches(
    toolbox: Toolbox, uses: Sequence[tuple[int, ToolUse]]
) -> Iterator[Sequence[tuple[int, ToolUse]]]:
    batch: list[tuple[int, ToolUse]] = []
    for number, use in uses:
        if toolbox.changes(use.name):
            yield batch
            yield [(number, use)]
            batch = []
        else:
            batch.append((number, use))
    yield batch


async def _use(
    context: Context, job: Assignment[A], use: ToolUse, turn: int, number: int
) -> Mapping[str, Any]:
    """One tool call, exactly one step; what it returned is read from its receipt."""
    id = receipt_id(context.run.id, turn, number)

    async def once() -> bool:
        return await _record(context, job, use, id, number)

    fine = await context.step(f"tool {turn}.{number}", once)
    receipt = await context.store.receipt(id)
    output = receipt.output if receipt else "The result is lost."
    content = f"receipt: {id}\n{output}"
    return {"type": "tool_result", "tool_use_id": use.id, "content": content, "is_error": not fine}


async def _record(context: Context, job: Assignment[A], use: ToolUse, id: str, number: int) -> bool:
    """Make the call and keep its receipt; False if the model has to be told that it was not possible."""
    context.tell(_activity(job.role, use))
    try:
        done, fine = await _done(job.toolbox, use, id, number), True
    except Rejected as error:
        done, fine = Done(error.sentence, _subject(use)), False
    shown = await asyncio.to_thread(redacted, done.text)  # before it is cut, which might halve a secret
    await context.store.keep_receipt(
        Receipt(
            id=id,
            request=context.snapshot.id,
            run=context.run.id,
            tool=use.name[:60],
            subject=done.subject[:LONGEST_SUBJECT],
            exit_code=done.exit_code,
            output=cut(shown, LONGEST_OUTPUT),
            digest=done.digest or hashlib.sha256(done.text.encode("utf-8", "replace")).hexdigest(),
            refused=not fine,
        )
    )
    return fine


async def _done(toolbox: Toolbox, use: ToolUse, id: str, number: int) -> Done:
    if number > MOST_CALLS:
        raise Rejected(f"At most {MOST_CALLS} calls in one answer: make this one in the next.")
    if toolbox.changes(use.name) and any(marked(str(value)) for value in use.input.values()):
        # It would put the mark in the place of what stands there.
        raise Rejected(
            "What you want to write holds the mark of a secret that was withheld from you. Leave the line "
            "with it as it is and edit the lines around it; code that needs its value reads it from the "
            "environment."
        )
    return await toolbox.call(use.name, use.input, id)


def _activity(role: str, use: ToolUse) -> str:
    return f"{role.partition(':')[2] or role}: {use.name[:60]} {_subject(use)}".strip()[:LONGEST_SUBJECT]


def _subject(use: ToolUse) -> str:
    for key in ("path", "argv", "literal", "under", "paths"):
        value = use.input.get(key)
        if value:
            return " ".join(str(part) for part in value) if isinstance(value, list) else str(value)
    return ""


def _countdown(left: int) -> Iterator[Mapping[str, Any]]:
    if left <= LAST_TURNS:
        yield {"type": "text", "text": render("countdown", left=left)}


def _user(content: str | Sequence[Mapping[str, Any]]) -> Message:
    return {"role": "user", "content": content}


def _assistant(answer: ModelAnswer) -> Message:
    return {"role": "assistant", "content": list(answer.content)}
