"""Changes of mobile that the welfare office forwards, or support opens."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from domain.access import Grant, Role, ScopeKind
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class MobileChange:
    """Whose mobile is to change, and who says so; the scope is that in which the welfare office forwarded it.

    Support opens one of a lost number, for a member without an employer: then it is of no employment, and
    ``is_matched`` is what the registry said of the new number, None before it has answered.
    """

    case_id: UUID
    person_id: UUID
    employment_id: UUID | None
    forwarded_by: UUID
    scope_kind: str
    scope: str
    reason: str = field(repr=False)
    mobile_index: bytes = field(repr=False)
    mobile_sealed: bytes = field(repr=False)
    is_matched: bool | None

    @property
    def is_of_lost(self) -> bool:
        """Whether support opened it for a member without an employer."""
        return self.employment_id is None

    @property
    def value(self) -> str:
        """The blind index of the new number, as facts keep it."""
        return self.mobile_index.hex()

    @property
    def office(self) -> Grant:
        """The welfare office that forwarded it."""
        return Grant(Role.WELFARE_MANAGER, ScopeKind(self.scope_kind), self.scope)


mobile_changes = table("mobile_changes", MobileChange)
