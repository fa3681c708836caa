"""Sheets that were not read, and the length of service."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "personnel_reading"
down_revision = "personnel_status"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "personnel_reading")
