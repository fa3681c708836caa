"""Normal payments, the balance of members, and the policy of both."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy

revision = "normal_payment"
down_revision = "paper"

POLICIES = {"normal_payment": "346d81e895f7f07e5c319bb25eec79375e0330a5845e7d5c6b807eaab77fc63f"}


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    create_area(connection, "normal_payment")
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
