"""Fees of the platform with their VAT and invoices, and the policy of VAT; several papers of a kind in a case."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy

revision = "fee"
down_revision = "clearing"

POLICIES = {"vat": "a9a2340930b9010ccd954f80a1b4ad30acfedc8a78a608f783e4f02c2d146791"}


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    create_area(connection, "fee")
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
