"""Events in, a decision, effects out.

`accept` stores an event, decides and files what follows in one transaction, and only then starts the
effects. Whatever is filed gets done: by this process, by the sweep, or by the process after a crash.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError
from structlog.contextvars import bound_contextvars

from engine import vitals
from engine.cards import Card, Detail
from engine.decide import Decision
from engine.durable import Durable, Workflow
from engine.entitling import may_not_stop, needs_standing, stops, turned_away
from engine.errors import ChatShut, DiskFull
from engine.events import (
    Deleted,
    Due,
    Event,
    Opened,
    Paused,
    Reply,
    Restarted,
    Resumed,
    RunFinished,
    Said,
    Shared,
    Sign,
    Stopped,
)
from engine.forgetting import Forgetter
from engine.metrics import ACCEPTED, DELIVERIES, EVENTS, SWEEPS, WITHHELD, timed
from engine.people import Person, why_not
from engine.performing import PAUSES, Pauses, Performer, Render
from engine.ports import Chat, Forge
from engine.recording import Recorder
from engine.request import CancelRuns, Candidate, HoldRuns, Policy, RunKind, Snapshot, StartRun
from engine.running import Outside, Reports, RunFunction, Runner
from engine.settings import RepositorySettings, Settings
from engine.state_dir import last_alive, say_alive
from engine.store import Spent, Store, effects, forgotten, journal, ledger, watches
from engine.store.database import Database, readable, reading
from engine.store.effects import Filed
from engine.store.tables import EffectStatus
from engine.trace import trace
from engine.watching import Watcher
from engine.withholding import kept, told

SWEEP_S = 5.0
LEFT_BEHIND = timedelta(seconds=10)
SLEPT_S = 1.0
LONG = 8_000
_PRUNE_AFTER = timedelta(hours=1)

FORGOTTEN = "What I kept of this thread was deleted, so I do not go on in it. Mention me in a new thread."

log = structlog.get_logger()


@dataclass(frozen=True)
class Rules:
    """The pure functions that the engine obeys; bootstrap hands in the real ones.

    Attributes:
        policy: Of (repository or None, team); None where requests are not served.
        candidates: Of (channel, team): the repositories that its requests may be about.
        render: The card of (state, key, what is spent, activity), None to show nothing.
        detail: The whole of a card as text.
    """

    decide: Callable[[Snapshot | None, Event, Policy | None, tuple[Candidate, ...]], Decision]
    policy: Callable[[RepositorySettings | None, str], Policy | None]
    candidates: Callable[[str, str], tuple[Candidate, ...]]
    render: Render
    detail: Callable[[Snapshot, str], Detail | None]


class Engine:
    """The project manager. Made by `engine.start`, which also launches it.

    Args:
        chat: The thread people see, or what makes it of this engine.
        runs: The function of each kind of run.
        pauses: Between tries of what the chat does not take.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        chat: Callable[["Engine"], Chat] | Chat,
        outside: Outside,
        rules: Rules,
        runs: Mapping[RunKind, RunFunction],
        pauses: Pauses = PAUSES,
    ) -> None:
        self.settings = settings
        self.store = Store(database.app, self._untold)
        self._database = database
        self._rules = rules
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._sweeper: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None
        self._pruned_at: datetime | None = None
        self._swept_at: datetime | None = None
        holder = secrets.token_hex(8)
        its_chat = chat(self) if callable(chat) else chat
        self._chat = its_chat
        self._performer = Performer(database, its_chat, rules.render, holder, pauses)
        reports = Reports(self._accept, self._performer.tell, self._performer.quiet, self._anew)
        self._runner = Runner(settings, database, self.store, its_chat, outside, runs, reports, holder)
        self._durable = Durable(database, perform=self._performer.perform, run=self._runner.run)
        self._performer.durable = self._durable
        self._performer.unbroken = self._runner.unbroken
        self._performer.accept = self._accept
        self._performer.write_record = Recorder(database, its_chat, self._forge).write
        self._outside = outside
        self._asleep_s = outside.asleep()
        self._rested: dict[str, timedelta] = {}
        self._forgetter = Forgetter(settings, database, outside.workspace)
        self._watcher = Watcher(settings.follow, database, self._forge, self._accept, self._durable.detach)

    # ------------------------------------------------------------ life

    async def launch(self) -> None:
        """Take over what an earlier process left, and begin to sweep."""
        async with self._database.app.begin() as c:
            left = await effects.take_over(c)
        at = datetime.now(UTC)
        since = await asyncio.to_thread(last_alive, self.settings.state_dir) or at
        await self._restarted(left, at - since, at)
        await asyncio.to_thread(say_alive, self.settings.state_dir, at)
        await self._durable.launch()
        for filed in left:
            await self._start_again(filed, filed.attempt)
        await self._watcher.launch(datetime.now(UTC))
        self._swept_at = datetime.now(UTC)
        self._sweeper = asyncio.create_task(self._sweep_for_ever())
        self._beating = asyncio.create_task(self._beat_for_ever())
        log.info("engine.started", left_behind=len(left))

    def on_close(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Call this last, once everything has ended."""
        self._closers.append(closer)

    async def close(self) -> None:
        """Interrupt all work; the next start goes on with it."""
        beside = [task for task in (self._sweeper, self._beating) if task is not None]
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await self._durable.close()
        await asyncio.to_thread(say_alive, self.settings.state_dir, datetime.now(UTC))
        await self._database.close()
        for closer in reversed(self._closers):
            await closer()
        log.info("engine.closed")

    # ------------------------------------------------------------ events

    async def accept(self, event: Event) -> Reply:
        """Store an event and decide, all or nothing; returns once that is on disk.

        The same key again changes nothing.

        Returns:
            What only the one who caused it is told now.

        Raises:
            Transient: the database stayed locked; nothing was stored, so let the event come again.
        """
        if (refusal := await self._turned_away(event)) is not None:
            return refusal
        try:
            return await self._accept(event)
        except DiskFull as error:
            log.warning("event.refused", request=event.request, kind=event.kind, why="disk full")
            return Reply(sign=Sign.ONLY_YOU, text=f"{error.sentence} Nothing was changed.")

    async def _turned_away(self, event: Event) -> Reply | None:
        """What is said where this person's acts do not count; None where they do."""
        unheard = isinstance(event, Said | Resumed | Stopped | Paused)
        if unheard and await self.snapshot(event.request) is None:
            return None  # talk of people in a thread that is none of ours: nobody is looked up for it
        if stops(event):
            return await may_not_stop(self._chat, event)
        return await turned_away(self._chat, event) if needs_standing(event) else None

    async def not_entitled(self, person: Person) -> str:
        """Why nothing of this person counts and they are shown nothing, in a sentence; empty if it does."""
        return why_not(await self._chat.person(person))

    async def _accept(self, event: Event) -> Reply:
        with bound_contextvars(request=event.request, event_key=event.key), timed(ACCEPTED):
            return await self._taken(event)

    async def _taken(self, event: Event) -> Reply:
        # Long words take a while; short ones keep the order in which they came.
        long = len(getattr(event, "text", "")) > LONG
        event, withheld = await asyncio.to_thread(kept, event) if long else kept(event)
        try:
            decision, filed = await self._decided(event)
        except DBAPIError as error:
            meaning = readable(error)
            if meaning is None:
                raise
            raise meaning from error
        for one in filed:
            self._start(one, event)
        if decision is None:
            return Reply()
        EVENTS.labels(event.kind).inc()
        if decision.snapshot is not None:
            log.info(
                f"request.{event.kind}",
                request=event.request,
                state=decision.snapshot.state.value,
                epoch=decision.snapshot.epoch,
                effects=len(filed),
            )
        if not withheld or (decision.snapshot is None and decision.reply.sign is Sign.NOTHING):
            return decision.reply  # of words that concern no request nothing is told
        WITHHELD.inc()
        log.info("secret.withheld", request=event.request, kind=event.kind, of=list(withheld))
        sign = Sign.ONLY_YOU if decision.reply.sign is Sign.NOTHING else decision.reply.sign
        return Reply(sign=sign, text=f"{decision.reply.text}\n{told(event, withheld)}".strip())

    async def _decided(self, event: Event) -> tuple[Decision | None, list[Filed]]:
        """The one transaction. None if the event was seen before."""
        now = datetime.now(UTC)
        async with self._database.app.begin() as c:
            if await journal.seen(c, event.key):
                return None, []
            before = await journal.load(c, event.request)
            if isinstance(event, Opened) and before is None and await forgotten.is_over(c, event.request):
                return Decision(snapshot=None, reply=Reply(sign=Sign.ONLY_YOU, text=FORGOTTEN)), []
            if isinstance(event, Deleted):
                card = await effects.card_at(c, event.request, event.ts)
                event = event.model_copy(update={"card": card})
            if isinstance(event, Opened) and before is None and self.settings.caps.requests_per_person_day:
                today = await ledger.opened_today(c, event.by, self.settings.caps.day_zone, now)
                event = event.model_copy(update={"today": today})
            policy, candidates = self._policy(before, event), self._candidates(before, event)
            decision = self._rules.decide(before, event, policy, candidates)
            new = decision.snapshot
            if new is None or decision.reply.sign is Sign.AGAIN:
                return decision, []
            await journal.store(c, event, before, new, now)
            for again in set(new.reposted) - set(before.reposted if before else ()):
                await effects.forget_card(c, new.id, again)
            if new.delivery is not None and new.delivery != (before.delivery if before else None):
                look_at, until = self._watcher.times(now)
                DELIVERIES.inc()
                await watches.begin(c, new.id, new.delivery.number, look_at=look_at, until=until)
            if isinstance(event, RunFinished):
                await effects.end(c, [event.run], EffectStatus.DONE)
            return decision, await effects.file(c, before, new, decision.effects, now)

    def _forge(self, repository: str) -> Forge | None:
        found = self.settings.repository(repository)
        return self._outside.forge(found) if found else None

    def _policy(self, snapshot: Snapshot | None, event: Event) -> Policy | None:
        if snapshot is not None:
            return self._rules.policy(self.settings.repository(snapshot.repository), snapshot.team)
        if isinstance(event, Opened):
            return self._rules.policy(self.settings.repository(event.repository), event.by.team)
        return None

    def _candidates(self, snapshot: Snapshot | None, event: Event) -> tuple[Candidate, ...]:
        if snapshot is not None:
            return self._rules.candidates(snapshot.channel, snapshot.team)
        if isinstance(event, Opened):
            return self._rules.candidates(event.channel, event.by.team)
        return ()

    # ------------------------------------------------------------ effects

    def _start(self, filed: Filed, event: Event) -> None:
        effect = filed.effect
        if isinstance(effect, CancelRuns):
            # At once, not first when the effect's turn comes. A run that just reported its end is at its end.
            self._durable.interrupt(r for r in effect.runs if not _is_end_of(event, r))
        if isinstance(effect, HoldRuns):
            self._durable.interrupt(set(effect.runs) - self._runner.unbroken)
        if filed.status is EffectStatus.HELD:
            return
        workflow = Workflow.RUN if isinstance(effect, StartRun) else Workflow.PERFORM
        self._durable.start(workflow, filed.id, filed.attempt)

    async def _start_again(self, filed: Filed, attempt: int) -> None:
        if not isinstance(filed.effect, StartRun):
            self._durable.start(Workflow.PERFORM, filed.id, attempt)
            return
        resumed = await self._durable.resume(filed.id, filed.attempt)
        if resumed != filed.attempt:
            async with self._database.app.begin() as c:
                await effects.new_attempt(c, filed.id, resumed)

    async def _anew(self, filed: Filed) -> None:
        async with self._database.app.begin() as c:
            await effects.new_attempt(c, filed.id, filed.attempt + 1)
        self._durable.start(Workflow.RUN, filed.id, filed.attempt + 1)

    async def sweep(self, now: datetime) -> None:
        """Do what time asks for: due requests, effects left behind, looks, forgetting finished workflows."""
        await self._woken(now)  # before anything is found to be due
        async with reading(self._database.app) as c:
            due = await journal.due(c, now)
            left = await effects.left_behind(c, now - LEFT_BEHIND)
        for request, at in due:
            if request not in self._rested:  # else its minutes may seem to be used up
                await _apart(request, self._due(request, at))
        for filed in left:
            await _apart(filed.request, self._left(filed))
        await self._watcher.sweep(now)
        await self._forgetter.sweep(now)
        if self._pruned_at is None or now - self._pruned_at > _PRUNE_AFTER:
            self._pruned_at = now
            await self._durable.prune(_PRUNE_AFTER)

    async def look_at(self, number: int) -> None:
        """Look at the pull requests of this number now: what a webhook calls. Returns before that is done."""
        await self._watcher.look_at(number)

    async def channels(self, team: str) -> list[str]:
        """The channels in which requests have not ended."""
        async with reading(self._database.app) as c:
            live = await journal.live_in(c, team)
        return list(dict.fromkeys(request.split(":")[1] for request in live))

    async def shared(self, team: str, channel: str, told: Shared) -> None:
        """People of another workspace share this channel, or no longer: each of its requests is told."""
        async with reading(self._database.app) as c:
            live = await journal.live_in(c, team, channel)
        for request in live:
            await self._accept(told.model_copy(update={"request": request, "key": f"{request}:{told.key}"}))

    async def shut(self, team: str, channel: str, error: ChatShut) -> None:
        """Nothing can be said in this channel for now: each who asked for something is told so, once."""
        async with reading(self._database.app) as c:
            live = await journal.live_in(c, team, channel)
        for request in live:
            if (snapshot := await self.snapshot(request)) is not None:
                await self._performer.tell_apart(snapshot, error)
        log.info("chat.shut_away", channel=channel, code=error.code[:60], requests=len(live))

    async def reopened(self, team: str, channel: str) -> None:
        """The chat may take what is said in this channel again: what rested there is tried now."""
        async with reading(self._database.app) as c:
            left = await effects.left_behind(c, datetime.now(UTC))
        resting = [
            filed
            for filed in left
            if filed.request.startswith(f"{team}:{channel}:")
            and not isinstance(filed.effect, StartRun)
            and self._performer.rests(filed.request)
        ]
        for filed in resting:
            self._performer.wake(filed.request)
        for filed in resting:
            await _apart(filed.request, self._again(filed))
        log.info("chat.reopened", channel=channel, effects=len(resting))

    async def _woken(self, now: datetime) -> None:
        """While the machine was suspended nothing worked, as if no process had been there.

        Each sweep looks, and tells again whom it could not be told. A run that ends before that, and that no
        other follows, counts it as work; a call that is to be paid before that does not.
        """
        asleep = self._outside.asleep()
        slept = asleep - self._asleep_s
        left: list[Filed] = []
        if slept >= SLEPT_S:
            async with reading(self._database.app) as c:
                left = await effects.left_behind(c, now)
            self._asleep_s = asleep
            log.info("engine.woken", slept_s=round(slept))
        await self._restarted(left, timedelta(seconds=slept), now)

    def _untold(self, request: str) -> timedelta:
        """How long the machine slept that this request has not been told of."""
        newly = timedelta(seconds=self._outside.asleep() - self._asleep_s)
        return newly + self._rested.get(request, timedelta())

    async def _restarted(self, left: Iterable[Filed], rested: timedelta, at: datetime) -> None:
        for request in dict.fromkeys(one.request for one in left if isinstance(one.effect, StartRun)):
            self._rested[request] = self._rested.get(request, timedelta()) + rested
        for request, since in [(request, at - rest) for request, rest in self._rested.items()]:
            key = f"{request}:restarted:{at.isoformat()}"
            if await _apart(request, self._accept(Restarted(key=key, request=request, at=at, since=since))):
                del self._rested[request]

    async def _due(self, request: str, at: datetime) -> None:
        await self.accept(Due(key=f"{request}:due:{at.isoformat()}", request=request, at=at))

    async def _left(self, filed: Filed) -> None:
        if not self._durable.holds(filed.id):
            log.warning("effect.started_again", request=filed.request, effect=filed.id)
            await self._again(filed)

    async def _again(self, filed: Filed) -> None:
        if isinstance(filed.effect, StartRun):
            await self._start_again(filed, filed.attempt)
            return
        async with self._database.app.begin() as c:
            await effects.new_attempt(c, filed.id, filed.attempt + 1)
        await self._start_again(filed, filed.attempt + 1)

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.sweep(datetime.now(UTC))
            except Exception as error:  # noqa: BLE001 (process edge: the next sweep looks again)
                log.error("sweep.failed", trace=trace(error))  # noqa: TRY400 (no foreign words in logs)
                SWEEPS.labels("failed").inc()
            else:
                self._swept_at = datetime.now(UTC)
                SWEEPS.labels("done").inc()

    async def _beat_for_ever(self) -> None:
        """Apart from the sweep, which may take long or fail while work goes on."""
        while True:
            await asyncio.sleep(SWEEP_S)
            await asyncio.to_thread(say_alive, self.settings.state_dir, datetime.now(UTC))

    # ------------------------------------------------------------ looking

    async def problems(self) -> dict[str, str]:
        """Why this process should be given no work now: name and sentence of each reason."""
        return await vitals.problems(
            self._database,
            self.settings.state_dir,
            self._swept_at,
            self._durable.holds,
            self._outside.model,
        )

    async def standing(self) -> vitals.Standing:
        """How many requests and effects there are of each kind, and how old what is open is."""
        return await vitals.standing(self._database, self._durable.holds, datetime.now(UTC))

    def tell(self, request: str, run: str, line: str) -> None:
        """Show a line of activity on the progress card, soon; lossy."""
        self._performer.tell(request, run, line)

    async def snapshot(self, request: str) -> Snapshot | None:
        """The newest state of a request."""
        async with reading(self._database.app) as c:
            return await journal.load(c, request)

    async def detail(self, request: str, card: str) -> Detail | None:
        """The whole of a card as text, None if there is no such card."""
        snapshot = await self.snapshot(request)
        return None if snapshot is None else self._rules.detail(snapshot, card)

    async def card(self, request: str, key: str) -> Card | None:
        """A card as it looks now, without cost and activity; None if there is nothing to show."""
        snapshot = await self.snapshot(request)
        return None if snapshot is None else self._rules.render(snapshot, key, Spent(), ())

    async def journal(self, request: str) -> list[Event]:
        """Every event of a request, in the order in which it was decided."""
        async with reading(self._database.app) as c:
            return await journal.events(c, request)

    async def spent(self, request: str) -> Spent:
        """What a request has cost so far."""
        return await self.store.spent(request)


async def _apart(request: str, work: Awaitable[object]) -> bool:
    """What is wrong with one request holds up no other; whether nothing was."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 (process edge: the next sweep looks again)
        log.error("sweep.failed", request=request, trace=trace(error))  # noqa: TRY400 (no foreign words)
        return False
    return True


def _is_end_of(event: Event, run: str) -> bool:
    return isinstance(event, RunFinished) and event.run == run
