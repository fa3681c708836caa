"""Notices and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.notice import Value
from storage.rows.table import table

NoticeState = Literal["pending", "sent", "failed"]


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """A notice as it was stored, and what became of it."""

    id: UUID
    case_id: UUID | None
    channel: str
    template: str
    params: Mapping[str, Value]
    state: NoticeState
    created_at: datetime
    sent_at: datetime | None


notices = table(
    "notices", StoredNotice, person_id=UUID, mobile_sealed=bytes | None, provider_ref=str | None, failure=str | None
)
