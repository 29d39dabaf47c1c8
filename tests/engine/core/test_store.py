import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event
from sqlmodel import SQLModel

from engine.errors import CapReached
from engine.ports import ModelAnswer, Usage
from engine.store import Receipt, Store
from engine.store.database import Database, open_database
from engine.store.ledger import Asked
from engine.store.migrations import migrate, ours


@pytest.fixture
def database(tmp_path: Path) -> Database:
    opened = open_database(tmp_path / "greenlight.db")
    migrate(opened.durable)
    return opened


def test_migrations_make_exactly_the_tables(database: Database) -> None:
    migrate(database.durable)
    with database.durable.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


class _Died(Exception):
    pass


def test_a_migration_that_dies_anywhere_leaves_nothing_half_done(tmp_path: Path) -> None:
    for number in itertools.count(1, 3):
        path = tmp_path / f"{number}.db"
        left = itertools.count(-number + 1)

        def die(*_: object, left: Iterator[int] = left) -> None:
            if next(left) == 0:
                raise _Died

        dying = open_database(path).durable
        event.listen(dying, "before_cursor_execute", die)
        try:
            migrate(dying)
        except _Died:
            dying.dispose()
        else:
            assert number > 10, "the end was reached by dying at many places before"
            return
        test_migrations_make_exactly_the_tables(open_database(path))


def test_tables_of_others_are_left_alone(database: Database) -> None:
    with database.durable.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE workflow_status (id TEXT)")
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, SQLModel.metadata) == []


async def test_many_reservations_at_once_never_exceed_the_cap(database: Database) -> None:
    store = Store(database.app)

    async def reserve(number: int) -> bool:
        try:
            await store.reserve(f"c{number}", "assess", "m", Asked(request="r", usd=0.3, cap_usd=1.0))
        except CapReached:
            return False
        return True

    granted = await asyncio.gather(*(reserve(n) for n in range(40)))
    assert sum(granted) == 3
    spent = await store.spent("r")
    assert spent.usd == 0
    assert spent.set_aside_usd == pytest.approx(0.9)
    await database.close()


async def test_a_call_made_anew_pays_for_the_first_as_well(database: Database) -> None:
    store = Store(database.app)
    await store.reserve("a", "assess", "m", Asked(request="r", usd=0.4, cap_usd=1.0))
    await store.reserve("a", "assess", "m", Asked(request="r", usd=0.4, cap_usd=1.0))
    with pytest.raises(CapReached):
        await store.reserve("a", "assess", "m", Asked(request="r", usd=0.4, cap_usd=1.0))
    await store.settle("a", Usage(cost_usd=0.1))
    spent = await store.spent("r")
    assert spent.usd == pytest.approx(0.5)
    assert spent.calls == 2
    await store.reserve("b", "assess", "m", Asked(request="r", usd=0.2, cap_usd=1.0))
    await store.release("b")
    await store.reserve("b", "assess", "m", Asked(request="r", usd=0.3, cap_usd=1.0))
    spent = await store.spent("r")
    assert spent.usd == pytest.approx(0.5)
    assert spent.set_aside_usd == pytest.approx(0.3)
    await database.close()


async def test_a_reservation_is_settled_and_released(database: Database) -> None:
    store = Store(database.app)
    await store.reserve("a", "assess", "m", Asked(request="r", usd=0.9, cap_usd=1.0))
    with pytest.raises(CapReached, match=r"\$0\.90 set aside.*\$0\.20"):
        await store.reserve("b", "assess", "m", Asked(request="r", usd=0.2, cap_usd=1.0))
    await store.settle("a", Usage(input_tokens=5, cache_read_tokens=2, output_tokens=3, cost_usd=0.1))
    await store.reserve("b", "assess", "m", Asked(request="r", usd=0.9, cap_usd=1.0))
    assert (await store.spent("r")).usd == pytest.approx(0.1), "cards tell what was spent, not what may be"
    await store.release("b")
    spent = await store.spent("r")
    assert (spent.usd, spent.input_tokens, spent.output_tokens, spent.calls) == (0.1, 7, 3, 1)
    assert spent.at is not None, "cards tell what was worked by then"
    assert (await store.spent("other")).calls == 0
    await database.close()


async def test_answers_and_receipts_come_back_as_kept(database: Database) -> None:
    store = Store(database.app)
    answer = ModelAnswer(
        model="m",
        content=({"type": "text", "text": "héllo\n"},),
        text="héllo\n",
        tool_uses=(),
        stop_reason="end_turn",
        usage=Usage(),
    )
    for _ in range(2):
        await store.keep_answer("a", "r", answer)
    assert await store.answer("a") == answer
    receipts = [
        Receipt(
            id=f"r/1:{n}",
            request="r",
            run="r/1",
            tool="run",
            subject="make",
            exit_code=n,
            output="x",
            digest="d",
        )
        for n in range(12)
    ]
    for receipt in (*receipts, receipts[3]):
        await store.keep_receipt(receipt)
    assert {r.id for r in await store.receipts("r/1")} == {r.id for r in receipts}
    assert await store.receipt("r/1:3") == receipts[3]
    assert await store.receipt("nothing") is None
    await database.close()
