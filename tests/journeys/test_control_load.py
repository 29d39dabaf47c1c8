"""Stop, pause and go on while two dozen requests are at work at once; the slowest of each is printed."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest

from bot.playground.rehearsal import ReceivedCall, Reply
from engine.request import Snapshot, State
from engine.settings import Caps
from tests.journeys.reading import cards, until
from tests.journeys.stage import Stage, staged

CHANNEL = "C0DATA"
REQUESTS = 24
WITHIN_S = {"pause": 2.0, "resume": 8.0, "stop": 2.0}
"""What interrupts is to be felt at once; going on queues two dozen workflows at the durable engine.

What others on this machine took of the processors meanwhile is left out.
"""
EACH_S = 60.0


@dataclass
class Endless:
    """Every answer takes ten minutes."""

    calls: list[ReceivedCall] = field(default_factory=list)

    def reply(self, call: ReceivedCall) -> Reply:
        """As `Responder`."""
        self.calls.append(call)
        return Reply([{"type": "text", "text": "{}"}], delay_s=600)


def kept_waiting() -> dict[str, float]:
    """Seconds for which each thread of ours could have run, but others did; empty where nothing tells."""
    told: dict[str, float] = {}
    for task in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            told[task.parent.name] = int(task.read_text().split()[1]) / 1e9
    return told


async def timed(
    stage: Stage, threads: list[str], word: str, done: Callable[[str], Awaitable[bool]]
) -> list[tuple[float, float]]:
    """Say the word in every thread at once: seconds until it took effect, and without what others took."""
    sam = stage.slack.person("U0SAM")
    before = kept_waiting()

    async def one(thread: str) -> tuple[float, float]:
        began = monotonic()
        await sam.say(CHANNEL, thread, word)
        while not await done(thread):
            assert monotonic() - began < EACH_S, f"{word} never took effect"
            await asyncio.sleep(0.02)
        taken = monotonic() - began
        lost = max((waited - before.get(task, 0.0) for task, waited in kept_waiting().items()), default=0.0)
        return taken, max(0.0, taken - lost)

    return sorted(await asyncio.gather(*(one(thread) for thread in threads)))


@pytest.mark.long
async def test_with_two_dozen_at_work_each_word_takes_effect_in_all_of_them_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Endless()
    async with staged(tmp_path, model, caps=Caps(concurrent_runs=32)) as stage:
        api = stage.model
        riley = stage.slack.person("U0RILEY")
        threads = [
            await riley.say(CHANNEL, None, f"@Greenlight Please add the metric number {n}, for every tenant")
            for n in range(REQUESTS)
        ]
        await until(lambda: len(model.calls) >= REQUESTS, 60, "every request waits for the model")

        def posted() -> bool:
            return all("progress" in cards(stage.slack, CHANNEL, thread) for thread in threads)

        await until(posted, 120, "every thread has its card")

        def card_says(thread: str, words: str) -> bool:
            return words in cards(stage.slack, CHANNEL, thread)["progress"].words

        async def state(thread: str) -> Snapshot:
            found = await stage.snapshot(CHANNEL, thread)
            assert found is not None
            return found

        async def held(thread: str) -> bool:
            return len(api.abandoned) >= REQUESTS and (await state(thread)).hold is not None

        async def goes_on(thread: str) -> bool:
            return len(model.calls) >= 2 * REQUESTS and (await state(thread)).hold is None

        async def over(thread: str) -> bool:
            return len(api.abandoned) >= 2 * REQUESTS and (await state(thread)).state is State.STOPPED

        figures = {}
        says = {
            "pause": "Paused by <@U0SAM>",
            "resume": "Reading your request",
            "stop": "Stopped by <@U0SAM>",
        }
        for word, done in (("pause", held), ("resume", goes_on), ("stop", over)):
            began = monotonic()
            taken = await timed(stage, threads, word, done)
            await until(
                lambda word=word: all(card_says(thread, says[word]) for thread in threads),  # type: ignore[misc]
                EACH_S,
                f"every card tells of {word}",
            )
            own = max(seconds for _, seconds in taken)
            figures[word] = (taken[len(taken) // 2][0], taken[-1][0], own, monotonic() - began)
        with capsys.disabled():
            for word, (median, slowest, own, told) in figures.items():
                sys.stdout.write(
                    f"\n{word}: {REQUESTS} requests at once, median {median:.2f} s, slowest {slowest:.2f} s "
                    f"({own:.2f} s without what others took of the machine); "
                    f"the last of {REQUESTS} cards after {told:.2f} s"
                )
            sys.stdout.write("\n")
        assert len(model.calls) == 2 * REQUESTS, "each call was made once more, when it went on"
        assert {word for word, figure in figures.items() if figure[2] >= WITHIN_S[word]} == set()
        for thread in threads:
            assert (await state(thread)).live == ()
