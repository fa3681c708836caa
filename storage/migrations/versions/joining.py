"""Joining without an employer, and the terms of membership."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy

revision = "joining"
down_revision = "listed_mobile"

POLICIES = {"terms": "799e64876abf8c23549f11fbda840eebd76b35806a89ae2733e49abc42ab3884"}


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    create_area(connection, "joining")
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
