"""The whole measurement, on one server of its own."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection

import sqlalchemy as sa

from bench import importing
from bench.ledger.books import administered
from bench.ledger.crew import crew
from bench.ledger.full import measure_full
from bench.ledger.hot import measure_hot
from bench.ledger.rates import measure_rates, measure_shared
from bench.ledger.size import Section, Size
from bench.ledger.tpcb import Tpcb
from bench.scratch import place_on, scratch_server
from bench.table import Row
from cli.postgres import EmbeddedPostgres


async def measure(size: Size, only: Collection[Section]) -> list[Row]:
    """Take the sections asked for, all if none is named, in their order.

    Raises:
        CliError: something in the ledger came out wrong: an update lost, a rule broken.
    """
    with scratch_server() as server, crew() as processes:
        tpcb = Tpcb(server, size.scale)
        rows = [await _machine(server)]
        for section in Section:
            if only and section not in only:
                continue
            match section:
                case Section.RATES:
                    rows += await measure_rates(server, processes, tpcb, size)
                case Section.SHARED:
                    rows += await measure_shared(server, processes, size)
                case Section.HOT:
                    rows += await measure_hot(server, processes, size)
                case Section.FULL:
                    rows += await measure_full(server, processes, size)
                case Section.IMPORT:
                    async with place_on(server) as place:
                        imported = await importing.measure_on(place, size.rows)
                    rows += [dataclasses.replace(row, name=f"personnel file: {row.name}") for row in imported]
    return rows


async def _machine(server: EmbeddedPostgres) -> Row:
    told = sa.text(
        "SELECT 'Postgres ' || current_setting('server_version') || ', fsync ' || current_setting('fsync')"
        " || ', synchronous_commit ' || current_setting('synchronous_commit')"
    )
    async with administered(server) as connection:
        return Row("cores", os.cpu_count() or 0, (await connection.execute(told)).scalar_one())
