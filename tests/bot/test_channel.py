"""The chat port on Slack's Web API, with everything the wire can do to it."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from bot.channel import PAGE, UNTOLD, SlackChat, identify, web_client
from bot.pacing import NewestWins, Turns
from bot.playground.slack import Fault, LocalSlack, Member, SlackOptions
from engine.cards import NoteCard
from engine.errors import (
    CardMissing,
    ChatRefused,
    GreenlightError,
    RateLimited,
    ThreadMissing,
    Unreachable,
)
from engine.people import Person
from engine.ports import Ref
from tests.bot.conftest import BOT_TOKEN

CHANNEL = "C0DATA"
PEOPLE = (
    Member("U0RILEY", "Riley Chen", "requester"),
    Member("U0GUEST", "Gus", "guest", guest=True),
    Member("U0OUT", "Olga", "elsewhere", outside=True),
)


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack(SlackOptions(members=PEOPLE, paces={})) as running:
        yield running


@pytest.fixture
async def chat(slack: LocalSlack) -> AsyncIterator[SlackChat]:
    client = web_client(BOT_TOKEN, slack.api_url)
    made = SlackChat(client, await identify(client))
    yield made
    await made.close()


async def thread(slack: LocalSlack) -> str:
    return f"T0LOCAL:{CHANNEL}:{await slack.person('U0RILEY').say(CHANNEL, None, 'root')}"


def note(request: str, text: str, key: str = "note:1") -> NoteCard:
    return NoteCard(request=request, key=key, text=text)


async def test_a_card_is_found_by_its_key_and_only_if_it_is_ours(slack: LocalSlack, chat: SlackChat) -> None:
    request = await thread(slack)
    assert await chat.find(request, "note:1") is None
    ref = await chat.post(request, "note:1", note(request, "one"))
    assert await chat.find(request, "note:1") == ref
    assert await chat.find(request, "note:2") is None
    sent = next(call for call in slack.calls if call.method == "chat.postMessage").args
    assert sent["thread_ts"] == request.split(":")[2]
    assert not sent["unfurl_links"]
    assert not sent["unfurl_media"]


async def test_a_card_is_found_behind_many_messages(slack: LocalSlack, chat: SlackChat) -> None:
    request = await thread(slack)
    root = request.split(":")[2]
    for number in range(PAGE + 10):
        await slack.person("U0RILEY").say(CHANNEL, root, f"word {number}")
    ref = await chat.post(request, "note:1", note(request, "one"))
    assert await chat.find(request, "note:1") == ref
    heard = await chat.history(request, limit=4)
    newest = [f"word {PAGE + 8}", f"word {PAGE + 9}", heard[-1].text]
    assert [message.text for message in heard] == ["root", *newest]
    assert [message.by_bot for message in heard] == [False, False, False, True]
    assert heard[0].author == Person(team="T0LOCAL", user="U0RILEY")


async def test_a_post_that_was_done_without_an_answer_is_not_repeated(
    slack: LocalSlack, chat: SlackChat
) -> None:
    request = await thread(slack)
    slack.faults.add("chat.postMessage", Fault.DROPPED_AFTER)
    with pytest.raises(Unreachable):
        await chat.post(request, "note:1", note(request, "one"))
    assert await chat.find(request, "note:1") is not None
    assert len(slack.thread(CHANNEL, request.split(":")[2])) == 2


async def test_updates_keep_the_newest_and_the_pace(slack: LocalSlack, chat: SlackChat) -> None:
    request = await thread(slack)
    ref = await chat.post(request, "note:1", note(request, "zero"))
    started = monotonic()
    await chat.update(ref, note(request, "one"))
    assert monotonic() - started < 0.5
    await _all(chat, ref, [note(request, text) for text in ("two", "three", "four")])
    assert 0.9 < monotonic() - started < 2.5
    assert slack.message(ref.ts).words == "four"
    assert sum(call.method == "chat.update" for call in slack.calls) == 2
    assert await chat.find(request, "note:1") == ref


async def _all(chat: SlackChat, ref: Ref, cards: list[NoteCard]) -> None:
    await asyncio.gather(*(chat.update(ref, card) for card in cards))


async def test_what_was_deleted_is_told_apart_from_what_cannot_be_changed(
    slack: LocalSlack, chat: SlackChat
) -> None:
    request = await thread(slack)
    ref = await chat.post(request, "note:1", note(request, "one"))
    for code in ("cant_update_message", "edit_window_closed"):
        slack.faults.add("chat.update", Fault.REFUSED, code=code)
        await chat.update(ref, note(request, "two"))
    slack.delete(ref.ts)
    with pytest.raises(CardMissing):
        await chat.update(ref, note(request, "three"))
    slack.delete(request.split(":")[2])
    for gone in (chat.post(request, "note:2", note(request, "four")), chat.find(request, "note:2")):
        with pytest.raises(ThreadMissing):
            await gone


async def test_a_person_is_told_in_the_apps_messages(slack: LocalSlack, chat: SlackChat) -> None:
    request = await thread(slack)
    await chat.tell(Person(team="T0LOCAL", user="U0RILEY"), note(request, "apart"))
    assert [m.text for m in slack.workspace.messages.values() if m.channel.startswith("D")] == ["apart"]


@pytest.mark.parametrize(
    ("kind", "retry_after", "error"),
    [
        (Fault.SERVER_ERROR, 1, Unreachable),
        (Fault.DROPPED, 1, Unreachable),
        (Fault.RATE_LIMITED, 90, RateLimited),
    ],
)
async def test_faults_are_typed(
    slack: LocalSlack, chat: SlackChat, kind: Fault, retry_after: int, error: type[GreenlightError]
) -> None:
    request = await thread(slack)
    slack.faults.add("chat.postMessage", kind, times=3, retry_after=retry_after)
    with pytest.raises(error) as raised:
        await chat.post(request, "note:1", note(request, "one"))
    if isinstance(raised.value, RateLimited):
        assert raised.value.retry_after == retry_after


async def test_a_short_rate_limit_is_waited_out(slack: LocalSlack, chat: SlackChat) -> None:
    request = await thread(slack)
    slack.faults.add("chat.postMessage", Fault.RATE_LIMITED, retry_after=1)
    started = monotonic()
    await chat.post(request, "note:1", note(request, "one"))
    assert monotonic() - started >= 1


async def test_a_channel_or_thread_that_is_not_there_is_refused(slack: LocalSlack, chat: SlackChat) -> None:
    for request, code in (
        (f"T0LOCAL:{CHANNEL}:1.1", "thread_not_found"),
        ("T0LOCAL:C0NO:1.1", "channel_not_found"),
    ):
        with pytest.raises(ChatRefused) as raised:
            await chat.post(request, "note:1", note(request, "one"))
        assert raised.value.code == code


async def test_who_people_are(slack: LocalSlack, chat: SlackChat) -> None:
    async def may_act(user: str, team: str = "T0LOCAL") -> bool:
        return (await chat.person(Person(team=team, user=user))).may_act

    assert await may_act("U0RILEY")
    assert not await may_act("U0GUEST")
    assert not await may_act("U0OUT")
    assert not await may_act("U0RILEY", team="T0OTHER")
    assert not await may_act("U0GREENLIGHT")
    assert not await may_act("U0NOBODY")
    before = len(slack.calls)
    assert await may_act("U0RILEY")
    assert len(slack.calls) == before


async def test_someone_slack_cannot_tell_about_may_do_nothing_until_it_can(
    slack: LocalSlack, chat: SlackChat
) -> None:
    riley = Person(team="T0LOCAL", user="U0RILEY")
    slack.faults.add("users.info", Fault.SERVER_ERROR)
    untold = await chat.person(riley)
    assert (untold.may_act, untold.why) == (False, UNTOLD)
    told = await chat.person(riley)
    assert (told.may_act, told.why) == (True, "")


@pytest.mark.parametrize("url", ["{}/api/", "{}/api", "{}/", "{}"])
async def test_the_base_address_is_taken_with_and_without_api(slack: LocalSlack, url: str) -> None:
    me = await identify(web_client(BOT_TOKEN, url.format(slack.url)))
    assert me.team == "T0LOCAL"


async def test_turns_let_a_burst_through_and_then_keep_the_pace() -> None:
    turns, started = Turns(interval=0.1, burst=3), monotonic()
    for _ in range(3):
        await turns.wait("a")
    await turns.wait("b")
    assert monotonic() - started < 0.05
    await turns.wait("a")
    assert monotonic() - started >= 0.09


async def test_an_update_that_fails_tells_its_callers_and_the_next_one_works() -> None:
    sent: list[int] = []

    async def send(_: str, value: int) -> None:
        if value == 1:
            raise Unreachable("no")
        sent.append(value)

    newest = NewestWins[str, int](0.01, send)
    with pytest.raises(Unreachable):
        await newest.put("a", 1)
    await newest.put("a", 2)
    assert sent == [2]
    await newest.close()
