"""Deduction certificates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Certificate:
    """An employer's deduction certificate (A12). ``monthly`` is rial."""

    id: UUID
    case_id: UUID
    person_id: UUID
    organisation_id: UUID
    monthly: int
    instalments: int
    valid_until: date
    issued_at: datetime
    revoked_at: datetime | None
    revoke_reason: str | None

    def is_valid(self, today: date) -> bool:
        """Whether a credit may still stand on it (A12); ``today`` in Tehran."""
        return self.revoked_at is None and self.valid_until >= today


certificates = table("certificates", Certificate, unit=str, issued_by=UUID, revoked_by=UUID | None)
