"""Where Slack takes nothing for a while, what has to be said is said later, once."""

import asyncio
from pathlib import Path

import pytest

from bot.cards.presses import Choose
from bot.playground.people import People, Player
from bot.playground.rehearsal import Rehearsal
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack import Fault
from engine.events import Choice
from engine.performing import Pauses
from tests.journeys.reading import SITUATION, can_stop, cards, key_of, posted, presses, until
from tests.journeys.stage import Stage, staged

CHANNEL = "C0DATA"
SHUT_BEFORE = {
    # The archived channel is opened again, the bot invited again, the token is good again.
    "spec:1": ("plan", 1, "is_archived"),
    "review:1": ("review:production-code-reviewer", 1, "not_in_channel"),
    "review:2": ("review:production-code-reviewer", 3, "token_revoked"),
}
TRIES = 5


async def shut(stage: Stage, card: str) -> None:
    """From the call that precedes a card on nothing is taken, until it was tried more often than is usual."""
    role, count, code = SHUT_BEFORE[card]

    def tried() -> int:
        # After the first try it is looked for before it is posted.
        return sum(
            (call.response or {}).get("error") == code
            and (call.method == "conversations.replies" or key_of(call.args.get("metadata")) == card)
            for call in stage.slack.calls
        )

    def asked() -> bool:
        return sum(call.role == role for call in stage.model.calls) >= count

    await until(asked, 60, f"{role} was asked")
    stage.slack.faults.add("*", Fault.REFUSED, times=10_000, code=code)
    await until(lambda: tried() >= TRIES, 60, f"{card} was refused")
    assert posted(stage.slack)[card] == 0
    stage.slack.faults.clear()


async def try_again(stage: Stage) -> None:
    """Nothing is delivered into a thread that nobody can be told in: an approver says when."""
    thread = next(iter(stage.slack.workspace.messages))
    await until(lambda: "escalation:1" in cards(stage.slack, CHANNEL, thread), 60, "who is asked")
    card = cards(stage.slack, CHANNEL, thread)["escalation:1"]
    action = next(
        element["action_id"]
        for _, element, press in presses(card)
        if isinstance(press, Choose) and press.choice is Choice.RETRY
    )
    await stage.slack.person("U0DANA").click(card.ts, action_id=action)


@pytest.mark.long
async def test_an_archived_channel_a_removed_bot_and_a_revoked_token_lose_no_card(tmp_path: Path) -> None:
    rehearsal, pauses = Rehearsal([Scenario.load(SCENARIOS / SITUATION)], pace=0), Pauses(shut_s=(0.3,))
    async with staged(tmp_path, rehearsal, pauses=pauses) as stage:
        player = Player(People.load(SCENARIOS / SITUATION / "people.yml"), stage.slack)

        async def over(_: str) -> bool:
            thread = next(iter(stage.slack.workspace.messages))
            found = cards(stage.slack, CHANNEL, thread)
            return "delivery:1" in found and not can_stop(found["progress"])

        playing = asyncio.create_task(player.play(over, 100))
        for card in SHUT_BEFORE:
            await shut(stage, card)
        await try_again(stage)
        await playing
        once = ("progress", "questions:1", "spec:1", "review:1", "review:2", "escalation:1", "delivery:1")
        await until(lambda: posted(stage.slack).keys() >= set(once), 60, "what rested")
        assert posted(stage.slack) == dict.fromkeys(once, 1)
