"""Foundation: roles, people, organisations, cases with all that hangs on them, policies, and the walls.

Three roles: the owner runs migrations; ``amanat_app`` is what api and worker log in as a member of, it cannot
change or delete facts, timeline, transitions or audit and sees member-owned rows only through row-level
security; ``amanat_vault`` alone may use the schema ``vault``, where credentials entrusted by customers go.
"""

from __future__ import annotations

import json
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SQL = Path(__file__).with_suffix(".sql")

# Version 1 of each policy; hours and days are clock time, a share is numerator and denominator.
_POLICIES = {
    "programme:minipay": {
        "title_fa": "اعتبار مینی‌پی",
        "title_en": "MiniPay credit",
        "backing": "certificate",
        "review": "none",
        "waiting_hours": 0,
        "share_of_pay": [1, 4],
        "instalments_max": 24,
        "line_term_months": 24,
        "mandate_version": 1,
        "answer_remind_hours": 72,
        "answer_expire_hours": 168,
        "obstacle_remind_hours": 72,
        "obstacle_expire_hours": 336,
    },
    "personnel": {"change_remind_hours": 72, "change_expire_hours": 720, "money_pause_hours": 24},
}
_REGIONS = {
    "1101": "منطقه ۱ تهران",
    "1104": "منطقه ۴ تهران",
    "2201": "ناحیه ۱ اصفهان",
    "2203": "ناحیه ۳ اصفهان",
    "3302": "ناحیه ۲ شیراز",
    "4405": "شهرستان سقز",
}


def upgrade() -> None:
    """Apply."""
    op.execute(sa.text(_SQL.read_text(encoding="utf-8").replace(":", r"\:")))
    bind = op.get_bind()
    for name, value in _POLICIES.items():
        bind.execute(
            sa.text(
                "INSERT INTO policies (name, version, value, proposed_by, approved_by, approved_at)"
                " VALUES (:name, 1, CAST(:value AS jsonb), 'system', 'system', now())"
            ),
            {"name": name, "value": json.dumps(value)},
        )
    for code, title in _REGIONS.items():
        bind.execute(sa.text("INSERT INTO regions (code, name) VALUES (:code, :name)"), {"code": code, "name": title})
