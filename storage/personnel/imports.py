"""Personnel files as resources: received, read with progress, ended; and their refused rows (A13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.personnel import FactKind, ImportPhase
from storage.cases import last_fact
from storage.tables import cases, organisations, personnel_imports, personnel_refusals


@dataclass(frozen=True, slots=True)
class Import:
    """One personnel file and how far it is read.

    ``changes_waiting`` counts proposals for which a case was open already.
    """

    case_id: UUID
    organisation_id: UUID
    organisation_name: str
    file_key: str
    file_size: int
    rows_total: int | None
    last_row: int
    rows_read: int
    rows_added: int
    rows_changed: int
    rows_unchanged: int
    rows_refused: int
    changes_opened: int
    changes_waiting: int
    error: str | None
    error_columns: Sequence[str]
    error_row: int | None
    phase: ImportPhase
    received_at: datetime
    ended_at: datetime | None


class RefusedLine(NamedTuple):
    """A refused row: its number, the column at fault, and the code."""

    row: int
    column: str
    code: str


_ELSEWHERE = {
    "phase": cases.c.phase,
    "received_at": cases.c.opened_at,
    "ended_at": cases.c.closed_at,
    "organisation_name": organisations.c.name,
}
_COLUMNS = tuple(_ELSEWHERE[name] if name in _ELSEWHERE else personnel_imports.c[name] for name in Import.__slots__)
_READ = (
    sa.select(*_COLUMNS)
    .join(cases, cases.c.id == personnel_imports.c.case_id)
    .join(organisations, organisations.c.id == personnel_imports.c.organisation_id)
)


def _as_import(row: sa.Row[Any]) -> Import:
    values = dict(zip(Import.__slots__, row, strict=True))
    return Import(**values | {"phase": ImportPhase(values["phase"])})


async def add_import(
    connection: AsyncConnection, case_id: UUID, organisation_id: UUID, *, key: str, size: int, sha256: bytes
) -> None:
    """Note a stored file as received."""
    values = {"organisation_id": organisation_id, "file_key": key, "file_size": size, "file_sha256": sha256}
    await connection.execute(sa.insert(personnel_imports).values(case_id=case_id, **values))


async def read_import(connection: AsyncConnection, case_id: UUID) -> Import | None:
    """The import, or None."""
    row = (await connection.execute(_READ.where(personnel_imports.c.case_id == case_id))).one_or_none()
    return None if row is None else _as_import(row)


async def list_imports(
    connection: AsyncConnection, organisation_id: UUID | None, *, before: UUID | None, limit: int
) -> list[Import]:
    """The organisation's imports, or those of all organisations if none is named; newest first."""
    query = _READ
    if organisation_id is not None:
        query = query.where(personnel_imports.c.organisation_id == organisation_id)
    if before is not None:
        query = query.where(personnel_imports.c.case_id < before)
    rows = await connection.execute(query.order_by(personnel_imports.c.case_id.desc()).limit(limit))
    return [_as_import(row) for row in rows]


async def list_refusals(
    connection: AsyncConnection, case_id: UUID, *, after: int = 0, limit: int | None = None
) -> list[RefusedLine]:
    """The refused rows in file order, those after a row number; unless limited, as many as a file may have rows."""
    rows = await connection.execute(
        sa.select(personnel_refusals.c.row_number, personnel_refusals.c.field, personnel_refusals.c.code)
        .where(personnel_refusals.c.case_id == case_id, personnel_refusals.c.row_number > after)
        .order_by(personnel_refusals.c.row_number)
        .limit(limit)
    )
    return [RefusedLine(*row) for row in rows]


async def sender_of(connection: AsyncConnection, case_id: UUID) -> UUID | None:
    """Who sent the file."""
    fact = await last_fact(connection, case_id, FactKind.FILE_RECEIVED)
    return None if fact is None else fact.actor_id


async def begin_reading(connection: AsyncConnection, case_id: UUID, *, rows_total: int) -> None:
    """Note how many rows the file has, and that they are being imported."""
    await connection.execute(
        sa.update(personnel_imports).where(personnel_imports.c.case_id == case_id).values(rows_total=rows_total)
    )
    await connection.execute(
        sa.update(cases)
        .where(cases.c.id == case_id, cases.c.closed_at.is_(None), cases.c.phase == ImportPhase.RECEIVED)
        .values(phase=ImportPhase.IMPORTING, version=cases.c.version + 1, changed_at=sa.func.now())
    )


async def stop_reading(
    connection: AsyncConnection, case_id: UUID, *, code: str, columns: Sequence[str] = (), row: int | None = None
) -> None:
    """Note why the file as a whole cannot be read, or not further."""
    await connection.execute(
        sa.update(personnel_imports)
        .where(personnel_imports.c.case_id == case_id)
        .values(error=code, error_columns=list(columns), error_row=row)
    )
