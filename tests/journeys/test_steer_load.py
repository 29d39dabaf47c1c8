"""Words while two dozen requests are at work: heard, answered by a card, and known to the next agent."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest

from bot.cards.presses import ApproveSpec, Choose
from bot.playground.rehearsal import ReceivedCall, Reply
from engine.events import Choice
from engine.request import State
from engine.settings import Caps
from tests.journeys.bad_input import DANA, SAM, Thread, remote, repository, small_repository, world
from tests.journeys.mistaken import PLANNED, Mistaken, _reply
from tests.journeys.reading import until

REQUESTS = 24
WITHIN_S = 20.0
"""Until the card says what the slowest was taken for; a chat takes one new message a second a channel."""
CHANNELS = [f"C{n}ONE" for n in range(6)]
TURN_S = 2.0
FIRST, SECOND = "Write the greeting.", "Look it over."


def plan() -> dict[str, object]:
    (task,) = PLANNED["tasks"]
    return {"tasks": [task, {**task, "id": "polish", "objective": SECOND, "depends_on": ["write"]}]}


@dataclass
class Steered(Mistaken):
    """The first task looks around until it is let; a correction is part of the spec, a wish is not."""

    let: bool = False
    turns: int = 0
    second: list[str] = field(default_factory=list)

    def reply(self, call: ReceivedCall) -> Reply:
        """As `Responder`."""
        kind, opening = call.role.partition(":")[0], call.conversation.opening
        if kind == "plan":
            return _reply(plan(), call)
        if kind == "triage":
            corrects = re.search(r"greet number \d+ politely", opening)
            answer = {"kind": "within spec", "title": "", "criteria": ["AC1"]}
            return _reply(answer if corrects else {"kind": "new scope", "title": "A farewell"}, call)
        if kind == "task" and SECOND in opening:
            self.second.append(opening)
        elif kind == "task" and not self.let:
            self.turns += 1
            look = {
                "type": "tool_use",
                "id": f"t{self.turns}",
                "name": "read",
                "input": {"path": "README.md"},
            }
            return Reply([look], delay_s=TURN_S)
        return super().reply(call)


async def at_work(thread: Thread) -> None:
    await thread.press(DANA, await thread.card("spec:1", timeout=180), ApproveSpec)
    await thread.becomes(State.WORKING)


async def timed(threads: list[Thread], act: Callable[[int, Thread], Awaitable[None]]) -> list[float]:
    """Do it in every thread at once; the seconds it took in each."""

    async def one(number: int, thread: Thread) -> float:
        began = monotonic()
        await act(number, thread)
        return monotonic() - began

    return sorted(await asyncio.gather(*(one(n, thread) for n, thread in enumerate(threads))))


def correction(number: int) -> str:
    return f"Please greet number {number} politely, with a capital"


def wish(number: int) -> str:
    return f"Also say farewell, as in ticket {number}"


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_with_two_dozen_at_work_words_are_answered_and_reach_the_next_agent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await small_repository(remote(tmp_path, "one"))
    model = Steered()
    caps = Caps(concurrent_runs=REQUESTS, task_turns=400)
    async with world(tmp_path, [repository(tmp_path, "one", CHANNELS)], caps=caps, model=model) as there:
        threads = [
            await there.ask(CHANNELS[n % len(CHANNELS)], f"Add the greeting {n}") for n in range(REQUESTS)
        ]
        await asyncio.gather(*(at_work(thread) for thread in threads))
        await until(lambda: model.turns > 2 * REQUESTS, 120, "all of them are at work")
        sam = there.slack.person(SAM)

        async def says(number: int, thread: Thread) -> None:
            await sam.say(thread.channel, thread.ts, correction(number))
            await thread.card("scope:1", f"greet number {number} politely", "I took", timeout=60)

        async def says_so(number: int, thread: Thread) -> None:
            card = await thread.card("scope:1")
            await thread.press(DANA, card, Choose, choice=Choice.IS_SPEC)
            await thread.card("scope:1", f"I know “{correction(number)}”", timeout=60)

        async def wishes(number: int, thread: Thread) -> None:
            await sam.say(thread.channel, thread.ts, wish(number))
            await thread.card("scope:1", "A farewell", f"ticket {number}", timeout=60)

        figures = {
            "a correction, until its card": await timed(threads, says),
            "handed on by an approver": await timed(threads, says_so),
            "a wish, until its card": await timed(threads, wishes),
        }
        working = [(await thread.snapshot()).state for thread in threads]
        assert set(working) == {State.WORKING}, "nothing of it interrupts the work"
        model.let = True

        def known(number: int) -> list[str]:
            return [opening for opening in model.second if correction(number) in opening]

        await until(lambda: all(known(n) for n in range(REQUESTS)), 120, "every next agent knows its own")
        with capsys.disabled():
            for what, taken in figures.items():
                sys.stdout.write(
                    f"\n{what}: {REQUESTS} requests at once, median {taken[len(taken) // 2]:.2f} s, "
                    f"slowest {taken[-1]:.2f} s"
                )
            sys.stdout.write("\n")
        for number in range(REQUESTS):
            others = [correction(other) for other in range(REQUESTS) if other != number]
            assert not any(other in opening for opening in known(number) for other in others)
        assert not any("farewell" in opening for opening in model.second), (
            "what is beyond the spec reached none"
        )
        assert {what for what, taken in figures.items() if taken[-1] >= WITHIN_S} == set()
