"""Words on cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Letter:
    """What somebody wrote in the thread of a member; ``part`` is their part in the case, or the role they wrote by."""

    id: UUID
    case_id: UUID
    member_id: UUID
    author_id: UUID
    capacity: Literal["member", "staff"]
    part: str
    text_sealed: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class Thread:
    """The thread of a member of a case.

    ``parts`` are what they take in it, and what they took if they take none any more; ``count`` and ``newest_at`` tell
    of what was written.
    """

    member_id: UUID
    is_current: bool
    parts: list[str]
    count: int
    newest_at: datetime | None


correspondence = table("correspondence", Letter)
