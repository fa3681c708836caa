"""Words on cases (G7)."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "correspondence"
down_revision = "escrow"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "correspondence")
