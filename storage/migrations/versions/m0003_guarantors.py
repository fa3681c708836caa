"""Guarantors, the review of an application, and the programme Tavana (docs/rules.md, A4 to A8)."""

from __future__ import annotations

import json
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SQL = Path(__file__).with_suffix(".sql")

# Version 1. 347 months of service are 28 years and 11 months.
_TAVANA = {
    "title_fa": "اعتبار توانا",
    "title_en": "Tavana credit",
    "backing": "guarantor",
    "review": "region",
    "waiting_hours": 72,
    "share_of_pay": [1, 4],
    "instalments_max": 24,
    "line_term_months": 24,
    "mandate_version": 1,
    "answer_remind_hours": 72,
    "answer_expire_hours": 168,
    "obstacle_remind_hours": 72,
    "obstacle_expire_hours": 336,
    "guarantor": {
        "count": 1,
        "stands_for_max": 3,
        "service_months": 347,
        "mandate_version": 1,
        "name_remind_hours": 72,
        "name_expire_hours": 336,
    },
    "finance": {
        "remind_working_hours": 8,
        "escalate_working_hours": 16,
        "expire_hours": 720,
        "correct_remind_hours": 72,
        "correct_expire_hours": 336,
    },
}


def upgrade() -> None:
    """Apply."""
    op.execute(sa.text(_SQL.read_text(encoding="utf-8").replace(":", r"\:")))
    op.get_bind().execute(
        sa.text(
            "INSERT INTO policies (name, version, value, proposed_by, approved_by, approved_at)"
            " VALUES ('programme:tavana', 1, CAST(:value AS jsonb), 'system', 'system', now())"
        ),
        {"value": json.dumps(_TAVANA)},
    )
