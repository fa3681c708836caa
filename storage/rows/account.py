"""Roles, staff, sessions, one-time codes and rate limits."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from storage.rows.table import table

role_grants = table(
    "role_grants", id=UUID, person_id=UUID, role=str, scope_kind=str, scope=str, granted_by=str, granted_at=datetime,
    revoked_at=datetime | None,
)  # fmt: skip
staff_credentials = table(
    "staff_credentials", person_id=UUID, username=str, password_hash=str | None, totp_sealed=bytes | None,
    totp_last_step=int, disabled_at=datetime | None, created_at=datetime,
)  # fmt: skip
sessions = table(
    "sessions", id=UUID, token_hash=bytes, person_id=UUID, capacity=str, created_at=datetime, expires_at=datetime,
    idle_after=timedelta, last_used_at=datetime, strong_until=datetime, ended_at=datetime | None,
)  # fmt: skip
one_time_codes = table(
    "one_time_codes", id=UUID, purpose=str, person_id=UUID | None, binding=bytes, code_hash=bytes,
    code_sealed=bytes | None, tries=int, created_at=datetime, expires_at=datetime, used_at=datetime | None, channel=str,
    sent_to=bytes | None,
)  # fmt: skip
rate_windows = table("rate_windows", bucket=bytes, starts_at=datetime, ends_at=datetime, used=int)
known_devices = table(
    "known_devices", token_hash=bytes, person_id=UUID, capacity=str, expires_at=datetime,
)  # fmt: skip
failed_sign_ins = table(
    "failed_sign_ins", minute=datetime, shard=int, person_id=UUID, capacity=str, failures=int, origin=str,
)  # fmt: skip
