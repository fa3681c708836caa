"""Results of transitions by case, step and round: a transition that was taken is not taken again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.cases import CASE_COLUMNS
from storage.database import Statement, compile_sql
from storage.rows.cases import Case, cases, deadlines, transitions
from storage.rows.table import as_row

_this_case = sa.bindparam("case_id", type_=sa.Uuid)
_LOCK = compile_sql(sa.select(*CASE_COLUMNS, sa.func.now()).where(cases.c.id == _this_case).with_for_update())
_TAKEN = compile_sql(
    sa.select(transitions.c.round).where(
        transitions.c.case_id == _this_case,
        transitions.c.step == sa.bindparam("step"),
        transitions.c.round == sa.bindparam("round"),
    )
)
_DEADLINES = compile_sql(sa.select(deadlines.c.step, deadlines.c.due_at).where(deadlines.c.case_id == _this_case))
_ROUNDS = (
    sa.select(transitions.c.step, sa.func.max(transitions.c.round) + 1)
    .where(transitions.c.case_id == _this_case)
    .group_by(transitions.c.step)
)
_KEEP = compile_sql(sa.insert(transitions).inline(), "case_id", "step", "round", "result")


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a transition begins with: its locked case, Postgres's time, whether it was taken before, and deadlines."""

    case: Case
    now: datetime
    was_taken: bool
    deadlines: dict[str, datetime]


def lookup_statements(case_id: UUID, step: str, round_: int) -> tuple[Statement, ...]:
    """Lock the case until the transaction ends, then look up an earlier result and the case's deadlines.

    The lookups run after the lock, so they see what the case's last holder committed.
    """
    return (
        Statement(_LOCK, {"case_id": case_id}),
        Statement(_TAKEN, {"case_id": case_id, "step": step, "round": round_}),
        Statement(_DEADLINES, {"case_id": case_id}),
    )


def read_beginning(found: Sequence[Sequence[Any]]) -> Beginning | None:
    """What the ``lookup_statements`` found; None if there is no such case."""
    locked, taken, waiting = found
    if not locked:
        return None
    *columns, now = locked[0]
    return Beginning(as_row(Case, columns), now, bool(taken), dict(waiting))


async def count_rounds(connection: AsyncConnection, case_id: UUID) -> dict[str, int]:
    """How often each step of a case was taken."""
    return {row[0]: row[1] for row in await connection.execute(_ROUNDS, {"case_id": case_id})}


def save_statement(case_id: UUID, step: str, round_: int, result: Mapping[str, Any]) -> Statement:
    """Stores a transition's result in the transaction of its effect."""
    return Statement(_KEEP, {"case_id": case_id, "step": step, "round": round_, "result": Jsonb(dict(result))})
