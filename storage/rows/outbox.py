"""What is to be sent, and what was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One claimed row."""

    id: int
    message: str
    payload: dict[str, Any]
    attempts: int


outbox = table(
    "outbox", OutboxMessage, created_at=datetime, due_at=datetime, claimed_until=datetime | None, last_error=str | None,
    sent_at=datetime | None, case_id=UUID | None, notice_id=UUID | None,
)  # fmt: skip
