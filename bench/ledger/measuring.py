"""The whole measurement, on one server of its own."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection

import sqlalchemy as sa

from bench import importing
from bench.ledger.books import administered
from bench.ledger.crew import Crew, crew
from bench.ledger.full import measure_full
from bench.ledger.hot import measure_hot
from bench.ledger.rates import measure_rates, measure_shared
from bench.ledger.size import Section, Size
from bench.ledger.tpcb import Tpcb
from bench.scratch import place_on, scratch_server
from bench.table import Row
from stack.postgres import EmbeddedPostgres


async def measure(size: Size, only: Collection[Section]) -> list[Row]:
    """Take the sections asked for, all if none is named, in their order.

    Raises:
        CliError: a process failed, or a ledger of which no row tells breaks a rule.
    """
    wanted = [section for section in Section if not only or section in only]
    posting = [section for section in wanted if section is not Section.IMPORT]
    with scratch_server() as server:
        rows = [await _machine(server)]
        if posting:
            with crew() as processes:
                tpcb = Tpcb(server, size.scale)
                for section in posting:
                    rows += await _posting(section, server, processes, tpcb, size)
        if Section.IMPORT in wanted:
            async with place_on(server) as place:
                imported = await importing.measure_on(place, size.rows)
            rows += [dataclasses.replace(row, name=f"personnel file: {row.name}") for row in imported]
    return rows


async def _posting(section: Section, server: EmbeddedPostgres, crew: Crew, tpcb: Tpcb, size: Size) -> list[Row]:
    match section:
        case Section.RATES:
            return await measure_rates(server, crew, tpcb, size)
        case Section.SHARED:
            return await measure_shared(server, crew, size)
        case Section.HOT:
            return await measure_hot(server, crew, size)
        case _:
            return await measure_full(server, crew, size)


async def _machine(server: EmbeddedPostgres) -> Row:
    told = sa.text(
        "SELECT 'Postgres ' || current_setting('server_version') || ', fsync ' || current_setting('fsync')"
        " || ', synchronous_commit ' || current_setting('synchronous_commit')"
    )
    async with administered(server) as connection:
        return Row("cores", os.cpu_count() or 0, (await connection.execute(told)).scalar_one())
