"""Personnel files (A13): sent by HR as they are, read with progress, their refused rows as a report."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from api.dependencies import ActorDep, ContextDep, OriginDep, ReaderDep, require
from api.problems import responses
from api.values import Cursor, Limit, MomentOut, Page, Words, cut, read_cursor, write_cursor
from commands.personnel import (
    FILE_LIMIT,
    OPERATION,
    EmptyFile,
    Upload,
    error_sentences,
    may_read_imports,
    send_file,
)
from domain import errors
from domain.access import READS_EVERYTHING, Role
from domain.catalogue import words
from domain.personnel import HEADINGS, REFUSALS, Column
from gateways.personnel_report import write_csv, write_xlsx
from gateways.personnel_rows import MAX_ROWS
from messages.case import CaseKind
from messages.personnel import ImportPhase
from storage import personnel
from storage.organisation import read_organisation
from storage.personnel import RefusedLine
from storage.rows.personnel import Import

router = APIRouter(prefix="/v1", tags=["personnel"])

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CONTENT_TYPES: Final = ("text/csv", XLSX, "application/octet-stream")
_READERS = Depends(require(Role.HR_OFFICER, Role.OPERATOR, Role.AUDITOR))
_BINARY = {"schema": {"type": "string", "format": "binary"}}


class UnknownFileType(errors.InvalidInput):
    """The Content-Type is none of those in which personnel files come."""

    code = "unknown_file_type"
    fa = "نوع فایل پذیرفته نیست؛ فایل CSV یا XLSX بفرستید."
    en = "Send the file as text/csv, as XLSX, or as application/octet-stream."


class ReportFormat(StrEnum):
    """The forms of a report."""

    CSV = "csv"
    XLSX = "xlsx"


class FileError(BaseModel):
    """Why the file as a whole was refused."""

    code: str = Field(examples=["missing_columns"])
    words: Words
    columns: list[str] = Field(description="Missing columns, by their Persian headings")
    row: int | None = Field(description="The row at which reading stopped, if known")


class ImportOut(BaseModel):
    """A personnel file: where it stands, how far it is read, and what it has changed so far."""

    id: UUID = Field(description="Also the id of its case")
    organisation_id: UUID
    organisation_name: str
    phase: ImportPhase
    words: Words
    received: MomentOut
    ended: MomentOut | None
    size: int = Field(description="Bytes", examples=[55_875])
    rows_total: int | None = Field(description="Known once reading has begun", examples=[400])
    rows_read: int = Field(examples=[400])
    rows_added: int = Field(examples=[370])
    rows_changed: int = Field(examples=[8])
    rows_unchanged: int = Field(examples=[0])
    rows_refused: int = Field(examples=[22])
    changes_opened: int = Field(description="Changes that wait for somebody's yes", examples=[3])
    changes_waiting: int = Field(description="Changes for which a case was open already", examples=[0])
    error: FileError | None

    @classmethod
    def of(cls, imported: Import) -> ImportOut:
        """An import as it stands."""
        return cls(
            id=imported.case_id,
            organisation_id=imported.organisation_id,
            organisation_name=imported.organisation_name,
            phase=imported.phase,
            words=Words.of(words.phase(CaseKind.PERSONNEL_IMPORT, imported.phase)),
            received=MomentOut.of(imported.received_at),
            ended=None if imported.ended_at is None else MomentOut.of(imported.ended_at),
            size=imported.file_size,
            rows_total=imported.rows_total,
            rows_read=imported.rows_read,
            rows_added=imported.rows_added,
            rows_changed=imported.rows_changed,
            rows_unchanged=imported.rows_unchanged,
            rows_refused=imported.rows_refused,
            changes_opened=imported.changes_opened,
            changes_waiting=imported.changes_waiting,
            error=_error(imported),
        )


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


class RefusalOut(BaseModel):
    """A refused row of a file: where the fault is, and what to do about it; nothing of the row itself."""

    row: int = Field(description="1 is the first row after the heading", examples=[17])
    column: str = Field(examples=["national_id"])
    heading: str = Field(description="The column as files head it", examples=["کد ملی"])
    code: str = Field(examples=["bad_national_id"])
    words: Words

    @classmethod
    def of(cls, refused: RefusedLine) -> RefusalOut:
        """A refused row."""
        heading = HEADINGS[Column(refused.column)] if refused.column in HEADINGS else refused.column
        fa, en = REFUSALS.get(refused.code, (refused.code, refused.code))
        return cls(
            row=refused.row, column=refused.column, heading=heading, code=refused.code, words=Words(fa=fa, en=en)
        )


def _as_json(imported: Import) -> bytes:
    return ImportOut.of(imported).model_dump_json().encode()


async def _content(request: Request) -> AsyncIterator[bytes]:
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect:
        raise errors.InvalidInput(field="body") from None


def _check_headers(content_type: str | None, content_length: str | None) -> None:
    """Refuse by the headers what need not be read.

    Raises:
        UnknownFileType: another Content-Type.
        TooLarge: the announced length is over the bound.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind not in _CONTENT_TYPES:
        raise UnknownFileType(field="Content-Type")
    if content_length is not None and content_length.isdecimal() and int(content_length) > FILE_LIMIT:
        raise errors.TooLarge


@router.post(
    "/organisations/{organisation_id}/personnel-imports",
    operation_id=OPERATION,
    status_code=202,
    response_model=ImportOut,
    # Twice the bound that this operation keeps itself, while the content comes in.
    max_body_size=2 * FILE_LIMIT,
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(_CONTENT_TYPES, _BINARY)}},
    responses=responses(
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.TooLarge,
        errors.ServiceClosed,
        UnknownFileType,
        EmptyFile,
    ),
)
async def import_personnel(
    request: Request,
    context: ContextDep,
    actor: ActorDep,
    origin: OriginDep,
    organisation_id: UUID,
    idempotency_key: Annotated[
        str | None,
        Header(description="Names this upload: sent again it is done once", min_length=8, max_length=200),
    ] = None,
) -> Response:
    """Send a personnel file as the body, at most 50 MB; it is imported in the background. For the organisation's HR."""
    if idempotency_key is None:
        raise errors.KeyMissing(field="Idempotency-Key")
    if not idempotency_key.isascii() or not idempotency_key.isprintable():
        raise errors.InvalidInput(field="Idempotency-Key")
    _check_headers(request.headers.get("content-type"), request.headers.get("content-length"))
    upload = Upload(actor, organisation_id, idempotency_key, origin, _content(request))
    answer = await send_file(context, upload, _as_json)
    headers = {"Cache-Control": "no-store"}
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(answer.body, answer.status, headers, "application/json")


@router.get(
    "/organisations/{organisation_id}/personnel-imports",
    operation_id="list_personnel_imports",
    dependencies=[_READERS],
    responses=responses(errors.Unauthenticated, errors.Forbidden, errors.NotFound),
)
async def list_personnel_imports(
    reader: ReaderDep, organisation_id: UUID, cursor: Cursor = None, limit: Limit = 25
) -> Page[ImportOut]:
    """The organisation's imports, newest first. For its HR, operators and auditors."""
    before = read_cursor(cursor, UUID)

    async def query(connection: AsyncConnection) -> Page[ImportOut] | None:
        if not may_read_imports(reader.actor, organisation_id):
            return None
        if await read_organisation(connection, organisation_id) is None:
            return None
        return await _page(connection, organisation_id, before=before[0] if before else None, limit=limit)

    return await reader.read(query)


async def _page(
    connection: AsyncConnection, organisation_id: UUID | None, *, before: UUID | None, limit: int
) -> Page[ImportOut]:
    rows = await personnel.list_imports(connection, organisation_id, before=before, limit=limit + 1)
    page, more = cut(rows, limit)
    return Page(
        items=[ImportOut.of(imported) for imported in page], next=write_cursor(page[-1].case_id) if more else None
    )


@router.get(
    "/personnel-imports",
    operation_id="list_all_personnel_imports",
    dependencies=[Depends(require(*READS_EVERYTHING))],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def list_all_personnel_imports(reader: ReaderDep, cursor: Cursor = None, limit: Limit = 25) -> Page[ImportOut]:
    """The imports of all organisations, newest first. For operators and auditors."""
    before = read_cursor(cursor, UUID)

    async def query(connection: AsyncConnection) -> Page[ImportOut]:
        return await _page(connection, None, before=before[0] if before else None, limit=limit)

    return await reader.read(query)


@router.get(
    "/personnel-imports/{import_id}",
    operation_id="read_personnel_import",
    dependencies=[_READERS],
    responses=responses(errors.Unauthenticated, errors.Forbidden, errors.NotFound),
)
async def read_personnel_import(reader: ReaderDep, import_id: UUID) -> ImportOut:
    """An import with its progress. For the organisation's HR, operators and auditors."""

    async def query(connection: AsyncConnection) -> ImportOut | None:
        imported = await personnel.read_import(connection, import_id)
        if imported is None or not may_read_imports(reader.actor, imported.organisation_id):
            return None
        return ImportOut.of(imported)

    return await reader.read(query)


@router.get(
    "/personnel-imports/{import_id}/refusals",
    operation_id="list_import_refusals",
    dependencies=[_READERS],
    responses=responses(errors.Unauthenticated, errors.Forbidden, errors.NotFound),
)
async def list_import_refusals(
    reader: ReaderDep, import_id: UUID, cursor: Cursor = None, limit: Limit = 25
) -> Page[RefusalOut]:
    """The refused rows in the order of the file; those found so far while the import runs."""
    read = read_cursor(cursor, int)
    after = min(max(read[0], 0), MAX_ROWS) if read else 0

    async def query(connection: AsyncConnection) -> Page[RefusalOut] | None:
        imported = await personnel.read_import(connection, import_id)
        if imported is None or not may_read_imports(reader.actor, imported.organisation_id):
            return None
        rows = await personnel.list_refusals(connection, import_id, after=after, limit=limit + 1)
        page, more = cut(rows, limit)
        return Page(
            items=[RefusalOut.of(refused) for refused in page], next=write_cursor(page[-1].row) if more else None
        )

    return await reader.read(query)


@router.get(
    "/personnel-imports/{import_id}/report",
    operation_id="download_import_report",
    dependencies=[_READERS],
    response_class=FileResponse,
    responses={
        **responses(errors.Unauthenticated, errors.Forbidden, errors.NotFound),
        200: {"description": "The refused rows", "content": {"text/csv": _BINARY, XLSX: _BINARY}},
    },
)
async def download_import_report(
    reader: ReaderDep,
    import_id: UUID,
    form: Annotated[ReportFormat, Query(alias="format", description="CSV or XLSX")] = ReportFormat.CSV,
) -> FileResponse:
    """The refused rows with number, column, code and a sentence; those found so far while the import runs."""

    async def query(connection: AsyncConnection) -> list[RefusedLine] | None:
        imported = await personnel.read_import(connection, import_id)
        if imported is None or not may_read_imports(reader.actor, imported.organisation_id):
            return None
        return await personnel.list_refusals(connection, import_id)

    refused = await reader.read(query)
    directory = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="amanat-report-"))
    path = directory / f"report.{form}"
    await asyncio.to_thread(write_csv if form is ReportFormat.CSV else write_xlsx, path, refused)
    return FileResponse(
        path,
        media_type="text/csv; charset=utf-8" if form is ReportFormat.CSV else XLSX,
        filename=f"personnel-import-{import_id}.{form}",
        background=BackgroundTask(shutil.rmtree, directory, ignore_errors=True),
    )
