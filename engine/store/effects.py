"""Effects and cards: functions of one transaction each, given its connection.

An effect goes from pending over claimed to done, failed or skipped. What is claimed is being done by
`holder`; nobody else touches it while that process lives. A run of a paused request is held: nobody claims it
before it is released.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from engine.ports import Ref
from engine.request import (
    CancelRuns,
    Effect,
    HoldRuns,
    ReleaseRuns,
    RunKind,
    ShowCard,
    Snapshot,
    StartRun,
)
from engine.store import journal
from engine.store.tables import CardRow, EffectRow, EffectStatus, RequestRow

log = structlog.get_logger()

_EFFECT: TypeAdapter[Effect] = TypeAdapter(Effect)
_OPEN = (EffectStatus.PENDING.value, EffectStatus.CLAIMED.value)
_UNDONE = (*_OPEN, EffectStatus.HELD.value)


@dataclass(frozen=True)
class Filed:
    """An effect as it is stored. `decided` is the state a run was decided in (JSON), else empty."""

    id: str
    request: str
    effect: Effect
    decided: str
    epoch: int
    status: EffectStatus
    attempt: int

    @property
    def open(self) -> bool:
        """Whether it is still to be done."""
        return self.status.value in _OPEN


@dataclass(frozen=True)
class ClaimedCard:
    """A card that is ours to render now, with every effect that asked for it.

    Attributes:
        ref: Where it stands, if that is known.
        attempted: Whether somebody may have posted it without living to tell.
    """

    effects: tuple[str, ...]
    snapshot: Snapshot
    ref: Ref | None
    attempted: bool


@dataclass(frozen=True)
class Intended:
    """A card that is about to be posted. `ref` and `attempted` are those of ClaimedCard."""

    ref: Ref | None
    attempted: bool


# ---------------------------------------------------------------- filing


async def file(
    c: AsyncConnection, before: Snapshot | None, new: Snapshot, effects: Sequence[Effect], now: datetime
) -> list[Filed]:
    """Store the effects of a decision; the runs they cancel can be claimed no more from here on."""
    first = (before.counter if before else 0) + 1
    decided = new.model_dump_json() if any(isinstance(e, StartRun) for e in effects) else ""
    filed = [
        Filed(
            id=f"{new.id}/{number}",
            request=new.id,
            effect=effect,
            decided=decided if isinstance(effect, StartRun) else "",
            epoch=new.epoch,
            status=EffectStatus.HELD if _is_held(new, effect) else EffectStatus.PENDING,
            attempt=0,
        )
        for number, effect in enumerate(effects, first)
    ]
    for one in filed:
        await c.execute(
            sa.insert(EffectRow).values(
                id=one.id,
                request=one.request,
                do=one.effect.do,
                card=one.effect.card if isinstance(one.effect, ShowCard) else "",
                body=one.effect.model_dump_json(),
                snapshot=one.decided,
                epoch=one.epoch,
                status=one.status.value,
                attempt=0,
                holder="",
                created_at=now,
                note="",
            )
        )
    for run in (run for e in effects if isinstance(e, CancelRuns) for run in e.runs):
        await end(c, [run], EffectStatus.SKIPPED, "cancelled")
    for effect in effects:
        if isinstance(effect, HoldRuns):
            await _turn(c, effect.runs, _OPEN, EffectStatus.HELD)
        if isinstance(effect, ReleaseRuns):
            await _turn(c, effect.runs, (EffectStatus.HELD.value,), EffectStatus.PENDING)
    return filed


def _is_held(new: Snapshot, effect: Effect) -> bool:
    """Whether it waits until the request goes on; what tells messages apart does not."""
    return new.hold is not None and isinstance(effect, StartRun) and effect.kind is not RunKind.TRIAGE


async def _turn(c: AsyncConnection, runs: Sequence[str], of: Sequence[str], into: EffectStatus) -> None:
    await c.execute(
        sa.update(EffectRow)
        .where(col(EffectRow.id).in_(runs), col(EffectRow.status).in_(of))
        .values(status=into.value)
    )


async def get(c: AsyncConnection, effect: str) -> Filed | None:
    """An effect by its id."""
    found = await _filed(c, col(EffectRow.id) == effect)
    return found[0] if found else None


async def end(c: AsyncConnection, effects: Sequence[str], status: EffectStatus, note: str = "") -> int:
    """Bring effects that are still open to their end; how many were."""
    changed = await c.execute(
        sa.update(EffectRow)
        .where(col(EffectRow.id).in_(effects), col(EffectRow.status).in_(_UNDONE))
        .values(status=status.value, note=note)
    )
    return changed.rowcount


async def held(c: AsyncConnection, effect: str) -> bool:
    """Whether it waits for its request to go on."""
    filed = await get(c, effect)
    return filed is not None and filed.status is EffectStatus.HELD


# ---------------------------------------------------------------- doing


async def claim_run(c: AsyncConnection, effect: str, holder: str) -> Filed | None:
    """Claim a run, or go on with it; None if it is over, or too old for its request by now."""
    filed = await get(c, effect)
    if filed is None or not filed.open:
        return None
    query = sa.select(col(RequestRow.epoch)).where(col(RequestRow.id) == filed.request)
    if filed.epoch < (await c.execute(query)).scalar_one():
        await end(c, [effect], EffectStatus.SKIPPED, "older epoch")
        return None
    await _hold(c, col(EffectRow.id) == effect, holder)
    return filed


async def claim_card(c: AsyncConnection, request: str, key: str, holder: str) -> ClaimedCard | None:
    """Claim every open effect of a card at once, and note the intent to post it; None if there is none.

    The caller holds the card's lock, so an effect that is claimed here already is this process's own.
    """
    mine = (
        col(EffectRow.request) == request,
        col(EffectRow.card) == key,
        col(EffectRow.status).in_(_OPEN),
    )
    ids = tuple((await c.execute(sa.select(col(EffectRow.id)).where(*mine))).scalars())
    snapshot = await journal.load(c, request)
    if not ids or snapshot is None:
        return None
    await _hold(c, col(EffectRow.id).in_(ids), holder)
    intended = await intend_card(c, request, key)
    return ClaimedCard(ids, snapshot, intended.ref, attempted=intended.attempted or snapshot.restored)


async def intend_card(c: AsyncConnection, request: str, key: str) -> Intended:
    """Note the intent to post a card; where it stands, and whether it may have been posted before."""
    known = (await c.execute(_card(request, key))).first()
    if known is None:
        await c.execute(sa.insert(CardRow).values(request=request, key=key, channel="", ts=""))
    ref = Ref(channel=known.channel, ts=known.ts) if known is not None and known.ts else None
    return Intended(ref, attempted=known is not None)


async def keep_card(c: AsyncConnection, request: str, key: str, ref: Ref) -> None:
    """Remember where a card stands."""
    await c.execute(
        sa.update(CardRow)
        .where(col(CardRow.request) == request, col(CardRow.key) == key)
        .values(channel=ref.channel, ts=ref.ts)
    )


async def card_at(c: AsyncConnection, request: str, ts: str) -> str:
    """The key of the card that stands there, empty if none does."""
    query = sa.select(col(CardRow.key)).where(col(CardRow.request) == request, col(CardRow.ts) == ts)
    return str((await c.execute(query)).scalars().first() or "")


async def forget_card(c: AsyncConnection, request: str, key: str) -> None:
    """It stands nowhere any more: the next effect looks for it, and posts it."""
    await c.execute(
        sa.update(CardRow)
        .where(col(CardRow.request) == request, col(CardRow.key) == key)
        .values(channel="", ts="")
    )


async def card(c: AsyncConnection, request: str, key: str) -> Ref | None:
    """Where a card stands, None if it was not posted yet."""
    row = (await c.execute(_card(request, key))).first()
    return Ref(channel=row.channel, ts=row.ts) if row is not None and row.ts else None


# ---------------------------------------------------------------- taking over


async def take_over(c: AsyncConnection) -> list[Filed]:
    """At start, with the state directory ours: everything open that can be read, whoever had claimed it.

    Cards and cancellations become a new attempt; runs keep theirs, because its recorded steps hold
    model calls that must not be made again.
    """
    await c.execute(
        sa.update(EffectRow)
        .where(col(EffectRow.status).in_(_OPEN), col(EffectRow.do) != "start_run")
        .values(status=EffectStatus.PENDING.value, attempt=col(EffectRow.attempt) + 1)
    )
    return await _filed(c, col(EffectRow.status).in_(_OPEN))


async def left_behind(c: AsyncConnection, older_than: datetime) -> list[Filed]:
    """Open effects that should long have been started, oldest first; the caller knows which are held."""
    return await _filed(c, sa.and_(col(EffectRow.status).in_(_OPEN), col(EffectRow.created_at) <= older_than))


async def new_attempt(c: AsyncConnection, effect: str, attempt: int) -> None:
    """Count a new start of an effect."""
    await c.execute(sa.update(EffectRow).where(col(EffectRow.id) == effect).values(attempt=attempt))


# ---------------------------------------------------------------- rows


def is_readable(body: str) -> bool:
    """Whether a row's body is an effect as this version knows them."""
    try:
        _EFFECT.validate_json(body)
    except ValueError:
        return False
    return True


def _card(request: str, key: str) -> sa.Select[str, str]:
    return sa.select(col(CardRow.channel), col(CardRow.ts)).where(
        col(CardRow.request) == request, col(CardRow.key) == key
    )


async def _hold(c: AsyncConnection, which: sa.ColumnElement[bool], holder: str) -> None:
    await c.execute(
        sa.update(EffectRow).where(which).values(status=EffectStatus.CLAIMED.value, holder=holder)
    )


async def _filed(c: AsyncConnection, where: sa.ColumnElement[bool]) -> list[Filed]:
    """What can be read of these rows: a damaged one is logged, and holds up no other."""
    rows = (await c.execute(sa.select(EffectRow).where(where).order_by(col(EffectRow.created_at)))).all()
    found: list[Filed] = []
    for row in rows:
        try:
            effect, status = _EFFECT.validate_json(row.body), EffectStatus(row.status)
        except ValueError:
            log.error("effect.unreadable", request=row.request, effect=row.id)  # noqa: TRY400 (no foreign words)
            continue
        found.append(
            Filed(row.id, row.request, effect, row.snapshot, row.epoch, status=status, attempt=row.attempt)
        )
    return found
