"""Cases with their facts, people, timeline and transitions: what every process shares."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Actor
from messages.case import CaseKind
from storage.tables import case_people, cases, facts, timeline, transitions


@dataclass(frozen=True, slots=True)
class Case:
    """One running or ended process."""

    id: UUID
    kind: CaseKind
    variant: str
    phase: str
    outcome: str | None
    person_id: UUID | None
    organisation_id: UUID | None
    region_code: str | None
    next_actor: str | None
    due_at: datetime | None
    policy_id: UUID
    version: int
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether the process still runs."""
        return self.closed_at is None


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a person did."""

    id: UUID
    kind: str
    actor_id: UUID | None
    payload: Mapping[str, Any]
    at: datetime


CASE_COLUMNS = tuple(cases.c[name] for name in Case.__slots__)
_FACT_COLUMNS = (facts.c.id, facts.c.kind, facts.c.actor_id, facts.c.payload, facts.c.at)


def as_case(row: sa.Row[Any]) -> Case:
    """A row of ``CASE_COLUMNS`` as a case."""
    values = dict(zip(Case.__slots__, row, strict=True))
    return Case(**values | {"kind": CaseKind(values["kind"])})


async def read_case(connection: AsyncConnection, case_id: UUID) -> Case | None:
    """The case, or None if it is missing or hidden from whoever acts."""
    row = (await connection.execute(sa.select(*CASE_COLUMNS).where(cases.c.id == case_id))).one_or_none()
    return None if row is None else as_case(row)


async def lock_case(connection: AsyncConnection, case_id: UUID) -> Case | None:
    """``read_case``, holding the case until the transaction ends: one thing at a time happens in it."""
    row = (
        await connection.execute(sa.select(*CASE_COLUMNS).where(cases.c.id == case_id).with_for_update())
    ).one_or_none()
    return None if row is None else as_case(row)


async def open_case(  # noqa: PLR0913 - a case is these values
    connection: AsyncConnection,
    *,
    kind: CaseKind,
    phase: str,
    policy_id: UUID,
    variant: str = "",
    person_id: UUID | None = None,
    part: str = "applicant",
    organisation_id: UUID | None = None,
    region_code: str | None = None,
    next_actor: str | None = None,
) -> UUID:
    """Open a case and make its person take part in it.

    Raises:
        sqlalchemy.exc.IntegrityError: the person has an open case of this kind and variant (A10).
    """
    case_id: UUID = (
        await connection.execute(
            sa.insert(cases)
            .values(
                kind=kind,
                variant=variant,
                phase=phase,
                policy_id=policy_id,
                person_id=person_id,
                organisation_id=organisation_id,
                region_code=region_code,
                next_actor=next_actor,
            )
            .returning(cases.c.id)
        )
    ).scalar_one()
    if person_id is not None:
        await connection.execute(sa.insert(case_people).values(case_id=case_id, person_id=person_id, part=part))
    return case_id


async def move_case(
    connection: AsyncConnection, case_id: UUID, *, phase: str, next_actor: str | None, due_in: timedelta | None
) -> None:
    """Set phase, who acts next and until when, together."""
    due_at = sa.null() if due_in is None else sa.func.now() + due_in
    await _change(connection, case_id, {"phase": phase, "next_actor": next_actor, "due_at": due_at})


async def set_region(connection: AsyncConnection, case_id: UUID, region_code: str) -> None:
    """The case belongs to another region from now on: its officers see it."""
    await _change(connection, case_id, {"region_code": region_code})


async def end_case(connection: AsyncConnection, case_id: UUID, *, phase: str, outcome: str) -> None:
    """End the process."""
    values = {"phase": phase, "outcome": outcome, "closed_at": sa.func.now(), "next_actor": None, "due_at": None}
    await _change(connection, case_id, values)


async def touch_case(connection: AsyncConnection, case_id: UUID) -> None:
    """Count a new version: somebody acted in the case."""
    await _change(connection, case_id, {})


async def _change(connection: AsyncConnection, case_id: UUID, values: Mapping[str, Any]) -> None:
    await connection.execute(
        sa.update(cases)
        .where(cases.c.id == case_id)
        .values({"version": cases.c.version + 1, "changed_at": sa.func.now(), **values})
    )


async def record_fact(
    connection: AsyncConnection, case_id: UUID, kind: str, actor: Actor, payload: Mapping[str, Any] | None = None
) -> UUID:
    """Record what a person did, once and for ever; returns the fact's id."""
    row = await connection.execute(
        sa.insert(facts)
        .values(
            case_id=case_id, kind=kind, actor_id=actor.person_id, capacity=actor.capacity, payload=dict(payload or {})
        )
        .returning(facts.c.id)
    )
    fact_id: UUID = row.scalar_one()
    return fact_id


async def last_fact(connection: AsyncConnection, case_id: UUID, *kinds: str) -> Fact | None:
    """The newest fact of one of the kinds."""
    row = (
        await connection.execute(
            sa.select(*_FACT_COLUMNS)
            .where(facts.c.case_id == case_id, facts.c.kind.in_(kinds))
            .order_by(facts.c.id.desc())
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else Fact(*row)


async def tell(
    connection: AsyncConnection, case_id: UUID, code: str, *, actor: str, params: Mapping[str, Any] | None = None
) -> None:
    """Add a line to the case's timeline. ``actor`` is a part or role, never a name."""
    await connection.execute(
        sa.insert(timeline).values(case_id=case_id, code=code, params=dict(params or {}), actor=actor)
    )


async def earlier_result(connection: AsyncConnection, key: str, content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The stored result of a transition that was taken before, or None.

    Raises:
        ValueError: the key was used with another input; a programming error that must not pass.
    """
    row = (
        await connection.execute(
            sa.select(transitions.c.input_hash, transitions.c.result).where(transitions.c.key == key)
        )
    ).one_or_none()
    if row is None:
        return None
    if row.input_hash != _hash(content):
        msg = f"transition {key} was taken before with another input"
        raise ValueError(msg)
    result: Mapping[str, Any] = row.result
    return result


async def keep_result(
    connection: AsyncConnection, case_id: UUID, key: str, content: Mapping[str, Any], result: Mapping[str, Any]
) -> None:
    """Store a transition's result with what it did."""
    await connection.execute(
        sa.insert(transitions).values(key=key, case_id=case_id, input_hash=_hash(content), result=dict(result))
    )


def _hash(content: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).digest()
