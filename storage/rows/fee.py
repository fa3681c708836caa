"""Invoices of the platform's fees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.fee import Fee
from domain.money import Money
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Invoice:
    """A fee that was booked, by ``kind`` and what it was taken for; numbered once its transaction is committed."""

    id: UUID
    kind: str
    subject_id: UUID
    case_id: UUID
    person_id: UUID
    journal_id: UUID
    policy_id: UUID
    fee: int
    vat: int
    vat_rate: int
    issued_at: datetime
    year: int
    number: int | None

    @property
    def charged(self) -> Fee:
        """The fee with its VAT."""
        return Fee(Money(self.fee), Money(self.vat), self.vat_rate)


invoices = table("invoices", Invoice)
invoice_years = table("invoice_years", year=int, last=int)
