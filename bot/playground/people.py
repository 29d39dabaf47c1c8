"""Scripted people: what they ask, answer and choose, as data, and the player that acts for them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.cards.modals import BLOCK, FIELD
from bot.cards.presses import (
    ApproveSpec,
    Choose,
    ChooseInWords,
    ChooseWishes,
    FindOut,
    PickOption,
    PickSeveral,
    Press,
    SubmitRound,
    YouDecide,
    unpacked,
)
from bot.playground.script import ScenarioInvalid
from bot.playground.slack import TEAM, LocalSlack, NotAcked
from bot.playground.slack.state import Message, elements_of
from bot.playground.wishes import Filled, Say, Wishes
from engine.events import Choice
from engine.request import Snapshot, State

Deed = Callable[[], Awaitable[object]]
Over = Callable[[str], Awaitable[bool]]
"""Whether the play is over, by the request's id; asked after every change of the workspace."""
Stands = Callable[[str], Awaitable[Snapshot | None]]
"""Where a request stands, by its id: who speaks during work looks at that first."""

AGAIN_S = 0.5
YOU_DECIDE = "You decide"
FIND_OUT = "Not sure, find out"
"""Answers that press these buttons instead of an option."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ending(_Strict):
    """How the play ends if everything is as it should be."""

    state: State
    gate: str
    review_rounds: int
    pull_request: bool


class Variant(_Strict):
    """What differs in a perturbed play."""

    answers: tuple[tuple[str, ...], ...] | None = None
    later_answers: tuple[tuple[tuple[str, ...], ...], ...] | None = None
    words: dict[Choice, str] | None = None
    choices: tuple[Choice, ...] | None = None
    says: tuple[Say, ...] | None = None
    picks: tuple[int, ...] | None = None
    accepts: tuple[str, ...] | None = None
    ways: tuple[str, ...] | None = None
    ends: Ending | None = None


class People(_Strict):
    """Who does what. User ids are those of the local Slack.

    Attributes:
        answers: One entry a question of the first round: labels to choose, or only YOU_DECIDE.
        later_answers: The same for each later round.
        ways: Labels to press where an escalation has several ways to pick from.
        words: What is typed where a choice opens a text field.
        says, picks, accepts: See bot.playground.wishes.
    """

    requester: str
    approver: str
    channel: str
    text: str
    answers: tuple[tuple[str, ...], ...] = ()
    later_answers: tuple[tuple[tuple[str, ...], ...], ...] = ()
    choices: tuple[Choice, ...] = ()
    ways: tuple[str, ...] = ()
    words: dict[Choice, str] = Field(default_factory=dict)
    says: tuple[Say, ...] = ()
    picks: tuple[int, ...] = ()
    accepts: tuple[str, ...] = ()
    ends: Ending
    variants: dict[str, Variant] = Field(default_factory=dict)

    @classmethod
    def load(cls, path: Path, variant: str | None = None) -> "People":
        """Read people.yml of a scenario, with a variant's changes.

        Raises:
            ScenarioInvalid: the file cannot be used; says where and why.
        """
        try:
            people = cls.model_validate(yaml.safe_load(path.read_text("utf-8")))
        except (OSError, yaml.YAMLError) as error:
            raise ScenarioInvalid(path, [f"cannot be read: {error}"]) from None
        except ValidationError as error:
            raise ScenarioInvalid(
                path, [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            ) from None
        if variant is None:
            return people
        if variant not in people.variants:
            raise ScenarioInvalid(path, [f"there is no variant {variant}"])
        changes = {k: v for k, v in dict(people.variants[variant]).items() if v is not None}
        return people.model_copy(update=changes)


_BUTTONS = ((YOU_DECIDE,), (FIND_OUT,))


def _label(press: YouDecide | FindOut) -> str:
    return FIND_OUT if isinstance(press, FindOut) else YOU_DECIDE


class Player:
    """Acts for the people of one scenario over a local Slack, the way they would: on the cards."""

    def __init__(self, people: People, slack: LocalSlack, stands: Stands | None = None) -> None:
        self._people = people
        self._wishes = Wishes(people.says, people.picks, people.accepts)
        self._stands = stands
        self._now: Snapshot | None = None
        self._slack = slack
        self._done: set[str] = set()
        self._moved = asyncio.Event()
        slack.workspace.observers.append(lambda _change: self._moved.set())

    async def play(self, over: Over, timeout_s: float) -> str:
        """Ask, and react until the play is over; returns the request's id.

        Raises:
            TimeoutError: it took longer than `timeout_s` seconds.
        """
        people = self._people
        requester = self._slack.person(people.requester)
        ts = await requester.mention(people.channel, people.text)
        request = f"{TEAM}:{people.channel}:{ts}"
        await self.go_on(request, over, timeout_s)
        return request

    async def go_on(self, request: str, over: Over, timeout_s: float) -> None:
        """React to a request that was asked for until the play is over.

        Raises:
            TimeoutError: it took longer than `timeout_s` seconds.
        """
        ts = request.rpartition(":")[2]
        async with asyncio.timeout(timeout_s):
            while not await over(request):
                self._moved.clear()
                if not await self._acted(request, ts) and not await over(request):
                    await self._moved.wait()

    async def _acted(self, request: str, thread: str) -> bool:
        """Say or do the next thing, if there is one."""
        self._now = await self._stands(request) if self._stands else None
        say = self._wishes.next_word(self._now)
        if say is not None:
            await self._slack.person(say.by).say(self._people.channel, thread, say.text)
            return True
        deed = self._next(thread)
        if deed is not None:
            await deed()
        return deed is not None

    def _next(self, thread: str) -> Deed | None:
        for message in self._slack.thread(self._people.channel, thread):
            for block, element in elements_of(message.blocks):
                press = unpacked(element.get("value") or block.get("block_id", ""))
                deed = self._deed(message, block, element, press) if press else None
                if deed is not None:
                    return deed
        return None

    def _deed(
        self, message: Message, block: dict[str, Any], element: dict[str, Any], press: Press
    ) -> Deed | None:
        people, action = self._people, element["action_id"]
        if isinstance(press, Choose | ChooseInWords | ChooseWishes):
            return self._choice(message, block, action, press)
        match press:
            case PickOption() if press.label in self._answer(press.round, press.question):
                return self._once(f"{message.ts}:{press.question}", people.requester, message, block, action)
            case YouDecide() | FindOut() if self._answer(press.round, press.question) == (_label(press),):
                return self._once(f"{message.ts}:{press.question}", people.requester, message, block, action)
            case PickSeveral() if self._answer(press.round, press.question) in _BUTTONS:
                return None
            case PickSeveral() if element["type"] == "multi_static_select":
                answer = self._answer(press.round, press.question)
                return self._once(
                    f"{message.ts}:{press.question}", people.requester, message, block, action, answer
                )
            case SubmitRound():
                return self._once(f"{message.ts}:submit", people.requester, message, block, action)
            case ApproveSpec():
                return self._once(f"{message.ts}:{press.hash}", people.approver, message, block, action)
        return None

    def _choice(
        self,
        message: Message,
        block: dict[str, Any],
        action: str,
        press: Choose | ChooseInWords | ChooseWishes,
    ) -> Deed | None:
        people = self._people
        if not self._wishes.due(press, self._now):
            return None
        if isinstance(press, Choose) and self._is_requesters(press):
            return self._once(f"{message.ts}:{press.choice}", people.requester, message, block, action)
        if self._wishes.accepts(press, self._now):
            return self._once(f"{message.ts}:{action}", people.requester, message, block, action)
        if press.choice not in people.choices:
            return None
        item = "" if isinstance(press, ChooseWishes) else press.item
        key = f"{message.ts}:{press.choice}:{item}"
        deed = self._once(key, people.approver, message, block, action)
        filled = self._filled(press)
        return self._told(key, deed, people.approver, filled) if deed and filled else deed

    def _is_requesters(self, press: Choose) -> bool:
        """Whether the requester presses it: to confirm a delivery, or to pick one of several ways."""
        confirms = press.card.startswith("delivery:") and press.choice is Choice.CONFIRM
        return confirms or (press.choice is Choice.PICK and press.label in self._people.ways)

    def _filled(self, press: Choose | ChooseInWords | ChooseWishes) -> Filled:
        """What is put into the modal that a choice opens, if it does."""
        if isinstance(press, ChooseWishes):
            return self._wishes.chosen(press, self._now)
        words = self._people.words.get(press.choice)
        return {BLOCK: {FIELD: words}} if words else {}

    def _told(self, key: str, deed: Deed, user: str, filled: Filled) -> Deed:
        """A deed that opens a modal, and what is put in there."""

        async def act() -> None:
            await deed()
            if self._slack.open_view(user) is None:
                # It took too long for a window to open: people are told to press the button again.
                self._done.discard(key)
                await asyncio.sleep(AGAIN_S)
            while (view := self._slack.open_view(user)) is not None:
                try:
                    await self._slack.person(user).submit_view(view.id, filled)
                except NotAcked:
                    await asyncio.sleep(AGAIN_S)

        return act

    def _answer(self, round: int, question: int) -> tuple[str, ...]:
        rounds = (self._people.answers, *self._people.later_answers)
        answers = rounds[round - 1] if 0 < round <= len(rounds) else ()
        return answers[question] if question < len(answers) else ()

    def _once(
        self,
        key: str,
        user: str,
        message: Message,
        block: dict[str, Any],
        action: str,
        values: Sequence[str] | None = None,
    ) -> Deed | None:
        if key in self._done:
            return None

        async def act() -> None:
            self._done.add(key)
            person = self._slack.person(user)
            try:
                if values is None:
                    await person.click(message.ts, action_id=action, block_id=block["block_id"])
                else:
                    await person.select(message.ts, action, values, block_id=block["block_id"])
            except NotAcked:
                # The bot is away or was killed under it: people see Slack's warning and click again.
                self._done.discard(key)
                await asyncio.sleep(AGAIN_S)

        return act
