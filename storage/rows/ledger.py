"""The ledger; only its functions write to it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from storage.rows.table import table

account_kinds = table("account_kinds", kind=str, sign=int, floor=int | None)
accounts = table(
    "accounts", id=UUID, code=str, kind=str, unit=str, sign=int, floor=int | None, balance=int, held=int,
    owner_person=UUID | None, organisation_id=UUID | None, frozen_at=datetime | None, created_at=datetime,
)  # fmt: skip
journals = table(
    "journals", id=UUID, key=str, content_hash=bytes, reason=str, case_id=UUID | None, actor=str, event_at=datetime,
    corrects=UUID | None, tx=str, created_at=datetime,
)  # fmt: skip
entries = table(
    "entries", id=int, journal_id=UUID, account_id=UUID, amount=int, unit=str, balance_after=int | None, tx=str
)
holds = table(
    "holds", id=UUID, key=str, content_hash=bytes, account_id=UUID, amount=int, unit=str, reason=str,
    case_id=UUID | None, actor=str, expires_at=datetime | None, state=str, posted_amount=int | None,
    journal_id=UUID | None, created_at=datetime, resolved_at=datetime | None,
)  # fmt: skip
balance_snapshots = table(
    "balance_snapshots", account_id=UUID, server=int, horizon=str, balance=Decimal, taken_at=datetime
)
kind_sums = table("kind_sums", server=int, horizon=str, kind=str, unit=str, total=Decimal, taken_at=datetime)
