"""Members' own bank cards and shebas."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.bank_account import BankAccountKind, BankAccountState, WhyNotOwn
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class BankAccount:
    """A card or sheba that a member has added; ``bank`` is the code that ``domain.identity.bank_name`` knows."""

    id: UUID
    person_id: UUID
    kind: BankAccountKind
    number_sealed: bytes = field(repr=False)
    last_four: str = field(repr=False)
    bank: str | None
    state: BankAccountState
    reason: WhyNotOwn | None
    is_default: bool
    created_at: datetime
    answered_at: datetime | None


bank_accounts = table(
    "bank_accounts",
    BankAccount,
    number_index=bytes,
    tries=int,
    asked_at=datetime | None,
    removed_at=datetime | None,
)
