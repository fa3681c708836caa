"""The number on each organisation's own list."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "listed_mobile"
down_revision = "mobile_change"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "listed_mobile")
