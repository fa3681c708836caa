"""Exits with how somebody left, tasks that their proposer must not answer, and the policy of words for a status."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy

revision = "employment_status"
down_revision = "lost_mobile"

POLICIES = {"employment_status": "1c9937834b789493a872b7fd9c6a729b187fbe2fb9afd07b3a753e646bf0898e"}


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    create_area(connection, "employment_status")
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
