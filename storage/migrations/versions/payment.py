"""Payments through a gateway, and their policy."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy

revision = "payment"
down_revision = "personnel_report"

POLICIES = {"payment": "9349be122d17d4ff16abc7880e3a3bf953280f63a0e54ba350aa4471e702b521"}


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    create_area(connection, "payment")
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
