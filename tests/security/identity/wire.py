"""The real front end and the real engine between a local Slack and a state that was reached before.

Only the work that runs would do is missing: they wait until they are cancelled. What people do arrives as
Slack's payloads do, so that team and person can be whatever a payload may say.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from bot.app import SlackApp
from bot.cards.modals import BLOCK, CALLBACK, FIELD
from bot.cards.presses import InWords, Press, unpacked
from bot.channel import Identity, SlackChat, identify, web_client
from bot.playground.slack import BOT_USER, TEAM, Channel, Fault, LocalSlack, Member, SlackOptions
from bot.playground.slack.state import OTHER_TEAM, elements_of
from bot.request_url import OverHttp
from engine.bootstrap import rules
from engine.engine import Engine
from engine.events import Choice, Opened, Result
from engine.launch import launch
from engine.request import Located, RunKind, Snapshot
from engine.running import Outside
from engine.runs.context import Context
from engine.settings import RepositorySettings, Settings
from engine.state_dir import hold
from engine.store import journal
from tests.engine.core.harness import NoModel
from tests.security.identity.situations import SITUATIONS
from tests.security.identity.table import Row, Who

Json = dict[str, Any]

IDS = {
    Who.APPROVER: "U0DANA",
    Who.SECOND: "U0ERIN",
    Who.REQUESTER: "U0RILEY",
    Who.BOTH: "U0DANA",
    Who.BYSTANDER: "U0SAM",
    Who.GUEST: "U0GUEST",
    Who.WIDER_GUEST: "U0WIDER",
    Who.OUTSIDER: "U0OLGA",
    Who.SILENT_OUTSIDER: "U0OMAR",
    Who.NAMESAKE: "U0DANA",
    Who.GONE: "U0GONE",
    Who.BOT: "U0BOT",
    Who.SLACKBOT: "USLACKBOT",
    Who.ERROR: "U0ERROR",
    Who.BUSY: "U0BUSY",
    Who.CUT: "U0CUT",
    Who.NOT_FOUND: "U0NOBODY",
    Who.NO_SCOPE: "U0SCOPE",
}
OUTSIDERS = {Who.OUTSIDER, Who.SILENT_OUTSIDER}
INFO: dict[Who, Json] = {
    Who.GUEST: {"is_restricted": True, "is_ultra_restricted": True},
    Who.WIDER_GUEST: {"is_restricted": True},
    Who.GONE: {"deleted": True},
    Who.BOT: {"is_bot": True},
}
FAULTS = {Who.ERROR: Fault.SERVER_ERROR, Who.BUSY: Fault.RATE_LIMITED, Who.CUT: Fault.DROPPED}
REFUSALS = {Who.NOT_FOUND: "user_not_found", Who.NO_SCOPE: "missing_scope"}
STORY_IDS = {"U1": "U0RILEY", "U2": "U0DANA", "U3": "U0ERIN", "U4": "U0SAM"}


def members(*, guarded: bool) -> tuple[Member, ...]:
    """Everybody; unguarded, Slack tells nothing that would keep them from acting."""
    return tuple(
        Member(
            id,
            f"Person {number}",
            "",
            outside=guarded and who in OUTSIDERS,
            info=INFO.get(who, {}) if guarded else {},
        )
        for number, (who, id) in enumerate(IDS.items())
        if who not in {Who.BOTH, Who.NAMESAKE}
    )


def team_of(who: Who) -> str | None:
    """What the payload says of the person's team."""
    if who is Who.SILENT_OUTSIDER:
        return None
    return OTHER_TEAM if who in {Who.OUTSIDER, Who.NAMESAKE} else TEAM


async def waits(context: Context) -> Result:
    """Work that takes until it is cancelled."""
    await asyncio.Event().wait()
    raise AssertionError(context.run.id)


@dataclass
class Place:
    """A request in a channel of its own."""

    channel: str
    thread: str
    card: str = ""
    press: Press | None = None
    block: Json = field(default_factory=dict)
    element: Json = field(default_factory=dict)
    wishes: tuple[str, ...] = ()
    other_thread: str = ""

    @property
    def request(self) -> str:
        return f"{TEAM}:{self.channel}:{self.thread}"


@dataclass
class Outcome:
    """What came of an act: whether the request changed or a window opened, and what its author was told."""

    changed: bool
    told: str


@dataclass
class Wire:
    """Everything an act passes through."""

    slack: LocalSlack
    engine: Engine
    chat: SlackChat
    me: Identity
    channels: list[str]
    guarded: bool = True
    http_port: int = 0
    _stamps: Any = field(default_factory=lambda: count(1))

    def stamp(self) -> str:
        return f"{int(time.time())}.{next(self._stamps):06d}"

    # ------------------------------------------------------------ before

    async def place(self, situation: str, who: Who = Who.APPROVER) -> Place:
        """A request in that situation, stored as if it had come so far; of an approver where they asked."""
        channel = self.channels.pop()
        thread = await self.slack.person("U0RILEY").say(channel, None, "Add a metric")
        place = Place(channel, thread)
        place.other_thread = await self.slack.person("U0RILEY").say(channel, None, "Something else")
        if situation:
            swapped = {"U1": "U0DANA", "U2": "U0ERIN"} if who is Who.BOTH else {}
            snapshot = moved(SITUATIONS[situation]().now, place, STORY_IDS | swapped)
            place.wishes = tuple(item.ts for item in snapshot.scope_items if item.open)
            await self._store(place, snapshot)
        return place

    async def _store(self, place: Place, snapshot: Snapshot) -> None:
        opened = Opened(
            key=f"{place.request}:seed",
            request=place.request,
            at=snapshot.opened_at,
            by=snapshot.requester,
            text=snapshot.text,
            channel=place.channel,
            ts=place.thread,
            thread_ts=place.thread,
        )
        async with self.engine._database.app.begin() as c:
            await journal.store(c, opened, None, snapshot, snapshot.opened_at)

    async def shown(self, place: Place, row: Row) -> None:
        """Post the row's card, and find on it what the row is about."""
        if not row.card:
            return
        card = await self.engine.card(place.request, row.card)
        assert card is not None, f"{row.name}: no card {row.card}"
        place.card = (await self.chat.post(place.request, row.card, card)).ts
        for block, element in elements_of(self.slack.message(place.card).blocks):
            press = unpacked(element.get("value") or "") or unpacked(block.get("block_id", ""))
            if press is not None and offers(press, row):
                place.press, place.block, place.element = press, block, element
                return
        raise AssertionError(f"{row.name}: {row.card} does not offer it")

    # ------------------------------------------------------------ acts

    async def act(self, place: Place, row: Row, who: Who) -> Outcome:
        """Do it, the whole way: the words, or the click and what its window sends."""
        before, told = await self.engine.snapshot(place.request), len(self.said_to(who, place))
        self._weather(who)
        if not row.card:
            await self.says(place, row.words, who, mention=row.do == "open")
            return await self._outcome(place, before, told, who, sure=True)
        user = IDS[who]
        await self.slack.interact(self.click(place, row, who))
        windows = row.do in {"tell", "other", "wishes", "edit", "show", "heard"}
        if not windows:
            return await self._outcome(place, before, told, who)
        found = await self._window_or_words(place, told, who)
        if found:
            self.slack.views.clear(user)
            if row.do in {"show", "heard"}:
                return Outcome(changed=True, told="")
        elif row.do in {"show", "heard"}:
            return await self._outcome(place, before, told, who)
        else:
            told = len(self.said_to(who, place))
            self._weather(who)
        # What the window sends is sent in any case: who sees no window can still forge what it sends.
        ack = await self.slack.interact(self.submission(place, row, who))
        refused = (ack.payload or {}).get("errors", {}).get(BLOCK, "")
        return Outcome(False, refused) if refused else await self._outcome(place, before, told, who)

    async def says(self, place: Place, words: str, who: Who, *, mention: bool) -> None:
        """Words, as the one or two events in which they come."""
        ts, thread = self.stamp(), None
        if await self.engine.snapshot(place.request):
            thread = place.thread
        else:
            place.thread = ts
        text = f"<@{BOT_USER}> {words}" if mention else words
        event = {
            "type": "message",
            "channel": place.channel,
            "channel_type": "channel",
            "user": IDS[who],
            "text": text,
            "ts": ts,
            "event_ts": ts,
            "thread_ts": thread,
            "team": team_of(who),
            "user_team": team_of(who),
        }
        for kind in ("message", "app_mention") if mention else ("message",):
            body: Json = {"type": "event_callback", "team_id": TEAM, "event_id": f"Ev{ts}{kind}"}
            body["authorizations"] = [{"team_id": TEAM, "user_id": BOT_USER}]
            await self.deliver(body | {"event": event | {"type": kind}}, ts)

    async def deliver(self, body: Json, key: str) -> None:
        """An event, until it is acked."""
        delivery = self.slack.deliver(body, key)
        await asyncio.wait_for(delivery.settled.wait(), 10)
        assert delivery.ack is not None, body

    def click(self, place: Place, row: Row, who: Who) -> Json:
        """The payload of a click on the row's button."""
        action = {
            "type": place.element["type"],
            "action_id": place.element["action_id"],
            "block_id": place.block["block_id"],
            "action_ts": self.stamp(),
            "value": place.element.get("value", ""),
        }
        if row.do == "several":
            action["selected_options"] = [{"value": row.words}]
        if row.do == "edit":
            action["selected_option"] = {"value": "approach"}
        container = {
            "type": "message",
            "channel_id": place.channel,
            "message_ts": place.card,
            "thread_ts": place.thread,
        }
        return self.from_(who, "block_actions") | {"container": container, "actions": [action]}

    def submission(self, place: Place, row: Row, who: Who) -> Json:
        """The payload of what the row's window sends."""
        press = place.press
        assert press is not None
        if row.do == "edit":
            asks = {"do": "tell", "card": row.card, "choice": Choice.CHANGE_SPEC, "ask": "", "optional": True}
            remembered: Json = {"press": {**asks, "request": place.request, "item": "approach"}}
        else:
            remembered = {"press": json.loads(press.model_dump_json())}
        remembered |= {"channel": place.channel, "thread_ts": place.thread}
        metadata = InWords.model_validate(remembered).model_dump_json()
        values: Json = {BLOCK: {FIELD: {"type": "plain_text_input", "value": row.words}}}
        if row.do == "wishes":
            first, second = ({"value": wish} for wish in place.wishes)
            values[BLOCK][FIELD] |= {"selected_options": [first, second], "selected_option": second}
            values[f"{BLOCK}:1"] = {FIELD: {"type": "static_select", "selected_option": first}}
        view = {
            "id": f"V{self.stamp()}",
            "type": "modal",
            "callback_id": CALLBACK,
            "hash": "1.a",
            "private_metadata": metadata,
            "state": {"values": values},
        }
        return self.from_(who, "view_submission") | {"view": view}

    def from_(self, who: Who, kind: str) -> Json:
        """What every payload says of who acts."""
        user: Json = {"id": IDS[who], "name": "x"}
        team = team_of(who)
        payload: Json = {"type": kind, "user": user, "trigger_id": self.slack.views.trigger(IDS[who])}
        if team is not None:
            user["team_id"] = team
            payload["team"] = {"id": team}
        return payload

    # ------------------------------------------------------------ after

    def said_to(self, who: Who, place: Place) -> list[str]:
        return [m.text for m in self.slack.ephemerals(IDS[who]) if m.channel == place.channel]

    async def _window_or_words(self, place: Place, told: int, who: Who) -> bool:
        """Whether a window opens; else something is said."""
        for _ in range(500):
            if self.slack.open_view(IDS[who]):
                return True
            if len(self.said_to(who, place)) > told:
                return False
            await asyncio.sleep(0.01)
        raise AssertionError(f"{who}: neither a window nor a word")

    async def _outcome(
        self, place: Place, before: Snapshot | None, told: int, who: Who, *, sure: bool = False
    ) -> Outcome:
        """Once the request changed or something was said; `sure`: it was decided already."""
        for _ in range(15 if sure else 500):
            after = await self.engine.snapshot(place.request)
            words = self.said_to(who, place)[told:]
            if after != before or words:
                return Outcome(after != before, "\n".join(words))
            await asyncio.sleep(0.01)
        return Outcome(False, "")

    def _weather(self, who: Who) -> None:
        """Slack cannot tell about some."""
        self.slack.faults.clear()
        if not self.guarded:
            return
        if who in FAULTS:
            self.slack.faults.add("users.info", FAULTS[who], times=9, retry_after=60)
        if who in REFUSALS:
            self.slack.faults.add("users.info", Fault.REFUSED, times=9, code=REFUSALS[who])


def offers(press: Press, row: Row) -> bool:
    """Whether a button is the row's."""
    choice = getattr(press, "choice", None)
    if row.do == "stop" and row.choice:
        return choice is row.choice
    if row.do == "wishes":
        return press.do == "wishes" and choice is row.choice
    return press.do == row.do and (row.choice is None or choice is row.choice)


def moved(snapshot: Snapshot, place: Place, ids: dict[str, str]) -> Snapshot:
    """The same request as if it had been of this place and of these people."""
    text = snapshot.model_copy(update={"located": Located.NAMED, "due_at": None}).model_dump_json()
    text = text.replace("T1:C1:1.0", place.request).replace('"T1"', f'"{TEAM}"')
    text = text.replace('"C1"', f'"{place.channel}"').replace('"1.0"', f'"{place.thread}"')
    for old, new in ids.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    return Snapshot.model_validate_json(text)


def configured(state: Path, approvers: tuple[str, ...]) -> Settings:
    common = {"remote": "/nowhere", "channels": ("*",)}
    data = RepositorySettings.model_validate({**common, "name": "data", "approvers": approvers})
    web = RepositorySettings.model_validate({**common, "name": "web", "approvers": approvers})
    return Settings(state_dir=state, repositories=(data, web))


@asynccontextmanager
async def wired(
    directory: Path, cells: int, *, guarded: bool = True, way: str | OverHttp = "xapp-fake-app"
) -> AsyncIterator[Wire]:
    """Everything started. Everyone but the requester and the bystander is named as an approver."""
    channels = [f"C0{number:05d}" for number in range(cells)]
    named = tuple(dict.fromkeys(id for id in IDS.values() if id not in {"U0RILEY", "U0SAM"}))
    settings = configured(directory / "state", named)
    rooms = [Channel(id, f"room-{id.lower()}") for id in channels]
    async with LocalSlack(SlackOptions(paces={}, members=members(guarded=guarded), channels=rooms)) as slack:
        client = web_client("xoxb-fake-bot", slack.api_url)
        me = await identify(client)
        chat = SlackChat(client, me)
        nothing: dict[str, Any] = {"sandbox": None, "workspace": lambda _: None, "forge": lambda _: None}
        engine = await launch(
            settings,
            chat,
            Outside(model=NoModel(), **nothing),
            rules(settings),
            dict.fromkeys(RunKind, waits),
            hold(settings.state_dir),
        )
        app = SlackApp(engine, client, me, way, chat.forget)
        await app.connect()
        try:
            yield Wire(slack, engine, chat, me, channels, guarded, app.http_port)
        finally:
            await app.close()
            await engine.close()
            await chat.close()
