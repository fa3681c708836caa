"""Answers to commands, by key."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from storage.rows.table import table

idempotency = table(
    "idempotency", actor_id=UUID, key=str, fingerprint=bytes, status=int, answer_sealed=bytes, created_at=datetime
)
