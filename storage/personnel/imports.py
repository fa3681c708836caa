"""Personnel files as resources: received, read with progress, ended; and their refused rows (A13)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.personnel import FactKind, ImportPhase
from storage.cases import last_fact
from storage.rows.cases import cases, facts
from storage.rows.organisation import employments, organisations
from storage.rows.personnel import Import, ProposedChange, personnel_imports, personnel_refusals
from storage.rows.table import columns, find_one, read_all

# Of the store of files.
FOLDER: Final = "personnel"


class RefusedLine(NamedTuple):
    """A refused row: its number, the column at fault, and the code."""

    row: int
    column: str
    code: str


_READ = (
    sa.select(
        *columns(
            personnel_imports,
            Import,
            organisation_name=organisations.c.name,
            phase=cases.c.phase,
            received_at=cases.c.opened_at,
            ended_at=cases.c.closed_at,
        )
    )
    .join(cases, cases.c.id == personnel_imports.c.case_id)
    .join(organisations, organisations.c.id == personnel_imports.c.organisation_id)
)


async def add_import(
    connection: AsyncConnection, case_id: UUID, organisation_id: UUID, *, key: str, size: int, sha256: bytes
) -> None:
    """Note a stored file as received."""
    values = {"organisation_id": organisation_id, "file_key": key, "file_size": size, "file_sha256": sha256}
    await connection.execute(sa.insert(personnel_imports).values(case_id=case_id, **values))


async def files_in_use(connection: AsyncConnection, keys: Sequence[str]) -> set[str]:
    """Those of some stored files that an import has still to read."""
    query = (
        sa.select(personnel_imports.c.file_key)
        .join(cases, cases.c.id == personnel_imports.c.case_id)
        .where(personnel_imports.c.file_key.in_(keys), cases.c.closed_at.is_(None))
    )
    return set(await connection.scalars(query))


async def read_import(connection: AsyncConnection, case_id: UUID) -> Import | None:
    """The import, or None."""
    return await find_one(connection, Import, _READ.where(personnel_imports.c.case_id == case_id))


async def list_imports(
    connection: AsyncConnection, organisation_id: UUID | None, *, before: UUID | None, limit: int
) -> list[Import]:
    """The organisation's imports, or those of all organisations if none is named; newest first."""
    query = _READ
    if organisation_id is not None:
        query = query.where(personnel_imports.c.organisation_id == organisation_id)
    if before is not None:
        query = query.where(personnel_imports.c.case_id < before)
    return await read_all(connection, Import, query.order_by(personnel_imports.c.case_id.desc()).limit(limit))


async def list_refusals(
    connection: AsyncConnection, case_id: UUID, *, after: int = 0, limit: int | None = None
) -> list[RefusedLine]:
    """The refused rows in file order, those after a row number; unless limited, as many as a file may have rows."""
    query = (
        sa.select(personnel_refusals.c.row_number, personnel_refusals.c.field, personnel_refusals.c.code)
        .where(personnel_refusals.c.case_id == case_id, personnel_refusals.c.row_number > after)
        .order_by(personnel_refusals.c.row_number)
        .limit(limit)
    )
    return await read_all(connection, RefusedLine, query)


async def sender_of(connection: AsyncConnection, case_id: UUID) -> UUID | None:
    """Who sent the file."""
    fact = await last_fact(connection, case_id, FactKind.FILE_RECEIVED)
    return None if fact is None else fact.actor_id


async def has_sent(connection: AsyncConnection, change: ProposedChange, person_id: UUID) -> bool:
    """Whether somebody sent what is proposed: its file, or where no file says so, any file of that organisation."""
    if change.import_case_id is not None:
        return await sender_of(connection, change.import_case_id) == person_id
    ours = (
        sa.select(personnel_imports.c.case_id)
        .join(employments, employments.c.organisation_id == personnel_imports.c.organisation_id)
        .join(facts, facts.c.case_id == personnel_imports.c.case_id)
        .where(employments.c.id == change.employment_id)
        .where(facts.c.kind == FactKind.FILE_RECEIVED, facts.c.actor_id == person_id)
    )
    return bool(await connection.scalar(sa.select(ours.exists())))


async def begin_reading(
    connection: AsyncConnection, case_id: UUID, *, rows_total: int, sheets_left_out: Sequence[str] = ()
) -> None:
    """Note how many rows the file has and which sheets are not read, and that its rows are being imported."""
    await connection.execute(
        sa.update(personnel_imports)
        .where(personnel_imports.c.case_id == case_id)
        .values(rows_total=rows_total, sheets_left_out=list(sheets_left_out))
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
