"""Policies as data: versioned, changed by two people, frozen into each case when it begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.locks import About, lock
from storage.rows.policies import Policy, policies
from storage.rows.table import columns, find_one, read_all, read_one

_COLUMNS = columns(policies, Policy)
_NEWEST = (
    sa.select(*_COLUMNS)
    .where(policies.c.name == sa.bindparam("policy_name"), policies.c.approved_at.is_not(None))
    .order_by(policies.c.version.desc())
    .limit(1)
)
_BY_ID = sa.select(*_COLUMNS).where(policies.c.id == sa.bindparam("policy_id"))
_ALL_IN_FORCE = (
    sa.select(*_COLUMNS)
    .ext(distinct_on(policies.c.name))
    .where(sa.func.starts_with(policies.c.name, sa.bindparam("prefix")), policies.c.approved_at.is_not(None))
    .order_by(policies.c.name, policies.c.version.desc())
    .limit(100)
)
# Versions that were decided on: Postgres lets nobody change them any more.
_decided: dict[UUID, Policy] = {}
_MOST_KEPT = 256
_WAITS = sa.and_(policies.c.approved_at.is_(None), policies.c.rejected_at.is_(None))


async def in_force(connection: AsyncConnection, name: str) -> Policy | None:
    """The newest approved version, or None if no such policy exists."""
    return await find_one(connection, Policy, _NEWEST, {"policy_name": name})


async def by_id(connection: AsyncConnection, policy_id: UUID) -> Policy:
    """The version that a case froze; read once in a process, for it never changes."""
    policy = _decided.get(policy_id)
    if policy is None:
        policy = await read_one(connection, Policy, _BY_ID, {"policy_id": policy_id})
        if policy.state != "proposed":
            if len(_decided) >= _MOST_KEPT:
                _decided.clear()
            _decided[policy_id] = policy
    return policy


async def all_in_force(connection: AsyncConnection, prefix: str) -> list[Policy]:
    """The newest approved version of each policy whose name begins so; at most 100."""
    return await read_all(connection, Policy, _ALL_IN_FORCE, {"prefix": prefix})


async def list_versions(
    connection: AsyncConnection, *, is_open: bool | None, before: UUID | None, limit: int
) -> list[Policy]:
    """Versions of all policies, newest first: those that wait for a second person, the decided ones, or all."""
    query = sa.select(*_COLUMNS).order_by(policies.c.id.desc()).limit(limit)
    if is_open is not None:
        query = query.where(_WAITS if is_open else sa.not_(_WAITS))
    if before is not None:
        query = query.where(policies.c.id < before)
    return await read_all(connection, Policy, query)


async def propose(
    connection: AsyncConnection, name: str, value: Mapping[str, Any], proposed_by: UUID, *, may_be_new: bool = False
) -> Policy | None:
    """A new version, not in force until another person approves it; None if no such policy exists.

    Args:
        connection: a transaction of a policy_admin's.
        name: of the policy.
        value: was checked.
        proposed_by: who proposes it.
        may_be_new: a policy that does not exist yet begins with version 1.
    """
    await lock(connection, About.POLICY, name)
    newest = await connection.scalar(sa.select(sa.func.max(policies.c.version)).where(policies.c.name == name))
    if newest is None and not may_be_new:
        return None
    query = (
        sa.insert(policies)
        .values(name=name, version=(newest or 0) + 1, value=dict(value), proposed_by=str(proposed_by))
        .returning(*_COLUMNS)
    )
    return await read_one(connection, Policy, query)


async def lock_proposal(connection: AsyncConnection, policy_id: UUID) -> Policy | None:
    """A version, whether or not it waits for approval; None if there is none."""
    return await find_one(connection, Policy, sa.select(*_COLUMNS).where(policies.c.id == policy_id).with_for_update())


async def settle_proposal(connection: AsyncConnection, policy_id: UUID, *, approved_by: UUID | None) -> Policy:
    """Approve a version, or reject it when nobody is named; returns it as it is then."""
    values: dict[str, Any] = {"rejected_at": sa.func.now()}
    if approved_by is not None:
        values = {"approved_by": str(approved_by), "approved_at": sa.func.now()}
    return await read_one(
        connection, Policy, sa.update(policies).where(policies.c.id == policy_id).values(values).returning(*_COLUMNS)
    )
