"""What scripted people say while work runs, and what they do with the wishes that come of it."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from bot.cards.modals import BLOCK, FIELD
from bot.cards.presses import Choose, ChooseWishes, Press
from engine.events import Choice
from engine.request import Snapshot, State

Filled = Mapping[str, Mapping[str, str | Sequence[str] | None]]
"""What is put into a modal: {block_id: {action_id: value}}."""


_COURSE = (
    State.ASSESSING,
    State.CLARIFYING,
    State.SPECIFYING,
    State.AWAITING_APPROVAL,
    State.WORKING,
    State.REVIEWING,
    State.DELIVERING,
    State.DELIVERED,
)


class Say(BaseModel):
    """Words in the thread, once the request has come to a state and everything before was told apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: State
    by: str
    text: str


class Wishes:
    """Keeps count of what was said, and tells what is due on the card of wishes.

    Args:
        says: In order.
        picks: Wishes to redefine or prioritise with, by their place in the list, from 1.
        accepts: Titles of wishes to start as requests of their own.
    """

    def __init__(self, says: Sequence[Say], picks: Sequence[int], accepts: Sequence[str]) -> None:
        self._says = says
        self._picks = picks
        self._accepts = accepts
        self._said = 0

    def next_word(self, now: Snapshot | None) -> Say | None:
        """What is to be said now, if anything; counted as said."""
        if now is None or self._said == len(self._says) or not self._all_told_apart(now):
            return None
        say = self._says[self._said]
        if now.state not in _COURSE[_COURSE.index(say.when) :]:
            return None
        self._said += 1
        return say

    def _all_told_apart(self, now: Snapshot) -> bool:
        return len(now.scope_items) + len(now.taken) >= self._said

    def due(self, press: Press, now: Snapshot | None) -> bool:
        """Whether a choice about wishes, or the confirmation of the delivery, can be made now."""
        if now is None or not self._says:
            return True
        if self._said < len(self._says) or not self._all_told_apart(now):
            return False
        if isinstance(press, Choose) and press.choice is Choice.CONFIRM:
            return not any(item.open and item.title in self._accepts for item in now.scope_items)
        return True

    def accepts(self, press: Press, now: Snapshot | None) -> bool:
        """Whether a button starts one of the accepted wishes."""
        if now is None or not isinstance(press, Choose) or press.choice is not Choice.START_WISH:
            return False
        return any(item.ts == press.item and item.title in self._accepts for item in now.scope_items)

    def chosen(self, press: ChooseWishes, now: Snapshot | None) -> Filled:
        """What is put into the modal: a choice of several, or a wish for each place."""
        wishes = [item.ts for item in now.scope_items if item.open] if now else []
        picked = [wishes[number - 1] for number in self._picks if number <= len(wishes)]
        if press.choice is Choice.REDEFINE:
            return {BLOCK: {FIELD: picked}}
        return {BLOCK if n == 0 else f"{BLOCK}:{n}": {FIELD: ts} for n, ts in enumerate(picked)}
