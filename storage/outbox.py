"""The outbox: messages written in the transaction of their fact and sent by the relay, at least once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.case import RESUMED, CaseKind, CaseSignal
from messages.payload import encode
from storage.rows.outbox import OutboxMessage, outbox
from storage.rows.table import columns, read_all

# A sender that died gives its rows back after this long.
LEASE = timedelta(seconds=20)
ALARM_ATTEMPTS = 8
ALARM_AGE = timedelta(minutes=10)
_LONGEST_PAUSE = timedelta(seconds=30)
_ERROR_LENGTH = 300


# Without RETURNING: a transaction that may insert messages need not be allowed to read them.
_ENQUEUE = sa.insert(outbox).inline()


async def enqueue(connection: AsyncConnection, *messages: object) -> None:
    """Store messages (dataclasses of ids) to be sent once this transaction commits."""
    if messages:
        rows = [{"message": type(message).__name__, "payload": encode(message)} for message in messages]
        await connection.execute(_ENQUEUE, rows)


async def claim(
    connection: AsyncConnection, messages: Collection[str], limit: int, lease: timedelta = LEASE
) -> list[OutboxMessage]:
    """Lease due rows of some message classes to this process; no lock is held while they are sent."""
    due = (
        sa.select(outbox.c.id)
        .where(
            outbox.c.sent_at.is_(None),
            outbox.c.message.in_(messages),
            outbox.c.due_at <= sa.func.now(),
            sa.or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until < sa.func.now()),
        )
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        # Apart: inside the update Postgres may look for them again, and then finds others than those just claimed.
        .cte("due")
    )
    query = (
        sa.update(outbox)
        .where(outbox.c.id.in_(sa.select(due.c.id)))
        .values(claimed_until=sa.func.now() + lease, attempts=outbox.c.attempts + 1)
        .returning(*columns(outbox, OutboxMessage))
    )
    return await read_all(connection, OutboxMessage, query)


async def mark_sent(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """The other side has them."""
    await connection.execute(
        sa.update(outbox).where(outbox.c.id.in_(ids)).values(sent_at=sa.func.now(), last_error=None)
    )


async def put_back(connection: AsyncConnection, message: OutboxMessage, error: str) -> None:
    """Try again later: 0.5 s doubled each time, at most 30 s."""
    pause = min(timedelta(seconds=0.5 * 2 ** min(message.attempts, 10)), _LONGEST_PAUSE)
    await connection.execute(
        sa.update(outbox)
        .where(outbox.c.id == message.id, outbox.c.sent_at.is_(None))
        .values(due_at=sa.func.now() + pause, claimed_until=None, last_error=error[:_ERROR_LENGTH])
    )


def _needs_a_look() -> sa.ColumnElement[bool]:
    return sa.or_(outbox.c.attempts >= ALARM_ATTEMPTS, outbox.c.created_at < sa.func.now() - ALARM_AGE)


async def resume(connection: AsyncConnection, kind: CaseKind, case_id: UUID) -> None:
    """Signal a case's process, or start it again if it was lost: it reads the case's rows anew."""
    await enqueue(connection, CaseSignal(kind, case_id, RESUMED))


async def backlog(connection: AsyncConnection) -> tuple[int, int]:
    """How many rows wait, and how many of them passed ALARM_ATTEMPTS or ALARM_AGE."""
    row = (
        await connection.execute(
            sa.select(sa.func.count(), sa.func.count().filter(_needs_a_look())).where(outbox.c.sent_at.is_(None))
        )
    ).one()
    return int(row[0]), int(row[1])


@dataclass(frozen=True, slots=True)
class OutboxBacklog:
    """Unsent messages of one class; ``last_error`` is the class name of the newest error among them."""

    message: str
    count: int
    oldest_seconds: int
    tried: int
    attempts_max: int
    last_error: str | None


async def waiting_by_class(connection: AsyncConnection) -> list[OutboxBacklog]:
    """The backlog of each message class that has one, at most 100 classes."""
    errors = sa.func.array_agg(outbox.c.last_error, type_=ARRAY(sa.Text)).aggregate_order_by(outbox.c.id.desc())
    query = (
        sa.select(
            outbox.c.message,
            sa.func.count(),
            sa.cast(sa.func.extract("epoch", sa.func.now() - sa.func.min(outbox.c.created_at)), sa.BigInteger),
            sa.func.count().filter(outbox.c.attempts > 0),
            sa.func.max(outbox.c.attempts),
            errors.filter(outbox.c.last_error.is_not(None))[1],
        )
        .where(outbox.c.sent_at.is_(None))
        .group_by(outbox.c.message)
        .order_by(outbox.c.message)
        .limit(100)
    )
    return await read_all(connection, OutboxBacklog, query)


async def purge_sent(connection: AsyncConnection, *, older_than: timedelta, limit: int) -> int:
    """Delete old sent rows, a bounded number at a time; returns how many."""
    old = sa.select(outbox.c.id).where(outbox.c.sent_at < sa.func.now() - older_than).limit(limit)
    deleted = await connection.execute(sa.delete(outbox).where(outbox.c.id.in_(old.scalar_subquery())))
    return deleted.rowcount
