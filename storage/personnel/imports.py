"""Personnel files as resources: received, read with progress, ended (A13)."""

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
from storage.rows.people import persons
from storage.rows.personnel import Import, ProposedChange, personnel_imports
from storage.rows.table import columns, find_one, read_all
from storage.sealing import Seals

# Of the store of files.
FOLDER: Final = "personnel"


_FILE_NAME: Final = "import.file_name"
_READ = (
    sa.select(
        *columns(
            personnel_imports,
            Import,
            organisation_name=organisations.c.name,
            sender_name=persons.c.first_name + " " + persons.c.last_name,
            phase=cases.c.phase,
            received_at=cases.c.opened_at,
            ended_at=cases.c.closed_at,
        )
    )
    .join(cases, cases.c.id == personnel_imports.c.case_id)
    .join(organisations, organisations.c.id == personnel_imports.c.organisation_id)
    .outerjoin(facts, sa.and_(facts.c.case_id == personnel_imports.c.case_id, facts.c.kind == FactKind.FILE_RECEIVED))
    .outerjoin(persons, persons.c.id == facts.c.actor_id)
)


class ReceivedFile(NamedTuple):
    """A stored file: where it lies, what it is, its name as its sender called it, and for which regions they speak."""

    key: str
    size: int
    sha256: bytes
    name: str
    regions: Sequence[str]


async def add_import(
    connection: AsyncConnection, seals: Seals, case_id: UUID, organisation_id: UUID, file: ReceivedFile
) -> None:
    """Note a stored file as received."""
    values = {"organisation_id": organisation_id, "file_key": file.key, "file_size": file.size}
    values |= {"file_sha256": file.sha256, "regions": list(file.regions)}
    if file.name:
        values["file_name_sealed"] = seals.cipher.seal_text(file.name, _FILE_NAME)
    await connection.execute(sa.insert(personnel_imports).values(case_id=case_id, **values))


def file_name_of(seals: Seals, imported: Import) -> str | None:
    """What the sender called the file, if they said so."""
    sealed = imported.file_name_sealed
    return None if sealed is None else seals.cipher.open_text(sealed, _FILE_NAME)


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
    connection: AsyncConnection,
    organisation_id: UUID | None,
    *,
    regions: Sequence[str] = (),
    before: UUID | None,
    limit: int,
) -> list[Import]:
    """The organisation's imports, or those of all organisations if none is named; newest first.

    With regions only those whose senders spoke for some of these and no others.
    """
    query = _READ
    if organisation_id is not None:
        query = query.where(personnel_imports.c.organisation_id == organisation_id)
    if regions:
        spoken_for = personnel_imports.c.regions
        query = query.where(spoken_for != [], spoken_for.contained_by(list(regions)))
    if before is not None:
        query = query.where(personnel_imports.c.case_id < before)
    return await read_all(connection, Import, query.order_by(personnel_imports.c.case_id.desc()).limit(limit))


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
