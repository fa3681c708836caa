"""Files of cases (G7)."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "attachment"
down_revision = "bank_account"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "attachment")
