"""What reports of personnel files say of a row, and who may read them."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "personnel_report"
down_revision = "personnel_reading"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "personnel_report")
