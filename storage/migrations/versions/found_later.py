"""A later difference may be what an earlier one, booked to be found out, comes to."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area

revision = "found_later"
down_revision = "schedule_trouble"


def upgrade() -> None:
    """Apply."""
    create_area(op.get_bind(), "found_later")
