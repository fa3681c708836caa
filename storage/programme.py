"""Credit programmes, read from their policies: as a case froze them, and as new cases find them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.programme import Programme
from storage.policies import all_in_force, by_id


async def programme_of(connection: AsyncConnection, policy_id: UUID) -> Programme:
    """The programme as a case froze it."""
    policy = await by_id(connection, policy_id)
    return Programme.from_policy(policy.name, policy.value)


async def programmes_in_force(connection: AsyncConnection) -> list[Programme]:
    """The programmes that new applications find; at most 100."""
    return [
        Programme.from_policy(policy.name, policy.value) for policy in await all_in_force(connection, Programme.PREFIX)
    ]
