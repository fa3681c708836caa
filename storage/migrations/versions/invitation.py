"""Invitations to become a member."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "invitation"
down_revision = "joining"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "invitation")
