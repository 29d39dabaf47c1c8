"""Who may do what: the table over the wire, forged payloads, and what holds of every state."""

from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cards import blocks
from bot.cards.presses import ApproveSpec, Press, packed, unpacked
from bot.playground.slack import TEAM
from bot.playground.slack.state import elements_of
from engine.decide import decide
from engine.events import Approved, Choice
from engine.present import Shown, render
from engine.request import SpecFate, State
from tests.engine.strategies import ASKER, BYSTANDER, DANA, FOREIGN, POLICY, may_approve
from tests.engine.test_decide_total import SNAPSHOTS, by_people
from tests.security.identity.__main__ import failures, printed
from tests.security.identity.play import CONTROL, Cell, play, unguarded
from tests.security.identity.sharing import SHARED
from tests.security.identity.situations import SITUATIONS
from tests.security.identity.table import ROWS, Who
from tests.security.identity.unowned import (
    APPROVE,
    ASK,
    CHANGE,
    KINDS,
    Tried,
    event,
    forged,
    messages,
    over_http,
    placed,
    windows,
)
from tests.security.identity.wire import Place, Wire, wired

pytestmark = pytest.mark.xdist_group("identity")

QUICK = (
    "open a request",
    "wish for something during work",
    "the word stop",
    "approve the spec",
    "edit a section",
    "show the whole spec",
)
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
    assert [cell.who for cell in await unguarded(tmp_path) if cell.allowed] == list(CONTROL)


def test_what_was_not_played_or_shows_nothing_fails_the_command() -> None:
    cells = [Cell(row, who, row.refusal(who) is None, row.refusal(who) or "") for row in ROWS for who in Who]
    others = [Tried(kind, "one", "") for kind in (*KINDS, SHARED)]
    control = [Cell(APPROVE, who, True, "") for who in CONTROL]
    assert failures(cells, others, control) == []
    assert failures(cells[:-1], others, control) == [
        "not played: stop on a push by Slack may not tell: scope"
    ]
    assert failures(cells, others[1:], control) == ["not played: message"]
    assert failures(cells, others[:-1], control) == ["not played: channel that becomes shared"]
    assert failures([], [], []) != []
    turned_away = [Cell(APPROVE, who, False, "no") for who in CONTROL]
    assert len(failures(cells, others, turned_away)) == len(failures(cells, others, [])) == len(CONTROL)
    assert failures([*cells[:-1], Cell(ROWS[-1], Who.NO_SCOPE, False, "no")], others, control) != []
    assert failures(cells, [*others, Tried("message", "two", "opened")], control) != []


# ---------------------------------------------------------------- forged and stale


async def test_forged_and_stale_buttons_change_nothing_and_say_so(tmp_path: Path) -> None:
    assert [str(one) for one in await forged(tmp_path) if one.wrong] == []


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


async def test_a_windows_forged_memory_changes_nothing_and_says_so(tmp_path: Path) -> None:
    assert [str(one) for one in await windows(tmp_path) if one.wrong] == []


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


async def test_over_http_only_what_slack_signed_approves_and_a_replay_does_nothing(tmp_path: Path) -> None:
    assert [str(one) for one in await over_http(tmp_path) if one.wrong] == []


async def state_of(wire: Wire, place: Place) -> State:
    for _ in range(300):
        now = await wire.engine.snapshot(place.request)
        if now is not None and now.state is State.STOPPED:
            break
    assert now is not None
    return now.state


# ---------------------------------------------------------------- messages


async def test_what_is_no_persons_own_new_message_opens_nothing(tmp_path: Path) -> None:
    assert [str(one) for one in await messages(tmp_path) if one.wrong] == []


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
