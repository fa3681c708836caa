"""The engine, and transactions that say who acts in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, NoReturn, Self
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import dialect as psycopg_dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.access import Actor
from domain.dates import tehran_day

Capacity = Literal["member", "staff", "service"]

# Below every time-out of an activity, so that Postgres gives up before Temporal does.
STATEMENT_LIMIT_MS = 2_000
_PREPARED_MAX = 300
_CURSOR = "amanat.cursor"
_ALONE = "AUTOCOMMIT"
_BEGIN = sa.text(
    "SELECT set_config('amanat.capacity', :capacity, true), set_config('amanat.person', :person, true),"
    " set_config('statement_timeout', :limit, true), set_config('lock_timeout', :limit, true)"
)


@dataclass(frozen=True, slots=True)
class Acting:
    """On whose behalf a transaction runs: row-level security shows a member only their own rows."""

    capacity: Capacity
    person_id: UUID | None = None

    @classmethod
    def of(cls, actor: Actor) -> Self:
        """On behalf of somebody who is signed in."""
        return cls(actor.capacity, actor.person_id)


SERVICE = Acting("service")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that is sent together with others: ``sql`` is from ``compile_sql``, ``values`` are its parameters."""

    sql: str
    values: Mapping[str, Any] = field(repr=False)


def compile_sql(statement: sa.ClauseElement, *columns: str) -> str:
    """A statement's SQL as the driver takes it, for statements that are made once.

    Args:
        statement: with ``sa.bindparam`` where values stand.
        columns: of an insert, those that get values.
    """
    dialect = psycopg_dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so
    return str(statement.compile(dialect=dialect, column_keys=list(columns) or None))


def array(values: Iterable[object]) -> str:
    """An array as Postgres reads it, NULL for None; thousands of values take the driver's own way ten times as long."""
    return "{" + ",".join(["NULL" if value is None else _quoted(str(value)) for value in values]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_ACT = compile_sql(_BEGIN)
_NOW = sa.select(sa.func.now())
_DATABASE = sa.text("SELECT oid, pg_postmaster_start_time() FROM pg_database WHERE datname = current_database()")


def create_engine(url: str, *, pool: int) -> AsyncEngine:
    """An engine with an explicit pool; parameters never appear in error texts or logs."""
    engine = create_async_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=5,
        # The same few connections again and again: what they have prepared is used, the others rest.
        pool_use_lifo=True,
        pool_recycle=1_800,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 5,
            "prepare_threshold": 1,
            # What a transaction sets for itself comes before these.
            "options": "-c idle_in_transaction_session_timeout=10000"
            f" -c statement_timeout={STATEMENT_LIMIT_MS} -c lock_timeout={STATEMENT_LIMIT_MS}",
        },
    )
    sa.event.listen(engine.sync_engine, "connect", _keep_prepared)
    return engine


def _keep_prepared(connection: Any, _: object) -> None:
    """Cache every prepared statement of a process: the driver's default of 100 would evict statements in use."""
    connection.driver_connection.prepared_max = _PREPARED_MAX


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, acting: Acting, *, limit_ms: int = STATEMENT_LIMIT_MS
) -> AsyncIterator[AsyncConnection]:
    """One transaction: commits at the end, rolls back on any exception.

    Args:
        engine: where.
        acting: on whose behalf.
        limit_ms: how long one statement or one wait for a lock may last.
    """
    async with transaction_with(engine, acting, limit_ms=limit_ms) as (connection, _):
        yield connection


@asynccontextmanager
async def transaction_with(
    engine: AsyncEngine, acting: Acting, *statements: Statement, limit_ms: int = STATEMENT_LIMIT_MS
) -> AsyncIterator[tuple[AsyncConnection, list[list[Any]]]]:
    """A ``transaction`` whose first statements are sent in one round trip with its BEGIN; yields the rows of each.

    They run one after another, each with a snapshot of its own: a statement after a lock sees what the lock's last
    holder committed.
    """
    async with engine.connect() as connection:
        answers = await _open(connection, [_acting(acting, limit_ms), *statements])
        async with connection.begin():
            yield connection, answers[1:]


async def run_alone(
    engine: AsyncEngine, acting: Acting, *statements: Statement, limit_ms: int = STATEMENT_LIMIT_MS
) -> list[list[Any]]:
    """A whole transaction in one round trip; the rows that each statement found. They must be safe to run twice."""
    async with engine.connect() as connection:
        answers = await _open(connection, [_acting(acting, limit_ms), *statements], commit=True)
    return answers[1:]


async def _open(
    connection: AsyncConnection, statements: Sequence[Statement], *, commit: bool = False
) -> list[list[Any]]:
    """Begin; replace a connection that died in the pool, since nothing was done on it yet."""
    try:
        return await run_statements(connection, *statements, commit=commit)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    await connection.rollback()
    await _reopen(connection)
    return await run_statements(connection, *statements, commit=commit)


async def _reopen(connection: AsyncConnection) -> None:
    """Replace a connection that died by one of the same isolation level, which SQLAlchemy by itself forgets."""
    known = connection.sync_connection
    if known is not None and known.invalidated:
        try:
            await connection.execution_options(**known.get_execution_options())
        except BaseException:
            # Cancelled before SQLAlchemy registered that it must reset the level: the connection must not be reused.
            await connection.invalidate()
            raise


async def run_statements(connection: AsyncConnection, *statements: Statement, commit: bool = False) -> list[list[Any]]:
    """Run statements one after another in one round trip; the rows of each.

    Args:
        connection: in a transaction, or about to begin one.
        statements: what to run.
        commit: end the transaction with them, if all succeed.

    Raises:
        DBAPIError: the first that failed; those after it were not run.
    """
    async with driving(connection) as driver:
        async with driver.pipeline():
            cursors = [await driver.execute(statement.sql, statement.values) for statement in statements]
            if commit:
                await driver.commit()
        return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]


@asynccontextmanager
async def driving(connection: AsyncConnection) -> AsyncIterator[Any]:
    """The driver's own connection; its errors are raised as SQLAlchemy's.

    Raises:
        DBAPIError: a statement failed.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        yield driver
    except psycopg.Error as error:
        await _raise_as_sqlalchemy(connection, driver, error)
    except BaseException:
        # Cancelled mid-pipeline: unread results would go to the connection's next user, so drop it.
        await connection.invalidate()
        raise


async def _raise_as_sqlalchemy(connection: AsyncConnection, driver: Any, error: psycopg.Error) -> NoReturn:
    if driver.closed:
        # Lets SQLAlchemy notice the disconnect; it then discards every older connection of the pool.
        await connection.exec_driver_sql("SELECT 1")
    raise DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True) from error


async def fetch(connection: AsyncConnection, statement: Statement) -> list[Any]:
    """Run one statement on the driver's connection, at a third of SQLAlchemy's cost; returns its rows.

    Raises:
        DBAPIError: it failed.
        InvalidRequestError: the connection was in autocommit, died, and was replaced by one that is not.
    """
    known = connection.sync_connection
    if known is None or known.invalidated:
        await _reopen(connection)
        raw: Any = await connection.get_raw_connection()
    else:
        # Awaiting get_raw_connection() for a connection that is open costs as much as binding a parameter.
        raw = known.connection
    driver, cursor = raw.driver_connection, raw.info.get(_CURSOR)
    if known is not None and known.get_execution_options().get("isolation_level") == _ALONE and not driver.autocommit:
        # SQLAlchemy replaced the connection without autocommit: the write would be acknowledged, then rolled back.
        raise sa.exc.InvalidRequestError("this connection no longer commits each statement")
    if cursor is None:
        cursor = raw.info[_CURSOR] = driver.cursor()
    try:
        await cursor.execute(statement.sql, statement.values)
        return await cursor.fetchall()  # type: ignore[no-any-return]  # rows are what they are
    except psycopg.Error as error:
        await _raise_as_sqlalchemy(connection, driver, error)
    except BaseException:
        # Cancelled mid-pipeline: unread results would go to the connection's next user, so drop it.
        await connection.invalidate()
        raise


@asynccontextmanager
async def single_statements(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection in autocommit: each statement is a transaction of its own, in one round trip.

    No capacity is set in it, so it serves only what needs none, or a connection that has one of its own. A statement,
    and a wait for a lock, may last STATEMENT_LIMIT_MS.
    """
    async with engine.execution_options(isolation_level=_ALONE).connect() as connection:
        yield connection


async def act_as(connection: AsyncConnection, acting: Acting, *, limit_ms: int = STATEMENT_LIMIT_MS) -> None:
    """Set who acts for the rest of the transaction."""
    await fetch(connection, _acting(acting, limit_ms))


def _acting(acting: Acting, limit_ms: int) -> Statement:
    values = {"capacity": acting.capacity, "person": str(acting.person_id or ""), "limit": str(limit_ms)}
    return Statement(_ACT, values)


@asynccontextmanager
async def as_service(connection: AsyncConnection, acting: Acting) -> AsyncIterator[None]:
    """Lift row-level security for a few statements that a rule needs, then restore it.

    A rule may depend on rows that the member must not see, such as a colleague's pay: never return these rows. Use it
    also for the locks of such a rule and for rows written for other people, such as their notices. Never nest it: the
    end of the inner one restores row-level security for the rest of the outer one. A transaction that fails inside is
    rolled back whole, so nothing needs restoring then.
    """
    await act_as(connection, SERVICE)
    yield
    await act_as(connection, acting)


def with_service_rights(connection: AsyncConnection, actor: Actor) -> AbstractAsyncContextManager[None]:
    """Lift row-level security for reads that a member's answer depends on; never return these rows."""
    return nullcontext() if actor.capacity == "staff" else as_service(connection, Acting.of(actor))


async def postgres_now(connection: AsyncConnection) -> datetime:
    """The moment by Postgres's clock."""
    moment: datetime = (await connection.execute(_NOW)).scalar_one()
    return moment


async def database_of(connection: AsyncConnection) -> tuple[Any, ...]:
    """What tells the database of a connection from every other one, its copies included, while their servers run."""
    return tuple((await connection.execute(_DATABASE)).one())


async def tehran_today(connection: AsyncConnection) -> date:
    """The day that it is in Tehran by Postgres's clock."""
    return tehran_day(await postgres_now(connection))
