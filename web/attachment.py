"""The files of a case (G7): a part of its page, and a page of their own where one was refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.responses import Response

from api.attachment import (
    AttachmentsOut,
    add_attachment,
    download_attachment,
    list_attachments,
    remove_attachment,
)
from api.case import read_case
from domain.attachment import MAX_BYTES, FileNotAccepted, PictureTooLarge
from domain.catalogue import ATTACHMENTS
from domain.errors import EmptyFile, Refusal, TooLarge
from messages.attachment import Purpose
from messages.case import CaseKind
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import PageRequest, SignedIn
from web.upload import MEGABYTE, most_of, parts_of, taken_in

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "attachment_added": _("The file was added."),
    "attachment_removed": _("The file was taken back."),
}

_MOST: Final = most_of(MAX_BYTES)
# What the API says of the file itself; all else belongs to no field.
_OF_THE_FILE: Final = (TooLarge, EmptyFile, FileNotAccepted, PictureTooLarge)


@dataclass(frozen=True, slots=True)
class FilesPane:
    """What the templates show of a case's files; ``form`` is the one by which one is added.

    ``apart`` are the purposes of files that the page of the case shows at their own place, not in its list of files.
    """

    case_id: UUID
    files: AttachmentsOut
    form: Form
    apart: Collection[str] = ()
    most: int = MAX_BYTES
    megabytes: int = MAX_BYTES // MEGABYTE


async def files_pane(request: PageRequest, case_id: UUID, kind: str, form: Form | None = None) -> FilesPane | None:
    """The files of a case of a kind; None where there are none for the user."""
    files = await request.read_or_none(list_attachments, case_id) if kind in ATTACHMENTS else None
    if files is None:
        return None
    form = form or empty(request.language, purpose=files.purposes[0].code)
    return FilesPane(case_id, files, form, ATTACHMENTS[CaseKind(kind)].own_purposes)


@router.get("/cases/{case_id}/attachments")
async def show_files(request: SignedIn, case_id: UUID) -> Response:
    """The files of a case by themselves."""
    return await _page(request, case_id)


async def _page(request: PageRequest, case_id: UUID, form: Form | None = None) -> Response:
    await request.api.read(list_attachments, case_id)
    case = await request.api.read(read_case, case_id)
    pane = await files_pane(request, case_id, case.kind, form)
    status = 422 if form is not None else 200
    return request.render("attachment_page.html", status=status, case=case, pane=pane)


@router.post("/cases/{case_id}/attachments", max_body_size=2 * _MOST)
async def add(request: SignedIn, case_id: UUID) -> Response:
    """Add a file to a case."""
    # Whoever may not look at the files is refused before theirs is taken in.
    await request.api.read(list_attachments, case_id)
    async with taken_in(request, _MOST) as (form, file):
        if file is not None and await _hand_on(request, case_id, form, file):
            return request.redirect(f"/cases/{case_id}", done="attachment_added")
    return await _page(request, case_id, form)


async def _hand_on(request: PageRequest, case_id: UUID, form: Form, file: UploadFile) -> bool:
    """Whether the file was added; else the form says why not."""
    chosen = form.text("purpose")
    purpose = Purpose(chosen) if chosen in set(Purpose) else None
    try:
        await request.api.call(
            add_attachment, case_id, form.key, parts_of(file), purpose=purpose, file_name=file.filename or ""
        )
    except _OF_THE_FILE as refused:
        form.errors["file"] = refused.sentence(request.language.code)
    except Refusal as refused:
        form.refuse(refused)
    return form.is_good


@router.get("/cases/{case_id}/attachments/{attachment_id}")
async def download(request: SignedIn, case_id: UUID, attachment_id: UUID) -> Response:
    """A file of a case, to be saved."""
    return await request.api.call(download_attachment, case_id, attachment_id)


@router.post("/cases/{case_id}/attachments/{attachment_id}/removal")
async def remove(request: SignedIn, case_id: UUID, attachment_id: UUID) -> Response:
    """Take back a file of one's own."""
    form = await request.form()
    try:
        await request.api.perform(remove_attachment, form.key, case_id, attachment_id)
    except Refusal as refused:
        form.refuse(refused)
        return await _page(request, case_id, form)
    return request.redirect(f"/cases/{case_id}", done="attachment_removed")
