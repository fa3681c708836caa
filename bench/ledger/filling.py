"""Fills a ledger with millions of entries, as posting would have written them, in minutes.

As the superuser, past the triggers: `ledger check` proves afterwards that the rows are what the triggers would have let
in. Nobody else may post meanwhile.
"""

from __future__ import annotations

import sys
import time
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.ledger.books import CLEARING, LIMIT_MS, Books, administered, lines
from bench.ledger.size import Size
from storage.database import SERVICE, create_engine, transaction

_PAST_TRIGGERS: Final = sa.text("SET LOCAL session_replication_role = replica")
_CHUNK: Final = 100_000
_TOLD: Final = 500_000
_CEILING: Final = 1_000_000_000
_LINES: Final = """
    CREATE UNLOGGED TABLE bench_lines AS
    SELECT row_number() OVER (ORDER BY a.code <> :busy, a.id) - 1 AS number, a.id AS available,
           a.code AS available_code, a.balance, g.id AS granted, g.code AS granted_code
      FROM accounts a
      JOIN accounts g ON g.kind = 'credit:granted' AND g.owner_person = a.owner_person
     WHERE a.kind = 'credit:available'"""
# First each credit line is opened; of the journals that follow, every few one goes to the busy credit line, the others
# to any; of five, two take from the shared account, so that a fifth of all entries is its. Each third gives back.
_PLAN: Final = """
    CREATE UNLOGGED TABLE bench_plan AS
    SELECT n, reason, amount, available, available_code,
           CASE WHEN shared THEN c.id ELSE granted END AS source,
           CASE WHEN shared THEN c.code ELSE granted_code END AS source_code,
           balance + sum(amount) OVER (PARTITION BY number ORDER BY n) AS after
      FROM (SELECT n, 'credit_line_opened' AS reason, n - 1 AS line, false AS shared, CAST(:ceiling AS bigint) AS amount
              FROM generate_series(1, :lines) AS n
             UNION ALL
            SELECT n, 'bench_moved', CASE WHEN n % :every = 0 THEN 0 ELSE floor(random() * :lines)::bigint END,
                   n % 5 < 2, CASE WHEN n % 3 = 0 THEN -1 ELSE 1 END * (1 + n % 1000)
              FROM generate_series(:lines + 1, :journals) AS n) AS drawn
      JOIN bench_lines ON number = line
     CROSS JOIN (SELECT id, code FROM accounts WHERE code = :clearing) AS c
     ORDER BY n"""
_POST: Final = """
    WITH chunk AS MATERIALIZED (
        SELECT uuidv7() AS journal, now() AS at, * FROM bench_plan WHERE n > :first AND n <= :last ORDER BY n
    ), made AS (
        INSERT INTO journals (id, key, content_hash, reason, actor, event_at)
        SELECT journal, available_code || '/bench/' || n,
               ledger_journal_hash(reason, NULL, 'system', at, NULL, NULL, ARRAY[source_code, available_code],
                                   ARRAY['IRR', 'IRR'], ARRAY[-amount, amount]),
               reason, 'system', at
          FROM chunk ORDER BY n
    )
    INSERT INTO entries (journal_id, account_id, amount, unit, balance_after)
    SELECT journal, e.account, e.amount, 'IRR', e.after
      FROM chunk CROSS JOIN LATERAL (
               VALUES (1, source, -chunk.amount, CAST(NULL AS bigint)), (2, available, chunk.amount, chunk.after)
           ) AS e (place, account, amount, after)
     ORDER BY n, place"""
_BALANCES: Final = """
    UPDATE accounts SET balance = last.after
      FROM (SELECT DISTINCT ON (available) available, after FROM bench_plan ORDER BY available, n DESC) AS last
     WHERE id = last.available"""
_AFTERWARDS: Final = (
    "DROP TABLE bench_plan, bench_lines",
    "VACUUM (ANALYZE) accounts",
    "VACUUM (ANALYZE) journals",
    "VACUUM (ANALYZE) entries",
    "CHECKPOINT",
)


async def fill(books: Books, size: Size) -> float:
    """Write the entries; how long it took, in seconds."""
    began = time.perf_counter()
    engine = create_engine(books.server.superuser_url(books.name), pool=1)
    try:
        await _plan(engine, size)
        for first in range(0, size.journals, _CHUNK):
            await _run(engine, _POST, first=first, last=first + _CHUNK)
            if first and first % _TOLD == 0:
                _say(f"{2 * first:,} of {size.entries:,} entries", began)
        await _run(engine, _BALANCES)
    finally:
        await engine.dispose()
    async with administered(books.server, books.name) as connection:
        for statement in _AFTERWARDS:
            await connection.execute(sa.text(statement))
    _say("vacuumed and analysed", began)
    return time.perf_counter() - began


async def _plan(engine: AsyncEngine, size: Size) -> None:
    every = max(size.journals // size.busy_entries, 1)
    count = size.lines_when_full
    await _run(engine, _LINES, busy=lines(count)[0].available)
    await _run(
        engine, _PLAN, ceiling=_CEILING, lines=count, journals=size.journals, every=every, clearing=CLEARING.code
    )
    await _run(engine, "CREATE INDEX ON bench_plan (n)")
    await _run(engine, "ANALYZE bench_plan")


async def _run(engine: AsyncEngine, statement: str, **values: object) -> None:
    async with transaction(engine, SERVICE, limit_ms=LIMIT_MS) as connection:
        await connection.execute(_PAST_TRIGGERS)
        await connection.execute(sa.text(statement), values)


def _say(what: str, began: float) -> None:
    print(f"{what} after {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
