"""Fills a ledger with millions of entries by fill.sql."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from bench.ledger.books import CLEARING, Books, administered, line_codes
from bench.ledger.size import Size

_PROCEDURE: Final = Path(__file__).with_name("fill.sql")
_CALL: Final = sa.text("CALL bench_fill(:lines, :journals, :busy, :every, :shared)")
_AFTERWARDS: Final = (
    "VACUUM (ANALYZE) accounts",
    "VACUUM (ANALYZE) journals",
    "VACUUM (ANALYZE) entries",
    "CHECKPOINT",
)


async def fill(books: Books, size: Size) -> float:
    """Write the entries; how long it took, in seconds."""
    began = time.perf_counter()
    given = {
        "lines": size.lines_when_full,
        "journals": size.journals,
        "busy": line_codes(0)[1],
        "every": max(size.journals // size.busy_entries, 1),
        "shared": CLEARING.code,
    }
    print(f"filling the tables with {size.entries:,} entries", file=sys.stderr, flush=True)
    async with administered(books.server, books.name) as connection:
        await connection.execute(sa.text(_PROCEDURE.read_text("utf-8")))
        # One statement for all of it.
        await connection.execute(sa.text("SET statement_timeout = 0"))
        await connection.execute(_CALL, given)
        for statement in _AFTERWARDS:
            await connection.execute(sa.text(statement))
    return time.perf_counter() - began
