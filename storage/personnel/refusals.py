"""The rows of a personnel file that brought nothing to the list (A13): kept sealed, shown, and forgotten in part."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.file_name import shown
from domain.personnel.file import MAX_VALUE, RefusedLine, name_of, value_of
from domain.personnel.rows import Place, RawRow, RefusedRow
from messages.personnel import Leaving
from storage.rows.personnel import personnel_refusals
from storage.sealing import Seals

# Long enough to put a file right; what stood in its rows is nobody's business afterwards.
VALUES_KEPT: Final = timedelta(days=90)
_VALUE: Final = "refusal.value"
_NAME: Final = "refusal.name"

_FORGET: Final = sa.text(
    """
    UPDATE personnel_refusals r SET value_sealed = NULL, name_sealed = NULL
    FROM (
        SELECT case_id, row_number FROM personnel_refusals
        WHERE value_sealed IS NOT NULL AND case_id < uuidv7(- CAST(:age AS interval))
        ORDER BY case_id, row_number LIMIT :limit
    ) old
    WHERE r.case_id = old.case_id AND r.row_number = old.row_number
    """
)


class SealedLine(NamedTuple):
    """A row as it is stored, in the order of its columns; what is personal is sealed."""

    row_number: int
    field: str
    code: str
    sheet: str
    sheet_row: int
    file_line: int
    value_sealed: bytes
    name_sealed: bytes
    leaving: Leaving | None = None


def seal_refused(seals: Seals, raw: RawRow, refused: RefusedRow) -> SealedLine:
    """Seal what the report shows of a row; costs processor time, so not on the event loop."""
    line = RefusedLine(raw.number, refused.column, refused.code, raw.place)
    return seal_line(seals, line, value=value_of(raw, refused.column), name=name_of(raw))


def seal_line(seals: Seals, line: RefusedLine, *, value: str, name: str) -> SealedLine:
    """Seal a line of the report with what stood in the row."""
    return SealedLine(
        line.number,
        line.column,
        line.code,
        shown(line.place.sheet, MAX_VALUE),
        line.place.row,
        line.place.line,
        seals.cipher.seal_text(value, _VALUE),
        seals.cipher.seal_text(name, _NAME),
    )


async def list_refusals(
    connection: AsyncConnection,
    case_id: UUID,
    *,
    seals: Seals | None = None,
    leaving: bool | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[RefusedLine]:
    """Rows that brought nothing, in file order; unless limited, as many as a file may have rows.

    Args:
        connection: of the reader.
        case_id: the import.
        seals: open value and name, for those who may see them.
        leaving: only those that report an exit of somebody on the list, or only the others.
        after: those after this number.
        limit: at most so many.
    """
    found = personnel_refusals.c
    query = sa.select(personnel_refusals).where(found.case_id == case_id, found.row_number > after)
    if leaving is not None:
        query = query.where(found.leaving.is_not(None) if leaving else found.leaving.is_(None))
    rows = await connection.execute(query.order_by(found.row_number).limit(limit))
    return [_opened(row, seals) for row in rows]


def _opened(row: sa.Row[tuple[object, ...]], seals: Seals | None) -> RefusedLine:
    return RefusedLine(
        row.row_number,
        row.field,
        row.code,
        # Of files read by an earlier release the number alone is known; they had one sheet.
        Place(row.sheet, row.sheet_row or row.row_number, row.file_line or 0),
        None if row.leaving is None else Leaving(row.leaving),
        None if seals is None or row.value_sealed is None else seals.cipher.open_text(row.value_sealed, _VALUE),
        None if seals is None or row.name_sealed is None else seals.cipher.open_text(row.name_sealed, _NAME),
    )


async def forget_values(connection: AsyncConnection, *, older_than: timedelta, limit: int) -> int:
    """Forget what stood in the refused rows of old files, a bounded number at a time; returns of how many.

    Where they stand and why they were refused stays.
    """
    # The id of a case tells when it was opened.
    return (await connection.execute(_FORGET, {"age": older_than, "limit": limit})).rowcount
