"""Invitations to become a member."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from storage.rows.table import table

invitations = table(
    "invitations", id=UUID, inviter_id=UUID, mobile_index=bytes, mobile_sealed=bytes, token_hash=bytes,
    token_sealed=bytes | None, created_at=datetime, expires_at=datetime, used_at=datetime | None, used_by=UUID | None,
)  # fmt: skip
