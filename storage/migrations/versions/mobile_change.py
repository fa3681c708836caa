"""Changes of mobile that the welfare office forwards."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "mobile_change"
down_revision = "first_release"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "mobile_change")
