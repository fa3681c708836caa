"""What the ledger says stays right and short while it is summed up: snapshots, sums by kind, the trial balance."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ledger import CREDIT_GRANTED, Account
from domain.money import Unit
from storage import ledger
from storage.database import Acting, transaction
from storage.housekeeping import sum_up
from storage.ledger import posting
from storage.ledger.reading import balances
from tests.books import Superuser
from tests.storage.ledger_world import (
    available,
    granted,
    mark_next,
    move,
    new_person,
    open_line,
    service_transaction,
    settled,
    violations,
)

_SNAPSHOTS = "SELECT count(*), count(DISTINCT account_id), count(DISTINCT horizon) FROM balance_snapshots"


async def _granted(engine: AsyncEngine, line: UUID) -> int:
    async with service_transaction(engine) as connection:
        return (await ledger.balance(connection, granted(line))).posted


async def _lines(engine: AsyncEngine, many: int) -> list[UUID]:
    async with service_transaction(engine) as connection:
        return [await open_line(connection) for _ in range(many)]


async def _marked(engine: AsyncEngine, superuser: Superuser, source: UUID, target: UUID, amount: int = 1) -> None:
    """A journal between accounts without a floor, in a transaction of its own, that marks the source."""
    await mark_next(superuser)
    async with service_transaction(engine) as connection:
        await posting.post(connection, move(granted(source), granted(target), amount))


async def _trial(engine: AsyncEngine) -> dict[tuple[str, str], tuple[int, int]]:
    async with service_transaction(engine) as connection:
        rows = await ledger.trial_balance(connection)
    assert all(sum(row.total for row in rows if row.unit == unit) == 0 for unit in {row.unit for row in rows})
    return {(row.kind, row.unit): (row.accounts, row.total) for row in rows}


async def test_a_round_after_a_burst_sums_up_what_is_marked_and_the_next_finds_nothing(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    busy, other, quiet = await _lines(engine, 3)
    for _ in range(3):
        await _marked(engine, superuser, busy, other)
    await _marked(engine, superuser, other, busy)
    async with service_transaction(engine) as connection:
        await posting.post(connection, move(granted(quiet), granted(busy), 5))
    await settled(engine)

    assert await sum_up(engine) == 4

    assert await superuser.rows(_SNAPSHOTS) == [(2, 2, 1)]
    assert [await _granted(engine, line) for line in (busy, other, quiet)] == [-3, -2, 5]
    assert await sum_up(engine) == 0
    assert await superuser.rows(_SNAPSHOTS) == [(2, 2, 1)]
    assert await violations(engine) == []


async def test_a_long_pause_is_made_up_for_in_steps(engine: AsyncEngine, superuser: Superuser) -> None:
    one, two = await _lines(engine, 2)
    for _ in range(3):
        await _marked(engine, superuser, one, two, 10)
    await settled(engine)
    found = []
    for _ in range(4):
        async with service_transaction(engine) as connection:
            found.append(await ledger.sum_accounts(connection, 1))
    assert found == [1, 1, 1, 0]
    ahead = "SELECT balance FROM balance_snapshots ORDER BY horizon"
    assert await superuser.rows(ahead) == [(-10,), (-20,), (-30,)]
    assert await _granted(engine, one) == 30
    assert await violations(engine) == []


async def test_sums_by_kind_wait_until_enough_was_posted(engine: AsyncEngine, superuser: Superuser) -> None:
    one, two = await _lines(engine, 2)
    await _marked(engine, superuser, one, two)
    await settled(engine)
    async with service_transaction(engine) as connection:
        assert await ledger.sum_kinds(connection, 2) == 0
    assert await superuser.value("SELECT count(*) FROM kind_sums") == 0
    await _marked(engine, superuser, two, one)
    await settled(engine)
    async with service_transaction(engine) as connection:
        assert await ledger.sum_kinds(connection, 2) == 2
    assert await superuser.rows("SELECT kind, unit, total FROM kind_sums") == [("credit:granted", "IRR", 0)]


async def test_the_trial_balance_is_the_same_with_and_without_sums(engine: AsyncEngine, superuser: Superuser) -> None:
    async with service_transaction(engine) as connection:
        one, two = await open_line(connection, 100), await open_line(connection, 50)
        await posting.open_accounts(connection, [Account(CREDIT_GRANTED, "points", Unit.PTS)])
    await _marked(engine, superuser, one, two)
    # At the very horizon.
    async with service_transaction(engine) as connection:
        await posting.post(connection, move(granted(two), available(one), 10))
    before = await _trial(engine)
    assert before == {
        ("credit:granted", "IRR"): (2, -160),
        ("credit:available", "IRR"): (2, 160),
        ("credit:granted", "PTS"): (1, 0),
    }
    await settled(engine)
    async with service_transaction(engine) as connection:
        assert await ledger.sum_kinds(connection, 1) == 1
        assert await ledger.sum_accounts(connection, 1) == 1
    assert await _trial(engine) == before

    async with service_transaction(engine) as connection:
        await posting.post(connection, move(granted(one), available(one), 30))
    assert (await _trial(engine))["credit:granted", "IRR"] == (2, -190)
    await _marked(engine, superuser, two, one)
    await settled(engine)
    async with service_transaction(engine) as connection:
        assert await ledger.sum_kinds(connection, 1) == 1
    assert (await _trial(engine))["credit:granted", "IRR"] == (2, -190)
    assert [await _granted(engine, line) for line in (one, two)] == [130, 60]
    assert await violations(engine) == []


async def test_sums_of_another_server_count_for_nothing(engine: AsyncEngine, superuser: Superuser) -> None:
    await mark_next(superuser)
    async with service_transaction(engine) as connection:
        line = await open_line(connection, 100)
    known = {("credit:granted", "IRR"): (1, -100), ("credit:available", "IRR"): (1, 100)}
    last = "18446744073709551615"
    await superuser.run("INSERT INTO kind_sums VALUES (1, %s, 'credit:granted', 'IRR', 999)", last)
    await superuser.run("INSERT INTO balance_snapshots SELECT id, 1, %s, 999 FROM accounts WHERE floor IS NULL", last)
    assert (await _trial(engine), await _granted(engine, line)) == (known, 100)
    await settled(engine)
    assert await sum_up(engine) == 1
    async with service_transaction(engine) as connection:
        assert await ledger.sum_kinds(connection, 1) == 1
    assert (await _trial(engine), await _granted(engine, line)) == (known, 100)
    assert await violations(engine) == []


async def test_a_commit_later_than_the_sums_by_kind_is_not_lost(engine: AsyncEngine, superuser: Superuser) -> None:
    one, two = await _lines(engine, 2)
    await _marked(engine, superuser, one, two)
    await settled(engine)
    async with service_transaction(engine) as slow:
        await posting.post(slow, move(granted(one), available(one), 7))
        await _marked(engine, superuser, two, one)
        async with service_transaction(engine) as connection:
            assert await ledger.sum_kinds(connection, 1) == 1
            assert await ledger.sum_kinds(connection, 1) == 0
    assert (await _trial(engine))["credit:granted", "IRR"] == (2, -7)
    await settled(engine)
    async with service_transaction(engine) as connection:
        assert await ledger.sum_kinds(connection, 1) == 1
    assert (await _trial(engine))["credit:granted", "IRR"] == (2, -7)
    assert await violations(engine) == []


async def test_rounds_racing_posters_lose_nothing_and_stop_nobody(engine: AsyncEngine, superuser: Superuser) -> None:
    one, two, three = await _lines(engine, 3)
    posting = 4

    async def post(target: UUID) -> None:
        nonlocal posting
        for _ in range(15):
            await _marked(engine, superuser, one, target)
        posting -= 1

    async def rounds() -> None:
        while posting:
            await sum_up(engine)
            async with service_transaction(engine) as connection:
                await ledger.sum_kinds(connection, 3)

    async def read() -> None:
        while posting:
            await _trial(engine)
            async with service_transaction(engine) as connection:
                codes = [granted(line) for line in (one, two, three)]
                assert sum(found.posted for found in (await balances(connection, codes)).values()) == 0

    async with asyncio.timeout(60):
        await asyncio.gather(post(two), post(three), post(two), post(three), rounds(), rounds(), read())
    await settled(engine)
    await sum_up(engine)
    assert [await _granted(engine, line) for line in (one, two, three)] == [60, -30, -30]
    ((_, _, horizons),) = await superuser.rows(_SNAPSHOTS)
    assert horizons > 1
    assert await violations(engine) == []


async def test_a_member_reads_their_own_part_of_the_trial_balance(engine: AsyncEngine, superuser: Superuser) -> None:
    async with service_transaction(engine) as connection:
        me = await new_person(connection)
        await mark_next(superuser)
        await open_line(connection, 100, owner=me)
        await open_line(connection, 200)
    await settled(engine)
    async with service_transaction(engine) as connection:
        assert await ledger.sum_kinds(connection, 1) == 1
    async with transaction(engine, Acting("member", me)) as connection:
        rows = await ledger.trial_balance(connection)
    assert {(row.kind, row.accounts, row.total) for row in rows} == {
        ("credit:granted", 1, -100),
        ("credit:available", 1, 100),
    }


async def test_a_member_pages_through_a_statement(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        me = await new_person(connection)
        line = await open_line(connection, owner=me)
        for amount in range(1, 8):
            await posting.post(connection, move(granted(line), available(line), amount))
    await settled(engine)
    for code in (granted(line), available(line)):
        assert await _paged(engine, me, code) == [[1, 3, 6], [10, 15, 21], [28]]


async def _paged(engine: AsyncEngine, person: UUID, code: str) -> list[list[int]]:
    """The running balances on each page of three."""
    pages, cursor, more = [], None, True
    while more:
        async with transaction(engine, Acting("member", person)) as connection:
            page = await ledger.statement(connection, code, after=cursor, limit=3)
        pages.append([entry.running for entry in page.lines])
        cursor, more = page.end, page.more
    return pages


@pytest.mark.parametrize("capacity", ["service", "member"])
async def test_the_trial_balance_finds_what_came_since_by_index(engine: AsyncEngine, capacity: str) -> None:
    person = UUID(int=1) if capacity == "member" else None
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    async with transaction(engine, Acting(capacity, person)) as connection:  # type: ignore[arg-type]
        sa.event.listen(engine.sync_engine, "before_cursor_execute", note)
        await ledger.trial_balance(connection)
        sa.event.remove(engine.sync_engine, "before_cursor_execute", note)
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = [row[0] for row in await connection.exec_driver_sql(f"EXPLAIN {asked[0]}")]
    conditions = [line for line in plan if "tx >= " in line]
    assert conditions
    assert all("Index Cond" in line for line in conditions)
