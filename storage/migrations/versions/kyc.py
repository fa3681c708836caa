"""Identity reviews, whose identity is confirmed, and who waits for that."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy

revision = "kyc"
down_revision = "vault"

POLICIES = {"kyc": "19cd5e9d0885b1d5f5a1eec84c423ed879eea983ca4302e2e993201427673c56"}


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    create_area(connection, "kyc")
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
