"""Applications and the credit lines that come of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from domain.money import Money, Unit
from domain.onboarding import ceiling
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Application:
    """What was asked for and which personnel values were used. Amounts are rial a month."""

    case_id: UUID
    person_id: UUID
    employment_id: UUID
    programme: str
    monthly: int
    instalments: int
    net_pay: int
    region_code: str
    hire_date: date
    mandate_version: int
    approved_monthly: int | None = None
    approved_instalments: int | None = None
    approved_at: datetime | None = None
    activates_at: datetime | None = None
    returned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CreditLine:
    """A usable credit. ``monthly`` is rial; the ceiling is monthly times instalments."""

    id: UUID
    case_id: UUID
    person_id: UUID
    organisation_id: UUID
    programme: str
    monthly: int
    instalments: int
    card_sealed: bytes
    opened_at: datetime
    ends_on: date
    purchases_stopped_at: datetime | None
    closed_at: datetime | None

    @property
    def ceiling(self) -> Money:
        """Monthly times count (A2)."""
        return ceiling(Money(self.monthly, Unit.IRR), self.instalments)

    def is_over(self, today: date) -> bool:
        """Whether nothing can be bought on it any more because it was closed or its term has ended."""
        return self.closed_at is not None or self.ends_on < today


applications = table("applications", Application, unit=str, approved_by=UUID | None)
credit_lines = table("credit_lines", CreditLine, unit=str, card_index=bytes)
