"""Late cases: those whose time is over, with what they wait for and what the reconciler found (G5)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.reconciliation import FindingKind
from storage import tasks
from storage.cases import CASE_COLUMNS
from storage.rows.cases import Case, cases
from storage.rows.reconciliation import reconciliation_findings
from storage.rows.table import as_row
from storage.rows.tasks import Task


@dataclass(frozen=True, slots=True)
class LateCase:
    """A case that was due at a moment before now; ``waits_for`` are its open tasks, the most urgent first."""

    case: Case
    due_at: datetime
    waits_for: tuple[Task, ...]
    finding: FindingKind | None


_FINDING = (
    sa.select(reconciliation_findings.c.kind)
    .where(reconciliation_findings.c.case_id == cases.c.id, reconciliation_findings.c.settled_at.is_(None))
    .order_by(reconciliation_findings.c.id.desc())
    .limit(1)
    .scalar_subquery()
)


async def list_late_cases(
    connection: AsyncConnection, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[LateCase]:
    """Cases whose time is over, those that are late for the longest time first. Two statements."""
    query = sa.select(*CASE_COLUMNS, _FINDING).where(cases.c.due_at < sa.func.now())
    if after is not None:
        query = query.where(sa.tuple_(cases.c.due_at, cases.c.id) > sa.tuple_(*map(sa.literal, after)))
    rows = (await connection.execute(query.order_by(cases.c.due_at, cases.c.id).limit(limit))).all()
    count = len(CASE_COLUMNS)
    waits_for: defaultdict[UUID, list[Task]] = defaultdict(list)
    for task in await tasks.open_tasks_of(connection, [row.id for row in rows]):
        waits_for[task.case_id].append(task)
    return [
        LateCase(
            as_row(Case, row[:count]),
            row.due_at,
            tuple(waits_for[row.id]),
            None if row[count] is None else FindingKind(row[count]),
        )
        for row in rows
    ]
