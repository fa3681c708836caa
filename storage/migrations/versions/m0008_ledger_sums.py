"""Sums of the ledger: accounts by marks, kinds for the trial balance, and members found by their accounts."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_SQL = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    """Apply."""
    op.execute(sa.text(_SQL.read_text(encoding="utf-8").replace(":", r"\:")))
