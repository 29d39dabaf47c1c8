"""Modals, triggers and what people picked so far: the short-lived part of the workspace."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from secrets import token_hex

from bot.playground.slack.inspection import Json
from bot.playground.slack.state import APP, BOT_ID, TEAM, Changed, Workspace, elements_of, with_ids

TRIGGER_SECONDS = 3.0
RESPONSE_URL_USES = 5
RESPONSE_URL_SECONDS = 1800.0
MAX_STACK = 3


@dataclass
class View:
    """An open modal. `root` is the first view of its stack, `previous` the one below it."""

    id: str
    user: str
    content: Json
    root: str
    previous: str | None
    hash: str

    @property
    def blocks(self) -> list[Json]:
        """The view's blocks, with ids filled in."""
        blocks: list[Json] = self.content["blocks"]
        return blocks


@dataclass
class ResponseUrl:
    """Where an interaction may be answered without a token: five times within half an hour."""

    user: str
    channel: str
    message_ts: str
    thread_ts: str | None
    expires: float
    uses: int = 0


@dataclass
class Trigger:
    """What a click allows: opening one modal for its person, within three seconds."""

    user: str
    expires: float
    used: bool = False


class TriggerRefused(Exception):
    """The trigger cannot open a view; the argument is Slack's error code."""


class StackFull(Exception):
    """A modal may have at most three views on top of each other."""


@dataclass
class Views:
    """Open modals a person, triggers, response URLs, and the current values of inputs and menus."""

    workspace: Workspace
    stacks: dict[str, list[View]] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    response_urls: dict[str, ResponseUrl] = field(default_factory=dict)
    _values: dict[tuple[str, str], dict[tuple[str, str], Json]] = field(default_factory=dict)

    def trigger(self, user: str) -> str:
        """A new trigger id for this person."""
        trigger_id = f"{int(self.workspace.clock() * 1000)}.{token_hex(4)}.{token_hex(16)}"
        self.triggers[trigger_id] = Trigger(user, self.workspace.clock() + TRIGGER_SECONDS)
        return trigger_id

    def redeem(self, trigger_id: str) -> str:
        """Use a trigger up and return whose it was.

        Raises:
            TriggerRefused: unknown, used before, or older than three seconds.
        """
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise TriggerRefused("invalid_trigger_id")
        if trigger.used:
            raise TriggerRefused("exchanged_trigger_id")
        if self.workspace.clock() > trigger.expires:
            raise TriggerRefused("expired_trigger_id")
        trigger.used = True
        return trigger.user

    def response_url(self, user: str, channel: str, message_ts: str, thread_ts: str | None) -> str:
        """A new unguessable id for answering one interaction."""
        url_id = token_hex(12)
        expires = self.workspace.clock() + RESPONSE_URL_SECONDS
        self.response_urls[url_id] = ResponseUrl(user, channel, message_ts, thread_ts, expires)
        return url_id

    def use_response_url(self, url_id: str) -> ResponseUrl | None:
        """Count one use; None if it is unknown, used up or too old."""
        entry = self.response_urls.get(url_id)
        if entry is None or entry.uses >= RESPONSE_URL_USES or self.workspace.clock() > entry.expires:
            return None
        entry.uses += 1
        return entry

    def top(self, user: str) -> View | None:
        """The modal this person sees, if any."""
        stack = self.stacks.get(user)
        return stack[-1] if stack else None

    def find(self, view_id: str | None = None, external_id: str | None = None) -> View | None:
        """An open view by its id or by the app's own."""
        for stack in self.stacks.values():
            for view in stack:
                if view.id == view_id or (external_id and view.content.get("external_id") == external_id):
                    return view
        return None

    def open(self, user: str, content: Json) -> View:
        """Show a modal, in place of any that was open."""
        self.stacks[user] = []
        return self.push(user, content)

    def push(self, user: str, content: Json) -> View:
        """Show a view on top of the open ones.

        Raises:
            StackFull: three are open already.
        """
        stack = self.stacks.setdefault(user, [])
        if len(stack) >= MAX_STACK:
            raise StackFull
        view_id = f"V0{token_hex(5).upper()}"
        root, previous = (stack[0].id, stack[-1].id) if stack else (view_id, None)
        view = View(view_id, user, _filled(content), root, previous, _new_hash(self.workspace))
        stack.append(view)
        self.workspace.changed(Changed.VIEWS, user)
        return view

    def replace(self, view: View, content: Json) -> View:
        """Put new content into an open view; inputs whose ids stay keep what was typed."""
        view.content = _filled(content)
        view.hash = _new_hash(self.workspace)
        self.workspace.changed(Changed.VIEWS, view.user)
        return view

    def close(self, view: View) -> None:
        """Take a view and everything above it away."""
        stack = self.stacks.get(view.user, [])
        if view in stack:
            del stack[stack.index(view) :]
        self.workspace.changed(Changed.VIEWS, view.user)

    def clear(self, user: str) -> None:
        """Close all views of a person."""
        self.stacks[user] = []
        self.workspace.changed(Changed.VIEWS, user)

    def pick(self, user: str, container: str, block_id: str, action_id: str, value: Json) -> None:
        """Remember what a person chose or typed in a message (by ts) or view (by id)."""
        self._values.setdefault((user, container), {})[block_id, action_id] = value

    def picked(self, container: str) -> dict[str, dict[str, dict[str, Json]]]:
        """What everyone picked in one message or view so far: {user: {block_id: {action_id: value}}}."""
        everyone: dict[str, dict[str, dict[str, Json]]] = {}
        for (user, where), values in self._values.items():
            if where == container:
                for (block_id, action_id), value in values.items():
                    everyone.setdefault(user, {}).setdefault(block_id, {})[action_id] = value
        return everyone

    def values(self, user: str, container: str, blocks: Sequence[Json]) -> dict[str, dict[str, Json]]:
        """`state.values` as Slack sends it: every stateful element, with what it holds now."""
        picked = self._values.get((user, container), {})
        values: dict[str, dict[str, Json]] = {}
        for block_id, element in _stateful(blocks):
            key = (block_id, element["action_id"])
            values.setdefault(block_id, {})[element["action_id"]] = picked.get(key) or initial_value(element)
        return values


def _stateful(blocks: Sequence[Json]) -> Iterator[tuple[str, Json]]:
    for block, element in elements_of(blocks):
        if element["type"] not in {"button", "overflow"}:
            yield block["block_id"], element


def initial_value(element: Json) -> Json:
    """The value of an untouched element."""
    kind = element["type"]
    match kind:
        case "multi_static_select" | "checkboxes":
            return {"type": kind, "selected_options": element.get("initial_options", [])}
        case "plain_text_input":
            return {"type": kind, "value": element.get("initial_value") or None}
        case _:
            return {"type": kind, "selected_option": element.get("initial_option")}


def view_json(view: View, values: dict[str, dict[str, Json]]) -> Json:
    """The view as the Web API and payloads show it."""
    defaults: Json = {
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "close": None,
        "submit": None,
    }
    return (
        defaults
        | view.content
        | {
            "id": view.id,
            "team_id": TEAM,
            "app_id": APP,
            "bot_id": BOT_ID,
            "app_installed_team_id": TEAM,
            "root_view_id": view.root,
            "previous_view_id": view.previous,
            "hash": view.hash,
            "state": {"values": values},
        }
    )


def _filled(content: Json) -> Json:
    return {**content, "blocks": with_ids(content["blocks"])}


def _new_hash(workspace: Workspace) -> str:
    return f"{int(workspace.clock())}.{token_hex(4)}"
