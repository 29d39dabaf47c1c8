"""Scripted people: what a person does on the page, as calls."""

from collections.abc import Mapping, Sequence

from bot.playground.slack.choices import NotPossible
from bot.playground.slack.interactions import Interactions, Raw
from bot.playground.slack.sockets import Ack
from bot.playground.slack.state import BOT_NAME, Member


class Person:
    """Acts as one member. Targets are message ts (ephemeral ones too) or ids of open modals.

    Every method raises NotPossible where Slack's client would not allow it, and NotAcked where the
    app did not answer in time.
    """

    def __init__(self, member: Member, interactions: Interactions) -> None:
        self.member = member
        self._do = interactions

    async def mention(self, channel: str, text: str, thread_ts: str | None = None) -> str:
        """Mention the bot (a mention is put in front unless the text holds one) and return the ts.

        Does not wait for acks: see LocalSlack.acked.
        """
        whole = text if f"@{BOT_NAME}" in text else f"@{BOT_NAME} {text}".rstrip()
        return self._do.write(self.member.id, channel, whole, thread_ts)

    async def say(self, channel: str, thread_ts: str | None, text: str) -> str:
        """Write into a thread (or, with None, into the channel) and return the ts."""
        return self._do.write(self.member.id, channel, text, thread_ts)

    async def click(
        self, target: str, *, action_id: str, value: str | None = None, block_id: str | None = None
    ) -> Ack:
        """Click a button; `value`, if given, must be the button's."""
        ack = await self._do.act(self.member.id, target, action_id, value, block_id)
        if ack is None:
            raise NotPossible(f"{action_id} is an input, not a button.")
        return ack

    async def select(
        self, target: str, action_id: str, values: str | Sequence[str] | None, *, block_id: str | None = None
    ) -> Ack | None:
        """Choose in a menu, radio buttons, checkboxes or an overflow menu, by the options' values."""
        return await self._do.act(self.member.id, target, action_id, values, block_id)

    async def fill(
        self, target: str, action_id: str, text: str, *, block_id: str | None = None
    ) -> Ack | None:
        """Type into an input; None where Slack tells the app only with the next action or submit."""
        return await self._do.act(self.member.id, target, action_id, text, block_id)

    async def submit_view(self, view_id: str, values: Mapping[str, Mapping[str, Raw]] | None = None) -> Ack:
        """Fill in an open modal ({block_id: {action_id: value}}) and submit it.

        Raises:
            FieldErrors: a required field is empty, or the app sent it back with errors.
            AnswerInvalid: the app's answer is not one Slack takes.
        """
        return await self._do.submit(self.member.id, view_id, values or {})

    async def close_view(self, view_id: str) -> Ack | None:
        """Close a modal without submitting; None where the view does not ask to be told."""
        return await self._do.close(self.member.id, view_id)
