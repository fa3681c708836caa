"""Services, which may be closed to new cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from messages.case import CaseKind
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class Service:
    """A service, named as the cases that it begins, as it was switched last.

    Nobody and no reason as long as it never was. Each has its row from its capability's schema.
    """

    name: CaseKind
    is_open: bool
    reason: str | None
    changed_at: datetime
    changed_by: UUID | None


services = table("services", Service)
