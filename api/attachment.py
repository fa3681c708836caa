"""The files of a case (G7): evidence, papers, receipts; who added each and when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse
from pydantic import Field

from api.dependencies import CallerDep, CommandDep, KeyDep, ReadingDep, headers_of, restored
from api.download import MadeFile
from api.operation import Operation
from api.upload import BINARY, FileName, content_within
from api.values import Moment, Out, Reason, Words
from commands import attachment as commands
from commands.command import Command
from commands.refusals import refuses
from domain import errors
from domain.access import Actor
from domain.attachment import MAX_BYTES, MediaType
from domain.catalogue import words
from messages.attachment import Purpose
from storage import attachment
from storage.rows.attachment import Attachment
from storage.sealing import Seals

router = APIRouter(prefix="/v1/cases/{case_id}/attachments", tags=["cases"], route_class=Operation)

_TAKEN: Final = (*MediaType, "image/png", "image/webp", "application/octet-stream")


class AttachmentOut(Out):
    """A file of a case: what it shows, and who added it when."""

    id: UUID
    purpose: Reason
    name: str = Field(description="As its sender called it, with the ending of what it is", examples=["درخواست.pdf"])
    media_type: MediaType = Field(description="Pictures become JPEG")
    media_type_words: Words
    size: int = Field(description="Bytes", examples=[55_875])
    added: Moment = Field(validation_alias="added_at")
    actor: str = Field(description="As what they added it: a part in the case or a role", examples=["support_agent"])
    actor_words: Words
    is_mine: bool = Field(description="Whether the caller added it")
    may_remove: bool = Field(description="Whether the caller may still take it back")

    @classmethod
    def of(cls, row: Attachment, actor: Actor, seals: Seals, *, may_remove: bool) -> AttachmentOut:
        """A file in somebody's eyes."""
        return cls.of_row(
            row,
            purpose=Reason.of(Purpose, row.purpose),
            name=attachment.name_of(seals, row),
            media_type_words=Words.of(words.term(MediaType, row.media_type)),
            actor=row.part,
            actor_words=Words.of(words.who(row.part)),
            is_mine=row.person_id == actor.person_id,
            may_remove=may_remove,
        )


class AttachmentsOut(Out):
    """The files of a case, oldest first, and whether the caller may add one."""

    items: list[AttachmentOut]
    may_add: bool
    purposes: list[Reason] = Field(description="What a file of this case may show; the first is meant if none is named")


class Removed(Out):
    """What was taken back."""

    id: UUID


@router.get("")
async def list_attachments(read: ReadingDep, case_id: UUID) -> AttachmentsOut | None:
    """The files of a case. For those who may add some, and auditors; 404 where such cases have none."""
    files = await commands.files_for(read.connection, read.actor, case_id)
    if files is None:
        return None
    mine = await attachment.removable(read.connection, case_id, read.actor.person_id) if files.case.is_open else set()
    rows = await attachment.list_attachments(read.connection, case_id)
    return AttachmentsOut(
        items=[
            AttachmentOut.of(row, read.actor, read.seals, may_remove=row.id in mine and files.takes(row.purpose))
            for row in rows
        ],
        may_add=files.may_add,
        purposes=[Reason.of(Purpose, purpose) for purpose in files.purposes],
    )


@router.post(
    "",
    status_code=201,
    # Twice the bound that this operation keeps itself, while the content comes in.
    max_body_size=2 * MAX_BYTES,
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(_TAKEN, BINARY)}},
)
@refuses(commands.add_attachment, errors.DoneBefore)
async def add_attachment(
    caller: CallerDep,
    case_id: UUID,
    key: KeyDep,
    content: Annotated[AsyncIterator[bytes], Depends(content_within(MAX_BYTES))],
    purpose: Annotated[Purpose | None, Query(description="What it shows")] = None,
    file_name: FileName = "",
) -> AttachmentOut:
    """Add a file, sent as the body: a PDF, or a picture (JPEG, PNG, WebP), which is drawn anew; at most 10 MB.

    To an open case, by whom its kind takes files from; at most 50 a case, and 100 tries a person and day.
    """
    upload = commands.NewAttachment(caller.actor, case_id, key, caller.origin, content, purpose, file_name)

    def as_json(command: Command, added: Attachment) -> bytes:
        shown = AttachmentOut.of(added, command.actor, command.seals, may_remove=True)
        return shown.model_dump_json().encode()

    answer = await commands.add_attachment(caller.context, upload, as_json)
    caller.response.headers.update(headers_of(answer))
    return restored(AttachmentOut, answer.body, replayed=answer.replayed)


@router.get(
    "/{attachment_id}",
    response_class=FileResponse,
    responses={200: {"description": "The file", "content": dict.fromkeys(MediaType, BINARY)}},
)
@refuses(commands.find_attachment, commands.write_attachment)
async def download_attachment(caller: CallerDep, case_id: UUID, attachment_id: UUID) -> FileResponse:
    """A file of a case, to be saved. For who sees the case's files now; that staff have opened it is noted."""
    row = await commands.find_attachment(caller.context, caller.actor, caller.origin, case_id, attachment_id)
    return MadeFile(
        partial(commands.write_attachment, caller.context, row),
        media_type=row.media_type,
        name=attachment.name_of(caller.context.seals, row),
        # Where a browser shows it all the same, it has none of the rights of our pages.
        headers={"Content-Security-Policy": "default-src 'none'; sandbox"},
    )


@router.delete("/{attachment_id}")
@refuses(commands.remove_attachment)
async def remove_attachment(command: CommandDep, case_id: UUID, attachment_id: UUID) -> Removed:
    """Take back a file that the caller added within the last hour, while nobody has acted in the case since."""
    await commands.remove_attachment(command, case_id, attachment_id)
    return Removed(id=attachment_id)
