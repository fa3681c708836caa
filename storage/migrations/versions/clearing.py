"""A gateway's day compared with the ledger."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "clearing"
down_revision = "payout"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "clearing")
