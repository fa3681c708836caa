"""The whole measurement, on one server of its own."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from bench.ledger.books import administered
from bench.ledger.full import measure_full
from bench.ledger.hot import measure_hot
from bench.ledger.rates import measure_rates, measure_shared
from bench.ledger.size import LedgerSection, Size
from bench.scratch import scratch_server
from bench.table import Row

_SECTIONS: Final = {
    LedgerSection.RATES: measure_rates,
    LedgerSection.SHARED: measure_shared,
    LedgerSection.HOT: measure_hot,
    LedgerSection.FULL: measure_full,
}
_SERVER: Final = sa.text(
    "SELECT 'Postgres ' || current_setting('server_version') || ', fsync ' || current_setting('fsync')"
    " || ', synchronous_commit ' || current_setting('synchronous_commit')"
)


async def measure(size: Size, only: Collection[LedgerSection]) -> list[Row]:
    """Take the sections asked for, all if none is named, in their order.

    Raises:
        CliError: pgbench failed, or a ledger of which no row tells breaks a rule.
    """
    with scratch_server() as server:
        async with administered(server) as connection:
            rows = [Row("cores", os.cpu_count() or 0, (await connection.execute(_SERVER)).scalar_one())]
        for section, take in _SECTIONS.items():
            if not only or section in only:
                rows += await take(server, size)
    return rows
