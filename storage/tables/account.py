"""Roles, staff, sessions, one-time codes and rate limits."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.base import Moment, metadata

role_grants = sa.Table(
    "role_grants",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("scope_kind", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("granted_by", sa.Text, nullable=False),
    sa.Column("granted_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("revoked_at", Moment),
)

staff_credentials = sa.Table(
    "staff_credentials",
    metadata,
    sa.Column("person_id", sa.Uuid, primary_key=True),
    sa.Column("username", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("totp_sealed", sa.LargeBinary, nullable=False),
    sa.Column("totp_last_step", sa.BigInteger, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("disabled_at", Moment),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.FetchedValue()),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("token_hash", sa.LargeBinary, nullable=False),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("capacity", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("idle_after", sa.Interval, nullable=False),
    sa.Column("last_used_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("strong_until", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("ended_at", Moment),
)

one_time_codes = sa.Table(
    "one_time_codes",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.FetchedValue()),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("person_id", sa.Uuid),
    sa.Column("binding", sa.LargeBinary, nullable=False),
    sa.Column("code_hash", sa.LargeBinary, nullable=False),
    sa.Column("code_sealed", sa.LargeBinary),
    sa.Column("tries", sa.Integer, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("used_at", Moment),
)

rate_windows = sa.Table(
    "rate_windows",
    metadata,
    sa.Column("bucket", sa.LargeBinary, primary_key=True),
    sa.Column("starts_at", Moment, primary_key=True),
    sa.Column("ends_at", Moment, nullable=False),
    sa.Column("used", sa.Integer, nullable=False),
)
