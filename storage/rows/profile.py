"""What a member adds to their person."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Profile:
    """A member's language, e-mail address and password; each may be missing."""

    person_id: UUID
    language: str | None
    email_sealed: bytes | None = field(repr=False)
    email_confirmed_at: datetime | None
    password_hash: str | None = field(repr=False)


profiles = table("profiles", Profile, email_index=bytes | None)
