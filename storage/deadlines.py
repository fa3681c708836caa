"""What the machine waits for, by case: a step that is taken when its time has come, though nobody acts."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.rows.cases import deadlines

_due = sa.func.now() + sa.bindparam("due_in", type_=sa.Interval)
_ADDED = insert(deadlines).values(
    case_id=sa.bindparam("case_id", type_=sa.Uuid), step=sa.bindparam("step", type_=sa.Text), due_at=_due
)
_SET = _ADDED.on_conflict_do_update(
    index_elements=["case_id", "step"], set_={"due_at": _ADDED.excluded.due_at}
).returning(deadlines.c.due_at)


async def set_deadline(connection: AsyncConnection, case_id: UUID, step: str, due_in: timedelta) -> datetime:
    """Take a step after so long; replaces what was set for that step before. Returns the moment."""
    values = {"case_id": case_id, "step": step, "due_in": due_in}
    due_at: datetime = (await connection.execute(_SET, values)).scalar_one()
    return due_at


async def clear_deadlines(connection: AsyncConnection, case_id: UUID, step: str | None = None) -> None:
    """Wait for none of them any more, or not for one step."""
    statement = sa.delete(deadlines).where(deadlines.c.case_id == case_id)
    await connection.execute(statement if step is None else statement.where(deadlines.c.step == step))
