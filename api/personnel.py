"""Personnel files (A13): sent by HR as they are, read with progress, their refused rows as a report."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import FileResponse
from pydantic import Field

from api.case_view import Section
from api.dependencies import CallerDep, FreshCode, KeyDep, Reading, ReadingDep, headers_of, require, restored
from api.download import MadeFile
from api.operation import Operation
from api.upload import BINARY, FileName, content_within
from api.values import IdCursor, Limit, Moment, NumberCursor, Out, Page, Words
from commands.personnel import (
    FILE_LIMIT,
    error_sentences,
    list_imports_of,
    may_read_import,
    sees_rows,
    send_file,
)
from commands.refusals import refuses
from commands.upload import Upload
from domain import errors
from domain.access import READS_EVERYTHING, Actor, Role
from domain.catalogue import words
from domain.personnel.file import MEDIA_TYPES, XLSX, RefusedLine
from gateways.personnel_report import write_csv, write_xlsx
from gateways.personnel_rows import MAX_ROWS
from messages.case import CaseKind
from messages.personnel import ImportPhase, Leaving
from storage import personnel
from storage.rows.personnel import Import
from storage.sealing import Seals

router = APIRouter(prefix="/v1", tags=["personnel"], route_class=Operation)

SECTION: Section[Out] = Section(CaseKind.PERSONNEL_IMPORT, is_asked=False)

_READERS = Depends(require(Role.HR_OFFICER, Role.OPERATOR, Role.AUDITOR))


class ReportFormat(StrEnum):
    """The forms of a report."""

    CSV = "csv"
    XLSX = "xlsx"


class FileError(Out):
    """Why the file as a whole was refused."""

    code: str = Field(examples=["missing_columns"])
    words: Words
    columns: list[str] = Field(description="Columns at fault, by their Persian headings")
    row: int | None = Field(description="The row at which reading stopped, if known")


class ImportOut(Out):
    """A personnel file: where it stands, how far it is read, and what it has changed so far."""

    id: UUID = Field(validation_alias="case_id", description="Also the id of its case")
    organisation_id: UUID
    organisation_name: str
    phase: ImportPhase
    words: Words
    received: Moment = Field(validation_alias="received_at")
    ended: Moment | None = Field(validation_alias="ended_at")
    size: int = Field(validation_alias="file_size", description="Bytes", examples=[55_875])
    file_name: str | None = Field(description="As its sender called it; for HR alone", examples=["آذر.xlsx"])
    sender_name: str | None = Field(description="Who sent it", examples=["مریم رضایی"])
    regions: list[str] = Field(
        description="The regions for which its sender speaks, rows of others being refused; none is all of them",
        examples=[["1101"]],
    )
    rows_total: int | None = Field(description="Known once reading has begun", examples=[400])
    rows_read: int = Field(examples=[400])
    rows_added: int = Field(examples=[370])
    rows_changed: int = Field(examples=[8])
    rows_unchanged: int = Field(examples=[0])
    rows_refused: int = Field(examples=[19])
    rows_leaving: int = Field(
        description="Rows that report an exit of somebody on the list: not refused, nothing to correct", examples=[3]
    )
    changes_opened: int = Field(description="Changes that wait for somebody's yes", examples=[3])
    exits_opened: int = Field(
        description="Of these the exits, which HR confirms; another mobile or sheba waits for support", examples=[2]
    )
    changes_waiting: int = Field(description="Changes for which a case was open already", examples=[0])
    sheets_left_out: list[str] | None = Field(
        description="Visible sheets that hold something but lack the headings, at most 20; null for who is not HR"
    )
    error: FileError | None

    @classmethod
    def of(cls, imported: Import, actor: Actor, seals: Seals) -> ImportOut:
        """An import as it stands, for somebody who may read it."""
        phase = Words.of(words.phase(CaseKind.PERSONNEL_IMPORT, imported.phase))
        of_file: dict[str, object] = {"file_name": None, "sheets_left_out": None}
        if sees_rows(actor, imported):
            names = list(imported.sheets_left_out)
            of_file = {"file_name": personnel.file_name_of(seals, imported), "sheets_left_out": names}
        return cls.of_row(imported, words=phase, error=_error(imported), **of_file)


def _error(imported: Import) -> FileError | None:
    sentences = error_sentences(imported)
    if imported.error is None or sentences is None:
        return None
    return FileError(
        code=imported.error,
        words=Words(fa=sentences[0], en=sentences[1]),
        columns=list(imported.error_columns),
        row=imported.error_row,
    )


class RefusalOut(Out):
    """A row that brought nothing to the list: where it stands, what is the matter with it, and what to do about it."""

    row: int = Field(description="In its sheet; 1 is the first row after the heading", examples=[17])
    line: int | None = Field(
        description="The number that a spreadsheet shows beside the row, in CSV its line; null where not kept",
        examples=[18],
    )
    sheet: str | None = Field(description="Its sheet, for HR alone; empty in CSV", examples=["برگه۱"])
    column: str = Field(examples=["national_id"])
    heading: str = Field(description="The column as files head it", examples=["کد ملی"])
    value: str | None = Field(
        description="What stood there, for HR alone, as text of somebody else; kept for 90 days", examples=["12345"]
    )
    name: str | None = Field(description="The person's name in the file, likewise", examples=["سارا یزدانی"])
    code: str = Field(examples=["bad_national_id"])
    leaving: Leaving | None = Field(
        description="Where the row reports an exit of somebody on the list: whether it waits for a yes, or had ended"
    )
    words: Words

    @classmethod
    def of(cls, line: RefusedLine, *, in_full: bool) -> RefusalOut:
        """A row of the report; in full with the name of its sheet, which somebody wrote."""
        place = line.place
        where = {"sheet": place.sheet if in_full else None, "line": place.line or None}
        return cls.of_row(line, row=place.row, words=Words.of(line.sentence), **where)


def _media_type(content_type: Annotated[str, Header(include_in_schema=False)] = "") -> str:
    """As what the body is sent."""
    return content_type


@router.post(
    "/organisations/{organisation_id}/personnel-imports",
    status_code=202,
    # Twice the bound that this operation keeps itself, while the content comes in.
    max_body_size=2 * FILE_LIMIT,
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(MEDIA_TYPES, BINARY)}},
)
@refuses(send_file, errors.Forbidden, errors.DoneBefore)
async def import_personnel(
    caller: CallerDep,
    organisation_id: UUID,
    key: KeyDep,
    content: Annotated[AsyncIterator[bytes], Depends(content_within(FILE_LIMIT))],
    totp: FreshCode,
    media_type: Annotated[str, Depends(_media_type)] = "",
    file_name: FileName = "",
) -> ImportOut:
    """Send a personnel file as the body, at most 50 MB; it is imported in the background. For the organisation's HR.

    HR of a region sends the rows of that region, where the organisation has people there.
    """
    actor, seals = caller.actor, caller.context.seals
    upload = Upload(actor, organisation_id, key, caller.origin, content, totp, media_type, file_name)

    def as_json(imported: Import) -> bytes:
        return ImportOut.of(imported, actor, seals).model_dump_json().encode()

    answer = await send_file(caller.context, upload, as_json)
    caller.response.headers.update(headers_of(answer))
    return restored(ImportOut, answer.body, replayed=answer.replayed)


@router.get("/organisations/{organisation_id}/personnel-imports", dependencies=[_READERS])
async def list_personnel_imports(
    read: ReadingDep, organisation_id: UUID, before: IdCursor, limit: Limit = 25
) -> Page[ImportOut] | None:
    """The organisation's imports, newest first. For its HR, to HR of a region its own; for operators and auditors."""
    rows = await list_imports_of(read.connection, read.actor, organisation_id, before=before, limit=limit + 1)
    return None if rows is None else _page(read, rows, limit)


def _page(read: Reading, rows: list[Import], limit: int) -> Page[ImportOut]:
    return Page.of(rows, limit, lambda row: (row.case_id,), lambda row: ImportOut.of(row, read.actor, read.seals))


@router.get("/personnel-imports", dependencies=[Depends(require(*READS_EVERYTHING))])
async def list_all_personnel_imports(read: ReadingDep, before: IdCursor, limit: Limit = 25) -> Page[ImportOut]:
    """The imports of all organisations, newest first. For operators and auditors."""
    return _page(read, await personnel.list_imports(read.connection, None, before=before, limit=limit + 1), limit)


async def _find(read: Reading, import_id: UUID) -> Import | None:
    """An import, if the caller may read it."""
    imported = await personnel.read_import(read.connection, import_id)
    return imported if imported is not None and may_read_import(read.actor, imported) else None


@router.get("/personnel-imports/{import_id}", dependencies=[_READERS])
async def read_personnel_import(read: ReadingDep, import_id: UUID) -> ImportOut | None:
    """An import with its progress. For the organisation's HR, operators and auditors."""
    imported = await _find(read, import_id)
    return None if imported is None else ImportOut.of(imported, read.actor, read.seals)


@router.get("/personnel-imports/{import_id}/refusals", dependencies=[_READERS])
async def list_import_refusals(
    read: ReadingDep,
    import_id: UUID,
    after: NumberCursor,
    *,
    leaving: Annotated[
        bool | None,
        Query(description="Only rows that report an exit of somebody on the list, or only the others"),
    ] = None,
    limit: Limit = 25,
) -> Page[RefusalOut] | None:
    """The rows that brought nothing, in the order of the file; those found so far while the import runs."""
    imported = await _find(read, import_id)
    if imported is None:
        return None
    after = min(max(after, 0), MAX_ROWS)
    rows = await personnel.list_refusals(
        read.connection, import_id, seals=_seals(read, imported), leaving=leaving, after=after, limit=limit + 1
    )
    in_full = sees_rows(read.actor, imported)
    return Page.of(rows, limit, lambda row: (row.number,), lambda row: RefusalOut.of(row, in_full=in_full))


def _seals(read: Reading, imported: Import) -> Seals | None:
    """Keys to what stood in the rows, if it is the caller's business."""
    return read.seals if sees_rows(read.actor, imported) else None


def _report(imported: Import, form: ReportFormat, lines: list[RefusedLine]) -> FileResponse:
    make = write_csv if form is ReportFormat.CSV else write_xlsx

    async def write(path: Path) -> None:
        await asyncio.to_thread(make, path, lines=lines, sheets_left_out=imported.sheets_left_out)

    return MadeFile(
        write,
        media_type="text/csv; charset=utf-8" if form is ReportFormat.CSV else XLSX,
        name=f"personnel-import-{imported.case_id}.{form}",
    )


@router.get(
    "/personnel-imports/{import_id}/report",
    dependencies=[_READERS],
    response_class=FileResponse,
    responses={200: {"description": "The report", "content": {"text/csv": BINARY, XLSX: BINARY}}},
)
async def download_import_report(
    caller: CallerDep,
    import_id: UUID,
    form: Annotated[ReportFormat, Query(alias="format", description="CSV or XLSX")] = ReportFormat.CSV,
) -> FileResponse:
    """The rows that brought nothing, with place, name, value, code and a sentence, and the sheets that were not read.

    While the file is read, those found so far.
    """

    async def query(read: Reading) -> tuple[Import, list[RefusedLine]] | None:
        found = await _find(read, import_id)
        if found is None:
            return None
        return found, await personnel.list_refusals(read.connection, import_id, seals=_seals(read, found))

    imported, lines = await caller.read(query)
    if not sees_rows(caller.actor, imported):
        imported = replace(imported, sheets_left_out=[])
        lines = [replace(line, place=replace(line.place, sheet="")) for line in lines]
    return _report(imported, form, lines)
