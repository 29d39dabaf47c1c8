"""Who may do what: the table over the wire, forged payloads, and what holds of every state."""

import json
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import decode
from bot.cards import blocks
from bot.cards.modals import BLOCK
from bot.cards.presses import ApproveSpec, Press, packed, unpacked
from bot.playground.slack import BOT_USER, TEAM, LocalSlack, Message
from bot.playground.slack.state import OTHER_TEAM, elements_of
from bot.request_url import PATH, OverHttp
from engine.decide import decide
from engine.events import Approved, Choice
from engine.present import Shown, render
from engine.request import SpecFate, State
from tests.bot.test_request_url import FORM, SIGNING, signed
from tests.engine.strategies import ASKER, BYSTANDER, DANA, FOREIGN, POLICY, may_approve
from tests.engine.test_decide_total import SNAPSHOTS, by_people
from tests.security.identity.__main__ import printed
from tests.security.identity.play import play
from tests.security.identity.situations import SITUATIONS
from tests.security.identity.table import ROWS, TURNED_AWAY, Row, Who
from tests.security.identity.wire import Json, Place, Wire, wired

pytestmark = pytest.mark.xdist_group("identity")

QUICK = (
    "open a request",
    "wish for something during work",
    "the word stop",
    "approve the spec",
    "edit a section",
    "show the whole spec",
)
APPROVE = next(row for row in ROWS if row.name == "approve the spec")
CHANGE = next(row for row in ROWS if row.name == "ask for a change")
CARDS = ("questions", "findings", "spec", "review", "escalation", "push", "delivery", "feedback")
STOP = next(row for row in ROWS if row.name == "the stop button")


# ---------------------------------------------------------------- the table


def test_every_button_window_and_choice_has_a_row() -> None:
    presses = {press.model_fields["do"].default for press in get_args(get_args(Press)[0])}
    assert presses - {row.do for row in ROWS} == set()
    assert set(Choice) - {row.choice for row in ROWS} == set()
    kinds = {(row.card.partition(":")[0], row.choice) for row in ROWS}
    for name, make in SITUATIONS.items():
        now = make().now
        for key in ("progress", "scope:1", *(f"{kind}:{number}" for kind in CARDS for number in (1, 2))):
            card = render(now, key, Shown(), POLICY)
            for block, element in elements_of(blocks(card).blocks) if card else ():
                press = unpacked(element.get("value") or "") or unpacked(block.get("block_id", ""))
                choice = getattr(press, "choice", None)
                if choice is not None:
                    assert (key.partition(":")[0], choice) in kinds or choice in {Choice.STOP}, (name, key)


@pytest.mark.timeout(120)
async def test_who_may_do_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = await play(tmp_path, rows=[row for row in ROWS if row.name in QUICK])
    with capsys.disabled():
        print(f"\n{printed(cells).splitlines()[-1]}")  # noqa: T201
    assert [f"{cell.row.name} by {cell.who}: {cell.wrong}" for cell in cells if cell.wrong] == []
    assert len(cells) == len(QUICK) * len(Who)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_who_may_do_what_in_full(tmp_path: Path) -> None:
    cells = await play(tmp_path)
    assert [f"{cell.row.name} by {cell.who}: {cell.wrong}" for cell in cells if cell.wrong] == []


async def test_the_same_people_may_act_where_slack_tells_nothing_against_them(tmp_path: Path) -> None:
    """The control: what turns them away is what Slack tells, and nothing else of how they are played."""
    told_by_payload = {Who.OUTSIDER, Who.NAMESAKE, Who.SLACKBOT}
    people = [who for who in TURNED_AWAY if who not in told_by_payload]
    cells = await play(tmp_path, people, [APPROVE], guarded=False)
    assert {cell.who for cell in cells if cell.allowed} == set(people)


# ---------------------------------------------------------------- forged and stale


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


async def test_forged_and_stale_buttons_change_nothing_and_say_so(tmp_path: Path) -> None:
    async with wired(tmp_path, 3) as wire:
        here, there = [await placed(wire, APPROVE) for _ in range(2)]
        stood = [await wire.engine.snapshot(place.request) for place in (here, there)]
        for name, (change, sentence) in FORGED.items():
            seen = len(wire.slack.ephemerals("U0DANA"))
            payload = wire.click(here, APPROVE, Who.APPROVER)
            change(payload, here, there)
            await wire.slack.interact(payload)
            told = await wire.slack.wait_for(partial(said_since, "U0DANA", seen))
            assert told[0].text == sentence, name
            assert [await wire.engine.snapshot(place.request) for place in (here, there)] == stood, name
        assert (await wire.act(here, APPROVE, Who.APPROVER)).changed


async def test_a_button_of_a_request_that_is_not_known_says_so(tmp_path: Path) -> None:
    async with wired(tmp_path, 1) as wire:
        here = await placed(wire, APPROVE)
        assert isinstance(here.press, ApproveSpec)
        payload = wire.click(here, APPROVE, Who.APPROVER)
        unknown = f"{TEAM}:{here.channel}:1.000001"
        payload["actions"][0]["value"] = packed(here.press.model_copy(update={"request": unknown}))
        del payload["container"]["thread_ts"]
        await wire.slack.interact(payload)
        told = await wire.slack.wait_for(lambda s: s.ephemerals("U0DANA"))
        assert told[0].text == "I know no such request (any more). Your click changed nothing."


@pytest.mark.parametrize("forged", ["request", "team", "channel", "thread"])
async def test_a_windows_forged_memory_changes_nothing_and_says_so(tmp_path: Path, forged: str) -> None:
    async with wired(tmp_path, 2) as wire:
        here, there = [await placed(wire, CHANGE) for _ in range(2)]
        payload = wire.submission(here, CHANGE, Who.REQUESTER)
        real = payload["view"]["private_metadata"]
        old, new = {
            "request": (here.request, there.request),
            "team": (here.request, here.request.replace(TEAM, OTHER_TEAM)),
            "channel": (f'"channel":"{here.channel}"', f'"channel":"{there.channel}"'),
            "thread": (f'"thread_ts":"{here.thread}"', f'"thread_ts":"{there.thread}"'),
        }[forged]
        assert old in real
        payload["view"]["private_metadata"] = real.replace(old, new)
        before = [await wire.engine.snapshot(place.request) for place in (here, there)]
        ack = await wire.slack.interact(payload)
        assert (ack.payload or {})["errors"] == {BLOCK: decode.OUT_OF_DATE}
        assert [await wire.engine.snapshot(place.request) for place in (here, there)] == before
        await wire.slack.interact(wire.submission(here, CHANGE, Who.REQUESTER))
        assert await wire.engine.snapshot(here.request) != before[0]


async def test_a_payload_that_comes_twice_does_nothing_twice(tmp_path: Path) -> None:
    async with wired(tmp_path, 2) as wire:
        here = await placed(wire, CHANGE)
        window = wire.submission(here, CHANGE, Who.APPROVER)
        for _ in range(3):
            await wire.slack.interact(window)
        once = await wire.engine.snapshot(here.request)
        assert once is not None
        assert len(once.notes) == 1
        here = await placed(wire, STOP)
        click = wire.click(here, STOP, Who.BYSTANDER)
        for _ in range(3):
            await wire.slack.interact(click)
        assert await state_of(wire, here) is State.STOPPED
        assert [event.kind for event in await wire.engine.journal(here.request)].count("stopped") == 1


def said_since(user: str, seen: int, slack: LocalSlack) -> list[Message]:
    return slack.ephemerals(user)[seen:]


async def placed(wire: Wire, row: Row) -> Place:
    place = await wire.place(row.of)
    await wire.shown(place, row)
    return place


async def test_over_http_only_what_slack_signed_approves_and_a_replay_does_nothing(tmp_path: Path) -> None:
    async with wired(tmp_path, 1, way=OverHttp(SIGNING, port=0)) as wire, ClientSession() as session:
        here = await placed(wire, APPROVE)
        body = urlencode({"payload": json.dumps(wire.click(here, APPROVE, Who.APPROVER))}).encode()
        forged = body.replace(b"U0DANA", b"U0ERIN")
        unsigned = {"X-Slack-Request-Timestamp": str(int(time.time()))}
        late = signed(body, time.time() - 301)

        async def sent(what: bytes, headers: dict[str, str]) -> int:
            url = f"http://127.0.0.1:{wire.http_port}{PATH}"
            async with session.post(url, data=what, headers=headers | {"Content-Type": FORM}) as answer:
                return answer.status

        before = await wire.engine.snapshot(here.request)
        for what, headers in ((body, unsigned), (body, late), (forged, signed(body)), (body, signed(forged))):
            assert await sent(what, headers) == 401
        assert await wire.engine.snapshot(here.request) == before
        assert [await sent(body, signed(body)) for _ in range(3)] == [200, 200, 200]
        approved = await wire.engine.snapshot(here.request)
        assert approved is not None
        assert approved.state is State.WORKING
        kinds = [event.kind for event in await wire.engine.journal(here.request)]
        assert kinds.count("approved") == 1


async def state_of(wire: Wire, place: Place) -> State:
    for _ in range(300):
        now = await wire.engine.snapshot(place.request)
        if now is not None and now.state is State.STOPPED:
            break
    assert now is not None
    return now.state


# ---------------------------------------------------------------- messages


ASK = f"<@{BOT_USER}> add a metric"
SHARED = [{"is_share": True, "author_id": "U0DANA", "text": ASK}]
STAMPS = count(1)


def event(**changes: Any) -> Json:
    ts = f"1764000000.{next(STAMPS):06d}"
    said = {"type": "message", "channel_type": "channel", "user": "U0RILEY", "team": TEAM, "ts": ts}
    return said | {"text": ASK, "event_ts": ts} | changes


def changed(before: str, after: str) -> Json:
    old = event(text=before)
    new = old | {"text": after, "edited": {"user": "U0RILEY", "ts": old["ts"]}}
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
}


async def test_what_is_no_persons_own_new_message_opens_nothing(tmp_path: Path) -> None:
    async with wired(tmp_path, len(MESSAGES)) as wire:
        for name, (said, expected) in MESSAGES.items():
            channel, seen = wire.channels.pop(), len(wire.slack.ephemerals("U0RILEY"))
            await wire.slack.person("U0RILEY").say(channel, None, "hello")
            body: Json = {"type": "event_callback", "team_id": TEAM, "event_id": f"Ev{said['ts']}"}
            await wire.deliver(body | {"event": said | {"channel": channel}}, said["ts"])
            request = f"{TEAM}:{channel}:{said.get('thread_ts') or said['ts']}"
            assert (await wire.engine.snapshot(request) is not None) is (expected == OPENS), name
            if expected not in {"", OPENS}:
                told = await wire.slack.wait_for(partial(said_since, "U0RILEY", seen))
                assert told[0].text == expected, name


async def test_an_edit_after_the_approval_changes_nothing(tmp_path: Path) -> None:
    async with wired(tmp_path, 1) as wire:
        place = await wire.place("working")
        before = await wire.engine.snapshot(place.request), await wire.engine.journal(place.request)
        root = event(text=ASK, ts=place.thread)
        edited = root | {"text": f"{ASK} and push to main", "edited": {"user": "U0RILEY", "ts": "9.9"}}
        said = event(subtype="message_changed", message=edited, previous_message=root, channel=place.channel)
        await wire.deliver({"type": "event_callback", "team_id": TEAM, "event": said}, said["ts"])
        assert before == (await wire.engine.snapshot(place.request), await wire.engine.journal(place.request))


# ---------------------------------------------------------------- what holds of every state


@pytest.mark.parametrize("state", State)
def test_who_is_of_another_team_changes_nothing_in_any_state(state: State) -> None:
    for act in by_people(SNAPSHOTS[state], FOREIGN):
        decision = decide(SNAPSHOTS[state], act, POLICY)
        assert decision.snapshot == SNAPSHOTS[state]
        assert decision.effects == ()


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("by", [ASKER, BYSTANDER, DANA])
def test_only_approvers_approve_anything_in_any_state(state: State, by: Any) -> None:
    """A spec, a push, a leak, an unchecked delivery, paths outside, a cap: each takes one of those named."""
    before = SNAPSHOTS[state]
    for act in by_people(before, by):
        after = decide(before, act, POLICY).snapshot
        assert after is not None
        grown = (
            _approvals(after) > _approvals(before)
            or len(after.let_through) > len(before.let_through)
            or after.unchecked_by != before.unchecked_by
            or after.kept_outside != before.kept_outside
            or after.cap_usd > before.cap_usd
        )
        assert not grown or may_approve(POLICY, by), act


def _approvals(now: Any) -> int:
    specs = sum(len(spec.approvals) + (spec.fate is SpecFate.APPROVED) for spec in now.specs)
    return int(specs + sum(len(push.approvals) for push in now.pushes))


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    team=st.sampled_from(("T1", "T9", "", "E1", "t1", " T1")), user=st.sampled_from(("U1", "U2", "U4", ""))
)
def test_an_approver_is_a_team_and_a_user(team: str, user: str) -> None:
    waiting = SNAPSHOTS[State.AWAITING_APPROVAL]
    spec = waiting.spec
    assert spec is not None
    by = DANA.model_copy(update={"team": team, "user": user})
    click = {"key": "k", "request": waiting.id, "at": waiting.opened_at, "by": by}
    act = Approved.model_validate({**click, "version": spec.number, "hash": spec.hash})
    after = decide(waiting, act, POLICY).snapshot
    assert after is not None
    assert (after != waiting) is (by == DANA)
