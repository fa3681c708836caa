"""Cases with their facts, people and timeline: what every process shares."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Actor, Part
from messages.case import CaseKind
from storage.database import Statement, compile_sql
from storage.rows.cases import Case, Fact, case_people, cases, facts, timeline
from storage.rows.table import columns, find_one

CASE_COLUMNS = columns(cases, Case)

# Statements of every command and transition are built once: building one takes as long as running it.
_this_case = sa.bindparam("this_case", type_=sa.Uuid)
_READ = sa.select(*CASE_COLUMNS).where(cases.c.id == _this_case)
_LOCK = _READ.with_for_update()
_OPEN = sa.insert(cases).returning(cases.c.id)
_ADD_PERSON = sa.insert(case_people).inline()
_RECORD = sa.insert(facts).returning(facts.c.id)
_LAST_FACT = (
    sa.select(*columns(facts, Fact))
    .where(facts.c.case_id == _this_case, facts.c.kind == sa.func.any(sa.bindparam("kinds", type_=ARRAY(sa.Text))))
    .order_by(facts.c.id.desc())
    .limit(1)
)
_CHANGE = sa.update(cases).where(cases.c.id == _this_case).values(version=cases.c.version + 1, changed_at=sa.func.now())
_MOVE = _CHANGE.values(
    phase=sa.bindparam("to_phase"),
    next_actor=sa.bindparam("to_actor"),
    due_at=sa.func.now() + sa.bindparam("due_in", type_=sa.Interval),
)
_END = _CHANGE.values(
    phase=sa.bindparam("to_phase"),
    outcome=sa.bindparam("to_outcome"),
    # By the clock, as a task is closed.
    closed_at=sa.func.clock_timestamp(),
    next_actor=sa.null(),
    due_at=sa.null(),
)
_ADD_EVENT = sa.insert(timeline).inline()
_ADD_EVENT_SQL = compile_sql(_ADD_EVENT, "case_id", "code", "params", "actor")


async def read_case(connection: AsyncConnection, case_id: UUID) -> Case | None:
    """The case, or None if it is missing or row-level security hides it."""
    return await find_one(connection, Case, _READ, {"this_case": case_id})


async def lock_case(connection: AsyncConnection, case_id: UUID) -> Case | None:
    """``read_case`` with a row lock until the transaction ends: one transaction at a time changes a case."""
    return await find_one(connection, Case, _LOCK, {"this_case": case_id})


async def numbers_of(connection: AsyncConnection, case_ids: Collection[UUID]) -> dict[UUID, str]:
    """The numbers of some cases by their ids, as far as the acting person sees them."""
    rows = await connection.execute(sa.select(cases.c.id, cases.c.number).where(cases.c.id.in_(case_ids)))
    return {row.id: row.number for row in rows}


async def open_case(  # noqa: PLR0913 - a case is these values
    connection: AsyncConnection,
    *,
    kind: CaseKind,
    phase: str,
    policy_id: UUID,
    variant: str = "",
    person_id: UUID | None = None,
    part: Part = Part.APPLICANT,
    organisation_id: UUID | None = None,
    region_code: str | None = None,
    next_actor: str | None = None,
) -> UUID:
    """Open a case and make its person take part in it.

    Raises:
        sqlalchemy.exc.IntegrityError: the person has an open case of this kind and variant (A10).
    """
    values = {
        "kind": kind,
        "variant": variant,
        "phase": phase,
        "policy_id": policy_id,
        "person_id": person_id,
        "organisation_id": organisation_id,
        "region_code": region_code,
        "next_actor": next_actor,
    }
    case_id: UUID = (await connection.execute(_OPEN, values)).scalar_one()
    if person_id is not None:
        await connection.execute(_ADD_PERSON, {"case_id": case_id, "person_id": person_id, "part": part})
    return case_id


async def move_case(
    connection: AsyncConnection, case_id: UUID, *, phase: str, next_actor: str | None, due_in: timedelta | None
) -> None:
    """Set phase, who acts next and until when, together."""
    values = {"this_case": case_id, "to_phase": phase, "to_actor": next_actor, "due_in": due_in}
    await connection.execute(_MOVE, values)


async def set_region(connection: AsyncConnection, case_id: UUID, region_code: str) -> None:
    """The case belongs to another region from now on: its officers see it."""
    await connection.execute(_CHANGE.values(region_code=region_code), {"this_case": case_id})


async def end_case(connection: AsyncConnection, case_id: UUID, *, phase: str, outcome: str) -> None:
    """End the process."""
    await connection.execute(_END, {"this_case": case_id, "to_phase": phase, "to_outcome": outcome})


async def touch_case(connection: AsyncConnection, case_id: UUID) -> None:
    """Increment the case's version after an action in it."""
    await connection.execute(_CHANGE, {"this_case": case_id})


async def record_fact(
    connection: AsyncConnection, case_id: UUID, kind: str, actor: Actor, payload: Mapping[str, Any] | None = None
) -> UUID:
    """Record what a person did; facts are append-only. Returns the fact's id."""
    done = {"case_id": case_id, "kind": kind, "payload": dict(payload or {})}
    by = {"actor_id": actor.person_id, "capacity": actor.capacity}
    fact_id: UUID = (await connection.execute(_RECORD, done | by)).scalar_one()
    return fact_id


async def last_fact(connection: AsyncConnection, case_id: UUID, *kinds: str) -> Fact | None:
    """The newest fact of one of the kinds."""
    return await find_one(connection, Fact, _LAST_FACT, {"this_case": case_id, "kinds": list(kinds)})


async def add_event(
    connection: AsyncConnection, case_id: UUID, code: StrEnum, *, actor: str, params: Mapping[str, Any] | None = None
) -> None:
    """Add a line to the case's timeline. ``actor`` is a part or role, never a name."""
    line = {"case_id": case_id, "code": code, "params": dict(params or {}), "actor": actor}
    await connection.execute(_ADD_EVENT, line)


def event_statement(case_id: UUID, code: StrEnum, *, actor: str, params: Mapping[str, Any] | None = None) -> Statement:
    """``add_event``, to be run with the last statements of the transaction."""
    line = {"case_id": case_id, "code": code, "params": Jsonb(dict(params or {})), "actor": actor}
    return Statement(_ADD_EVENT_SQL, line)
