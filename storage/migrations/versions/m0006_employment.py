"""Personnel data corrected by hand: an earlier version may come of a person's correction, not of a case (A3)."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_SQL = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    """Apply."""
    op.execute(sa.text(_SQL.read_text(encoding="utf-8").replace(":", r"\:")))
