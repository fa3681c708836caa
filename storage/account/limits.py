"""Rate limits in Postgres, and the clearing away of what is over (G1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.account import Limit
from storage.rows.account import one_time_codes, rate_windows
from storage.sealing import Seals

_KEPT_AFTER_EXPIRY: Final = timedelta(hours=1)

# One row a bucket: its window begins with the first try after the last one ended.
_COUNT = sa.text(
    "INSERT INTO rate_windows AS w (bucket, starts_at, ends_at, used) VALUES (:bucket, 'epoch', now() + :lasts, 1)"
    " ON CONFLICT (bucket, starts_at) DO UPDATE SET"
    " used = CASE WHEN w.ends_at <= now() THEN 1 ELSE w.used + 1 END,"
    " ends_at = CASE WHEN w.ends_at <= now() THEN now() + :lasts ELSE w.ends_at END"
    " RETURNING used, ceil(extract(epoch FROM ends_at - now()))::int"
).bindparams(sa.bindparam("lasts", type_=sa.Interval))


async def count_use(connection: AsyncConnection, seals: Seals, limit: Limit, key: str) -> int | None:
    """Count one use. None if it is within the limit, else the seconds until the window ends.

    The bucket is a keyed hash: nothing personal can be read from it.
    """
    bucket = seals.index.of(f"rate:{limit.name}", key)
    used, seconds = (await connection.execute(_COUNT, {"bucket": bucket, "lasts": limit.window})).one()
    return None if used <= limit.allowed else max(1, seconds)


async def count_uses(connection: AsyncConnection, seals: Seals, uses: Sequence[tuple[Limit, str]]) -> int | None:
    """Count one use of several limits, up to the first that is reached; its seconds, or None.

    Callers name the limits in one fixed order, so that two never wait for each other.
    """
    for limit, key in uses:
        wait = await count_use(connection, seals, limit, key)
        if wait is not None:
            return wait
    return None


async def take_back_use(connection: AsyncConnection, seals: Seals, limit: Limit, key: str) -> None:
    """Count a use no more, in the transaction that counted it: a limit of failures spares who was right."""
    w = rate_windows.c
    bucket = seals.index.of(f"rate:{limit.name}", key)
    await connection.execute(sa.update(rate_windows).where(w.bucket == bucket).values(used=w.used - 1))


async def purge_expired(connection: AsyncConnection, limit: int) -> int:
    """Delete codes and rate windows that are over, at most ``limit`` of each; returns how many."""
    now = sa.func.now()
    codes = await _delete(connection, one_time_codes, one_time_codes.c.expires_at < now - _KEPT_AFTER_EXPIRY, limit)
    windows = await _delete(connection, rate_windows, rate_windows.c.ends_at < now, limit)
    return codes + windows


async def _delete(connection: AsyncConnection, table: sa.Table, over: sa.ColumnElement[bool], limit: int) -> int:
    row: Any = sa.literal_column("ctid")
    some = sa.select(row).select_from(table).where(over).limit(limit).with_for_update(skip_locked=True)
    deleted = await connection.execute(sa.delete(table).where(row.in_(some.scalar_subquery()), over))
    return deleted.rowcount
