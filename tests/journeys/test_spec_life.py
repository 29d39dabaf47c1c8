"""A spec's life on its cards: a section edited as text, and two of three approvers."""

from pathlib import Path

import pytest

from bot.cards.modals import BLOCK, FIELD
from bot.cards.presses import ApproveSpec, EditSection, SubmitRound, YouDecide
from bot.playground.rehearsal import Rehearsal
from bot.playground.script import SCENARIOS, Scenario
from bot.playground.slack import MEMBERS, Member, Message
from engine.request import SpecFate, State
from tests.journeys.reading import cards, presses, until, until_true
from tests.journeys.stage import Stage, staged

RILEY, DANA, LEE, SAM = "U0RILEY", "U0DANA", "U0LEE", "U0SAM"
CHANNEL = "C0DATA"
EDITED = "Lineage of columns.\nLineage of <!channel> *anything* that is `no table`."


async def pressed(stage: Stage, user: str, message: Message, kind: type[object]) -> None:
    for block, element, press in list(presses(message)):
        if isinstance(press, kind):
            await stage.slack.person(user).click(
                message.ts, action_id=element["action_id"], block_id=block["block_id"]
            )


async def card(stage: Stage, thread: str, key: str, *words: str) -> Message:
    """The card once it holds all of these words."""

    def look() -> Message | None:
        found = cards(stage.slack, CHANNEL, thread).get(key)
        return found if found and all(word in found.words for word in words) else None

    found = await until(look, 40, f"{key} says {words}")
    assert found is not None
    return found


@pytest.mark.xdist_group("journey spec-life")
async def test_a_section_is_edited_as_text_and_two_of_three_approve(tmp_path: Path) -> None:
    scenario = Scenario.load(SCENARIOS / "ambiguity" / "scenario.yml")
    approvers = (DANA, LEE, SAM)
    members = (*MEMBERS, Member(LEE, "Lee Park", "approver"))
    async with staged(
        tmp_path, Rehearsal([scenario], pace=0), members=members, approvers=approvers, approvals=2
    ) as stage:
        riley = stage.slack.person(RILEY)
        thread = await riley.mention(CHANNEL, "Add lineage tracking")
        questions = await card(stage, thread, "questions:1", "Lineage Type")
        await pressed(stage, RILEY, questions, YouDecide)
        await pressed(stage, RILEY, questions, SubmitRound)
        first = await card(stage, thread, "spec:1", "0 of 2")
        assert all(f"<@{user}>" in first.words for user in approvers)

        # The modal holds the section as it is; what comes back becomes the next version, to the letter.
        (menu,) = [
            (block, element) for block, element, press in presses(first) if isinstance(press, EditSection)
        ]
        await riley.select(first.ts, menu[1]["action_id"], "out_of_scope", block_id=menu[0]["block_id"])
        await stage.slack.wait_for(lambda slack: slack.open_view(RILEY) is not None)
        view = stage.slack.open_view(RILEY)
        assert view is not None
        before = await stage.snapshot(CHANNEL, thread)
        assert before is not None
        assert before.spec is not None
        assert "\n".join(before.spec.draft.out_of_scope) in str(view).replace("\\n", "\n")
        await riley.submit_view(view.id, {BLOCK: {FIELD: EDITED}})

        second = await card(stage, thread, "spec:2", "Changes since version 1", "0 of 2")
        after = await stage.snapshot(CHANNEL, thread)
        assert after is not None
        assert after.spec is not None
        assert after.spec.draft.out_of_scope == tuple(EDITED.splitlines())
        assert after.spec.draft.criteria == before.spec.draft.criteria
        assert "The section “Out of scope” becomes exactly:" in after.spec.because
        assert after.specs[0].fate is SpecFate.SUPERSEDED
        assert "Lineage of columns." in second.words
        assert "<!channel>" not in second.words

        # Each counts once, and it takes two.
        await pressed(stage, DANA, second, ApproveSpec)
        waiting = await card(stage, thread, "spec:2", "1 of 2")
        assert f"Waiting for <@{LEE}>" in waiting.words
        assert f"<@{SAM}>" in waiting.words
        assert f"approved by <@{DANA}>" in waiting.words
        await pressed(stage, DANA, waiting, ApproveSpec)
        still = await stage.snapshot(CHANNEL, thread)
        assert still is not None
        assert (still.state, len(still.spec.approvals if still.spec else ())) == (State.AWAITING_APPROVAL, 1)
        await pressed(stage, LEE, waiting, ApproveSpec)
        await card(stage, thread, "spec:2", "was approved by", f"<@{DANA}>", f"<@{LEE}>")

        async def works() -> bool:
            now = await stage.snapshot(CHANNEL, thread)
            return now is not None and now.state not in {State.AWAITING_APPROVAL}

        await until_true(works, 20, "work begins")
