"""Files of cases (G7): their rows. The content is in the store of files."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.attachment import REMOVABLE, MediaType
from messages.attachment import Purpose
from storage.rows.attachment import Attachment, attachments
from storage.rows.cases import facts
from storage.rows.table import columns, find_one, read_all, read_one
from storage.sealing import Seals

_NAME: Final = "attachment.name"
_FOLDER: Final = "attachments"
# Files are kept for good, so they are many: those of one share can be looked through at a time.
SHARES: Final = 256
_COLUMNS: Final = columns(attachments, Attachment)
_PRESENT: Final = attachments.c.removed_at.is_(None)
# Nobody has acted in the case since, so nothing was decided by it.
_MAY_GO: Final = sa.and_(
    attachments.c.added_at > sa.func.now() - sa.literal(REMOVABLE, sa.Interval),
    ~sa.exists().where(facts.c.case_id == attachments.c.case_id, facts.c.at > attachments.c.added_at),
)


def folder_of(share: int) -> str:
    """Where the files of a share lie."""
    return f"{_FOLDER}/{share:02x}"


def any_folder() -> str:
    """Where the next file goes."""
    return folder_of(secrets.randbelow(SHARES))


async def add_attachment(  # noqa: PLR0913 - a file is these values
    connection: AsyncConnection,
    seals: Seals,
    case_id: UUID,
    *,
    person_id: UUID,
    part: str,
    seen_by: Collection[str],
    purpose: Purpose,
    name: str,
    media_type: MediaType,
    size: int,
    sha256: bytes,
    file_key: str,
) -> Attachment:
    """Store that a case has a file, whose content is kept under a key; ``size`` in bytes."""
    values = {
        "case_id": case_id,
        "person_id": person_id,
        "part": part,
        "seen_by": sorted(seen_by),
        "purpose": purpose,
        "name_sealed": seals.cipher.seal_text(name, _NAME),
        "media_type": media_type,
        "size": size,
        "sha256": sha256,
        "file_key": file_key,
    }
    return await read_one(connection, Attachment, sa.insert(attachments).values(values).returning(*_COLUMNS))


def name_of(seals: Seals, attachment: Attachment) -> str:
    """The name under which it is shown."""
    return seals.cipher.open_text(attachment.name_sealed, _NAME)


async def list_attachments(connection: AsyncConnection, case_id: UUID) -> list[Attachment]:
    """The files of a case, oldest first, as far as row-level security shows them; a case has few."""
    query = sa.select(*_COLUMNS).where(attachments.c.case_id == case_id, _PRESENT).order_by(attachments.c.id)
    return await read_all(connection, Attachment, query)


async def read_attachment(connection: AsyncConnection, case_id: UUID, attachment_id: UUID) -> Attachment | None:
    """A file of a case, or None."""
    query = sa.select(*_COLUMNS).where(attachments.c.id == attachment_id, attachments.c.case_id == case_id, _PRESENT)
    return await find_one(connection, Attachment, query)


async def removable(connection: AsyncConnection, case_id: UUID, person_id: UUID) -> set[UUID]:
    """Those of a person's files of a case that are new, and after which nobody has acted in it."""
    query = sa.select(attachments.c.id).where(
        attachments.c.case_id == case_id, attachments.c.person_id == person_id, _PRESENT, _MAY_GO
    )
    return set(await connection.scalars(query))


async def remove_attachment(connection: AsyncConnection, attachment_id: UUID) -> None:
    """Take a file from its case; its content is deleted after this."""
    removed = sa.update(attachments).where(attachments.c.id == attachment_id)
    await connection.execute(removed.values(removed_at=sa.func.now()))


async def files_in_use(connection: AsyncConnection, keys: Sequence[str]) -> set[str]:
    """Those of the keys under which a case has a file."""
    query = sa.select(attachments.c.file_key).where(attachments.c.file_key.in_(keys), _PRESENT)
    return set(await connection.scalars(query))
