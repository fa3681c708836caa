"""Locks with a name, held until their transaction ends.

Each has two numbers, what it is about and the hash of its name: callers who choose a name, such as an Idempotency-Key,
cannot choose one that is another kind's lock.
"""

from __future__ import annotations

from enum import IntEnum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Statement, compile_sql

_TAKE = sa.text("SELECT pg_advisory_xact_lock(:about, hashtext(:name))")
_TAKE_FIRST = compile_sql(_TAKE)
_SHARE = compile_sql(sa.text("SELECT pg_advisory_xact_lock_shared(:about, hashtext(:name))"))


class About(IntEnum):
    """What a lock is about."""

    KEY = 1
    RIGHTS = 2
    SHARE_OF_PAY = 3
    PLACES_OF_GUARANTOR = 4
    MOBILE_OF_PERSON = 5
    POLICY = 6
    NOTICE = 7
    FAILED_SIGN_INS = 8
    STAFF = 9
    PAYMENTS_OF_PERSON = 10
    PAYOUTS = 11
    IDENTITY_OF_PERSON = 12
    STATEMENT = 20
    CLEARING = 21
    DRAFTS_OF_PERSON = 30


async def lock(connection: AsyncConnection, about: About, name: object) -> None:
    """Wait until nobody else holds the lock, and hold it."""
    await connection.execute(_TAKE, {"about": int(about), "name": str(name)})


def lock_statement(about: About, name: object) -> Statement:
    """Waits until nobody else holds the lock, and holds it."""
    return Statement(_TAKE_FIRST, {"about": int(about), "name": str(name)})


def share_statement(about: About, name: object) -> Statement:
    """Holds the lock together with others who share it; one who takes it alone waits for all of them."""
    return Statement(_SHARE, {"about": int(about), "name": str(name)})
