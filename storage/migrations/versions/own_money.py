"""Members only see what is theirs of payments, cards and shebas."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "own_money"
down_revision = "payment_return"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "own_money")
