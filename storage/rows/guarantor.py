"""Guarantees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Guarantee:
    """Somebody who is, was, or is asked to be a guarantor. ``monthly`` is rial.

    ``case_id`` is where they were asked, ``credit_case_id`` the application that they stand for.
    """

    id: UUID
    case_id: UUID
    credit_case_id: UUID
    applicant_id: UUID
    person_id: UUID
    employment_id: UUID
    monthly: int
    instalments: int
    replaces_id: UUID | None
    status: str
    mandate_version: int | None
    named_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None

    @property
    def is_live(self) -> bool:
        """Whether the guarantor is asked, or stands."""
        return self.ended_at is None


guarantees = table("guarantees", Guarantee, unit=str)
