"""Findings of schedules that begin nothing, or whose work does not get on."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "schedule_trouble"
down_revision = "own_money"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "schedule_trouble")
