"""The ledger under real concurrency: one key, one account, one hold, one journal from many connections at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.errors import Refusal
from domain.ledger import AlreadyCorrected, Entry, HoldResolved, InsufficientFunds, Journal, Occasion
from domain.money import MAX_AMOUNT, Money
from storage import ledger
from storage.database import single_statements
from storage.ledger import holding, posting
from storage.retries import retried
from tests.conftest import Database
from tests.storage.ledger_world import (
    ask,
    available,
    granted,
    machine_engine,
    move,
    occasion,
    open_line,
    service_transaction,
    violations,
)

T = TypeVar("T")
CROWD = 16


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """As many connections as racers."""
    made = machine_engine(database, CROWD)
    yield made
    await made.dispose()


async def _line(engine: AsyncEngine, ceiling: int) -> UUID:
    async with service_transaction(engine) as connection:
        return await open_line(connection, ceiling)


async def _balance(engine: AsyncEngine, code: str) -> tuple[int, int]:
    async with service_transaction(engine) as connection:
        found = await ledger.balance(connection, code)
    return found.posted, found.held


async def _post(engine: AsyncEngine, journal: Journal) -> UUID | Refusal:
    try:
        async with service_transaction(engine) as connection:
            return await posting.post(connection, journal)
    except Refusal as refusal:
        return refusal


async def test_holds_racing_for_one_account_never_pass_its_floor(engine: AsyncEngine) -> None:
    line = await _line(engine, 100)

    async def grab() -> list[bool]:
        won = []
        for _ in range(5):
            try:
                async with service_transaction(engine) as connection:
                    await holding.hold(connection, ask(line, 3))
                won.append(True)
            except InsufficientFunds:
                won.append(False)
        return won

    answers = [won for racer in await asyncio.gather(*(grab() for _ in range(CROWD))) for won in racer]
    assert (answers.count(True), len(answers)) == (33, 80)
    assert await _balance(engine, available(line)) == (100, 99)
    assert await violations(engine) == []


@pytest.mark.parametrize("amount", [60, 100])
async def test_one_key_from_many_connections_is_one_journal_and_one_answer(engine: AsyncEngine, amount: int) -> None:
    line = await _line(engine, 100)
    journal = move(available(line), granted(line), amount)
    answers = await asyncio.gather(*(_post(engine, journal) for _ in range(CROWD)))
    assert len(set(answers)) == 1
    assert isinstance(answers[0], UUID)
    assert await _balance(engine, available(line)) == (100 - amount, 0)
    assert await violations(engine) == []


async def test_one_key_on_accounts_that_nobody_locks_is_one_journal(engine: AsyncEngine) -> None:
    one, two = await _line(engine, 0), await _line(engine, 0)
    journal = move(granted(one), granted(two), 5)
    answers = await asyncio.gather(*(_post(engine, journal) for _ in range(CROWD)))
    assert len(set(answers)) == 1
    assert await _balance(engine, granted(one)) == (5, 0)


async def test_one_hold_key_from_many_connections_is_one_hold(engine: AsyncEngine) -> None:
    line = await _line(engine, 100)
    request = ask(line, 100)

    async def grab() -> UUID:
        async with service_transaction(engine) as connection:
            return await holding.hold(connection, request)

    assert len(set(await asyncio.gather(*(grab() for _ in range(CROWD))))) == 1
    assert await _balance(engine, available(line)) == (100, 100)


async def test_one_key_for_two_contents_at_once_lets_one_through(engine: AsyncEngine) -> None:
    line = await _line(engine, 100)
    rivals = [move(available(line), granted(line), amount, "rival") for amount in range(1, CROWD + 1)]
    answers = await asyncio.gather(*(_post(engine, journal) for journal in rivals), return_exceptions=True)
    posted = [n for n, answer in enumerate(answers, start=1) if isinstance(answer, UUID)]
    assert len(posted) == 1
    assert sum(isinstance(answer, ledger.KeyConflict) for answer in answers) == CROWD - 1
    assert await _balance(engine, available(line)) == (100 - posted[0], 0)


async def test_posts_in_opposite_directions_do_not_dead_lock(engine: AsyncEngine) -> None:
    lines = [available(await _line(engine, 1000)) for _ in range(3)]

    async def shuffle(racer: int) -> None:
        order = [lines[(racer + step) % 3] for step in range(3)]
        if racer % 2:
            order.reverse()
        for _ in range(10):
            entries = (Entry(order[0], Money(-2)), Entry(order[1], Money(1)), Entry(order[2], Money(1)))
            async with service_transaction(engine) as connection:
                await posting.post(connection, Journal(occasion(), "test_moved", entries))

    await asyncio.gather(*(shuffle(racer) for racer in range(CROWD)))
    assert sum([(await _balance(engine, code))[0] for code in lines]) == 3000
    assert await violations(engine) == []


async def test_a_hold_posted_voided_and_expired_at_once_resolves_once(engine: AsyncEngine) -> None:
    line = await _line(engine, 100)
    for _ in range(5):
        async with service_transaction(engine) as connection:
            held = await holding.hold(connection, ask(line, 10))

        async def resolve(how: int, held: UUID = held) -> bool:
            try:
                async with service_transaction(engine) as connection:
                    if how == 0:
                        await posting.post_hold(connection, held, move(available(line), granted(line), 1))
                    elif how == 1:
                        await posting.void_hold(connection, held)
                    else:
                        await posting.expire_hold(connection, held)
            except HoldResolved:
                return False
            return True

        assert sum(await asyncio.gather(*(resolve(how) for how in range(3)))) == 1
    assert (await _balance(engine, available(line)))[1] == 0
    assert await violations(engine) == []


@pytest.mark.parametrize("locked", [True, False])
async def test_corrections_racing_for_one_journal_let_one_through(engine: AsyncEngine, locked: bool) -> None:
    one, two = await _line(engine, 100), await _line(engine, 100)
    name = available if locked else granted
    async with service_transaction(engine) as connection:
        wrong = await posting.post(connection, move(name(one), name(two), 10))

    async def mend() -> bool:
        try:
            async with service_transaction(engine) as connection:
                await posting.correct(connection, wrong, occasion(), "test_mended")
        except AlreadyCorrected:
            return False
        return True

    assert sum(await asyncio.gather(*(mend() for _ in range(CROWD)))) == 1
    assert (await _balance(engine, name(one)))[0] == 100
    assert await violations(engine) == []


async def _at_once(engine: AsyncEngine, *calls: Callable[[AsyncConnection], Awaitable[T]]) -> list[T]:
    """Each by a connection of its own, as a transaction of its own, which is run again if it lost a race."""

    async def one(call: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with single_statements(engine) as connection:
            return await call(connection)

    return await asyncio.gather(*(retried(partial(one, call), of="test_race") for call in calls))


@pytest.mark.parametrize("way", ["take", "correct", "batch"])
async def test_one_key_in_any_call_from_many_connections_is_one_journal(engine: AsyncEngine, way: str) -> None:
    line = await _line(engine, 100)
    for _ in range(5):
        async with service_transaction(engine) as connection:
            held = await holding.hold(connection, ask(line, 10))
            wrong = await posting.post(connection, move(available(line), granted(line), 2))
        journals = [move(available(line), granted(line), amount) for amount in (3, 4, 1000, 5)]
        when = occasion()

        async def call(
            connection: AsyncConnection,
            held: UUID = held,
            wrong: UUID = wrong,
            when: Occasion = when,
            journals: list[Journal] = journals,
        ) -> str:
            if way == "take":
                return str(await posting.post_hold(connection, held, journals[0]))
            if way == "correct":
                return str(await posting.correct(connection, wrong, when, "test_mended"))
            said = await posting.post_batch(connection, journals)
            return " ".join(str(one) if isinstance(one, UUID) else type(one).__name__ for one in said)

        answers = await _at_once(engine, *[call] * CROWD)
        assert len(set(answers)) == 1
        if way != "take":
            async with service_transaction(engine) as connection:
                await posting.void_hold(connection, held)
    gone = {"take": 5 * (2 + 3), "correct": 0, "batch": 5 * (2 + 12)}[way]
    assert await _balance(engine, available(line)) == (100 - gone, 0)
    assert await violations(engine) == []


@pytest.mark.parametrize("locked", [True, False])
async def test_a_key_in_a_batch_and_by_itself_is_one_journal(engine: AsyncEngine, locked: bool) -> None:
    one, two = await _line(engine, 1000), await _line(engine, 1000)
    name = available if locked else granted
    for _ in range(5):
        journals = [move(name(one), name(two), amount) for amount in range(1, 9)]

        async def batch(connection: AsyncConnection, journals: list[Journal] = journals) -> set[UUID | Refusal]:
            return set(await posting.post_batch(connection, journals))

        async def single(connection: AsyncConnection, journals: list[Journal] = journals) -> set[UUID | Refusal]:
            return {await posting.post(connection, journals[4])}

        answers = await _at_once(engine, *[batch, single] * (CROWD // 2 if locked else 1))
        assert set().union(*answers) == answers[0]
        assert len(answers[0]) == len(journals)
    assert await violations(engine) == []


async def test_batches_with_the_same_keys_in_any_order_agree(engine: AsyncEngine) -> None:
    one, two = await _line(engine, 0), await _line(engine, 0)
    for _ in range(2):
        journals = [move(granted(one), granted(two), amount) for amount in range(1, 31)]
        assert isinstance(await _post(engine, journals[15]), UUID)
        orders = [journals, journals[::-1], journals[10:] + journals[:10], journals[20:] + journals[:20]]

        async def batch(order: list[Journal]) -> dict[str, UUID | Refusal]:
            async with single_statements(engine) as connection:
                said = await posting.post_batch(connection, order)
            return {journal.occasion.key: one for journal, one in zip(order, said, strict=True)}

        # Nobody locks these accounts: batches wait for each other's keys, and Postgres may have to end one.
        answers = await asyncio.gather(*(retried(partial(batch, order), of="test_batch") for order in orders))
        assert all(answer == answers[0] for answer in answers)
    assert await violations(engine) == []


async def test_a_batch_of_the_largest_amounts_refuses_what_is_short(engine: AsyncEngine) -> None:
    line = await _line(engine, 0)
    journals = [move(available(line), granted(line), MAX_AMOUNT) for _ in range(100)]
    (answers,) = await _at_once(engine, partial(posting.post_batch, journals=journals))
    assert all(isinstance(answer, InsufficientFunds) for answer in answers)
    assert await violations(engine) == []
