"""Policies as data: versioned, changed by two people, frozen into each case when it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import policies

PolicyState = Literal["proposed", "approved", "rejected"]


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a policy. Who proposed and approved is a person's id, or "system" for what shipped."""

    id: UUID
    name: str
    version: int
    value: Mapping[str, Any]
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    rejected_at: datetime | None

    @property
    def state(self) -> PolicyState:
        """Whether it still waits for a second person, or how they decided."""
        if self.approved_at is not None:
            return "approved"
        return "proposed" if self.rejected_at is None else "rejected"


_COLUMNS = tuple(policies.c[name] for name in Policy.__slots__)
_NEWEST = (
    sa.select(*_COLUMNS)
    .where(policies.c.name == sa.bindparam("policy_name"), policies.c.approved_at.is_not(None))
    .order_by(policies.c.version.desc())
    .limit(1)
)
_BY_ID = sa.select(*_COLUMNS).where(policies.c.id == sa.bindparam("policy_id"))
# Versions that were decided on: Postgres lets nobody change them any more.
_decided: dict[UUID, Policy] = {}
_MOST_KEPT = 256
_WAITS = sa.and_(policies.c.approved_at.is_(None), policies.c.rejected_at.is_(None))


async def in_force(connection: AsyncConnection, name: str) -> Policy | None:
    """The newest approved version, or None if no such policy exists."""
    row = (await connection.execute(_NEWEST, {"policy_name": name})).one_or_none()
    return None if row is None else Policy(*row)


async def by_id(connection: AsyncConnection, policy_id: UUID) -> Policy:
    """The version that a case froze; read once in a process, for it never changes."""
    policy = _decided.get(policy_id)
    if policy is None:
        policy = Policy(*(await connection.execute(_BY_ID, {"policy_id": policy_id})).one())
        if policy.state != "proposed":
            if len(_decided) >= _MOST_KEPT:
                _decided.clear()
            _decided[policy_id] = policy
    return policy


async def all_in_force(connection: AsyncConnection, prefix: str) -> list[Policy]:
    """The newest approved version of each policy whose name begins so; at most 100."""
    rows = await connection.execute(
        sa.select(*_COLUMNS)
        .ext(distinct_on(policies.c.name))
        .where(policies.c.name.startswith(prefix, autoescape=True), policies.c.approved_at.is_not(None))
        .order_by(policies.c.name, policies.c.version.desc())
        .limit(100)
    )
    return [Policy(*row) for row in rows]


async def list_versions(
    connection: AsyncConnection, *, is_open: bool | None, before: UUID | None, limit: int
) -> list[Policy]:
    """Versions of all policies, newest first: those that wait for a second person, the decided ones, or all."""
    query = sa.select(*_COLUMNS).order_by(policies.c.id.desc()).limit(limit)
    if is_open is not None:
        query = query.where(_WAITS if is_open else sa.not_(_WAITS))
    if before is not None:
        query = query.where(policies.c.id < before)
    return [Policy(*row) for row in await connection.execute(query)]


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
    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"policy:{name}", 0))))
    newest = await connection.scalar(sa.select(sa.func.max(policies.c.version)).where(policies.c.name == name))
    if newest is None and not may_be_new:
        return None
    row = await connection.execute(
        sa.insert(policies)
        .values(name=name, version=(newest or 0) + 1, value=dict(value), proposed_by=str(proposed_by))
        .returning(*_COLUMNS)
    )
    return Policy(*row.one())


async def lock_proposal(connection: AsyncConnection, policy_id: UUID) -> Policy | None:
    """A version that waits for approval; None if there is no such open one."""
    row = (
        await connection.execute(sa.select(*_COLUMNS).where(policies.c.id == policy_id, _WAITS).with_for_update())
    ).one_or_none()
    return None if row is None else Policy(*row)


async def settle_proposal(connection: AsyncConnection, policy_id: UUID, *, approved_by: UUID | None) -> Policy:
    """Approve a version, or reject it when nobody is named; returns it as it is then."""
    values: dict[str, Any] = {"rejected_at": sa.func.now()}
    if approved_by is not None:
        values = {"approved_by": str(approved_by), "approved_at": sa.func.now()}
    row = await connection.execute(
        sa.update(policies).where(policies.c.id == policy_id).values(values).returning(*_COLUMNS)
    )
    return Policy(*row.one())
