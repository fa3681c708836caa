"""Files of cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.attachment import MediaType
from messages.attachment import Purpose
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a case: who added it and as what, what it is for, and where its content is kept."""

    id: UUID
    case_id: UUID
    person_id: UUID
    part: str
    purpose: Purpose
    name_sealed: bytes = field(repr=False)
    media_type: MediaType
    size: int
    file_key: str
    added_at: datetime


attachments = table("attachments", Attachment, seen_by=list, sha256=bytes, removed_at=datetime | None)
