"""What travels about a withdrawal from a member's balance: the SMS to its owner, and what is taken back (E3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class WithdrawalState(StrEnum):
    """Where a withdrawal stands, as its owner reads it."""

    WAITING = "waiting"
    IN_BATCH = "in_batch"
    SENT = "sent"
    PAID = "paid"
    REJECTED = "rejected"
    RETURNED = "returned"
    TAKEN_BACK = "taken_back"


class Sms(StrEnum):
    """What the owner is told."""

    ASKED = "withdrawal_asked"
    TAKEN_BACK = "withdrawal_taken_back"
    PAID = "withdrawal_paid"
    REJECTED = "withdrawal_rejected"
    RETURNED = "withdrawal_returned"


@dataclass(frozen=True, slots=True)
class ReleaseWithdrawal:
    """Give back what is held for a withdrawal that its owner took back."""

    withdrawal_id: UUID
