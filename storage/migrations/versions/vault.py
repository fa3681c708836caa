"""Secrets that members entrust to a case, and who has seen them."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "vault"
down_revision = "draft"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "vault")
