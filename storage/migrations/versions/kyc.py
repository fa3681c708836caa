"""Identity reviews, whose identity is confirmed, and who waits for that."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy

revision = "kyc"
down_revision = "vault"

POLICIES = {"kyc": "3ee471221d43ca95d043b8b70856954416813b4469ef66faf3c4057f949d68b6"}


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    create_area(connection, "kyc")
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
