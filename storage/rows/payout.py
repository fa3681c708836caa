"""Withdrawals, the batches in which the bank pays them, and what the bank answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.fee import Fee
from domain.money import Money, Unit
from domain.payout import LinePurpose, LineResult
from storage.rows.table import table

LineState = Literal["waiting", "cut", "paid", "rejected", "returned", "taken_back"]


@dataclass(frozen=True, slots=True)
class Payout:
    """A batch: ``lines`` and ``amount`` (rial) are counted while it is cut, at most as many as its maker wanted."""

    case_id: UUID
    made_by: UUID
    made_at: datetime
    most_lines: int
    most_amount: int | None
    lines: int
    amount: int
    cut_at: datetime | None
    csv_key: str | None
    csv_sha256: bytes | None
    xlsx_key: str | None
    xlsx_sha256: bytes | None
    confirmed_by: UUID | None
    confirmed_at: datetime | None
    handed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a member is paid to a sheba of their own: ``amount`` rial, held with its ``fee`` and ``vat`` until then.

    ``purpose_id`` is what it is paid for, where that is not their balance. ``returned_at`` and ``return_reference`` are
    of what the bank gave back after it was paid.
    """

    id: UUID
    person_id: UUID
    amount: int
    unit: Unit
    fee: int
    vat: int
    vat_rate: int
    sheba_sealed: bytes = field(repr=False)
    sheba_masked: str
    hold_id: UUID
    purpose: LinePurpose
    purpose_id: UUID | None
    state: LineState
    asked_at: datetime
    payout_id: UUID | None
    line: int | None
    settled_at: datetime | None
    reference: str | None
    reason: str | None
    returned_at: datetime | None
    return_reference: str | None

    @property
    def money(self) -> Money:
        """What is paid."""
        return Money(self.amount, self.unit)

    @property
    def charged(self) -> Fee:
        """What is taken for it besides, once it is paid."""
        return Fee(Money(self.fee, self.unit), Money(self.vat, self.unit), self.vat_rate)


@dataclass(frozen=True, slots=True)
class PayoutAnswer:
    """A file of the bank; ``rows_read`` is how far it is applied, ``error`` why it could not be read.

    Once it is read, another officer decides on what it calls rejected, if it does.
    """

    id: UUID
    payout_id: UUID
    file_key: str
    sha256: bytes
    sent_by: UUID
    received_at: datetime
    rows_read: int
    paid: int
    rejected: int
    repeated: int
    refused: int
    read_at: datetime | None
    decided_by: UUID | None
    is_confirmed: bool | None
    ended_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class PayoutRejection:
    """A line that a file of the bank calls rejected, as the file says it."""

    answer_id: UUID
    withdrawal_id: UUID
    reference: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class PayoutRefusal:
    """A row of the bank's file from which nothing followed."""

    answer_id: UUID
    number: int
    line_key: str
    code: str


@dataclass(frozen=True, slots=True)
class PayoutSettlement:
    """What an officer recorded of a line by hand, and whether another one confirmed it."""

    id: UUID
    payout_id: UUID
    withdrawal_id: UUID
    result: LineResult
    reference: str | None
    note: str
    recorded_by: UUID
    recorded_at: datetime
    decided_by: UUID | None
    is_confirmed: bool | None
    decided_at: datetime | None
    ended_at: datetime | None


payouts = table("payouts", Payout)
withdrawals = table("withdrawals", Withdrawal)
payout_answers = table("payout_answers", PayoutAnswer)
payout_rejections = table("payout_rejections", PayoutRejection)
payout_refusals = table("payout_refusals", PayoutRefusal)
payout_settlements = table("payout_settlements", PayoutSettlement)
