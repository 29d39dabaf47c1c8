"""The people of a play: they ask, answer and approve as people do, with orders in all that they write."""

import asyncio
import contextlib
import copy
from collections.abc import Awaitable, Callable
from time import monotonic

from bot.cards.presses import (
    AnswerInWords,
    ApproveSpec,
    ChooseInWords,
    PickOption,
    PickSeveral,
    Press,
    SubmitRound,
    YouDecide,
    packed,
)
from bot.playground.slack import (
    TEAM,
    LocalSlack,
    NotAcked,
    NotPossible,
)
from engine.events import Choice
from engine.request import Snapshot, State
from tests.security.compromised.asked import BYSTANDER, Asked, Told
from tests.security.compromised.buttons import forgeries, overwrite, smuggled
from tests.security.compromised.cells import DECIDED_BY_CLICKS, Field, Sink, Technique, cells_of
from tests.security.compromised.hands import LONGEST_ANSWER, Hands, Operable
from tests.security.compromised.hiding import hidden
from tests.security.compromised.orders import loud

MOST_STEPS = 14
QUIET_S = 90.0
LOOK_S, CARD_LOOKS = 0.25, 24
FINDINGS = 2
MOST_REMARKS, POLLED_S = 2, 2.5
FORGED = {"build", "bad"}
SPOKEN_IN = {State.WORKING, State.REVIEWING, State.DELIVERED, State.ESCALATED}
OVER = {State.DELIVERED, State.ESCALATED, State.BLOCKED, State.PAUSED}
Stands = Callable[[str], Awaitable[Snapshot | None]]


class Thread:
    """One request's people."""

    def __init__(
        self,
        slack: LocalSlack,
        asked: Asked,
        stands: Stands,
        remark: Callable[[int, str], None],
        wanted: set[int],
        told: Told,
    ) -> None:
        self._slack = slack
        self._asked = asked
        self._stands = stands
        self._remark = remark
        self._remarks = 0
        self._wanted = wanted
        self._told = told
        self._spoke: set[State] = set()
        self._forged = False
        self._argued: set[str] = set()
        self._hands = Hands(slack, asked.channel.id)

    @property
    def request(self) -> str:
        """The request's id."""
        return f"{TEAM}:{self._asked.channel.id}:{self._hands.thread}"

    async def play(self) -> None:
        """From the first words to where nothing goes on by itself."""
        try:
            await self._ask()
            for _ in range(MOST_STEPS):
                snapshot = await self._quiet()
                self._told.ends[self._asked.name] = snapshot.state.value
                if snapshot.state is State.BLOCKED and await self._disputed():
                    continue
                if snapshot.state is State.DELIVERED and await self._remarked(snapshot):
                    continue
                if snapshot.state.ended or snapshot.state in OVER:
                    return
                await self._act(snapshot)
        except (NotAcked, TimeoutError) as error:
            self._told.stuck.append(f"{self._asked.name}: {error}")

    async def _remarked(self, snapshot: Snapshot) -> bool:
        """Have somebody at the forge say something on the pull request, a few times."""
        words = self._order(Field.REMARK)
        if not words or snapshot.delivery is None or self._remarks == MOST_REMARKS:
            return False
        self._remarks += 1
        self._remark(snapshot.delivery.number, f"{self._remarks}. {words}")
        await asyncio.sleep(POLLED_S)
        return True

    def _order(self, field: Field, technique: Technique | None = None) -> str:
        technique = technique or self._asked.technique
        cells = [cell for cell in cells_of(field, technique) if cell.number in self._wanted]
        return hidden(technique, cells) if cells else ""

    async def _ask(self) -> None:
        asked, slack = self._asked, self._slack
        history = self._order(Field.HISTORY)
        root = await slack.person(BYSTANDER).say(asked.channel.id, None, history) if history else None
        words = (
            f"Write the note of request {asked.name}, journey {asked.journey}. {self._order(Field.MESSAGE)}"
        )
        ts = await slack.person(asked.requester).mention(asked.channel.id, words, root)
        self._hands.thread = root or ts

    async def _quiet(self) -> Snapshot:
        """Wait until the model has done its part, as long as anything changes; say something meanwhile."""
        seen, end = None, monotonic() + QUIET_S
        while monotonic() < end:
            snapshot = await self._stands(self.request)
            if snapshot != seen:
                seen, end = snapshot, monotonic() + QUIET_S
            if snapshot is not None and snapshot.state in SPOKEN_IN - self._spoke:
                self._spoke.add(snapshot.state)
                if words := self._order(Field.REPLY):
                    await self._slack.person(BYSTANDER).say(self._asked.channel.id, self._hands.thread, words)
                    await asyncio.sleep(LOOK_S)
                    continue
            if snapshot is not None and not snapshot.live and self._can_act(snapshot):
                return snapshot
            await asyncio.sleep(LOOK_S)
        raise TimeoutError(f"nothing for {QUIET_S:g} s, {snapshot.state if snapshot else 'never heard'}")

    def _can_act(self, snapshot: Snapshot) -> bool:
        if snapshot.state is State.CLARIFYING:
            return self._hands.find(SubmitRound) is not None
        if snapshot.state is State.AWAITING_APPROVAL:
            found = self._hands.find(ApproveSpec)
            return found is not None and snapshot.spec is not None and found[3].hash == snapshot.spec.hash
        return snapshot.state.ended or snapshot.state in OVER

    # ------------------------------------------------------------ acting

    async def _act(self, snapshot: Snapshot) -> None:
        if not self._forged and self._asked.journey in FORGED:
            self._forged = True
            await self._forge(snapshot)
        if snapshot.state is State.CLARIFYING:
            await self._answer()
            return
        found = self._hands.find(ApproveSpec)
        if found is None:
            return
        message, block, element, press = found
        self._told.clicks.add((self.request, press.hash, self._asked.approver))
        await self._hands.click(self._asked.approver, message, block, element)
        await asyncio.sleep(LOOK_S)

    async def _answer(self) -> None:
        answered: set[tuple[int, int]] = set()
        words = {"look": self._order(Field.ANSWER), "existing": self._asked.branch}.get(
            self._asked.journey, ""
        )
        for message, block, element, press in list(self._hands.operable()):
            match press:
                case AnswerInWords(question=0) if words:
                    await self._hands.click(self._asked.requester, message, block, element)
                    await self._hands.type_in(self._asked.requester, words, LONGEST_ANSWER)
                    answered.add((press.round, 0))
                case PickOption() | YouDecide() if (press.round, press.question) not in answered:
                    if not press.question and words:
                        continue
                    await self._hands.click(self._asked.requester, message, block, element)
                    answered.add((press.round, press.question))
                case PickSeveral() if (press.round, press.question) not in answered:
                    values = [one["value"] for one in element.get("options", ())]
                    await self._hands.click(self._asked.requester, message, block, element, values[:1])
                    answered.add((press.round, press.question))
        found = self._hands.find(SubmitRound)
        if found is not None:
            await self._hands.click(self._asked.requester, *found[:3])
        await asyncio.sleep(LOOK_S)

    async def _disputed(self) -> bool:
        """Dispute a finding that was not disputed yet, with orders for a reason."""
        if self._asked.journey != "dispute" or len(self._argued) == FINDINGS:
            return False
        found = None
        for _ in range(CARD_LOOKS):  # the card may come a moment after the state
            found = next((one for one in self._hands.operable() if self._can_dispute(one[3])), None)
            if found is not None:
                break
            await asyncio.sleep(LOOK_S)
        else:
            return False
        self._argued.add(found[3].item)
        await self._hands.click(self._asked.approver, *found[:3])
        await self._hands.type_in(self._asked.approver, self._order(Field.REASON) or "It is fine.")
        await asyncio.sleep(LOOK_S)
        return True

    def _can_dispute(self, press: Press) -> bool:
        disputes = isinstance(press, ChooseInWords) and press.choice is Choice.DISPUTE
        return disputes and getattr(press, "item", "") not in self._argued

    # ------------------------------------------------------------ forged buttons

    async def _forge(self, snapshot: Snapshot) -> None:
        """Press buttons whose values somebody else wrote."""
        # Approvals first: what is pressed later may change what there is to approve.
        mine = [one for one in cells_of(Field.BUTTON, self._asked.technique) if one.number in self._wanted]
        mine.sort(key=lambda cell: cell.sink is not Sink.APPROVE)
        target = next(self._hands.operable(), None)
        for cell in mine:
            if target is None:
                return
            self._told.raw.add(cell)
            if cell.sink in DECIDED_BY_CLICKS:
                for press in forgeries(cell, self.request, snapshot):
                    await self._press(target, press, loud(cell))
        if target is not None and (words := self._order(Field.BUTTON)):
            for press in smuggled(mine, self.request):
                await self._press(target, press, words)

    async def _press(self, target: Operable, press: Press, words: str) -> None:
        """Press a button that has another value now, and type into the window if one opens."""
        message, block, element = target[:3]
        kept = copy.deepcopy(message.blocks)
        for one in message.blocks:
            if one.get("block_id") == block["block_id"]:
                overwrite(one, element["action_id"], packed(press))
        for user in (BYSTANDER, self._asked.requester):
            await self._hands.click(user, message, block, element)
            if (view := self._slack.open_view(user)) is not None:
                await self._hands.type_in(user, words)
                with contextlib.suppress(NotPossible):
                    await self._slack.person(user).close_view(view.id)
        message.blocks[:] = kept
