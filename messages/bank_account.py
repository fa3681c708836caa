"""What travels about a member's own bank cards and shebas: the inquiry, and the SMS to their owner."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Sms(StrEnum):
    """What the owner is told of a change by which money could go elsewhere."""

    SHEBA_ADDED = "bank_account_sheba_added"
    SHEBA_REMOVED = "bank_account_sheba_removed"
    SHEBA_CHOSEN = "bank_account_sheba_chosen"


@dataclass(frozen=True, slots=True)
class CheckBankAccount:
    """Ask whether a card or sheba belongs to the member who added it."""

    account_id: UUID
