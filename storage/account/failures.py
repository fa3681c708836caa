"""Failed sign-ins (G1, H2): counted a minute at a time, then told to the audit trail in few lines.

Noting one takes the same locks whether or not there is such a person, none of which anybody else needs.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.account import FAILURE_SHARDS, Capacity
from storage import audit
from storage.account.devices import NOBODY
from storage.locks import About, lock
from storage.sealing import Seals

# Failures that belong to nobody known.
NOBODYS_STREAM: Final = "sign-in"
_ORIGINS_TOLD: Final = 10

_NOTE = sa.text(
    "INSERT INTO failed_sign_ins AS f (minute, shard, person_id, capacity, failures, origin)"
    " VALUES (date_trunc('minute', now()), :shard, :person_id, :capacity, 1, :origin)"
    " ON CONFLICT (minute, shard, person_id, capacity) DO UPDATE"
    " SET failures = f.failures + 1, origin = excluded.origin"
)
# A transaction that began in a minute may yet count in it shortly after.
_TAKE = sa.text(
    "WITH past AS (SELECT ctid FROM failed_sign_ins WHERE minute < now() - interval '2 minutes'"
    " ORDER BY minute LIMIT :limit FOR UPDATE SKIP LOCKED"
    "), gone AS (DELETE FROM failed_sign_ins WHERE ctid = ANY (ARRAY(SELECT ctid FROM past)) RETURNING *)"
    " SELECT person_id, capacity, sum(failures)::int AS failures, count(*)::int AS rows, min(minute) AS since,"
    " array_agg(DISTINCT origin) AS origins FROM gone GROUP BY person_id, capacity ORDER BY person_id, capacity"
)


def failure_shard(seals: Seals, tried: str) -> int:
    """Where the failure of a challenge or a user name is counted."""
    return seals.index.of("failed_sign_in", tried)[0] % FAILURE_SHARDS


async def note_failure(
    connection: AsyncConnection, seals: Seals, tried: str, capacity: Capacity, person_id: UUID | None, origin: str
) -> None:
    """Count a failed sign-in.

    Args:
        connection: the last thing in its transaction.
        seals: for the hash of what was tried.
        tried: the challenge or the user name: it alone chooses which failures this one may have to wait for.
        capacity: as what somebody wanted in.
        person_id: whose account it was tried on; None for nobody's.
        origin: from where.
    """
    shard = failure_shard(seals, tried)
    await lock(connection, About.FAILED_SIGN_INS, shard)
    noted = {"shard": shard, "person_id": person_id or NOBODY, "capacity": capacity, "origin": origin}
    await connection.execute(_NOTE, noted)


async def tell_failures(connection: AsyncConnection, limit: int) -> int:
    """Write what was counted to the audit trail, a line an account and one for nobody's; returns how many rows went."""
    told = (await connection.execute(_TAKE, {"limit": limit})).all()
    for row in told:
        known = row.person_id != NOBODY
        entry = audit.AuditEntry(
            "sign_in_failed",
            row.capacity,
            str(row.person_id) if known else "",
            after={"failures": row.failures, "since": row.since.isoformat(), "origins": row.origins[:_ORIGINS_TOLD]},
        )
        await audit.append(connection, audit.account_stream(row.person_id) if known else NOBODYS_STREAM, entry)
    return sum(row.rows for row in told)
