"""Credit programmes, read from their policies: as a case froze them, and as new cases find them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.programme import Programme
from storage.policies import all_in_force, by_id
from storage.rows.cases import cases


async def programme_of(connection: AsyncConnection, policy_id: UUID) -> Programme:
    """The programme as a case froze it."""
    policy = await by_id(connection, policy_id)
    return Programme.from_policy(policy.name, policy.value)


async def programmes_of(connection: AsyncConnection, case_ids: Collection[UUID]) -> dict[UUID, Programme]:
    """The programmes of a few cases, as each froze its own, by case."""
    if not case_ids:
        return {}
    rows = await connection.execute(sa.select(cases.c.id, cases.c.policy_id).where(cases.c.id.in_(case_ids)).limit(100))
    policy_ids = {row.id: row.policy_id for row in rows}
    found = {policy_id: await programme_of(connection, policy_id) for policy_id in set(policy_ids.values())}
    return {case_id: found[policy_id] for case_id, policy_id in policy_ids.items()}


async def programmes_in_force(connection: AsyncConnection) -> list[Programme]:
    """The programmes that new applications find; at most 100."""
    return [
        Programme.from_policy(policy.name, policy.value) for policy in await all_in_force(connection, Programme.PREFIX)
    ]
