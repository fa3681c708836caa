"""Services, which may be closed to new cases."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.base import Moment, metadata

services = sa.Table(
    "services",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("is_open", sa.Boolean, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("reason", sa.Text),
    sa.Column("changed_at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("changed_by", sa.Uuid),
)
