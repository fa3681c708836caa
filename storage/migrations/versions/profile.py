"""Members' own profiles: language, e-mail, password."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "profile"
down_revision = "invitation"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "profile")
