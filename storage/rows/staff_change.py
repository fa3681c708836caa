"""Changes of staff that two operators make."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from domain.access import Grant, Role, ScopeKind
from domain.staff_change import StaffAction
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class StaffChange:
    """What is proposed, by whom, and for whom; of somebody to be added who is nobody yet, no person."""

    case_id: UUID
    action: StaffAction
    person_id: UUID | None
    proposed_by: UUID
    confirmed_by: UUID | None
    username: str | None
    first_name: str
    last_name: str
    identity_sealed: bytes | None = field(repr=False)
    mobile_sealed: bytes | None = field(repr=False)
    grants: list[Any]

    @property
    def roles(self) -> list[Grant]:
        """The roles that it gives."""
        return [Grant(Role(role), ScopeKind(kind), scope) for role, kind, scope in self.grants]


staff_changes = table("staff_changes", StaffChange)
