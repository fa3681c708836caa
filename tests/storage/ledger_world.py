"""A small world for the ledger's tests: credit lines, occasions with fresh keys, transactions as the service."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.ledger import Entry, HoldRequest, Journal, Occasion, credit_accounts, credit_line_opened
from domain.money import Money, Unit
from storage import ledger
from storage.database import SERVICE, create_engine, transaction
from storage.ledger import posting
from tests.books import Superuser
from tests.conftest import Database

# Far enough ahead for those who post meanwhile.
_MARK = """
    SELECT setval('entries_id_seq', (SELECT min(id) FROM entries_id_seq, generate_series(last_value + 100, last_value
        + 100000) AS id WHERE hashint8(id) & 255 = 0), false)"""
# All of the ledger's.
TABLES = ("account_kinds", "accounts", "journals", "entries", "holds", "balance_snapshots", "kind_sums")
_PERSON = sa.text("INSERT INTO persons (national_id_index, national_id_sealed) VALUES (:i, :i) RETURNING id")
NOON = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)


def machine_engine(database: Database, pool: int) -> AsyncEngine:
    """Each of its connections is the machine's, also where it says nothing."""
    made = create_engine(database.app_url, pool=pool)

    @sa.event.listens_for(made.sync_engine, "connect")
    def act(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SET amanat.capacity = 'service'")
        cursor.close()
        connection.commit()

    return made


def service_transaction(engine: AsyncEngine) -> AbstractAsyncContextManager[AsyncConnection]:
    """One transaction of the machine; long enough for a busy test server."""
    return transaction(engine, SERVICE, limit_ms=30_000)


def occasion(key: str | None = None) -> Occasion:
    """Something happened at noon."""
    return Occasion(key or f"test/{uuid4()}", None, "system", NOON)


def granted(line: UUID) -> str:
    """The code of the account without a floor."""
    return credit_accounts(line)[0].code


def available(line: UUID) -> str:
    """The code of the account with floor 0."""
    return credit_accounts(line)[1].code


def move(source: str, target: str, amount: int, key: str | None = None, unit: Unit = Unit.IRR) -> Journal:
    """A journal of two entries."""
    entries = (Entry(source, Money(-amount, unit)), Entry(target, Money(amount, unit)))
    return Journal(occasion(key), "test_moved", entries)


def ask(line: UUID, amount: int, key: str | None = None) -> HoldRequest:
    """A hold on what is available."""
    return HoldRequest(occasion(key), available(line), Money(amount), "test_held")


async def new_person(connection: AsyncConnection) -> UUID:
    """Somebody who can own accounts."""
    made: UUID = (await connection.execute(_PERSON, {"i": uuid4().bytes})).scalar_one()
    return made


async def open_line(connection: AsyncConnection, ceiling: int = 0, owner: UUID | None = None) -> UUID:
    """A new credit line, with its ceiling available."""
    line = uuid4()
    await posting.open_accounts(connection, credit_accounts(line, owner))
    if ceiling:
        await posting.post(connection, credit_line_opened(line, Money(ceiling), occasion()))
    return line


async def mark_next(superuser: Superuser) -> None:
    """Let the next entry mark its account, if that has no floor: it will have a snapshot."""
    await superuser.value(_MARK)


async def settled(engine: AsyncEngine) -> None:
    """Wait until every transaction begun so far has ended, autovacuum's and those of other databases included."""
    async with engine.connect() as connection:
        horizon = (await connection.execute(sa.text("SELECT pg_snapshot_xmax(pg_current_snapshot())"))).scalar_one()
    reached = sa.text("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= CAST(:horizon AS xid8)")
    async with asyncio.timeout(30):
        while True:
            async with engine.connect() as connection:
                if (await connection.execute(reached, {"horizon": horizon})).scalar_one():
                    return
            await asyncio.sleep(0.01)


async def violations(engine: AsyncEngine) -> list[ledger.Violation]:
    """Everything that breaks a rule, all rules looking at one moment."""
    still = engine.execution_options(isolation_level="REPEATABLE READ")
    async with service_transaction(still) as connection:
        return [violation async for violation in ledger.check(connection)]
