"""Who wants to become a member, and accepted terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Joining:
    """Somebody who asked to join; everything stays sealed that is sealed in their person's row."""

    code_id: UUID
    national_id_index: bytes = field(repr=False)
    national_id_sealed: bytes = field(repr=False)
    mobile_index: bytes = field(repr=False)
    mobile_sealed: bytes = field(repr=False)
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    terms_version: int
    is_matched: bool | None
    invitation_hash: bytes | None = field(repr=False)


joinings = table("joinings", Joining)
terms_acceptances = table("terms_acceptances", person_id=UUID, version=int, accepted_at=datetime)
