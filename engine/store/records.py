"""What runs keep: receipts, model answers, and the ledger of calls and their cost."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel, col

from engine.errors import CapReached
from engine.leaks import cleaned
from engine.ports import ModelAnswer, Usage
from engine.store import ledger
from engine.store.database import reading
from engine.store.ledger import Asked
from engine.store.tables import AnswerRow, CallRow, CallStatus, ReceiptRow
from engine.withholding import as_stored


class Receipt(BaseModel):
    """A recorded tool call.

    Attributes:
        subject: What it was about: a command's argv, a path, a search.
        exit_code: Of a command; None for other tools.
        output: What the model was shown, bounded.
        digest: sha256 of the whole output.
        refused: Whether nothing was done, and `output` says why.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    request: str
    run: str
    tool: str
    subject: str
    exit_code: int | None
    output: str
    digest: str
    refused: bool = False


class Spent(BaseModel):
    """What a request has cost so far.

    Attributes:
        usd: In US dollars, without calls in flight.
        set_aside_usd: What calls in flight may cost at most; the cap counts it as well.
        calls: How many were made, those in flight among them.
        at: When this was summed up; None for sums of nothing.
    """

    model_config = ConfigDict(frozen=True)

    usd: float = 0.0
    set_aside_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0
    at: datetime | None = None

    @property
    def tokens(self) -> int:
        """All that was read and written, from caches too; without calls in flight, as `usd`."""
        return self.input_tokens + self.output_tokens


class Store:
    """Records of runs. Every method is one short transaction and may be repeated.

    Args:
        engine: Of the database.
        asleep: Of a request's id: how long the machine slept that its stored state does not know of yet.
    """

    def __init__(
        self, engine: AsyncEngine, asleep: Callable[[str], timedelta] = lambda _: timedelta()
    ) -> None:
        self._engine = engine
        self._asleep = asleep
        self._said: dict[str, ModelAnswer] = {}

    async def reserve(self, call: str, role: str, model: str, asked: Asked) -> None:
        """Set what a call may take at most aside, before it is made.

        Args:
            call: Id of the call. The same id again is the call made anew, after a process died before it
                could tell: what was set aside or settled for the first stays spent.
            role: Who calls, as in `ModelCall.role`.
            model: Name of the model.
            asked: Upper bounds of its cost and tokens; of the request's own caps the stored ones count if
                a person has raised them since.

        Raises:
            CapReached: what is spent and set aside leaves less than that; nothing was stored.
        """
        now = datetime.now(UTC)
        asleep = self._asleep(asked.request)
        async with self._engine.begin() as c:
            hit = await ledger.reached(c, asked, now, asleep)
            if hit is not None:
                raise CapReached(hit)
            await _set_apart(c, call)
            await _put(
                c,
                CallRow,
                id=call,
                request=asked.request,
                role=role,
                model=model,
                status=CallStatus.RESERVED.value,
                usd=asked.usd,
                input_tokens=asked.tokens,
                output_tokens=0,
                cache_read_tokens=0,
                cache_write_tokens=0,
                round=asked.round,
                at=now,
            )

    async def settle(self, call: str, usage: Usage) -> None:
        """Turn a reservation into what the call really cost."""
        await self._close(
            call,
            status=CallStatus.SETTLED.value,
            usd=usage.cost_usd,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
        )

    async def release(self, call: str) -> None:
        """Give a reservation back: the call was never made, or failed without cost."""
        await self._close(call, status=CallStatus.RELEASED.value, usd=0.0)

    async def spent(self, request: str) -> Spent:
        """The ledger's sums for a request."""
        in_flight = sa.case((col(CallRow.status) == CallStatus.RESERVED, col(CallRow.usd)), else_=0.0)
        read = col(CallRow.input_tokens) + col(CallRow.cache_read_tokens) + col(CallRow.cache_write_tokens)
        async with reading(self._engine) as c:
            row = (
                await c.execute(
                    sa.select(
                        sa.func.coalesce(sa.func.sum(col(CallRow.usd) - in_flight), 0.0),
                        sa.func.coalesce(sa.func.sum(in_flight), 0.0),
                        sa.func.coalesce(
                            sa.func.sum(sa.case((col(CallRow.status) != CallStatus.RESERVED, read), else_=0)),
                            0,
                        ),
                        sa.func.coalesce(sa.func.sum(col(CallRow.output_tokens)), 0),
                        sa.func.count(),
                    ).where(col(CallRow.request) == request, col(CallRow.status) != CallStatus.RELEASED)
                )
            ).one()
        return Spent(
            usd=row[0],
            set_aside_usd=row[1],
            input_tokens=row[2],
            output_tokens=row[3],
            calls=row[4],
            at=datetime.now(UTC),
        )

    async def keep_answer(self, id: str, request: str, answer: ModelAnswer) -> None:
        """Keep a whole model answer under an id; the same id again replaces it.

        Credentials in it are stored nowhere. Until the run ends or the process does, it comes back as it was
        said: what is written into a checkout is looked through before it leaves.
        """
        clean = await asyncio.to_thread(as_stored, answer)
        if clean != answer:
            self._said[id] = answer
        async with self._engine.begin() as c:
            await _put(c, AnswerRow, id=id, request=request, body=clean.model_dump_json())

    def forget(self, run: str) -> None:
        """Forget what a run's model said that is not stored: the run is over."""
        for id in [id for id in self._said if id.startswith(f"{run}/")]:
            del self._said[id]

    async def answer(self, id: str) -> ModelAnswer:
        """The answer kept under an id, which must exist."""
        if (said := self._said.get(id)) is not None:
            return said
        async with reading(self._engine) as c:
            body: str = (
                await c.execute(sa.select(col(AnswerRow.body)).where(col(AnswerRow.id) == id))
            ).scalar_one()
        return ModelAnswer.model_validate_json(body)

    async def kept_answer(self, id: str) -> ModelAnswer | None:
        """The answer kept under an id, None if there is none."""
        async with reading(self._engine) as c:
            found = await c.execute(sa.select(col(AnswerRow.body)).where(col(AnswerRow.id) == id))
        body: str | None = found.scalar_one_or_none()
        return None if body is None else ModelAnswer.model_validate_json(body)

    async def keep_receipt(self, receipt: Receipt) -> None:
        """Keep a receipt, without credentials; the same id again replaces it."""
        receipt = await asyncio.to_thread(cleaned, receipt)
        async with self._engine.begin() as c:
            await _put(c, ReceiptRow, **receipt.model_dump(), at=datetime.now(UTC))

    async def receipt(self, id: str) -> Receipt | None:
        """The receipt of that id."""
        found = await self._receipts(col(ReceiptRow.id) == id)
        return found[0] if found else None

    async def receipts(self, run: str) -> list[Receipt]:
        """A run's receipts, oldest first."""
        return await self._receipts(col(ReceiptRow.run) == run)

    async def _receipts(self, where: sa.ColumnElement[bool]) -> list[Receipt]:
        columns = [getattr(ReceiptRow, name) for name in Receipt.model_fields]
        query = sa.select(*columns).where(where).order_by(col(ReceiptRow.at), col(ReceiptRow.id))
        async with reading(self._engine) as c:
            rows = (await c.execute(query)).mappings().all()
        return [Receipt.model_validate(dict(row)) for row in rows]

    async def _close(self, call: str, **values: Any) -> None:
        async with self._engine.begin() as c:
            await c.execute(sa.update(CallRow).where(col(CallRow.id) == call).values(**values))


async def _set_apart(c: AsyncConnection, call: str) -> None:
    """Make an earlier attempt of a call an entry of its own, settled at what is known or feared of it."""
    ours = col(CallRow.id) == call, col(CallRow.status) != CallStatus.RELEASED
    await c.execute(
        sa.update(CallRow)
        .where(*ours)
        .values(id=f"{call}/lost-{secrets.token_hex(4)}", status=CallStatus.SETTLED.value)
    )


async def _put(c: AsyncConnection, table: type[SQLModel], **values: Any) -> None:
    """Insert or replace by id, in SQL that every database understands."""
    await c.execute(sa.delete(table).where(sa.column("id") == values["id"]))
    await c.execute(sa.insert(table).values(**values))
