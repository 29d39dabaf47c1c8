"""What people do in Slack's client: write, click, choose, fill in, submit, close."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bot.playground.slack import payloads
from bot.playground.slack.choices import NotPossible, missing_inputs, value_of
from bot.playground.slack.composer import typed
from bot.playground.slack.inspection import Json
from bot.playground.slack.limits import view_violations
from bot.playground.slack.sockets import Ack, SocketMode
from bot.playground.slack.state import (
    BOT_NAME,
    BOT_USER,
    Changed,
    Member,
    Message,
    Workspace,
    find_button_again,
    find_element,
)
from bot.playground.slack.views import StackFull, View, Views, view_json

Raw = str | Sequence[str] | None
"""What a person puts into an element: typed text, an option's value, or several of them."""

MAX_TYPED = 40_000


class AnswerInvalid(Exception):
    """The app's answer to a submitted view is not one Slack takes; the argument is a sentence."""


class FieldErrors(Exception):
    """A submitted view was sent back; `errors` has a sentence a block_id, `ack` the app's answer if any."""

    def __init__(self, errors: Mapping[str, str], ack: Ack | None) -> None:
        super().__init__("; ".join(f"{block_id}: {text}" for block_id, text in errors.items()))
        self.errors = dict(errors)
        self.ack = ack


class Interactions:
    """Turns a person's acts into state changes and envelopes.

    Args:
        base_url: Address of this server, for response URLs.
    """

    def __init__(
        self, workspace: Workspace, views: Views, socket: SocketMode, base_url: Callable[[], str]
    ) -> None:
        self._workspace = workspace
        self._views = views
        self._socket = socket
        self._base_url = base_url

    def write(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> str:
        """Post what a person typed and return its ts. "@Greenlight" becomes a mention, as other names do.

        Raises:
            NotPossible: unknown person, channel or thread, nothing to send, or too long.
        """
        member = self.member(user)
        if channel not in self._workspace.channels:
            raise NotPossible(f"There is no channel {channel}.")
        root = self._root(channel, thread_ts) if thread_ts else None
        if not text.strip() or len(text) > MAX_TYPED:
            raise NotPossible(f"A message has 1 to {MAX_TYPED} characters, this one has {len(text)}.")
        people = {member.name: member.id for member in self._workspace.members.values()}
        sent = typed(text, people | {BOT_NAME: BOT_USER})
        message = Message(channel, self._workspace.next_ts(), user, sent, thread_ts=root, team=member.team)
        self._workspace.add(message)
        self.announce(message)
        return message.ts

    def announce(self, message: Message) -> None:
        """Send a new message's events: `message`, and `app_mention` where it mentions the bot."""
        events = [payloads.message_event(self._workspace, message)]
        if f"<@{BOT_USER}>" in message.text and not message.by_bot:
            events.append(payloads.mention_event(self._workspace, message))
        for event in events:
            self._socket.send_event(payloads.event_callback(event, self._workspace), message.ts)

    def announce_change(self, message: Message, before: Json) -> None:
        """Send the event of an edited message."""
        event_ts = self._workspace.next_ts()
        event = payloads.changed_event(message, before, event_ts)
        self._socket.send_event(payloads.event_callback(event, self._workspace), event_ts)

    def delete(self, ts: str) -> str:
        """Delete a message, whoever wrote it, and send the event; returns the event's ts.

        Raises:
            KeyError: there is none.
        """
        message = self._workspace.messages[ts]
        has_replies = len(self._workspace.thread(message.channel, ts)) > 1 and message.thread_ts is None
        event = payloads.deleted_event(message, self._workspace.next_ts(), has_replies=has_replies)
        if has_replies:
            message.user, message.text, message.blocks = "USLACKBOT", "This message was deleted.", []
            message.metadata = None
            self._workspace.add(message)
        else:
            self._workspace.remove(ts)
        self._socket.send_event(payloads.event_callback(event, self._workspace), event["event_ts"])
        return str(event["event_ts"])

    def announce_event(self, event: Mapping[str, object]) -> str:
        """Send an event that concerns no message, such as channel_unarchive; returns its ts."""
        event_ts = self._workspace.next_ts()
        whole = {**event, "event_ts": event_ts}
        self._socket.send_event(payloads.event_callback(whole, self._workspace), event_ts)
        return event_ts

    def share(self, channel: str, *, shared: bool) -> str:
        """Share a channel with another workspace, or no longer; returns the event's ts."""
        self._workspace.channels[channel] = replace(self._workspace.channels[channel], shared=shared)
        event = payloads.sharing_event(channel, self._workspace.next_ts(), shared=shared)
        self._socket.send_event(payloads.event_callback(event, self._workspace), event["event_ts"])
        return str(event["event_ts"])

    async def act(
        self, user: str, container: str, action_id: str, raw: Raw = None, block_id: str | None = None
    ) -> Ack | None:
        """Operate one element of a message (by ts) or of an open modal (by view id).

        Returns:
            The app's ack, or None where Slack sends nothing (an input without dispatch_action).

        Raises:
            NotPossible: there is no such element, option or message for this person.
            NotAcked: the app did not answer in time.
        """
        member = self.member(user)
        place = self._place(user, container)
        try:
            block, element = find_element(place.blocks, action_id, block_id)
        except LookupError as error:
            again = find_button_again(place.blocks, action_id, raw) if isinstance(raw, str) else None
            if again is None:
                raise NotPossible(f"In {container}: {error}") from None
            block, element = again
        value = value_of(element, raw)
        if element["type"] not in {"button", "overflow"}:
            self._views.pick(user, container, block["block_id"], action_id, value)
            if isinstance(place, Message):
                self._workspace.changed(Changed.MESSAGE, place.ts)
        if block["type"] == "input" and not block.get("dispatch_action"):
            return None
        stamps = {
            "action_id": action_id,
            "block_id": block["block_id"],
            "action_ts": self._workspace.next_ts(),
        }
        return await self._socket.interact(self._action(member, place, value | stamps))

    async def submit(self, user: str, view_id: str, values: Mapping[str, Mapping[str, Raw]]) -> Ack:
        """Fill in an open modal and press its submit button.

        `values` is {block_id: {action_id: what is put in}}; what is left out keeps its value.

        Raises:
            NotPossible: the view is not open for this person, or has no such input.
            FieldErrors: a required field is empty, or the app sent the view back with errors.
            AnswerInvalid: the app's answer is not one Slack takes.
            NotAcked: the app did not answer in time.
        """
        member, view = self.member(user), self._view(user, view_id)
        for block_id, actions in values.items():
            for action_id, raw in actions.items():
                self._fill(view, block_id, action_id, raw)
        state = self._views.values(user, view.id, view.blocks)
        missing = missing_inputs(view.blocks, state)
        if missing:
            raise FieldErrors(missing, None)
        payload = payloads.view_submission(member, self._views.trigger(user), view_json(view, state))
        ack = await self._socket.interact(payload)
        self._apply(view, ack)
        return ack

    async def close(self, user: str, view_id: str) -> Ack | None:
        """Close a modal with its close button; the app is told if the view asks for it."""
        member, view = self.member(user), self._view(user, view_id)
        state = view_json(view, self._views.values(user, view.id, view.blocks))
        clears = bool(view.content.get("clear_on_close"))
        if clears:
            self._views.clear(user)
        else:
            self._views.close(view)
        if not view.content.get("notify_on_close"):
            return None
        return await self._socket.interact(payloads.view_closed(member, state, all_of_them=clears))

    def member(self, user: str) -> Member:
        """The person with this id.

        Raises:
            NotPossible: there is none.
        """
        member = self._workspace.members.get(user)
        if member is None:
            raise NotPossible(f"There is no person {user}; there are {', '.join(self._workspace.members)}.")
        return member

    def _root(self, channel: str, thread_ts: str) -> str:
        """The thread's own ts, also where a reply's was given."""
        thread = self._workspace.thread(channel, thread_ts)
        if not thread:
            raise NotPossible(f"There is no thread {thread_ts} in {channel}.")
        return thread[0].thread_ts or thread[0].ts

    def _place(self, user: str, container: str) -> Message | View:
        if container.startswith("V"):
            return self._view(user, container)
        message = self._workspace.messages.get(container)
        if message is None or message.visible_to not in {None, user}:
            raise NotPossible(f"{user} sees no message {container}.")
        return message

    def _view(self, user: str, view_id: str) -> View:
        view = self._views.top(user)
        if view is None or view.id != view_id:
            there = f"the open one is {view.id}" if view else "none is open"
            raise NotPossible(f"{user} has no modal {view_id} in front: {there}.")
        return view

    def _fill(self, view: View, block_id: str, action_id: str, raw: Raw) -> None:
        try:
            _, element = find_element(view.blocks, action_id, block_id)
        except LookupError as error:
            raise NotPossible(f"In {view.id}: {error}") from None
        self._views.pick(view.user, view.id, block_id, action_id, value_of(element, raw))

    def _action(self, member: Member, place: Message | View, action: Json) -> Json:
        trigger_id = self._views.trigger(member.id)
        if isinstance(place, View):
            values = self._views.values(member.id, place.id, place.blocks)
            return payloads.view_action(member, trigger_id, view_json(place, values), action)
        url_id = self._views.response_url(member.id, place.channel, place.ts, place.thread_ts)
        place_now = {
            "channel": {"id": place.channel, "name": self._workspace.channels[place.channel].name},
            "response_url": f"{self._base_url()}/response/{url_id}",
            "state": {"values": self._views.values(member.id, place.ts, place.blocks)},
        }
        return payloads.message_action(member, trigger_id, place, action) | place_now

    def _apply(self, view: View, ack: Ack) -> None:
        answer = ack.payload or {}
        match answer.get("response_action"):
            case None:
                self._views.close(view)
            case "clear":
                self._views.clear(view.user)
            case "errors":
                raise FieldErrors(self._known_errors(view, answer.get("errors")), ack)
            case "update":
                self._views.replace(view, self._valid(answer.get("view")))
            case "push":
                self._push(view.user, self._valid(answer.get("view")))
            case other:
                raise AnswerInvalid(f"Slack knows no response_action {other!r}.")

    def _push(self, user: str, content: Json) -> None:
        try:
            self._views.push(user, content)
        except StackFull:
            raise AnswerInvalid("Three views are open already.") from None

    def _known_errors(self, view: View, errors: object) -> dict[str, str]:
        inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
        if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
            raise AnswerInvalid(f"Errors must name input blocks of the view ({', '.join(inputs)}): {errors}")
        return {str(block_id): str(text) for block_id, text in errors.items()}

    def _valid(self, content: object) -> Json:
        refused = view_violations(content)
        if refused or not isinstance(content, dict):
            raise AnswerInvalid("; ".join(map(str, refused)))
        return content
