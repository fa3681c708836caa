"""Transactions survive connections that died in the pool, and statements that travel together keep their order."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import (
    SERVICE,
    Acting,
    Statement,
    compile_sql,
    run_alone,
    run_statements,
    transaction,
    transaction_with,
)
from tests.arrange import Arrange, eventually
from tests.books import Superuser

_ONE = sa.text("SELECT 1")
_WHO = Statement("SELECT current_setting('amanat.capacity'), current_setting('statement_timeout')", {})
_ADD = Statement(
    compile_sql(
        sa.text("INSERT INTO rate_windows (bucket, starts_at, ends_at, used) VALUES (:bucket, 'epoch', now(), 1)")
    ),
    {"bucket": b"a bucket"},
)
_COUNT = Statement("SELECT count(*) FROM rate_windows", {})
_LOCK = Statement("SELECT pg_advisory_xact_lock(1)", {})


async def fill_pool(engine: AsyncEngine, count: int) -> None:
    """Leave some idle connections in the pool."""
    met = asyncio.Barrier(count)

    async def one() -> None:
        async with transaction(engine, SERVICE):
            await met.wait()

    await asyncio.gather(*(one() for _ in range(count)))


async def cut_all(superuser: Superuser) -> None:
    """End every connection of the app, as a restart of Postgres does, and wait until they are gone."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    await superuser.rows(f"SELECT pg_terminate_backend(pid, 5000) {others}")


async def test_connections_that_died_in_the_pool_are_replaced_unnoticed(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    await fill_pool(engine, 4)
    await cut_all(superuser)

    async def act() -> object:
        async with transaction(engine, SERVICE) as connection:
            return await connection.scalar(_ONE)

    assert await asyncio.gather(*(act() for _ in range(8))) == [1] * 8


async def test_a_whole_transaction_in_one_trip_survives_a_dead_connection_too(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    await fill_pool(engine, 2)
    await cut_all(superuser)

    assert await run_alone(engine, SERVICE, _WHO) == [[("service", "2s")]]


async def test_a_connection_that_dies_within_a_transaction_fails_it(engine: AsyncEngine, superuser: Superuser) -> None:
    async def act() -> None:
        async with transaction_with(engine, SERVICE, _ADD) as (connection, _):
            await cut_all(superuser)
            await run_statements(connection, _COUNT, commit=True)

    with pytest.raises(OperationalError) as failed:
        await act()

    assert failed.value.connection_invalidated
    assert await superuser.value("SELECT count(*) FROM rate_windows") == 0
    assert await run_alone(engine, SERVICE, _WHO)


async def test_what_follows_a_lock_sees_what_its_holder_wrote(engine: AsyncEngine, superuser: Superuser) -> None:
    async with transaction(engine, SERVICE) as connection:
        await run_statements(connection, _LOCK)
        waiting = asyncio.create_task(run_alone(engine, SERVICE, _LOCK, _COUNT))
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        await eventually(lambda: superuser.value(waits), "somebody waits for the lock")
        await run_statements(connection, _ADD)

    assert (await waiting)[1] == [(1,)]


async def test_a_statement_that_fails_undoes_those_that_travel_with_it(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    with pytest.raises(IntegrityError) as failed:
        async with transaction_with(engine, SERVICE) as (connection, _):
            await run_statements(connection, _ADD, _ADD, commit=True)

    assert getattr(failed.value.orig, "sqlstate", None) == "23505"
    assert not failed.value.connection_invalidated
    assert await superuser.value("SELECT count(*) FROM rate_windows") == 0
    assert await run_alone(engine, SERVICE, _COUNT)


async def test_a_failure_while_beginning_is_told_as_it_is(engine: AsyncEngine) -> None:
    for _ in range(2):
        with pytest.raises(DBAPIError) as failed:
            await run_alone(engine, SERVICE, Statement("SELECT 1 / 0", {}))
        assert getattr(failed.value.orig, "sqlstate", None) == "22012"


async def test_who_acts_and_the_limits_end_with_the_transaction(engine: AsyncEngine, arrange: Arrange) -> None:
    member = await arrange.member(await arrange.organisation())
    async with transaction(engine, Acting("member", member.id), limit_ms=700) as connection:
        assert await run_statements(connection, _WHO) == [[("member", "700ms")]]
        pid = await connection.scalar(sa.text("SELECT pg_backend_pid()"))

    async with engine.connect() as connection:
        assert await connection.scalar(sa.text("SELECT pg_backend_pid()")) == pid
        ((capacity, _),) = (await run_statements(connection, _WHO))[0]
    assert capacity == ""
