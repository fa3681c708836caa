"""Devices with which somebody signed in before (G1): strangers' tries are none of theirs."""

from __future__ import annotations

import secrets
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.account import DEVICE_LIFE, DEVICES_PER_PERSON, Capacity
from storage.account.sessions import hash_token
from storage.rows.account import known_devices

_TOKEN_BYTES: Final = 32
# A person of this id there is not.
NOBODY: Final = UUID(int=0)
_d = known_devices.c


async def knows_device(connection: AsyncConnection, token: str, capacity: Capacity, person_id: UUID | None) -> bool:
    """Whether the person signed in with this device before; without a token or a person it is the same work."""
    mine = (_d.token_hash == hash_token(token), _d.person_id == (person_id or NOBODY), _d.capacity == capacity)
    found = sa.exists().where(*mine, _d.expires_at > sa.func.now())
    return bool(await connection.scalar(sa.select(found)))


async def keep_device(connection: AsyncConnection, token: str, capacity: Capacity, person_id: UUID) -> str:
    """Know a device, for a while from now on; returns its token, a new one if nobody's device had the given one.

    Of a person's devices only those used last stay known.
    """
    is_known = sa.exists().where(_d.token_hash == hash_token(token), _d.expires_at > sa.func.now())
    if not await connection.scalar(sa.select(is_known)):
        token = secrets.token_urlsafe(_TOKEN_BYTES)
    wish = insert(known_devices).values(
        token_hash=hash_token(token), person_id=person_id, capacity=capacity, expires_at=sa.func.now() + DEVICE_LIFE
    )
    await connection.execute(
        wish.on_conflict_do_update(
            index_elements=[_d.token_hash, _d.person_id, _d.capacity], set_={"expires_at": wish.excluded.expires_at}
        )
    )
    own = (_d.person_id == person_id, _d.capacity == capacity)
    kept = sa.select(_d.token_hash).where(*own).order_by(_d.expires_at.desc()).limit(DEVICES_PER_PERSON)
    await connection.execute(sa.delete(known_devices).where(*own, _d.token_hash.not_in(kept.scalar_subquery())))
    return token
