"""What papers say of safe payments: rulings, and whose a fee was (E3, E5, G9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.rows.escrow import (
    Escrow,
    Job,
    Ruling,
    escrow_disputes,
    escrow_jobs,
    escrow_moves,
    escrow_rulings,
    escrows,
)
from storage.rows.table import as_row, columns, find_one

_RULING: Final = columns(escrow_rulings, Ruling)
_ESCROW: Final = columns(escrows, Escrow)
_JOB: Final = columns(escrow_jobs, Job)


@dataclass(frozen=True, slots=True)
class RuledEscrow:
    """A ruling with the safe payment and the job that it is about."""

    ruling: Ruling
    escrow: Escrow
    job: Job


async def read_ruling(connection: AsyncConnection, ruling_id: UUID) -> Ruling | None:
    """The ruling, or None if it is missing or hidden."""
    return await find_one(connection, Ruling, sa.select(*_RULING).where(escrow_rulings.c.id == ruling_id))


async def read_ruled(connection: AsyncConnection, ruling_id: UUID) -> RuledEscrow | None:
    """What a ruling is about, or None if it is missing or hidden."""
    query = (
        sa.select(*_RULING, *_ESCROW, *_JOB)
        .join(escrow_disputes, escrow_disputes.c.id == escrow_rulings.c.dispute_id)
        .join(escrows, escrows.c.case_id == escrow_disputes.c.case_id)
        .join(escrow_jobs, escrow_jobs.c.id == escrows.c.job_id)
        .where(escrow_rulings.c.id == ruling_id)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    first, second = len(_RULING), len(_RULING) + len(_ESCROW)
    return RuledEscrow(as_row(Ruling, row[:first]), as_row(Escrow, row[first:second]), as_row(Job, row[second:]))


async def contractor_of_move(connection: AsyncConnection, move_id: UUID) -> UUID | None:
    """To whom the contractor's part of what left a safe payment goes, or None if it is missing or hidden."""
    query = (
        sa.select(escrow_jobs.c.contractor_id)
        .join(escrows, escrows.c.job_id == escrow_jobs.c.id)
        .join(escrow_moves, escrow_moves.c.case_id == escrows.c.case_id)
        .where(escrow_moves.c.id == move_id)
    )
    contractor_id: UUID | None = await connection.scalar(query)
    return contractor_id
