"""What the reconciler found: cases whose process was lost (docs/rules.md, G5)."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_SQL = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    """Apply."""
    op.execute(sa.text(_SQL.read_text(encoding="utf-8").replace(":", r"\:")))
