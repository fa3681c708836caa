"""Exits with how somebody left, tasks that their proposer must not answer, and the policy of words for a status."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy

revision = "personnel_status"
down_revision = "lost_mobile"

POLICIES = {"personnel_status": "ecc18a50ceb1e9665171c705fb965687a1b2bc72f6aa379571799ea95c2b36a4"}


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    create_area(connection, "personnel_status")
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
