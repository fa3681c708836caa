"""Money that a purpose has taken may go back later, by a payment's case of its own."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "payment_refund"
down_revision = "found_later"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "payment_refund")
