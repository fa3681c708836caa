"""Batches of journals: how large they may be, and what a batch answers of which some or all is known already."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ledger import Entry, InsufficientFunds, Journal
from domain.money import Money
from storage import ledger
from storage.database import SERVICE, STATEMENT_LIMIT_MS, Statement, fetch, transaction
from storage.ledger import posting
from storage.ledger.posting import BATCH_MAX
from tests.books import Superuser
from tests.length import IS_LONG
from tests.storage.ledger_world import available, granted, move, occasion, open_line, service_transaction, violations

_PARTS = 100
# The usual time; in the suite, which keeps all cores busy with other tests, several times as long.
_LIMIT_MS = STATEMENT_LIMIT_MS if IS_LONG else 5 * STATEMENT_LIMIT_MS
# As post_batch asks, but that it counts first.
_SQL = (
    "SELECT ledger_post_batch(array_agg('many/' || n), array_agg('test_moved'::text), array_agg(NULL::uuid),"
    " array_agg('system'::text), array_agg(now()), %(lines)s::int[], %(codes)s::text[],"
    " array_fill('IRR'::text, ARRAY[cardinality(%(lines)s::int[])]), %(amounts)s::bigint[])"
    " FROM generate_series(1, %(many)s) AS n"
)


@pytest.fixture
async def lines(engine: AsyncEngine) -> list[UUID]:
    """Credit lines with nothing available."""
    async with service_transaction(engine) as connection:
        return [await open_line(connection) for _ in range(_PARTS)]


def _raising(lines: list[UUID], many: int) -> list[Journal]:
    """Journals that raise what is available, on each line in turn."""
    return [move(granted(lines[n % len(lines)]), available(lines[n % len(lines)]), 1 + n) for n in range(many)]


async def test_the_largest_batch_is_taken_and_again_gives_the_same_ids_within_the_usual_time(
    engine: AsyncEngine, superuser: Superuser, lines: list[UUID]
) -> None:
    assert BATCH_MAX == 5_000
    journals = _raising(lines, BATCH_MAX)
    answers = []
    for _ in range(2):
        async with transaction(engine, SERVICE, limit_ms=_LIMIT_MS) as connection:
            answers.append(await posting.post_batch(connection, journals))
    assert len(set(answers[0])) == BATCH_MAX
    assert answers[1] == answers[0]
    assert await superuser.value("SELECT count(*) FROM journals") == BATCH_MAX
    ids = dict(await superuser.rows("SELECT key, id FROM journals"))
    assert [ids[journal.occasion.key] for journal in journals] == answers[0]
    assert await violations(engine) == []


async def test_a_larger_batch_is_not_even_sent(engine: AsyncEngine, superuser: Superuser, lines: list[UUID]) -> None:
    async with service_transaction(engine) as connection:
        with pytest.raises(ValueError, match="5000"):
            await posting.post_batch(connection, _raising(lines, BATCH_MAX + 1))
    assert await superuser.value("SELECT count(*) FROM journals") == 0


@pytest.mark.parametrize("many", [BATCH_MAX, BATCH_MAX + 1])
async def test_postgres_counts_the_journals_of_a_batch_too(
    engine: AsyncEngine, superuser: Superuser, lines: list[UUID], many: int
) -> None:
    values = {
        "many": many,
        "lines": [n for n in range(1, many + 1) for _ in range(2)],
        "codes": [granted(lines[0]), available(lines[0])] * many,
        "amounts": [-1, 1] * many,
    }
    state = None
    async with service_transaction(engine) as connection:
        try:
            await fetch(connection, Statement(_SQL, values))
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            await connection.rollback()
    assert state == (None if many == BATCH_MAX else "AM012")
    assert await superuser.value("SELECT count(*) FROM journals") == (BATCH_MAX if many == BATCH_MAX else 0)


@pytest.mark.parametrize("beyond", [False, True])
async def test_a_batch_has_at_most_fifty_thousand_entries(
    engine: AsyncEngine, superuser: Superuser, lines: list[UUID], beyond: bool
) -> None:
    codes = [granted(line) for line in lines]
    entries = tuple(Entry(code, Money(-1 if n % 2 else 1)) for n, code in enumerate(codes))
    journals = [Journal(occasion(), "test_moved", entries) for _ in range(50_000 // _PARTS)]
    if beyond:
        journals[-1] = move(granted(lines[0]), available(lines[0]), 1)
        journals.append(Journal(occasion(), "test_moved", entries))
    async with service_transaction(engine) as connection:
        try:
            await posting.post_batch(connection, journals)
        except ledger.BadBatch:
            await connection.rollback()
            assert beyond
    assert await superuser.value("SELECT count(*) FROM entries") == (0 if beyond else 50_000)


async def test_an_empty_batch_answers_nothing(engine: AsyncEngine) -> None:
    async with service_transaction(engine) as connection:
        assert await posting.post_batch(connection, []) == []


async def test_a_batch_of_which_a_part_is_known_posts_the_rest(engine: AsyncEngine, lines: list[UUID]) -> None:
    journals = _raising(lines, 300)
    short = move(available(lines[0]), granted(lines[0]), 10**9)
    async with service_transaction(engine) as connection:
        first = await posting.post_batch(connection, journals[50:150])
        alone = await posting.post(connection, journals[299])
    asked = [*journals[:200], short, *journals[200:]]
    async with service_transaction(engine) as connection:
        answers = await posting.post_batch(connection, asked)
        again = await posting.post_batch(connection, [journal for journal in asked if journal is not short])
    assert answers[50:150] == first
    assert answers[-1] == alone
    assert isinstance(answers[200], InsufficientFunds)
    assert again == answers[:200] + answers[201:]
    async with service_transaction(engine) as connection:
        total = sum([(await ledger.balance(connection, available(line))).posted for line in lines])
    assert total == sum(range(1, 301))
    assert await violations(engine) == []


async def test_one_known_journal_with_another_content_fails_the_whole_batch(
    engine: AsyncEngine, superuser: Superuser, lines: list[UUID]
) -> None:
    journals = _raising(lines, 40)
    async with service_transaction(engine) as connection:
        await posting.post(connection, journals[17])
    changed = move(granted(lines[17]), available(lines[17]), 999, journals[17].occasion.key)
    for batch in ([*journals[:17], changed, *journals[18:]], [*journals, changed]):
        with pytest.raises(ledger.KeyConflict):
            async with service_transaction(engine) as connection:
                await posting.post_batch(connection, batch)
        assert await superuser.value("SELECT count(*) FROM journals") == 1
    assert await violations(engine) == []
