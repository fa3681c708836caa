"""Roles, scopes, and who is acting (docs/rules.md, Roles)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID


class ScopeKind(StrEnum):
    """Over what a role holds."""

    PLATFORM = "platform"
    REGION = "region"
    ORGANISATION = "organisation"
    MERCHANT = "merchant"


class Role(StrEnum):
    """What staff do; members need no role."""

    HR_OFFICER = "hr_officer"
    FINANCE_OFFICER = "finance_officer"
    WELFARE_MANAGER = "welfare_manager"
    MERCHANT_CLERK = "merchant_clerk"
    CONTRACTS_OFFICER = "contracts_officer"
    SETTLEMENT_OFFICER = "settlement_officer"
    KYC_OFFICER = "kyc_officer"
    FX_OPERATOR = "fx_operator"
    ARBITRATOR = "arbitrator"
    CLUB_OFFICER = "club_officer"
    SUPPORT_AGENT = "support_agent"
    OPERATOR = "operator"
    POLICY_ADMIN = "policy_admin"
    AUDITOR = "auditor"


class Part(StrEnum):
    """Who acts in a case without a role: the members who take part in it, and the machine."""

    APPLICANT = "applicant"
    GUARANTOR = "guarantor"
    SUBJECT = "subject"
    PROPOSER = "proposer"
    PAYER = "payer"
    PAYEE = "payee"
    EMPLOYER = "employer"
    CONTRACTOR = "contractor"
    MACHINE = "machine"


SCOPES: dict[Role, frozenset[ScopeKind]] = {
    Role.HR_OFFICER: frozenset({ScopeKind.ORGANISATION, ScopeKind.REGION}),
    Role.FINANCE_OFFICER: frozenset({ScopeKind.REGION, ScopeKind.PLATFORM}),
    Role.WELFARE_MANAGER: frozenset({ScopeKind.REGION, ScopeKind.ORGANISATION}),
    Role.MERCHANT_CLERK: frozenset({ScopeKind.MERCHANT}),
} | {
    role: frozenset({ScopeKind.PLATFORM})
    for role in Role
    if role not in {Role.HR_OFFICER, Role.FINANCE_OFFICER, Role.WELFARE_MANAGER, Role.MERCHANT_CLERK}
}

# These see every case and change nothing by it.
READS_EVERYTHING = frozenset({Role.AUDITOR, Role.OPERATOR})
SEES_LEDGER = READS_EVERYTHING | {Role.SETTLEMENT_OFFICER}
# These see whether messages went out, but not to whom, and may send one again (G4).
SEES_NOTICES = READS_EVERYTHING | {Role.SUPPORT_AGENT}
SENDS_NOTICES = SEES_NOTICES - {Role.AUDITOR}


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One role in one scope; ``scope`` is a region code or an id as text, empty for the platform."""

    role: Role
    scope_kind: ScopeKind
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in person: a member acts for themselves, staff through their grants."""

    person_id: UUID
    capacity: Literal["member", "staff"]
    session_id: UUID
    grants: tuple[Grant, ...] = ()
    strong_until: datetime | None = None

    def holds(self, role: Role, scope_kind: ScopeKind, scope: str) -> bool:
        """Whether this role is held in exactly this scope."""
        return Grant(role, scope_kind, scope) in self.grants

    def holds_any(self, roles: Collection[Role]) -> bool:
        """Whether one of the roles is held in any scope."""
        return any(grant.role in roles for grant in self.grants)

    def scopes(self, role: Role, scope_kind: ScopeKind) -> list[str]:
        """The scopes of one kind in which the role is held."""
        return [grant.scope for grant in self.grants if (grant.role, grant.scope_kind) == (role, scope_kind)]
