"""Findings of processes that do not get on."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "stuck_process"
down_revision = "sign_in_limits"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "stuck_process")
