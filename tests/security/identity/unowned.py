"""Payloads that no person's own act makes, over the wire: what else Slack sends, forged ones, replayed ones.

Each try ends with the real thing, which is taken: that nothing came of the others is no accident.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientSession

from bot import decode
from bot.cards.modals import BLOCK
from bot.cards.presses import ApproveSpec, packed
from bot.playground.slack import BOT_USER, TEAM, LocalSlack, Message
from bot.playground.slack.state import OTHER_TEAM
from bot.request_url import PATH, OverHttp
from engine.request import State
from tests.bot.test_request_url import FORM, SIGNING, signed
from tests.security.identity.table import ROWS, Row, Who
from tests.security.identity.wire import Json, Place, Wire, wired

APPROVE = next(row for row in ROWS if row.name == "approve the spec")
CHANGE = next(row for row in ROWS if row.name == "ask for a change")


@dataclass(frozen=True)
class Tried:
    """One payload, and what differs from what should come of it; empty if nothing does."""

    kind: str
    name: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}: {self.wrong}"


KINDS = ("message", "forged button", "forged window", "over HTTP")


async def unowned(directory: Path) -> list[Tried]:
    """All of them."""
    return [
        *await messages(directory / "messages"),
        *await forged(directory / "forged"),
        *await windows(directory / "windows"),
        *await over_http(directory / "http"),
    ]


def said_since(user: str, seen: int, slack: LocalSlack) -> list[Message]:
    """What one person was told since so many sentences."""
    return slack.ephemerals(user)[seen:]


async def placed(wire: Wire, row: Row) -> Place:
    """A request in the row's situation, with its card."""
    place = await wire.place(row.of)
    await wire.shown(place, row)
    return place


# ---------------------------------------------------------------- messages


ASK = f"<@{BOT_USER}> add a metric"
SHARED = [{"is_share": True, "author_id": "U0DANA", "text": ASK}]
STAMPS = count(1)


def event(**changes: Any) -> Json:
    ts = f"1764000000.{next(STAMPS):06d}"
    said = {"type": "message", "channel_type": "channel", "user": "U0RILEY", "team": TEAM, "ts": ts}
    return said | {"text": ASK, "event_ts": ts} | changes


def changed(before: str, after: str, **more: Any) -> Json:
    old = event(text=before)
    new = old | {"text": after, "edited": {"user": "U0RILEY", "ts": old["ts"]}} | more
    return event(
        subtype="message_changed", hidden=True, message=new, previous_message=old, text="", user=None
    )


OPENS = "opens"
MESSAGES: dict[str, tuple[Json, str]] = {
    "a mention": (event(), OPENS),
    "a mention with a file": (event(subtype="file_share", files=[{}]), OPENS),
    "a mention as an act": (event(subtype="me_message"), OPENS),
    "a mention in a thread, shown in the channel": (
        event(subtype="thread_broadcast", thread_ts="1763000000.000001"),
        OPENS,
    ),
    "a mention beside a forwarded message": (event(attachments=SHARED), OPENS),
    "a mention that an edit adds": (changed("add a metric", ASK), decode.EDITED),
    "a mention whose words an edit changes": (changed(ASK, f"{ASK} by week"), decode.EDITED_SINCE),
    "an edit without a mention": (changed("add", "add a metric"), ""),
    "an edited message, come again": (event(edited={"user": "U0RILEY", "ts": "1.1"}), ""),
    "a forwarded mention": (event(text="", attachments=SHARED), ""),
    "a forwarded message and nothing but a mention": (
        event(text=f"<@{BOT_USER}>", attachments=SHARED),
        decode.FORWARDED,
    ),
    "a quoted mention": (event(text=f"&gt; {ASK}"), decode.QUOTED),
    "a mention in written-out markup": (event(text=f"&lt;@{BOT_USER}&gt; add"), ""),
    "a mention of somebody else": (event(text="<@U0DANA> add a metric"), ""),
    "a workflow's message": (event(subtype="bot_message", bot_id="B0FLOW", user=None), ""),
    "an app's message for a person": (event(bot_id="B0APP", app_id="A0APP"), ""),
    "the app itself": (event(user=BOT_USER), ""),
    "the app itself, by its bot id": (event(user=None, bot_id="B0GREENLIGHT"), ""),
    "a deleted message": (event(subtype="message_deleted", deleted_ts="1.1", previous_message=event()), ""),
    "somebody joins": (event(subtype="channel_join", text=f"<@U0DANA> joined <@{BOT_USER}>"), ""),
    "a new topic": (event(subtype="channel_topic", topic=ASK), ""),
    "a reminder": (event(subtype="reminder_add"), ""),
    "an unknown kind": (event(subtype="something_new"), ""),
    "nobody": (event(user=None), ""),
    # A mention comes as another event as well, of whoever wrote it.
    "a workflow's mention": (
        event(type="app_mention", subtype="bot_message", bot_id="B0FLOW", user=None),
        "",
    ),
    "a workflow's mention for a person": (event(type="app_mention", bot_id="B0FLOW", app_id="A0FLOW"), ""),
    "an app's mention in its own name": (event(type="app_mention", bot_id="B0APP", user="U0BOT"), ""),
    "the same, without its bot id": (event(type="app_mention", user="U0BOT"), ""),
    "an edited mention, come again": (event(type="app_mention", edited={"user": "U0RILEY", "ts": "1.1"}), ""),
    "a forwarded mention, come as one": (event(type="app_mention", text="", attachments=SHARED), ""),
    "a mention that a bot adds by an edit": (changed("add a metric", ASK, bot_id="B0APP"), ""),
    "a forward that an edit adds": (changed(ASK, ASK, attachments=SHARED), ""),
}


async def messages(directory: Path) -> list[Tried]:
    """Whether a request is opened, and what their author is told."""
    tried = []
    async with wired(directory, len(MESSAGES)) as wire:
        for name, (said, expected) in MESSAGES.items():
            tried.append(Tried("message", name, await _heard(wire, said, expected)))
    return tried


async def _heard(wire: Wire, said: Json, expected: str) -> str:
    channel, seen = wire.channels.pop(), len(wire.slack.ephemerals("U0RILEY"))
    await wire.slack.person("U0RILEY").say(channel, None, "hello")
    body: Json = {"type": "event_callback", "team_id": TEAM, "event_id": f"Ev{said['ts']}"}
    await wire.deliver(body | {"event": said | {"channel": channel}}, said["ts"])
    opened = await wire.engine.snapshot(f"{TEAM}:{channel}:{said.get('thread_ts') or said['ts']}") is not None
    if opened is not (expected == OPENS):
        return "opened a request" if opened else "opened none"
    if expected in {"", OPENS}:
        return ""
    told = await wire.slack.wait_for(partial(said_since, "U0RILEY", seen))
    return "" if told[0].text == expected else f"told {told[0].text!r}"


# ---------------------------------------------------------------- forged and stale


UNSIGNED = 401
Change = Callable[[Json, Place, Place], None]


def value(make: Callable[[ApproveSpec, Place], dict[str, Any]]) -> Change:
    """Change what the button carries."""

    def change(payload: Json, here: Place, there: Place) -> None:
        press = here.press
        assert isinstance(press, ApproveSpec)
        payload["actions"][0]["value"] = packed(press.model_copy(update=make(press, there)))

    return change


def container(**changes: Callable[[Place], str | None]) -> Change:
    """Change where the button stands."""

    def change(payload: Json, here: Place, there: Place) -> None:
        for name, of in changes.items():
            payload["container"][name] = of(there)

    return change


def raw(text: str) -> Change:
    return lambda payload, here, there: payload["actions"][0].update(value=text)


OLD = "That is an old version; please look at version 1 below."
FORGED: dict[str, tuple[Change, str]] = {
    "another request's id": (value(lambda _, there: {"request": there.request}), decode.OUT_OF_DATE),
    "another team's id": (
        value(lambda press, _: {"request": press.request.replace(TEAM, OTHER_TEAM)}),
        decode.OUT_OF_DATE,
    ),
    "another thread of the channel": (
        value(lambda press, _: {"request": f"{press.request.rpartition(':')[0]}:1.000001"}),
        decode.OUT_OF_DATE,
    ),
    "a hash of nothing": (value(lambda *_: {"hash": "f" * 64}), OLD),
    "an empty hash": (value(lambda *_: {"hash": ""}), OLD),
    "another version": (value(lambda press, _: {"version": press.version + 1}), OLD),
    "an older version": (value(lambda press, _: {"version": press.version - 1}), OLD),
    "no JSON": (raw("approve"), decode.OUT_OF_DATE),
    "no value": (raw(""), decode.OUT_OF_DATE),
    "one field too many": (
        raw('{"request":"T0LOCAL:C1:1.1","do":"approve","version":1,"hash":"a","by":"U0DANA"}'),
        decode.OUT_OF_DATE,
    ),
    "a copy in another channel": (
        container(channel_id=lambda there: there.channel, thread_ts=lambda _: None),
        decode.OUT_OF_DATE,
    ),
    "a copy in another thread": (
        lambda payload, here, there: payload["container"].update(thread_ts=here.other_thread),
        decode.OUT_OF_DATE,
    ),
    "a card of another channel": (
        container(
            channel_id=lambda there: there.channel,
            message_ts=lambda there: there.card,
            thread_ts=lambda there: there.thread,
        ),
        decode.OUT_OF_DATE,
    ),
}


async def forged(directory: Path) -> list[Tried]:
    """Buttons with another value or place: an approver's clicks change nothing, which they are told."""
    tried = []
    async with wired(directory, 3) as wire:
        here, there = [await placed(wire, APPROVE) for _ in range(2)]
        stood = [await wire.engine.snapshot(place.request) for place in (here, there)]
        for name, (change, sentence) in FORGED.items():
            seen = len(wire.slack.ephemerals("U0DANA"))
            payload = wire.click(here, APPROVE, Who.APPROVER)
            change(payload, here, there)
            await wire.slack.interact(payload)
            told = await wire.slack.wait_for(partial(said_since, "U0DANA", seen))
            same = [await wire.engine.snapshot(place.request) for place in (here, there)] == stood
            wrong = "" if told[0].text == sentence else f"told {told[0].text!r}"
            tried.append(Tried("forged button", name, wrong if same else "changed a request"))
        taken = (await wire.act(here, APPROVE, Who.APPROVER)).changed
    return [*tried, Tried("forged button", "the real one", "" if taken else "not taken")]


async def windows(directory: Path) -> list[Tried]:
    """Windows that remember something else than they were given."""
    tried = []
    async with wired(directory, 2) as wire:
        here, there = [await placed(wire, CHANGE) for _ in range(2)]
        before = [await wire.engine.snapshot(place.request) for place in (here, there)]
        for name, old, new in (
            ("another request", here.request, there.request),
            ("another team", here.request, here.request.replace(TEAM, OTHER_TEAM)),
            ("another channel", f'"channel":"{here.channel}"', f'"channel":"{there.channel}"'),
            ("another thread", f'"thread_ts":"{here.thread}"', f'"thread_ts":"{there.thread}"'),
        ):
            payload = wire.submission(here, CHANGE, Who.REQUESTER)
            real = payload["view"]["private_metadata"]
            assert old in real
            payload["view"]["private_metadata"] = real.replace(old, new)
            ack = await wire.slack.interact(payload)
            wrong = (
                "" if (ack.payload or {}).get("errors") == {BLOCK: decode.OUT_OF_DATE} else f"{ack.payload}"
            )
            if [await wire.engine.snapshot(place.request) for place in (here, there)] != before:
                wrong = "changed a request"
            tried.append(Tried("forged window", name, wrong))
        await wire.slack.interact(wire.submission(here, CHANGE, Who.REQUESTER))
        taken = await wire.engine.snapshot(here.request) != before[0]
    return [*tried, Tried("forged window", "the real one", "" if taken else "not taken")]


async def over_http(directory: Path) -> list[Tried]:
    """An approver's click: unsigned, late, early, of others, and once more."""
    way = OverHttp(SIGNING, port=0)
    async with wired(directory, 1, way=way) as wire, ClientSession() as session:
        here = await placed(wire, APPROVE)
        body = urlencode({"payload": json.dumps(wire.click(here, APPROVE, Who.APPROVER))}).encode()
        another = body.replace(b"U0DANA", b"U0ERIN")
        now = time.time()
        bad: dict[str, tuple[bytes, dict[str, str]]] = {
            "no signature": (body, {"X-Slack-Request-Timestamp": str(int(now))}),
            "no time": (body, {"X-Slack-Signature": signed(body)["X-Slack-Signature"]}),
            "nothing at all": (body, {}),
            "five minutes late": (body, signed(body, now - 301)),
            "five minutes early": (body, signed(body, now + 301)),
            "another secret": (body, signed(body, secret="visibly-fake-other-secret")),  # noqa: S106
            "another's click with its signature": (another, signed(body)),
            "its signature of another's click": (body, signed(another)),
            "a new time with the old signature": (
                body,
                signed(body, now - 60) | {"X-Slack-Request-Timestamp": str(int(now))},
            ),
        }

        async def sent(what: bytes, headers: dict[str, str]) -> int:
            url = f"http://127.0.0.1:{wire.http_port}{PATH}"
            async with session.post(url, data=what, headers=headers | {"Content-Type": FORM}) as answer:
                return answer.status

        before = await wire.engine.snapshot(here.request)
        tried = []
        for name, (what, headers) in bad.items():
            status = await sent(what, headers)
            same = await wire.engine.snapshot(here.request) == before
            wrong = "changed a request" if not same else "" if status == UNSIGNED else f"status {status}"
            tried.append(Tried("over HTTP", name, wrong))
        headers = signed(body)
        statuses = [await sent(body, headers) for _ in range(3)]
        after = await wire.engine.snapshot(here.request)
        kinds = [event.kind for event in await wire.engine.journal(here.request)]
        once = after is not None and after.state is State.WORKING and kinds.count("approved") == 1
        return [
            *tried,
            Tried("over HTTP", "the real one, three times", "" if once else f"{statuses} {kinds}"),
        ]
