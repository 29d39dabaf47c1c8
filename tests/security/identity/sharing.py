"""A channel that another workspace comes to share while work runs: plays over the wire, each with asserts."""

import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.app import SlackApp
from bot.channel import web_client
from bot.playground.slack import TEAM, Channel
from bot.playground.slack.state import OTHER_TEAM
from engine.events import Choice
from engine.request import State
from tests.engine.core.harness import until
from tests.journeys.reading import cards
from tests.security.identity.table import CONCERNED, ROWS, Row, Who
from tests.security.identity.unowned import Tried
from tests.security.identity.wire import Place, Wire, wired

GO_ON = Row("go on here", "working", "escalation:1", "choose", CONCERNED, {}, Choice.RETRY)
OPEN = next(row for row in ROWS if row.name == "open a request")
WISH = next(row for row in ROWS if row.name == "wish for something during work")


async def halted(wire: Wire, place: Place) -> None:
    async def there() -> bool:
        now = await wire.engine.snapshot(place.request)
        return now is not None and now.state is State.PAUSED and now.exposed

    await until(there)
    await wire.slack.wait_for(lambda s: "escalation:1" in cards(s, place.channel, place.thread))


async def work_halts_and_says_so_once_until_an_approver_goes_on(directory: Path) -> None:
    async with wired(directory, 3) as wire:
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


async def a_missed_event_is_made_up_for_by_the_next_message_of_the_channel(directory: Path) -> None:
    async with wired(directory, 1) as wire:
        place = await wire.place("working")
        before = await wire.engine.snapshot(place.request)
        for shared in (False, True):
            assert await wire.engine.snapshot(place.request) == before
            ts = wire.stamp()
            said = {"type": "message", "channel": place.channel, "user": "U0SAM", "text": "lunch?", "ts": ts}
            body = {"type": "event_callback", "team_id": TEAM, "event": said | {"event_ts": ts}}
            await wire.deliver(body | {"is_ext_shared_channel": shared}, ts)
        await halted(wire, place)


async def what_became_shared_while_the_bot_was_away_is_asked_for_at_its_start(directory: Path) -> None:
    async with wired(directory, 1) as wire:
        place = await wire.place("working")
        wire.slack.workspace.channels[place.channel] = Channel(place.channel, "room", shared=True)
        again = SlackApp(
            wire.engine, web_client("xoxb-fake-bot", wire.slack.api_url), wire.me, "xapp-fake-app"
        )
        await again.connect()
        await halted(wire, place)
        await again.close()


async def what_outsiders_say_and_ask_counts_as_nothing(directory: Path) -> None:
    async with wired(directory, 2) as wire:
        place = await wire.place("working")
        await wire.slack.acked(wire.slack.share(place.channel))
        await halted(wire, place)
        before = await wire.engine.snapshot(place.request), await wire.engine.journal(place.request)
        assert await wire.act(place, WISH, Who.OUTSIDER) == await wire.act(place, WISH, Who.GUEST)
        assert before == (await wire.engine.snapshot(place.request), await wire.engine.journal(place.request))
        fresh = await wire.place("")
        assert not (await wire.act(fresh, OPEN, Who.OUTSIDER)).changed


async def a_request_of_a_shared_channel_waits_before_it_begins(directory: Path) -> None:
    async with wired(directory, 1) as wire:
        channel = wire.channels[-1]
        await wire.slack.acked(wire.slack.share(channel))
        ts = await wire.slack.person("U0RILEY").mention(channel, "In data: add a metric")
        await wire.slack.acked(ts)
        await halted(wire, Place(channel, ts))


PLAYS: tuple[Callable[[Path], Awaitable[None]], ...] = (
    work_halts_and_says_so_once_until_an_approver_goes_on,
    a_missed_event_is_made_up_for_by_the_next_message_of_the_channel,
    what_became_shared_while_the_bot_was_away_is_asked_for_at_its_start,
    what_outsiders_say_and_ask_counts_as_nothing,
    a_request_of_a_shared_channel_waits_before_it_begins,
)
SHARED = "channel that becomes shared"


async def sharing(directory: Path) -> list[Tried]:
    """All of them."""
    return [await tried(play, directory / str(number)) for number, play in enumerate(PLAYS)]


async def tried(play: Callable[[Path], Awaitable[None]], directory: Path) -> Tried:
    """One of them, with the assertion that did not hold or what it waited for in vain."""
    name = getattr(play, "__name__", "").replace("_", " ")
    try:
        await play(directory)
    except (AssertionError, TimeoutError) as wrong:
        lines = [at.lineno for at in traceback.extract_tb(wrong.__traceback__) if at.name == play.__name__]
        return Tried(SHARED, name, f"{type(wrong).__name__} in line {lines}: {wrong}")
    return Tried(SHARED, name, "")
