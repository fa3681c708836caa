"""The ledger at its speed: cheaper checks, triggers once a statement, and journals in batches.

Every rule stays where it was, in Postgres; docs/performance.md tells what each change is for.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_SQL = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    """Apply."""
    op.execute(sa.text(_SQL.read_text(encoding="utf-8").replace(":", r"\:")))
