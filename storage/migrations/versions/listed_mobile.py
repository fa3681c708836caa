"""The number on each organisation's own list."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "listed_mobile"
down_revision = "mobile_change"


def upgrade() -> None:
    """Apply."""
    for area in ("listed_mobile", "mobile_change_by_employer"):
        create_area(op.get_bind(), area)
