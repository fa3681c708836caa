"""Rate limits in Postgres, and the clearing away of what is over (G1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.account import Limit
from storage.rows.account import known_devices, one_time_codes, rate_windows
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

_GIVE_BACK = sa.text("UPDATE rate_windows SET used = used - 1 WHERE bucket = :bucket AND used > 0")


async def count_use(connection: AsyncConnection, seals: Seals, limit: Limit, key: str) -> int | None:
    """Count one use. None if it is within the limit, else the seconds until the window ends.

    The bucket is a keyed hash: nothing personal can be read from it.
    """
    _, wait = await count_try(connection, seals, limit, key)
    return wait


async def count_try(connection: AsyncConnection, seals: Seals, limit: Limit, key: str) -> tuple[int, int | None]:
    """As ``count_use``, with how many more are left before it."""
    bucket = seals.index.of(f"rate:{limit.name}", key)
    used, seconds = (await connection.execute(_COUNT, {"bucket": bucket, "lasts": limit.window})).one()
    return max(0, limit.allowed - used), None if used <= limit.allowed else max(1, seconds)


async def count_uses(connection: AsyncConnection, seals: Seals, uses: Sequence[tuple[Limit, str]]) -> int | None:
    """Count one use of several limits, up to the first that is reached; its seconds, or None.

    Past a limit that has a pace, one more is let through at that pace. What is refused is no use of the shared limits
    before: name those of the caller first. Callers name the limits in one fixed order, so that two never wait for each
    other.
    """
    counted: list[tuple[Limit, str]] = []
    for limit, key in uses:
        wait = await count_use(connection, seals, limit, key)
        counted.append((limit, key))
        if wait is not None and limit.pace is not None:
            paced = replace(limit, name=f"{limit.name}_paced", allowed=1, window=limit.pace)
            wait = await count_use(connection, seals, paced, key)
            counted.append((paced, key))
        if wait is not None:
            for before, its_key in counted:
                if before.shared:
                    await give_back(connection, seals, before, its_key)
            return wait
    return None


async def give_back(connection: AsyncConnection, seals: Seals, limit: Limit, key: str) -> None:
    """Take back a use that this transaction has counted: it turned out to be none."""
    bucket = seals.index.of(f"rate:{limit.name}", key)
    await connection.execute(_GIVE_BACK, {"bucket": bucket})


async def purge_expired(connection: AsyncConnection, limit: int) -> int:
    """Delete codes, rate windows and known devices that are over, at most ``limit`` of each; returns how many."""
    now = sa.func.now()
    codes = await _delete(connection, one_time_codes, one_time_codes.c.expires_at < now - _KEPT_AFTER_EXPIRY, limit)
    windows = await _delete(connection, rate_windows, rate_windows.c.ends_at < now, limit)
    devices = await _delete(connection, known_devices, known_devices.c.expires_at < now, limit)
    return codes + windows + devices


async def _delete(connection: AsyncConnection, table: sa.Table, over: sa.ColumnElement[bool], limit: int) -> int:
    row: Any = sa.literal_column("ctid")
    # Apart: inside the statement Postgres may look for them again, and then finds others than those just deleted.
    some = sa.select(row.label("at")).select_from(table).where(over).limit(limit).with_for_update(skip_locked=True)
    deleted = await connection.execute(sa.delete(table).where(row.in_(sa.select(some.cte("some").c.at)), over))
    return deleted.rowcount
