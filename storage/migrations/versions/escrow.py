"""Safe payments held in trust, their jobs and disputes, and their policy."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy

revision = "escrow"
down_revision = "held_task"

POLICIES = {"escrow": "e472f5a22f96cfd19fa806d666365b7c0210081ae966203d735aea5c44f1de2b"}


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    create_area(connection, "escrow")
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
