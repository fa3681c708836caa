"""Withdrawals from the balance, the batches in which the bank pays them, and the policy of both."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy

revision = "payout"
down_revision = "attachment"

POLICIES = {"payout": "e528c709f7b0a48186797dd8a32cbd675b26db5090bbab2d03b46c7070338f9a"}


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    create_area(connection, "payout")
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
