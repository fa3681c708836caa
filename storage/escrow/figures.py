"""Figures of safe payments for the operations desk: what is open, how the others ended, how long rulings take (E8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.case import CaseKind
from storage.rows.cases import cases
from storage.rows.escrow import escrow_disputes, escrow_moves, escrow_rulings, escrows

# What ended, and what was ruled, longer ago says nothing of how things go now.
LOOKS_BACK: Final = timedelta(days=365)
_SINCE: Final = sa.func.now() - sa.literal(LOOKS_BACK, sa.Interval)
# Spelled out in the statement, else the index of those that ended does not serve it.
_KIND: Final = sa.bindparam("kind", CaseKind.ESCROW.value, sa.Text, literal_execute=True)
_c, _e, _m, _d, _r = cases.c, escrows.c, escrow_moves.c, escrow_disputes.c, escrow_rulings.c
_IS_ESCROW: Final = _c.kind == _KIND


@dataclass(frozen=True, slots=True)
class OpenIn:
    """How many safe payments stand in a phase, how many rial they are about, and since when the oldest is open."""

    phase: str
    count: int
    amount: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """What of the safe payments that ended within a year went where, in rial, the contractor's part with the fee in it.

    ``released`` by the employer or the policy, ``refunded`` by agreement, ``split`` between the two by them or by a
    ruling.
    """

    count: int
    released: int
    refunded: int
    split: int


@dataclass(frozen=True, slots=True)
class Rulings:
    """How many first rulings there were within a year, and in how long half of them came; None without one."""

    count: int
    median: timedelta | None


async def open_by_phase(connection: AsyncConnection) -> list[OpenIn]:
    """Where those that are open stand, in the order of their phases' names."""
    query = (
        sa.select(_c.phase, sa.func.count(), sa.func.sum(_e.amount), sa.func.min(_c.opened_at))
        .join(escrows, _e.case_id == _c.id)
        .where(_IS_ESCROW, _c.closed_at.is_(None))
        .group_by(_c.phase)
        .order_by(_c.phase)
    )
    return [OpenIn(row[0], int(row[1]), int(row[2]), row[3]) for row in await connection.execute(query)]


async def ended_by_way(connection: AsyncConnection) -> Ended:
    """Of those that were funded and ended within a year: how many, and by which way how much left."""
    ended = (
        sa.select(_e.case_id)
        .join(cases, _c.id == _e.case_id)
        .where(_IS_ESCROW, _e.funded_at.is_not(None), _c.closed_at > _SINCE)
        .subquery()
    )
    both = sa.func.coalesce(sa.func.sum(_m.to_contractor + _m.to_employer).filter(_m.dispute_id.is_not(None)), 0)
    parts = (
        sa.func.coalesce(sa.func.sum(part).filter(_m.dispute_id.is_(None)), 0)
        for part in (_m.to_contractor, _m.to_employer)
    )
    query = (
        sa.select(sa.func.count(ended.c.case_id.distinct()), *parts, both)
        .select_from(ended)
        .join(escrow_moves, _m.case_id == ended.c.case_id)
    )
    return Ended(*(int(value) for value in (await connection.execute(query)).one()))


async def first_rulings(connection: AsyncConnection) -> Rulings:
    """How long first rulings took, from the request for arbitration on."""
    took = _r.ruled_at - _d.opened_at
    query = (
        sa.select(sa.func.count(), sa.func.percentile_disc(0.5).within_group(took))
        .join(escrow_disputes, _d.id == _r.dispute_id)
        .where(_r.round == sa.literal_column("1"), _r.ruled_at > _SINCE)
    )
    count, median = (await connection.execute(query)).one()
    return Rulings(int(count), median)
