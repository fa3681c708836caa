"""Another number of a member without an employer who has lost the old one."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "lost_mobile"
down_revision = "fixed_columns"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "lost_mobile")
