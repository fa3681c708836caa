"""Forms of several steps keep drafts."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "draft"
down_revision = "correspondence"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "draft")
