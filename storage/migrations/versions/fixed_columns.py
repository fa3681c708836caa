"""Columns that stay as they were written."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "fixed_columns"
down_revision = "staff_change"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "fixed_columns")
