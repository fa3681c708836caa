"""The ledger: accounts, journals, entries, holds, balance snapshots, and every rule of theirs.

``amanat_app`` may read these tables and call the ``ledger_…`` functions; it cannot write a row by itself. What
the functions refuse, the triggers and constraints beneath refuse as well, the owner included.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_SQL = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    """Apply."""
    op.execute(sa.text(_SQL.read_text(encoding="utf-8").replace(":", r"\:")))
