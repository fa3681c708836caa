"""Services, which may be closed to new cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from messages.case import CaseKind
from storage.rows.table import table


class ServiceName(StrEnum):
    """What can be closed, named as the cases that it begins."""

    ONBOARDING = CaseKind.ONBOARDING.value
    SUBSTITUTION = CaseKind.SUBSTITUTION.value
    PERSONNEL_IMPORT = CaseKind.PERSONNEL_IMPORT.value


@dataclass(frozen=True, slots=True)
class Service:
    """A service as it was switched last; nobody and no reason as long as it never was."""

    name: ServiceName
    is_open: bool
    reason: str | None
    changed_at: datetime
    changed_by: UUID | None


services = table("services", Service)
