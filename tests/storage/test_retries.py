"""Transactions that lose a race against another one are run again, a few times, and counted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.errors import Refusal
from storage import ledger
from storage.database import Statement, run_statements, single_statements
from storage.housekeeping import keep_house
from storage.ledger import posting
from storage.retries import TRIES, retried
from tests.arrange import eventually
from tests.books import Superuser
from tests.conftest import Database
from tests.races import (
    DEAD_LOCK,
    SERIALISATION,
    Deadlock,
    counting,
    create_two_rows,
    fail_serialization,
    pay,
    read_rows,
)
from tests.storage.ledger_world import (
    available,
    granted,
    machine_engine,
    move,
    open_line,
    service_transaction,
    violations,
)


async def total(connection: AsyncConnection) -> int:
    """What is in both two_rows, as a transaction sees it."""
    return int((await connection.execute(sa.text("SELECT sum(amount) FROM two_rows"))).scalar_one())


async def test_of_two_transactions_that_wait_for_each_other_both_get_through_once(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    await create_two_rows(superuser, engine)
    both, through, tries = asyncio.Barrier(2), asyncio.Event(), 0

    async def cross(*names: str) -> None:
        nonlocal tries
        tries += 1
        is_first = tries <= 2
        async with asyncio.timeout(10):
            if not is_first:
                await through.wait()
            async with service_transaction(engine) as connection:
                await pay(connection, names[0])
                if is_first:
                    await both.wait()
                await pay(connection, names[1])
        through.set()

    with counting("test:dead_lock") as counted:
        orders = (("one", "two"), ("two", "one"))
        await asyncio.gather(*(retried(partial(cross, *names), of="test:dead_lock") for names in orders))

    assert await read_rows(superuser) == [2, 2]
    assert (tries, counted.again, counted.given_up) == (3, {DEAD_LOCK: 1}, {})


async def test_a_transaction_whose_rows_were_changed_under_it_is_run_again_with_what_is_there_now(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    await create_two_rows(superuser, engine)
    still, tries = engine.execution_options(isolation_level="REPEATABLE READ"), 0

    async def double() -> None:
        nonlocal tries
        tries += 1
        async with service_transaction(still) as connection:
            found = await total(connection)
            if tries == 1:
                await superuser.run("UPDATE two_rows SET amount = 21 WHERE name = 'one'")
            await pay(connection, "one", found)

    with counting("test:repeatable_read") as counted:
        await retried(double, of="test:repeatable_read")

    assert await read_rows(superuser) == [42, 0]
    assert (tries, counted.again, counted.given_up) == (2, {SERIALISATION: 1}, {})


async def test_a_transaction_that_fails_at_its_commit_is_run_again(engine: AsyncEngine, superuser: Superuser) -> None:
    await create_two_rows(superuser, engine)
    strict = engine.execution_options(isolation_level="SERIALIZABLE")
    both, ends = asyncio.Barrier(2), 0

    async def add_sum(name: str) -> None:
        nonlocal ends
        async with asyncio.timeout(10), service_transaction(strict) as connection:
            await pay(connection, name, await total(connection) + 1)
            ends += 1
            if ends <= 2:
                await both.wait()
            await run_statements(connection, Statement("SELECT 1", {}), commit=True)

    with counting("test:serializable") as counted:
        await asyncio.gather(*(retried(partial(add_sum, name), of="test:serializable") for name in ("one", "two")))

    # As if one came after the other: neither was done on the sum that both saw.
    assert sorted(await read_rows(superuser)) == [1, 2]
    assert (ends, counted.again, counted.given_up) == (3, {SERIALISATION: 1}, {})


async def fail(engine: AsyncEngine, state: str) -> None:
    """Fail by Postgres's word."""
    async with service_transaction(engine) as connection:
        await connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION SQLSTATE '{state}'; END $$")


@pytest.mark.parametrize(
    ("state", "within", "tries"),
    [
        (DEAD_LOCK, timedelta(seconds=10), TRIES),
        (SERIALISATION, timedelta(seconds=10), TRIES),
        (SERIALISATION, timedelta(microseconds=1), 1),
    ],
)
async def test_who_loses_every_race_fails_in_the_end(
    engine: AsyncEngine, state: str, within: timedelta, tries: int
) -> None:
    tried = 0

    async def work() -> None:
        nonlocal tried
        tried += 1
        await fail(engine, state)

    with counting("test:limit") as counted, pytest.raises(DBAPIError) as failed:
        await retried(work, of="test:limit", within=within)

    assert getattr(failed.value.orig, "sqlstate", None) == state
    assert (tried, counted.given_up) == (tries, {state: 1})
    assert counted.again == ({state: tries - 1} if tries > 1 else {})


@pytest.mark.parametrize("failure", ["22012", "23505", "55P03", "lost", "refused"])
async def test_any_other_failure_is_passed_on_at_once_and_a_lost_connection_above_all(
    engine: AsyncEngine, superuser: Superuser, failure: str
) -> None:
    tried = 0

    async def work() -> None:
        nonlocal tried
        tried += 1
        if failure == "refused":
            raise Refusal
        if failure != "lost":
            await fail(engine, failure)
        async with service_transaction(engine) as connection:
            own = (await connection.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()
            await superuser.rows("SELECT pg_terminate_backend(%s, 10000)", own)

    with counting("test:other") as counted, pytest.raises((DBAPIError, Refusal)):
        await retried(work, of="test:other")

    assert (tried, counted.again, counted.given_up) == (1, {}, {})


async def test_a_batch_that_lost_a_dead_lock_is_posted_once(engine: AsyncEngine, database: Database) -> None:
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
    batch = [move(available(line), granted(line), 1) for _ in range(3)]

    async with Deadlock.over_two_rows(database, engine) as deadlock:

        async def post_all() -> list[UUID | Refusal]:
            async with service_transaction(engine) as connection:
                posted = await posting.post_batch(connection, batch)
                await deadlock.enter(connection)
                return posted

        with counting("test:ledger_batch") as counted:
            answers = await retried(post_all, of="test:ledger_batch")

    assert (deadlock.tries, counted.again, counted.given_up) == (2, {DEAD_LOCK: 1}, {})
    async with service_transaction(engine) as connection:
        assert await posting.post_batch(connection, batch) == answers
        assert (await ledger.balance(connection, available(line))).posted == 97
    assert await violations(engine) == []


async def test_a_post_in_a_transaction_of_its_own_is_run_again_on_the_same_connection(
    database: Database, superuser: Superuser
) -> None:
    engine = machine_engine(database, 2)
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
    await fail_serialization(superuser, "entries", "INSERT")
    journal = move(available(line), granted(line), 1)

    with counting("test:ledger_post") as counted:
        async with single_statements(engine) as connection:
            posted = await retried(partial(posting.post, connection, journal), of="test:ledger_post")
            assert await posting.post(connection, journal) == posted

    assert counted.again == {SERIALISATION: 1}
    assert await violations(engine) == []
    await engine.dispose()


async def test_housekeeping_does_not_wait_for_its_next_round(engine: AsyncEngine, superuser: Superuser) -> None:
    await superuser.run("INSERT INTO outbox (message, payload, sent_at) VALUES ('M', '{}', now() - interval '1 year')")
    await fail_serialization(superuser, "outbox", "DELETE")

    async def tidied() -> bool:
        return not await superuser.value("SELECT count(*) FROM outbox")

    with counting("chore:tidy_tables") as counted:
        house = asyncio.create_task(keep_house(engine))
        await eventually(tidied, "the old promise to go", seconds=10)
        house.cancel()
        await asyncio.gather(house, return_exceptions=True)

    assert counted.again == {SERIALISATION: 1}
