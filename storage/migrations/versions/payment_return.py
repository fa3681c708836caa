"""What no gateway gives back: by a pay-out to the payer's own sheba, else by hand and by two officers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.migrations.shipping import create_area

revision = "payment_return"
down_revision = "gateway_trouble"


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    # Rows of members are changed, which only the machine sees all of.
    connection.execute(sa.text("SELECT set_config('amanat.capacity', 'service', true)"))
    create_area(connection, "payment_return")
