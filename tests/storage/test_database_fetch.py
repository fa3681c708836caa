"""Statements past SQLAlchemy, on connections whose statements are transactions of their own, and arrays as one text."""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from collections.abc import Awaitable, Callable

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.database import (
    SERVICE,
    STATEMENT_LIMIT_MS,
    Statement,
    array,
    create_engine,
    fetch,
    run_alone,
    single_statements,
    transaction,
    transaction_with,
)
from tests.arrange import eventually
from tests.books import Superuser
from tests.conftest import Database

_ONE = Statement("SELECT 1", {})
_WRONG = Statement("SELECT 1 / 0", {})
_COUNT = Statement("SELECT count(*) FROM rate_windows", {})
_SLEEP = Statement("SELECT pg_sleep(60)", {})
_LOCK = Statement("SELECT pg_advisory_xact_lock(1)", {})
_END_ALL = (
    "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename <> current_user"
)
_SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(60)'"


def _add(bucket: bytes) -> Statement:
    sql = "INSERT INTO rate_windows (bucket, starts_at, ends_at, used) VALUES (%(b)s, 'epoch', now(), 1) RETURNING used"
    return Statement(sql, {"b": bucket})


def _state(error: DBAPIError) -> object:
    return getattr(error.orig, "sqlstate", None)


def _say(number: int) -> Statement:
    """A question never asked before, so that it is prepared first."""
    return Statement(f"SELECT %(n)s::int + {number} * 0", {"n": number})


async def _ask_alone(engine: AsyncEngine, number: int) -> int:
    async with single_statements(engine) as connection:
        ((said,),) = await fetch(connection, _say(number))
    return int(said)


async def _ask_within(engine: AsyncEngine, number: int) -> int:
    async with transaction(engine, SERVICE) as connection:
        return int((await connection.execute(sa.text(f"SELECT :n + {number} * 0"), {"n": number})).scalar_one())


async def _ask_at_first(engine: AsyncEngine, number: int) -> int:
    async with transaction_with(engine, SERVICE, _say(number)) as (_, (((said,),),)):
        return int(said)


async def _ask_in_one_trip(engine: AsyncEngine, number: int) -> int:
    (((first,),), ((second,),)) = await run_alone(engine, SERVICE, _say(number), _say(number))
    assert first == second
    return int(first)


async def _ask_on(way: Callable[[AsyncEngine, int], Awaitable[int]], engine: AsyncEngine) -> None:
    for number in itertools.count():
        assert await way(engine, number) == number


@pytest.mark.parametrize(
    "values",
    [
        [],
        [None],
        ["NULL", None, "null", None],
        ["", " ", "  a  ", "\t", "\n", "\r\n"],
        ['"', '""', '\\"', "\\", "\\\\", "'", "''", "\\N", "\\n", '"NULL"'],
        ["{}", "{", "}", "{a,b}", ",", ",,", "a,b", "[1:2]={a,b}"],
        ["کلید", "می‌خواهم", "۱۲۳", "٬", "ریال،", "\u200f"],
        ["%s", "%(b)s", "%%", "$1", ":b", "--", "/*", ";"],
    ],
)
async def test_an_array_comes_back_as_it_was(engine: AsyncEngine, values: list[str | None]) -> None:
    async with single_statements(engine) as connection:
        rows = await fetch(connection, Statement("SELECT %(them)s::text[]", {"them": array(values)}))
    assert rows == [(values,)]


async def test_fetch_answers_with_the_rows_of_the_statement(engine: AsyncEngine) -> None:
    rows = Statement("SELECT n, NULLIF(n, 2) FROM generate_series(1, %(last)s) AS n", {"last": 3})
    none = Statement("SELECT 1 WHERE false", {})
    async with single_statements(engine) as connection, transaction(engine, SERVICE) as within:
        for way in (connection, within):
            assert await fetch(way, rows) == [(1, 1), (2, None), (3, 3)]
            assert await fetch(way, none) == []
            assert await fetch(way, _ONE) == [(1,)]


async def test_after_an_error_single_statements_go_on(engine: AsyncEngine, superuser: Superuser) -> None:
    async with single_statements(engine) as connection:
        await fetch(connection, _add(b"before"))
        for _ in range(3):
            with pytest.raises(DBAPIError) as failed:
                await fetch(connection, _WRONG)
            assert _state(failed.value) == "22012"
            assert await fetch(connection, _ONE) == [(1,)]
        await fetch(connection, _add(b"after"))
        assert await superuser.value("SELECT count(*) FROM rate_windows") == 2


async def test_an_error_within_a_transaction_undoes_all_of_it(engine: AsyncEngine, superuser: Superuser) -> None:
    async def act() -> None:
        async with transaction(engine, SERVICE) as connection:
            await fetch(connection, _add(b"before"))
            with pytest.raises(DBAPIError) as first:
                await fetch(connection, _WRONG)
            assert _state(first.value) == "22012"
            await fetch(connection, _add(b"after"))

    with pytest.raises(DBAPIError) as failed:
        await act()

    assert _state(failed.value) == "25P02"
    assert await superuser.value("SELECT count(*) FROM rate_windows") == 0
    async with transaction(engine, SERVICE) as connection:
        assert await fetch(connection, _COUNT) == [(0,)]


async def test_an_error_within_a_savepoint_undoes_that_much(engine: AsyncEngine, superuser: Superuser) -> None:
    async def act(connection: AsyncConnection) -> None:
        async with connection.begin_nested():
            await fetch(connection, _add(b"within"))
            await fetch(connection, _WRONG)

    async with transaction(engine, SERVICE) as connection:
        await fetch(connection, _add(b"before"))
        with pytest.raises(DBAPIError):
            await act(connection)
        await fetch(connection, _add(b"after"))

    assert await superuser.rows("SELECT bucket FROM rate_windows ORDER BY bucket") == [(b"after",), (b"before",)]


async def test_a_single_statement_that_waits_too_long_is_ended(engine: AsyncEngine) -> None:
    async def wait(statement: Statement) -> tuple[object, float]:
        async with single_statements(engine) as connection:
            began = time.perf_counter()
            with pytest.raises(DBAPIError) as failed:
                await fetch(connection, statement)
            waited = time.perf_counter() - began
            assert await fetch(connection, _ONE) == [(1,)]
        return _state(failed.value), waited

    async with transaction(engine, SERVICE) as holder:
        await fetch(holder, _LOCK)
        (locked, first), (asleep, second) = await asyncio.gather(wait(_LOCK), wait(_SLEEP))

    # Both limits are as long; which of them ends a wait for a lock is a matter of microseconds.
    assert locked in {"55P03", "57014"}
    assert asleep == "57014"
    assert 10 > min(first, second) + 0.05 >= STATEMENT_LIMIT_MS / 1_000


@pytest.mark.parametrize("alone", [True, False])
async def test_whoever_is_cancelled_in_the_middle_leaves_the_pool_usable(
    database: Database, superuser: Superuser, alone: bool
) -> None:
    engine = create_engine(database.app_url, pool=2)

    async def wait() -> None:
        if alone:
            async with single_statements(engine) as connection:
                await fetch(connection, _SLEEP)
        else:
            async with transaction(engine, SERVICE, limit_ms=60_000) as connection:
                await fetch(connection, _add(b"cancelled"))
                await fetch(connection, _SLEEP)

    for _ in range(3):
        waiting = [asyncio.create_task(wait()) for _ in range(1 if not alone else 2)]
        await eventually(lambda: superuser.value(_SLEEPING), "somebody waits")
        for task in waiting:
            task.cancel()
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in told)

    async def ask() -> object:
        async with single_statements(engine) as connection:
            return await fetch(connection, _COUNT)

    async with asyncio.timeout(10):
        assert await asyncio.gather(*(ask() for _ in range(8))) == [[(0,)]] * 8
        async with transaction(engine, SERVICE) as connection:
            assert await connection.scalar(sa.text("SELECT 1")) == 1
    await engine.dispose()
    assert await superuser.value(_SLEEPING) == 0


@pytest.mark.untouched
async def test_a_single_statement_after_its_connection_died_is_committed(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    async with single_statements(engine) as connection:
        await fetch(connection, _ONE)
        assert await superuser.value(_END_ALL) == 1
        with pytest.raises(DBAPIError) as died:
            await fetch(connection, _add(b"lost"))
        assert died.value.connection_invalidated
        await fetch(connection, _add(b"kept"))
        assert await superuser.rows("SELECT bucket FROM rate_windows") == [(b"kept",)]
    async with transaction(engine, SERVICE) as connection:
        await fetch(connection, _add(b"undone"))
        await connection.rollback()
    assert await superuser.rows("SELECT bucket FROM rate_windows") == [(b"kept",)]


@pytest.mark.untouched
async def test_a_single_statement_that_would_be_undone_is_refused(engine: AsyncEngine, superuser: Superuser) -> None:
    async with single_statements(engine) as connection:
        await fetch(connection, _ONE)
        await superuser.value(_END_ALL)
        with pytest.raises(DBAPIError):
            await fetch(connection, _ONE)
        # A call of SQLAlchemy's own gets a connection that begins a transaction and leaves its end to others.
        assert await connection.scalar(sa.text("SELECT 1")) == 1
        with pytest.raises(InvalidRequestError):
            await fetch(connection, _add(b"undone"))
    assert await superuser.value("SELECT count(*) FROM rate_windows") == 0


@pytest.mark.untouched
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE", "READ COMMITTED"])
async def test_a_transaction_on_a_connection_that_died_in_the_pool_keeps_its_isolation(
    engine: AsyncEngine, superuser: Superuser, level: str
) -> None:
    isolated = engine.execution_options(isolation_level=level)
    async with transaction(isolated, SERVICE) as connection:
        await fetch(connection, _ONE)
    assert await superuser.value(_END_ALL) == 1
    async with transaction(isolated, SERVICE) as connection:
        assert await connection.scalar(sa.text("SHOW transaction_isolation")) == level.lower()
    async with transaction(engine, SERVICE) as connection:
        assert await connection.scalar(sa.text("SHOW transaction_isolation")) == "read committed"


# SQLAlchemy leaves a connection on which somebody was cancelled while they took it to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("way", [_ask_alone, _ask_within, _ask_at_first, _ask_in_one_trip])
async def test_nobody_gets_the_answer_to_what_somebody_else_asked_and_was_cancelled(
    database: Database, monkeypatch: pytest.MonkeyPatch, way: Callable[[AsyncEngine, int], Awaitable[int]]
) -> None:
    # Whatever the driver does without waiting, it lets others run after it: also then somebody may be cancelled.
    monkeypatch.setattr("psycopg.waiting.MAX_BUSY_TIME", -1.0)
    engine = create_engine(database.app_url, pool=1)
    for steps in range(80):
        assert await way(engine, -1) == -1
        waiting = asyncio.create_task(_ask_on(way, engine))
        for _ in range(steps):
            await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await way(engine, -1) == -1
    await engine.dispose()
    gc.collect()


@pytest.mark.untouched
async def test_whoever_is_cancelled_while_a_dead_connection_is_replaced_leaves_no_isolation_behind(
    engine: AsyncEngine, superuser: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_autocommit = psycopg.AsyncConnection.set_autocommit

    async def set_and_be_cancelled(connection: psycopg.AsyncConnection[object], value: bool) -> None:
        await set_autocommit(connection, value)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def ask_twice() -> None:
        async with single_statements(engine) as connection:
            await fetch(connection, _ONE)
            await superuser.value(_END_ALL)
            with pytest.raises(DBAPIError):
                await fetch(connection, _ONE)
            monkeypatch.setattr(psycopg.AsyncConnection, "set_autocommit", set_and_be_cancelled)
            await fetch(connection, _ONE)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(ask_twice())
    monkeypatch.undo()
    async with transaction(engine, SERVICE) as connection:
        await fetch(connection, _add(b"undone"))
        await connection.rollback()
    assert await superuser.value("SELECT count(*) FROM rate_windows") == 0
