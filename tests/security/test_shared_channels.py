"""A channel that another workspace comes to share, over the wire: by Slack's event, or a message's mark."""

from pathlib import Path
from typing import Any

import pytest

from bot import decode
from bot.app import SlackApp
from bot.channel import web_client
from bot.playground.slack import TEAM, Channel
from bot.playground.slack.state import OTHER_TEAM
from engine.events import Choice, Opened, Shared
from engine.request import State
from tests.engine.core.harness import until
from tests.journeys.reading import cards
from tests.security.identity.table import CONCERNED, ROWS, Row, Who
from tests.security.identity.wire import Place, Wire, wired

GO_ON = Row("go on here", "working", "escalation:1", "choose", CONCERNED, {}, Choice.RETRY)
OPEN = next(row for row in ROWS if row.name == "open a request")
WISH = next(row for row in ROWS if row.name == "wish for something during work")
pytestmark = pytest.mark.xdist_group("identity")


async def halted(wire: Wire, place: Place) -> None:
    async def there() -> bool:
        now = await wire.engine.snapshot(place.request)
        return now is not None and now.state is State.PAUSED and now.exposed

    await until(there)
    await wire.slack.wait_for(lambda s: "escalation:1" in cards(s, place.channel, place.thread))


async def test_work_halts_and_says_so_once_until_an_approver_goes_on(tmp_path: Path) -> None:
    async with wired(tmp_path, 3) as wire:
        place, elsewhere = [await wire.place("working") for _ in range(2)]
        untouched = await wire.engine.snapshot(elsewhere.request)
        await wire.slack.acked(wire.slack.share(place.channel))
        await halted(wire, place)
        told = cards(wire.slack, place.channel, place.thread)["escalation:1"].words
        assert f"shared with another workspace ({OTHER_TEAM})" in told
        await wire.slack.acked(await wire.slack.person("U0SAM").say(place.channel, place.thread, "oh"))
        assert [key for key in cards(wire.slack, place.channel, place.thread) if "escalation" in key] == [
            "escalation:1"
        ]
        await wire.shown(place, GO_ON)
        for who in (Who.OUTSIDER, Who.NAMESAKE, Who.GUEST, Who.ERROR, Who.REQUESTER, Who.BYSTANDER):
            outcome = await wire.act(place, GO_ON, who)
            assert (outcome.changed, bool(outcome.told)) == (False, True), who
        assert (await wire.act(place, GO_ON, Who.APPROVER)).changed
        now = await wire.engine.snapshot(place.request)
        assert now is not None
        assert (now.state, now.shared, now.exposed) == (State.WORKING, True, False)
        assert await wire.engine.snapshot(elsewhere.request) == untouched


async def test_a_missed_event_is_made_up_for_by_the_next_message_of_the_channel(tmp_path: Path) -> None:
    async with wired(tmp_path, 1) as wire:
        place = await wire.place("working")
        before = await wire.engine.snapshot(place.request)
        for shared in (False, True):
            assert await wire.engine.snapshot(place.request) == before
            ts = wire.stamp()
            said = {"type": "message", "channel": place.channel, "user": "U0SAM", "text": "lunch?", "ts": ts}
            body = {"type": "event_callback", "team_id": TEAM, "event": said | {"event_ts": ts}}
            await wire.deliver(body | {"is_ext_shared_channel": shared}, ts)
        await halted(wire, place)


async def test_what_became_shared_while_the_bot_was_away_is_asked_for_at_its_start(tmp_path: Path) -> None:
    async with wired(tmp_path, 1) as wire:
        place = await wire.place("working")
        wire.slack.workspace.channels[place.channel] = Channel(place.channel, "room", shared=True)
        again = SlackApp(
            wire.engine, web_client("xoxb-fake-bot", wire.slack.api_url), wire.me, "xapp-fake-app"
        )
        await again.connect()
        await halted(wire, place)
        await again.close()


async def test_what_outsiders_say_and_ask_counts_as_nothing(tmp_path: Path) -> None:
    async with wired(tmp_path, 2) as wire:
        place = await wire.place("working")
        await wire.slack.acked(wire.slack.share(place.channel))
        await halted(wire, place)
        before = await wire.engine.snapshot(place.request), await wire.engine.journal(place.request)
        assert await wire.act(place, WISH, Who.OUTSIDER) == await wire.act(place, WISH, Who.GUEST)
        assert before == (await wire.engine.snapshot(place.request), await wire.engine.journal(place.request))
        fresh = await wire.place("")
        assert not (await wire.act(fresh, OPEN, Who.OUTSIDER)).changed


async def test_a_request_of_a_shared_channel_waits_before_it_begins(tmp_path: Path) -> None:
    async with wired(tmp_path, 1) as wire:
        channel = wire.channels[-1]
        await wire.slack.acked(wire.slack.share(channel))
        ts = await wire.slack.person("U0RILEY").mention(channel, "In data: add a metric")
        await wire.slack.acked(ts)
        await halted(wire, Place(channel, ts))


@pytest.mark.parametrize(
    ("event", "outer", "told"),
    [
        ({"type": "channel_shared", "connected_team_id": "T9"}, {}, Shared),
        ({"type": "channel_shared"}, {}, Shared),
        ({"type": "channel_unshared", "is_ext_shared": False}, {}, Shared),
        ({"type": "channel_unshared", "is_ext_shared": True}, {}, None),
        ({"type": "channel_unshared"}, {}, None),
        ({"type": "message"}, {"is_ext_shared_channel": True}, Shared),
        ({"type": "message"}, {"is_ext_shared_channel": False}, None),
        ({"type": "message"}, {"is_ext_shared_channel": "true"}, None),
        ({"type": "message"}, {}, None),
        ({"type": "channel_shared", "channel": None}, {}, None),
        ({"type": "channel_shared", "event_ts": "soon"}, {}, None),
    ],
)
def test_what_tells_that_a_channel_is_shared(event: dict[str, Any], outer: dict[str, Any], told: Any) -> None:
    body = {"team_id": "T1", **outer, "event": {"channel": "C1", "event_ts": "1764000000.000100", **event}}
    found = decode.sharing(body)
    assert (type(found.what) if found else None) is told
    if found is not None:
        assert (found.home, found.channel) == ("T1", "C1")
        assert found.what.shared is (event["type"] != "channel_unshared")


def test_a_mention_in_a_shared_channel_says_so() -> None:
    said = {"type": "message", "channel": "C1", "user": "U1", "text": "<@UBOT> go", "ts": "1764000000.000100"}
    for shared in (True, False):
        heard = decode.message({"team_id": "T1", "is_ext_shared_channel": shared, "event": said}, "UBOT")
        assert heard is not None
        assert isinstance(heard.what, Opened)
        assert heard.what.shared is shared
