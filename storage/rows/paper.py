"""Papers that were issued."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class IssuedPaper:
    """A paper as it is kept: what it says is sealed, together with the token of its check page.

    ``subject_id`` is what it is about, where a person may have several of a kind for the case.
    """

    id: UUID
    kind: str
    case_id: UUID
    person_id: UUID
    subject_id: UUID | None
    number: str
    sealed: bytes = field(repr=False)
    sha256: bytes
    issued_at: datetime


papers = table("papers", IssuedPaper, token_hash=bytes)
