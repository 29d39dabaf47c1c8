"""A channel of two repositories: which one a request is about is named, or asked with buttons."""

from pathlib import Path

import pytest

from bot.cards.presses import (
    AnswerInWords,
    ApproveSpec,
    Choose,
    FindOut,
    PickOption,
    SubmitRound,
    YouDecide,
)
from bot.playground.messages_api import MessagesApi
from bot.playground.rehearsal import Rehearsal
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack import CHANNELS, MEMBERS, Channel, LocalSlack, Member, Message, SlackOptions
from engine.events import Choice
from engine.request import State
from engine.settings import RepositorySettings
from tests.journeys.bots import bot_process, environment
from tests.journeys.reading import cards, git, posted, presses, until
from tests.journeys.stage import Stage, quick_settings, staged
from tests.quick import NOBODY, quick_repository

RILEY, DANA, SAM, OLA = "U0RILEY", "U0DANA", "U0SAM", "U0OLA"
CHANNEL, ELSEWHERE = "C0DATA", "C0SECRET"
PEOPLE = (*MEMBERS, Member(OLA, "Ola Berg", "approver"))
MARK = "warehouse-only.md"


async def warehouse(remote: Path) -> str:
    """The sample repository with one more file; its newest commit."""
    await quick_repository(remote)
    index = {"GIT_INDEX_FILE": str(remote.with_name("warehouse-index")), **NOBODY}
    note = remote.with_name(MARK)
    note.write_text("Only here.\n")
    blob = (await git(remote, "hash-object", "-w", str(note))).strip()
    await git(remote, "read-tree", "main", **index)
    await git(remote, "update-index", "--add", "--cacheinfo", f"100644,{blob},{MARK}", **index)
    tree = (await git(remote, "write-tree", **index)).strip()
    head = (await git(remote, "commit-tree", tree, "-p", "main", "-m", "A file", **index)).strip()
    await git(remote, "update-ref", "refs/heads/main", head)
    return head


def settings_of(remote: Path, name: str, *channels: str) -> RepositorySettings:
    changes = {"name": name, "channels": channels, "about": f"The {name}", "aliases": (f"{name} models",)}
    return quick_settings(remote, approvers=(OLA,)).model_copy(update=changes)


async def card(slack: LocalSlack, thread: str, key: str, *words: str) -> Message:
    """The card once it holds all of these words."""

    def look() -> Message | None:
        found = cards(slack, CHANNEL, thread).get(key)
        return found if found and all(word in found.words for word in words) else None

    found = await until(look, 40, f"{key} says {words}")
    assert found is not None
    return found


async def pressed(slack: LocalSlack, user: str, message: Message, kind: type[object], label: str = "") -> int:
    """Press everything of this kind on a card; how many there were."""
    found = [
        (block, element)
        for block, element, press in presses(message)
        if isinstance(press, kind) and getattr(press, "label", "") == label
    ]
    for block, element in found:
        await slack.person(user).click(
            message.ts, action_id=element["action_id"], block_id=block.get("block_id")
        )
    return len(found)


async def told(slack: LocalSlack, user: str, words: str) -> None:
    """Once somebody alone was told this."""
    await until(lambda: any(words in m.words for m in slack.ephemerals(user)), 10, words)


def prompts(stage: Stage, request: str) -> str:
    """Everything that the model was given about a request."""
    calls = [str(call.body) for call in stage.model.calls]
    return "\n".join(body for body in calls if request in body)


@pytest.mark.xdist_group("journey two repositories")
async def test_the_repository_is_asked_for_or_named_and_can_be_changed_before_approval(
    tmp_path: Path,
) -> None:
    head = await warehouse(tmp_path / "warehouse.git")
    more = (
        settings_of(tmp_path / "warehouse.git", "warehouse", "*"),
        settings_of(tmp_path / "warehouse.git", "secret-plans", ELSEWHERE),
        settings_of(tmp_path / "warehouse.git", "hidden-ledger", ELSEWHERE),
    )
    scenario = Scenario.load(SCENARIOS / "ambiguity" / "scenario.yml")
    channels = (*CHANNELS, Channel(ELSEWHERE, "secret", "Has a repository of its own"))
    async with staged(
        tmp_path, Rehearsal([scenario], pace=0), members=PEOPLE, channels=channels, more=more
    ) as stage:
        slack = stage.slack
        # Without a name it is asked; nothing is read, and no model hears of it.
        thread = await slack.person(RILEY).mention(CHANNEL, "In repo secret-plans: add lineage tracking")
        asked = await card(slack, thread, "questions:1", "Which repository is this about?")
        assert "“secret-plans” is none of this channel's repositories." in asked.words
        assert "The warehouse" in asked.words
        labels = [press.label for _, _, press in presses(asked) if isinstance(press, PickOption)]
        assert labels == ["data-platform", "warehouse"]
        assert not any(isinstance(p, AnswerInWords | YouDecide | FindOut) for _, _, p in presses(asked))
        await card(slack, thread, "progress", "I read nothing before")

        # Anyone of the team chooses, and chooses again; one submit counts.
        await pressed(slack, RILEY, asked, SubmitRound)
        await told(slack, RILEY, "Still open: Repository")
        await pressed(slack, SAM, asked, PickOption, "data-platform")
        await card(slack, thread, "questions:1", "✓ data-platform", f"<@{SAM}>")
        await pressed(slack, DANA, asked, PickOption, "warehouse")
        chosen = await card(slack, thread, "questions:1", "✓ warehouse", f"<@{DANA}>")
        assert not stage.model.calls
        assert not (tmp_path / "state" / "repositories").exists()
        await pressed(slack, RILEY, chosen, SubmitRound)
        await pressed(slack, SAM, chosen, SubmitRound)
        await told(slack, SAM, "already submitted")

        await card(slack, thread, "progress", "Repository: warehouse (chosen here)")
        questions = await card(slack, thread, "questions:2", "Round 1 of 2", "Lineage Type")
        await pressed(slack, RILEY, questions, YouDecide)
        await pressed(slack, RILEY, questions, SubmitRound)
        spec = await card(slack, thread, "spec:1", "Repository: warehouse (chosen here)")
        assert f"from {head[:10]}" in spec.words
        assert f"Waiting for <@{OLA}>" in spec.words
        told_to_model = prompts(stage, "secret-plans: add lineage tracking")
        assert MARK in told_to_model
        assert "Which repository" not in told_to_model
        assert not (tmp_path / "state" / "repositories" / "data-platform.git").exists()

        # Named in the message, nothing is asked.
        named = await slack.person(RILEY).mention(CHANNEL, "Add lineage tracking to Data-Platform")
        await card(slack, named, "progress", "Repository: data-platform (named in the request)")
        first = await card(slack, named, "questions:1", "Lineage Type")
        assert "Which repository" not in first.words
        assert MARK not in prompts(stage, "lineage tracking to Data-Platform")

        # The first request was meant for the other one after all: it starts over, and the old spec is void.
        progress = cards(slack, CHANNEL, thread)["progress"]
        (other,) = [
            element
            for _, element, press in presses(progress)
            if isinstance(press, Choose) and press.choice is Choice.OTHER_REPOSITORY
        ]
        await slack.person(SAM).click(progress.ts, action_id=other["action_id"])
        await told(slack, SAM, "The requester or an approver changes the repository")
        await slack.person(RILEY).click(progress.ts, action_id=other["action_id"])
        again = await card(slack, thread, "questions:3", "Which repository is this about?")
        await card(slack, thread, "spec:1", "was replaced by a newer one")
        await pressed(slack, RILEY, again, PickOption, "data-platform")
        await pressed(slack, RILEY, again, SubmitRound)
        questions = await card(slack, thread, "questions:4", "Round 1 of 2", "Lineage Type")
        await pressed(slack, RILEY, questions, YouDecide)
        await pressed(slack, RILEY, questions, SubmitRound)
        new = await card(slack, thread, "spec:2", "Repository: data-platform (chosen here)")
        assert f"Waiting for <@{DANA}>" in new.words
        await pressed(slack, OLA, new, ApproveSpec)
        await told(slack, OLA, "not one of the approvers")
        await pressed(slack, DANA, new, ApproveSpec)
        await card(slack, thread, "spec:2", "was approved by", f"<@{DANA}>")
        snapshot = await stage.snapshot(CHANNEL, thread)
        assert snapshot is not None
        assert snapshot.repository == "data-platform"
        assert State.WORKING in snapshot.states, "how far it is by now depends on the machine"
        shown = "".join(message.words for message in slack.workspace.messages.values())
        shown += "".join(message.words for user in (RILEY, SAM, OLA) for message in slack.ephemerals(user))
        assert "hidden-ledger" not in shown


CONFIG = """
state_dir = "{directory}/state"

[[repositories]]
name = "data-platform"
remote = "{directory}/missing.git"
channels = ["{channel}"]

[[repositories]]
name = "warehouse"
remote = "{directory}/warehouse.git"
channels = ["{channel}"]
about = "The warehouse"
"""


@pytest.mark.long
async def test_killed_while_the_question_is_open_the_bot_goes_on_with_the_chosen_one(tmp_path: Path) -> None:
    await warehouse(tmp_path / "warehouse.git")
    config = tmp_path / "greenlight.toml"
    config.write_text(CONFIG.format(directory=tmp_path, channel=CHANNEL))
    model = MessagesApi([Scenario.load(SCENARIOS / "ambiguity")], pace=0)
    await model.start()
    async with LocalSlack(SlackOptions(paces={}, retry_delays=(0.2, 0.5, 1.0, 2.0))) as slack:
        arguments = ("run", "--config", str(config))
        async with bot_process(slack, environment(slack, model), tmp_path / "log", *arguments) as bot:
            thread = await slack.person(RILEY).mention(CHANNEL, "Add lineage tracking")
            asked = await card(slack, thread, "questions:1", "Which repository is this about?")
            await pressed(slack, SAM, asked, PickOption, "warehouse")
            await card(slack, thread, "questions:1", "✓ warehouse")
            await bot.kill()
            assert not model.calls
            await bot.start()
            await pressed(slack, RILEY, asked, SubmitRound)
            await card(slack, thread, "questions:1", "Submitted by")
            await card(slack, thread, "questions:2", "Lineage Type")
            assert MARK in str(model.calls[0].body)
            assert await bot.stop() == 0
        assert {key: posted(slack)[key] for key in ("progress", "questions:1", "questions:2")} == {
            "progress": 1,
            "questions:1": 1,
            "questions:2": 1,
        }
    await model.close()
