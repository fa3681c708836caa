"""Holidays, on which offices are closed."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.base import Moment, metadata

holidays = sa.Table(
    "holidays",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("changed_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("changed_by", sa.Uuid),
)
