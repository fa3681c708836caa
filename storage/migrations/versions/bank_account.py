"""Members' own bank cards and shebas."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "bank_account"
down_revision = "normal_payment"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "bank_account")
