"""Everything Slack sends, registered by name: decode, accept, ack, reply. No logic.

The app has to be made with `process_before_response=True`. Bolt then sends the ack only after the
listener returned, and none at all if it raised (its answer has status 500, which the Socket Mode
adapter does not send): Slack sends the event again after 0, 1 and 5 minutes. So an event is acked once
the engine has stored it, and a repetition changes nothing because its key is the same. Clicks are never
sent again by Slack: who clicked is told in a sentence. What is told goes out after the ack.
"""

import asyncio
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot import decode
from bot.cards.heard import heard_modal
from bot.cards.modals import BLOCK, CALLBACK, detail_modal, text_modal
from bot.cards.presses import ACTION, ChooseInWords
from bot.cards.text import mrkdwn
from bot.cards.wish_modal import wish_modal
from bot.channel import Identity
from bot.decode import (
    Heard,
    Missing,
    OpenSection,
    OpenText,
    OpenWishes,
    Place,
    ShowDetail,
    ShowPage,
    Tell,
)
from bot.pacing import NewestWins
from bot.slack_errors import is_slack, lacks_method, part, shut_by, slack_errors
from engine.cards import Card, Detail, ScopeCard
from engine.errors import ChatShut, GreenlightError, Transient
from engine.events import Answered, Chose, Event, Reply, Shared, Sign
from engine.people import Person
from engine.trace import trace
from engine.withholding import kept as without_secrets

log = structlog.get_logger(__name__)

Json = dict[str, Any]

EVERYTHING = re.compile(".*", re.DOTALL)
OURS = re.compile(rf"^{re.escape(ACTION)}")
DETAIL_SECONDS = 1.5
"""Of the three a trigger lives; the rest is for opening the modal."""
WINDOW_SECONDS = 2.5
"""All in all: the ack of a click goes out after it, and Slack waits three seconds for that."""
ONCE_MORE = "Slack did not open the window. Please press the button again."
LONGEST_PAUSE_S = 30.0
TELL_SECONDS = 10.0
TELL_PAUSES_S = (0.5, 2.0)
"""Before telling somebody again what Slack did not take; the thread's cards tell the rest."""
CLOSE_SECONDS = 1.5
SHUT = ("channel_archive", "channel_deleted", "channel_left", "group_archive", "group_deleted", "group_left")
REMEMBERED = 1000
"""Events of which it is remembered that their author was told something."""


class Acceptor(Protocol):
    """What listeners need of the engine."""

    async def accept(self, event: Event) -> Reply:
        """Store the event and all that follows from it; tell what the one who caused it is told."""
        ...

    async def not_entitled(self, person: Person) -> str:
        """Why nothing of this person counts and they are shown nothing; empty if it does."""
        ...

    async def detail(self, request: str, card: str) -> Detail | None:
        """The whole of a card, or None if there is nothing more to it."""
        ...

    async def card(self, request: str, key: str) -> Card | None:
        """A card as it looks now, or None if there is nothing to show."""
        ...

    async def channels(self, team: str) -> list[str]:
        """The channels in which requests have not ended."""
        ...

    async def shared(self, team: str, channel: str, told: Shared) -> None:
        """Tell every request of a channel that people of another workspace share it, or no longer."""
        ...

    async def shut(self, team: str, channel: str, error: ChatShut) -> None:
        """Nothing can be said in a channel for now: who asked for something there is told."""
        ...

    async def reopened(self, team: str, channel: str) -> None:
        """What rests in a channel may be said again."""
        ...


class Listeners:
    """The listeners of one app.

    Args:
        engine: Takes the events.
        client: For what is told to the one who acted.
        me: Who the bot is. An app may be installed in several workspaces; what comes from others is
            none of this bot's.
        doubt: Called where Slack says that it took the app's tokens away.
        changed: Called with the id of a user of whom Slack says that something changed.
    """

    def __init__(
        self,
        engine: Acceptor,
        client: AsyncWebClient,
        me: Identity,
        doubt: Callable[[str], None] = lambda _: None,
        changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._client = client
        self._me = me
        self._doubt = doubt
        self._changed = changed
        self._replies: set[asyncio.Task[None]] = set()
        self._pages: NewestWins[str, tuple[Place, ShowPage]] = NewestWins(0.0, self._refresh)
        self._told: OrderedDict[str, None] = OrderedDict()
        self._shared: set[str] = set()

    def register(self, app: AsyncApp) -> None:
        """Register everything; the catch-alls come last, so that nothing stays unacked by oversight."""
        app.event("app_mention")(self.on_message)
        app.event("message")(self.on_message)
        for sharing in ("channel_shared", "channel_unshared"):
            app.event(sharing)(self.on_sharing)
        for again in ("member_joined_channel", "channel_unarchive", "group_unarchive"):
            app.event(again)(self.on_reopened)
        for shut in SHUT:
            app.event(shut)(self.on_shut)
        app.event("user_change")(self.on_user_change)
        for taken_away in ("tokens_revoked", "app_uninstalled"):
            app.event(taken_away)(self.on_taken_away)
        app.action(OURS)(self.on_action)
        app.view(CALLBACK)(self.on_submission)
        app.view_closed(EVERYTHING)(acknowledge)
        app.view(EVERYTHING)(acknowledge)
        app.action(EVERYTHING)(acknowledge)
        app.event(EVERYTHING)(acknowledge)
        app.error(self.on_error)

    async def close(self) -> None:
        """Let replies that are on their way go out, for a few seconds."""
        closing = asyncio.create_task(self._pages.close())
        if self._replies:
            _, late = await asyncio.wait(self._replies, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
        await closing

    # ------------------------------------------------------------ events

    async def on_message(self, body: Json) -> None:
        """A mention, or a message in a thread. What is raised here keeps the ack back."""
        await self.on_sharing(body)
        heard = self._message(body)
        if heard is not None:
            await self._act(heard)

    def look_round(self) -> None:
        """Ask of channels with work whether another workspace came to share them while nobody listened."""
        self._later(self._look_round())

    async def _look_round(self) -> None:
        for channel in await self._engine.channels(self._me.team):
            try:
                async with slack_errors("to tell me about a channel"):
                    answer = await self._client.conversations_info(channel=channel)
                    about = part(answer, "channel", dict)
                if about.get("is_ext_shared") is True:
                    now = datetime.now(UTC)
                    told = Shared(key=f"shared:{now.isoformat()}", request="", at=now)
                    await self._engine.shared(self._me.team, channel, told)
                    self._shared.add(channel)
            except GreenlightError as error:  # then its next message tells
                log.warning("channel.untold", channel=channel, error=type(error).__name__)

    async def on_sharing(self, body: Json) -> None:
        """Another workspace shares the channel now, or no longer; what is raised keeps the ack back."""
        told = decode.sharing(body)
        if told is None or told.home != self._me.team:
            return
        if told.what.shared and not told.what.team and told.channel in self._shared:
            return  # each event of a shared channel says so
        await self._engine.shared(told.home, told.channel, told.what)
        (self._shared.add if told.what.shared else self._shared.discard)(told.channel)

    def _message(self, body: Json) -> Heard | None:
        heard = decode.message(body, self._me.user)
        if heard is not None and heard.home != self._me.team:
            log.warning("event.foreign", team=heard.home)
            return None
        return heard

    async def on_reopened(self, body: Json) -> None:
        """The bot was invited again, or the channel is no longer archived: what rested there goes on."""
        channel = decode.reopened(body, self._me.user)
        if channel:
            self._later(self._engine.reopened(self._me.team, channel))

    async def on_shut(self, body: Json) -> None:
        """A channel was archived or deleted, or the bot removed: Slack is asked whether that is so."""
        if channel := decode.shut(body):
            self._later(self._look_whether_shut(channel))

    async def _look_whether_shut(self, channel: str) -> None:
        try:
            async with slack_errors("to tell me about a channel"):
                about = part(await self._client.conversations_info(channel=channel), "channel", dict)
            if about.get("is_archived") is True:
                raise shut_by("is_archived")
            if about.get("is_member") is False:
                raise shut_by("not_in_channel")
        except ChatShut as error:
            await self._engine.shut(self._me.team, channel, error)
        except GreenlightError as error:  # then the next card finds out
            log.warning("channel.untold", channel=channel, error=type(error).__name__)

    async def on_user_change(self, body: Json) -> None:
        """Somebody was deactivated, became a guest, or only changed their picture."""
        if user := decode.changed_user(body):
            self._changed(user)

    async def on_taken_away(self, body: Json) -> None:
        """The app was removed or its tokens revoked, as Slack says: it is asked whether that is so."""
        log.warning("installation.doubted", of=str(body.get("event", {}).get("type"))[:40])
        self._doubt("auth.test")

    # ------------------------------------------------------------ clicks

    async def on_action(self, ack: AsyncAck, body: Json) -> None:
        """A button or a menu of ours."""
        await ack()
        heard = decode.action(body)
        if heard is None:
            return
        try:
            refusal = await self._act(heard)
        except Exception as error:  # noqa: BLE001 (process edge: who clicked has to be told)
            refusal = _apology(error, heard)
        if refusal:
            self._tell(heard.place, refusal)

    async def on_submission(self, ack: AsyncAck, body: Json) -> None:
        """A text modal was sent; it stays open, with the reason, if nothing was stored."""
        heard = decode.submission(body, datetime.now(UTC))
        if heard is None:
            await ack()
            return
        if isinstance(heard.what, Missing):
            await ack(response_action="errors", errors={heard.what.block_id: heard.what.sentence})
            return
        try:
            refusal = await self._act(heard)
        except Exception as error:  # noqa: BLE001 (process edge: who typed has to be told)
            refusal = _apology(error, heard)
        if refusal:
            await ack(response_action="errors", errors={BLOCK: refusal})
        else:
            await ack()

    # ------------------------------------------------------------ doing

    async def _act(self, heard: Heard) -> str:
        """Do it; what comes back is why it was not taken as it is: it may be tried again."""
        what = heard.what
        if isinstance(what, Tell | Missing):
            self._tell_once(heard.key, heard.place, what.sentence)
            return ""
        if heard.home != self._me.team:
            return decode.OUT_OF_DATE
        if not isinstance(what, OpenText | OpenWishes | ShowPage | OpenSection | ShowDetail):
            return await self._accept(heard, what)
        try:
            async with asyncio.timeout(WINDOW_SECONDS):
                if refusal := await self._engine.not_entitled(heard.by):
                    return f"{refusal} Your click changed nothing."
                await self._window(heard.place, what)
        except (Transient, TimeoutError) as error:  # the trigger will be too old: nothing here tries again
            log.warning("window.untold", error=type(error).__name__)
            return ONCE_MORE
        return ""

    async def _window(
        self, place: Place, wanted: OpenText | OpenWishes | ShowPage | OpenSection | ShowDetail
    ) -> None:
        match wanted:
            case OpenText(trigger_id=trigger_id, asked=asked):
                await self._open(trigger_id, text_modal(asked))
            case OpenWishes():
                await self._choose(place, wanted)
            case ShowPage():
                await self._show_page(place, wanted)
            case OpenSection():
                await self._edit(place, wanted)
            case ShowDetail():
                await self._show(place, wanted)

    async def _accept(self, heard: Heard, event: Event) -> str:
        reply = await self._engine.accept(event)
        if reply.sign is Sign.AGAIN:
            return reply.text
        told = _with_words(reply.text, event) if reply.text and heard.typed else reply.text
        if told or heard.besides:
            self._tell_once(heard.key, heard.place, f"{told}\n{heard.besides}".strip())
        if page := heard.then:
            # After the ack, which does not wait for Slack; in order, so that the page ends as it is now.
            self._later(self._pages.put(page.view_id, (heard.place, page)))
        return ""

    async def _show(self, place: Place, wanted: ShowDetail) -> None:
        async with asyncio.timeout(DETAIL_SECONDS):
            detail = await self._engine.detail(wanted.request, wanted.card)
        if detail is None:
            self._tell(place, "There is no more to it than the card shows.")
        else:
            await self._open(wanted.trigger_id, detail_modal(detail))

    async def _show_page(self, place: Place, wanted: ShowPage) -> None:
        card = await self._heard(wanted.request)
        if card is None:
            self._tell(place, "Nothing that was said here can be corrected now.")
        elif wanted.view_id:
            async with slack_errors():
                await self._client.views_update(view_id=wanted.view_id, view=heard_modal(card, wanted.leaf))
        else:
            await self._open(wanted.trigger_id, heard_modal(card, wanted.leaf))

    async def _refresh(self, _view: str, page: tuple[Place, ShowPage]) -> None:
        """What was done is stored; that the page still shows what was before is no failure of it."""
        place, wanted = page
        try:
            async with asyncio.timeout(WINDOW_SECONDS):
                await self._show_page(place, wanted)
        except (GreenlightError, TimeoutError) as error:
            log.warning("page.stale", request=wanted.request, error=type(error).__name__)

    async def _choose(self, place: Place, wanted: OpenWishes) -> None:
        card = await self._heard(wanted.press.request)
        wishes = [wish for wish in card.wishes if wish.fate == "proposed"] if card else []
        if wishes:
            await self._open(wanted.trigger_id, wish_modal(wanted.asked, wanted.press, wishes))
        else:
            self._tell(place, "No proposed task is open any more.")

    async def _heard(self, request: str) -> ScopeCard | None:
        async with asyncio.timeout(DETAIL_SECONDS):
            card = await self._engine.card(request, "scope:1")
        return card if isinstance(card, ScopeCard) else None

    async def _edit(self, place: Place, wanted: OpenSection) -> None:
        press = wanted.asked.press
        version = press.card.partition(":")[2] if isinstance(press, ChooseInWords) else ""
        async with asyncio.timeout(DETAIL_SECONDS):
            detail = await self._engine.detail(press.request, f"edit:{version}:{wanted.section}")
        if detail is None:
            self._tell(
                place, "This section cannot be edited here; use “Say what to change” on the newest version."
            )
        else:
            await self._open(wanted.trigger_id, text_modal(wanted.asked, detail.title, detail.text))

    async def _open(self, trigger_id: str, view: Json) -> None:
        async with slack_errors():
            await self._client.views_open(trigger_id=trigger_id, view=view)

    def _tell_once(self, key: str, place: Place, sentence: str) -> None:
        """A mention comes as two events, and what fails comes again: its author hears of it once."""
        if key not in self._told:
            self._told[key] = None
            self._tell(place, sentence)
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)

    def _tell(self, place: Place, sentence: str) -> None:
        if place.user:
            self._later(self._post_ephemeral(place, sentence))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._replies.add(task)
        task.add_done_callback(self._replies.discard)

    async def _post_ephemeral(self, place: Place, sentence: str) -> None:
        for pause in (*TELL_PAUSES_S, None):
            try:
                async with slack_errors(), asyncio.timeout(TELL_SECONDS):
                    await self._client.chat_postEphemeral(
                        channel=place.channel,
                        user=place.user,
                        thread_ts=place.thread_ts,
                        text=mrkdwn(sentence[:3000]),
                    )
            except GreenlightError as error:
                unknown = lacks_method(error) and not is_slack(self._client.base_url)
                if pause is None or unknown or not isinstance(error, Transient):
                    log.warning("reply.lost", channel=place.channel, error=type(error).__name__)
                    return
                await asyncio.sleep(max(pause, min(error.retry_after or 0.0, LONGEST_PAUSE_S)))
            else:
                return

    # ------------------------------------------------------------ errors

    async def on_error(self, error: Exception, body: Json) -> None:
        """What escaped a listener. An event is not acked then; its author is told the first time."""
        heard = self._message(body) if body.get("type") == "event_callback" else None
        sentence = _apology(error, heard)
        if heard is not None:
            again = "Slack repeats your message to me within minutes; if nothing happens then, send it again."
            self._tell_once(f"failed:{heard.key}", heard.place, f"{sentence} {again}")


def _with_words(sentence: str, event: Event) -> str:
    """A modal closes over what was typed into it: that comes back with what is said about it."""
    kept, _ = without_secrets(event)
    typed = kept.text if isinstance(kept, Answered | Chose) else ""
    return f"{sentence}\nYou wrote: {typed}" if typed else sentence


async def acknowledge(ack: AsyncAck) -> None:
    """Take note of something that needs no answer, such as a click on a link."""
    await ack()


def _apology(error: Exception, heard: Heard | None) -> str:
    """A sentence with an id that finds the log line; nothing of a foreign exception's text."""
    error_id = secrets.token_hex(4)
    what = type(heard.what).__name__ if heard else ""
    log.error("listener.failed", error_id=error_id, what=what, trace=trace(error))
    if isinstance(error, GreenlightError):
        return f"{error.sentence} (error {error_id})"
    return f"Something went wrong on my side; nothing was changed. (error {error_id})"
