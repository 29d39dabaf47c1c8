"""Doing effects outside: cards, each under its own lock, and cancellations."""

import asyncio
import secrets
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from weakref import WeakValueDictionary

import structlog
from sqlalchemy.exc import DBAPIError
from structlog.contextvars import bound_contextvars

from engine.cards import Card, NoteCard
from engine.durable import Durable, sleep, step
from engine.errors import CardMissing, ChatLost, ChatShut, GreenlightError, ThreadMissing, Transient
from engine.events import Deleted, Event, Linked, Opened
from engine.ports import Chat, Ref
from engine.present.scope import follow_up_card
from engine.request import (
    CancelRuns,
    HoldRuns,
    OpenThread,
    ReleaseRuns,
    ScopeItem,
    ShowCard,
    Snapshot,
    WriteRecord,
)
from engine.store import Spent, Store, effects, journal
from engine.store.database import Database, reading
from engine.store.effects import ClaimedCard, Filed
from engine.store.tables import EffectStatus
from engine.trace import trace

Render = Callable[[Snapshot, str, Spent, tuple[str, ...]], Card | None]
Accept = Callable[[Event], Awaitable[object]]
WriteTo = Callable[[str], Awaitable[None]]

PROGRESS = "progress"
ACTIVITY_LINES = 5
REFRESH_S = 1.5
_CHAT_TIMEOUT_S = 60.0
_LONGEST_WAIT_S = 60.0
_DATABASE_WAIT_S = 2.0
_CARD_NAMES = {
    PROGRESS: "the progress message",
    "questions": "round {number} of the questions",
    "findings": "the findings of investigation {number}",
    "spec": "version {number} of the spec",
    "review": "round {number} of the review",
    "escalation": "what has to be decided",
    "push": "the push that has to be approved",
    "delivery": "what was delivered",
    "feedback": "what came back from the pull request",
    "scope": "the wishes beyond the spec",
}
_ANY_CARD = "one of my messages"
_APART = "shut:1"

log = structlog.get_logger()


async def _nobody(_event: Event) -> None:
    """Takes the events of threads until the engine is there to take them."""


def _begun(effect: str, snapshot: Snapshot, item: ScopeItem, ref: Ref) -> tuple[Opened, Linked]:
    """A wish's thread stands: its request is opened, and the ledger names it."""
    follow_up = f"{snapshot.team}:{ref.channel}:{ref.ts}"
    at = datetime.now(UTC)
    opened = Opened(
        key=f"{effect}:opened",
        request=follow_up,
        at=at,
        by=item.by,
        text=item.text,
        channel=ref.channel,
        ts=ref.ts,
        thread_ts=ref.ts,
        follows=snapshot.id,
        repository=snapshot.repository,
        shared=snapshot.shared,
    )
    linked = Linked(key=f"{effect}:linked", request=snapshot.id, at=at, wish=item.ts, follow_up=follow_up)
    return opened, linked


async def _nowhere(_request: str) -> None:
    """Where records go until the engine says where."""


@dataclass
class _Refreshes:
    """One running task a request that updates its progress card, and whether it has to once more."""

    again: bool = False


@dataclass
class _Refusals:
    """How often a card was refused in a row, and when it may be tried again (by `time.monotonic`)."""

    error_id: str = field(default_factory=lambda: secrets.token_hex(4))
    count: int = 0
    again_at: float = 0.0


def _unreachable(snapshot: Snapshot, error: ChatShut) -> NoteCard:
    """What the requester is told apart from the thread."""
    text = (
        f"⚠️ I cannot write in the thread of your request “{snapshot.title}”: {error.sentence} "
        "Nothing is lost: what I have to say there waits, with every decision that it asks for, "
        "and comes once I can write again."
    )
    return NoteCard(request=snapshot.id, key=_APART, text=text)


def _untold(snapshot: Snapshot, key: str, error_id: str) -> NoteCard:
    """What the thread is told instead of a card that cannot be shown."""
    kind, _, number = key.partition(":")
    what = _CARD_NAMES.get(kind, _ANY_CARD).format(number=number)
    do = "ask anew" if snapshot.state.ended else "say “stop” and ask anew"
    text = (
        f"⚠️ I could not show {what}, although I tried several times. If you miss it, {do}, "
        f"or tell who runs me to look for error {error_id} in the log."
    )
    return NoteCard(request=snapshot.id, key=f"refused:{key}", text=text)


def _no_thread(request: str, item: ScopeItem, error_id: str) -> NoteCard:
    text = (
        f"⚠️ I could not begin a thread for “{item.title}”: mention me in a new message to have it done, "
        f"or tell who runs me to look for error {error_id} in the log."
    )
    return NoteCard(request=request, key=f"refused:thread:{item.ts}", text=text)


def _no_record(request: str, error_id: str) -> NoteCard:
    text = (
        "⚠️ I could not write the record of this request onto its pull request: this thread still tells it "
        f"all, and who runs me finds the reason by error {error_id} in the log."
    )
    return NoteCard(request=request, key="refused:record", text=text)


@dataclass(frozen=True)
class Pauses:
    """How long a card rests before each further try, in seconds.

    Attributes:
        refused_s: Where the chat does not take this card; after the last one the thread is told instead.
        shut_s: Where the chat takes nothing now; the last one again and again.
    """

    refused_s: tuple[float, ...] = (1.0, 4.0, 15.0)
    shut_s: tuple[float, ...] = (20.0, 60.0, 120.0, 300.0, 600.0)


PAUSES = Pauses()


class Performer:
    """Does effects other than runs.

    Args:
        render: Card of (snapshot, key, what is spent, lines of activity), None to show nothing.
        holder: Names this process in what it claims.
        pauses: Between tries.
    """

    def __init__(
        self, database: Database, chat: Chat, render: Render, holder: str, pauses: Pauses = PAUSES
    ) -> None:
        self._database = database
        self._store = Store(database.app)
        self._chat = chat
        self._render = render
        self._holder = holder
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._activity: dict[str, dict[str, deque[str]]] = defaultdict(dict)
        self._refreshes: dict[str, _Refreshes] = {}
        self._refusals: dict[tuple[str, str], _Refusals] = {}
        self._pauses = pauses
        self._shut: Counter[tuple[str, str]] = Counter()
        self.durable: Durable | None = None
        self.unbroken: Set[str] = frozenset()
        self.accept: Accept = _nobody
        self.write_record: WriteTo = _nowhere

    # ------------------------------------------------------------ effects

    async def perform(self, effect: str) -> None:
        """The durable body: try until it is done, waiting longer each time the other side is away."""
        tries = 0
        while (wait := await step("perform", lambda: self._once(effect))) is not None:
            await sleep(min(max(wait, 0.5 * 2**tries), max(wait, _LONGEST_WAIT_S)))
            tries = min(tries + 1, 10)

    async def _once(self, effect: str) -> float | None:
        """Do it now; seconds to wait before the next try, None if there is nothing more to do."""
        try:
            async with reading(self._database.app) as c:
                filed = await effects.get(c, effect)
            if filed is None or not filed.open:
                return None
            with bound_contextvars(request=filed.request, effect=effect):
                return await self._done(filed)
        except DBAPIError as error:
            log.warning("effect.delayed", effect=effect, error=type(error.orig).__name__)
            return _DATABASE_WAIT_S

    async def _done(self, filed: Filed) -> float | None:
        if isinstance(filed.effect, ShowCard):
            return await self._show(filed.request, filed.effect.card)
        if isinstance(filed.effect, OpenThread):
            return await self._open_thread(filed.id, filed.request, filed.effect.wish)
        if isinstance(filed.effect, WriteRecord):
            return await self._write_record(filed.id, filed.request)
        if isinstance(filed.effect, CancelRuns):
            await self._cancel(filed.id, filed.effect.runs)
        if isinstance(filed.effect, HoldRuns | ReleaseRuns):
            await self._hold_or_release(filed.id, filed.effect)
        return None

    async def _cancel(self, effect: str, runs: tuple[str, ...]) -> None:
        async with reading(self._database.app) as c:
            found = [await effects.get(c, run) for run in runs]
        if self.durable is not None:
            self.durable.interrupt(runs)
            await self.durable.cancel((run.id, run.attempt) for run in found if run is not None)
        await self._end((effect,), EffectStatus.DONE)

    async def _hold_or_release(self, effect: str, what: HoldRuns | ReleaseRuns) -> None:
        """The rows of the runs say how it stands by now; late and repeated, it does no harm."""
        async with reading(self._database.app) as c:
            found = [run for id in what.runs if (run := await effects.get(c, id)) is not None]
        if self.durable is not None and isinstance(what, HoldRuns):
            held = {run.id for run in found if run.status is EffectStatus.HELD}
            self.durable.interrupt(held - self.unbroken)
        elif self.durable is not None:
            await asyncio.gather(*(self.durable.go_on(run.id, run.attempt) for run in found if run.open))
        await self._end((effect,), EffectStatus.DONE)

    async def _open_thread(self, effect: str, request: str, wish: str) -> float | None:
        """Begin a thread for a wish and open a request in it; each part does nothing the second time.

        After a crash the attempt that was under way goes on beside a new one: they take turns.
        """
        lock = self._locks.setdefault((request, effect), asyncio.Lock())
        async with lock:
            return await self._thread_opened(effect, request, wish)

    async def _thread_opened(self, effect: str, request: str, wish: str) -> float | None:
        async with reading(self._database.app) as c:
            filed = await effects.get(c, effect)
            snapshot = await journal.load(c, request)
        if filed is None or not filed.open:
            return None
        item = next((i for i in snapshot.scope_items if i.ts == wish), None) if snapshot else None
        card = follow_up_card(snapshot, wish) if snapshot else None
        if snapshot is None or item is None or card is None:
            await self._end((effect,), EffectStatus.SKIPPED, "no such wish")
            return None
        try:
            async with asyncio.timeout(_CHAT_TIMEOUT_S):
                ref = await self._chat.open_thread(snapshot.channel, effect, card)
            for event in _begun(effect, snapshot, item, ref):
                await self.accept(event)
        except (Transient, TimeoutError) as error:
            log.info("thread.delayed", request=request, error=type(error).__name__)
            return getattr(error, "retry_after", None) or 0.0
        except ChatShut as error:
            return self._rest(request, effect, error)
        except GreenlightError as error:
            error_id = secrets.token_hex(4)
            log.warning("thread.refused", request=request, error_id=error_id, error=type(error).__name__)
            return await self._give_up(effect, _no_thread(request, item, error_id), error)
        await self._end((effect,), EffectStatus.DONE)
        log.info("thread.opened", request=request, follow_up=f"{snapshot.team}:{ref.channel}:{ref.ts}")
        return None

    async def _write_record(self, effect: str, request: str) -> float | None:
        """Bring the record on the pull request up to date; it may be written twice, to the same end."""
        try:
            async with asyncio.timeout(_CHAT_TIMEOUT_S):
                await self.write_record(request)
        except (Transient, TimeoutError) as error:
            log.info("record.delayed", request=request, error=type(error).__name__)
            return getattr(error, "retry_after", None) or 0.0
        except GreenlightError as error:
            error_id = secrets.token_hex(4)
            log.warning("record.refused", request=request, error_id=error_id, error=type(error).__name__)
            return await self._give_up(effect, _no_record(request, error_id), error)
        await self._end((effect,), EffectStatus.DONE)
        return None

    async def _give_up(self, effect: str, note: NoteCard, error: GreenlightError) -> float | None:
        """The other side will not: the thread is told once, and the effect is not tried again.

        Returns:
            Seconds to wait if the chat is away, else None.
        """
        lock = self._locks.setdefault((note.request, note.key), asyncio.Lock())
        async with lock:
            wait = await self._tell_refused(note)
        if wait is None:
            await self._end((effect,), EffectStatus.FAILED, type(error).__name__)
        return wait

    async def _show(self, request: str, key: str) -> float | None:
        lock = self._locks.setdefault((request, key), asyncio.Lock())
        async with lock:
            if (pause := self._pause(request, key)) > 0:
                return pause
            async with self._database.app.begin() as c:
                claimed = await effects.claim_card(c, request, key, self._holder)
            if claimed is None:
                return None
            try:
                async with asyncio.timeout(_CHAT_TIMEOUT_S):
                    ref = await self._place(request, key, claimed)
            except DBAPIError:
                raise
            except (Transient, TimeoutError) as error:
                log.info("card.delayed", request=request, card=key, error=type(error).__name__)
                return getattr(error, "retry_after", None) or 0.0
            except Exception as error:  # noqa: BLE001 (process edge: a card that cannot be made wedges no other)
                if isinstance(error, CardMissing | ThreadMissing):
                    await self._vanished(claimed, error)
                    return None
                if isinstance(error, ChatShut) and not claimed.snapshot.state.ended:
                    await self.tell_apart(claimed.snapshot, error)
                    return self._rest(request, key, error)
                return await self._refused(key, claimed, error)
            self._refusals.pop((request, key), None)
            self._shut.pop((request, key), None)
            await self._placed(request, key, claimed, ref)
            log.info("effect.done", request=request, card=key, effects=len(claimed.effects))
        return None

    def _rest(self, request: str, what: str, error: ChatShut) -> float:
        """Seconds until the next try: a channel is opened again, the bot invited, a token replaced."""
        log.warning("chat.shut", request=request, what=what, code=error.code[:60])
        pauses = self._pauses.shut_s
        pause = pauses[min(self._shut[request, what], len(pauses) - 1)]
        self._shut[request, what] += 1
        return pause

    def rests(self, request: str) -> bool:
        """Whether something of this request waits for the chat to take it again."""
        return any(resting == request for resting, _ in self._shut)

    def wake(self, request: str) -> None:
        """The chat may take it again: what comes next is tried at once, and often at first."""
        for resting in [one for one in self._shut if one[0] == request]:
            del self._shut[resting]

    async def _vanished(self, claimed: ClaimedCard, error: CardMissing | ThreadMissing) -> None:
        """Somebody deleted the card or the thread: what follows is decided as if the chat had told of it."""
        snapshot = claimed.snapshot
        gone = claimed.ref.ts if claimed.ref and isinstance(error, CardMissing) else snapshot.ts
        key = f"{snapshot.team}:{snapshot.channel}:{gone}:deleted"
        log.info("chat.deleted", request=snapshot.id, code=error.code[:60])
        await self.accept(Deleted(key=key, request=snapshot.id, at=datetime.now(UTC), ts=gone))
        await self._end(claimed.effects, EffectStatus.FAILED, type(error).__name__)

    async def tell_apart(self, snapshot: Snapshot, error: ChatShut) -> None:
        """Tell the requester once that their thread cannot be reached; whatever becomes of that, once."""
        if snapshot.direct or isinstance(error, ChatLost):
            return
        async with self._database.app.begin() as c:
            intended = await effects.intend_card(c, snapshot.id, _APART)
        if intended.attempted:
            return
        try:
            async with asyncio.timeout(_CHAT_TIMEOUT_S):
                await self._chat.tell(snapshot.requester, _unreachable(snapshot, error))
        except (GreenlightError, TimeoutError) as untold:
            log.warning("person.untold", request=snapshot.id, error=type(untold).__name__)

    def _pause(self, request: str, key: str) -> float:
        """Seconds until a refused card may be tried again, whichever effect asks for it."""
        refusals = self._refusals.get((request, key))
        return refusals.again_at - monotonic() if refusals else 0.0

    async def _refused(self, key: str, claimed: ClaimedCard, error: Exception) -> float | None:
        """Seconds until the next try, for a refusal may pass; None once the thread was told instead.

        Tries are counted in memory: after a restart there are that many again, yet one note at most.
        """
        request = claimed.snapshot.id
        refusals = self._refusals.setdefault((request, key), _Refusals())
        refusals.count += 1
        which = {"request": request, "card": key, "error_id": refusals.error_id, "tries": refusals.count}
        if isinstance(error, GreenlightError):
            log.warning("card.refused", **which, error=type(error).__name__)
        else:
            log.error("card.failed", **which, trace=trace(error))
        if refusals.count <= len(self._pauses.refused_s):
            pause = self._pauses.refused_s[refusals.count - 1]
            refusals.again_at = monotonic() + pause
            return pause
        wait = await self._tell_refused(_untold(claimed.snapshot, key, refusals.error_id))
        if wait is not None:
            return wait
        await self._end(claimed.effects, EffectStatus.FAILED, f"{type(error).__name__} {refusals.error_id}")
        del self._refusals[request, key]
        return None

    async def _tell_refused(self, note: NoteCard) -> float | None:
        """Tell the thread once what is missing; where that is refused too, the log has to do.

        Returns:
            Seconds to wait if the chat is away, else None.
        """
        async with self._database.app.begin() as c:
            intended = await effects.intend_card(c, note.request, note.key)
        if intended.ref is not None:
            return None
        try:
            async with asyncio.timeout(_CHAT_TIMEOUT_S):
                ref = await self._chat.find(note.request, note.key) if intended.attempted else None
                ref = ref or await self._chat.post(note.request, note.key, note)
        except (Transient, TimeoutError) as error:
            return getattr(error, "retry_after", None) or 0.0
        except Exception as error:  # noqa: BLE001 (process edge: this note stands in for others, none for it)
            log.error("card.untold", request=note.request, card=note.key, trace=trace(error))  # noqa: TRY400
            return None
        async with self._database.app.begin() as c:
            await effects.keep_card(c, note.request, note.key, ref)
        return None

    async def _place(self, request: str, key: str, claimed: ClaimedCard) -> Ref | None:
        """Post the card, or update it where an attempt of ours has posted it; where it stands now."""
        card = await self._rendered(claimed.snapshot, key)
        if card is None:
            return claimed.ref
        ref = claimed.ref
        if ref is None and claimed.attempted:
            ref = await self._chat.find(request, key)
        if ref is None:
            return await self._chat.post(request, key, card)
        await self._chat.update(ref, card)
        return ref

    async def _placed(self, request: str, key: str, claimed: ClaimedCard, ref: Ref | None) -> None:
        async with self._database.app.begin() as c:
            if ref is not None and ref != claimed.ref:
                await effects.keep_card(c, request, key, ref)
            await effects.end(c, claimed.effects, EffectStatus.DONE)

    async def _rendered(self, snapshot: Snapshot, key: str) -> Card | None:
        lines = tuple(line for run in self._activity.get(snapshot.id, {}).values() for line in run)
        spent = await self._store.spent(snapshot.id)
        return self._render(snapshot, key, spent, lines[-ACTIVITY_LINES:])

    async def _end(self, ids: tuple[str, ...], status: EffectStatus, note: str = "") -> None:
        async with self._database.app.begin() as c:
            await effects.end(c, ids, status, note)

    # ------------------------------------------------------------ activity

    def tell(self, request: str, run: str, line: str) -> None:
        """Show a line on the progress card soon; lossy, and gone with the process."""
        self._activity[request].setdefault(run, deque(maxlen=ACTIVITY_LINES)).append(line)
        if (pending := self._refreshes.get(request)) is not None:
            pending.again = True
        elif self.durable is not None:
            self._refreshes[request] = _Refreshes()
            self.durable.detach(self._refresh(request))

    def quiet(self, request: str, run: str) -> None:
        """Forget a run's lines: it is over."""
        runs = self._activity.get(request, {})
        runs.pop(run, None)
        if not runs:
            self._activity.pop(request, None)

    async def _refresh(self, request: str) -> None:
        """Update the progress card now and, if told more meanwhile, again after a while."""
        state = self._refreshes[request]
        try:
            while True:
                state.again = False
                await self._update_progress(request)
                await asyncio.sleep(REFRESH_S)
                if not state.again:
                    return
        finally:
            del self._refreshes[request]

    async def _update_progress(self, request: str) -> None:
        async with self._locks.setdefault((request, PROGRESS), asyncio.Lock()):
            async with reading(self._database.app) as c:
                ref = await effects.card(c, request, PROGRESS)
                snapshot = await journal.load(c, request)
            if ref is None or snapshot is None or snapshot.state.ended:
                return
            card = await self._rendered(snapshot, PROGRESS)
            if card is None:
                return
            try:
                async with asyncio.timeout(_CHAT_TIMEOUT_S):
                    await self._chat.update(ref, card)
            except (GreenlightError, TimeoutError) as error:
                log.info("progress.stale", request=request, error=type(error).__name__)
