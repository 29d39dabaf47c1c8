"""Model calls made durable: each attempt is one step, waiting between attempts survives restarts."""

from __future__ import annotations

import asyncio
import zlib
from itertools import count
from typing import TYPE_CHECKING

from engine.caps import worst_case_tokens
from engine.errors import GreenlightError, RateLimited, Transient, Unreachable
from engine.findings import DISPUTE
from engine.ports import ModelAnswer, ModelCall, Usage
from engine.request import RunKind
from engine.store.ledger import Asked
from engine.withholding import as_sent

if TYPE_CHECKING:  # the runs import this package
    from engine.runs.context import Context

ATTEMPTS = 6
FIRST_WAIT_S = 2.0
LONGEST_OWN_WAIT_S = 120.0
LONGEST_ASKED_WAIT_S = 15 * 60.0

# What a step returns: what it is, an answer's id or a sentence, and the seconds that were asked for.
_Outcome = tuple[str, str, float | None]
_ANSWERED, _BUSY, _AWAY = "answered", "busy", "away"


async def ask_model(context: Context, call: ModelCall, turn: int) -> ModelAnswer:
    """Make one call under the request's cap, as often as it takes within bounds; without credentials in it.

    Raises:
        CapReached: its worst case does not fit under the cap; no call was made.
        Transient: still no answer after all attempts, or the provider asks for more than 15 minutes.
        ModelRefused, ScriptEnded: as the model says; not tried again.
    """
    call = await asyncio.to_thread(as_sent, call)
    for attempt in count(1):
        id = f"{context.run.id}/model/{turn}.{attempt}"
        name = f"model {turn}" if attempt == 1 else f"model {turn}, attempt {attempt}"

        async def once(id: str = id) -> _Outcome:
            return await _attempt(context, call, id)

        what, text, asked = await context.step(name, once)
        if what == _ANSWERED:
            return await context.store.answer(text)
        wait = _wait(id, attempt, asked)
        if attempt == ATTEMPTS or wait > LONGEST_ASKED_WAIT_S:
            end = (
                f"It wants me to wait for {_in_words(wait)}: try again after that."
                if wait > LONGEST_ASKED_WAIT_S
                else f"I asked {attempt} times: try again later."
            )
            raise (RateLimited if what == _BUSY else Unreachable)(f"{text} {end}", asked)
        subject = "is busy" if what == _BUSY else "does not answer"
        context.tell(f"The model {subject}, trying again in {_in_words(wait)}")
        await context.sleep(wait)
    raise AssertionError("unreachable: the loop ends by return or raise")


async def _attempt(context: Context, call: ModelCall, id: str) -> _Outcome:
    """One attempt. What is to be retried comes back as a value: a recorded exception would end the run."""
    store, model = context.store, context.model
    kept = await store.kept_answer(id)
    if kept is not None:  # the process died after it kept the answer and before it recorded this step
        await store.settle(id, kept.usage)
        return (_ANSWERED, id, None)
    asked = Asked(
        request=context.snapshot.id,
        usd=model.worst_case_usd(call),
        tokens=worst_case_tokens(call),
        cap_usd=context.snapshot.cap_usd,
        caps=context.settings.caps,
        round=_round(context),
    )
    await store.reserve(id, call.role, context.settings.tiers[call.tier].model, asked)
    try:
        answer = await model.answer(call)
    except Transient as error:
        # What had begun to arrive is paid for, although it is of no use.
        await (store.release(id) if error.usage is None else store.settle(id, error.usage))
        return (_BUSY if isinstance(error, RateLimited) else _AWAY, error.sentence, error.retry_after)
    except GreenlightError:
        await store.release(id)
        raise
    except asyncio.CancelledError:
        # It was sent, so its input has to be paid for; what it would have answered has not.
        sent = call.model_copy(update={"max_tokens": 1})
        usage = Usage(cost_usd=model.worst_case_usd(sent), input_tokens=worst_case_tokens(sent))
        await store.settle(id, usage)
        raise
    await store.keep_answer(id, context.snapshot.id, answer)
    await store.settle(id, answer.usage)
    return (_ANSWERED, id, None)


def _round(context: Context) -> str:
    """The review round that a call is of, as the ledger counts them; a fresh look at one finding is none."""
    spec, current = context.snapshot.spec, context.snapshot.round
    if context.run.kind is not RunKind.REVIEW or context.run.about.startswith(DISPUTE):
        return ""
    return f"{spec.number}.{current.number}" if spec and current else ""


def _wait(id: str, attempt: int, asked: float | None) -> float:
    """Seconds until the next attempt: what was asked for, else doubled each time and spread by the id."""
    if asked is not None:
        return max(asked, FIRST_WAIT_S / 2)
    spread = 0.75 + (zlib.crc32(id.encode()) % 1000) / 2000
    return min(FIRST_WAIT_S * 2.5 ** (attempt - 1), LONGEST_OWN_WAIT_S) * spread


def _in_words(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 120 else f"{round(seconds / 60)} minutes"
