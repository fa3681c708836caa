"""Normal payments from one member to another."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.money import Money, Unit
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class NormalPayment:
    """What one member pays another: ``amount`` rial, for ``what_for``.

    ``payee_id`` is None until the number is a member's; the sealed number goes once nobody is waited for by it.
    ``job_id`` is the job that it is paid for, outside its safe payments.
    """

    case_id: UUID
    payer_id: UUID
    payee_id: UUID | None
    mobile_index: bytes | None = field(repr=False)
    mobile_sealed: bytes | None = field(repr=False)
    amount: int
    unit: Unit
    what_for: str = field(repr=False)
    terms_version: int
    answer_until: datetime
    accepted_at: datetime | None
    job_id: UUID | None

    @property
    def money(self) -> Money:
        """What is paid."""
        return Money(self.amount, self.unit)


normal_payments = table("normal_payments", NormalPayment)
