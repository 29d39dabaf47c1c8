"""Keeps a request's story as one comment on its pull request, edited in place."""

import asyncio
from collections.abc import Callable, Sequence
from weakref import WeakValueDictionary

from engine.caps import in_short
from engine.errors import GreenlightError
from engine.events import Event
from engine.people import Person
from engine.ports import Chat, Forge
from engine.request import Feedback, Snapshot
from engine.runs.pull_request import code, escaped
from engine.store import Store, journal
from engine.store.database import Database, reading
from engine.story import Story, tell

LONGEST_COMMENT = 60_000
MOST_NAMES = 40


class Recorder:
    """Writes comments.

    Args:
        forge: The forge of a repository, by the repository's name; None if it is not configured any more.
    """

    def __init__(self, database: Database, chat: Chat, forge: Callable[[str], Forge | None]) -> None:
        self._database = database
        self._store = Store(database.app)
        self._chat = chat
        self._forge = forge
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def write(self, request: str) -> None:
        """Bring the comment up to the journal as it is now; does nothing without a pull request.

        What was pointed out there and is fixed gets an answer that names the commit.

        Raises:
            Transient: the forge did not answer.
            NeedsPerson: the forge refused.
        """
        # One at a time: what is written last was read last.
        lock = self._locks.setdefault(request, asyncio.Lock())
        async with lock:
            async with reading(self._database.app) as c:
                snapshot = await journal.load(c, request)
                events = await journal.events(c, request)
                in_vain = await journal.in_vain(c, request)
            forge = self._forge(snapshot.repository) if snapshot else None
            if snapshot is None or snapshot.delivery is None or forge is None:
                return
            spent = await self._store.spent(request)
            names = await self._names(snapshot, events)
            story = tell(snapshot, events, names, spent.usd, in_vain, spent.tokens)
            number = snapshot.delivery.number
            await forge.comment(number, snapshot.id, comment(story))
            for one in snapshot.feedback:
                if one.answered and one.pull == number:
                    await forge.comment(number, f"{snapshot.id}/feedback/{one.number}", answer(one))

    async def _names(self, snapshot: Snapshot, events: Sequence[Event]) -> dict[str, str]:
        """What people are called; who cannot be looked up stands by the id."""
        actors = [by for event in events if (by := getattr(event, "by", None)) is not None]
        names: dict[str, str] = {}
        for person in list(dict.fromkeys([snapshot.requester, *actors]))[:MOST_NAMES]:
            names[person.user] = await self._name(person)
        return names

    async def _name(self, person: Person) -> str:
        try:
            return (await self._chat.person(person)).name or person.user
        except GreenlightError:
            return person.user


def answer(feedback: Feedback) -> str:
    """Which commit answers what; nobody is mentioned, and nothing anybody said is repeated."""
    lines = [f"Commit {code(feedback.answered[:12])} was made to answer what came back here:\n"]
    for one in feedback.remarks:
        if one.remark.id in feedback.chosen:
            place = f"{one.remark.path}:{one.remark.line}" if one.remark.line else one.remark.path
            lines.append(f"- {escaped(one.remark.author)}{' on ' + code(place) if place else ''}")
    lines += [f"- the check {code(check.name)} of {code(check.commit[:12])}" for check in feedback.checks]
    return "\n".join(lines)


def comment(story: Story) -> str:
    """The story as Markdown in which nobody's words mention, link or mark up anything."""
    parts = [f"## The record\n\n{escaped(story.title)}, from the journal of this request (times in UTC).\n"]
    for line in story.lines:
        who = "Greenlight" if line.who == "greenlight" else escaped(line.who)
        parts.append(f"- {line.at:%Y-%m-%d %H:%M:%S} **{who}** {escaped(line.what)}")
        parts += [f"  - {escaped(detail)}" for detail in line.details]
    cost = f"${story.cost_usd:.2f}, {in_short(story.tokens)} tokens"
    parts.append(f"\n{escaped(story.ended) or 'It waits for confirmation.'} Cost: {cost}")
    text = "\n".join(parts)
    if len(text) <= LONGEST_COMMENT:
        return text
    head = text[:LONGEST_COMMENT].rpartition("\n")[0]
    return f"{head}\n\n(The rest is left out: it is too long for a comment.)"
