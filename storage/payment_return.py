"""What no gateway gives back to a payer: recorded by one officer's hand and confirmed by another (E2).

Whoever changes one has locked the payment's case.
"""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.payment_return import RecordedFrom
from storage.rows.payment import PaymentReturn, payment_returns
from storage.rows.table import columns, find_one

_r = payment_returns.c


async def read_return(connection: AsyncConnection, return_id: UUID) -> PaymentReturn | None:
    """What is owed back; None if it is missing or hidden."""
    query = sa.select(*columns(payment_returns, PaymentReturn)).where(_r.id == return_id)
    return await find_one(connection, PaymentReturn, query)


async def record(
    connection: AsyncConnection, return_id: UUID, *, source: RecordedFrom, reference: str, note: str, by: UUID
) -> None:
    """Keep what an officer says of how it went back; it counts once another has confirmed it."""
    values = {"recorded_from": source, "recorded_reference": reference, "note": note, "recorded_by": by}
    await _update(connection, return_id, **values)


async def confirm(connection: AsyncConnection, return_id: UUID, by: UUID) -> None:
    """Another officer confirms what was recorded."""
    await _update(connection, return_id, confirmed_by=by)


async def forget_record(connection: AsyncConnection, return_id: UUID) -> None:
    """Another officer rejects what was recorded: it is to be paid back anew. The facts keep what it was."""
    await _update(connection, return_id, recorded_from=None, recorded_reference=None, note=None, recorded_by=None)


async def _update(connection: AsyncConnection, return_id: UUID, **values: object) -> None:
    await connection.execute(sa.update(payment_returns).where(_r.id == return_id).values(**values))
