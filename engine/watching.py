"""Looks at pull requests after the draft: when, and what of it is news.

A look is cheap where nothing changed, and never holds anything up: it is a task of its own, bounded in
time. Nothing is lost when one fails or the process dies in it: a look tells how the pull request stands
as a whole, what is news follows from that, each bit under a key of its own, and only once all of it is
stored does the next look begin from there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError

from engine.decide.feedback import LONGEST_NAME
from engine.errors import GreenlightError, Transient
from engine.events import (
    AtTheForge,
    CheckFailed,
    CheckPassed,
    Closed,
    Event,
    LostSight,
    Merged,
    Moved,
    Remarked,
    Reopened,
    Undrafted,
)
from engine.ports import CheckState, Fate, Forge, Watched
from engine.request import Pull, Snapshot
from engine.settings import FollowSettings
from engine.store import journal, watches
from engine.store.database import Database, reading
from engine.store.watches import Watch
from engine.trace import trace

TOLD_AFTER = 6
"""Looks that fail in a row until the thread is told: with the usual pauses after more than half an hour."""
_LOOK_TIMEOUT_S = 60.0
_AT_ONCE = 4

log = structlog.get_logger()


class Watcher:
    """Looks when it is time.

    Args:
        forge: The forge of a repository, by the repository's name; None if it is not configured any more.
        accept: Takes the events.
        detach: Runs a look on its own.
    """

    def __init__(
        self,
        settings: FollowSettings,
        database: Database,
        forge: Callable[[str], Forge | None],
        accept: Callable[[Event], Awaitable[object]],
        detach: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._settings = settings
        self._database = database
        self._forge = forge
        self._accept = accept
        self._detach = detach
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._looking: set[str] = set()
        self._again: set[str] = set()

    def times(self, now: datetime) -> tuple[datetime, datetime]:
        """When to look first at what is delivered now, and how long to go on."""
        return now + timedelta(seconds=self._settings.poll_s), now + timedelta(days=self._settings.days)

    async def launch(self, now: datetime) -> None:
        """Watch what was delivered before anybody watched, as long as it would have been."""
        days = timedelta(days=self._settings.days)
        async with self._database.app.begin() as c:
            for snapshot, at in await watches.unwatched(c, now - days):
                number = snapshot.delivery.number if snapshot.delivery else 0
                if snapshot.pull is None or snapshot.pull.fate is not Fate.MERGED:
                    await watches.begin(c, snapshot.id, number, look_at=now, until=at + days)

    async def sweep(self, now: datetime) -> None:
        """Begin the looks that are due; returns before they end."""
        if not self._settings.enabled:
            return
        async with reading(self._database.app) as c:
            due = await watches.due(c, now)
        for watch in due:
            self._begin(watch)

    async def look_at(self, number: int) -> None:
        """Look now at watched pull requests of this number, of whatever repository.

        Where the last look failed, the next one waits all the same: the forge may have asked for that.
        """
        if not self._settings.enabled:
            return
        async with reading(self._database.app) as c:
            found = await watches.of_number(c, number, datetime.now(UTC))
        for watch in found:
            if watch.request in self._looking:
                self._again.add(watch.request)  # what is told now may be news to the look under way
            self._begin(watch)

    def _begin(self, watch: Watch) -> None:
        if watch.request not in self._looking:
            self._looking.add(watch.request)
            self._detach(self._look(watch))

    async def _look(self, watch: Watch) -> None:
        try:
            async with self._slots:
                await self._look_once(watch, datetime.now(UTC))
        except (DBAPIError, Transient) as error:
            log.info("look.delayed", request=watch.request, error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 (process edge: the next sweep looks again)
            log.error("look.failed", request=watch.request, trace=trace(error))  # noqa: TRY400 (no foreign words)
            await self._failed(watch, datetime.now(UTC), None, "")
        finally:
            self._looking.discard(watch.request)
        if watch.request in self._again:
            self._again.discard(watch.request)
            await self.look_at(watch.number)

    async def _look_once(self, watch: Watch, now: datetime) -> None:
        async with reading(self._database.app) as c:
            snapshot = await journal.load(c, watch.request)
        delivery = snapshot.delivery if snapshot else None
        if snapshot is None or delivery is None or delivery.number != watch.number or now > watch.until:
            async with self._database.app.begin() as c:
                await watches.end(c, watch.request)
            return
        forge = self._forge(snapshot.repository)
        if forge is None:
            await self._quiet(watch, now, watch.mark)
            return
        try:
            async with asyncio.timeout(_LOOK_TIMEOUT_S):
                watched = await forge.look(watch.number, watch.mark)
        except TimeoutError:
            await self._failed(watch, now, None, "The forge did not answer in time.")
        except GreenlightError as error:
            await self._failed(watch, now, getattr(error, "retry_after", None), error.sentence)
        else:
            if watched is None:
                await self._quiet(watch, now, watch.mark)
            else:
                await self._tell(watch, snapshot, watched, now)

    async def _tell(self, watch: Watch, snapshot: Snapshot, watched: Watched, now: datetime) -> None:
        events = {event.key: event for event in news(snapshot, watched, now)}
        async with reading(self._database.app) as c:
            unseen = await journal.unseen(c, list(events))
        for key in unseen:
            await self._accept(events[key])
        if watched.fate is Fate.MERGED:
            async with self._database.app.begin() as c:
                await watches.end(c, watch.request)
        elif unseen:
            async with self._database.app.begin() as c:
                await watches.looked(
                    c, watch, look_at=self._next(now, 0), mark=watched.mark, quiet=0, failures=0
                )
        else:
            await self._quiet(watch, now, watched.mark)

    async def _quiet(self, watch: Watch, now: datetime, mark: str) -> None:
        quiet = watch.quiet + 1
        async with self._database.app.begin() as c:
            await watches.looked(c, watch, look_at=self._next(now, quiet), mark=mark, quiet=quiet, failures=0)

    async def _failed(self, watch: Watch, now: datetime, retry_after: float | None, why: str) -> None:
        """Look again later, and tell the thread once if that lasts."""
        failures = watch.failures + 1
        log.info("look.in_vain", request=watch.request, failures=failures)
        look_at = max(self._next(now, failures), now + timedelta(seconds=retry_after or 0))
        async with self._database.app.begin() as c:
            await watches.looked(
                c, watch, look_at=look_at, mark=watch.mark, quiet=watch.quiet, failures=failures
            )
        if failures >= TOLD_AFTER:
            await self._accept(
                LostSight(
                    key=f"{watch.request}:pull:{watch.number}:lost_sight",
                    request=watch.request,
                    at=now,
                    number=watch.number,
                    sentence=f"I cannot look at pull request #{watch.number}. {why}".strip(),
                )
            )

    def _next(self, now: datetime, times: int) -> datetime:
        """Twice as long after each look in vain, up to the slowest."""
        slowest = max(self._settings.slowest_s, self._settings.poll_s)
        return now + timedelta(seconds=min(self._settings.poll_s * 2 ** min(times, 20), slowest))


# ---------------------------------------------------------------- what is news


def news(snapshot: Snapshot, watched: Watched, now: datetime) -> Sequence[AtTheForge]:
    """The events that this look may bring, each under the same key whenever it is found. Pure.

    Args:
        snapshot: With a delivery, whose pull request it is.
        watched: How that stands.
        now: When it was looked at.
    """
    delivery = snapshot.delivery
    assert delivery is not None  # noqa: S101 (only delivered requests are watched)
    known = snapshot.pull or Pull(number=delivery.number)
    name = f"{snapshot.id}:pull:{delivery.number}"

    def common(what: str) -> dict[str, object]:
        return {"key": f"{name}:{what}", "request": snapshot.id, "at": now, "number": delivery.number}

    found: list[AtTheForge] = []
    if watched.fate is Fate.OPEN and known.fate is Fate.CLOSED:
        found.append(Reopened.model_validate(common(f"reopened:{known.since}")))
    if watched.fate is Fate.OPEN and not watched.draft:
        found.append(Undrafted.model_validate(common("undrafted")))
    found += [
        Remarked.model_validate({**common(f"remark:{remark.id}"), "remark": remark})
        for remark in watched.remarks
    ]
    if watched.commit and watched.commit != (known.moved_to or delivery.commit):
        what = f"moved:{known.moved}:{known.moved_to or delivery.commit}:{watched.commit}"
        found.append(Moved.model_validate({**common(what), "commit": watched.commit}))
    found += [
        CheckFailed.model_validate({**common(f"check:{check.id}"), "check": check})
        for check in watched.checks
        if check.state is CheckState.FAILED and check.commit == delivery.commit
    ]
    failing = {(c.name, c.commit) for one in snapshot.feedback for c in one.failing}
    found += [
        CheckPassed.model_validate({**common(f"check:{check.id}:passed"), "check": check})
        for check in watched.checks
        if check.state is CheckState.PASSED and (check.name[:LONGEST_NAME], check.commit) in failing
    ]
    ended = {"login": watched.closed_by, "since": watched.closed_at}
    if watched.fate is Fate.MERGED:
        found.append(Merged.model_validate({**common("merged"), **ended}))
    elif watched.fate is Fate.CLOSED:
        closed = common(f"closed:{watched.closed_at}")
        found.append(Closed.model_validate({**closed, **ended, "words": last_words(watched)}))
    return found


def last_words(watched: Watched) -> str:
    """What who closed it said last, if they said it around then."""
    mine = [remark for remark in watched.remarks if remark.author == watched.closed_by]
    if not mine or watched.closed_at is None:
        return ""
    last = mine[-1]
    return last.text if abs(watched.closed_at - last.at) <= timedelta(hours=1) else ""
