"""The tables as SQLAlchemy sees them. Postgres's own rules (checks, indexes, walls) stand in migrations/."""

from storage.tables.account import one_time_codes, rate_windows, role_grants, sessions, staff_credentials
from storage.tables.base import metadata
from storage.tables.ledger import account_kinds, accounts, balance_snapshots, entries, holds, journals, kind_sums
from storage.tables.onboarding import applications, certificates, credit_lines, guarantees
from storage.tables.people import contracts, employments, organisations, persons, regions
from storage.tables.personnel import personnel_changes, personnel_imports, personnel_refusals, personnel_versions
from storage.tables.process import (
    audit,
    audit_heads,
    case_people,
    cases,
    deadlines,
    facts,
    idempotency,
    notices,
    outbox,
    policies,
    tasks,
    timeline,
    transitions,
)
from storage.tables.reconciliation import reconciliation_findings, reconciliation_rounds
from storage.tables.services import services
from storage.tables.working_hours import holidays

__all__ = [
    "account_kinds",
    "accounts",
    "applications",
    "audit",
    "audit_heads",
    "balance_snapshots",
    "case_people",
    "cases",
    "certificates",
    "contracts",
    "credit_lines",
    "deadlines",
    "employments",
    "entries",
    "facts",
    "guarantees",
    "holds",
    "holidays",
    "idempotency",
    "journals",
    "kind_sums",
    "metadata",
    "notices",
    "one_time_codes",
    "organisations",
    "outbox",
    "personnel_changes",
    "personnel_imports",
    "personnel_refusals",
    "personnel_versions",
    "persons",
    "policies",
    "rate_windows",
    "reconciliation_findings",
    "reconciliation_rounds",
    "regions",
    "role_grants",
    "services",
    "sessions",
    "staff_credentials",
    "tasks",
    "timeline",
    "transitions",
]
