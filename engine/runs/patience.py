"""Steps that ask something outside which may be away for a while: tried again durably, within bounds."""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import TypeVar

from engine.errors import Transient, Unreachable
from engine.runs.context import Context

T = TypeVar("T")

WAITS_S = (2.0, 8.0, 30.0, 90.0)
LONGEST_ASKED_WAIT_S = 15 * 60.0


async def patiently(context: Context, name: str, work: Callable[[], Awaitable[T]]) -> T:
    """Run a step whose work may be repeated, again after each Transient.

    Raises:
        Unreachable: still nothing after all attempts, or the other side asks for more than 15 minutes.
    """

    async def once() -> tuple[T | None, str | None, float | None]:
        # What is to be tried again is returned: a recorded exception would be raised on every replay.
        try:
            return await work(), None, None
        except Transient as error:
            return None, error.sentence, error.retry_after

    for attempt in count(1):
        result, sentence, asked = await context.step(name if attempt == 1 else f"{name} {attempt}", once)
        if sentence is None:
            return result  # type: ignore[return-value]  # without a sentence it is the work's own result
        wait = asked if asked is not None else WAITS_S[min(attempt, len(WAITS_S)) - 1]
        if attempt > len(WAITS_S) or wait > LONGEST_ASKED_WAIT_S:
            raise Unreachable(sentence, asked)
        context.tell(f"{sentence} Trying again in {round(wait)} s")
        await context.sleep(wait)
    raise AssertionError("unreachable: the loop ends by return or raise")
