"""Tasks that only their holder sees (E5)."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "held_task"
down_revision = "payment_refund"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "held_task")
