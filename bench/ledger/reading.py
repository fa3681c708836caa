"""How long it takes to read full tables: balances, pages of statements, the trial balance."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bench.ledger.books import CLEARING, LIMIT_MS, Books, line_codes, owner_id
from bench.table import Row, at_most
from storage import ledger
from storage.database import SERVICE, Acting, single_statements, transaction
from storage.housekeeping import sum_up
from storage.ledger import Cursor

_PAGE: Final = 50
_SAMPLE: Final = 100
_TIMES: Final = 15
BALANCE_MS: Final = 2.0
_PAGE_MS: Final = 20.0
_TRIAL_MS: Final = 2_000.0
_COUNT: Final = sa.text("SELECT count(*) FROM entries e JOIN accounts a ON a.id = e.account_id WHERE a.code = :code")
_NTH: Final = sa.text(
    "SELECT e.id, CASE WHEN a.floor IS NULL THEN CAST(CAST(e.tx AS text) AS bigint) ELSE 0 END AS tx"
    " FROM entries e JOIN accounts a ON a.id = e.account_id WHERE a.code = :code"
    " ORDER BY CASE WHEN a.floor IS NULL THEN e.tx END, e.id OFFSET :skipped LIMIT 1"
)


_HORIZON: Final = sa.text("SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)")
_REACHED: Final = sa.text("SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) >= :horizon")
_SETTLED_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.1
_SHARED: Final = "the shared account"
_BUSY: Final = "the busy member's account"
_USUAL: Final = "a usual account"


@dataclass(frozen=True, slots=True)
class _Slowest:
    """The longest of several reads (ms), and what was read."""

    ms: float
    what: str


async def snapshot(books: Books) -> float:
    """Sum up as housekeeping does; how long it took, in seconds."""
    await _settle(books)
    began = time.perf_counter()
    await sum_up(books.engine)
    return time.perf_counter() - began


async def measure_reading(books: Books, count: int) -> list[Row]:
    """Balances, pages and the trial balance; of each the slowest account or page, of each of these the median of 15.

    Args:
        books: full ones.
        count: of credit lines; the first one is busy.
    """
    picked = random.sample(range(1, count), min(_SAMPLE, count - 1))
    busy, usual = line_codes(0)[1], line_codes(picked[0])[1]
    codes = [CLEARING.code, *(code for number in (0, *picked) for code in line_codes(number))]
    names = {CLEARING.code: _SHARED, busy: _BUSY}
    async with transaction(books.engine, SERVICE, limit_ms=LIMIT_MS) as connection:
        balances = [
            _Slowest(await _median_ms(partial(ledger.balance, connection, code)), names.get(code, _USUAL))
            for code in codes
        ]
        pages = [await _page(connection, code, name) for code, name in [*names.items(), (usual, _USUAL)]]
        trial = await _median_ms(partial(ledger.trial_balance, connection))
    own = []
    for number, code, name in ((0, busy, _BUSY), (picked[0], usual, _USUAL)):
        async with transaction(books.engine, Acting("member", owner_id(number)), limit_ms=LIMIT_MS) as connection:
            own.append(await _page(connection, code, name))
    return [
        _row(f"balance, slowest of {len(codes)} accounts (ms)", balances, BALANCE_MS),
        _row(f"statement page of {_PAGE}, slowest (ms)", pages, _PAGE_MS),
        _row("statement page, slowest, as a member (ms)", own, _PAGE_MS),
        Row("trial balance (ms)", trial, "", at_most(trial, _TRIAL_MS, "ms")),
    ]


async def _settle(books: Books) -> None:
    """Wait until all that was written is below every running transaction, autovacuum's too: a snapshot ends there."""
    async with single_statements(books.engine) as connection, asyncio.timeout(_SETTLED_SECONDS):
        horizon = (await connection.execute(_HORIZON)).scalar_one()
        while True:
            if (await connection.execute(_REACHED, {"horizon": horizon})).scalar_one():
                return
            await asyncio.sleep(_POLL_SECONDS)


async def _page(connection: AsyncConnection, code: str, name: str) -> _Slowest:
    """The slowest of the first page of an account, one in the middle, and the last."""
    entries = (await connection.execute(_COUNT, {"code": code})).scalar_one()
    cursors = [Cursor()]
    for skipped in (entries // 2, entries - _PAGE - 1):
        entry = (await connection.execute(_NTH, {"code": code, "skipped": max(skipped, 0)})).one()
        cursors.append(Cursor(entry.tx, entry.id))
    reads = [partial(ledger.statement, connection, code, after=cursor, limit=_PAGE) for cursor in cursors]
    return _Slowest(max([await _median_ms(read) for read in reads]), name)


def _row(name: str, taken: Sequence[_Slowest], goal: float) -> Row:
    slowest = max(taken, key=lambda one: one.ms)
    return Row(name, slowest.ms, slowest.what, at_most(slowest.ms, goal, "ms"))


async def _median_ms(read: Callable[[], Awaitable[object]]) -> float:
    taken = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        await read()
        taken.append((time.perf_counter() - began) * 1_000)
    return statistics.median(taken)
