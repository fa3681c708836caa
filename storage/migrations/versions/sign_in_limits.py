"""Known devices and counted failures."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "sign_in_limits"
down_revision = "profile"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "sign_in_limits")
