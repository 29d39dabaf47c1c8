"""Who somebody is changes while work runs: over the wire, with what Slack told a moment ago still kept."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.playground.slack import TEAM, Fault
from engine.people import ONLY_MEMBERS, Person
from tests.security.identity.table import ROWS, UNTOLD, Row, Who
from tests.security.identity.wire import IDS, Wire, wired

pytestmark = pytest.mark.xdist_group("identity")

NO_LONGER: dict[str, tuple[dict[str, Any], str]] = {
    "deactivated": ({"deleted": True}, "This person's account is deactivated."),
    "a guest": ({"is_restricted": True}, "Guests, bots and people of other workspaces cannot"),
    "of another workspace": ({"is_stranger": True}, "Guests, bots and people of other workspaces cannot"),
}
DECISIONS = (
    "approve the spec",
    "ask for a change",
    "submit the answers",
    "approve the push",
    "let a leak through",
    "deliver unchecked",
    "keep changes outside",
    "raise the cap",
    "confirm",
    "the resume button",
)
WORDS = "wish for something during work"


def row(name: str) -> Row:
    return next(one for one in ROWS if one.name == name)


def become(wire: Wire, who: Who, info: dict[str, Any]) -> None:
    """Slack tells this of somebody from now on, to whoever asks."""
    members = wire.slack.workspace.members
    members[IDS[who]] = replace(members[IDS[who]], info=info)


async def known(wire: Wire, who: Who) -> None:
    """Somebody spoke a moment ago, so that it is kept who they are."""
    assert (await wire.act(await wire.place("working"), row(WORDS), who)).changed


@pytest.mark.parametrize("change", NO_LONGER)
async def test_who_may_act_no_longer_decides_nothing_though_a_moment_ago_they_could(
    tmp_path: Path, change: str
) -> None:
    info, sentence = NO_LONGER[change]
    async with wired(tmp_path, len(DECISIONS) + 3) as wire:
        await known(wire, Who.APPROVER)
        become(wire, Who.APPROVER, info)
        for name in DECISIONS:
            place = await wire.place(row(name).of)
            await wire.shown(place, row(name))
            outcome = await wire.act(place, row(name), Who.APPROVER)
            assert (outcome.changed, sentence in outcome.told) == (False, True), (name, outcome)


async def test_what_slack_told_a_moment_ago_still_lets_words_count(tmp_path: Path) -> None:
    """The control: the profile is kept, and it is the decision that asks anew. An event ends that as well."""
    async with wired(tmp_path, 5) as wire:
        await known(wire, Who.APPROVER)
        become(wire, Who.APPROVER, {"is_restricted": True})
        await known(wire, Who.APPROVER)
        user = {"id": IDS[Who.APPROVER], "team_id": TEAM, "is_restricted": True}
        for event in ({"type": "user_change"}, {"type": "user_change", "user": user}):
            body = {"type": "event_callback", "team_id": TEAM, "event": event}
            await wire.deliver(body, wire.stamp())
        assert not (await wire.act(await wire.place("working"), row(WORDS), Who.APPROVER)).changed


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.DROPPED, Fault.RATE_LIMITED])
async def test_nothing_is_decided_by_whom_slack_cannot_tell_just_now(tmp_path: Path, fault: Fault) -> None:
    async with wired(tmp_path, 3) as wire:
        await known(wire, Who.APPROVER)
        approve = row("approve the spec")
        place = await wire.place(approve.of)
        await wire.shown(place, approve)
        click = wire.click(place, approve, Who.APPROVER)
        before = await wire.engine.snapshot(place.request)
        wire.slack.faults.add("users.info", fault, times=9, retry_after=60)
        await wire.slack.interact(click)
        told = await wire.slack.wait_for(lambda s: s.ephemerals(IDS[Who.APPROVER]))
        assert told[0].text == f"{UNTOLD} Your click changed nothing."
        assert await wire.engine.snapshot(place.request) == before
        wire.slack.faults.clear()
        assert (await wire.act(place, approve, Who.APPROVER)).changed, "the click made again counts"


async def test_where_slack_cannot_tell_a_stop_counts_of_whom_the_payload_places_here(tmp_path: Path) -> None:
    """Of an outsider whom it does not place elsewhere too: to stop is the safe side. Once told, no more."""
    stop = row("the stop button")
    async with wired(tmp_path, 4) as wire:
        for who, kept, counts in (
            (Who.SILENT_OUTSIDER, False, True),
            (Who.OUTSIDER, False, False),
            (Who.SILENT_OUTSIDER, True, False),
            (Who.APPROVER, False, True),
        ):
            place = await wire.place(stop.of)
            await wire.shown(place, stop)
            if kept:
                await wire.chat.person(Person(team=TEAM, user=IDS[who]))
            before = await wire.engine.snapshot(place.request)
            seen = len(wire.said_to(who, place))
            wire.slack.faults.add("users.info", Fault.SERVER_ERROR, times=9)
            await wire.slack.interact(wire.click(place, stop, who))
            outcome = await wire._outcome(place, before, seen, who)
            assert (outcome.changed, outcome.told) == (counts, "" if counts else ONLY_MEMBERS), who
            wire.slack.faults.clear()


async def test_slack_that_keeps_silent_holds_no_stop_up(tmp_path: Path) -> None:
    stop = row("the stop button")
    async with wired(tmp_path, 1) as wire:
        place = await wire.place(stop.of)
        await wire.shown(place, stop)
        wire.slack.faults.add("users.info", Fault.RATE_LIMITED, times=9, retry_after=3)
        before = await wire.engine.snapshot(place.request)
        await wire.slack.interact(wire.click(place, stop, Who.BYSTANDER))
        assert (await wire._outcome(place, before, 0, Who.BYSTANDER)).changed
