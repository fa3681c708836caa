"""How tests add files to cases."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

from commands.account import authenticate
from commands.attachment import NewAttachment, add_attachment
from commands.command import Command, Context
from messages.attachment import Purpose
from storage.idempotency import Answer
from storage.rows.attachment import Attachment
from tests.arrange import Someone
from tests.files_made import PDF
from tests.personnel_steps import in_parts


async def upload_of(
    context: Context, who: Someone, case_id: UUID, content: bytes = PDF, key: str = ""
) -> NewAttachment:
    """A file on its way in."""
    actor = await authenticate(context, who.token)
    return NewAttachment(actor, case_id, key or str(uuid4()), "", in_parts(content), file_name="نامه.pdf")


async def attach(
    context: Context,
    who: Someone,
    case_id: UUID,
    content: bytes = PDF,
    key: str = "",
    *,
    purpose: Purpose | None = None,
) -> Attachment:
    """Add a file to a case as somebody; the row, once it is there."""
    added: list[Attachment] = []

    def render(_: Command, row: Attachment) -> bytes:
        added.append(row)
        return b"{}"

    upload = replace(await upload_of(context, who, case_id, content, key), purpose=purpose)
    answer: Answer = await add_attachment(context, upload, render)
    assert answer.status == 201
    return added[0]
