"""The engine's chat port on Slack's Web API.

Every card carries its request and key as message metadata: Slack has no idempotency key for posting,
so that is how a card is found again after a crash. Connection errors are never retried inside a post
for the same reason; the engine looks first and then posts again.

Where another server stands for Slack, answers may be thin and methods missing. What it cannot tell is
then done without; Slack itself is believed only what it says.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from time import monotonic
from typing import Any

from pydantic import BaseModel, ConfigDict
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.cards import Message, blocks
from bot.decode import plain_words
from bot.pacing import NewestWins, Turns
from bot.slack_calls import MeasuredClient
from bot.slack_errors import FIXED, ShortWaits, is_slack, lacks_method, part, slack_errors
from engine.cards import Card, ProgressCard
from engine.errors import (
    ChatLost,
    ChatRefused,
    ChatShut,
    ConfigurationInvalid,
    GreenlightError,
    Transient,
    Unreachable,
)
from engine.leaks import redacted, redacted_words
from engine.people import Person, Profile
from engine.ports import Ref, ThreadMessage

METADATA = "greenlight_card"
THREAD_METADATA = "greenlight_thread"

POST_INTERVAL_S = 1.0
POST_BURST = 4
UPDATE_INTERVAL_S = 1.2
PROFILE_SECONDS = 600.0
LOOK_UP_SECONDS = 2.0
"""Of the three within which a window has to be answered."""
CALL_SECONDS = 30
MANY_PROFILES = 5000
PAGE = 200
MOST_PAGES = 25

UNTOLD = "Slack did not tell me who this is. Please try again in a moment."
LEFT = "This person's account is deactivated."
NOT_PLACED = "Slack took a message and did not say where it stands."


class NotSlack(ConfigurationInvalid):
    """What answered does not speak as Slack does, this time."""


class Identity(BaseModel):
    """Who the bot is in its workspace. `bot` is None where the server gives its apps no bot ids."""

    model_config = ConfigDict(frozen=True)

    team: str
    user: str
    bot: str | None = None


def web_client(token: str, api_url: str | None = None, timeout_s: int = CALL_SECONDS) -> MeasuredClient:
    """A client for Slack or for another server.

    Args:
        token: The bot's token.
        api_url: Base such as http://127.0.0.1:1234/api/, with or without /api/; None: Slack.
        timeout_s: Seconds until a call that is not over counts as unanswered.
    """
    handlers: list[AsyncRetryHandler] = [ShortWaits(max_retry_count=2)]
    if api_url is None:
        return MeasuredClient(token=token, retry_handlers=handlers, timeout=timeout_s)
    root = api_url.rstrip("/").removesuffix("/api")
    return MeasuredClient(token=token, base_url=f"{root}/api/", retry_handlers=handlers, timeout=timeout_s)


async def identify(client: AsyncWebClient) -> Identity:
    """Ask Slack whose token this is.

    Raises:
        Transient: Slack did not answer.
        ChatRefused: the token is not valid.
        NotSlack: the answer comes from a server that is not Slack's and does not speak as Slack does.
        ConfigurationInvalid: the answer does not say which workspace or which user that is, or the token is
            of an installation for a whole organization.
    """
    try:
        async with slack_errors("to tell me who I am"):
            answer = await client.auth_test()
    except GreenlightError as error:
        if is_slack(client.base_url) or not lacks_method(error):
            raise
        raise NotSlack(
            f"{client.base_url} answered, but it is not a Slack Web API. Check SLACK_API_URL."
        ) from error
    told = {name: str(answer.get(name) or "") for name in ("team_id", "user_id", "bot_id")}
    if answer.get("is_enterprise_install") is True:
        raise ConfigurationInvalid(
            "This token is of an installation for a whole organization, and I serve one workspace. "
            "Install the app in that workspace itself and copy its token to SLACK_BOT_TOKEN."
        )
    missing = [name for name in ("team_id", "user_id") if not told[name]]
    if missing:
        raise ConfigurationInvalid(
            f"The answer to auth.test does not say {' and '.join(missing)}, so I do not know who I am. "
            "Check SLACK_BOT_TOKEN, and SLACK_API_URL if it is set."
        )
    return Identity(team=told["team_id"], user=told["user_id"], bot=told["bot_id"] or None)


class SlackChat:
    """Implements engine.ports.Chat.

    Args:
        client: From `web_client`.
        me: From `identify`.
    """

    def __init__(self, client: AsyncWebClient, me: Identity) -> None:
        self._client = client
        self._me = me
        self._foreign = not is_slack(client.base_url)
        self._posts = Turns(POST_INTERVAL_S, POST_BURST)
        self._updates: NewestWins[Ref, Card] = NewestWins(UPDATE_INTERVAL_S, self._update)
        self._profiles: dict[Person, tuple[float, Profile]] = {}

    async def close(self) -> None:
        """Let updates that wait for their turn go out."""
        await self._updates.close()

    async def post(self, request: str, key: str, card: Card) -> Ref:
        """Post a card into the request's thread, marked with `key`. Not idempotent: call `find` first.

        Raises:
            Transient: not posted, or perhaps posted without an answer.
            ChatRefused: Slack will not take it.
        """
        _, channel, thread_ts = request.split(":")
        return await self._say(channel, thread_ts, blocks(card), _metadata(request, key))

    async def open_thread(self, channel: str, key: str, card: Card) -> Ref:
        """Begin a thread with a card; one of this key among the channel's newest messages is returned.

        Raises:
            As `post`.
        """
        marked = {"event_type": THREAD_METADATA, "event_payload": {"key": key}}
        newest, _ = await self._page(
            self._client.conversations_history(channel=channel, include_all_metadata=True, limit=PAGE)
        )
        for old in newest:
            if self._is_mine(old) and old.get("metadata") == marked:
                return Ref(channel=channel, ts=str(old["ts"]))
        return await self._say(channel, None, blocks(card), marked)

    async def find(self, request: str, key: str) -> Ref | None:
        """The card that an earlier attempt posted under `key`, or None.

        Raises:
            Transient: try again, and do not post meanwhile.
            ChatRefused: Slack does not show the thread.
        """
        _, channel, thread_ts = request.split(":")
        wanted = _metadata(request, key)
        async for message in self._thread(channel, thread_ts):
            if self._is_mine(message) and message.get("metadata") == wanted:
                return Ref(channel=channel, ts=str(message["ts"]))
        return None

    async def update(self, ref: Ref, card: Card) -> None:
        """Replace a posted card in place, paced; of several in a hurry only the newest is sent.

        Raises:
            Transient: try again.
            CardMissing: somebody deleted it.
            ChatRefused: Slack will not take it. A message that cannot be changed any more is not an error.
        """
        if isinstance(card, ProgressCard) and (card.paused_by or not card.can_stop):
            await self._updates.put_now(ref, card)  # stop and pause are seen within two seconds
        else:
            await self._updates.put(ref, card)

    async def tell(self, person: Person, card: Card) -> None:
        """Tell one person in the app's direct messages. Not idempotent.

        Raises:
            As `post`.
        """
        await self._say(person.user, None, blocks(card), _metadata(card.request, card.key))

    async def history(self, request: str, limit: int = 50) -> Sequence[ThreadMessage]:
        """The thread's first message and its newest ones, oldest first, `limit` in all.

        Raises:
            As `find`.
        """
        team, channel, thread_ts = request.split(":")
        found = [self._heard(message, team) async for message in self._thread(channel, thread_ts)]
        return found if len(found) <= limit else [found[0], *found[len(found) - limit + 1 :]]

    async def person(self, person: Person, max_age_s: float = PROFILE_SECONDS) -> Profile:
        """Who that is, as Slack told at most so long ago; one who may do nothing if it cannot tell in time.

        Raises:
            ChatLost: Slack takes the token no more.
        """
        told_at, profile = self._profiles.get(person, (0.0, None))
        if profile is not None and monotonic() < told_at + max_age_s:
            return profile
        try:
            async with slack_errors(), asyncio.timeout(LOOK_UP_SECONDS):
                return await self.person_now(person)
        except ChatLost:
            raise  # what they did is not lost: Slack sends it again to whoever has a good token
        except GreenlightError as error:
            why = UNTOLD if isinstance(error, Transient) else error.sentence
            return Profile(person=person, name=person.user, known=False, why=why)

    async def person_now(self, person: Person) -> Profile:
        """Who that is today. Of whom Slack refuses to tell, a profile that may do nothing.

        Raises:
            Transient: Slack cannot tell now.
            ChatShut: Slack tells me of nobody until people change that.
        """
        try:
            async with slack_errors("to tell me who this is"):
                user = part(await self._client.users_info(user=person.user), "user", dict)
        except GreenlightError as error:
            if self._lacks_method(error):  # then team and user id are all there is
                return Profile(person=person, name=person.user)
            if not isinstance(error, ChatRefused) or isinstance(error, ChatShut):
                raise
            return Profile(person=person, name=person.user, known=False, why=error.sentence)
        profile = self._profile(person, user)
        if len(self._profiles) >= MANY_PROFILES:
            self._profiles.clear()
        self._profiles[person] = (monotonic(), profile)
        return profile

    def forget(self, user: str) -> None:
        """Slack says that something of this person changed: what is kept of them is not gone by."""
        for person in [one for one in self._profiles if one.user == user]:
            del self._profiles[person]

    # ------------------------------------------------------------ inside

    async def _say(
        self, channel: str, thread_ts: str | None, message: Message, metadata: dict[str, Any]
    ) -> Ref:
        await self._posts.wait(channel)
        async with slack_errors():
            answer = await self._client.chat_postMessage(
                channel=channel,
                thread_ts=thread_ts,
                text=message.text,
                blocks=message.blocks,
                metadata=metadata,
                unfurl_links=False,
                unfurl_media=False,
            )
        return self._placed(answer, channel)

    def _placed(self, answer: AsyncSlackResponse, channel: str) -> Ref:
        """Where a message stands, from the answer to posting it."""
        given, message = answer.get("channel"), answer.get("message")
        ts = answer.get("ts") or (message.get("ts") if isinstance(message, Mapping) else None)
        if ts:
            return Ref(channel=given if given and isinstance(given, str) else channel, ts=str(ts))
        if self._foreign:  # its next answer would be no better, and every attempt is one more message
            raise ChatRefused(NOT_PLACED, "no_ts")
        raise Unreachable(f"{NOT_PLACED} I look for it.")

    async def _update(self, ref: Ref, card: Card) -> None:
        message = blocks(card)
        try:
            async with slack_errors():
                await self._client.chat_update(
                    channel=ref.channel,
                    ts=ref.ts,
                    text=message.text,
                    blocks=message.blocks,
                    metadata=_metadata(card.request, card.key),
                )
        except ChatRefused as refused:
            if refused.code not in FIXED:
                raise

    async def _thread(self, channel: str, thread_ts: str) -> AsyncIterator[Mapping[str, Any]]:
        """The thread's messages, oldest first, each once (Slack repeats the first on every page)."""
        cursor, seen = "", set[str]()
        for _ in range(MOST_PAGES):
            messages, cursor = await self._page(
                self._client.conversations_replies(
                    channel=channel,
                    ts=thread_ts,
                    include_all_metadata=True,
                    limit=PAGE,
                    cursor=cursor or None,
                )
            )
            for message in messages:
                if (ts := str(message["ts"])) not in seen:
                    seen.add(ts)
                    yield message
            if not cursor:
                return

    async def _page(self, call: Awaitable[AsyncSlackResponse]) -> tuple[list[Mapping[str, Any]], str]:
        """The messages of a page that have a ts, and the cursor of the next page.

        Nothing where the server has no such method. Slack has it: without messages its answer is an
        error, or a card that is there would be posted again.
        """
        try:
            async with slack_errors("to show me messages"):
                answer = await call
                messages = part(answer, "messages", list)
        except GreenlightError as error:
            if self._lacks_method(error):
                return [], ""
            raise
        more = answer.get("response_metadata")
        cursor = more.get("next_cursor") if isinstance(more, Mapping) else None
        return [one for one in messages if isinstance(one, Mapping) and one.get("ts")], str(cursor or "")

    def _lacks_method(self, error: GreenlightError) -> bool:
        return self._foreign and lacks_method(error)

    def _is_mine(self, message: Mapping[str, Any]) -> bool:
        by_id = self._me.bot is not None and message.get("bot_id") == self._me.bot
        return by_id or message.get("user") == self._me.user

    def _profile(self, person: Person, user: Mapping[str, Any]) -> Profile:
        shown = user["profile"] if isinstance(user.get("profile"), Mapping) else {}
        name = (
            shown.get("display_name") or shown.get("real_name") or user.get("real_name") or user.get("name")
        )
        team = user.get("team_id") or (self._me.team if self._foreign else "")
        why = LEFT if user.get("deleted") else "" if team else UNTOLD
        return Profile(
            person=person,
            name=redacted(str(name or person.user)),
            known=not why,
            why=why,
            bot=bool(user.get("is_bot")) or person.user == "USLACKBOT",
            guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
            outside=bool(user.get("is_stranger")) or {str(team), person.team} != {self._me.team},
        )

    def _heard(self, message: Mapping[str, Any], team: str) -> ThreadMessage:
        user = message.get("user")
        by_bot = self._is_mine(message) or bool(message.get("bot_id"))
        author = Person(team=str(message.get("user_team") or message.get("team") or team), user=str(user))
        return ThreadMessage(
            ts=str(message["ts"]),
            author=author if user else None,
            by_bot=by_bot,
            text=redacted_words(plain_words(str(message.get("text") or ""), self._me.user)),
        )


def _metadata(request: str, key: str) -> dict[str, Any]:
    return {"event_type": METADATA, "event_payload": {"request": request, "key": key}}
