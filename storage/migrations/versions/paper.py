"""Papers that were issued."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "paper"
down_revision = "payment"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "paper")
