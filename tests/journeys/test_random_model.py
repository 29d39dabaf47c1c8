"""Whatever a model answers and people click: every thread ends in a clear state, and no gate is passed by."""

import asyncio
import contextlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest

from bot.cards.presses import (
    ApproveSpec,
    Choose,
    ChooseInWords,
    PickOption,
    ResumeRequest,
    StopRequest,
    SubmitRound,
)
from bot.playground.rehearsal import ReceivedCall, Rehearsal, Reply, ScriptRanOut
from bot.playground.script import SCENARIOS, Scenario, Variant
from bot.playground.slack import Channel, FieldErrors, Member, Message, NotPossible
from engine.adapters.local_forge import Record, read_records
from engine.events import Choice
from engine.request import Snapshot, State, Status
from engine.schemas import Severity
from tests.journeys.reading import SITUATION, can_stop, cards, presses
from tests.journeys.stage import Stage, staged
from tests.random_model import RandomResponder

THREAD_S = 100.0
CLICKS = 6
PATIENCE_S = 30.0
TEXT = "Add a new metric to track conversation resolution time"
EARLY = ("assess", "ask", "specify", "plan")
WEIGHTS = {StopRequest: 0.1, ApproveSpec: 12.0, SubmitRound: 6.0, Choose: 3.0, ChooseInWords: 2.0}
CLEAR = {
    State.CLARIFYING,
    State.AWAITING_APPROVAL,
    State.ESCALATED,
    State.BLOCKED,
    State.PAUSED,
    State.DELIVERED,
}


@dataclass(frozen=True)
class Case:
    """One thread: its seed and how careful the random model is.

    Attributes:
        scripted: Roles the script answers instead.
        asked: Whether that script asks questions first.
    """

    seed: int
    care: float
    scripted: tuple[str, ...] = ()
    asked: bool = False

    @property
    def channel(self) -> Channel:
        return Channel(f"C{self.seed:03d}", f"channel-{self.seed}")

    @property
    def members(self) -> tuple[Member, ...]:
        """Who asks, who may approve, and who has no say."""
        roles = ("requester", "approver", "no say")
        return tuple(Member(f"U{self.seed:03d}{n}", f"P{self.seed} {n}", r) for n, r in enumerate(roles))


CASES = (
    *(Case(seed, care) for seed, care in ((1, 0.0), (2, 0.5), (3, 0.9), (4, 1.0))),
    *(Case(seed, 1.0, ("assess", "ask"), asked=True) for seed in (5, 6)),
    *(Case(seed, care, EARLY) for seed, care in ((7, 0.0), (8, 0.6), (9, 1.0))),
    Case(10, 1.0, (*EARLY, "task")),
    Case(11, 0.9, (*EARLY, "review")),
    Case(12, 1.0, (*EARLY, "task", "review", "triage")),
)


def at_once() -> Rehearsal:
    """The script, but the request counts as specific, so that its threads come to work soon."""
    scenario = Scenario.load(SCENARIOS / SITUATION)
    specific = next(entry for entry in scenario.entries if entry.role == "assess" and entry.when)
    return Rehearsal([scenario.varied(Variant(replace=(specific.model_copy(update={"when": ()}),)))], pace=0)


@dataclass
class Mixed:
    """Answers each thread by its own case, known by the words it was opened with."""

    script: Rehearsal = field(default_factory=at_once)
    asking: Rehearsal = field(
        default_factory=lambda: Rehearsal([Scenario.load(SCENARIOS / SITUATION)], pace=0)
    )

    def reply(self, call: ReceivedCall) -> Reply:
        """As `Responder`."""
        text = call.conversation.opening
        case = next((case for case in CASES if f"case {case.seed}." in text), CASES[0])
        if call.role.partition(":")[0] in case.scripted:
            with contextlib.suppress(ScriptRanOut):
                reply = (self.asking if case.asked else self.script).reply(call)
                return Reply(reply.content)
        return RandomResponder(case.seed, case.care, tool_turns=2).reply(call)


class Wanderers:
    """People who click whatever they find, in one thread."""

    def __init__(self, stage: Stage, case: Case) -> None:
        self._stage = stage
        self._case = case
        self._rng = random.Random(case.seed)  # noqa: S311 (clicks, not secrets)
        self.thread = ""

    async def wander(self) -> Snapshot:
        """Ask, click at random, and wait until all is quiet; the state then."""
        requester = self._stage.slack.person(self._case.members[0].id)
        self.thread = await requester.mention(self._case.channel.id, f"{TEXT}, case {self._case.seed}.")
        for _ in range(CLICKS):
            snapshot = await self._quiet()
            if snapshot.state.ended:
                break
            await self._act()
        return await self._quiet()

    async def snapshot(self) -> Snapshot | None:
        """The request's stored state."""
        return await self._stage.snapshot(self._case.channel.id, self.thread)

    async def _let_go_on(self, snapshot: Snapshot) -> None:
        """Somebody had paused it at random: the card says so, and offers to go on."""
        card = cards(self._stage.slack, self._case.channel.id, snapshot.thread_ts)["progress"]
        found = (element for _, element, press in presses(card) if isinstance(press, ResumeRequest))
        if (element := next(found, None)) is not None:
            assert "Paused by <@U" in card.words
            person = self._stage.slack.person(self._case.members[0].id)
            await person.click(card.ts, action_id=element["action_id"])
        await asyncio.sleep(0.05)

    async def _quiet(self) -> Snapshot:
        """Wait until nothing runs; where nothing changes for too long, it hangs."""
        seen, end = None, monotonic() + PATIENCE_S
        while True:
            snapshot = await self.snapshot()
            if snapshot != seen:
                seen, end = snapshot, monotonic() + PATIENCE_S
            if snapshot and snapshot.hold:
                await self._let_go_on(snapshot)
                continue
            unclear = clear(self._stage, self._case, snapshot) if snapshot else "it was not heard"
            if snapshot and not snapshot.live and not unclear:
                return snapshot
            live = snapshot.live if snapshot else ()
            assert monotonic() < end, f"case {self._case.seed} hangs: {unclear}; {live}"
            await asyncio.sleep(0.5)

    async def _act(self) -> None:
        """Click something, or say something; going on is likelier than ending."""
        slack, rng = self._stage.slack, self._rng
        found = list(self._operable())
        who = rng.choices([m.id for m in self._case.members], (5, 5, 1))[0]
        if not found or rng.random() < 0.1:
            await slack.person(who).say(
                self._case.channel.id, self.thread, f"Could you also count {rng.random()}?"
            )
            return
        weights = [weight for *_, weight in found]
        message, block_id, action, values, _ = rng.choices(found, weights)[0]
        with contextlib.suppress(NotPossible):
            person = slack.person(who)
            if values:
                await person.select(message.ts, action, rng.choice(values), block_id=block_id)
            else:
                await person.click(message.ts, action_id=action, block_id=block_id)
        if (view := slack.open_view(who)) is not None:
            await self._fill(who, view.id, [b for b in view.blocks if b["type"] == "input"])

    async def _fill(self, who: str, view: str, inputs: list[dict[str, object]]) -> None:
        values = {
            str(block["block_id"]): {block["element"]["action_id"]: "12 minutes at most"}  # type: ignore[index]
            for block in inputs
        }
        with contextlib.suppress(FieldErrors):
            if inputs and self._rng.random() < 0.9:
                await self._stage.slack.person(who).submit_view(view, values)
                return
        await self._stage.slack.person(who).close_view(view)

    def _operable(self) -> Iterator[tuple[Message, str, str, list[list[str]], float]]:
        """(message, block, action, choices of a menu, weight)."""
        for message in cards(self._stage.slack, self._case.channel.id, self.thread).values():
            for block, element, press in presses(message):
                values = [[option["value"]] for option in element.get("options", ())]
                ends = getattr(press, "choice", None) in {Choice.STOP, Choice.REJECT_SPEC}
                weight = 0.1 if ends else WEIGHTS.get(type(press), 1.0)
                yield message, block["block_id"], element["action_id"], values, weight


def clear(stage: Stage, case: Case, snapshot: Snapshot) -> str:
    """What is unclear about where a thread stands, for people who look at it; nothing if it is clear."""
    shown = cards(stage.slack, case.channel.id, snapshot.thread_ts)
    progress = shown.get("progress")
    if progress is None:
        return "there is no progress card"
    if snapshot.state.ended:
        if can_stop(progress):
            return "it has ended, and the card does not say so"
        return "" if snapshot.ended_because in progress.words else "it has ended without a reason"
    if snapshot.state not in CLEAR:
        return f"nobody is waited for while {snapshot.state}"
    if not can_stop(progress):
        return "it cannot be stopped"
    if "Waiting for <@U" not in progress.words:
        return "it does not say who is waited for"
    return "" if _asks(shown, snapshot) else f"no card asks for anything while {snapshot.state}"


def _asks(shown: dict[str, Message], snapshot: Snapshot) -> bool:
    """Whether an open card offers what the state waits for."""
    wanted = {
        State.CLARIFYING: (f"questions:{len(snapshot.rounds)}", PickOption),
        State.AWAITING_APPROVAL: (f"spec:{len(snapshot.specs)}", ApproveSpec),
        State.DELIVERED: (f"delivery:{snapshot.deliveries}", Choose),
    }
    key, kind = wanted.get(snapshot.state, (f"escalation:{len(snapshot.escalations)}", Choose))
    card = shown.get(key)
    return card is not None and any(
        isinstance(p, kind | ChooseInWords | SubmitRound) for *_, p in presses(card)
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("cases", "deepest"),
    [(CASES[::2], State.WORKING), (CASES[1::2], State.REVIEWING)],
    ids=["odd seeds", "even seeds"],
)
async def test_every_thread_ends_clearly_and_nothing_passes_the_gate(
    tmp_path: Path, cases: Sequence[Case], deepest: State
) -> None:
    members = [member for case in cases for member in case.members]
    channels = [case.channel for case in cases]
    approvers = [case.members[1].id for case in cases]
    async with staged(tmp_path, Mixed(), members=members, channels=channels, approvers=approvers) as stage:
        groups = [Wanderers(stage, case) for case in cases]
        async with asyncio.timeout(THREAD_S):
            ends = await asyncio.gather(*(group.wander() for group in groups))
        for case, end in zip(cases, ends, strict=True):
            assert clear(stage, case, end) == ""
        records = {record.content.key: record for record in read_records(stage.forge)}
    assert set(records) <= {end.id for end in ends}
    for end in ends:
        if end.id in records:
            assert_passed_the_gate(end, records[end.id], set(approvers))
    # The seeds are worth their time: random answers reach this far into the engine.
    assert {"assess", "ask", "specify", "plan", "task"} <= {
        call.role.partition(":")[0] for call in stage.model.calls
    }
    states = {state for end in ends for state in end.states}
    assert {State.CLARIFYING, State.AWAITING_APPROVAL, deepest} <= states


def assert_passed_the_gate(end: Snapshot, record: Record, approvers: set[str]) -> None:
    """Everything that has to hold of a pull request, from the state and not from what was said."""
    commit = record.content.commit
    assert record.draft
    current = next(r for r in reversed(end.review_rounds) if r.commit == commit)
    assert end.reviewers
    for reviewer in end.reviewers:
        (reviewed,) = [r for r in current.reviews if r.reviewer == reviewer]
        assert reviewed.review is not None
        assert not reviewed.invalid
        assert reviewed.review.commit == commit
        assert {f.severity for f in reviewed.review.findings} <= {Severity.MINOR}
    statuses = {settled.status for settled in current.settled}
    assert not statuses & {Status.FAILED, Status.JUDGED_UNMET}
    assert Status.NOT_CHECKED not in statuses or end.unchecked_by is not None
    approved = [spec for spec in end.specs if {a.by.user for a in spec.approvals} & approvers]
    assert end.requester.user not in {a.by.user for spec in approved for a in spec.approvals}
    assert record.content.branch in {spec.branch for spec in approved}
