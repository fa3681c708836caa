"""Changes of staff by two operators, and the policy that says which roles exclude each other."""

from __future__ import annotations

from alembic import op

from storage.migrations.shipping import create_area, ship_policy

revision = "staff_change"
down_revision = "stuck_process"

POLICIES = {"staff": "04aef588091e19f820835db319d88f32bff83028001e7202a1649aaec2523577"}


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    create_area(connection, "staff_change")
    for name, sha256 in POLICIES.items():
        ship_policy(connection, name, sha256)
