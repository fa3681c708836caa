"""Another mobile of a member without an employer: proved with codes to both numbers (docs/rules.md, G2)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from domain.account import Limit
from domain.errors import Conflict

CHANGES_PER_PERSON: Final = Limit("own_mobile_person", 5, timedelta(hours=1))
# What a number gets of one member, and of all, however many want it.
CHANGES_PER_PAIR: Final = Limit("own_mobile_pair", 2, timedelta(days=1), timedelta(hours=6))
CHANGES_PER_NUMBER: Final = Limit("own_mobile_number", 3, timedelta(days=1), timedelta(hours=1), shared=True)


class EmployerDecides(Conflict):
    """The member has an employer, whose welfare office forwards another mobile."""

    code = "employer_decides"
    fa = "سازمان شما شماره‌تان را در فهرست خود دارد؛ برای تغییر آن به واحد رفاه سازمان مراجعه کنید."
    en = "Your organisation has your number on its list; its welfare office forwards another one."


def own_mobile_binding(mobile: str) -> bytes:
    """What both codes confirm: exactly this new number."""
    return hashlib.sha256(b"own_mobile\x00" + mobile.encode()).digest()
