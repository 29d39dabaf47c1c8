"""Messages and threads are deleted, the bot is removed and invited again, its tokens are revoked."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cards.presses import YouDecide
from bot.playground.messages_api import MessagesApi
from bot.playground.people import People, Player
from bot.playground.rehearsal import Rehearsal
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack import TEAM, Fault, LocalSlack, SlackOptions
from bot.playground.slack.state import BOT_USER
from engine.events import Deleted
from engine.inspecting import story
from engine.performing import PAUSES, Pauses
from engine.request import Snapshot, State
from tests.journeys.bots import bot_process, environment
from tests.journeys.reading import SITUATION, can_stop, cards, git, posted, presses, until, until_true
from tests.journeys.stage import Stage, staged
from tests.journeys.test_kill import CONFIG
from tests.quick import quick_repository

AMBIGUOUS = "ambiguity"
CHANNEL = "C0DATA"
QUIET_S = 0.7
MANY = 100_000


def rehearsal(situation: str = AMBIGUOUS) -> Rehearsal:
    return Rehearsal([Scenario.load(SCENARIOS / situation)], pace=0)


async def asked(stage: Stage) -> str:
    """A request that waits for answers; its thread."""
    people = People.load(SCENARIOS / AMBIGUOUS / "people.yml")
    thread = await stage.slack.person(people.requester).mention(CHANNEL, people.text)
    await stage.slack.wait_for(lambda slack: "questions:1" in cards(slack, CHANNEL, thread), 30)
    return thread


async def becomes(stage: Stage, thread: str, holds: Callable[[Snapshot], bool]) -> Snapshot:
    found: list[Snapshot] = []

    async def look() -> bool:
        now = await stage.snapshot(CHANNEL, thread)
        if now is not None and holds(now):
            found.append(now)
        return bool(found)

    await until_true(look, 20, "the request stands there")
    return found[0]


async def test_who_deletes_the_request_takes_it_back(tmp_path: Path) -> None:
    async with staged(tmp_path, rehearsal()) as stage:
        thread = await asked(stage)
        stage.slack.delete(thread)
        now = await becomes(stage, thread, lambda it: it.state is State.STOPPED)
        assert (now.live, now.ended_by) == ((), None)
        await stage.slack.wait_for(lambda slack: not can_stop(cards(slack, CHANNEL, thread)["progress"]))
        words = cards(stage.slack, CHANNEL, thread)["progress"].words
        assert "the message that asked for it was deleted" in words
        await stage.slack.wait_for(
            lambda slack: not list(presses(cards(slack, CHANNEL, thread)["questions:1"]))
        )
        assert posted(stage.slack) == {"progress": 1, "questions:1": 1}
        told = await story(tmp_path / "state", f"{TEAM}:{CHANNEL}:{thread}")
        assert ("somebody", "deleted the message that asked for it") in [
            (line.who, line.what) for line in told.lines
        ]


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
async def test_a_card_that_was_deleted_is_posted_again_once(tmp_path: Path, told: bool) -> None:
    async with staged(tmp_path, rehearsal()) as stage:
        thread = await asked(stage)

        async def deleted() -> None:
            card = cards(stage.slack, CHANNEL, thread)["progress"]
            if told:
                stage.slack.delete(card.ts)
            else:  # Slack's event is lost: the next change of the card finds that it is gone
                stage.slack.workspace.remove(card.ts)
                await stage.slack.person("U0RILEY").say(
                    CHANNEL, thread, "stop" if again else "Only for EMEA."
                )

        again = False
        await deleted()
        await stage.slack.wait_for(lambda slack: posted(slack)["progress"] == 2, 15)
        await stage.slack.wait_for(lambda slack: "progress" in cards(slack, CHANNEL, thread))
        assert can_stop(cards(stage.slack, CHANNEL, thread)["progress"])
        again = True
        await deleted()
        await asyncio.sleep(QUIET_S)
        assert posted(stage.slack)["progress"] == 2
        now = await stage.snapshot(CHANNEL, thread)
        assert now is not None
        assert now.reposted == ("progress",)


async def test_words_that_were_deleted_stay_heard_and_a_lost_thread_stops(tmp_path: Path) -> None:
    async with staged(tmp_path, rehearsal()) as stage:
        thread = await asked(stage)
        ts = await stage.slack.person("U0RILEY").say(CHANNEL, thread, "Only for EMEA.")
        await stage.slack.acked(ts)
        stage.slack.delete(ts)

        async def heard() -> bool:
            journal = await stage.engine.journal(f"{TEAM}:{CHANNEL}:{thread}")
            return any(isinstance(event, Deleted) for event in journal)

        await until_true(heard, 10, "the deletion is in the journal")
        now = await stage.snapshot(CHANNEL, thread)
        assert now is not None
        assert now.state is State.CLARIFYING
        # Nothing of the thread is left, and no event said so: the next card finds out.
        stage.slack.faults.add("chat.update", Fault.REFUSED, MANY, code="thread_not_found")
        card = cards(stage.slack, CHANNEL, thread)["questions:1"]
        block, element, _ = next(one for one in presses(card) if isinstance(one[2], YouDecide))
        click = {"action_id": element["action_id"], "block_id": block["block_id"]}
        await stage.slack.person("U0RILEY").click(card.ts, **click)
        await becomes(stage, thread, lambda it: it.state is State.STOPPED)


async def test_while_it_is_removed_from_the_channel_all_waits_and_the_requester_hears_so_once(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, rehearsal(), pauses=PAUSES) as stage:
        assert PAUSES.shut_s[0] >= 20, "only being invited again is as quick as this"
        slack, people = stage.slack, People.load(SCENARIOS / AMBIGUOUS / "people.yml")
        slack.faults.add("*", Fault.REFUSED, MANY, code="not_in_channel", channel=CHANNEL)
        thread = await slack.person(people.requester).mention(CHANNEL, people.text)

        def apart() -> list[str]:
            return [
                m.words for m in slack.workspace.messages.values() if m.channel == f"D{people.requester[1:]}"
            ]

        await until(apart, 20, "the requester is told")
        assert "Invite me with /invite" in apart()[0]
        await becomes(stage, thread, lambda it: it.state is State.CLARIFYING)
        await asyncio.sleep(QUIET_S)
        assert (len(apart()), posted(slack)["progress"]) == (1, 0)
        slack.faults.clear()
        slack.announce({"type": "member_joined_channel", "user": "U0SAM", "channel": CHANNEL})
        await asyncio.sleep(QUIET_S)
        assert posted(slack)["progress"] == 0, "somebody else joined"
        slack.announce({"type": "member_joined_channel", "user": BOT_USER, "channel": CHANNEL})
        await slack.wait_for(lambda it: {"progress", "questions:1"} <= cards(it, CHANNEL, thread).keys(), 5)
        await asyncio.sleep(QUIET_S)
        assert max(posted(slack).values()) == 1
        assert len(apart()) == 1


async def test_who_asked_hears_at_once_that_the_channel_is_gone_and_once(tmp_path: Path) -> None:
    async with staged(tmp_path, rehearsal()) as stage:
        slack = stage.slack
        await asked(stage)

        def apart() -> list[str]:
            return [m.words for m in slack.workspace.messages.values() if m.channel == "D0RILEY"]

        slack.announce({"type": "channel_archive", "user": "U0SAM", "channel": CHANNEL})
        await asyncio.sleep(QUIET_S)
        assert apart() == [], "Slack, when asked, says that it is open"
        slack.faults.add("conversations.info", Fault.REFUSED, 2, code="is_archived")
        for _ in range(2):
            slack.announce({"type": "channel_archive", "user": "U0SAM", "channel": CHANNEL})
        await until(apart, 10, "the requester is told")
        await asyncio.sleep(QUIET_S)
        assert len(apart()) == 1
        assert "This channel is archived." in apart()[0]


@pytest.mark.long
async def test_nothing_is_pushed_after_it_was_removed_from_the_channel(tmp_path: Path) -> None:
    async with staged(tmp_path, rehearsal(SITUATION), pauses=Pauses(shut_s=(0.2,))) as stage:
        player = Player(People.load(SCENARIOS / SITUATION / "people.yml"), stage.slack)

        async def never(_: str) -> bool:
            return False

        playing = asyncio.create_task(player.play(never, 100))
        reviewed = "review:production-code-reviewer"
        await until(
            lambda: sum(call.role == reviewed for call in stage.model.calls) >= 3, 60, "it is reviewed"
        )
        stage.slack.faults.add("*", Fault.REFUSED, MANY, code="not_in_channel", channel=CHANNEL)
        thread = next(iter(stage.slack.workspace.messages))
        now = await becomes(stage, thread, lambda it: it.state is State.ESCALATED)
        assert now.escalation is not None
        assert "not a member of this channel" in now.escalation.situation
        assert (await git(tmp_path / "remote.git", "branch", "--list", "greenlight/*")) == ""
        stage.slack.faults.clear()
        await stage.slack.wait_for(lambda slack: "escalation:1" in cards(slack, CHANNEL, thread), 10)
        playing.cancel()


@pytest.mark.long
@pytest.mark.parametrize("told", [True, False], ids=["told", "found out"])
async def test_without_tokens_it_ends_in_order_and_with_new_ones_it_goes_on(
    tmp_path: Path, told: bool
) -> None:
    await quick_repository(tmp_path / "remote.git")
    config, log = tmp_path / "greenlight.toml", tmp_path / "log"
    config.write_text(CONFIG.format(directory=tmp_path, channel=CHANNEL))
    model = MessagesApi([Scenario.load(SCENARIOS / AMBIGUOUS)], pace=0)
    await model.start()
    people = People.load(SCENARIOS / AMBIGUOUS / "people.yml")
    async with LocalSlack(
        SlackOptions(paces={}, retry_delays=(0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0))
    ) as slack:
        arguments = ("run", "--config", str(config))
        async with bot_process(slack, environment(slack, model), log, *arguments) as bot:
            if told:
                slack.faults.add("auth.test", Fault.REFUSED, MANY, code="account_inactive")
                slack.announce({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [BOT_USER]}})
            else:
                slack.faults.add("*", Fault.REFUSED, MANY, code="token_revoked")
                thread = await slack.person(people.requester).mention(CHANNEL, people.text)
            assert await bot.ended() == 2
            assert "Slack takes my tokens no more" in log.read_text()
            slack.faults.clear()
            if told:
                thread = await slack.person(people.requester).mention(CHANNEL, people.text)
            await bot.start()
            await slack.wait_for(lambda it: "questions:1" in cards(it, CHANNEL, thread), 30)
            assert posted(slack) == {"progress": 1, "questions:1": 1}
            assert await bot.stop() == 0
    await model.close()
