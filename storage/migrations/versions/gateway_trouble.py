"""Findings of payment gateways in trouble."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "gateway_trouble"
down_revision = "fee"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "gateway_trouble")
