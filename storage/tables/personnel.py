"""Personnel files and what they propose."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.base import Moment, metadata

personnel_imports = sa.Table(
    "personnel_imports",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("organisation_id", sa.Uuid, nullable=False),
    sa.Column("file_key", sa.Text, nullable=False),
    sa.Column("file_size", sa.BigInteger, nullable=False),
    sa.Column("file_sha256", sa.LargeBinary, nullable=False),
    sa.Column("rows_total", sa.Integer),
    sa.Column("last_row", sa.Integer, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("rows_read", sa.Integer, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("rows_added", sa.Integer, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("rows_changed", sa.Integer, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("rows_unchanged", sa.Integer, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("rows_refused", sa.Integer, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("changes_opened", sa.Integer, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("changes_waiting", sa.Integer, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("error", sa.Text),
    sa.Column("error_columns", JSONB, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("error_row", sa.Integer),
)

personnel_refusals = sa.Table(
    "personnel_refusals",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("row_number", sa.Integer, primary_key=True),
    sa.Column("field", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
)

personnel_changes = sa.Table(
    "personnel_changes",
    metadata,
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("employment_id", sa.Uuid, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("value_index", sa.LargeBinary),
    sa.Column("value_sealed", sa.LargeBinary),
    sa.Column("import_case_id", sa.Uuid, nullable=False),
)

personnel_versions = sa.Table(
    "personnel_versions",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("case_id", sa.Uuid),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("employment_id", sa.Uuid),
    sa.Column("at", Moment, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("before", JSONB, nullable=False),
    sa.Column("actor_id", sa.Uuid, server_default=sa.FetchedValue()),
)
