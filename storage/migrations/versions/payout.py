"""Withdrawals from the balance, the batches in which the bank pays them, and the policy of both."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy

revision = "payout"
down_revision = "attachment"

POLICIES = {"payout": "38dafc7976923fdcb5b0594309a99e5f65ac796bdfed17a1c53a47d9fe9ee22c"}


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    create_area(connection, "payout")
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
