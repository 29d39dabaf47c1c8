"""The engine's chat port on Slack's Web API.

Every card carries its request and key as message metadata: Slack has no idempotency key for posting,
so that is how a card is found again after a crash. Connection errors are never retried inside a post
for the same reason; the engine looks first and then posts again.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from time import monotonic
from typing import Any

from pydantic import BaseModel, ConfigDict
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards import blocks
from bot.decode import plain_words
from bot.pacing import NewestWins, Turns
from bot.slack_errors import GONE, ShortWaits, slack_errors
from engine.cards import Card, ProgressCard
from engine.errors import ChatRefused, GreenlightError
from engine.people import Person, Profile
from engine.ports import Ref, ThreadMessage

METADATA = "greenlight_card"
THREAD_METADATA = "greenlight_thread"

POST_INTERVAL_S = 1.0
POST_BURST = 4
UPDATE_INTERVAL_S = 1.2
PROFILE_SECONDS = 600.0
MANY_PROFILES = 5000
PAGE = 200
MOST_PAGES = 25


class Identity(BaseModel):
    """Who the bot is in its workspace."""

    model_config = ConfigDict(frozen=True)

    team: str
    user: str
    bot: str


def web_client(token: str, api_url: str | None = None) -> AsyncWebClient:
    """A client for Slack or for another server.

    Args:
        token: The bot's token.
        api_url: Base such as http://127.0.0.1:1234/api/, with or without /api/; None: Slack.
    """
    handlers: list[AsyncRetryHandler] = [ShortWaits(max_retry_count=2)]
    if api_url is None:
        return AsyncWebClient(token=token, retry_handlers=handlers)
    root = api_url.rstrip("/").removesuffix("/api")
    return AsyncWebClient(token=token, base_url=f"{root}/api/", retry_handlers=handlers)


async def identify(client: AsyncWebClient) -> Identity:
    """Ask Slack whose token this is.

    Raises:
        Transient: Slack did not answer.
        ChatRefused: the token is not valid.
    """
    async with slack_errors():
        answer = await client.auth_test()
    return Identity(team=str(answer["team_id"]), user=str(answer["user_id"]), bot=str(answer.get("bot_id")))


class SlackChat:
    """Implements engine.ports.Chat.

    Args:
        client: From `web_client`.
        me: From `identify`.
    """

    def __init__(self, client: AsyncWebClient, me: Identity) -> None:
        self._client = client
        self._me = me
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
        message = blocks(card)
        await self._posts.wait(channel)
        async with slack_errors():
            answer = await self._client.chat_postMessage(
                channel=channel,
                thread_ts=thread_ts,
                text=message.text,
                blocks=message.blocks,
                metadata=_metadata(request, key),
                unfurl_links=False,
                unfurl_media=False,
            )
        return Ref(channel=str(answer["channel"]), ts=str(answer["ts"]))

    async def open_thread(self, channel: str, key: str, card: Card) -> Ref:
        """Begin a thread with a card; one of this key among the channel's newest messages is returned.

        Raises:
            As `post`.
        """
        marked = {"event_type": THREAD_METADATA, "event_payload": {"key": key}}
        async with slack_errors():
            found = await self._client.conversations_history(
                channel=channel, include_all_metadata=True, limit=PAGE
            )
        for old in found["messages"]:
            if self._is_mine(old) and old.get("metadata") == marked:
                return Ref(channel=channel, ts=str(old["ts"]))
        message = blocks(card)
        await self._posts.wait(channel)
        async with slack_errors():
            answer = await self._client.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=message.blocks,
                metadata=marked,
                unfurl_links=False,
                unfurl_media=False,
            )
        return Ref(channel=str(answer["channel"]), ts=str(answer["ts"]))

    async def find(self, request: str, key: str) -> Ref | None:
        """The card that an earlier attempt posted under `key`, or None."""
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
            ChatRefused: Slack will not take it. A message that is gone is not an error.
        """
        if isinstance(card, ProgressCard) and not card.can_stop:
            await self._updates.put_now(ref, card)  # who says stop sees within two seconds that it did
        else:
            await self._updates.put(ref, card)

    async def history(self, request: str, limit: int = 50) -> Sequence[ThreadMessage]:
        """The thread's first message and its newest ones, oldest first, `limit` in all."""
        team, channel, thread_ts = request.split(":")
        found = [self._heard(message, team) async for message in self._thread(channel, thread_ts)]
        return found if len(found) <= limit else [found[0], *found[len(found) - limit + 1 :]]

    async def person(self, person: Person) -> Profile:
        """Who that is, kept for ten minutes. Where Slack cannot tell, a profile that may do nothing."""
        expires, profile = self._profiles.get(person, (0.0, None))
        if profile is not None and monotonic() < expires:
            return profile
        try:
            async with slack_errors():
                answer = await self._client.users_info(user=person.user)
        except ChatRefused as refused:
            # Only a server that is not Slack lacks the method; there, team and user id are all there is.
            return Profile(person=person, name=person.user, known=refused.code == "unknown_method")
        except GreenlightError:
            return Profile(person=person, name=person.user, known=False)
        profile = self._profile(person, answer["user"])
        if len(self._profiles) >= MANY_PROFILES:
            self._profiles.clear()
        self._profiles[person] = (monotonic() + PROFILE_SECONDS, profile)
        return profile

    # ------------------------------------------------------------ inside

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
            if refused.code not in GONE:
                raise

    async def _thread(self, channel: str, thread_ts: str) -> AsyncIterator[Mapping[str, Any]]:
        """The thread's messages, oldest first, each once (Slack repeats the first on every page)."""
        cursor, seen = "", set[str]()
        for _ in range(MOST_PAGES):
            async with slack_errors():
                answer = await self._client.conversations_replies(
                    channel=channel,
                    ts=thread_ts,
                    include_all_metadata=True,
                    limit=PAGE,
                    cursor=cursor or None,
                )
            for message in answer["messages"]:
                if message.get("ts") not in seen:
                    seen.add(message.get("ts"))
                    yield message
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    def _is_mine(self, message: Mapping[str, Any]) -> bool:
        return message.get("user") == self._me.user or message.get("bot_id") == self._me.bot

    def _profile(self, person: Person, user: Mapping[str, Any]) -> Profile:
        shown = user.get("profile") or {}
        name = (
            shown.get("display_name") or shown.get("real_name") or user.get("real_name") or user.get("name")
        )
        elsewhere = user.get("team_id") not in {None, self._me.team} or person.team != self._me.team
        return Profile(
            person=person,
            name=str(name or person.user),
            known=not user.get("deleted"),
            bot=bool(user.get("is_bot")) or person.user == "USLACKBOT",
            guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
            outside=bool(user.get("is_stranger")) or elsewhere,
        )

    def _heard(self, message: Mapping[str, Any], team: str) -> ThreadMessage:
        user = message.get("user")
        by_bot = self._is_mine(message) or bool(message.get("bot_id"))
        author = Person(team=str(message.get("user_team") or message.get("team") or team), user=str(user))
        return ThreadMessage(
            ts=str(message["ts"]),
            author=author if user else None,
            by_bot=by_bot,
            text=plain_words(str(message.get("text") or ""), self._me.user),
        )


def _metadata(request: str, key: str) -> dict[str, Any]:
    return {"event_type": METADATA, "event_payload": {"request": request, "key": key}}
