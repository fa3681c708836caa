"""Working hours and holidays, by which reminders and escalations of offices count (docs/rules.md, A7)."""

from __future__ import annotations

import json
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SQL = Path(__file__).with_suffix(".sql")

# Version 1: the hours that F5 names.
_WORKING_HOURS = {"opening_hours": "Sa-We 08:00-17:00; Th 08:00-13:00"}


def upgrade() -> None:
    """Apply."""
    op.execute(sa.text(_SQL.read_text(encoding="utf-8").replace(":", r"\:")))
    op.get_bind().execute(
        sa.text(
            "INSERT INTO policies (name, version, value, proposed_by, approved_by, approved_at)"
            " VALUES ('working_hours', 1, CAST(:value AS jsonb), 'system', 'system', now())"
        ),
        {"value": json.dumps(_WORKING_HOURS)},
    )
