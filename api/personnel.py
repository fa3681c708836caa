"""Personnel files (A13): sent by HR as they are, read with progress, their refused rows as a report."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse
from pydantic import Field
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from api.case_view import Section
from api.dependencies import CallerDep, FreshCode, KeyDep, Reading, ReadingDep, headers_of, require, restored
from api.operation import Operation
from api.values import IdCursor, Limit, Moment, NumberCursor, Out, Page, Words
from commands.personnel import FILE_LIMIT, Upload, error_sentences, may_read_imports, send_file
from commands.refusals import refuses
from domain import errors
from domain.access import READS_EVERYTHING, Role
from domain.catalogue import words
from domain.personnel import REFUSALS, UnknownFileType
from domain.personnel_headings import HEADINGS, Column
from gateways.personnel_report import write_csv, write_xlsx
from gateways.personnel_rows import MAX_ROWS
from messages.case import CaseKind
from messages.personnel import ImportPhase
from storage import personnel
from storage.organisation import read_organisation
from storage.personnel import RefusedLine
from storage.rows.personnel import Import

router = APIRouter(prefix="/v1", tags=["personnel"], route_class=Operation)

SECTION: Section[Out] = Section(CaseKind.PERSONNEL_IMPORT, is_asked=False)

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CONTENT_TYPES: Final = ("text/csv", XLSX, "application/octet-stream")
_READERS = Depends(require(Role.HR_OFFICER, Role.OPERATOR, Role.AUDITOR))
_BINARY = {"schema": {"type": "string", "format": "binary"}}


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
    rows_total: int | None = Field(description="Known once reading has begun", examples=[400])
    rows_read: int = Field(examples=[400])
    rows_added: int = Field(examples=[370])
    rows_changed: int = Field(examples=[8])
    rows_unchanged: int = Field(examples=[0])
    rows_refused: int = Field(examples=[22])
    changes_opened: int = Field(description="Changes that wait for somebody's yes", examples=[3])
    changes_waiting: int = Field(description="Changes for which a case was open already", examples=[0])
    sheets_left_out: list[str] = Field(
        description="Visible sheets of a workbook that hold something but lack the headings, at most 20"
    )
    error: FileError | None

    @classmethod
    def of(cls, imported: Import) -> ImportOut:
        """An import as it stands."""
        phase = Words.of(words.phase(CaseKind.PERSONNEL_IMPORT, imported.phase))
        return cls.of_row(imported, words=phase, error=_error(imported))


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
        return cls.of_row(refused, heading=heading, words=Words(fa=fa, en=en))


def _as_json(imported: Import) -> bytes:
    return ImportOut.of(imported).model_dump_json().encode()


def _content(request: Request) -> AsyncIterator[bytes]:
    """The file as it comes in; refused by the headers what need not be read.

    Raises:
        UnknownFileType: another Content-Type.
        TooLarge: the announced length is over the bound.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _CONTENT_TYPES:
        raise UnknownFileType(field="Content-Type")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > FILE_LIMIT:
        raise errors.TooLarge
    return _parts(request)


async def _parts(request: Request) -> AsyncIterator[bytes]:
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect:
        raise errors.InvalidInput(field="body") from None


@router.post(
    "/organisations/{organisation_id}/personnel-imports",
    status_code=202,
    # Twice the bound that this operation keeps itself, while the content comes in.
    max_body_size=2 * FILE_LIMIT,
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(_CONTENT_TYPES, _BINARY)}},
)
@refuses(send_file, errors.Forbidden, errors.DoneBefore, UnknownFileType)
async def import_personnel(
    caller: CallerDep,
    organisation_id: UUID,
    key: KeyDep,
    content: Annotated[AsyncIterator[bytes], Depends(_content)],
    totp: FreshCode,
) -> ImportOut:
    """Send a personnel file as the body, at most 50 MB; it is imported in the background. For the organisation's HR."""
    upload = Upload(caller.actor, organisation_id, key, caller.origin, content, totp)
    answer = await send_file(caller.context, upload, _as_json)
    caller.response.headers.update(headers_of(answer))
    return restored(ImportOut, answer.body, replayed=answer.replayed)


@router.get("/organisations/{organisation_id}/personnel-imports", dependencies=[_READERS])
async def list_personnel_imports(
    read: ReadingDep, organisation_id: UUID, before: IdCursor, limit: Limit = 25
) -> Page[ImportOut] | None:
    """The organisation's imports, newest first. For its HR, operators and auditors."""
    if not may_read_imports(read.actor, organisation_id):
        return None
    if await read_organisation(read.connection, organisation_id) is None:
        return None
    rows = await personnel.list_imports(read.connection, organisation_id, before=before, limit=limit + 1)
    return Page.of(rows, limit, lambda row: (row.case_id,), ImportOut.of)


@router.get("/personnel-imports", dependencies=[Depends(require(*READS_EVERYTHING))])
async def list_all_personnel_imports(read: ReadingDep, before: IdCursor, limit: Limit = 25) -> Page[ImportOut]:
    """The imports of all organisations, newest first. For operators and auditors."""
    rows = await personnel.list_imports(read.connection, None, before=before, limit=limit + 1)
    return Page.of(rows, limit, lambda row: (row.case_id,), ImportOut.of)


async def _find(read: Reading, import_id: UUID) -> Import | None:
    """An import, if the caller may read it."""
    imported = await personnel.read_import(read.connection, import_id)
    return imported if imported is not None and may_read_imports(read.actor, imported.organisation_id) else None


@router.get("/personnel-imports/{import_id}", dependencies=[_READERS])
async def read_personnel_import(read: ReadingDep, import_id: UUID) -> ImportOut | None:
    """An import with its progress. For the organisation's HR, operators and auditors."""
    imported = await _find(read, import_id)
    return None if imported is None else ImportOut.of(imported)


@router.get("/personnel-imports/{import_id}/refusals", dependencies=[_READERS])
async def list_import_refusals(
    read: ReadingDep, import_id: UUID, after: NumberCursor, limit: Limit = 25
) -> Page[RefusalOut] | None:
    """The refused rows in the order of the file; those found so far while the import runs."""
    if await _find(read, import_id) is None:
        return None
    after = min(max(after, 0), MAX_ROWS)
    rows = await personnel.list_refusals(read.connection, import_id, after=after, limit=limit + 1)
    return Page.of(rows, limit, lambda row: (row.row,), RefusalOut.of)


class _Report(FileResponse):
    """Refused rows as a file that is there only while it is sent: written anew each time, so never sent in parts."""

    def __init__(self, import_id: UUID, form: ReportFormat, refused: list[RefusedLine]) -> None:
        super().__init__(
            "",
            media_type="text/csv; charset=utf-8" if form is ReportFormat.CSV else XLSX,
            filename=f"personnel-import-{import_id}.{form}",
            headers={"Accept-Ranges": "none"},
        )
        self._write = partial(write_csv if form is ReportFormat.CSV else write_xlsx, refused=refused)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        whole = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
        with tempfile.TemporaryDirectory(prefix="amanat-report-") as directory:
            self.path = Path(directory) / "report"
            await asyncio.to_thread(self._write, self.path)
            await super().__call__(whole, receive, send)


@router.get(
    "/personnel-imports/{import_id}/report",
    dependencies=[_READERS],
    response_class=FileResponse,
    responses={200: {"description": "The refused rows", "content": {"text/csv": _BINARY, XLSX: _BINARY}}},
)
async def download_import_report(
    caller: CallerDep,
    import_id: UUID,
    form: Annotated[ReportFormat, Query(alias="format", description="CSV or XLSX")] = ReportFormat.CSV,
) -> FileResponse:
    """The refused rows with number, column, code and a sentence; those found so far while the import runs."""

    async def query(read: Reading) -> list[RefusedLine] | None:
        found = await _find(read, import_id)
        return None if found is None else await personnel.list_refusals(read.connection, import_id)

    return _Report(import_id, form, await caller.read(query))
