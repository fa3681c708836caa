"""Millions of entries in the tables: does posting keep its rate, how long does reading take, and is all of it right."""

from __future__ import annotations

from typing import Final

from bench.ledger.books import books, housekeeping
from bench.ledger.filling import fill
from bench.ledger.rates import posting, take
from bench.ledger.reading import measure_reading, snapshot
from bench.ledger.size import Size
from bench.table import Row, at_most, nothing
from stack.postgres import EmbeddedPostgres

_GOAL: Final = 0.9
# What is read is streamed; this is room for the driver's buffers and the query texts.
_GROWTH_MB: Final = 20.0


async def measure_full(server: EmbeddedPostgres, size: Size) -> list[Row]:
    """Post to full tables and, in turn, to empty ones with the same accounts; read the full ones; check them.

    Raises:
        CliError: in the tables that were empty something breaks a rule.
    """
    count = size.lines_when_full
    empty, full = "journals a second, empty tables", "journals a second, full tables"
    async with (
        books(server, "bench_empty", count=count) as hollow,
        books(server, "bench_full", count=count) as ledger,
    ):
        filled = await fill(ledger, size)
        snapped = await snapshot(ledger)
        async with housekeeping(hollow, ledger):
            taken = await take(size.rounds, {empty: posting(hollow, size, count), full: posting(ledger, size, count)})
        reading = await measure_reading(ledger, count)
        examined = await ledger.examine()
        await hollow.prove()
    return [
        Row("entries in the tables", size.entries, f"{count:,} credit lines"),
        Row("filling them (s)", filled, ""),
        Row("snapshots of accounts without a floor (s)", snapped, ""),
        *taken.rows(empty),
        *taken.rows(full, empty, "empty", _GOAL),
        *reading,
        Row("ledger check of all (s)", examined.seconds, ""),
        Row("ledger check: violations", len(examined.broken), "", nothing(len(examined.broken))),
        Row("ledger check: growth of memory (MB)", examined.grown, "", at_most(examined.grown, _GROWTH_MB, "MB")),
    ]
