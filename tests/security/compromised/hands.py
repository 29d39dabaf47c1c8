"""What people do with cards: find what can be operated, press it, type into what opens."""

import contextlib
from collections.abc import Iterator
from typing import Any

from bot.cards.modals import BLOCK, FIELD
from bot.playground.slack import FieldErrors, LocalSlack, Message, NotPossible
from tests.journeys.reading import cards, presses

LONGEST_ANSWER, LONGEST_TEXT = 500, 2_900
Operable = tuple[Message, dict[str, Any], dict[str, Any], Any]
"""A message, a block of it, an element of that, and the press that it carries."""


class Hands:
    """In one thread of a local Slack."""

    def __init__(self, slack: LocalSlack, channel: str) -> None:
        self._slack = slack
        self._channel = channel
        self.thread = ""

    def operable(self) -> Iterator[Operable]:
        """Everything of ours that can be operated."""
        for message in cards(self._slack, self._channel, self.thread).values():
            for block, element, press in presses(message):
                yield message, block, element, press

    def find(self, kind: type) -> Operable | None:
        """The first that carries a press of this kind."""
        return next((one for one in self.operable() if isinstance(one[3], kind)), None)

    async def click(
        self, user: str, message: Message, block: dict[str, Any], element: dict[str, Any], values: Any = None
    ) -> None:
        """Press a button, or choose values in a menu; nothing where Slack would not let them."""
        person = self._slack.person(user)
        with contextlib.suppress(NotPossible, LookupError):
            if values is None:
                await person.click(message.ts, action_id=element["action_id"], block_id=block["block_id"])
            elif element["type"] == "multi_static_select":
                await person.select(message.ts, element["action_id"], values, block_id=block["block_id"])
            else:
                await person.select(message.ts, element["action_id"], values[0], block_id=block["block_id"])

    async def type_in(self, user: str, words: str, longest: int = LONGEST_TEXT) -> None:
        """Fill in the window in front of a person, if there is one, and send it."""
        view = self._slack.open_view(user)
        if view is not None:
            with contextlib.suppress(FieldErrors, NotPossible):
                await self._slack.person(user).submit_view(view.id, {BLOCK: {FIELD: words[:longest]}})
